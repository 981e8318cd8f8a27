//! A case, submitted as a user would submit it, and what came of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::case::Case;
use super::expected::Expected;
use crate::client::{Client, Submitted};

/// What [`compare`] looks at.
pub(crate) const QUERY: &str = "?fields=creationBytecode,runtimeBytecode,deployment";

/// Runs cases against one deployment, whose chain holds them.
#[derive(Debug, Clone)]
pub struct Runner {
    pub client: Client,
    pub chain_id: u64,
    /// For one case, from its submission to its end.
    pub limit: Duration,
}

/// A case and what came of it.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    pub case: &'a Case,
    pub verdict: Verdict,
    pub took: Duration,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// How it differs from what was expected, or why it could not be run.
    Failed(Vec<String>),
    /// The stack does not have the release: nothing was seen.
    Skipped(String),
}

impl Runner {
    /// A case that can't be run has failed, and the others go on.
    pub async fn run<'a>(&self, case: &'a Case) -> Outcome<'a> {
        let started = Instant::now();
        let verdict = self.verify(case).await;
        Outcome {
            case,
            verdict: verdict.unwrap_or_else(|error| Verdict::Failed(vec![format!("{error:#}")])),
            took: started.elapsed(),
        }
    }

    async fn verify(&self, case: &Case) -> Result<Verdict> {
        let address = &case.contract.address;
        let submitted = self
            .client
            .try_submit(self.chain_id, address, &case.submission);
        let error = match submitted.await? {
            Submitted::Accepted(accepted) => {
                let job = self.client.wait(&accepted, self.limit).await?.job;
                job.get("error").cloned()
            }
            // Verified by an earlier run: there is still something to compare.
            Submitted::Refused { status: 409, .. } => None,
            Submitted::Refused { status, answer } => {
                let said = format!("the submission was answered {status}: {answer}");
                return Ok(Verdict::Failed(vec![said]));
            }
        };
        let code = error.as_ref().map(|error| text(error, "customCode"));
        Ok(match (&case.expected, code) {
            (Expected::Failure(wanted), Some(code)) if wanted == code => Verdict::Passed,
            (_, Some("unsupported_compiler_version")) => {
                let release = &case.compiler_version;
                Verdict::Skipped(format!("release {release} is not available"))
            }
            (Expected::Failure(wanted), code) => {
                let found = code.unwrap_or("a match");
                Verdict::Failed(vec![format!("ended with {found}, expected {wanted}")])
            }
            (Expected::Match { .. }, None | Some("already_verified")) => {
                let found = self.client.contract(self.chain_id, address, QUERY).await;
                compare(case, &found.context("reading the verified contract")?)
            }
            (Expected::Match { .. }, Some(code)) => {
                let message = error.as_ref().map(|error| text(error, "message"));
                let message: String = message.unwrap_or_default().chars().take(160).collect();
                Verdict::Failed(vec![format!("{code}: {message}")])
            }
        })
    }
}

/// A contract's document with what was expected of it.
pub(crate) fn compare(case: &Case, found: &Value) -> Verdict {
    let Expected::Match {
        creation,
        runtime,
        deployment,
    } = &case.expected
    else {
        return Verdict::Failed(vec!["a match, and none was expected".to_owned()]);
    };
    let mut differences = creation.differences("creation", found);
    differences.extend(runtime.differences("runtime", found));
    let submitted = case.contract.creation.as_ref();
    let submitted = submitted.map(|creation| creation.hash.as_str());
    differences.extend(deployment.and_then(|expected| expected.difference(submitted, found)));
    let is_null = |side: &&str| text(found, side).is_empty();
    if ["creationMatch", "runtimeMatch"].iter().all(is_null) {
        differences.push("no match on either side".to_owned());
    }
    if differences.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Failed(differences)
    }
}

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
