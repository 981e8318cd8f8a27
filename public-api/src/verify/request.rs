//! The body of a verification by standard JSON, from a document to a checked request.
//!
//! Two steps, because the contract puts the chain and the address between them: first the shape, then
//! the rules. Messages are the contract's; clients show them to people.

use std::collections::BTreeMap;

use common::api::problem::Reason;
use serde_json::Value;
use utoipa::ToSchema;
use verification::chain::TransactionHash;
use verification::compiler::{Compiler, CompilerVersion};
use verification::job::StdJsonRequest;
use verification::std_json::{StdJsonInput, holds_nul};

use super::shape::{creation_transaction_hash, invalid, members, object, pattern, require, text};

const VERSION_PATTERN: &str = r"^v?\d+\.\d+\.\d+.*$";

/// The body as it is documented. Unknown members are ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct StdJsonBody {
    std_json_input: StdJsonInputBody,
    /// A `v` before it, and what follows the commit's hash, are ignored.
    #[schema(pattern = r"^v?\d+\.\d+\.\d+.*$", example = "0.8.30+commit.73712a01")]
    compiler_version: String,
    /// Path and name of the contract; the last colon divides them.
    #[schema(pattern = ":", example = "src/Counter.sol:Counter")]
    contract_identifier: String,
    /// Of the transaction that made the contract. Searched for if it is not given.
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$", nullable = false)]
    creation_transaction_hash: Option<String>,
}

/// The compiler's own input.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct StdJsonInputBody {
    language: LanguageName,
    sources: BTreeMap<String, SourceBody>,
    /// `outputSelection` is replaced.
    #[schema(value_type = Object)]
    settings: Value,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
enum LanguageName {
    Solidity,
    Yul,
    Vyper,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct SourceBody {
    #[schema(min_length = 1)]
    content: String,
}

/// A body with the right members of the right types.
#[derive(Debug)]
pub(super) struct Shaped<'a> {
    body: &'a Value,
    std_json_input: &'a Value,
    compiler_version: CompilerVersion,
    contract_identifier: &'a str,
    creation_transaction_hash: Option<TransactionHash>,
}

impl<'a> Shaped<'a> {
    pub(super) fn parse(body: &'a Value) -> Result<Self, Reason> {
        let members = members(body)?;
        require(
            members,
            &["stdJsonInput", "compilerVersion", "contractIdentifier"],
        )?;
        object(members, "stdJsonInput")?;
        let std_json_input = members.get("stdJsonInput").unwrap_or(&Value::Null);
        let version = text(members, "compilerVersion")?.unwrap_or_default();
        let compiler_version = match version.parse() {
            Ok(version) => version,
            Err(verification::compiler::NotACompilerVersion) => {
                return Err(pattern("compilerVersion", VERSION_PATTERN));
            }
        };
        let contract_identifier = text(members, "contractIdentifier")?.unwrap_or_default();
        Ok(Self {
            body,
            std_json_input,
            compiler_version,
            contract_identifier,
            creation_transaction_hash: creation_transaction_hash(members)?,
        })
    }

    pub(super) fn check(self) -> Result<StdJsonRequest, Reason> {
        let std_json_input = StdJsonInput::parse(self.std_json_input)
            .map_err(|error| invalid(&error.to_string()))?;
        if holds_nul(self.body) {
            return Err(invalid(
                "request/body must not contain the character U+0000",
            ));
        }
        let target = match self.contract_identifier.parse() {
            Ok(target) => target,
            Err(verification::compilation_target::NotACompilationTarget) => {
                return Err(invalid(
                    &verification::compilation_target::NotACompilationTarget.to_string(),
                ));
            }
        };
        let is_solc = std_json_input.language().compiler() == Compiler::Solc;
        if is_solc && !self.compiler_version.is_well_formed_solc() {
            return Err(Reason::InvalidParameter(format!(
                "Invalid Solidity compiler version format: {}. Expected format: x.y.z+commit.xxxxxxxx or \
                 x.y.z-nightly.yyyy.m.d+commit.xxxxxxxx",
                self.compiler_version
            )));
        }
        Ok(StdJsonRequest {
            std_json_input,
            compiler_version: self.compiler_version,
            target,
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
            "stdJsonInput": {"language": "Solidity", "sources": {"a.sol": {"content": "contract A {}"}}, "settings": {}},
            "compilerVersion": "v0.8.30+commit.73712a01.Linux.gcc",
            "contractIdentifier": "a.sol:A",
            "creationTransactionHash": format!("0x{}", "AB".repeat(32)),
            "unknown": "is ignored",
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut body = good();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    }

    fn without(name: &str) -> Value {
        let mut body = good();
        body.as_object_mut().unwrap().remove(name);
        body
    }

    fn answer(body: &Value) -> Result<StdJsonRequest, Reason> {
        Shaped::parse(body)?.check()
    }

    #[test]
    fn a_good_body_is_normalised() {
        let request = answer(&good()).unwrap();
        assert_eq!(request.compiler_version.as_str(), "0.8.30+commit.73712a01");
        assert_eq!(
            request.creation_transaction_hash.unwrap().to_string(),
            format!("0x{}", "ab".repeat(32))
        );
        let kept = serde_json::to_value(&request).unwrap();
        assert_eq!(
            serde_json::from_value::<StdJsonRequest>(kept).unwrap(),
            request
        );
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn each_wrong_body_has_its_message() {
        for (body, message) in [
            (json!([]), "request/body must be object"),
            (
                without("stdJsonInput"),
                "request/body must have required property 'stdJsonInput'",
            ),
            (
                without("compilerVersion"),
                "request/body must have required property 'compilerVersion'",
            ),
            (
                without("contractIdentifier"),
                "request/body must have required property 'contractIdentifier'",
            ),
            (
                with("/stdJsonInput", json!("{}")),
                "request/body/stdJsonInput must be object",
            ),
            (
                with("/compilerVersion", json!(8)),
                "request/body/compilerVersion must be string",
            ),
            (
                with("/compilerVersion", json!("latest")),
                r#"request/body/compilerVersion must match pattern "^v?\d+\.\d+\.\d+.*$""#,
            ),
            (
                with("/creationTransactionHash", json!(7)),
                "request/body/creationTransactionHash must be string",
            ),
            (
                with("/creationTransactionHash", json!("0x12")),
                r#"request/body/creationTransactionHash must match pattern "^0x[0-9a-fA-F]{64}$""#,
            ),
            (
                with("/contractIdentifier", json!("A")),
                "The contractIdentifier must consist of the file path and the contract name separated by a ':'.",
            ),
            (
                with("/stdJsonInput/language", json!("Cobol")),
                "Language Cobol is not supported.",
            ),
            (
                with(
                    "/stdJsonInput/sources/a.sol",
                    json!({"urls": ["file:///a"]}),
                ),
                "Standard JSON input must contain a content field for each source.",
            ),
            (
                with("/stdJsonInput/sources/a.sol", json!({"content": "\u{0}"})),
                "request/body must not contain the character U+0000",
            ),
            (
                with("/compilerVersion", json!("0.8.30 foo")),
                "Invalid Solidity compiler version format: 0.8.30 foo. Expected format: x.y.z+commit.xxxxxxxx or x.y.z-nightly.yyyy.m.d+commit.xxxxxxxx",
            ),
        ] {
            assert_eq!(
                answer(&body).unwrap_err(),
                Reason::InvalidParameter(message.to_owned())
            );
        }
        let mut long_path = good();
        let source = long_path["stdJsonInput"]["sources"]["a.sol"].take();
        long_path["stdJsonInput"]["sources"] = json!({"a".repeat(1025): source});
        let message = "The path of a source must not be longer than 1024 bytes.".to_owned();
        assert_eq!(answer(&long_path), Err(Reason::InvalidParameter(message)));
        for (member, message) in [
            (
                "language",
                "Standard JSON input must contain a language field.",
            ),
            (
                "sources",
                "Standard JSON input must contain a sources field.",
            ),
            (
                "settings",
                "Standard JSON input must contain a settings field.",
            ),
        ] {
            let mut body = good();
            body["stdJsonInput"].as_object_mut().unwrap().remove(member);
            assert_eq!(
                answer(&body).unwrap_err(),
                Reason::InvalidParameter(message.to_owned())
            );
        }
    }
}
