//! What the chain says about a proxy whose implementation is kept in storage.

use futures::future::join_all;
use verification::chain::{Address, ChainId};

use super::Target;
use super::detect::{BEACON, FACET_ADDRESSES, Place};
use crate::api::contract::ProxyType;
use crate::chains::{ChainFault, Chains};

/// `implementation()` of a beacon.
const IMPLEMENTATION: [u8; 4] = [0x5c, 0x60, 0xda, 0x1b];
/// No diamond has more facets; an answer that claims so is hostile.
const MAX_FACETS: usize = 1000;

/// Of all places the first that names somebody. If none does: no proxy. A place that could not be asked
/// may be that first one, so that no later one counts.
pub(super) async fn ask(
    chains: &Chains,
    chain: ChainId,
    proxy: Address,
    places: &[Place],
) -> Result<Target, ChainFault> {
    let asking = places
        .iter()
        .map(|place| look(chains, chain, proxy, *place));
    for (place, answer) in places.iter().zip(join_all(asking).await) {
        let found = answer?;
        if !found.is_empty() {
            return Ok((Some(place.kind()), found));
        }
    }
    Ok((None, Vec::new()))
}

async fn look(
    chains: &Chains,
    chain: ChainId,
    proxy: Address,
    place: Place,
) -> Result<Vec<Address>, ChainFault> {
    let slot = async |slot| {
        let word = chains.storage(chain, proxy, slot).await?;
        Ok(word.and_then(address_of))
    };
    let found = match place {
        Place::Slot(_, number) => slot(number).await?,
        // Of the proxy's own address.
        Place::Sequence => slot(padded(proxy)).await?,
        Place::Beacon => match slot(BEACON).await? {
            Some(beacon) => {
                let answer = chains.call(chain, beacon, &IMPLEMENTATION).await?;
                answer.and_then(|answer| address_of(*answer.first_chunk()?))
            }
            None => None,
        },
        Place::Facets => {
            let answer = chains.call(chain, proxy, &FACET_ADDRESSES).await?;
            return Ok(answer.map(|answer| facets(&answer)).unwrap_or_default());
        }
    };
    Ok(found.into_iter().collect())
}

/// A word that is an address, and not zero.
fn address_of(word: [u8; 32]) -> Option<Address> {
    let (padding, address) = word.split_last_chunk::<20>()?;
    let is_address = padding.iter().all(|byte| *byte == 0) && address.iter().any(|byte| *byte != 0);
    is_address.then(|| Address::from_bytes(*address))
}

fn padded(address: Address) -> [u8; 32] {
    alloy_primitives::B256::left_padding_from(address.as_bytes()).0
}

/// An `address[]` as the ABI encodes it; nothing if it is anything else.
fn facets(answer: &[u8]) -> Vec<Address> {
    let (words, _) = answer.as_chunks::<32>();
    let [offset, count, rest @ ..] = words else {
        return Vec::new();
    };
    let count = number(count).filter(|count| *count <= MAX_FACETS);
    let listed = count.and_then(|count| rest.get(..count));
    match listed {
        Some(listed) if number(offset) == Some(32) => {
            let facets: Option<_> = listed.iter().copied().map(address_of).collect();
            facets.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn number(word: &[u8; 32]) -> Option<usize> {
    let (zeros, low) = word.split_last_chunk::<8>()?;
    let is_small = zeros.iter().all(|byte| *byte == 0);
    usize::try_from(u64::from_be_bytes(*low))
        .ok()
        .filter(|_| is_small)
}

impl Place {
    fn kind(self) -> ProxyType {
        match self {
            Self::Slot(kind, _) => kind,
            Self::Beacon => ProxyType::EIP1967Proxy,
            Self::Facets => ProxyType::DiamondProxy,
            Self::Sequence => ProxyType::SequenceWalletProxy,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use wiremock::Mock;
    use wiremock::matchers::{any, body_partial_json};

    use super::*;
    use crate::config::chains::ChainRegistry;

    fn word(text: &str) -> [u8; 32] {
        let mut word = [0; 32];
        hex::decode_to_slice(format!("{text:0>64}"), &mut word).unwrap();
        word
    }

    /// A node that gives this for slots, and an error for all else.
    async fn chains(slots: Option<&str>) -> (wiremock::MockServer, Chains) {
        let node = wiremock::MockServer::start().await;
        let answer = |document| wiremock::ResponseTemplate::new(200).set_body_json(document);
        let of_slots = body_partial_json(json!({"method": "eth_getStorageAt"}));
        let refusal = json!({"error": {"code": -32601, "message": "the method is not available"}});
        let slots = slots.map_or(refusal.clone(), |word| json!({"result": word}));
        let list = [word("20"), word("1"), word(&"11".repeat(20))].concat();
        let called = json!({"result": format!("0x{}", hex::encode(list))});
        Mock::given(of_slots)
            .respond_with(answer(slots))
            .mount(&node)
            .await;
        Mock::given(any())
            .respond_with(answer(called))
            .mount(&node)
            .await;
        let file = json!({"1": {"sourcifyName": "One", "supported": true, "rpc": [node.uri()]}});
        let registry = ChainRegistry::parse(&file.to_string(), &|_| None).unwrap();
        let chains = Chains::new(&registry, Duration::from_secs(5)).unwrap();
        (node, chains)
    }

    #[tokio::test]
    async fn the_first_place_that_names_somebody_counts() {
        let proxy = Address::from_bytes([0x99; 20]);
        let chain = ChainId::try_from(1).unwrap();
        let places = [Place::Slot(ProxyType::EIP1967Proxy, [1; 32]), Place::Facets];
        let facet = vec![Address::from_bytes([0x11; 20])];
        let slot = format!("0x{:0>64}", "22".repeat(20));
        let named = (
            Some(ProxyType::EIP1967Proxy),
            vec![Address::from_bytes([0x22; 20])],
        );
        for (slots, wanted) in [
            (Some(slot.as_str()), Some(named)),
            (Some("0x0"), Some((Some(ProxyType::DiamondProxy), facet))),
            // Perhaps it would have named somebody.
            (None, None),
        ] {
            let (_node, chains) = chains(slots).await;
            let found = ask(&chains, chain, proxy, &places).await;
            assert_eq!(found.ok(), wanted, "{slots:?}");
        }
    }

    #[test]
    fn only_a_padded_address_is_one() {
        assert_eq!(address_of(word("0")), None);
        assert_eq!(
            address_of(word(&"11".repeat(20))),
            Some(Address::from_bytes([0x11; 20]))
        );
        assert_eq!(address_of(word(&"11".repeat(21))), None);
    }

    #[test]
    fn facets_are_a_list_of_addresses_or_nothing() {
        let one = word(&"11".repeat(20));
        let list = |words: &[[u8; 32]]| facets(&words.concat());
        let (offset, length) = (word("20"), word("2"));
        let both = vec![Address::from_bytes([0x11; 20]); 2];
        assert_eq!(list(&[offset, length, one, one]), both);
        assert_eq!(list(&[offset, word("0")]), []);
        // Too short, of another kind, beyond every measure, with something else in it.
        assert_eq!(list(&[offset, length, one]), []);
        assert_eq!(list(&[one]), []);
        assert_eq!(list(&[offset, word(&"f".repeat(16))]), []);
        assert_eq!(list(&[offset, length, one, word("0")]), []);
        assert_eq!(facets(&[]), []);
    }
}
