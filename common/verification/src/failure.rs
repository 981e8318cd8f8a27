//! Why a contract is not verified: the closed list of answers that say no.
//!
//! Only the code and its data are stored. The sentence a reader sees is made from those two when
//! it is read, also for rows that were loaded from elsewhere and carry codes we never write.
//! A failure is an answer: it is not retried, and nothing that kept us from looking is one of it.

use serde_json::{Value, json};

use crate::chain::{Address, ChainId};
use crate::matching::CodeDifferences;

mod message;

pub use message::failure_message;

#[derive(Debug, Clone, PartialEq)]
pub enum VerificationFailure {
    CannotFetchBytecode,
    ContractNotDeployed,
    /// The compiler's own objects, of severity `error`.
    CompilerErrors(Vec<Value>),
    /// A compiler that ended without such a list: it crashed, or printed too much.
    CompilerErrorMessage(String),
    CompilerTimeout,
    CompilerOutOfMemory,
    UnsupportedCompilerVersion {
        compiler_version: String,
    },
    /// It is known and will be there, but was not yet in any attempt.
    CompilerNotReady {
        compiler_version: String,
    },
    NoCompilerOutput,
    ContractNotFoundInCompilerOutput,
    CompiledBytecodeIsZero,
    BytecodeLengthMismatch(Box<CodeDifferences>),
    NoMatch(Box<CodeDifferences>),
    /// The same metadata gave other code: files of the original input are missing (sourcify #618).
    ExtraFileInputBug(Box<CodeDifferences>),
    MissingSource {
        missing_sources: Vec<String>,
    },
    MissingOrInvalidSource {
        missing_sources: Vec<String>,
        invalid_sources: Vec<String>,
    },
    InvalidCompilationTarget {
        compilation_targets: Vec<String>,
    },
    NoSimilarMatchFound,
    AlreadyVerified,
    EtherscanVyperVersionMappingFailed {
        compiler_version: String,
    },
    EtherscanMissingContractInJson {
        contract_name: String,
    },
    EtherscanMissingVyperSettings,
    JobAbandoned,
    InternalError,
}

impl VerificationFailure {
    /// The API's `customCode`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CannotFetchBytecode => "cannot_fetch_bytecode",
            Self::ContractNotDeployed => "contract_not_deployed",
            Self::CompilerErrors(_) | Self::CompilerErrorMessage(_) => "compiler_error",
            Self::CompilerTimeout => "compiler_timeout",
            Self::CompilerOutOfMemory => "compiler_out_of_memory",
            Self::UnsupportedCompilerVersion { .. } => "unsupported_compiler_version",
            Self::CompilerNotReady { .. } => "compiler_not_ready",
            Self::NoCompilerOutput => "no_compiler_output",
            Self::ContractNotFoundInCompilerOutput => "contract_not_found_in_compiler_output",
            Self::CompiledBytecodeIsZero => "compiled_bytecode_is_zero",
            Self::BytecodeLengthMismatch(_) => "bytecode_length_mismatch",
            Self::NoMatch(_) => "no_match",
            Self::ExtraFileInputBug(_) => "extra_file_input_bug",
            Self::MissingSource { .. } => "missing_source",
            Self::MissingOrInvalidSource { .. } => "missing_or_invalid_source",
            Self::InvalidCompilationTarget { .. } => "invalid_compilation_target",
            Self::NoSimilarMatchFound => "no_similar_match_found",
            Self::AlreadyVerified => "already_verified",
            Self::EtherscanVyperVersionMappingFailed { .. } => {
                "etherscan_vyper_version_mapping_failed"
            }
            Self::EtherscanMissingContractInJson { .. } => "etherscan_missing_contract_in_json",
            Self::EtherscanMissingVyperSettings => "etherscan_missing_vyper_settings",
            Self::JobAbandoned => "job_abandoned",
            Self::InternalError => "internal_error",
        }
    }

    /// The API's `errorData`, and all that is stored besides the code.
    #[must_use]
    pub fn error_data(&self) -> Option<Value> {
        match self {
            Self::CompilerErrors(errors) => Some(json!({"compilerErrors": errors})),
            Self::CompilerErrorMessage(text) => Some(json!({"compilerErrorMessage": text})),
            Self::UnsupportedCompilerVersion { compiler_version }
            | Self::CompilerNotReady { compiler_version }
            | Self::EtherscanVyperVersionMappingFailed { compiler_version } => {
                Some(json!({"compilerVersion": compiler_version}))
            }
            Self::MissingSource { missing_sources } => {
                Some(json!({"missingSources": missing_sources}))
            }
            Self::MissingOrInvalidSource {
                missing_sources,
                invalid_sources,
            } => Some(json!({
                "missingSources": missing_sources,
                "invalidSources": invalid_sources,
            })),
            Self::InvalidCompilationTarget {
                compilation_targets,
            } => Some(json!({"compilationTargets": compilation_targets})),
            Self::EtherscanMissingContractInJson { contract_name } => {
                Some(json!({"contractName": contract_name}))
            }
            Self::BytecodeLengthMismatch(differences)
            | Self::NoMatch(differences)
            | Self::ExtraFileInputBug(differences) => Some(json!(differences)),
            _ => None,
        }
    }

    /// The same sentence that is later made from the stored row.
    #[must_use]
    pub fn message(&self, chain_id: ChainId, address: Address) -> String {
        failure_message(self.code(), self.error_data().as_ref(), chain_id, address)
    }

    /// Whether another way to compile the same input may still match. All other failures are final.
    #[must_use]
    pub fn is_worth_another_compile(&self) -> bool {
        matches!(
            self,
            Self::NoMatch(_) | Self::BytecodeLengthMismatch(_) | Self::ExtraFileInputBug(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(code: &str, data: Option<Value>) -> String {
        let address = [0x11; 20].into();
        failure_message(code, data.as_ref(), "5".parse().unwrap(), address)
    }

    #[test]
    fn a_failure_says_the_same_when_it_is_read_back() {
        let address: Address = [0x11; 20].into();
        let chain_id: ChainId = "5".parse().unwrap();
        let names = || vec!["a.sol".to_owned(), "b.sol".to_owned()];
        for (failure, wanted) in [
            (
                VerificationFailure::ContractNotDeployed,
                format!("Chain #5 does not have a contract deployed at {address}."),
            ),
            (
                VerificationFailure::CompilerErrors(vec![json!({"severity": "error"})]),
                r#"Compiler error. [{"severity":"error"}]"#.to_owned(),
            ),
            (
                VerificationFailure::CompilerErrorMessage("The compiler crashed: trap".to_owned()),
                "Compiler error. The compiler crashed: trap".to_owned(),
            ),
            (
                VerificationFailure::UnsupportedCompilerVersion {
                    compiler_version: "0.9.9+commit.00000000".to_owned(),
                },
                "Compiler version 0.9.9+commit.00000000 is not available.".to_owned(),
            ),
            (
                VerificationFailure::CompilerNotReady {
                    compiler_version: "0.8.28+commit.7893614a".to_owned(),
                },
                "Compiler version 0.8.28+commit.7893614a is known, but has not been made ready on this \
                 server yet. Send the contract again later."
                    .to_owned(),
            ),
            (
                VerificationFailure::MissingOrInvalidSource {
                    missing_sources: names(),
                    invalid_sources: vec!["c.sol".to_owned()],
                },
                "One or more sources are mentioned in the metadata but are missing or are invalid. \
                 Missing sources: a.sol, b.sol; Invalid sources: c.sol"
                    .to_owned(),
            ),
            (
                VerificationFailure::InvalidCompilationTarget {
                    compilation_targets: names(),
                },
                "More than one compilationTarget in the metadata, or the compilationTarget is \
                 invalid. compilationTarget: a.sol, b.sol"
                    .to_owned(),
            ),
        ] {
            assert_eq!(failure.message(chain_id, address), wanted);
        }
    }

    #[test]
    fn codes_of_other_services_and_odd_data_can_be_read() {
        assert!(message("metadata_not_set", None).contains("metadata"));
        assert_eq!(
            message("never_heard_of", None),
            "The verification failed: never_heard_of."
        );
        assert_eq!(message("compiler_error", None), "Compiler error.");
        assert_eq!(
            message("missing_source", Some(json!({"missingSources": 5}))),
            "One or more sources are mentioned in the metadata but are not provided or could not \
             be fetched. Missing sources: "
        );
    }
}
