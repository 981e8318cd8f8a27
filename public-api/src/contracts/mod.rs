//! Verified contracts, as they are read. One file per endpoint.

pub(crate) mod contract;
pub(crate) mod list;
