//! Contracts in lists: by chain, and of one address on all chains.

use serde::Serialize;
use utoipa::ToSchema;

use super::MinimalContract;

/// Minimal documents. A page that is shorter than its limit is the last one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ContractList {
    pub results: Vec<MinimalContract>,
}
