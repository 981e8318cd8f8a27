//! Contracts made by factories: their creation code stands only in the transaction's traces.
//!
//! Two calls exist, and an endpoint offers one, the other or none; the chains file says which. An
//! empty answer is no answer: some nodes give it for a tracer they do not know.

use crate::config::chains::TraceSupport;
use serde::Deserialize;
use serde_json::{Value, json};
use verification::chain::{Address, TransactionHash};

use super::ChainFault;
use super::creation::lower_address;
use super::json_rpc::{ChainClient, Reading, bytes};

/// The init code with which the transaction made the contract. Nothing if no trace shows it.
pub(super) async fn creation_code(
    client: &ChainClient,
    address: Address,
    hash: TransactionHash,
) -> Result<Option<Vec<u8>>, ChainFault> {
    let mut fault = None;
    for support in client.trace_supports() {
        let params = match support {
            TraceSupport::TraceTransaction => json!([hash.to_string()]),
            TraceSupport::DebugTraceTransaction => {
                json!([hash.to_string(), {"tracer": "callTracer"}])
            }
        };
        let suits = |rpc: &crate::config::chains::Rpc| rpc.traces == Some(support);
        let read = |answer: Value| {
            let found = match support {
                TraceSupport::TraceTransaction => in_flat_traces(answer, address),
                TraceSupport::DebugTraceTransaction => in_call_tree(answer, address),
            };
            // Another endpoint may know the transaction better.
            found.map_or(Reading::Nothing, Reading::Found)
        };
        match client.call(support.method(), params, suits, read).await {
            Ok(Some(code)) => return Ok(Some(code)),
            Ok(None) => {}
            Err(error) => fault = Some(error),
        }
    }
    // Somebody who should know could not be asked: not the same as "no such creation".
    fault.map_or(Ok(None), Err)
}

#[derive(Deserialize)]
struct FlatTrace {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    action: FlatAction,
    result: Option<FlatResult>,
    error: Option<Value>,
    /// From the transaction down: its second call's first is `[1, 0]`.
    #[serde(rename = "traceAddress")]
    place: Option<Vec<u64>>,
}

impl FlatTrace {
    fn has_failed(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_null())
    }

    /// It is this frame, or was called from it. A frame that doesn't say where it stands may be anywhere.
    fn is_within(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Some(own), Some(other)) => own.starts_with(other),
            _ => true,
        }
    }
}

#[derive(Deserialize, Default)]
struct FlatAction {
    init: Option<String>,
}

#[derive(Deserialize)]
struct FlatResult {
    address: Option<String>,
}

/// `trace_transaction`: a list in which each creation is an entry of its own. What a failed frame called
/// has no error of its own, and was undone with it; so all entries must be readable, or none is believed.
fn in_flat_traces(answer: Value, address: Address) -> Option<Vec<u8>> {
    let traces: Vec<FlatTrace> = serde_json::from_value(answer).ok()?;
    let failed: Vec<&FlatTrace> = traces.iter().filter(|trace| trace.has_failed()).collect();
    let made_it = |trace: &&FlatTrace| {
        let made = trace
            .result
            .as_ref()
            .and_then(|result| result.address.as_deref());
        trace.kind == "create" && made.and_then(lower_address) == Some(address)
    };
    let lasted = |trace: &&FlatTrace| !failed.iter().any(|frame| trace.is_within(frame));
    let creation = traces.iter().filter(made_it).find(lasted)?;
    bytes(creation.action.init.as_deref()?)
}

/// `debug_traceTransaction` with `callTracer`: a tree. Every frame is looked at, below creations too:
/// constructors make contracts as well. Failed frames made nothing, and neither did what they called.
fn in_call_tree(answer: Value, address: Address) -> Option<Vec<u8>> {
    let mut open = vec![answer];
    while let Some(mut frame) = open.pop() {
        if frame.get("error").is_some_and(|error| !error.is_null()) {
            continue;
        }
        let text = |key: &str| frame.get(key).and_then(Value::as_str);
        let is_creation = matches!(text("type"), Some("CREATE" | "CREATE2"));
        if is_creation && text("to").and_then(lower_address) == Some(address) {
            return text("input").and_then(bytes);
        }
        if let Some(Value::Array(calls)) = frame.get_mut("calls").map(Value::take) {
            open.extend(calls);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Address {
        let mut bytes = [0; 20];
        bytes[19] = last;
        Address::from(bytes)
    }

    #[test]
    fn a_creation_inside_a_constructor_is_found() {
        let tree = json!({"type": "CALL", "to": address(1).to_lower_hex(), "calls": [
            {"type": "CREATE", "to": address(2).to_lower_hex(), "input": "0xaa", "calls": [
                {"type": "CREATE2", "to": address(3).to_string(), "input": "0xbb"}]}]});
        assert_eq!(in_call_tree(tree.clone(), address(3)), Some(vec![0xbb]));
        assert_eq!(in_call_tree(tree.clone(), address(2)), Some(vec![0xaa]));
        assert_eq!(in_call_tree(tree, address(1)), None, "a call makes nothing");
    }

    #[test]
    fn failed_frames_made_nothing() {
        let tree = json!({"type": "CALL", "calls": [
            {"type": "CREATE", "to": address(2).to_lower_hex(), "input": "0xaa", "error": "execution reverted",
             "calls": [{"type": "CREATE", "to": address(3).to_lower_hex(), "input": "0xcc"}]}]});
        assert_eq!(in_call_tree(tree.clone(), address(2)), None);
        assert_eq!(in_call_tree(tree, address(3)), None);
        let flat = json!([{"type": "create", "action": {"init": "0xaa"}, "error": "Reverted",
                           "result": {"address": address(2).to_lower_hex()}}]);
        assert_eq!(in_flat_traces(flat, address(2)), None);
    }

    #[test]
    fn what_a_failed_frame_made_in_flat_traces_was_undone_with_it() {
        let creation = |init: &str, place: &[u64]| {
            json!({"type": "create", "action": {"init": init}, "traceAddress": place,
                   "result": {"address": address(2).to_lower_hex()}})
        };
        let call = |place: &[u64], error: Value| json!({"type": "call", "traceAddress": place, "error": error});
        let undone = json!([
            call(&[], Value::Null),
            call(&[0], json!("Reverted")),
            creation("0xaa", &[0, 0]),
            call(&[1], Value::Null),
            creation("0xbb", &[1, 0]),
        ]);
        assert_eq!(in_flat_traces(undone, address(2)), Some(vec![0xbb]));
        let all_undone = json!([call(&[], json!("Reverted")), creation("0xaa", &[0])]);
        assert_eq!(in_flat_traces(all_undone, address(2)), None);
        let beside = json!([
            call(&[], Value::Null),
            call(&[0], json!("Reverted")),
            creation("0xaa", &[1])
        ]);
        assert_eq!(in_flat_traces(beside, address(2)), Some(vec![0xaa]));
    }

    #[test]
    fn flat_traces_name_each_creation() {
        let flat = json!([
            {"type": "call", "action": {"input": "0x00"}, "result": {"gasUsed": "0x0"}},
            {"type": "create", "action": {"init": "0xdd"}, "result": {"address": address(7).to_lower_hex()}}]);
        assert_eq!(in_flat_traces(flat, address(7)), Some(vec![0xdd]));
    }

    #[test]
    fn nonsense_gives_nothing() {
        for answer in [
            json!(1),
            json!("x"),
            json!({"calls": 5}),
            json!([null, {"type": "create"}]),
        ] {
            assert_eq!(in_call_tree(answer.clone(), address(1)), None);
            assert_eq!(in_flat_traces(answer, address(1)), None);
        }
    }
}
