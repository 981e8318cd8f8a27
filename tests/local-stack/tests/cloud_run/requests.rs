//! What passes through, in both directions.

use std::time::Duration;

use futures::StreamExt;
use local_stack::cloud_run::FrontFault;
use serde_json::Value;

use crate::{Service, revision, until};

#[tokio::test]
async fn a_request_passes_whole_but_for_the_signature_the_platform_takes() {
    let service = Service::start(revision()).await;
    let answer = reqwest::Client::new()
        .put(format!("{}/internal_api_verify?a=b", service.run.url()))
        .header("authorization", "Bearer h.p.s")
        .header("x-serverless-authorization", "Bearer h.p.s")
        .header("traceparent", "00-1-2-01")
        .header("x-forwarded-for", "192.0.2.1")
        .body(vec![7; 3_000_000]);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-instance"], "7");
    let length: usize = answer.headers()["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body = answer.bytes().await.unwrap();
    assert_eq!(body.len(), length);
    let mut seen: Value = serde_json::from_slice(&body).unwrap();
    assert!(seen["pid"].take().is_u64());
    let wanted = serde_json::json!({
        "method": "PUT", "uri": "/internal_api_verify?a=b", "body_bytes": 3_000_000,
        "pid": null, "authorization": "Bearer h.p.s",
        "serverless": "Bearer h.p.SIGNATURE_REMOVED_BY_GOOGLE", "traceparent": "00-1-2-01",
        "forwarded_for": "192.0.2.1, 127.0.0.1", "revision": "instance-00001",
        "host": service.run.url().trim_start_matches("http://"),
    });
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn more_than_the_platform_takes_reaches_no_instance() {
    let service = Service::start(revision()).await;
    let long = vec![7; 32 * 1024 * 1024 + 1];
    let answer = reqwest::Client::new().post(service.run.url()).body(long);
    assert_eq!(answer.send().await.unwrap().status(), 413);
    assert_eq!(service.report().started, 0);
}

#[tokio::test]
async fn an_answer_passes_in_pieces_as_it_comes() {
    let service = Service::start(revision()).await;
    let url = format!(
        "{}/pieces?until={}",
        service.run.url(),
        service.file("go").display()
    );
    let mut pieces = reqwest::get(url).await.unwrap().bytes_stream();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "first ");
    assert_eq!(service.report().in_flight, 1);
    service.make("go");
    assert_eq!(pieces.next().await.unwrap().unwrap(), "last");
    assert!(pieces.next().await.is_none());
    until("the request is over", || service.report().in_flight == 0).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_its_caller_too() {
    let service = Service::start(revision()).await;
    let url = format!(
        "{}/pieces?until={}",
        service.run.url(),
        service.file("no").display()
    );
    let mut pieces = reqwest::get(url).await.unwrap().bytes_stream();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "first ");
    service.only_instance().process.kill();
    pieces.next().await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_nothing() {
    let service = Service::start(revision()).await;
    let call = service.begun("go").await;
    call.abort();
    assert!(call.await.is_err_and(|ended| ended.is_cancelled()));
    let instance = service.only_instance();
    assert_eq!(instance.in_flight, 1);
    service.make("go");
    let answered = instance
        .process
        .wait_for(Duration::from_secs(5), |line| line["event"] == "answer");
    answered.await.unwrap();
    until("the service knows", || service.report().answers == [201]).await;
}

#[tokio::test]
async fn faults_are_ordered_for_one_request_each() {
    let service = Service::start(revision()).await;
    service.run.fail_next(FrontFault::Answer {
        status: 503,
        retry_after_s: Some(3),
    });
    service
        .run
        .fail_next(FrontFault::LoseAnswer { status: 500 });
    let answer = reqwest::get(service.run.url()).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(service.at_work(), 0);
    assert_eq!(service.get().await.status, 500);
    until("the request was worked on", || service.at_work() == 1).await;
    assert_eq!(service.get().await.status, 201);
    assert_eq!(service.report().answers, [503, 500, 201]);
}
