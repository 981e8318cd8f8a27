//! What a contract forwards to.
//!
//! Code that forwards to a fixed address says so itself. Where the address is kept in storage, the
//! chain is asked, but only when the resolution was asked for by its name; else the last one that
//! somebody asked for is shown, and without one the field is left out.

mod ask;
mod code;
mod detect;
mod forwarding;

use std::time::Duration;

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

/// Who may be asked, and for how long in all.
#[derive(Debug, Clone, Copy)]
pub struct ProxyQuestions<'a> {
    pub chains: &'a Chains,
    pub within: Duration,
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
            match ask(database, found, &places, questions).await? {
                Ok(target) => target,
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

/// The chain's answer, kept for those who don't ask; or what the client is told without one.
async fn ask(
    database: &Database,
    found: &MatchRow,
    places: &[Place],
    questions: &ProxyQuestions<'_>,
) -> Result<Result<Target, ProxyResolution>, LookupError> {
    let (chain, address) = (found.chain_id, found.address);
    let asking = ask::ask(questions.chains, chain, address, places);
    let reason = match tokio::time::timeout(questions.within, asking).await {
        Ok(Ok(target)) => {
            let (kind, implementations) = &target;
            contracts::store_proxy_resolution(database, chain, &address, *kind, implementations)
                .await?;
            return Ok(Ok(target));
        }
        Ok(Err(error)) => with_causes(&error),
        Err(_elapsed) => format!("no answer within {} ms", questions.within.as_millis()),
    };
    let error_id = Uuid::new_v4();
    tracing::warn!(
        event = "proxy_unresolved", %error_id, %chain, %address, reason,
        "what the proxy forwards to could not be asked"
    );
    Ok(Err(ProxyResolution::Unresolved {
        proxy_resolution_error: ProxyError {
            custom_code: "proxy_resolution_error",
            message: format!(
                "What {address} forwards to is kept on chain {chain}, which could not be asked in time. Try again."
            ),
            error_id,
        },
    }))
}

async fn with_names(
    database: &Database,
    found: &MatchRow,
    (proxy_type, addresses): Target,
) -> Result<Resolved, LookupError> {
    let mut names = if addresses.is_empty() {
        Vec::new()
    } else {
        contracts::list_names(database, found.chain_id, &addresses).await?
    };
    let implementations = addresses.into_iter().map(|address| {
        let at = names.iter().position(|(named, _)| *named == address);
        Implementation {
            address: address.to_string(),
            name: at.map(|at| names.swap_remove(at).1),
        }
    });
    Ok(Resolved {
        is_proxy: proxy_type.is_some(),
        proxy_type,
        implementations: implementations.collect(),
    })
}
