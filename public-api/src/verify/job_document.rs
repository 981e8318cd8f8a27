//! The document of a job.
//!
//! `contract` is always an object and `error` is there only for failures: forge 1.7 cannot read a
//! missing `contract`, and Hardhat's plugin fails on `error: null`.

use common::api::time;
use common::db::jobs::{Evidence, JobRecord, Progress};
use serde_json::{Map, Value, json};
use verification::failure::failure_message;
use verification::verdict::MatchLevels;

pub(super) fn document(job: &JobRecord) -> Value {
    let mut document = Map::new();
    document.insert("isJobCompleted".to_owned(), job.is_ended().into());
    document.insert("verificationId".to_owned(), job.id.to_string().into());
    document.insert(
        "jobStartTime".to_owned(),
        time::render(job.started_at).into(),
    );
    let mut contract = contract_without_match(job);
    match &job.progress {
        Progress::Pending | Progress::Running { .. } => {}
        Progress::Succeeded {
            finished_at,
            compilation_time_ms,
            levels,
            match_id,
            verified_at,
        } => {
            document.insert(
                "jobFinishTime".to_owned(),
                time::render(*finished_at).into(),
            );
            if let Some(milliseconds) = compilation_time_ms {
                document.insert(
                    "compilationTime".to_owned(),
                    milliseconds.to_string().into(),
                );
            }
            contract.extend(matches(*levels));
            contract.insert("verifiedAt".to_owned(), time::render(*verified_at).into());
            contract.insert("matchId".to_owned(), match_id.to_string().into());
        }
        Progress::Failed {
            finished_at,
            error_code,
            error_id,
            error_data,
            evidence,
            ..
        } => {
            document.insert(
                "jobFinishTime".to_owned(),
                time::render(*finished_at).into(),
            );
            let mut error = evidence_members(evidence);
            let data = error_data.as_ref();
            let message = failure_message(error_code, data, job.chain_id, job.address);
            error.insert("customCode".to_owned(), error_code.as_str().into());
            error.insert("message".to_owned(), message.into());
            error.insert("errorId".to_owned(), error_id.to_string().into());
            error.extend(data.map(|data| ("errorData".to_owned(), data.clone())));
            document.insert("error".to_owned(), error.into());
        }
    }
    document.insert("contract".to_owned(), contract.into());
    document.into()
}

fn contract_without_match(job: &JobRecord) -> Map<String, Value> {
    let mut contract = Map::from_iter([
        ("chainId".to_owned(), job.chain_id.to_string().into()),
        ("address".to_owned(), job.address.to_string().into()),
    ]);
    contract.extend(matches(MatchLevels::default()));
    contract
}

fn matches(levels: MatchLevels) -> Map<String, Value> {
    let name = |level: Option<verification::verdict::MatchStatus>| {
        level.map_or(Value::Null, |level| level.name().into())
    };
    Map::from_iter([
        ("match".to_owned(), name(levels.best())),
        ("creationMatch".to_owned(), name(levels.creation)),
        ("runtimeMatch".to_owned(), name(levels.runtime)),
    ])
}

/// Whatever was known when the job failed, until it is purged.
fn evidence_members(evidence: &Evidence) -> Map<String, Value> {
    let codes = [
        ("onchainCreationCode", &evidence.onchain_creation_code),
        ("onchainRuntimeCode", &evidence.onchain_runtime_code),
        ("recompiledCreationCode", &evidence.recompiled_creation_code),
        ("recompiledRuntimeCode", &evidence.recompiled_runtime_code),
    ];
    let mut members: Map<String, Value> = codes
        .into_iter()
        .filter_map(|(name, code)| {
            let code = code.as_ref()?;
            Some((name.to_owned(), format!("0x{}", hex::encode(code)).into()))
        })
        .collect();
    if let Some(hash) = evidence.creation_transaction_hash {
        members.insert(
            "creationTransactionHash".to_owned(),
            json!(hash.to_string()),
        );
    }
    members
}
