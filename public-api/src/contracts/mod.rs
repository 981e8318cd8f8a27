//! Verified contracts, as they are read. One file per endpoint.

mod contract;
mod list;

pub(crate) use contract::get_contract;
pub(crate) use list::{on_all_chains, on_chain};
