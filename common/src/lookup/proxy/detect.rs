//! Whether code forwards to other code, as far as the code itself tells.
//!
//! Code that makes contracts is a factory and no proxy; code that delegates to nobody is none either.
//! A minimal proxy (EIP-1167) or a fixed address names its implementation. All other kinds keep it in
//! storage: they are recognised by the number of the slot, and only the chain knows the rest. The slot
//! may stand only in the creation code: `OpenZeppelin`'s beacon proxy has the beacon as an immutable.

use alloy_primitives::hex;
use verification::chain::Address;

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
const DELEGATECALL: u8 = 0xf4;
const CREATE2: u8 = 0xf5;
const PUSH1: u8 = 0x60;
const PUSH20: u8 = 0x73;
const PUSH32: u8 = 0x7f;

const MINIMAL_HEAD: [u8; 10] = hex!("363d3d373d3d3d363d73");
const MINIMAL_TAIL: [u8; 15] = hex!("5af43d82803e903d91602b57fd5bf3");
/// A wallet of 0xsequence, whole.
const SEQUENCE_WALLET: [u8; 26] = hex!("363d3d373d3d3d363d30545af43d82803e903d91601857fd5bf3");

const EIP1967: [u8; 32] = hex!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
/// `org.zeppelinos.proxy.implementation`
const ZEPPELIN_OS: [u8; 32] =
    hex!("7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3");
/// `PROXIABLE`
const EIP1822: [u8; 32] = hex!("c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7");

/// What a push in the code hints at. A Safe's proxy answers `masterCopy()` itself, and keeps it in the
/// first slot; a diamond has its own storage, or lists its facets.
const HINTS: [(&[u8], Place); 7] = [
    (&EIP1967, Place::Slot(ProxyType::EIP1967Proxy, EIP1967)),
    (
        &hex!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
        Place::Beacon,
    ),
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
    (&hex!("52ef6b2c"), Place::Facets),
];

/// `creation` may be empty: unknown.
pub(super) fn detect(runtime: &[u8], creation: &[u8]) -> ByCode {
    if let Some(implementation) = minimal_proxy(runtime) {
        return ByCode::To(ProxyType::EIP1167Proxy, implementation);
    }
    if runtime == SEQUENCE_WALLET {
        return ByCode::InStorage(vec![Place::Sequence]);
    }
    let fixed = match delegation(runtime) {
        Delegation::None => return ByCode::No,
        Delegation::Somewhere => None,
        Delegation::To(address) => Some(address),
    };
    let mut places = Vec::new();
    for (hint, place) in HINTS {
        let is_hinted = instructions(runtime)
            .chain(instructions(creation))
            .any(|(_, pushed)| is_hint(pushed, hint));
        if is_hinted && !places.contains(&place) {
            places.push(place);
        }
    }
    match fixed {
        _ if !places.is_empty() => ByCode::InStorage(places),
        Some(address) => ByCode::To(ProxyType::FixedProxy, address),
        None => ByCode::No,
    }
}

/// Selectors are often pushed as whole words, with zeros behind.
fn is_hint(pushed: &[u8], hint: &[u8]) -> bool {
    let rest = pushed.strip_prefix(hint);
    rest.is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delegation {
    /// Nothing is delegated, or contracts are made.
    None,
    Somewhere,
    /// The address stands before the call.
    To(Address),
}

fn delegation(code: &[u8]) -> Delegation {
    let mut delegation = Delegation::None;
    let mut last_address = None;
    for (opcode, argument) in instructions(code) {
        match opcode {
            CREATE | CREATE2 => return Delegation::None,
            DELEGATECALL => {
                delegation = match (delegation, last_address) {
                    (Delegation::To(first), _) => Delegation::To(first),
                    (_, Some(address)) => Delegation::To(address),
                    (_, None) => Delegation::Somewhere,
                };
            }
            PUSH20 => last_address = Address::try_from(argument).ok().filter(is_no_mask),
            // Gas and the copying of data stand between the address and the call; anything that jumps
            // may bring another address.
            0x56 | 0x57 | 0x5b => last_address = None,
            _ => {}
        }
    }
    delegation
}

fn is_no_mask(address: &Address) -> bool {
    address.as_bytes().iter().any(|byte| *byte != 0xff)
}

fn minimal_proxy(code: &[u8]) -> Option<Address> {
    let at = code
        .windows(MINIMAL_HEAD.len())
        .position(|window| window == MINIMAL_HEAD)?;
    let rest = code.get(at + MINIMAL_HEAD.len()..)?;
    let (address, tail) = rest.split_first_chunk::<20>()?;
    tail.starts_with(&MINIMAL_TAIL)
        .then(|| Address::from_bytes(*address))
}

/// Each opcode with what it pushes.
fn instructions(code: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let (&opcode, after) = rest.split_first()?;
        let pushed = if (PUSH1..=PUSH32).contains(&opcode) {
            usize::from(opcode - PUSH1) + 1
        } else {
            0
        };
        let (argument, after) = after.split_at(pushed.min(after.len()));
        rest = after;
        Some((opcode, argument))
    })
}

#[cfg(test)]
mod tests {
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
        assert_eq!(of(&runtime[..40]), ByCode::No);
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
        let mask = format!("365f80375f80365f73{}5af4", "ff".repeat(20));
        assert_eq!(of(&mask), ByCode::No);
    }
}
