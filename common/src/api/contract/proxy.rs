//! Whether a contract forwards to others, and to which.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ProxyResolution {
    Resolved(Resolved),
    /// The chain had to be asked and gave no answer in time.
    #[serde(rename_all = "camelCase")]
    Unresolved {
        proxy_resolution_error: ProxyError,
    },
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    pub is_proxy: bool,
    /// `null`: no proxy.
    #[schema(required)]
    pub proxy_type: Option<ProxyType>,
    pub implementations: Vec<Implementation>,
}

/// How a proxy knows what it forwards to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum ProxyType {
    /// The address stands in the minimal code.
    EIP1167Proxy,
    /// The address stands in other code.
    FixedProxy,
    /// In a slot of its storage, by itself or through a beacon.
    EIP1967Proxy,
    GnosisSafeProxy,
    /// EIP-2535: it lists its facets.
    DiamondProxy,
    /// EIP-1822.
    PROXIABLEProxy,
    ZeppelinOSProxy,
    SequenceWalletProxy,
}

impl ProxyType {
    const ALL: [Self; 8] = [
        Self::EIP1167Proxy,
        Self::FixedProxy,
        Self::EIP1967Proxy,
        Self::GnosisSafeProxy,
        Self::DiamondProxy,
        Self::PROXIABLEProxy,
        Self::ZeppelinOSProxy,
        Self::SequenceWalletProxy,
    ];

    /// As the API spells it, and the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EIP1167Proxy => "EIP1167Proxy",
            Self::FixedProxy => "FixedProxy",
            Self::EIP1967Proxy => "EIP1967Proxy",
            Self::GnosisSafeProxy => "GnosisSafeProxy",
            Self::DiamondProxy => "DiamondProxy",
            Self::PROXIABLEProxy => "PROXIABLEProxy",
            Self::ZeppelinOSProxy => "ZeppelinOSProxy",
            Self::SequenceWalletProxy => "SequenceWalletProxy",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A contract that is forwarded to, with its name if it is verified on this chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Implementation {
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyError {
    #[schema(example = "proxy_resolution_error")]
    pub custom_code: &'static str,
    pub message: String,
    pub error_id: Uuid,
}
