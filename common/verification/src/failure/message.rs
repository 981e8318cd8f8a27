//! The sentence for a stored failure: its code and data, the chain and the address.

use serde_json::Value;

use crate::chain::{Address, ChainId};

/// Works for every code a row may carry, also those that were loaded from Sourcify's database.
#[must_use]
pub fn failure_message(
    code: &str,
    error_data: Option<&Value>,
    chain_id: ChainId,
    address: Address,
) -> String {
    let data = |key: &str| error_data.and_then(|data| data.get(key));
    match code {
        "cannot_fetch_bytecode" => {
            format!("Cannot fetch bytecode for chain #{chain_id} and address {address}.")
        }
        "contract_not_deployed" => {
            format!("Chain #{chain_id} does not have a contract deployed at {address}.")
        }
        "onchain_runtime_bytecode_not_available" => {
            format!("The runtime code of {address} on chain #{chain_id} was not available.")
        }
        "onchain_creation_bytecode_not_available" => {
            format!("The creation code of {address} on chain #{chain_id} was not available.")
        }
        "compiler_error" => match (data("compilerErrorMessage"), data("compilerErrors")) {
            (Some(text), _) => format!("Compiler error. {}", plain(text)),
            (None, Some(errors)) => format!("Compiler error. {errors}"),
            (None, None) => "Compiler error.".to_owned(),
        },
        "unsupported_compiler_version" => match data("compilerVersion") {
            Some(version) => format!("Compiler version {} is not available.", plain(version)),
            None => "This compiler version is not available.".to_owned(),
        },
        "compiler_not_ready" => not_ready(data("compilerVersion")),
        "missing_source" => format!(
            "One or more sources are mentioned in the metadata but are not provided or could not \
             be fetched. Missing sources: {}",
            list(data("missingSources"))
        ),
        "missing_or_invalid_source" => format!(
            "One or more sources are mentioned in the metadata but are missing or are invalid. \
             Missing sources: {}; Invalid sources: {}",
            list(data("missingSources")),
            list(data("invalidSources"))
        ),
        "invalid_compilation_target" => format!(
            "More than one compilationTarget in the metadata, or the compilationTarget is invalid. \
             compilationTarget: {}",
            list(data("compilationTargets"))
        ),
        "etherscan_vyper_version_mapping_failed" => format!(
            "The explorer's Vyper version {} is not one we know.",
            list(data("compilerVersion"))
        ),
        "etherscan_missing_contract_in_json" => format!(
            "The explorer's sources hold no contract named {}.",
            list(data("contractName"))
        ),
        "job_abandoned" => abandoned(data("attempts"), data("stage")),
        _ => fixed(code).map_or_else(
            || format!("The verification failed: {code}."),
            str::to_owned,
        ),
    }
}

/// Sentences that need nothing but the code.
fn fixed(code: &str) -> Option<&'static str> {
    Some(match code {
        "compiler_timeout" => "The compiler ran longer than allowed and was stopped.",
        "compiler_out_of_memory" => "The compiler needed more memory than allowed and was stopped.",
        "no_compiler_output" => "Compiler output is undefined.",
        "contract_not_found_in_compiler_output" => "Contract not found in compiler output.",
        "compiled_bytecode_is_zero" => {
            "The compiled contract bytecode is \"0x\". Are you trying to verify an abstract contract?"
        }
        "bytecode_length_mismatch" => {
            "The recompiled bytecode length doesn't match the onchain bytecode length."
        }
        "no_match" => "The deployed and recompiled bytecode don't match.",
        "extra_file_input_bug" => {
            "The same metadata gave different code. The original standard JSON probably held more \
             files: send it with all of them (sourcify #618)."
        }
        "no_similar_match_found" => "No similar verified contracts were found in the database.",
        "already_verified" => {
            "The contract is already verified and the job didn't yield a better match."
        }
        "etherscan_missing_vyper_settings" => "The explorer gave no settings for a Vyper contract.",
        "internal_error" => "The server encountered an unexpected error.",
        "metadata_not_set" => "The compiler gave no metadata.",
        "cannot_generate_cbor_auxdata_positions" => {
            "The places of the metadata in the code could not be found."
        }
        "invalid_compiler_version" => "The compiler version is invalid.",
        "invalid_language" => "The language is invalid.",
        "unsupported_language" => "The language is not supported.",
        _ => return None,
    })
}

fn not_ready(version: Option<&Value>) -> String {
    let version = version.map_or_else(String::new, |version| format!(" {}", plain(version)));
    format!(
        "Compiler version{version} is known, but has not been made ready on this server yet. Send the \
         contract again later."
    )
}

/// Every worker that had the job was lost; what is known is how far the last one had come.
fn abandoned(attempts: Option<&Value>, stage: Option<&Value>) -> String {
    let attempts = attempts.map_or_else(|| "several".to_owned(), |count| format!("all {count}"));
    let last = match stage.and_then(Value::as_str) {
        Some(stage) => format!(", the last one at the stage `{stage}`"),
        None => String::new(),
    };
    format!(
        "The verification was given up: {attempts} attempts broke off without a result{last}. Send it \
         again; if it is given up again, the input probably needs more memory than there is."
    )
}

/// A string without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `a, b`; one string alone is a list of itself.
fn list(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    }
}
