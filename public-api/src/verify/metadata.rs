//! `POST /v2/verify/metadata/{chainId}/{address}`: a verification by the metadata of a contract and
//! files. Which file is which source is found out by the verifier, and what is missing it fetches.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, post, web};
use common::api::problem::{Problem, Reason};
use common::db::jobs::JobKind;
use serde_json::Value;
use utoipa::ToSchema;
use verification::chain::TransactionHash;
use verification::job::MetadataRequest;
use verification::metadata::Metadata;
use verification::std_json::{check_paths, holds_nul};

use super::accept::{AcceptedDocument, Contract, accept, receive};
use super::shape::{creation_transaction_hash, invalid, members, object, require};
use crate::documented::{ChainAndAddress, SubmitProblems};
use crate::state::State;

/// By metadata
///
/// Files are found by their hash, whatever their names; missing ones are fetched from GitHub or IPFS as the metadata
/// names them.
#[utoipa::path(
    tag = "verify",
    params(ChainAndAddress),
    request_body = MetadataBody,
    responses((status = 202, description = "It is taken", body = AcceptedDocument), SubmitProblems)
)]
#[post("/v2/verify/metadata/{chainId}/{address}")]
pub(crate) async fn by_metadata(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let (body, params) = receive(&request, payload, &state).await?;
    let shaped = Shaped::parse(&body.document)?;
    let contract = Contract::resolve(params, &state)?;
    let checked = shaped.check()?;
    accept(&request, &state, contract, JobKind::Metadata, &checked).await
}

/// The body as it is documented. Unknown members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its description is used")]
struct MetadataBody {
    /// Contents; their names don't matter.
    sources: BTreeMap<String, String>,
    /// As the compiler printed it.
    #[schema(value_type = Object)]
    metadata: Value,
    /// Of the transaction that made the contract. Searched for if it is not given.
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$", nullable = false)]
    creation_transaction_hash: Option<String>,
}

/// A body with the right members of the right types.
#[derive(Debug)]
struct Shaped<'a> {
    body: &'a Value,
    metadata: &'a Value,
    files: BTreeMap<String, String>,
    creation_transaction_hash: Option<TransactionHash>,
}

impl<'a> Shaped<'a> {
    fn parse(body: &'a Value) -> Result<Self, Reason> {
        let members = members(body)?;
        require(members, &["sources", "metadata"])?;
        let sources = object(members, "sources")?;
        let files = sources
            .iter()
            .map(|(path, source)| match source {
                Value::String(content) => Ok((path.clone(), content.clone())),
                _ => Err(Reason::InvalidParameter(format!(
                    "request/body/sources/{path} must be string"
                ))),
            })
            .collect::<Result<_, _>>()?;
        object(members, "metadata")?;
        Ok(Self {
            body,
            metadata: members.get("metadata").unwrap_or(&Value::Null),
            files,
            creation_transaction_hash: creation_transaction_hash(members)?,
        })
    }

    fn check(self) -> Result<MetadataRequest, Reason> {
        let metadata =
            Metadata::parse(self.metadata).map_err(|error| invalid(&error.to_string()))?;
        check_paths(self.files.keys(), self.files.len())
            .map_err(|error| invalid(&error.to_string()))?;
        if holds_nul(self.body) {
            return Err(invalid(
                "request/body must not contain the character U+0000",
            ));
        }
        Ok(MetadataRequest {
            metadata,
            files: self.files,
            creation_transaction_hash: self.creation_transaction_hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "sources": {"anything": "contract A {}"},
            "metadata": {
                "compiler": {"version": "0.8.28+commit.7893614a"},
                "language": "Solidity",
                "settings": {"compilationTarget": {"a.sol": "A"}},
                "sources": {"a.sol": {"keccak256": format!("0x{}", "11".repeat(32))}},
            },
            "creationTransactionHash": format!("0x{}", "AB".repeat(32)),
            "unknown": "is ignored",
        })
    }

    fn answer(change: impl FnOnce(&mut Value)) -> Result<MetadataRequest, Reason> {
        let mut body = good();
        change(&mut body);
        Shaped::parse(&body)?.check()
    }

    #[test]
    fn a_good_body_is_kept_as_it_can_be_read_again() {
        let request = answer(|_| ()).unwrap();
        assert_eq!(request.files["anything"], "contract A {}");
        let kept = serde_json::to_value(&request).unwrap();
        assert_eq!(
            serde_json::from_value::<MetadataRequest>(kept).unwrap(),
            request
        );
    }

    #[test]
    fn each_wrong_body_has_its_message() {
        let remove = |body: &mut Value, name: &str| {
            body.as_object_mut().unwrap().remove(name);
        };
        for (found, message) in [
            (
                answer(|body| *body = json!([])),
                "request/body must be object",
            ),
            (
                answer(|body| remove(body, "sources")),
                "request/body must have required property 'sources'",
            ),
            (
                answer(|body| remove(body, "metadata")),
                "request/body must have required property 'metadata'",
            ),
            (
                answer(|body| body["sources"] = json!([])),
                "request/body/sources must be object",
            ),
            (
                answer(|body| body["sources"]["a"] = json!({"content": ""})),
                "request/body/sources/a must be string",
            ),
            (
                answer(|body| body["metadata"] = json!("{}")),
                "request/body/metadata must be object",
            ),
            (
                answer(|body| body["creationTransactionHash"] = json!("0x12")),
                r#"request/body/creationTransactionHash must match pattern "^0x[0-9a-fA-F]{64}$""#,
            ),
            (
                answer(|body| remove(&mut body["metadata"], "compiler")),
                "Metadata must contain a compiler field.",
            ),
            (
                answer(|body| body["sources"]["a"] = json!("\0")),
                "request/body must not contain the character U+0000",
            ),
            (
                answer(|body| body["sources"] = json!({"a".repeat(1025): ""})),
                "The path of a source must not be longer than 1024 bytes.",
            ),
        ] {
            assert_eq!(found, Err(Reason::InvalidParameter(message.to_owned())));
        }
    }
}
