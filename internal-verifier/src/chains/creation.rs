//! The transaction that made a contract, and the code it was made with.

use serde::Deserialize;
use serde_json::json;
use verification::chain::{Address, TransactionHash};

use super::json_rpc::{ChainClient, bytes};
use super::{ChainFault, traces};

/// A creation transaction that was checked: it made this very contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Creation {
    pub(crate) code: Vec<u8>,
    pub(crate) transaction: TransactionHash,
    pub(crate) block_number: u64,
    pub(crate) transaction_index: u64,
    /// Who sent the transaction, also where a factory made the contract.
    pub(crate) deployer: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    from: String,
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    contract_address: Option<String>,
    block_number: String,
    transaction_index: String,
}

#[derive(Deserialize)]
struct Creator {
    hash: String,
}

pub(super) async fn find(
    client: &ChainClient,
    address: Address,
    given: Option<TransactionHash>,
) -> Result<Option<Creation>, ChainFault> {
    match given {
        Some(hash) => check(client, address, hash).await,
        None => match search(client, address).await {
            Some(hash) => check(client, address, hash).await,
            None => Ok(None),
        },
    }
}

/// Asks nodes that keep an index of creators (Otterscan's namespace: Erigon, Reth, anvil). Whoever
/// does not know the call answers with an error, which is no fault: the creation stays unknown.
async fn search(client: &ChainClient, address: Address) -> Option<TransactionHash> {
    let params = json!([address.to_lower_hex()]);
    let answer = client
        .call("ots_getContractCreator", params, |_| true)
        .await
        .ok()??;
    let creator: Creator = serde_json::from_value(answer).ok()?;
    creator.hash.parse().ok()
}

/// The creation, if this transaction made the contract: by itself or through a factory.
async fn check(
    client: &ChainClient,
    address: Address,
    hash: TransactionHash,
) -> Result<Option<Creation>, ChainFault> {
    let params = json!([hash.to_string()]);
    let (transaction, receipt) = futures::try_join!(
        client.call("eth_getTransactionByHash", params.clone(), |_| true),
        client.call("eth_getTransactionReceipt", params.clone(), |_| true),
    )?;
    let parsed = transaction.zip(receipt).and_then(|(transaction, receipt)| {
        let transaction: Transaction = serde_json::from_value(transaction).ok()?;
        let receipt: Receipt = serde_json::from_value(receipt).ok()?;
        Some((transaction, receipt))
    });
    let Some((transaction, receipt)) = parsed else {
        return Ok(None);
    };

    let made = receipt.contract_address.as_deref().and_then(lower_address);
    let code = if made == Some(address) {
        bytes(&transaction.input)
    } else {
        traces::creation_code(client, address, hash).await?
    };
    Ok(code.and_then(|code| {
        Some(Creation {
            code,
            transaction: hash,
            block_number: quantity(&receipt.block_number)?,
            transaction_index: quantity(&receipt.transaction_index)?,
            deployer: lower_address(&transaction.from)?,
        })
    }))
}

/// An address of a node's answer, whatever its capitals.
pub(super) fn lower_address(text: &str) -> Option<Address> {
    text.to_ascii_lowercase().parse().ok()
}

fn quantity(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}
