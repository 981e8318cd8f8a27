//! A contract may embed thousands of others. Each byte of the code is looked at a few times, not
//! once for every blob: with that, this test would take minutes.

#![expect(clippy::unwrap_used, reason = "a test stops at what it doesn't expect")]

use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use serde_json::{Map, Value, json};
use verification::auxdata::{
    AuxdataPositions, AuxdataSearch, ContractAuxdata, PlacedAuxdata, find_auxdata, place_auxdata,
};
use verification::compiled_contract::CompiledContract;
use verification::compiler::Language;
use verification::compiler_output::read_compiler_output;
use verification::std_json::StdJsonInput;

const CHILDREN: usize = 5000;

#[test]
fn thousands_of_blobs_are_placed_with_one_compile() {
    let blobs = blobs("sources", 1);
    let found = find_auxdata(&contract(&blobs));
    assert_eq!(found, AuxdataSearch::Settled(positions(&blobs)));
}

#[test]
fn thousands_of_blobs_that_repeat_are_placed_with_two_compiles() {
    let (blobs, edited) = (blobs("sources", 2), blobs("edited sources", 2));
    let (contract, edited) = (contract(&blobs), contract(&edited));
    let AuxdataSearch::NeedsSecondCompile { .. } = find_auxdata(&contract) else {
        panic!("one compile can't tell");
    };
    assert_eq!(place_auxdata(&contract, &edited), positions(&blobs));
}

/// Those of the embedded contracts, all of them again if asked for, and the contract's own.
fn blobs(sources: &str, times: usize) -> Vec<Vec<u8>> {
    let blob = |number| {
        let hash = keccak256(format!("{sources} {number}"));
        let digits = format!("a2646970667358221220{hash:x}64736f6c634300081c0033");
        hex::decode(digits).unwrap()
    };
    let embedded: Vec<_> = (0..CHILDREN).map(blob).collect();
    let mut blobs = vec![embedded; times].concat();
    blobs.push(blob(CHILDREN));
    blobs
}

fn contract(blobs: &[Vec<u8>]) -> CompiledContract {
    let (own, children) = blobs.split_last().unwrap();
    let push = |index: usize| json!({"name": "PUSH [$]", "value": format!("{index:064x}")});
    let nested: Map<String, Value> = children
        .iter()
        .enumerate()
        .map(|(index, blob)| (format!("{index:x}"), json!({".auxdata": hex::encode(blob)})))
        .collect();
    let runtime = json!({
        ".auxdata": hex::encode(own),
        ".code": (0..children.len()).map(push).collect::<Vec<_>>(),
        ".data": nested,
    });
    let object = hex::encode(code(blobs));
    let output = json!({"contracts": {"a.sol": {"C": {"evm": {
        "bytecode": {"object": format!("60{object}")},
        "deployedBytecode": {"object": object},
        "legacyAssembly": {".code": [push(0)], ".data": {"0": runtime}},
    }}}}});
    let input = StdJsonInput::new(Language::Solidity, BTreeMap::new(), Map::new());
    let (target, version) = ("a.sol:C".parse().unwrap(), "0.8.28".parse().unwrap());
    read_compiler_output(output.to_string().as_bytes(), &input, &target, &version).unwrap()
}

fn code(blobs: &[Vec<u8>]) -> Vec<u8> {
    let with_invalid = |blob: &Vec<u8>| [&[0xfe], blob.as_slice()].concat();
    blobs.iter().flat_map(with_invalid).collect()
}

/// The contract's own has the first id; equal ones have theirs in the order in which they stand.
fn positions(blobs: &[Vec<u8>]) -> ContractAuxdata {
    let side = |start: usize| {
        let mut offset = start;
        let mut placed = BTreeMap::new();
        for (index, value) in blobs.iter().enumerate() {
            let id = match index + 1 == blobs.len() {
                true => 1,
                false => u32::try_from(index).unwrap() + 2,
            };
            let value = value.clone();
            offset += 1;
            let end = offset + value.len();
            placed.insert(id, PlacedAuxdata { offset, value });
            offset = end;
        }
        AuxdataPositions::Known(placed)
    };
    ContractAuxdata {
        creation: side(1),
        runtime: side(0),
    }
}
