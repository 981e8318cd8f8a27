//! What a contract forwards to.
//!
//! Code that forwards to a fixed address says so itself. Where the address is kept in storage, the
//! chain is asked, but only when the resolution was asked for by its name; else the last one that
//! somebody asked for is shown, and without one the field is left out.

mod ask;
mod code;
mod detect;
mod forwarding;

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Semaphore;
use uuid::Uuid;
use verification::chain::Address;

use super::LookupError;
use super::load::Loaded;
use super::selection::Selection;
use crate::api::contract::{Implementation, ProxyError, ProxyResolution, ProxyType, Resolved};
use crate::chains::Chains;
use crate::db::Database;
use crate::db::contracts::{self, MatchRow};
use crate::report::with_causes;
use detect::{ByCode, Place, detect};

/// Who may be asked, for how long in all, and by how many at once: a short request of anybody makes
/// several of ours.
#[derive(Debug, Clone, Copy)]
pub struct ProxyQuestions<'a> {
    pub chains: &'a Chains,
    pub within: Duration,
    pub at_once: &'a Semaphore,
}

/// A proxy's kind and what it forwards to; no kind, no proxy.
type Target = (Option<ProxyType>, Vec<Address>);

pub(super) async fn resolution(
    database: &Database,
    found: &MatchRow,
    loaded: &Loaded,
    selection: &Selection,
    questions: &ProxyQuestions<'_>,
) -> Result<Option<ProxyResolution>, LookupError> {
    if !selection.has("proxyResolution") {
        return Ok(None);
    }
    let codes = &loaded.codes;
    let (runtime, creation) = (&codes.onchain_runtime, &codes.onchain_creation);
    let by_code = detect(
        runtime.as_deref().unwrap_or_default(),
        creation.as_deref().unwrap_or_default(),
    );
    let target = match by_code {
        ByCode::No => (None, Vec::new()),
        ByCode::To(kind, address) => (Some(kind), vec![address]),
        ByCode::InStorage(places) if selection.names_proxy() => {
            match ask(found, &places, questions).await {
                Ok(target) => {
                    store(database, found, loaded.proxy.as_ref(), &target).await;
                    target
                }
                Err(problem) => return Ok(Some(problem)),
            }
        }
        ByCode::InStorage(_) => match &loaded.proxy {
            Some(stored) => (stored.proxy_type, stored.implementations.clone()),
            None => return Ok(None),
        },
    };
    let resolved = with_names(database, found, target).await?;
    Ok(Some(ProxyResolution::Resolved(resolved)))
}

/// The chain's answer, or what the client is told without one.
async fn ask(
    found: &MatchRow,
    places: &[Place],
    questions: &ProxyQuestions<'_>,
) -> Result<Target, ProxyResolution> {
    let (chain, address) = (found.chain_id, found.address);
    let reason = match questions.at_once.try_acquire() {
        Ok(_place) => {
            let asking = ask::ask(questions.chains, chain, address, places);
            match tokio::time::timeout(questions.within, asking).await {
                Ok(Ok(target)) => return Ok(target),
                Ok(Err(error)) => with_causes(&error),
                Err(_elapsed) => format!("no answer within {} ms", questions.within.as_millis()),
            }
        }
        Err(_none_free) => "too many proxies are asked about at once".to_owned(),
    };
    let error_id = Uuid::new_v4();
    tracing::warn!(
        event = "proxy_unresolved", %error_id, %chain, %address, reason,
        "what the proxy forwards to could not be asked"
    );
    Err(ProxyResolution::Unresolved {
        proxy_resolution_error: ProxyError {
            custom_code: "proxy_resolution_error",
            message: format!(
                "What {address} forwards to is kept on chain {chain}, which could not be asked in time. Try again."
            ),
            error_id,
        },
    })
}

/// For those who don't ask. Most proxies stay as they are, and nothing is written for them.
async fn store(
    database: &Database,
    found: &MatchRow,
    stored: Option<&contracts::ProxyResolution>,
    (kind, implementations): &Target,
) {
    let is_stored = |stored: &contracts::ProxyResolution| {
        stored.proxy_type == *kind && stored.implementations == *implementations
    };
    if stored.is_some_and(is_stored) {
        return;
    }
    let (chain, address) = (found.chain_id, found.address);
    let storing =
        contracts::store_proxy_resolution(database, chain, &address, *kind, implementations);
    // The answer is known without it, and the next who asks stores it.
    if let Err(error) = storing.await {
        tracing::warn!(
            event = "proxy_not_stored", %chain, %address, error = with_causes(&error),
            "what the proxy forwards to was not kept"
        );
    }
}

async fn with_names(
    database: &Database,
    found: &MatchRow,
    (proxy_type, addresses): Target,
) -> Result<Resolved, LookupError> {
    let names = if addresses.is_empty() {
        Vec::new()
    } else {
        contracts::list_names(database, found.chain_id, &addresses).await?
    };
    Ok(Resolved {
        is_proxy: proxy_type.is_some(),
        proxy_type,
        implementations: named(&addresses, names.into_iter().collect()),
    })
}

fn named(addresses: &[Address], names: HashMap<Address, String>) -> Vec<Implementation> {
    let implementations = addresses.iter().map(|address| Implementation {
        address: address.to_string(),
        name: names.get(address).cloned(),
    });
    implementations.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facet_that_is_listed_twice_has_its_name_twice() {
        let [known, unknown] = [[0x11; 20], [0x22; 20]].map(Address::from_bytes);
        let named = named(&[known, unknown, known], [(known, "A".to_owned())].into());
        let names: Vec<_> = named.iter().map(|facet| facet.name.as_deref()).collect();
        assert_eq!(names, [Some("A"), None, Some("A")]);
    }
}
