//! Verified contracts, as they are read. One file per endpoint.

mod contract;

pub(crate) use contract::get_contract;
