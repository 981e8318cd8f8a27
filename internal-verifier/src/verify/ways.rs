//! In which ways an input is compiled before the answer is no. Pure.
//!
//! The same release and input must give the same code, but don't always: some releases give other code
//! when more outputs are asked for, and before 0.8.21 the IR pipeline's code depended on the C++
//! compiler that solc was built with (solidity #14361, sourcify #1088).

use compiler::Engine;
use compiler::engine::InputTraits;
use verification::compiler::{Language, ReleaseNumber};
use verification::job::StdJsonRequest;
use verification::std_json::Selection;

/// From this release on, the IR pipeline gives the same code everywhere.
const SAME_CODE_FROM_IR: ReleaseNumber = ReleaseNumber(0, 8, 21);

/// How often a release whose output differs from run to run is asked again.
pub(super) const TRIES_BY_CHANCE: usize = 4;

/// Who compiles, and how much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) engine: Engine,
    pub(super) selection: Selection,
}

/// What decides which engine is used first.
pub(super) fn traits_of(request: &StdJsonRequest) -> InputTraits {
    let sources = request.std_json_input.sources();
    InputTraits {
        via_ir: request.std_json_input.via_ir(),
        source_bytes: sources.values().map(String::len).sum(),
    }
}

pub(super) fn first(request: &StdJsonRequest, engines: &[Engine]) -> Option<Way> {
    let language = request.std_json_input.language();
    Some(Way {
        engine: *engines.first()?,
        selection: Selection::first(language, &request.compiler_version),
    })
}

/// What the compiler's errors are believed after.
pub(super) fn after_errors(request: &StdJsonRequest, way: Way) -> Option<Way> {
    let selection = way
        .selection
        .after_errors(request.std_json_input.language())?;
    Some(Way { selection, ..way })
}

/// Another engine, when one fell over.
pub(super) fn after_crash(engines: &[Engine], way: Way) -> Option<Way> {
    let engine = engines
        .iter()
        .copied()
        .find(|engine| *engine != way.engine)?;
    Some(Way { engine, ..way })
}

/// What else to try when neither side matches, in this order.
pub(super) fn after_no_match(request: &StdJsonRequest, engines: &[Engine], way: Way) -> Vec<Way> {
    let mut further = Vec::new();
    if request.std_json_input.language() != Language::Solidity {
        return further;
    }
    further.push(Way {
        selection: Selection::Everything,
        ..way
    });
    let is_ambiguous =
        request.std_json_input.via_ir() && request.compiler_version.number() < SAME_CODE_FROM_IR;
    if is_ambiguous {
        further.extend(after_crash(engines, way));
    }
    further
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use verification::std_json::StdJsonInput;

    fn request(version: &str, language: &str, settings: Value) -> StdJsonRequest {
        let input = json!({
            "language": language,
            "sources": {"a.sol": {"content": "contract A {}"}},
            "settings": settings,
        });
        StdJsonRequest {
            std_json_input: StdJsonInput::parse(&input).unwrap(),
            compiler_version: version.parse().unwrap(),
            target: "a.sol:A".parse().unwrap(),
            creation_transaction_hash: None,
        }
    }

    const BOTH: [Engine; 2] = [Engine::Wasm, Engine::Native];

    fn way(engine: Engine, selection: Selection) -> Way {
        Way { engine, selection }
    }

    #[test]
    fn everything_is_asked_for_before_the_answer_is_no() {
        let request = request("0.8.19+commit.7dd6d404", "Solidity", json!({}));
        let first = first(&request, &BOTH).unwrap();
        assert_eq!(first, way(Engine::Wasm, Selection::TargetOnly));
        assert_eq!(
            after_no_match(&request, &BOTH, first),
            [way(Engine::Wasm, Selection::Everything)]
        );
    }

    #[test]
    fn old_ir_code_is_tried_with_the_other_engine() {
        let via_ir = json!({"viaIR": true});
        let old = request("0.8.19+commit.7dd6d404", "Solidity", via_ir.clone());
        let first = first(&old, &BOTH).unwrap();
        assert_eq!(
            after_no_match(&old, &BOTH, first),
            [
                way(Engine::Wasm, Selection::Everything),
                way(Engine::Native, Selection::TargetOnly)
            ]
        );
        assert_eq!(after_no_match(&old, &[Engine::Wasm], first).len(), 1);
        let new = request("0.8.21+commit.d9974bed", "Solidity", via_ir);
        assert_eq!(after_no_match(&new, &BOTH, first).len(), 1);
        assert!(traits_of(&new).via_ir);
    }

    #[test]
    fn other_languages_have_one_way() {
        for (language, version) in [("Yul", "0.8.19+commit.7dd6d404"), ("Vyper", "0.3.10")] {
            let request = request(version, language, json!({"viaIR": true}));
            let first = first(&request, &[Engine::Vyper]).unwrap();
            assert!(after_no_match(&request, &BOTH, first).is_empty());
        }
    }

    #[test]
    fn a_crash_is_not_the_last_word_while_there_is_another_engine() {
        let first = way(Engine::Wasm, Selection::TargetOnly);
        let other = way(Engine::Native, Selection::TargetOnly);
        assert_eq!(after_crash(&BOTH, first), Some(other));
        assert_eq!(after_crash(&[Engine::Wasm], first), None);
    }
}
