//! The ways to verify besides standard JSON: by metadata, from an explorer, by similarity.

pub(crate) mod explorer;
mod metadata;
mod refusals;
mod similarity;

use std::time::Instant;

use local_stack::client::Accepted;
use serde_json::Value;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{CHAIN_ID, TestSystem};

impl TestSystem {
    /// What the POST answers.
    pub(crate) async fn import(&self, way: &str, address: &str, body: &Value) -> (u16, Value) {
        let base = self.stack.base_url();
        let url = format!("{base}/v2/verify/{way}/{CHAIN_ID}/{address}");
        let answer = reqwest::Client::new().post(url).json(body).send().await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    /// Submits, waits, and gives the job's document.
    pub(crate) async fn verify_by(&self, way: &str, address: &str, body: &Value) -> Value {
        let accepted = self.submit_by(way, address, body).await;
        self.end_of(&accepted).await
    }

    pub(crate) async fn submit_by(&self, way: &str, address: &str, body: &Value) -> Accepted {
        let sent_at = Instant::now();
        let (status, answer) = self.import(way, address, body).await;
        assert_eq!(status, 202, "{answer}");
        Accepted {
            id: answer["verificationId"].as_str().unwrap().to_owned(),
            took: sent_at.elapsed(),
            sent_at,
        }
    }

    pub(crate) async fn document_of(&self, address: &str, query: &str) -> Value {
        let contract = self.client.contract(CHAIN_ID, address, query);
        contract.await.unwrap()
    }
}

fn assert_match(job: &Value, creation: &str, runtime: &str) {
    assert_eq!(job["contract"]["creationMatch"], creation, "{job}");
    assert_eq!(job["contract"]["runtimeMatch"], runtime, "{job}");
}

/// A server that has one file.
async fn serve(server: &MockServer, at: &str, answer: ResponseTemplate) {
    let mock = Mock::given(method("GET")).and(path(at));
    mock.respond_with(answer).mount(server).await;
}

async fn count_of_requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
