use serde_json::{Value, json};

use super::*;
use crate::compiler::CompilerVersion;

fn input() -> Value {
    json!({
        "language": "Solidity",
        "sources": {
            "a.sol": {"content": "contract A {}\r\n", "urls": ["file:///etc/passwd"], "keccak256": "0x"},
            "b.sol": {"content": "é \u{0007} \u{10ffff}"},
        },
        "settings": {
            "optimizer": {"enabled": true, "runs": 200},
            "outputSelection": {"*": {"*": ["ir"]}},
            "modelChecker": {"engine": "all"},
            "stopAfter": "parsing",
            "debug": {"revertStrings": "strip"},
            "unknown": 1,
        },
        "auxiliaryInput": {"smtlib2responses": {}},
    })
}

fn version(text: &str) -> CompilerVersion {
    text.parse().unwrap()
}

#[test]
fn the_first_broken_rule_is_the_answer() {
    let with = |key: &str, value: Value| {
        let mut input = input();
        input[key] = value;
        input
    };
    let content = |content: Value| with("sources", json!({"a.sol": {"content": content}}));
    let no_content = "Standard JSON input must contain a content field for each source.";
    let nul = "request/body must not contain the character U+0000";
    for (input, message) in [
        (
            json!(null),
            "Standard JSON input must contain a language field.",
        ),
        (
            with("language", json!(null)),
            "Standard JSON input must contain a language field.",
        ),
        (
            with("language", json!("")),
            "Standard JSON input must contain a language field.",
        ),
        (
            with("language", json!("SolidityAST")),
            "Language SolidityAST is not supported.",
        ),
        (with("language", json!(5)), "Language 5 is not supported."),
        (
            with("sources", json!(null)),
            "Standard JSON input must contain a sources field.",
        ),
        (
            with("sources", json!([])),
            "Standard JSON input must contain a sources field.",
        ),
        (
            with("sources", json!({"a.sol": {"urls": ["x"]}})),
            no_content,
        ),
        (
            with("sources", json!({"a.sol": "contract A {}"})),
            no_content,
        ),
        (content(json!("")), no_content),
        (content(json!(null)), no_content),
        (
            with("settings", json!(null)),
            "Standard JSON input must contain a settings field.",
        ),
        (
            with("settings", json!([])),
            "Standard JSON input must contain a settings field.",
        ),
        (content(json!("a\0b")), nul),
        (with("settings", json!({"deep": [{"a\0b": 1}]})), nul),
    ] {
        let refused = StdJsonInput::parse(&input).unwrap_err();
        assert_eq!(refused.to_string(), message, "{input}");
    }
}

#[test]
fn an_input_waits_in_a_row_and_is_the_same_after() {
    let parsed = StdJsonInput::parse(&input()).unwrap();
    let stored = serde_json::to_value(&parsed).unwrap();
    assert_eq!(
        serde_json::from_value::<StdJsonInput>(stored.clone()).unwrap(),
        parsed
    );
    assert_eq!(StdJsonInput::parse(&stored).unwrap(), parsed);
    assert_eq!(parsed.sources()["a.sol"], "contract A {}\r\n");
    assert_eq!(
        stored["sources"]["a.sol"],
        json!({"content": "contract A {}\r\n"})
    );
    assert!(stored["settings"].get("outputSelection").is_none());
    assert_eq!(parsed.to_stored_settings()["stopAfter"], "parsing");

    // Made from metadata, contents may be empty.
    let empty = [("a.sol".to_owned(), String::new())].into();
    let made = StdJsonInput::new(Language::Solidity, empty, Map::new());
    let stored = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<StdJsonInput>(&stored).unwrap(), made);
}

#[test]
fn the_compiler_sees_contents_and_settings_and_nothing_else() {
    let target = "a.sol:A".parse().unwrap();
    let text = StdJsonInput::parse(&input())
        .unwrap()
        .compiler_input(&target, Selection::TargetAndEmptyWildcard);
    let mut given: Value = serde_json::from_str(&text).unwrap();
    let selection = given["settings"]["outputSelection"].take();
    assert_eq!(selection["*"], json!({"*": []}));
    assert!(
        selection["a.sol"]["A"]
            .as_array()
            .unwrap()
            .contains(&json!("evm.legacyAssembly"))
    );
    let wanted = json!({
        "language": "Solidity",
        "sources": {
            "a.sol": {"content": "contract A {}\r\n"},
            "b.sol": {"content": "é \u{0007} \u{10ffff}"},
        },
        "settings": {
            "optimizer": {"enabled": true, "runs": 200},
            "debug": {"revertStrings": "strip"},
            "unknown": 1,
            "outputSelection": null,
        },
    });
    assert_eq!(given, wanted);
}

#[test]
fn an_edited_input_differs_by_one_space_per_source() {
    let parsed = StdJsonInput::parse(&input()).unwrap();
    let edited = parsed.edited_for_auxdata();
    assert_eq!(edited.sources()["a.sol"], "contract A {}\r\n ");
    assert_eq!(edited.settings(), parsed.settings());
}

#[test]
fn the_wildcard_comes_first_where_it_costs_nothing() {
    let solidity = |text| Selection::first(Language::Solidity, &version(text));
    assert_eq!(solidity("0.8.28"), Selection::TargetAndEmptyWildcard);
    assert_eq!(solidity("0.8.27"), Selection::TargetOnly);
    let next = Selection::TargetOnly.after_errors(Language::Solidity);
    assert_eq!(next, Some(Selection::TargetAndEmptyWildcard));
    assert_eq!(
        Selection::TargetAndEmptyWildcard.after_errors(Language::Solidity),
        None
    );
    assert_eq!(Selection::Everything.after_errors(Language::Solidity), None);
}

#[test]
fn vyper_keeps_its_interfaces_and_is_asked_for_what_it_knows() {
    let parsed = StdJsonInput::parse(&json!({
        "language": "Vyper",
        "sources": {"c.vy": {"content": "# empty"}},
        "interfaces": {"I.vy": {"content": "# too", "keccak256": "0x"}},
        "storage_layout_overrides": {"c.vy": {}},
        "integrity": "00",
        "settings": {"search_paths": ["."]},
    }))
    .unwrap();
    let target = "c.vy:c".parse().unwrap();
    let given = |selection: Selection| -> Value {
        let text = parsed.compiler_input(&target, selection);
        serde_json::from_str(&text).unwrap()
    };
    let old = version("0.1.0b16");
    let first = Selection::first(Language::Vyper, &old);
    assert_eq!(first, Selection::CodeOnly);
    let outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];
    let wanted = json!({
        "language": "Vyper",
        "sources": {"c.vy": {"content": "# empty"}},
        "interfaces": {"I.vy": {"content": "# too"}},
        "storage_layout_overrides": {"c.vy": {}},
        "settings": {"search_paths": ["."], "outputSelection": {"c.vy": {"*": outputs}}},
    });
    assert_eq!(given(first), wanted);
    let kept = json!({"storage_layout_overrides": {"c.vy": {}}});
    assert_eq!(parsed.to_stored_additional_input(), Some(kept));

    let later = version("0.3.7");
    let first = Selection::first(Language::Vyper, &later);
    assert_eq!(first, Selection::TargetOnly);
    assert_eq!(
        first.after_errors(Language::Vyper),
        Some(Selection::CodeOnly)
    );
    let outputs = &given(first)["settings"]["outputSelection"]["c.vy"]["*"];
    assert!(outputs.as_array().unwrap().contains(&json!("devdoc")));
}

fn vyper(interfaces: &Value) -> Result<StdJsonInput, NotAStdJsonInput> {
    StdJsonInput::parse(&json!({
        "language": "Vyper",
        "sources": {"c.vy": {"content": "# empty"}},
        "interfaces": interfaces,
        "settings": {},
    }))
}

/// What the compiler reads of them.
fn interfaces_given(input: &StdJsonInput) -> Value {
    let target = "c.vy:c".parse().unwrap();
    let text = input.compiler_input(&target, Selection::TargetOnly);
    serde_json::from_str::<Value>(&text).unwrap()["interfaces"].take()
}

#[test]
fn every_interface_that_reaches_the_compiler_is_kept() {
    let abis = json!({
        "A.json": {"abi": [{"type": "function"}], "contractName": "A"},
        "B.json": [{"type": "event"}],
        "C.json": {"contractTypes": {"D": {"abi": []}}},
    });
    let mut interfaces = abis.clone();
    interfaces["c.vy"] = json!({"content": "# empty"});
    interfaces["lib/code.vy"] = json!({"content": "# code"});
    let parsed = vyper(&interfaces).unwrap();
    assert_eq!(interfaces_given(&parsed), interfaces);
    let kept = [("c.vy", "# empty"), ("lib/code.vy", "# code")];
    let kept = kept.map(|(path, content)| (path.to_owned(), content.to_owned()));
    assert_eq!(parsed.stored_sources(), kept.into());
    let additional = json!({"interfaces": abis});
    assert_eq!(parsed.to_stored_additional_input(), Some(additional));
    assert_eq!(parsed.sources().len(), 1);

    let waiting = serde_json::to_value(&parsed).unwrap();
    assert_eq!(StdJsonInput::parse(&waiting).unwrap(), parsed);
    assert_eq!(
        serde_json::from_value::<StdJsonInput>(waiting).unwrap(),
        parsed
    );
}

#[test]
fn no_interfaces_are_none() {
    for interfaces in [json!(null), json!({})] {
        let parsed = vyper(&interfaces).unwrap();
        assert_eq!(interfaces_given(&parsed), json!(null));
        assert_eq!(parsed.stored_sources(), *parsed.sources());
        assert_eq!(parsed.to_stored_additional_input(), None);
    }
}

#[test]
fn an_interface_that_could_not_be_kept_is_refused() {
    let neither =
        "Interface I.vy must contain either a content field, a text, or an abi field, a list.";
    let long_path = "a".repeat(1025);
    let many: Map<String, Value> = (0..5000)
        .map(|n| (format!("{n}.vy"), json!({"content": ""})))
        .collect();
    for (interfaces, message) in [
        (
            json!([]),
            "The interfaces of standard JSON input must be an object.",
        ),
        (
            json!({"c.vy": {"content": "# other"}}),
            "Interface c.vy must not differ from the source of the same path.",
        ),
        (json!({"I.vy": "# text"}), neither),
        (json!({"I.vy": {"content": ["# text"]}}), neither),
        (json!({"I.vy": {"urls": ["a"]}}), neither),
        (json!({"I.vy": {"content": "# text", "abi": []}}), neither),
        (json!({"I.vy": {"content": 1, "abi": []}}), neither),
        (json!({"I.vy": {"abi": "[]"}}), neither),
        (json!({"I.vy": {"abi": [], "contractTypes": []}}), neither),
        (
            json!({long_path: {"content": ""}}),
            "The path of a source must not be longer than 1024 bytes.",
        ),
        (
            json!(many),
            "Standard JSON input must not contain more than 5000 sources.",
        ),
    ] {
        let refused = vyper(&interfaces).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
}

/// An object with others within, and a list at the end.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!([]), |inner, _| json!({"a": inner}))
}

#[test]
fn an_input_may_be_sixty_four_levels_deep_and_not_more() {
    let mut input = input();
    input["settings"] = nested(63);
    assert!(StdJsonInput::parse(&input).is_ok());
    input["settings"] = nested(64);
    assert_eq!(
        StdJsonInput::parse(&input).unwrap_err().to_string(),
        "Standard JSON input must not be nested deeper than 64 levels."
    );
}

#[test]
fn what_a_release_refuses_is_its_own_answer() {
    let mut input = input();
    let settings = json!({"optimizer": {"details": {"inliner": true}}});
    input["settings"] = settings.clone();
    let parsed = StdJsonInput::parse(&input).unwrap();
    let target = "a.sol:A".parse().unwrap();
    let text = parsed.compiler_input(&target, Selection::TargetOnly);
    let given: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(given["settings"]["optimizer"], settings["optimizer"]);
}

#[test]
fn the_optimizer_is_enabled_where_metadata_goes_into_its_details() {
    for (optimizer, enabled) in [
        (json!({"enabled": true}), true),
        (json!({"enabled": false, "details": {"cse": true}}), false),
        (json!({"details": {"cse": true}, "runs": 200}), true),
        (json!({"runs": 200}), false),
        (json!(null), false),
    ] {
        let mut input = input();
        input["settings"] = json!({"optimizer": &optimizer});
        let parsed = StdJsonInput::parse(&input).unwrap();
        assert_eq!(parsed.optimizer_enabled(), enabled, "{optimizer}");
    }
}
