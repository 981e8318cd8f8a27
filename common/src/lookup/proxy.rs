//! Whether code forwards to other code, as far as the code itself tells.
//!
//! Code that makes contracts is a factory and no proxy; code that delegates to nobody is none either.
//! A minimal proxy (EIP-1167) or a fixed address names its implementation. All other kinds keep it in
//! storage: they are recognised by the slot's number in the code, and only the chain knows the rest.

/// What the code tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProxyByCode {
    No,
    To {
        kind: &'static str,
        implementation: [u8; 20],
    },
    /// Of this kind if its slot is not empty.
    InStorage,
}

const CREATE: u8 = 0xf0;
const DELEGATECALL: u8 = 0xf4;
const CREATE2: u8 = 0xf5;
const PUSH1: u8 = 0x60;
const PUSH20: u8 = 0x73;
const PUSH32: u8 = 0x7f;

const MINIMAL_HEAD: [u8; 10] = [0x36, 0x3d, 0x3d, 0x37, 0x3d, 0x3d, 0x3d, 0x36, 0x3d, 0x73];
const MINIMAL_TAIL: [u8; 15] = [
    0x5a, 0xf4, 0x3d, 0x82, 0x80, 0x3e, 0x90, 0x3d, 0x91, 0x60, 0x2b, 0x57, 0xfd, 0x5b, 0xf3,
];
/// A wallet of 0xsequence keeps the implementation in the slot of its own address.
const SEQUENCE_WALLET: &str = "363d3d373d3d3d363d30545af43d82803e903d91601857fd5bf3";

/// EIP-1967, the older `org.zeppelinos.proxy.implementation`, EIP-1822's `PROXIABLE`, and
/// the diamond storage of EIP-2535.
const SLOTS: [&str; 4] = [
    "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
    "7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3",
    "c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7",
    "c8fcad8db84d3cc18b4c41d551ea0ee66dd599cde068d998e57d5e09332c131c",
];
/// `masterCopy()` of a Safe's proxy, and `facetAddresses()` of a diamond.
const SELECTORS: [&str; 2] = ["a619486e", "52ef6b2c"];

pub(super) fn detect(code: &[u8]) -> ProxyByCode {
    if let Some(implementation) = minimal_proxy(code) {
        return ProxyByCode::To {
            kind: "EIP1167Proxy",
            implementation,
        };
    }
    if hex::encode(code).contains(SEQUENCE_WALLET) {
        return ProxyByCode::InStorage;
    }
    let mut delegates = false;
    let mut is_in_storage = false;
    let mut last_address = None;
    let mut fixed = None;
    for (opcode, argument) in instructions(code) {
        match opcode {
            CREATE | CREATE2 => return ProxyByCode::No,
            DELEGATECALL => {
                delegates = true;
                fixed = fixed.or(last_address);
            }
            PUSH20 => last_address = <[u8; 20]>::try_from(argument).ok(),
            PUSH1..=PUSH32 => {
                let argument = hex::encode(argument);
                is_in_storage |=
                    SLOTS.contains(&argument.as_str()) || SELECTORS.contains(&argument.as_str());
            }
            // Gas and the copying of data stand between the address and the call; anything that jumps
            // may bring another address.
            0x56 | 0x57 | 0x5b => last_address = None,
            _ => {}
        }
    }
    let is_mask = |address: &[u8; 20]| address.iter().all(|byte| *byte == 0xff);
    match fixed.filter(|address| !is_mask(address)) {
        _ if !delegates => ProxyByCode::No,
        _ if is_in_storage => ProxyByCode::InStorage,
        Some(implementation) => ProxyByCode::To {
            kind: "FixedProxy",
            implementation,
        },
        None => ProxyByCode::No,
    }
}

fn minimal_proxy(code: &[u8]) -> Option<[u8; 20]> {
    let at = code
        .windows(MINIMAL_HEAD.len())
        .position(|window| window == MINIMAL_HEAD)?;
    let rest = code.get(at + MINIMAL_HEAD.len()..)?;
    let (address, tail) = rest.split_at_checked(20)?;
    if tail.starts_with(&MINIMAL_TAIL) {
        address.try_into().ok()
    } else {
        None
    }
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

    #[test]
    fn a_minimal_proxy_names_its_implementation() {
        let address = "bebebebebebebebebebebebebebebebebebebebe";
        let runtime = format!("363d3d373d3d3d363d73{address}5af43d82803e903d91602b57fd5bf3");
        let wanted = ProxyByCode::To {
            kind: "EIP1167Proxy",
            implementation: [0xbe; 20],
        };
        assert_eq!(detect(&hex::decode(&runtime).unwrap()), wanted);
        let creation = format!("3d602d80600a3d3981f3{runtime}");
        assert_eq!(detect(&hex::decode(creation).unwrap()), wanted);
        let cut = &runtime[..40];
        assert_eq!(detect(&hex::decode(cut).unwrap()), ProxyByCode::No);
    }

    #[test]
    fn a_slot_in_the_code_means_that_storage_knows() {
        let code = format!("7f{}54365f80375f80365f845af4", SLOTS[0]);
        assert_eq!(detect(&hex::decode(code).unwrap()), ProxyByCode::InStorage);
    }

    #[test]
    fn factories_and_code_that_does_not_delegate_are_no_proxies() {
        let with_create = format!("7f{}54f0f4", SLOTS[0]);
        for code in ["", "6080604052", "60f4", &with_create, "7f"] {
            assert_eq!(
                detect(&hex::decode(code).unwrap()),
                ProxyByCode::No,
                "{code}"
            );
        }
    }

    #[test]
    fn a_constant_address_before_the_call_is_fixed() {
        let code = format!("365f80375f80365f73{}5af4", "11".repeat(20));
        let wanted = ProxyByCode::To {
            kind: "FixedProxy",
            implementation: [0x11; 20],
        };
        assert_eq!(detect(&hex::decode(code).unwrap()), wanted);
    }
}
