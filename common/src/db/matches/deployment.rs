//! What the chain holds: the pair of codes, and where it came from.

use uuid::Uuid;
use verification::chain::{Address, TransactionHash};

use super::NewDeployment;
use super::codes::{Code, Codes};
use crate::db::jobs::Lease;
use crate::db::row::column;
use crate::db::statement::{Statement, statement};
use crate::db::{DatabaseError, Transaction};

const INSERT_CONTRACT: Statement = statement!("matches/insert_contract");
const GET_CONTRACT: Statement = statement!("matches/get_contract");
const INSERT_DEPLOYMENT: Statement = statement!("matches/insert_deployment");
const GET_DEPLOYMENT: Statement = statement!("matches/get_deployment");

/// The id of the deployment, which is inserted if it is new.
pub(super) async fn store(
    transaction: &Transaction<'_>,
    lease: &Lease,
    deployment: &NewDeployment,
    codes: &Codes<'_>,
) -> Result<Uuid, DatabaseError> {
    let contract_id = store_contract(transaction, codes).await?;
    let chain_id = lease.chain_id().as_i64();
    let address = lease.address();
    let address = address.as_bytes();
    let creation = deployment.creation_transaction.as_ref();
    let hash = creation.map(|creation| creation.hash);
    let hash = hash.as_ref().map(TransactionHash::as_bytes);
    let deployer = creation.map(|creation| creation.deployer);
    let inserted = transaction
        .query_opt(
            INSERT_DEPLOYMENT,
            &[
                &chain_id,
                &address,
                &hash,
                // As text, since the column is a numeric and a block's number is 64 bits without sign.
                &creation.map(|creation| creation.block_number.to_string()),
                &creation.map(|creation| creation.transaction_index.to_string()),
                &deployer.as_ref().map(Address::as_bytes),
                &contract_id,
            ],
        )
        .await?;
    let row = match inserted {
        Some(row) => row,
        None => {
            transaction
                .query_one(GET_DEPLOYMENT, &[&chain_id, &address, &hash, &contract_id])
                .await?
        }
    };
    column(&row, "id")
}

async fn store_contract(
    transaction: &Transaction<'_>,
    codes: &Codes<'_>,
) -> Result<Uuid, DatabaseError> {
    let creation = codes.onchain_creation.as_ref().map(Code::hash);
    let runtime = codes.onchain_runtime.hash();
    let inserted = transaction
        .query_opt(INSERT_CONTRACT, &[&creation, &runtime])
        .await?;
    // A row that was there is not returned; a later statement sees it whoever inserted it.
    let row = match inserted {
        Some(row) => row,
        None => {
            transaction
                .query_one(GET_CONTRACT, &[&creation, &runtime])
                .await?
        }
    };
    column(&row, "id")
}
