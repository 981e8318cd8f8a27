//! What the stand-in for Cloud Run does with requests, instances and faults.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use local_stack::front::{Front, FrontConfig, FrontFault};
use tokio::sync::Semaphore;

/// An instance that tells what it saw, and works for as long as the test wants.
struct Instance {
    address: SocketAddr,
    handle: ServerHandle,
    work: Arc<Work>,
}

struct Work {
    may_finish: Semaphore,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    finished: AtomicUsize,
}

impl Instance {
    fn start(may_finish: usize) -> Self {
        let work = Arc::new(Work {
            may_finish: Semaphore::new(may_finish),
            at_once: 0.into(),
            most_at_once: 0.into(),
            finished: 0.into(),
        });
        let shared = Arc::clone(&work);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::from(Arc::clone(&shared)))
                .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                .default_service(web::to(echo))
        });
        let server = server.workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            address,
            handle,
            work,
        }
    }
}

async fn echo(request: HttpRequest, body: web::Bytes, work: web::Data<Work>) -> HttpResponse {
    let now = work.at_once.fetch_add(1, SeqCst) + 1;
    work.most_at_once.fetch_max(now, SeqCst);
    work.may_finish.acquire().await.unwrap().forget();
    work.at_once.fetch_sub(1, SeqCst);
    work.finished.fetch_add(1, SeqCst);
    let header = |name: &str| {
        let value = request.headers().get(name).map(|value| value.to_str());
        value.map_or("-", |value| value.unwrap()).to_owned()
    };
    HttpResponse::Created()
        .insert_header(("x-instance", "7"))
        .body(format!(
            "{} {} {} {} {} {}",
            request.method(),
            request.uri(),
            header("authorization"),
            header("x-serverless-authorization"),
            header("traceparent"),
            body.len()
        ))
}

fn front(instances: &[&Instance]) -> Front {
    let addresses = instances.iter().map(|instance| instance.address);
    let mut config = FrontConfig::new(addresses.collect());
    config.pending_limit = Duration::from_millis(200);
    config.request_timeout = Duration::from_secs(5);
    Front::start(config).unwrap()
}

async fn post(front: &Front) -> u16 {
    let client = reqwest::Client::new();
    let answer = client.post(format!("{}/work", front.url())).send().await;
    answer.unwrap().status().as_u16()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_request_passes_whole_but_for_the_signature_the_platform_takes() {
    let instance = Instance::start(1);
    let front = front(&[&instance]);
    let answer = reqwest::Client::new()
        .put(format!("{}/internal_api_verify?a=b", front.url()))
        .header("authorization", "Bearer h.p.s")
        .header("x-serverless-authorization", "Bearer h.p.s")
        .header("traceparent", "00-1-2-01")
        .body(vec![7; 3_000_000]);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-instance"], "7");
    assert_eq!(
        answer.text().await.unwrap(),
        "PUT /internal_api_verify?a=b Bearer h.p.s Bearer h.p.SIGNATURE_REMOVED_BY_GOOGLE \
         00-1-2-01 3000000"
    );
}

#[tokio::test]
async fn an_instance_has_one_request_and_the_next_waits_then_is_429() {
    let (one, two) = (Instance::start(0), Instance::start(0));
    let front = Arc::new(front(&[&one, &two]));
    let started = Instant::now();
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let front = Arc::clone(&front);
            tokio::spawn(async move { post(&front).await })
        })
        .collect();
    until("the third is refused", || front.report().answers == [429]).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    for instance in [&one, &two] {
        assert_eq!(instance.work.most_at_once.load(SeqCst), 1);
        instance.work.may_finish.add_permits(1);
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [201, 201, 429]);
    assert_eq!(front.report().peak_in_flight, 3);
    assert_eq!(front.report().in_flight, 0);
}

#[tokio::test]
async fn a_waiting_request_gets_the_instance_that_becomes_free() {
    let instance = Instance::start(0);
    let mut config = FrontConfig::new(vec![instance.address]);
    config.pending_limit = Duration::from_secs(5);
    let front = Arc::new(Front::start(config).unwrap());
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let front = Arc::clone(&front);
            tokio::spawn(async move { post(&front).await })
        })
        .collect();
    until("all have arrived", || front.report().in_flight == 3).await;
    instance.work.may_finish.add_permits(3);
    for call in calls {
        assert_eq!(call.await.unwrap(), 201);
    }
    assert_eq!(instance.work.most_at_once.load(SeqCst), 1);
}

#[tokio::test]
async fn an_instance_that_is_gone_is_503_until_it_is_back() {
    let gone = Instance::start(0);
    gone.handle.stop(false).await;
    let front = front(&[&gone]);
    assert_eq!(post(&front).await, 503);
    let again = Instance::start(1);
    front.move_instance(0, again.address);
    assert_eq!(post(&front).await, 201);
}

#[tokio::test]
async fn at_the_timeout_the_instance_runs_on() {
    let instance = Instance::start(0);
    let mut config = FrontConfig::new(vec![instance.address]);
    config.request_timeout = Duration::from_millis(100);
    let front = Front::start(config).unwrap();
    assert_eq!(post(&front).await, 504);
    assert_eq!(instance.work.at_once.load(SeqCst), 1);
    instance.work.may_finish.add_permits(2);
    let finished = || instance.work.finished.load(SeqCst);
    until("the first request ends", || finished() == 1).await;
    assert_eq!(post(&front).await, 201, "the instance was free at once");
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_nothing() {
    let instance = Instance::start(0);
    let front = front(&[&instance]);
    let call = reqwest::Client::builder().timeout(Duration::from_millis(100));
    let call = call.build().unwrap().post(front.url()).send().await;
    assert!(call.unwrap_err().is_timeout());
    instance.work.may_finish.add_permits(1);
    let finished = || instance.work.finished.load(SeqCst) == 1;
    until("the work ends", finished).await;
    until("the front knows", || front.report().answers == [201]).await;
}

#[tokio::test]
async fn faults_are_ordered_for_one_request_each() {
    let instance = Instance::start(9);
    let front = front(&[&instance]);
    front.fail_next(FrontFault::Answer {
        status: 503,
        retry_after_s: Some(3),
    });
    front.fail_next(FrontFault::LoseAnswer { status: 500 });
    let answer = reqwest::get(front.url()).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(instance.work.finished.load(SeqCst), 0);
    assert_eq!(post(&front).await, 500);
    assert_eq!(instance.work.finished.load(SeqCst), 1);
    assert_eq!(post(&front).await, 201);
    assert_eq!(front.report().answers, [503, 500, 201]);
}
