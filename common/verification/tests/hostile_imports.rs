//! Whatever a client, an explorer or a database gives to verify from, reading it is a value: nothing
//! panics.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use verification::explorer::ExplorerContract;
use verification::job::MetadataRequest;
use verification::metadata::{ContentHash, Metadata, SourcePlace};
use verification::stored::StoredCompilation;

fn document() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "language",
        "Solidity",
        "Vyper",
        "sources",
        "content",
        "settings",
        "keccak256",
        "urls",
        "a.sol",
        "compilationTarget",
        "libraries",
        "linkReferences",
        "cborAuxdata",
        "immutableReferences",
        "1",
        "offset",
        "value",
        "start",
        "length",
        "0x00",
        "abi",
        "inputs",
        "type",
        "constructor",
        "\0",
    ]);
    let leaf = prop_oneof![
        6 => word.clone().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => any::<u64>().prop_map(Value::from),
        1 => "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn content() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "\n",
        "\r\n",
        "\r",
        " ",
        "é",
        "contract C",
        "{",
        "}",
        "//",
        "/*",
        "\"",
        "'",
        "\\",
        "\0",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn files() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-c]\\.sol|\\PC{0,3}", content(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_metadata_makes_planning_panic(
        named in files(),
        provided in files(),
        literal in any::<bool>(),
        urls in prop::collection::vec("(dweb:/ipfs/|https://github.com/)?[\\PC]{0,12}", 0..3),
        target in document(),
        libraries in document(),
        noise in document(),
    ) {
        let _ = Metadata::parse(&noise);
        let sources: Map<String, Value> = named
            .iter()
            .map(|(path, content)| {
                let hash = ContentHash::of(content.as_bytes()).to_string();
                let content = literal.then_some(content);
                (path.clone(), json!({"keccak256": hash, "urls": urls, "content": content}))
            })
            .collect();
        let text = json!({
            "compiler": {"version": "0.8.4+commit.c7e474f2"},
            "language": "Solidity",
            "settings": {"compilationTarget": target, "libraries": libraries, "x": noise},
            "sources": sources,
        });
        let Ok(metadata) = Metadata::parse(&text) else { return Ok(()) };
        let request = MetadataRequest { metadata, files: provided.clone(), creation_transaction_hash: None };
        let kept = serde_json::to_value(&request).unwrap();
        prop_assert_eq!(&serde_json::from_value::<MetadataRequest>(kept).unwrap(), &request);
        let metadata = request.metadata;
        let _ = metadata.target();
        let plan = metadata.plan_sources(&provided);
        // What is wanted can be found, unless it can't be kept.
        let fetched: BTreeMap<_, _> = plan
            .wanted()
            .filter_map(|wanted| {
                let content = named.values().find(|content| ContentHash::of(content.as_bytes()) == wanted.hash)?;
                Some((wanted.hash, wanted.read(content.clone().into_bytes())?))
            })
            .collect();
        if let Ok(sources) = plan.complete(&fetched) {
            prop_assert_eq!(&sources, &named);
            let input = metadata.input(sources);
            prop_assert_eq!(input.sources(), &named);
        }
    }

    #[test]
    fn every_place_is_one_of_a_known_host(text in "(https?://|dweb:/ipfs/)?(github\\.com/)?(\\PC|/|\\.){0,40}") {
        match SourcePlace::parse(&text) {
            Some(SourcePlace::Ipfs(name)) => {
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
            Some(SourcePlace::GitHub(segments)) => {
                prop_assert!(text.contains("github.com/"));
                prop_assert!(segments.iter().all(|segment| !segment.contains(['/', '\\', '?', '#']) && segment != ".."));
            }
            None => {}
        }
    }

    #[test]
    fn no_answer_of_an_explorer_makes_importing_it_panic(
        form in 0..5,
        source in content(),
        noise in document(),
        version in "(vyper:)?v?0\\.[348]\\.[0-9]{1,2}(\\+commit\\.[0-9a-f]{8})?|\\PC{0,8}",
        texts in ("C|\\PC{0,6}", "\\PC{0,12}|L:0x00;M", "[0-9]{0,3}|\\PC{0,3}", "a.sol|\\PC{0,3}"),
    ) {
        let files = json!({"a.sol": {"content": source}});
        let input = json!({"language": "Solidity", "sources": files, "settings": noise});
        let source_code = match form {
            0 => source,
            1 => files.to_string(),
            2 => format!("{{{input}}}"),
            3 => format!("{{{noise}}}"),
            _ => format!("{{{source}"),
        };
        let contract = ExplorerContract {
            source_code,
            compiler_version: version,
            contract_name: texts.0,
            library: texts.1,
            runs: texts.2,
            contract_file_name: texts.3,
            ..ExplorerContract::default()
        };
        if let Ok(import) = contract.import() {
            // solc's have a file among the sources as their target.
            prop_assert!(import.input.sources().contains_key(&import.target.path));
            prop_assert!(!import.input.sources().values().any(|content| content.contains('\0')));
        }
        let _ = serde_json::from_value::<ExplorerContract>(noise);
    }

    #[test]
    fn no_stored_compilation_makes_reading_it_panic(
        language in "solidity|yul|vyper|fe|\\PC{0,3}",
        version in "0\\.8\\.4|\\PC{0,6}",
        name in "a.sol:C|\\PC{0,6}",
        code in prop::collection::vec(any::<u8>(), 0..40),
        documents in (document(), document(), document()),
    ) {
        let stored = StoredCompilation {
            language: &language,
            version: &version,
            fully_qualified_name: &name,
            settings: &documents.0,
            artifacts: &documents.1,
            creation_code: &code,
            creation_code_artifacts: &documents.2,
            runtime_code: &code,
            runtime_code_artifacts: &documents.2,
        };
        if let Ok((contract, _)) = stored.to_contract() {
            prop_assert_eq!(contract.runtime.bytes(), code.as_slice());
        }
    }
}
