//! Whatever a compiler prints or a chain holds, the answer is a value: nothing panics.

#![expect(clippy::unwrap_used, reason = "a test stops at what it doesn't expect")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use verification::auxdata::{
    AuxdataPositions, AuxdataSearch, ContractAuxdata, PlacedAuxdata, find_auxdata, place_auxdata,
};
use verification::chain::OnChainCode;
use verification::compiled_contract::CompiledContract;
use verification::compiler::{CompilerVersion, Language};
use verification::compiler_output::read_compiler_output;
use verification::failure::VerificationFailure;
use verification::matching::match_contract;
use verification::signatures::signatures_of;
use verification::std_json::StdJsonInput;
use verification::transformation::{Transformation, TransformationValues};

const BLOB: &str = "a264697066735822122018f94a758d8b1dc17129f51848825bbfed5d5c5debc6f3076358ee6052c25b9864736f6c634300081c0033";

/// Small codes from few bytes, so that references, blobs and repetitions meet.
fn code_text() -> impl Strategy<Value = String> + Clone {
    let piece = prop_oneof![
        40 => Just("00".to_owned()),
        20 => Just("73".to_owned()),
        20 => Just("fe".to_owned()),
        10 => Just("00".repeat(32)),
        10 => Just("a165767970657283000304".to_owned()),
        10 => Just("8419010081001820a1657679706572830004000014".to_owned()),
        20 => Just(BLOB.to_owned()),
        10 => Just(format!("{:_<40}", "__a.sol:L")),
        10 => "[0-9a-f]{2}",
        1 => Just("__".to_owned()),
    ];
    prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0_u64..120).prop_map(Value::from),
        1 => Just(json!(u64::MAX)),
        1 => Just(json!(u64::MAX - 19)),
        1 => Just(json!(1e30)),
        1 => Just(json!(-1)),
        1 => Just(json!("1")),
    ]
}

fn length() -> impl Strategy<Value = Value> {
    prop_oneof![4 => Just(json!(20)), 4 => Just(json!(32)), 1 => number()]
}

fn ranges() -> impl Strategy<Value = Value> {
    let range =
        (number(), length()).prop_map(|(start, length)| json!({"start": start, "length": length}));
    prop::collection::vec(range, 0..4).prop_map(Value::from)
}

fn bytecode() -> impl Strategy<Value = Value> {
    (code_text(), ranges(), ranges(), ranges()).prop_map(|(object, links, others, immutables)| {
        json!({
            "object": object,
            "linkReferences": {"a.sol": {"L": links}, "": {"M": others}},
            "immutableReferences": {"7": immutables},
        })
    })
}

fn pushes() -> impl Strategy<Value = Value> {
    let index = prop_oneof![
        8 => Just("0"),
        4 => Just("1"),
        4 => Just("a"),
        1 => Just("ffffffffffffffffffff"),
        1 => Just("x"),
    ];
    let push = index.prop_map(|index| json!({"name": "PUSH [$]", "value": index}));
    prop::collection::vec(push, 0..4).prop_map(Value::from)
}

fn assembly() -> impl Strategy<Value = Value> {
    let blob = prop_oneof![
        30 => Just(json!(BLOB)),
        10 => Just(json!("a1")),
        10 => Just(json!("")),
        1 => Just(json!("zz")),
    ];
    let leaf = blob.clone().prop_map(|blob| json!({".auxdata": blob}));
    leaf.prop_recursive(4, 12, 3, move |nested| {
        let key = prop_oneof![
            Just("0"),
            Just("1"),
            Just("a"),
            Just("ffffffffff"),
            Just("x")
        ];
        let data = prop::collection::btree_map(key.prop_map(str::to_owned), nested, 0..3);
        (blob.clone(), pushes(), data)
            .prop_map(|(blob, code, data)| json!({".auxdata": blob, ".code": code, ".data": data}))
    })
}

fn abi() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just("uint256"),
        Just("bytes"),
        Just("string"),
        Just("uint8[][]"),
        Just("address[2]"),
        Just("uint256[99999999999]"),
        Just("tuple"),
        Just("tuple[3]"),
        Just("bool"),
        Just("[]"),
    ];
    let parameter = kind.prop_map(
        |kind| json!({"type": kind, "components": [{"type": "bytes"}, {"type": "int8[1]"}]}),
    );
    prop::collection::vec(parameter, 0..4)
        .prop_map(|inputs| json!([{"type": "constructor", "name": "f", "inputs": inputs}]))
}

fn output() -> impl Strategy<Value = Value> {
    (abi(), bytecode(), bytecode(), assembly()).prop_map(|(abi, creation, runtime, assembly)| {
        let evm =
            json!({"bytecode": creation, "deployedBytecode": runtime, "legacyAssembly": assembly});
        json!({"contracts": {"a.sol": {"C": {"abi": abi, "evm": evm}}}})
    })
}

fn version() -> impl Strategy<Value = (Language, &'static str)> {
    prop_oneof![
        4 => Just((Language::Solidity, "0.8.28")),
        1 => Just((Language::Solidity, "0.4.10")),
        1 => Just((Language::Solidity, "0.4.0")),
        1 => Just((Language::Yul, "0.8.28")),
        1 => Just((Language::Vyper, "0.3.4")),
        1 => Just((Language::Vyper, "0.3.7")),
        2 => Just((Language::Vyper, "0.4.1")),
    ]
}

fn on_chain() -> impl Strategy<Value = OnChainCode> {
    let bytes = code_text().prop_map(|text| hex::decode(text).unwrap_or_default());
    (bytes.clone(), prop::option::of(bytes))
        .prop_map(|(runtime, creation)| OnChainCode { runtime, creation })
}

fn positions() -> impl Strategy<Value = AuxdataPositions> {
    let offset = prop_oneof![0_usize..120, Just(usize::MAX), Just(usize::MAX - 10)];
    let blob = (offset, prop::collection::vec(any::<u8>(), 0..60))
        .prop_map(|(offset, value)| PlacedAuxdata { offset, value });
    prop::option::of(prop::collection::btree_map(any::<u32>(), blob, 0..4))
        .prop_map(|known| known.map_or(AuxdataPositions::Unknown, AuxdataPositions::Known))
}

fn read(output: &Value, language: Language, version: &str) -> Option<CompiledContract> {
    let input = StdJsonInput::new(language, BTreeMap::new(), serde_json::Map::new());
    let version: CompilerVersion = version.parse().unwrap();
    let target = "a.sol:C".parse().unwrap();
    read_compiler_output(output.to_string().as_bytes(), &input, &target, &version).ok()
}

/// Matches, renders everything, and looks whether what is rendered can be read back.
fn go_through(
    contract: &CompiledContract,
    auxdata: &ContractAuxdata,
    on_chain: &OnChainCode,
) -> Result<(), TestCaseError> {
    for document in [
        contract.compilation_artifacts(),
        contract.creation_code_artifacts(&auxdata.creation),
        contract.runtime_code_artifacts(&auxdata.runtime),
    ] {
        prop_assert!(document.is_object());
    }
    let verified = match match_contract(contract, auxdata, on_chain) {
        Ok(verified) => verified,
        Err(failure) => return differences_are_possible(&failure),
    };
    for side in [verified.creation(), verified.runtime()]
        .into_iter()
        .flatten()
    {
        for transformation in &side.transformations {
            let read = Transformation::from_json(&transformation.to_json());
            prop_assert_eq!(read.as_ref(), Ok(transformation));
        }
        let read = TransformationValues::from_json(&side.values.to_json());
        prop_assert_eq!(read.as_ref(), Ok(&side.values));
    }
    Ok(())
}

/// What is told of two codes lies within them.
fn differences_are_possible(failure: &VerificationFailure) -> Result<(), TestCaseError> {
    let (VerificationFailure::NoMatch(differences)
    | VerificationFailure::BytecodeLengthMismatch(differences)
    | VerificationFailure::ExtraFileInputBug(differences)) = failure
    else {
        return Ok(());
    };
    for side in [Some(&differences.runtime), differences.creation.as_ref()]
        .into_iter()
        .flatten()
    {
        let longer = side.compiled_length.max(side.onchain_length);
        prop_assert!(side.differing_bytes <= longer, "{side:?}");
        prop_assert_eq!(side.differing_bytes == 0, side.first_difference.is_none());
        let first = side.first_difference.map_or((0, 0), |first| {
            (first.compiled_offset, first.onchain_offset)
        });
        prop_assert!(
            first.0 + side.equal_tail_bytes <= side.compiled_length,
            "{side:?}"
        );
        prop_assert!(first.1 <= side.onchain_length, "{side:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_output_and_no_chain_makes_a_verification_panic(
        output in output(),
        edited in output(),
        (language, version) in version(),
        on_chain in on_chain(),
        arbitrary in (positions(), positions()),
    ) {
        let Some(contract) = read(&output, language, version) else { return Ok(()) };
        let found = match find_auxdata(&contract) {
            AuxdataSearch::Settled(found) => found,
            AuxdataSearch::NeedsSecondCompile { without_it } => {
                match read(&edited, language, version) {
                    Some(edited) => place_auxdata(&contract, &edited),
                    None => without_it,
                }
            }
        };
        go_through(&contract, &found, &on_chain)?;
        let same = OnChainCode {
            runtime: contract.runtime.bytes().to_vec(),
            creation: Some(contract.creation.bytes().to_vec()),
        };
        go_through(&contract, &found, &same)?;
        let stored = AuxdataPositions::from_json(&found.creation.to_json());
        prop_assert_eq!(&stored, &found.creation);
        let (creation, runtime) = arbitrary;
        go_through(&contract, &ContractAuxdata { creation, runtime }, &on_chain)?;
    }

    #[test]
    fn no_bytes_make_reading_an_output_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let input = StdJsonInput::new(Language::Solidity, BTreeMap::new(), serde_json::Map::new());
        let version: CompilerVersion = "0.8.28".parse().unwrap();
        let target = "a.sol:C".parse().unwrap();
        prop_assert!(read_compiler_output(&bytes, &input, &target, &version).is_err());
    }

    #[test]
    fn no_abi_makes_signatures_panic(abi in abi()) {
        prop_assert!(signatures_of(&abi).is_empty());
    }
}
