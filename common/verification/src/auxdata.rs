//! Where metadata lies in compiled code.
//!
//! Compilers append a blob of CBOR to code, and solc one for every contract embedded in another.
//! Those bytes may differ on the chain while the program is the same, so that it matters much that
//! nothing else is taken for metadata: an author can put a copy of the blob into the code as a
//! constant. Searching alone would take that copy for metadata too. So a place counts only if the
//! compiler's own account of its blobs leaves no other reading, or if it moves along when the
//! sources change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::compiled_contract::CompiledContract;
use crate::compiler::{Language, ReleaseNumber};
use crate::transformation::hex_text;

mod assembly;
mod cbor;
mod positions;
mod vyper;

pub use assembly::Assembly;
pub(crate) use cbor::{
    MetadataHash, ends_with_metadata_hash, holds_hash, is_cbor, last_auxdata, last_metadata_hash,
};
pub(crate) use vyper::immutable_size;

/// A blob in the code, with its length bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedAuxdata {
    pub offset: usize,
    pub value: Vec<u8>,
}

/// The blobs of one code by id. Ids count through the whole contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuxdataPositions {
    /// All of them; none is an answer too.
    Known(BTreeMap<u32, PlacedAuxdata>),
    /// We couldn't tell: this code can only match byte for byte.
    Unknown,
}

impl AuxdataPositions {
    #[must_use]
    pub fn none() -> Self {
        Self::Known(BTreeMap::new())
    }

    /// `cborAuxdata` as it is stored; null if we couldn't tell.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Unknown => Value::Null,
            Self::Known(placed) => placed
                .iter()
                .map(|(id, blob)| {
                    let document = json!({"offset": blob.offset, "value": hex_text(&blob.value)});
                    (id.to_string(), document)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Reads what was stored. What isn't of that shape tells nothing.
    #[must_use]
    pub fn from_json(stored: &Value) -> Self {
        let read = |(id, document): (&String, &Value)| {
            let offset = document.get("offset")?.as_u64()?;
            let digits = document.get("value")?.as_str()?.strip_prefix("0x")?;
            let blob = PlacedAuxdata {
                offset: usize::try_from(offset).ok()?,
                value: hex::decode(digits).ok().filter(|value| !value.is_empty())?,
            };
            Some((id.parse().ok()?, blob))
        };
        stored
            .as_object()
            .and_then(|members| members.iter().map(read).collect())
            .map_or(Self::Unknown, Self::Known)
    }
}

/// The positions in both codes of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractAuxdata {
    pub creation: AuxdataPositions,
    pub runtime: AuxdataPositions,
}

/// What one compile tells about the positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuxdataSearch {
    Settled(ContractAuxdata),
    /// A second compile, of [`crate::std_json::StdJsonInput::edited_for_auxdata`], would tell: give
    /// both to [`place_auxdata`].
    NeedsSecondCompile {
        /// What to go on with when there can't be one.
        without_it: ContractAuxdata,
    },
}

/// First solc that writes metadata, and first that prints it in its assembly (sourcify #2217).
const FIRST_SOLC_WITH_METADATA: ReleaseNumber = ReleaseNumber(0, 4, 7);
const FIRST_SOLC_THAT_PRINTS_IT: ReleaseNumber = ReleaseNumber(0, 4, 12);

/// Looks for the blobs with what one compile says.
#[must_use]
pub fn find_auxdata(contract: &CompiledContract) -> AuxdataSearch {
    let number = contract.version.number();
    AuxdataSearch::Settled(match contract.language {
        Language::Vyper => vyper::positions(contract),
        Language::Yul => ContractAuxdata {
            creation: AuxdataPositions::none(),
            runtime: AuxdataPositions::none(),
        },
        Language::Solidity if number < FIRST_SOLC_WITH_METADATA => ContractAuxdata {
            creation: AuxdataPositions::none(),
            runtime: AuxdataPositions::none(),
        },
        Language::Solidity if number < FIRST_SOLC_THAT_PRINTS_IT => unprinted(contract),
        Language::Solidity => return positions::find(contract),
    })
}

/// Metadata is the last thing in runtime code. It is in creation code too, unless a constructor's
/// long literals follow: their bytes are the author's, so that only a blob that is the runtime code's
/// own is believed.
fn unprinted(contract: &CompiledContract) -> ContractAuxdata {
    let (creation, runtime) = (contract.creation.bytes(), contract.runtime.bytes());
    let is_own = last_auxdata(creation) == last_auxdata(runtime);
    ContractAuxdata {
        creation: match is_own {
            true => cbor::at_the_end(creation),
            false => AuxdataPositions::Unknown,
        },
        runtime: cbor::at_the_end(runtime),
    }
}

/// Looks again, with a second compile of edited sources: what moved along is metadata, what stayed
/// is not.
#[must_use]
pub fn place_auxdata(contract: &CompiledContract, edited: &CompiledContract) -> ContractAuxdata {
    match find_auxdata(contract) {
        AuxdataSearch::Settled(settled) => settled,
        AuxdataSearch::NeedsSecondCompile { .. } => positions::place(contract, edited),
    }
}
