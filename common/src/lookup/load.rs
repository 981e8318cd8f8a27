//! What the selected fields need, asked in one go.

use verification::signatures::Signature;

use super::selection::Selection;
use crate::db::DatabaseError;
use crate::db::contracts::{
    Codes, Compilation, ContractReader, MatchRow, ProxyResolution, SourceFile, VerifiedContract,
};

/// What was loaded. A list that no selected field needs stays empty.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) verified: VerifiedContract,
    pub(super) compilation: Compilation,
    pub(super) codes: Codes,
    pub(super) sources: Vec<SourceFile>,
    pub(super) signatures: Vec<Signature>,
    pub(super) metadata: Option<String>,
    pub(super) proxy: Option<ProxyResolution>,
}

pub(super) async fn load(
    reader: &ContractReader,
    found: &MatchRow,
    selection: &Selection,
) -> Result<Loaded, DatabaseError> {
    let wants = |fields: &[&str]| fields.iter().any(|field| selection.has(field));
    let of_codes = [
        "creationBytecode",
        "runtimeBytecode",
        "stdJsonOutput",
        "proxyResolution",
    ];
    let verified = reader.get_verified(found.verified_contract_id).await?;
    let id = verified.compilation_id;
    // Asked at the same time, these travel together over the one connection.
    let (compilation, codes, sources, signatures, metadata, proxy) = tokio::try_join!(
        reader.get_compilation(id),
        if_wanted(
            wants(&of_codes),
            reader.get_codes(found.verified_contract_id)
        ),
        if_wanted(wants(&["sources", "stdJsonInput"]), reader.list_sources(id)),
        if_wanted(wants(&["signatures"]), reader.list_signatures(id)),
        if_wanted(
            wants(&["metadata", "stdJsonOutput"]),
            reader.find_metadata(found.match_id)
        ),
        if_wanted(
            wants(&["proxyResolution"]),
            reader.find_proxy_resolution(found.chain_id, &found.address)
        ),
    )?;
    Ok(Loaded {
        verified,
        compilation,
        codes,
        sources,
        signatures,
        metadata,
        proxy,
    })
}

/// Asks only what some selected field needs.
async fn if_wanted<T: Default>(
    wanted: bool,
    question: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    if wanted {
        question.await
    } else {
        Ok(T::default())
    }
}
