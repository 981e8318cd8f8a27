//! A verified contract: the deployment, how it matches, and the codes of both.

use serde_json::value::RawValue;
use uuid::Uuid;
use verification::chain::{Address, TransactionHash};

use super::ContractReader;
use crate::db::DatabaseError;
use crate::db::row::{self, column, document_if_any};
use crate::db::statement::{Statement, statement};

const GET_VERIFIED: Statement = statement!("contracts/get_verified");
const GET_CODES: Statement = statement!("contracts/get_codes");

/// A pair of a deployment and a compilation that match, by its id of [`super::MatchRow`].
#[derive(Debug, Clone)]
pub struct VerifiedContract {
    pub id: i64,
    pub compilation_id: Uuid,
    pub deployment: Deployment,
    /// `None`: the side does not match.
    pub creation: Option<SideTransformations>,
    pub runtime: Option<SideTransformations>,
}

/// What turns the recompiled code of a side into the code on chain.
#[derive(Debug, Clone)]
pub struct SideTransformations {
    pub transformations: Box<RawValue>,
    pub values: Box<RawValue>,
}

/// Where the contract came from. The four are known together or not at all, but for foreign data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub transaction_hash: Option<TransactionHash>,
    /// A decimal number, as the API shows it; -1 for the genesis block of foreign data.
    pub block_number: Option<String>,
    /// A decimal number, as the API shows it.
    pub transaction_index: Option<String>,
    pub deployer: Option<Address>,
}

/// The codes of both sides. Of a match all are known but perhaps the creation code on chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    pub onchain_creation: Option<Vec<u8>>,
    pub onchain_runtime: Option<Vec<u8>>,
    pub recompiled_creation: Option<Vec<u8>>,
    pub recompiled_runtime: Option<Vec<u8>>,
}

impl ContractReader {
    /// The verified contract of a match row.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn get_verified(
        &self,
        verified_contract_id: i64,
    ) -> Result<VerifiedContract, DatabaseError> {
        let row = self
            .connection
            .query_one(GET_VERIFIED, &[&verified_contract_id])
            .await?;
        let side = |transformations, values| -> Result<_, DatabaseError> {
            let transformations = document_if_any(&row, transformations)?;
            let values = document_if_any(&row, values)?;
            Ok(transformations
                .zip(values)
                .map(|(transformations, values)| SideTransformations {
                    transformations,
                    values,
                }))
        };
        Ok(VerifiedContract {
            id: verified_contract_id,
            compilation_id: column(&row, "compilation_id")?,
            creation: side("creation_transformations", "creation_values")?,
            runtime: side("runtime_transformations", "runtime_values")?,
            deployment: Deployment {
                transaction_hash: row::transaction_hash_if_any(&row, "transaction_hash")?,
                block_number: column(&row, "block_number")?,
                transaction_index: column(&row, "transaction_index")?,
                deployer: row::address_if_any(&row, "deployer")?,
            },
        })
    }

    /// The four codes of a verified contract. Apart from the rest, because they are long.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn get_codes(&self, verified_contract_id: i64) -> Result<Codes, DatabaseError> {
        let row = self
            .connection
            .query_one(GET_CODES, &[&verified_contract_id])
            .await?;
        Ok(Codes {
            onchain_creation: column(&row, "onchain_creation_code")?,
            onchain_runtime: column(&row, "onchain_runtime_code")?,
            recompiled_creation: column(&row, "recompiled_creation_code")?,
            recompiled_runtime: column(&row, "recompiled_runtime_code")?,
        })
    }
}
