//! What the chains say: runtime code, the creation transaction, creation code.
//!
//! The only room that speaks to chain nodes. A node that cannot be asked is a [`ChainFault`], never
//! an answer: "no code" is said only when a node said it.

mod creation;
mod json_rpc;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::HashMap;
use std::time::Duration;

use crate::config::chains::ChainRegistry;
use verification::chain::{Address, ChainId, TransactionHash};

pub use creation::Creation;
use json_rpc::ChainClient;

/// No endpoint of the chain gave an answer that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ChainFault {
    #[error("chain {0} is not configured")]
    Unknown(ChainId),
    #[error("no endpoint of chain {chain} answered {method}: {reasons}")]
    NobodyAnswered {
        chain: ChainId,
        method: &'static str,
        reasons: String,
    },
    /// Somebody was there and would not: a method that is not offered, a limit, pruned state.
    #[error("the endpoints of chain {chain} refused {method}: {reasons}")]
    Refused {
        chain: ChainId,
        method: &'static str,
        reasons: String,
    },
}

/// One client for each chain; all share connections and what is known about endpoints.
#[derive(Debug)]
pub struct Chains(HashMap<ChainId, ChainClient>);

impl Chains {
    /// `timeout` is for one call to one endpoint.
    pub fn new(registry: &ChainRegistry, timeout: Duration) -> Result<Self, reqwest::Error> {
        let http = crate::http_client::build(timeout)?;
        let clients = registry
            .in_order()
            .into_iter()
            .map(|chain| (chain.id, ChainClient::new(chain, http.clone())))
            .collect();
        Ok(Self(clients))
    }

    /// The code at the address now; nothing if there is none.
    pub async fn runtime_code(
        &self,
        chain: ChainId,
        address: Address,
    ) -> Result<Option<Vec<u8>>, ChainFault> {
        self.client(chain)?.runtime_code(address).await
    }

    /// A word of the contract's storage.
    pub async fn storage(
        &self,
        chain: ChainId,
        address: Address,
        slot: [u8; 32],
    ) -> Result<Option<[u8; 32]>, ChainFault> {
        self.client(chain)?.storage(address, slot).await
    }

    /// What the contract answers to a call that changes nothing; nothing if it reverts.
    pub async fn call(
        &self,
        chain: ChainId,
        address: Address,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, ChainFault> {
        self.client(chain)?.eth_call(address, data).await
    }

    /// How the contract came to be, as far as the chain's endpoints can tell.
    ///
    /// A hash that was given is checked and not replaced by a search; one that does not belong to
    /// the contract gives nothing.
    pub async fn creation(
        &self,
        chain: ChainId,
        address: Address,
        given: Option<TransactionHash>,
    ) -> Result<Option<Creation>, ChainFault> {
        creation::find(self.client(chain)?, address, given).await
    }

    fn client(&self, chain: ChainId) -> Result<&ChainClient, ChainFault> {
        self.0.get(&chain).ok_or(ChainFault::Unknown(chain))
    }
}
