//! Settings: read once at start, typed, all mistakes reported together.
//!
//! Only modules called `config` read the environment. A service reads its own settings with a
//! [`Reader`], which remembers what there is to be set: the help and the README's table come from
//! there. What both services read in the same way stands here.

pub mod chains;
mod command_line;
mod given;
mod reader;
mod secret;
mod service;
mod setting;

pub use command_line::Program;
pub use given::Given;
pub use reader::Reader;
pub use secret::Secret;
pub use service::{
    DatabaseSettings, Listen, OtlpToken, ServiceConfig, TelemetrySettings, authority,
    check_database_url,
};
pub use setting::{Setting, Usual};

/// Every setting that is missing or wrong, in the order of reading.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("wrong settings:\n  {}", .0.join("\n  "))]
pub struct Mistakes(pub Vec<String>);
