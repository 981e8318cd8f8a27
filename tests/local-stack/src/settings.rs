//! What each service is told: its whole environment.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cloud_run::InvokerConfig;
use crate::config::outside;
use crate::identity::IdentityServer;
use crate::issuer;
use crate::process::ProcessSpec;
use crate::programs::Programs;
use crate::stack::{Service, StackConfig};

const VERIFIER_AUDIENCE: &str = "internal-verifier";
pub(crate) const PUBLIC_AUDIENCE: &str = "public-api";

/// From what the settings are made.
pub(crate) struct Settings<'a> {
    pub(crate) config: &'a StackConfig,
    pub(crate) programs: &'a Programs,
    pub(crate) folder: &'a Path,
    pub(crate) chains: &'a Path,
    pub(crate) identity: &'a IdentityServer,
}

impl Settings<'_> {
    /// Instances get a number behind this name.
    pub(crate) fn verifier(&self, name: &str) -> Result<ProcessSpec> {
        let cache = &self.config.cache;
        let mut spec = self.spec(
            Service::InternalVerifier,
            name,
            0,
            &[
                ("DATABASE_URL", &self.config.databases.internal_verifier),
                ("JWKS_URL", &self.identity.jwks_url()),
                ("AUDIENCE", VERIFIER_AUDIENCE),
                ("CALLER", issuer::PUBLIC_API),
                ("SOURCERUN_CACHE", &cache.to_string_lossy()),
                (
                    "COMPILER_REPOSITORY",
                    &cache.join("compilers").to_string_lossy(),
                ),
                ("COMPILER_FETCH", "true"),
            ],
        )?;
        // In front, so that a setting of the test's own holds.
        spec.environment.splice(0..0, outside());
        Ok(spec)
    }

    /// Who may call the verifier, as IAM knows it.
    pub(crate) fn invoker(&self) -> InvokerConfig {
        InvokerConfig {
            account: issuer::PUBLIC_API.to_owned(),
            audience: VERIFIER_AUDIENCE.to_owned(),
            jwks_url: self.identity.platform_jwks_url(),
        }
    }

    /// The first has the name and the port that are asked for, the others those behind them.
    pub(crate) fn public_api(&self, index: usize, verifier_url: &str) -> Result<ProcessSpec> {
        let (name, port) = match (index, self.config.port) {
            (0, port) => ("public-api".to_owned(), port),
            (_, 0) => (format!("public-api-{index}"), 0),
            (_, first) => (format!("public-api-{index}"), port_behind(first, index)?),
        };
        self.spec(
            Service::PublicApi,
            &name,
            port,
            &[
                ("DATABASE_URL", &self.config.databases.public_api),
                ("VERIFIER_URL", verifier_url),
                ("VERIFIER_AUDIENCE", VERIFIER_AUDIENCE),
                ("GCE_METADATA_HOST", &self.identity.address().to_string()),
                ("JWKS_URL", &self.identity.jwks_url()),
                ("AUDIENCE", PUBLIC_AUDIENCE),
                ("CALLER", issuer::SWEEPER),
            ],
        )
    }

    fn spec(
        &self,
        service: Service,
        name: &str,
        port: u16,
        own: &[(&str, &str)],
    ) -> Result<ProcessSpec> {
        let (host, port) = (Ipv4Addr::LOCALHOST.to_string(), port.to_string());
        let chains = self.chains.to_string_lossy();
        // However quiet the log: that a service listens, and where, is read from it.
        let log = format!(
            "public_api::app=info,internal_verifier::app=info,{}",
            self.config.log
        );
        let common = [
            ("HOST", host.as_str()),
            ("PORT", port.as_str()),
            ("CHAINS", chains.as_ref()),
            ("LOG", log.as_str()),
            ("GOOGLE_CLOUD_PROJECT", "local"),
            // No credentials of the person at this machine.
            ("HOME", "/nonexistent"),
        ];
        let extra = self.config.settings.iter();
        let extra = extra.filter(|(whose, ..)| *whose == service);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment = common
            .iter()
            .chain(own)
            .map(owned)
            .chain(extra.map(|(_, name, value)| (name.clone(), value.clone())))
            .collect();
        Ok(ProcessSpec {
            name: name.to_owned(),
            program: self.programs.find(service.program())?,
            arguments: Vec::new(),
            environment,
            log: self.folder.join(format!("{name}.log")),
        })
    }
}

fn port_behind(first: u16, index: usize) -> Result<u16> {
    let port = u16::try_from(index).ok();
    let port = port.and_then(|index| first.checked_add(index));
    port.with_context(|| format!("there are too few ports behind {first}"))
}
