use super::*;
use serde_json::json;

const LIBRARY: &str = "library L {\n}\n";
const MAIN: &str = "contract C {}\n";

fn hash(content: &str) -> String {
    ContentHash::of(content.as_bytes()).to_string()
}

fn document() -> Value {
    json!({
        "compiler": {"version": "0.8.4+commit.c7e474f2"},
        "language": "Solidity",
        "output": {"abi": []},
        "settings": {
            "compilationTarget": {"c:1.sol": "C"},
            "evmVersion": "istanbul",
            "libraries": {"l:1.sol:L": "0x11", "M": "0x22"},
            "optimizer": {"enabled": true, "details": {"cse": true}},
            "remappings": [":a=b"],
        },
        "sources": {
            "c:1.sol": {"keccak256": hash(MAIN), "urls": ["bzz-raw://x", "dweb:/ipfs/QmMain"]},
            "l:1.sol": {"keccak256": hash(LIBRARY), "urls": []},
        },
        "version": 1,
    })
}

fn with(pointer: &str, value: Value) -> Metadata {
    let mut document = document();
    *document.pointer_mut(pointer).unwrap() = value;
    Metadata::parse(&document).unwrap()
}

fn files<const N: usize>(files: [(&str, &str); N]) -> BTreeMap<String, String> {
    files
        .map(|(path, content)| (path.to_owned(), content.to_owned()))
        .into()
}

fn complete(plan: SourcePlan) -> Result<BTreeMap<String, String>, VerificationFailure> {
    plan.complete(&BTreeMap::new())
}

#[test]
fn the_input_is_what_the_metadata_says() {
    let metadata = Metadata::parse(&document()).unwrap();
    let given = files([("x", LIBRARY), ("y", MAIN), ("z.sol", "contract Z {}")]);
    let plan = metadata.plan_sources(&given);
    assert_eq!(plan.wanted().count(), 0);
    assert_eq!(*plan.unused(), files([("z.sol", "contract Z {}")]));
    let sources = complete(plan).unwrap();
    assert_eq!(sources, files([("c:1.sol", MAIN), ("l:1.sol", LIBRARY)]));
    assert_eq!(metadata.target().unwrap().to_string(), "c:1.sol:C");
    let input = metadata.input(sources);
    assert_eq!(
        serde_json::to_value(&input).unwrap(),
        json!({
            "language": "Solidity",
            "sources": {"c:1.sol": {"content": MAIN}, "l:1.sol": {"content": LIBRARY}},
            "settings": {
                "evmVersion": "istanbul",
                "libraries": {"l:1.sol": {"L": "0x11"}, "": {"M": "0x22"}},
                "optimizer": {"enabled": true, "details": {"cse": true}},
                "remappings": [":a=b"],
            },
        })
    );
    let kept = serde_json::to_value(&metadata).unwrap();
    assert_eq!(serde_json::from_value::<Metadata>(kept).unwrap(), metadata);
}

#[test]
fn a_file_with_other_line_endings_is_put_right() {
    let metadata = Metadata::parse(&document()).unwrap();
    for (library, main) in [
        ("library L {\r\n}\r\n", "contract C {}"),
        ("library L {\n}", "contract C {}\n\n \n"),
        ("library L {\n}\n\n", "contract C {}\r\n"),
    ] {
        let plan = metadata.plan_sources(&files([("l", library), ("c", main)]));
        assert!(plan.unused().is_empty());
        let sources = complete(plan).unwrap();
        assert_eq!(sources, files([("c:1.sol", MAIN), ("l:1.sol", LIBRARY)]));
    }
}

#[test]
fn the_inliner_is_said_otherwise_to_releases_that_print_it_and_refuse_it() {
    let optimizer = |version: &str, optimizer: Value| {
        let mut document = document();
        document["compiler"]["version"] = json!(version);
        document["settings"]["optimizer"] = optimizer;
        let input = Metadata::parse(&document).unwrap().input(BTreeMap::new());
        input.settings()["optimizer"].clone()
    };
    let (first, last) = ("0.8.2+commit.661d1103", "0.8.4+commit.c7e474f2");
    let printed = json!({"details": {"cse": true, "inliner": true}, "runs": 7});
    for other in ["0.8.1+commit.df193b15", "0.8.5+commit.a4f2e591"] {
        assert_eq!(optimizer(other, printed.clone()), printed);
    }
    let enabled = json!({"enabled": true, "details": {"cse": true}, "runs": 7});
    let without = json!({"details": {"cse": true}, "runs": 7});
    for version in [first, last] {
        assert_eq!(optimizer(version, printed.clone()), enabled);
        let off = json!({"details": {"cse": true, "inliner": false}, "runs": 7});
        assert_eq!(optimizer(version, off), without);
        assert_eq!(optimizer(version, without.clone()), without);
        let said = json!({"enabled": false, "details": {"inliner": true}});
        let kept = json!({"enabled": false, "details": {}});
        assert_eq!(optimizer(version, said), kept);
        assert_eq!(optimizer(version, json!([])), json!([]));
    }
}

#[test]
fn a_duplicate_under_another_path_stays_a_file_of_its_own() {
    let metadata = Metadata::parse(&document()).unwrap();
    for main in [MAIN, "contract C {}"] {
        let given = files([
            ("a/Copy.sol", main),
            ("c:1.sol", main),
            ("l.sol", LIBRARY),
            ("m.sol", LIBRARY),
            ("README.md", "# C"),
            ("metadata.json", "{}"),
            ("LICENSE", "MIT"),
        ]);
        let plan = metadata.plan_sources(&given);
        let unused = files([("a/Copy.sol", main), ("m.sol", LIBRARY)]);
        assert_eq!(*plan.unused(), unused);
        assert!(complete(plan).is_ok());
    }
}

#[test]
fn a_content_with_very_many_paths_is_not_taken_as_often() {
    let main = format!("contract C {{}}{}\n", " ".repeat(8192 - 14));
    let mut document = document();
    let sources: Map<String, Value> = (0..5000)
        .map(|n| {
            (
                format!("{n:04}.sol"),
                json!({"keccak256": hash(&main), "urls": ["dweb:/ipfs/Qm"]}),
            )
        })
        .collect();
    document["sources"] = sources.into();
    let metadata = Metadata::parse(&document).unwrap();
    // That often it is as much as a request may hold.
    let beyond: Vec<String> = (3840..5000).map(|n| format!("{n:04}.sol")).collect();
    let failure = Err(VerificationFailure::MissingOrInvalidSource {
        missing_sources: Vec::new(),
        invalid_sources: beyond,
    });
    for given in [main.clone(), main.replace('\n', "\r\n")] {
        let plan = metadata.plan_sources(&files([("c.sol", given.as_str())]));
        assert_eq!(complete(plan), failure);
    }
    let plan = metadata.plan_sources(&BTreeMap::new());
    let fetched = BTreeMap::from([(ContentHash::of(main.as_bytes()), main)]);
    assert_eq!(plan.complete(&fetched), failure);
}

#[test]
fn literal_contents_need_no_file_and_must_be_what_they_say() {
    let literal = json!({"keccak256": hash(MAIN), "content": MAIN});
    let plan = with("/sources/c:1.sol", literal).plan_sources(&files([("l", LIBRARY)]));
    assert!(complete(plan).is_ok());
    let wrong = json!({"keccak256": hash(MAIN), "content": "contract D {}"});
    let plan = with("/sources/c:1.sol", wrong).plan_sources(&files([("c", MAIN)]));
    assert_eq!(
        complete(plan),
        Err(VerificationFailure::MissingOrInvalidSource {
            missing_sources: vec!["l:1.sol".to_owned()],
            invalid_sources: vec!["c:1.sol".to_owned()],
        })
    );
}

#[test]
fn what_is_missing_is_looked_for_and_believed_by_its_hash() {
    let github = "https://github.com/a/b/blob/main/c.sol";
    let mut document = document();
    let source = document["sources"]["c:1.sol"].clone();
    document["sources"][github] = source;
    let metadata = Metadata::parse(&document).unwrap();
    let plan = metadata.plan_sources(&files([("l", LIBRARY)]));
    let wanted: Vec<_> = plan.wanted().cloned().collect();
    let [wanted] = wanted.as_slice() else {
        panic!("one content is wanted, once: {wanted:?}");
    };
    let raw = ["a", "b", "main", "c.sol"].map(str::to_owned);
    let places = [
        SourcePlace::Ipfs("QmMain".to_owned()),
        SourcePlace::GitHub(raw.into()),
    ];
    assert_eq!(wanted.places, places);
    assert_eq!(wanted.read(MAIN.into()).as_deref(), Some(MAIN));
    assert_eq!(wanted.read(b"<html>".to_vec()), None);
    let fetched = BTreeMap::from([(wanted.hash, MAIN.to_owned())]);
    let sources = plan.clone().complete(&fetched).unwrap();
    assert_eq!(sources.len(), 3);
    let missing_sources = vec!["c:1.sol".to_owned(), github.to_owned()];
    assert_eq!(
        complete(plan),
        Err(VerificationFailure::MissingSource { missing_sources })
    );
}

#[test]
fn what_cannot_be_kept_is_not_taken() {
    for content in [b"contract C {}\0".as_slice(), &[0xff, 0xfe]] {
        let hash = ContentHash::of(content).to_string();
        let metadata = with("/sources/c:1.sol", json!({"keccak256": hash}));
        let plan = metadata.plan_sources(&files([("l", LIBRARY)]));
        let wanted = plan.wanted().next().unwrap();
        assert_eq!(wanted.read(content.to_vec()), None);
    }
}

#[test]
fn there_is_one_target() {
    for (target, named) in [
        (json!({}), vec![]),
        (json!({"a": "A", "b": "B"}), vec!["a", "b"]),
        (json!({"a": 7}), vec!["a"]),
    ] {
        let failure = with("/settings/compilationTarget", target).target();
        let compilation_targets = named.into_iter().map(str::to_owned).collect();
        assert_eq!(
            failure,
            Err(VerificationFailure::InvalidCompilationTarget {
                compilation_targets
            })
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_wrong_document_has_its_message() {
    let lacks = |pointer: &str| {
        let mut document = document();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(name);
        document
    };
    let with = |pointer: &str, value: Value| {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value;
        document
    };
    let mut deep = json!(1);
    for _ in 0..65 {
        deep = json!([deep]);
    }
    for (document, message) in [
        (
            lacks("/compiler"),
            "Metadata must contain a compiler field.",
        ),
        (
            lacks("/compiler/version"),
            "Metadata must contain a compiler.version field.",
        ),
        (
            lacks("/language"),
            "Metadata must contain a language field.",
        ),
        (
            lacks("/settings"),
            "Metadata must contain a settings field.",
        ),
        (
            lacks("/settings/compilationTarget"),
            "Metadata must contain a settings.compilationTarget field.",
        ),
        (lacks("/sources"), "Metadata must contain a sources field."),
        (
            lacks("/sources/c:1.sol/keccak256"),
            "Metadata must contain a keccak256 field of 32 bytes for each source.",
        ),
        (
            with("/sources/c:1.sol", json!("0x")),
            "Metadata must contain a keccak256 field of 32 bytes for each source.",
        ),
        (
            with("/language", json!("Vyper")),
            "Language Vyper is not supported.",
        ),
        (
            with("/compiler/version", json!("0.8.4")),
            "Invalid Solidity compiler version format: 0.8.4. Expected format: \
             x.y.z+commit.xxxxxxxx or x.y.z-nightly.yyyy.m.d+commit.xxxxxxxx",
        ),
        (
            with("/output", json!("\0")),
            "request/body must not contain the character U+0000",
        ),
        (
            with("/output", deep),
            "Metadata must not be nested deeper than 64 levels.",
        ),
        (
            with(
                "/sources",
                json!({"a".repeat(1025): {"keccak256": hash(MAIN)}}),
            ),
            "The path of a source must not be longer than 1024 bytes.",
        ),
    ] {
        let error = Metadata::parse(&document).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
