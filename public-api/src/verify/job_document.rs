//! The document of a job.
//!
//! `contract` is always an object and `error` is there only for failures: forge 1.7 cannot read a
//! missing `contract`, and Hardhat's plugin fails on `error: null`. So is everything else that a state
//! does not have: absent, not null.

use common::api::contract::Matches;
use common::api::time;
use common::db::jobs::{Evidence, JobRecord, Progress, Stage};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use verification::failure::failure_message;
use verification::verdict::MatchLevels;

/// How a verification stands. What its state does not have is absent, not `null`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobDocument<'a> {
    is_job_completed: bool,
    verification_id: Uuid,
    /// Of its acceptance: UTC, in whole seconds.
    #[schema(example = "2026-07-24T11:00:00Z")]
    job_start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-07-24T11:00:04Z")]
    job_finish_time: Option<String>,
    /// Milliseconds, of a success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "1333")]
    compilation_time: Option<String>,
    /// What is being done, while the job is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    progress: Option<Stage>,
    /// How much longer it will take, as recent jobs of its size did; while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    estimated_seconds: Option<u64>,
    contract: JobContract,
    /// Of a failure, and only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<JobError<'a>>,
}

/// The contract, and what this job found of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobContract {
    chain_id: String,
    address: String,
    #[serde(flatten)]
    matches: Matches,
    /// Of the contract's match, which may be older than this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verified_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    match_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobError<'a> {
    #[schema(example = "no_match")]
    custom_code: &'a str,
    message: String,
    error_id: Uuid,
    /// What the failure is made of: the compiler's errors, the sources that are missing, or where the codes differ
    /// first and how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    error_data: Option<&'a Value>,
    #[serde(flatten)]
    evidence: JobEvidence,
}

/// Whatever was known when the job failed, until it is purged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobEvidence {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    onchain_creation_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    onchain_runtime_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    recompiled_creation_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    recompiled_runtime_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    creation_transaction_hash: Option<String>,
}

/// An ended job needs no estimate, and shows none.
pub(super) fn document(job: &JobRecord, estimated_seconds: Option<u64>) -> JobDocument<'_> {
    let mut document = JobDocument {
        is_job_completed: job.is_ended(),
        verification_id: job.id.0,
        job_start_time: time::render(job.started_at),
        job_finish_time: None,
        compilation_time: None,
        progress: None,
        estimated_seconds: None,
        contract: contract(job, MatchLevels::default()),
        error: None,
    };
    match &job.progress {
        Progress::Pending => {
            document.progress = Some(Stage::Queued);
            document.estimated_seconds = estimated_seconds;
        }
        Progress::Running { stage, .. } => {
            document.progress = Some(*stage);
            document.estimated_seconds = estimated_seconds;
        }
        Progress::Succeeded {
            finished_at,
            compilation_time_ms,
            levels,
            match_id,
            verified_at,
        } => {
            document.job_finish_time = Some(time::render(*finished_at));
            document.compilation_time = compilation_time_ms.map(|time_ms| time_ms.to_string());
            document.contract = JobContract {
                verified_at: Some(time::render(*verified_at)),
                match_id: Some(match_id.to_string()),
                ..contract(job, *levels)
            };
        }
        Progress::Failed {
            finished_at,
            error_code,
            error_id,
            error_data,
            evidence,
            ..
        } => {
            let error_data = error_data.as_ref();
            document.job_finish_time = Some(time::render(*finished_at));
            document.error = Some(JobError {
                custom_code: error_code,
                message: failure_message(error_code, error_data, job.chain_id, job.address),
                error_id: *error_id,
                error_data,
                evidence: evidence_document(evidence),
            });
        }
    }
    document
}

fn contract(job: &JobRecord, levels: MatchLevels) -> JobContract {
    JobContract {
        chain_id: job.chain_id.to_string(),
        address: job.address.to_string(),
        matches: Matches::from(levels),
        verified_at: None,
        match_id: None,
    }
}

fn evidence_document(evidence: &Evidence) -> JobEvidence {
    let hex_text = |code: &Option<Vec<u8>>| {
        let code = code.as_ref()?;
        Some(format!("0x{}", hex::encode(code)))
    };
    JobEvidence {
        onchain_creation_code: hex_text(&evidence.onchain_creation_code),
        onchain_runtime_code: hex_text(&evidence.onchain_runtime_code),
        recompiled_creation_code: hex_text(&evidence.recompiled_creation_code),
        recompiled_runtime_code: hex_text(&evidence.recompiled_runtime_code),
        creation_transaction_hash: evidence
            .creation_transaction_hash
            .map(|hash| hash.to_string()),
    }
}
