//! The transaction that made a contract, and the code it was made with.

use serde_json::{Value, json};
use verification::chain::{Address, TransactionHash};

use super::json_rpc::{ChainClient, Reading, bytes};
use super::{ChainFault, traces};

/// A creation transaction that was checked: it made this very contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    pub code: Vec<u8>,
    pub transaction: TransactionHash,
    pub block_number: u64,
    pub transaction_index: u64,
    /// Who sent the transaction, also where a factory made the contract.
    pub deployer: Address,
}

struct Transaction {
    from: Address,
    input: Vec<u8>,
}

struct Receipt {
    /// None for a transaction that is a call; a factory's child is not named here.
    made: Option<Address>,
    /// Whatever it did was undone. Receipts from before Byzantium don't tell.
    has_failed: bool,
    block_number: u64,
    transaction_index: u64,
}

pub(super) async fn find(
    client: &ChainClient,
    address: Address,
    given: Option<TransactionHash>,
) -> Result<Option<Creation>, ChainFault> {
    match given {
        Some(hash) => check(client, address, hash).await,
        None => match search(client, address).await? {
            Some(hash) => check(client, address, hash).await,
            None => Ok(None),
        },
    }
}

/// Asks nodes that keep an index of creators (Otterscan's namespace: Erigon, Reth, anvil). Whoever
/// does not know the call refuses it, which is no fault: the creation stays unknown.
async fn search(
    client: &ChainClient,
    address: Address,
) -> Result<Option<TransactionHash>, ChainFault> {
    let params = json!([address.to_lower_hex()]);
    let read = |result: Value| {
        let hash = result.get("hash").and_then(Value::as_str);
        hash.and_then(|hash| hash.parse().ok())
            .map_or(Reading::Nothing, Reading::Found)
    };
    match client
        .call("ots_getContractCreator", params, |_| true, read)
        .await
    {
        Err(ChainFault::Refused { .. }) => Ok(None),
        found => found,
    }
}

/// The creation, if this transaction made the contract: by itself or through a factory.
async fn check(
    client: &ChainClient,
    address: Address,
    hash: TransactionHash,
) -> Result<Option<Creation>, ChainFault> {
    let params = json!([hash.to_string()]);
    let (transaction, receipt) = futures::try_join!(
        client.call(
            "eth_getTransactionByHash",
            params.clone(),
            |_| true,
            read_transaction
        ),
        client.call(
            "eth_getTransactionReceipt",
            params.clone(),
            |_| true,
            read_receipt
        ),
    )?;
    let Some((transaction, receipt)) = transaction.zip(receipt) else {
        return Ok(None);
    };
    if receipt.has_failed {
        return Ok(None);
    }
    let code = if receipt.made == Some(address) {
        Some(transaction.input)
    } else {
        traces::creation_code(client, address, hash).await?
    };
    Ok(code.map(|code| Creation {
        code,
        transaction: hash,
        block_number: receipt.block_number,
        transaction_index: receipt.transaction_index,
        deployer: transaction.from,
    }))
}

fn read_transaction(result: Value) -> Reading<Transaction> {
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    let parse = || {
        Some(Transaction {
            from: lower_address(text("from")?)?,
            input: bytes(text("input")?)?,
        })
    };
    known(&result, parse())
}

fn read_receipt(result: Value) -> Reading<Receipt> {
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    let parse = || {
        Some(Receipt {
            made: match text("contractAddress") {
                Some(address) => Some(lower_address(address)?),
                None => None,
            },
            has_failed: text("status").and_then(quantity) == Some(0),
            block_number: quantity(text("blockNumber")?)?,
            transaction_index: quantity(text("transactionIndex")?)?,
        })
    };
    known(&result, parse())
}

/// `null`: the node does not know the transaction.
fn known<T>(result: &Value, parsed: Option<T>) -> Reading<T> {
    match parsed {
        Some(parsed) => Reading::Found(parsed),
        None if result.is_null() => Reading::Nothing,
        None => Reading::Unreadable,
    }
}

/// An address of a node's answer, whatever its capitals.
pub(super) fn lower_address(text: &str) -> Option<Address> {
    text.to_ascii_lowercase().parse().ok()
}

fn quantity(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_tells_whether_what_was_done_stayed() {
        let receipt = |status: Value| {
            let receipt = json!({
                "contractAddress": null, "blockNumber": "0x10", "transactionIndex": "0x0",
                "status": status,
            });
            match read_receipt(receipt) {
                Reading::Found(receipt) => receipt.has_failed,
                Reading::Nothing | Reading::Unreadable => panic!("a receipt can be read"),
            }
        };
        assert!(receipt(json!("0x0")));
        assert!(!receipt(json!("0x1")));
        assert!(!receipt(Value::Null), "before Byzantium");
    }
}
