//! The way of one request: checked, given a place, carried to the instance, answered in pieces.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::Result;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use reqwest::Response;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::call::{Answer, Call, Piece};
use super::place::Place;
use super::report::FrontFault;
use super::scaling::Shared;

/// Pieces of an answer that wait for a slow caller.
const PIECES: usize = 16;
/// A broken connection and the end of the process that broke it are seen one after the other.
const DEATH_IS_SEEN_WITHIN: Duration = Duration::from_millis(200);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(super) async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let call = Call::of(&request, body);
    let (answer, answered) = oneshot::channel();
    let shared = shared.into_inner();
    // A task of its own: a caller that goes away is not passed on over HTTP/1.
    shared.spawn(Arc::clone(&shared).carry(call, answer));
    let answer = answered.await;
    answer
        .unwrap_or_else(|_ended| Answer::own(500, "the service ends"))
        .render()
}

/// A request in flight, from its arrival to the last byte of its answer.
struct InFlight(Arc<Shared>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.count(|report| report.left());
    }
}

/// An instance's answer whose body is still to come, and the place it takes until then.
struct Begun {
    response: Response,
    place: Place,
}

impl Shared {
    async fn carry(self: Arc<Self>, call: Call, answered: oneshot::Sender<Answer>) {
        self.count(|report| report.arrived());
        let _in_flight = InFlight(Arc::clone(&self));
        let limit = Instant::now().checked_add(self.revision.request_timeout);
        let limit = limit.unwrap_or_else(Instant::now);
        let fault = self.next_fault();
        let begun = match fault {
            Some(FrontFault::Answer {
                status,
                retry_after_s,
            }) => Err(ordered(status, retry_after_s)),
            _ => self.begin(call, limit).await,
        };
        match (begun, fault) {
            (Err(answer), None | Some(FrontFault::Answer { .. })) => self.give(answered, answer),
            (Ok(begun), None | Some(FrontFault::Answer { .. })) => {
                let (pieces, body) = mpsc::channel(PIECES);
                self.give(answered, Answer::of(&begun.response, body));
                pass(begun, pieces, limit).await;
            }
            (begun, Some(FrontFault::LoseAnswer { status })) => {
                if let Ok(begun) = begun {
                    let (pieces, body) = mpsc::channel(PIECES);
                    let read = body.for_each(async |_piece| ());
                    tokio::join!(pass(begun, pieces, limit), read);
                }
                self.give(answered, ordered(status, None));
            }
        }
    }

    /// The report holds an answer before its caller does.
    fn give(&self, answered: oneshot::Sender<Answer>, answer: Answer) {
        self.count(|report| report.answers.push(answer.status));
        // Nobody is told that a caller has gone away.
        let _ = answered.send(answer);
    }

    /// Up to the answer's first byte.
    async fn begin(self: &Arc<Self>, call: Call, limit: Instant) -> Result<Begun, Answer> {
        if let Some(invoker) = &self.invoker
            && let Err(status) = invoker.check(&call.headers).await
        {
            return Err(Answer::own(status, "The request was not authorized."));
        }
        let too_long = |_elapsed| Answer::own(504, "upstream request timeout");
        let place = timeout_at(limit, self.place()).await.map_err(too_long)??;
        match timeout_at(limit, self.forward(&place, call)).await {
            Ok(Ok(response)) => Ok(Begun { response, place }),
            Ok(Err(_broken)) => {
                until_dead(&place).await;
                Err(Answer::own(503, "Service Unavailable"))
            }
            Err(elapsed) => Err(too_long(elapsed)),
        }
    }

    async fn forward(&self, place: &Place, call: Call) -> Result<Response> {
        let url = format!("http://{}{}", place.address(), call.path);
        let method = reqwest::Method::from_bytes(call.method.as_bytes())?;
        let request = self.http.request(method, url).headers(call.passed_on());
        Ok(request.body(call.body).send().await?)
    }
}

fn ordered(status: u16, retry_after_s: Option<u32>) -> Answer {
    let answer = Answer::own(status, "ordered");
    match retry_after_s {
        Some(seconds) => answer.with(RETRY_AFTER, HeaderValue::from(seconds)),
        None => answer,
    }
}

/// Passes an answer on to its end, also when the caller is gone. An answer that breaks off or takes too
/// long ends its connection.
async fn pass(begun: Begun, mut pieces: mpsc::Sender<Piece>, limit: Instant) {
    let Begun {
        mut response,
        place,
    } = begun;
    let end = loop {
        let sent = async {
            let piece = response.chunk().await;
            match piece {
                Ok(Some(piece)) => {
                    // Without its caller it goes nowhere.
                    let _ = pieces.send(Ok(piece)).await;
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => Err(std::io::Error::other(error)),
            }
        };
        match timeout_at(limit, sent).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return,
            Ok(Err(broken)) => {
                until_dead(&place).await;
                break broken;
            }
            Err(elapsed) => break std::io::Error::other(elapsed),
        }
    };
    // Without its caller it goes nowhere.
    let _ = pieces.try_send(Err(end));
}

/// The next request must not meet an instance that has just died.
async fn until_dead(place: &Place) {
    let looking = async {
        while !place.is_dead() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    // One that lives on has broken one connection and not itself.
    let _ = tokio::time::timeout(DEATH_IS_SEEN_WITHIN, looking).await;
}
