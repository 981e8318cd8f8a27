//! A service of few words behind the stand-in for Cloud Run, for that one's own tests.
//!
//! It works for as long as the test wants: until a file is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context, Result, bail};
use clap::Parser;
use futures::StreamExt;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

const LOOK_AGAIN: Duration = Duration::from_millis(5);
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// An instance for tests of the stand-in for Cloud Run.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// It does not start while this file is there
    #[arg(long, env = "REFUSE_WHILE")]
    refuse_while: Option<PathBuf>,
    /// Asked to end, it does so when this file is there
    #[arg(long, env = "END_WITH")]
    end_with: Option<PathBuf>,
    /// As the platform names it
    #[arg(long, env = "K_REVISION")]
    revision: Option<String>,
}

#[actix_web::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let refused_by = arguments.refuse_while.as_ref();
    if refused_by.is_some_and(|file| file.exists()) {
        bail!("this is no time to start");
    }
    let end_with = arguments.end_with.clone();
    let shared = web::Data::new(arguments);
    let mut asked_to_end = signal(SignalKind::terminate())?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .route("/crash", web::to(crash))
            .route("/pieces", web::to(pieces))
            .default_service(web::to(tell))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0")?;
    let address = server.addrs().first().copied().context("no address")?;
    say(&json!({"event": "listening", "address": address.to_string()}))?;
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(async move {
        asked_to_end.recv().await;
        if let Some(file) = end_with {
            until_there(&file).await;
        }
        handle.stop(false).await;
    });
    Ok(server.await?)
}

fn say(line: &serde_json::Value) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// What was asked, when the file named by `until` is there.
async fn tell(
    request: HttpRequest,
    body: web::Bytes,
    arguments: web::Data<Arguments>,
) -> HttpResponse {
    let until = request.query_string().strip_prefix("until=");
    let _ = say(&json!({"event": "request", "path": request.path()}));
    if let Some(file) = until {
        until_there(Path::new(file)).await;
    }
    let _ = say(&json!({"event": "answer", "path": request.path()}));
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    HttpResponse::Created()
        .insert_header(("x-instance", "7"))
        .json(json!({
            "method": request.method().as_str(),
            "uri": request.uri().to_string(),
            "body_bytes": body.len(),
            "pid": std::process::id(),
            "authorization": header("authorization"),
            "serverless": header("x-serverless-authorization"),
            "traceparent": header("traceparent"),
            "forwarded_for": header("x-forwarded-for"),
            "host": header("host"),
            "revision": arguments.revision,
        }))
}

/// One piece at once, the other when the file is there.
async fn pieces(request: HttpRequest) -> HttpResponse {
    let until = request.query_string().strip_prefix("until=");
    let until = until.unwrap_or_default().to_owned();
    let first = futures::stream::once(async { Ok::<_, actix_web::Error>("first ".into()) });
    let last = futures::stream::once(async move {
        until_there(Path::new(&until)).await;
        Ok::<_, actix_web::Error>(web::Bytes::from_static(b"last"))
    });
    HttpResponse::Ok().streaming(first.chain(last))
}

async fn crash() -> HttpResponse {
    std::process::abort()
}

async fn until_there(file: &Path) {
    while !file.exists() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
