//! Whatever a client sends, a database holds or a compiler writes into metadata, reading it is a
//! value: nothing panics.

#![expect(clippy::unwrap_used, reason = "a test stops at what it doesn't expect")]

use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use verification::auxdata::AuxdataPositions;
use verification::compilation_target::CompilationTarget;
use verification::compiled_contract::CompiledContract;
use verification::compiler::{CompilerVersion, Language};
use verification::compiler_output::read_compiler_output;
use verification::failure::failure_message;
use verification::signatures::signatures_of;
use verification::std_json::{Selection, StdJsonInput, holds_nul};
use verification::transformation::{
    Transformation, TransformationValues, transformations_from_json, transformations_to_json,
};
use verification::variation::{find_perfect_variation, plan_second_search};

/// Keys and texts that some reader looks for.
const WORDS: [&str; 36] = [
    "language",
    "Solidity",
    "Vyper",
    "sources",
    "content",
    "settings",
    "optimizer",
    "details",
    "inliner",
    "outputSelection",
    "interfaces",
    "a.sol",
    "C",
    "contracts",
    "errors",
    "severity",
    "error",
    "evm",
    "bytecode",
    "deployedBytecode",
    "object",
    "legacyAssembly",
    ".auxdata",
    ".data",
    "0",
    "metadata",
    "abi",
    "type",
    "reason",
    "offset",
    "id",
    "length",
    "value",
    "replace",
    "cborAuxdata",
    "0x00",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => Just("\0".to_owned()),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => word().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => (0_u64..100).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => prop::collection::btree_map(word(), inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// The shape of a transformation, each member of it likely and unlikely.
fn transformation() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["replace", "insert", "delete", "x"]);
    let reason = prop::sample::select(vec![
        "callProtection",
        "immutable",
        "library",
        "cborAuxdata",
        "constructorArguments",
        "x",
    ]);
    let number = || {
        prop_oneof![
            6 => (0_u64..3).prop_map(Value::from),
            1 => any::<u64>().prop_map(Value::from),
            1 => document(),
        ]
    };
    let id = prop_oneof![4 => word().prop_map(Value::from), 1 => document()];
    let members = (
        kind,
        reason,
        number(),
        prop::option::of(id),
        prop::option::of(number()),
    );
    members.prop_map(|(kind, reason, offset, id, length)| {
        let mut element = json!({"type": kind, "reason": reason, "offset": offset});
        for (key, member) in [("id", id), ("length", length)] {
            if let Some(member) = member {
                element[key] = member;
            }
        }
        element
    })
}

fn values() -> impl Strategy<Value = Value> {
    let hex = prop_oneof![
        6 => "0x[0-9a-fA-F]{40}",
        3 => "0x[0-9a-f]{0,6}",
        1 => "\\PC{0,6}",
    ];
    let map = prop::collection::btree_map(word(), hex.clone(), 0..3);
    (map, hex, document()).prop_map(|(map, hex, other)| {
        json!({"libraries": map, "immutables": map, "callProtection": hex, "cborAuxdata": other})
    })
}

/// Endings of lines and files, and characters that are escaped.
fn content() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "\n", "\r\n", "\r", " ", "\\", "\"", "é", "😀", "\u{7f}", "\u{feff}", "n",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn sources() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(
        prop::sample::select(vec!["a.sol", "é", ""]),
        content(),
        0..3,
    )
    .prop_map(|sources| {
        sources
            .into_iter()
            .map(|(path, content)| (path.to_owned(), content))
            .collect()
    })
}

fn described(content: &str, choice: u8, noise: &str) -> Value {
    let keccak = format!("0x{}", hex::encode(keccak256(content)));
    match choice % 8 {
        0 | 1 => json!({"keccak256": keccak}),
        2 | 3 => json!({"keccak256": keccak, "content": content, "license": noise}),
        4 => json!({"keccak256": keccak, "urls": [""]}),
        5 => json!({"keccak256": keccak, "urls": [noise, format!("dweb:/ipfs/{noise}")]}),
        6 => json!({"content": noise}),
        _ => json!({"urls": noise, "keccak256": 5}),
    }
}

/// Escapes as solc has them, sometimes broken at some place.
fn written(metadata: &Value, breaks: Option<(usize, String)>) -> String {
    let mut text = String::new();
    for character in metadata.to_string().chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    if let Some((at, noise)) = breaks {
        let at = at % (text.len() + 1);
        text.insert_str(at, &noise);
    }
    text
}

/// Code that ends with a hash.
fn ending_with(kind: &str, hash: &[u8]) -> Vec<u8> {
    let mut map = Vec::new();
    let entry = (kind.into(), ciborium::Value::Bytes(hash.to_vec()));
    ciborium::into_writer(&ciborium::Value::Map(vec![entry]), &mut map).unwrap();
    let length = u16::try_from(map.len()).unwrap().to_be_bytes();
    [vec![0x60, 0x00, 0xfe], map, length.to_vec()].concat()
}

fn code() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec!["ipfs", "ipfs", "bzzr1", "bzzr0", "solc"]);
    let hash = prop::collection::vec(any::<u8>(), 0..36);
    (kind, hash).prop_map(|(kind, hash)| ending_with(kind, &hash))
}

/// Code of this metadata: up to a chunk, the old hash of Swarm is one hash.
fn code_of(metadata: &str) -> Vec<u8> {
    assert!(metadata.len() <= 4096);
    let span = u64::try_from(metadata.len()).unwrap().to_le_bytes();
    let hash = keccak256([span.as_slice(), metadata.as_bytes()].concat());
    ending_with("bzzr0", hash.as_slice())
}

/// What a compiler says of these sources, or nearly.
fn metadata(sources: &BTreeMap<String, String>, choices: &[u8], noise: &str) -> Value {
    let about: Map<String, Value> = sources
        .iter()
        .zip(choices)
        .map(|((path, content), choice)| (path.clone(), described(content, *choice, noise)))
        .collect();
    json!({"language": "Solidity", "sources": about})
}

fn compiled(input: &StdJsonInput, metadata: &str, code: &[u8]) -> CompiledContract {
    let bytecode = json!({"object": hex::encode(code)});
    let evm = json!({"bytecode": bytecode, "deployedBytecode": bytecode});
    let output = json!({"contracts": {"a.sol": {"C": {"metadata": metadata, "devdoc": metadata, "evm": evm}}}});
    let (target, version) = ("a.sol:C".parse().unwrap(), "0.6.8".parse().unwrap());
    read_compiler_output(output.to_string().as_bytes(), input, &target, &version).unwrap()
}

fn with_contents(
    sources: &BTreeMap<String, String>,
    edit: impl Fn(&str) -> String,
) -> BTreeMap<String, String> {
    let edited = |(path, content): (&String, &String)| (path.clone(), edit(content));
    sources.iter().map(edited).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_metadata_makes_the_search_for_line_endings_panic(
        sources in sources(),
        submitted in sources(),
        is_same in prop::bool::weighted(0.8),
        choices in prop::collection::vec(any::<u8>(), 3),
        noise in "\\PC{0,4}",
        breaks in prop::option::weighted(0.3, (any::<usize>(), "[\\\\\"{}\\[\\],:a]{1,2}")),
        ours in code(),
        on_chain in code(),
    ) {
        let text = written(&metadata(&sources, &choices, &noise), breaks);
        let submitted = if is_same { sources } else { submitted };
        let input = StdJsonInput::new(Language::Solidity, submitted, Map::new());
        let contract = compiled(&input, &text, &ours);
        prop_assert!(plan_second_search(&input, &contract, &on_chain).len() <= 2);
        // A hash out of the air fits nothing.
        prop_assert_eq!(find_perfect_variation(&input, &contract, &on_chain), None);
    }

    #[test]
    fn sources_of_any_kind_are_found_again(
        deployed in sources(),
        choices in prop::collection::vec(0_u8..5, 3),
        noise in "\\PC{0,4}",
        way in 0..3,
    ) {
        let submitted = with_contents(&deployed, |content| match way {
            0 => content.replace("\r\n", "\n"),
            1 => content.replace("\r\n", "\n").replace('\n', "\r\n"),
            _ => format!("{content}\n"),
        });
        // What a user can send back: the deployed sources, had they been written in one way.
        let deployed = with_contents(&submitted, |content| match way {
            0 => content.replace("\r\n", "\n").replace('\n', "\r\n"),
            1 => content.replace("\r\n", "\n"),
            _ => content.replace("\r\n", "\n").trim_end().to_owned(),
        });
        let (ours, theirs) = (metadata(&submitted, &choices, &noise), metadata(&deployed, &choices, &noise));
        let (ours, theirs) = (written(&ours, None), written(&theirs, None));
        let input = StdJsonInput::new(Language::Solidity, submitted, Map::new());
        let contract = compiled(&input, &ours, &code_of(&ours));
        let found = find_perfect_variation(&input, &contract, &code_of(&theirs));
        // Contents of which metadata says nothing may be found in another way of writing.
        let found = found.map(|found| written(&metadata(found.sources(), &choices, &noise), None));
        prop_assert_eq!(found, (ours != theirs).then_some(theirs));
    }

    #[test]
    fn no_stored_document_makes_reading_it_panic(
        list in prop::collection::vec(transformation(), 0..4),
        values in prop_oneof![values(), document()],
        other in document(),
    ) {
        for document in [json!(list), other.clone()] {
            if let Ok(read) = transformations_from_json(&document) {
                let again = transformations_to_json(&read);
                prop_assert_eq!(transformations_from_json(&again), Ok(read));
            }
            let _ = Transformation::from_json(&document);
        }
        if let Ok(read) = TransformationValues::from_json(&values) {
            prop_assert_eq!(TransformationValues::from_json(&read.to_json()), Ok(read));
        }
        let positions = AuxdataPositions::from_json(&other);
        prop_assert_eq!(AuxdataPositions::from_json(&positions.to_json()), positions);
        prop_assert!(!failure_message("compiler_error", Some(&other), "1".parse().unwrap(), [0; 20].into()).is_empty());
    }

    #[test]
    fn no_document_makes_reading_a_request_or_an_output_panic(
        document in document(),
        language in prop::sample::select(vec!["Solidity", "Yul", "Vyper"]),
        sources in sources(),
        texts in ("\\PC{0,12}", "[0-9.v+comit:-]{0,20}"),
    ) {
        let version: CompilerVersion = "0.8.4".parse().unwrap();
        let target: CompilationTarget = "a.sol:C".parse().unwrap();
        let _ = holds_nul(&document);
        let _ = signatures_of(&document);
        let contents: Map<String, Value> =
            sources.into_iter().map(|(path, content)| (path, json!({"content": content}))).collect();
        let settings = json!({"optimizer": document, "other": document});
        for input in [
            document.clone(),
            json!({"language": language, "sources": contents, "settings": settings}),
            json!({"language": language, "sources": document, "settings": document}),
        ] {
            if let Ok(read) = StdJsonInput::parse(&input) {
                let text = read.compiler_input(&target, Selection::Everything);
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
                let output = json!({"contracts": {"a.sol": {"C": document}}, "sources": document});
                let _ = read_compiler_output(output.to_string().as_bytes(), &read, &target, &version);
            }
        }
        for text in [texts.0, texts.1] {
            let _ = text.parse::<CompilationTarget>();
            if let Ok(version) = text.parse::<CompilerVersion>() {
                let _ = (version.is_well_formed_solc(), version.pre_release().len(), version.commit());
            }
        }
    }
}
