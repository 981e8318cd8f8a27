//! The chains we know, read from a file in the format of Sourcify's `sourcify-chains.json`.
//!
//! An object keyed by chain id: `sourcifyName`, `supported`, and `rpc`, a list of URLs or of objects
//! with `type`, `url`, `traceSupport` and `headers`. Keys never stand in the file: a URL holds
//! `{API_KEY}`, and `apiKeyEnvName` says which variable has it. An endpoint whose key is not set is
//! left out, so that one file serves every deployment.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use verification::chain::ChainId;

use super::Secret;

/// Every chain of the file, deprecated ones included: their contracts stay readable.
#[derive(Debug, Clone, Default)]
pub struct ChainRegistry(BTreeMap<ChainId, Chain>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub id: ChainId,
    pub name: String,
    /// A longer name.
    pub title: Option<String>,
    /// Whether new verifications are taken. A chain that is not supported is only read.
    pub supported: bool,
    /// Whether contracts of the chain can be imported from the explorer.
    pub etherscan_api: Option<EtherscanApi>,
    /// In the order in which they are asked.
    pub rpcs: Vec<Rpc>,
}

/// How the explorer is asked about a chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EtherscanApi {
    /// The chain's own key, instead of the server's.
    pub api_key: Option<Secret>,
}

/// One endpoint of a chain's nodes.
#[derive(Clone, PartialEq, Eq)]
pub struct Rpc {
    /// May hold a key: for the connection only.
    pub url: String,
    /// May hold keys: for the connection only.
    pub headers: Vec<(String, String)>,
    /// What anybody may see: the file's own words, without user and query.
    pub public_url: String,
    pub traces: Option<TraceSupport>,
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc")
            .field("public_url", &self.public_url)
            .field("traces", &self.traces)
            .finish_non_exhaustive()
    }
}

/// Which call gives the traces of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceSupport {
    TraceTransaction,
    DebugTraceTransaction,
}

impl TraceSupport {
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::TraceTransaction => "trace_transaction",
            Self::DebugTraceTransaction => "debug_traceTransaction",
        }
    }

    fn from_method(name: &str) -> Option<Self> {
        [Self::TraceTransaction, Self::DebugTraceTransaction]
            .into_iter()
            .find(|support| support.method() == name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ChainsError {
    #[error("cannot read the chains file {path}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the chains file is not what it should be: an object keyed by chain id, as in \
         {{\"31337\": {{\"sourcifyName\": \"Dev\", \"supported\": true, \"rpc\": [\"http://127.0.0.1:8545\"]}}}}"
    )]
    Shape { source: serde_json::Error },
    /// All that is wrong, a chain at a time.
    #[error("the chains file: {}", .0.join("; "))]
    Entries(Vec<String>),
}

impl ChainRegistry {
    /// `secret` gives the value of a variable that holds a key.
    pub fn read(path: &Path, secret: &dyn Fn(&str) -> Option<String>) -> Result<Self, ChainsError> {
        let text = std::fs::read_to_string(path).map_err(|source| ChainsError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, secret)
    }

    pub fn parse(text: &str, secret: &dyn Fn(&str) -> Option<String>) -> Result<Self, ChainsError> {
        file::parse(text, secret)
            .map(|chains| Self(chains.into_iter().map(|chain| (chain.id, chain)).collect()))
    }

    #[must_use]
    pub fn find(&self, id: ChainId) -> Option<&Chain> {
        self.0.get(&id)
    }

    /// Ethereum and its test networks first, the others by title or name.
    #[must_use]
    pub fn in_order(&self) -> Vec<&Chain> {
        const FIRST: [i64; 7] = [1, 560_048, 11_155_111, 17_000, 5, 3, 4];
        let mut chains: Vec<&Chain> = self.0.values().collect();
        chains.sort_by_cached_key(|chain| {
            let place = FIRST.iter().position(|&id| id == chain.id.as_i64());
            (
                place.unwrap_or(FIRST.len()),
                chain.title.as_ref().unwrap_or(&chain.name).to_lowercase(),
                chain.id,
            )
        });
        chains
    }
}
