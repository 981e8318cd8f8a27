//! What the chain holds, in the form in which it is compared and stored.

use tracing::Instrument;
use verification::chain::{Address, ChainId, OnChainCode, TransactionHash};

use super::Fault;
use common::chains::{Chains, Creation};

#[derive(Debug, Clone)]
pub(crate) struct OnChain {
    pub(crate) code: OnChainCode,
    /// Where the creation code came from; known together with it or not at all.
    pub(crate) creation: Option<Creation>,
}

/// Nothing if there is no code at the address.
pub(super) async fn look(
    chains: &Chains,
    chain: ChainId,
    address: Address,
    given: Option<TransactionHash>,
) -> Result<Option<OnChain>, Fault> {
    let (runtime, creation) = futures::join!(
        chains
            .runtime_code(chain, address)
            .instrument(tracing::info_span!("chain.code")),
        chains
            .creation(chain, address, given)
            .instrument(tracing::info_span!("chain.creation")),
    );
    let Some(runtime) = runtime.map_err(|source| Fault::Chain { source })? else {
        return Ok(None);
    };
    let creation = creation.map_err(|source| Fault::Chain { source })?;
    let code = OnChainCode {
        runtime,
        creation: creation.as_ref().map(|found| found.code.clone()),
    };
    Ok(Some(OnChain { code, creation }))
}
