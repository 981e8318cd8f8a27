//! An explorer's answer: always 200, and what it means stands in texts.

use std::fmt::Display;

use common::api::problem::Reason;
use serde::Deserialize;
use serde_json::Value;
use verification::explorer::{ExplorerContract, NotAnImport};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    message: Value,
    #[serde(default)]
    result: Value,
}

/// The contract that the answer is about, if a compiler's input can be made of it.
pub(super) fn read(body: &[u8]) -> Result<ExplorerContract, Reason> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let found = match answer.result {
        Value::Array(found) => found.into_iter().next(),
        Value::String(words) => return Err(refused(&words)),
        _ => None,
    };
    let Some(found) = found else {
        return Err(match answer.message {
            Value::String(words) => refused(&words),
            _ => unreadable(&"it holds no result"),
        });
    };
    let contract: ExplorerContract =
        serde_json::from_value(found).map_err(|error| unreadable(&error))?;
    if !contract.is_verified() {
        return Err(Reason::NotVerifiedThere);
    }
    match contract.import() {
        Err(malformed @ NotAnImport::Malformed(_)) => {
            Err(Reason::MalformedImport(malformed.to_string()))
        }
        // What it lacks is the job's to say.
        Ok(_) | Err(NotAnImport::Failed(_)) => Ok(contract),
    }
}

fn unreadable(what: &dyn Display) -> Reason {
    Reason::MalformedImport(format!("The explorer's answer cannot be read: {what}"))
}

fn refused(words: &str) -> Reason {
    let lower = words.to_lowercase();
    if lower.contains("rate limit") {
        Reason::ImportLimit
    } else if lower.contains("source code not verified") {
        Reason::NotVerifiedThere
    } else {
        Reason::ImportFailed(words.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(result: Value) -> Result<ExplorerContract, Reason> {
        let document = json!({"status": "1", "message": "OK", "result": result});
        read(document.to_string().as_bytes())
    }

    fn contract(source_code: &str) -> Value {
        json!({"SourceCode": source_code, "ContractName": "C", "CompilerVersion": "v0.8.28+commit.7893614a"})
    }

    #[test]
    fn an_answer_is_a_contract_or_says_why_not() {
        let found = answer(json!([contract("contract C {}")])).unwrap();
        assert_eq!(found.contract_name, "C");
        let lacking = json!([contract("{\"a.sol\": {\"content\": \"contract D {}\"}}")]);
        assert!(answer(lacking).is_ok(), "the job says what is lacking");
        let failed = |words: &str| Reason::ImportFailed(words.to_owned());
        for (result, reason) in [
            (json!([contract("")]), Reason::NotVerifiedThere),
            (
                json!("Contract source code not verified"),
                Reason::NotVerifiedThere,
            ),
            (
                json!("Max calls per sec rate limit reached (5/sec)"),
                Reason::ImportLimit,
            ),
            (
                json!("Invalid API Key (#err2)"),
                failed("Invalid API Key (#err2)"),
            ),
            (json!([]), failed("OK")),
        ] {
            assert_eq!(answer(result), Err(reason));
        }
        for body in [
            "<html>",
            "[]",
            "{}",
            r#"{"result": [7]}"#,
            r#"{"result": [{"SourceCode": "{{", "CompilerVersion": "v0.8.28"}]}"#,
        ] {
            let reason = read(body.as_bytes()).unwrap_err();
            assert!(matches!(reason, Reason::MalformedImport(_)), "{reason:?}");
        }
    }
}
