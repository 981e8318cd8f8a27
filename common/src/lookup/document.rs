//! The selected fields of a verified contract.

use serde_json::{Map, Value, json};
use verification::chain::Address;
use verification::signatures::Signature;

use super::proxy::{ProxyByCode, detect};
use super::selection::Selection;
use super::std_json;
use crate::db::DatabaseError;
use crate::db::contracts::{
    Codes, Compilation, ContractReader, Deployment, MatchRow, ProxyResolution, SideTransformations,
    SourceFile, VerifiedContract,
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

pub(super) async fn extend(
    document: &mut Map<String, Value>,
    reader: &ContractReader,
    found: &MatchRow,
    selection: &Selection,
) -> Result<(), DatabaseError> {
    let loaded = load(reader, found, selection).await?;
    for (field, render) in FIELDS {
        if selection.has(field)
            && let Some(value) = render(&loaded, selection)
        {
            document.insert(field.to_owned(), value);
        }
    }
    Ok(())
}

async fn load(
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

type Render = fn(&Loaded, &Selection) -> Option<Value>;

/// How each field is made. The basic ones are there already.
const FIELDS: [(&str, Render); 16] = [
    ("creationBytecode", |loaded, selection| {
        Some(creation_code(loaded, selection))
    }),
    ("runtimeBytecode", |loaded, selection| {
        Some(runtime_code(loaded, selection))
    }),
    ("deployment", |loaded, selection| {
        Some(deployment(&loaded.verified.deployment, selection))
    }),
    ("sources", |loaded, _| Some(std_json::sources(loaded))),
    ("compilation", |loaded, selection| {
        Some(compilation(&loaded.compilation, selection))
    }),
    ("abi", |loaded, _| Some(artifact(loaded, "abi"))),
    ("metadata", |loaded, _| Some(metadata(loaded))),
    ("storageLayout", |loaded, _| {
        Some(artifact(loaded, "storageLayout"))
    }),
    ("transientStorageLayout", |loaded, _| {
        Some(artifact(loaded, "transientStorageLayout"))
    }),
    ("userdoc", |loaded, _| Some(artifact(loaded, "userdoc"))),
    ("devdoc", |loaded, _| Some(artifact(loaded, "devdoc"))),
    ("sourceIds", |loaded, _| Some(artifact(loaded, "sources"))),
    ("stdJsonInput", |loaded, _| Some(std_json::input(loaded))),
    ("stdJsonOutput", |loaded, _| Some(std_json::output(loaded))),
    ("signatures", |loaded, selection| {
        Some(signatures(&loaded.signatures, selection))
    }),
    ("proxyResolution", proxy),
];

fn artifact(loaded: &Loaded, name: &str) -> Value {
    loaded
        .compilation
        .artifacts
        .get(name)
        .cloned()
        .unwrap_or_default()
}

/// Only solc prints metadata for Solidity; its text is what is kept, its document what is shown.
fn metadata(loaded: &Loaded) -> Value {
    let text = loaded.metadata.as_deref();
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The parts of `field` that are selected, each made when it is.
fn parts<const N: usize>(
    selection: &Selection,
    field: &str,
    parts: [(&str, &dyn Fn() -> Value); N],
) -> Value {
    let selected = parts
        .into_iter()
        .filter(|(part, _)| selection.has_part(field, part));
    selected
        .map(|(part, value)| (part.to_owned(), value()))
        .collect()
}

fn creation_code(loaded: &Loaded, selection: &Selection) -> Value {
    let side = loaded.verified.creation.as_ref();
    let artifacts = &loaded.compilation.creation_code_artifacts;
    let member = |name: &str| artifacts.get(name).cloned().unwrap_or_default();
    parts(
        selection,
        "creationBytecode",
        [
            ("onchainBytecode", &|| {
                prefixed(loaded.codes.onchain_creation.as_deref())
            }),
            ("recompiledBytecode", &|| {
                prefixed(loaded.codes.recompiled_creation.as_deref())
            }),
            ("sourceMap", &|| member("sourceMap")),
            ("linkReferences", &|| member("linkReferences")),
            ("cborAuxdata", &|| member("cborAuxdata")),
            ("transformations", &|| transformations(side)),
            ("transformationValues", &|| values(side)),
        ],
    )
}

fn runtime_code(loaded: &Loaded, selection: &Selection) -> Value {
    let side = loaded.verified.runtime.as_ref();
    let artifacts = &loaded.compilation.runtime_code_artifacts;
    let member = |name: &str| artifacts.get(name).cloned().unwrap_or_default();
    parts(
        selection,
        "runtimeBytecode",
        [
            ("onchainBytecode", &|| {
                prefixed(loaded.codes.onchain_runtime.as_deref())
            }),
            ("recompiledBytecode", &|| {
                prefixed(loaded.codes.recompiled_runtime.as_deref())
            }),
            ("sourceMap", &|| member("sourceMap")),
            ("linkReferences", &|| member("linkReferences")),
            ("immutableReferences", &|| member("immutableReferences")),
            ("cborAuxdata", &|| member("cborAuxdata")),
            ("transformations", &|| transformations(side)),
            ("transformationValues", &|| values(side)),
        ],
    )
}

fn transformations(side: Option<&SideTransformations>) -> Value {
    side.map_or(Value::Null, |side| side.transformations.clone())
}

fn values(side: Option<&SideTransformations>) -> Value {
    side.map_or(Value::Null, |side| side.values.clone())
}

fn prefixed(code: Option<&[u8]>) -> Value {
    code.map_or(Value::Null, |code| {
        format!("0x{}", hex::encode(code)).into()
    })
}

fn deployment(deployment: &Deployment, selection: &Selection) -> Value {
    parts(
        selection,
        "deployment",
        [
            ("transactionHash", &|| {
                json!(deployment.transaction_hash.map(|hash| hash.to_string()))
            }),
            ("blockNumber", &|| json!(deployment.block_number)),
            ("transactionIndex", &|| json!(deployment.transaction_index)),
            ("deployer", &|| {
                json!(deployment.deployer.map(|deployer| deployer.to_string()))
            }),
        ],
    )
}

fn compilation(compilation: &Compilation, selection: &Selection) -> Value {
    parts(
        selection,
        "compilation",
        [
            ("language", &|| {
                std_json::language_name(&compilation.language).into()
            }),
            ("compiler", &|| json!(compilation.compiler)),
            ("compilerVersion", &|| json!(compilation.version)),
            ("compilerSettings", &|| compilation.settings.clone()),
            ("name", &|| json!(compilation.name)),
            ("fullyQualifiedName", &|| {
                json!(compilation.fully_qualified_name)
            }),
        ],
    )
}

fn signatures(signatures: &[Signature], selection: &Selection) -> Value {
    let of_kind = |kind: &'static str| {
        let list = signatures
            .iter()
            .filter(|signature| signature.kind.name() == kind);
        list.map(|signature| {
            json!({
                "signature": signature.text,
                "signatureHash32": format!("0x{}", hex::encode(signature.hash)),
                "signatureHash4": format!("0x{}", hex::encode(signature.selector())),
            })
        })
        .collect::<Value>()
    };
    let [function, event, error] = ["function", "event", "error"];
    parts(
        selection,
        "signatures",
        [
            (function, &|| of_kind(function)),
            (event, &|| of_kind(event)),
            (error, &|| of_kind(error)),
        ],
    )
}

/// From the code if it tells, else from the last stored resolution. Neither: the field is left out,
/// or says so where it was asked for by name.
fn proxy(loaded: &Loaded, selection: &Selection) -> Option<Value> {
    let codes = &loaded.codes;
    let code = codes
        .onchain_creation
        .as_deref()
        .or(codes.onchain_runtime.as_deref())?;
    match detect(code) {
        ProxyByCode::No => {
            Some(json!({"isProxy": false, "proxyType": null, "implementations": []}))
        }
        ProxyByCode::To {
            kind,
            implementation,
        } => Some(resolution(Some(kind), &[Address::from(implementation)])),
        ProxyByCode::InStorage => match &loaded.proxy {
            Some(stored) => Some(resolution(
                stored.proxy_type.as_deref(),
                &stored.implementations,
            )),
            None if selection.names_proxy() => Some(json!({"proxyResolutionError": {
                "customCode": "proxy_resolution_error",
                "message": "The implementation of this proxy is kept in storage and has not been read.",
                "errorId": uuid::Uuid::new_v4(),
            }})),
            None => None,
        },
    }
}

fn resolution(kind: Option<&str>, implementations: &[Address]) -> Value {
    let implementations: Vec<Value> = implementations
        .iter()
        .map(|address| json!({"address": address.to_string()}))
        .collect();
    json!({"isProxy": kind.is_some(), "proxyType": kind, "implementations": implementations})
}
