//! The service from its settings to its last log line.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use common::auth::check::TokenCheck;
use common::config::OtlpToken;
use common::db::{Database, DatabaseConfig, schema};
use common::report::with_causes;
use common::telemetry::page::MetricsPage;
use common::telemetry::{self, RootSpan, Sampling, TelemetryConfig, flush_before_answer, metrics};
use compiler::Compilers;
use compiler::sandbox::Level;
use tokio::sync::{Semaphore, watch};
use tracing_actix_web::TracingLogger;

use crate::config::Config;
use crate::outputs::Outputs;
use crate::routes;
use crate::sources::Sources;
use crate::state::State;
use common::chains::Chains;

pub(crate) const SERVICE: &str = "internal-verifier";
// The platform kills ten seconds after it asked. These two and three for telemetry are below eight.
/// A database that hangs must not cost the rest; the lease runs out by itself.
const RELEASE_WITHIN: Duration = Duration::from_secs(3);
/// Until then open requests get their answer, which is ready.
const ANSWER_WITHIN_S: u64 = 1;

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let telemetry =
        TelemetryConfig::of_service(SERVICE, config.service.telemetry, Sampling::AsCaller);
    let telemetry = telemetry::init(&TelemetryConfig {
        metrics_by_flushes: telemetry.otlp_token == OtlpToken::Google,
        ..telemetry
    })?;
    let database = Database::new(DatabaseConfig::of_service(config.service.database, SERVICE))?;
    schema::check(&database).await?;
    database.show_in_metrics();
    let compilers = Compilers::open(config.compilers)?;
    tell_walls(compiler::sandbox::probe());
    let check = Arc::new(TokenCheck::new(config.check)?);
    let state = web::Data::new(State {
        outputs: Outputs::new(compilers, database.clone(), config.outputs_memory_bytes),
        sources: Sources::new(config.sources)?,
        database,
        chains: Chains::new(&config.service.chains, config.rpc_timeout)?,
        run: config.run,
        places: Semaphore::new(config.jobs_at_once),
        jobs_at_once: config.jobs_at_once,
        stopping: watch::Sender::new(false),
    });
    let shared = state.clone();
    let telling = telemetry.clone();
    let server = HttpServer::new(move || {
        let check = Arc::clone(&check);
        App::new()
            .app_data(shared.clone())
            .app_data(web::ThinData(telling.clone()))
            .wrap(TracingLogger::<RootSpan>::new())
            .wrap(from_fn(flush_before_answer))
            .configure(|routes| MetricsPage::configure(telling.page(), routes))
            .configure(move |config| routes::configure(config, check))
    })
    // Jobs are few and long, and their work is done elsewhere: one thread serves them all.
    .workers(1)
    .disable_signals()
    .shutdown_timeout(ANSWER_WITHIN_S)
    .bind((
        config.service.listen.host.as_str(),
        config.service.listen.port,
    ))
    .with_context(|| {
        format!(
            "cannot listen on {}:{}",
            config.service.listen.host, config.service.listen.port
        )
    })?;
    for address in server.addrs() {
        tracing::info!(event = "listening", %address, "{SERVICE} listens on {address}");
    }
    let server = server.run();
    tokio::spawn(stop_when_asked(server.handle(), state));
    server.await.context("the server ended")?;
    tracing::info!(event = "shutdown", "{SERVICE} ends");
    telemetry.shutdown().await;
    Ok(())
}

/// What holds compilers on this machine: in the log for whoever looks, as metrics for an alert.
fn tell_walls(level: Level) {
    let landlock = level.landlock.unwrap_or_default();
    for name in Level::NAMES {
        let is_it = f64::from(u8::from(name == level.name()));
        metrics::gauge("sandbox_level", is_it, &[("level", name)]);
    }
    let seccomp = level.seccomp;
    if landlock > 0 && seccomp {
        tracing::info!(
            event = "sandbox",
            landlock,
            seccomp,
            "compilers are held by {level}"
        );
    } else {
        tracing::warn!(
            event = "sandbox",
            landlock,
            seccomp,
            "compilers are held by {level} only; those that are programs of their own don't run"
        );
    }
}

/// New jobs are refused, the running one is released, and then the server ends.
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
    state.stopping.send_replace(true);
    // All places: with several jobs at once the last release counts.
    let all = u32::try_from(state.jobs_at_once).unwrap_or(u32::MAX);
    let released = tokio::time::timeout(RELEASE_WITHIN, state.places.acquire_many(all)).await;
    if released.is_err() {
        tracing::warn!(
            event = "not_released",
            "a job could not be released in time; its lease runs out"
        );
    }
    server.stop(true).await;
}
