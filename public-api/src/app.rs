//! The service from its settings to its last log line.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use common::auth::check::TokenCheck;
use common::auth::mint::TokenSource;
use common::chains::Chains;
use common::db::jobs::JobEvents;
use common::db::{Database, DatabaseConfig, schema};
use common::report::with_causes;
use common::telemetry::page::MetricsPage;
use common::telemetry::{self, RootSpan, Sampling, TelemetryConfig};
use tokio::sync::Semaphore;
use tracing_actix_web::TracingLogger;

use crate::body::Budget;
use crate::config::Config;
use crate::cors;
use crate::dispatch::Dispatcher;
use crate::encodings;
use crate::estimates::Estimates;
use crate::explorer::Explorer;
use crate::routes;
use crate::state::State;
use crate::upkeep;

pub(crate) const SERVICE: &str = "public-api";
/// The platform kills ten seconds after it asked. Before this come two for unsent jobs, after it three
/// for telemetry.
const STOP_WITHIN_S: u64 = 2;
/// Nodes limit how often we ask, and verifying comes first.
const PROXIES_ASKED_AT_ONCE: usize = 16;

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let telemetry = telemetry::init(&TelemetryConfig::of_service(
        SERVICE,
        config.service.telemetry.clone(),
        Sampling::Ratio(config.traced_part),
    ))?;
    let page = telemetry.page().cloned();
    let listen = config.service.listen.clone();
    let check = config.upkeep.check.clone().map(TokenCheck::new);
    let check = check.transpose()?.map(Arc::new);
    let state = web::Data::new(open(config).await?);
    let upkeep = tokio::spawn(upkeep::keep_up(state.clone().into_inner()));

    let shared = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .wrap(Compress::default())
            .wrap(from_fn(encodings::gzip_or_none))
            .wrap(from_fn(cors::allow_everybody))
            .wrap(TracingLogger::<RootSpan>::new())
            .configure(|routes| MetricsPage::configure(page.as_ref(), routes))
            .configure(|routes| routes::configure(routes, check.as_ref()))
    })
    // The last piece of a long answer, and each event, would else wait for a receipt: 40 ms.
    .tcp_nodelay(true)
    .disable_signals()
    .shutdown_timeout(STOP_WITHIN_S)
    .bind((listen.host.as_str(), listen.port))
    .with_context(|| format!("cannot listen on {}:{}", listen.host, listen.port))?;
    for address in server.addrs() {
        tracing::info!(event = "listening", %address, "{SERVICE} listens on {address}");
    }
    let server = server.run();
    tokio::spawn(stop_when_asked(server.handle(), state.clone()));
    let ended = server.await.context("the server ended");
    // However it ended. A sweep that is under way ends with the places that it has.
    state.dispatcher.stop();
    state.dispatcher.hand_back().await;
    upkeep.abort();
    ended?;
    tracing::info!(event = "shutdown", "{SERVICE} ends");
    telemetry.shutdown().await;
    Ok(())
}

/// Everything that handlers use. Fails on a schema that this program does not know.
async fn open(config: Config) -> anyhow::Result<State> {
    let database = Database::new(DatabaseConfig {
        // We wait a second longer than the server: a database that hangs is a 503 within five seconds.
        statement_timeout: Duration::from_secs(4),
        ..DatabaseConfig::of_service(config.service.database, SERVICE)
    })?;
    schema::check(&database).await?;
    database.show_in_metrics();
    let tokens = TokenSource::from_environment(&config.dispatch.audience)?;
    Ok(State {
        nodes: Chains::new(&config.service.chains, config.rpc_timeout)?,
        proxy_timeout: config.proxy_timeout,
        proxy_questions: Semaphore::new(PROXIES_ASKED_AT_ONCE),
        limits: config.limits,
        bodies: Budget::of_mebibytes(config.bodies_mebibytes),
        proxies: config.proxies,
        explorer: Explorer::new(config.explorer)?,
        chains: config.service.chains,
        events: JobEvents::listen(&database)?,
        estimates: Estimates::new(database.clone()),
        streams: Arc::new(Semaphore::new(config.streams_at_once)),
        dispatcher: Dispatcher::new(config.dispatch, database.clone(), tokens)?,
        database,
        upkeep: config.upkeep,
    })
}

/// Waiting ends, and then the server.
async fn stop_when_asked(server: ServerHandle, state: web::Data<State>) {
    if let Err(error) = common::signals::asked_to_stop().await {
        tracing::error!(
            event = "no_signals",
            error = with_causes(&error),
            "cannot wait for signals; only a kill ends this process"
        );
        return;
    }
    common::signals::end_in_time();
    state.dispatcher.stop();
    server.stop(true).await;
}
