//! Whether code forwards to other code, as far as the code itself tells.
//!
//! Code that makes contracts is a factory and no proxy; code that delegates to nobody is none either.
//! A minimal proxy (EIP-1167) names its implementation, and so does code that forwards its whole call to
//! an address that it holds. All other kinds keep it in storage: they are recognised by the number of
//! the slot, and only the chain knows the rest. The slot may stand only in the creation code:
//! `OpenZeppelin`'s beacon proxy has the beacon as an immutable.

use alloy_primitives::{FixedBytes, hex};
use verification::chain::Address;

use super::code::{all_instructions, live_instructions};
use super::forwarding::fixed_target;
use crate::api::contract::ProxyType;

/// What the code tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ByCode {
    No,
    To(ProxyType, Address),
    /// The first of these that names somebody; if none does, no proxy.
    InStorage(Vec<Place>),
}

/// Where an implementation may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Slot(ProxyType, [u8; 32]),
    /// EIP-1967: another contract knows.
    Beacon,
    /// EIP-2535: the proxy itself answers.
    Facets,
    /// The slot of the proxy's own address.
    Sequence,
}

const CREATE: u8 = 0xf0;
pub(super) const DELEGATECALL: u8 = 0xf4;
const CREATE2: u8 = 0xf5;
const PUSH20: u8 = 0x73;

/// A wallet of 0xsequence, whole.
const SEQUENCE_WALLET: [u8; 26] = hex!("363d3d373d3d3d363d30545af43d82803e903d91601857fd5bf3");

const EIP1967: [u8; 32] = hex!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
/// EIP-1967's slot of a beacon.
pub(super) const BEACON: [u8; 32] =
    hex!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50");
/// `facetAddresses()` of EIP-2535.
pub(super) const FACET_ADDRESSES: [u8; 4] = hex!("52ef6b2c");
/// `org.zeppelinos.proxy.implementation`
const ZEPPELIN_OS: [u8; 32] =
    hex!("7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3");
/// `PROXIABLE`
const EIP1822: [u8; 32] = hex!("c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7");

/// What a push in the code hints at. A Safe's proxy answers `masterCopy()` itself, and keeps it in the
/// first slot; a diamond has its own storage, or lists its facets.
const HINTS: [(&[u8], Place); 7] = [
    (&EIP1967, Place::Slot(ProxyType::EIP1967Proxy, EIP1967)),
    (&BEACON, Place::Beacon),
    (
        &ZEPPELIN_OS,
        Place::Slot(ProxyType::ZeppelinOSProxy, ZEPPELIN_OS),
    ),
    (&EIP1822, Place::Slot(ProxyType::PROXIABLEProxy, EIP1822)),
    (
        &hex!("a619486e"),
        Place::Slot(ProxyType::GnosisSafeProxy, [0; 32]),
    ),
    (
        &hex!("c8fcad8db84d3cc18b4c41d551ea0ee66dd599cde068d998e57d5e09332c131c"),
        Place::Facets,
    ),
    (&FACET_ADDRESSES, Place::Facets),
];

/// `creation` may be empty: unknown.
pub(super) fn detect(runtime: &[u8], creation: &[u8]) -> ByCode {
    if let Some(implementation) = minimal_proxy(runtime) {
        return ByCode::To(ProxyType::EIP1167Proxy, implementation);
    }
    if runtime == SEQUENCE_WALLET {
        return ByCode::InStorage(vec![Place::Sequence]);
    }
    if !delegates(runtime) {
        return ByCode::No;
    }
    let mut places = Vec::new();
    for (hint, place) in HINTS {
        let is_hinted = live_instructions(runtime)
            .chain(all_instructions(creation))
            .any(|(_, pushed)| is_hint(pushed, hint));
        if is_hinted && !places.contains(&place) {
            places.push(place);
        }
    }
    if !places.is_empty() {
        return ByCode::InStorage(places);
    }
    match fixed_target(runtime) {
        Some(address) => ByCode::To(ProxyType::FixedProxy, address),
        None => ByCode::No,
    }
}

/// Selectors are often pushed as whole words, with zeros behind.
fn is_hint(pushed: &[u8], hint: &[u8]) -> bool {
    let rest = pushed.strip_prefix(hint);
    rest.is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

/// And makes no contracts.
fn delegates(runtime: &[u8]) -> bool {
    let has =
        |wanted: &[u8]| live_instructions(runtime).any(|(opcode, _)| wanted.contains(&opcode));
    has(&[DELEGATECALL]) && !has(&[CREATE, CREATE2])
}

/// EIP-1167: the code is this and nothing else, up to arguments that may follow and are never run. An
/// address that begins with zeros is pushed without them, which moves the place that is jumped to.
fn minimal_proxy(runtime: &[u8]) -> Option<Address> {
    let [push, rest @ ..] = runtime.strip_prefix(&hex!("363d3d373d3d3d363d"))? else {
        return None;
    };
    let zeros = PUSH20.checked_sub(*push).filter(|zeros| *zeros < 20)?;
    let (address, rest) = rest.split_at_checked(usize::from(20 - zeros))?;
    let rest = rest.strip_prefix(&hex!("5af43d82803e903d9160"))?;
    let rest = rest.strip_prefix(&[0x2b - zeros])?;
    rest.starts_with(&hex!("57fd5bf3"))
        .then(|| Address::from_bytes(FixedBytes::<20>::left_padding_from(address).0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sha2::{Digest, Sha256};

    use super::*;

    fn of(runtime: &str) -> ByCode {
        detect(&hex::decode(runtime).unwrap(), &[])
    }

    #[test]
    fn a_minimal_proxy_names_its_implementation() {
        let address = "bebebebebebebebebebebebebebebebebebebebe";
        let runtime = format!("363d3d373d3d3d363d73{address}5af43d82803e903d91602b57fd5bf3");
        let wanted = ByCode::To(ProxyType::EIP1167Proxy, Address::from_bytes([0xbe; 20]));
        assert_eq!(of(&runtime), wanted);
        // Arguments may follow.
        assert_eq!(of(&format!("{runtime}f0f0")), wanted);
        assert_eq!(of(&runtime[..40]), ByCode::No);
        assert_eq!(of(&format!("00{runtime}")), ByCode::No);
        let short = "363d3d373d3d3d363d71bebebebebebebebebebebebebebebebebebe5af43d82803e903d91602957fd5bf3";
        let mut address = [0xbe; 20];
        address[..2].fill(0);
        let wanted = ByCode::To(ProxyType::EIP1167Proxy, Address::from_bytes(address));
        assert_eq!(of(short), wanted);
    }

    #[derive(serde::Deserialize)]
    struct Compiled {
        what: String,
        answer: String,
        runtimes: BTreeMap<String, String>,
    }

    /// Each as solc 0.8.28 prints it by both ways, with and without its optimizer.
    #[test]
    fn compiled_contracts_are_taken_for_what_they_are() {
        let cases: Vec<Compiled> = serde_json::from_str(include_str!("compiled.json")).unwrap();
        for Compiled {
            what,
            answer,
            runtimes,
        } in cases
        {
            let to = Address::from_bytes([0x11; 20]);
            let wanted = match answer.as_str() {
                "No" => ByCode::No,
                "Fixed" => ByCode::To(ProxyType::FixedProxy, to),
                "InStorage" => {
                    ByCode::InStorage(vec![Place::Slot(ProxyType::EIP1967Proxy, EIP1967)])
                }
                other => panic!("{other}"),
            };
            assert_eq!(runtimes.len(), 4, "{what}");
            for (way, runtime) in runtimes {
                let runtime = hex::decode(runtime).unwrap();
                assert_eq!(detect(&runtime, &[]), wanted, "{what}, {way}");
                for number in 0..250_u32 {
                    let runtime = with_hash(&runtime, &Sha256::digest(number.to_be_bytes()));
                    let found = detect(&runtime, &runtime);
                    assert_eq!(found, wanted, "{what}, {way}: {}", hex::encode(&runtime));
                }
            }
        }
    }

    /// The same program of other sources.
    fn with_hash(runtime: &[u8], hash: &[u8]) -> Vec<u8> {
        let multihash = hex!("64697066735822 1220");
        let mut runtime = runtime.to_vec();
        let at = runtime
            .windows(multihash.len())
            .position(|at| at == multihash);
        let start = at.unwrap() + multihash.len();
        runtime[start..start + hash.len()].copy_from_slice(hash);
        runtime
    }

    #[test]
    fn a_slot_in_either_code_means_that_storage_knows() {
        let slot = ByCode::InStorage(vec![Place::Slot(ProxyType::EIP1967Proxy, EIP1967)]);
        let slots = format!("7f{}54", hex::encode(EIP1967));
        let forward = "365f80375f80365f845af4";
        assert_eq!(of(&format!("{slots}{forward}")), slot);
        let decode = |code: &str| hex::decode(code).unwrap();
        assert_eq!(detect(&decode(forward), &decode(&slots)), slot);
        assert_eq!(detect(&[], &decode(&slots)), ByCode::No);
    }

    #[test]
    fn a_selector_is_found_alone_and_in_a_word() {
        let safe = ByCode::InStorage(vec![Place::Slot(ProxyType::GnosisSafeProxy, [0; 32])]);
        assert_eq!(of("63a619486ef4"), safe);
        assert_eq!(of(&format!("7fa619486e{}f4", "00".repeat(28))), safe);
        assert_eq!(of(&format!("7fa619486e{}f4", "01".repeat(28))), ByCode::No);
        assert_eq!(of("6352ef6b2cf4"), ByCode::InStorage(vec![Place::Facets]));
        let wallet = ByCode::InStorage(vec![Place::Sequence]);
        assert_eq!(of(&hex::encode(SEQUENCE_WALLET)), wallet);
    }

    #[test]
    fn factories_and_code_that_does_not_delegate_are_no_proxies() {
        let with_create = format!("7f{}54f0f4", hex::encode(EIP1967));
        for code in ["", "6080604052", "60f4", &with_create, "7f"] {
            assert_eq!(of(code), ByCode::No, "{code}");
        }
    }

    #[test]
    fn a_constant_address_before_the_call_is_fixed() {
        let wanted = ByCode::To(ProxyType::FixedProxy, Address::from_bytes([0x11; 20]));
        assert_eq!(
            of(&format!("365f80375f80365f73{}5af4", "11".repeat(20))),
            wanted
        );
        for address in ["ff", "00"] {
            let code = format!("365f80375f80365f73{}5af4", address.repeat(20));
            assert_eq!(of(&code), ByCode::No);
        }
        // Nothing copied, a part copied, a part sent, the copy in another line.
        for before in [
            "5f5f365f",
            "365f60043760005f365f",
            "365f80375f8060045f",
            "365f80375b5f5f365f",
        ] {
            let code = format!("{before}73{}5af4", "11".repeat(20));
            assert_eq!(of(&code), ByCode::No, "{code}");
        }
    }
}
