//! A small HTTP server on this machine that stands in for somebody else's.

use std::net::{Ipv4Addr, SocketAddr};

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use anyhow::{Context, Result};

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Serves on a free port, inside the running tokio runtime.
    ///
    /// # Errors
    /// When no port is free.
    pub(crate) fn start(
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), configure)
    }

    /// Serves there, inside the running tokio runtime; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub(crate) fn start_at(
        address: SocketAddr,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<Self> {
        let server = HttpServer::new(move || App::new().configure(&configure));
        // Small pieces would else wait for a receipt: 40 ms.
        let server = server.workers(1).tcp_nodelay(true).disable_signals();
        let server = server.bind(address);
        let server = server.with_context(|| format!("serving on {address}"))?;
        let address = server.addrs().first().copied().context("no address")?;
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { address, handle })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The order is given at once; nobody needs to see it carried out.
        drop(self.handle.stop(false));
    }
}
