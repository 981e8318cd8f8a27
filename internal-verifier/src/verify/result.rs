//! What a verification saw, as the rows that are written from it.

use std::time::Duration;

use common::db::jobs::{Evidence, JobFailure};
use common::db::matches::{
    CreationTransaction, NewCompilation, NewDeployment, NewMatch, SideMatch,
};
use uuid::Uuid;
use verification::chain::TransactionHash;
use verification::failure::VerificationFailure;
use verification::job::StdJsonRequest;
use verification::signatures::signatures_of;
use verification::transformation::transformations_to_json;
use verification::verdict::{CodeMatch, VerifiedMatch};

use super::compile::Compiled;
use super::on_chain::OnChain;

/// At least one side matches.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(super) compilation: NewCompilation,
    /// The compiler's, as text.
    pub(super) metadata: Option<String>,
    pub(super) on_chain: OnChain,
    pub(super) matched: VerifiedMatch,
    pub(super) compile_time: Duration,
    pub(super) match_time: Duration,
}

impl Verified {
    /// What the comparison alone took.
    pub(crate) fn match_time(&self) -> Duration {
        self.match_time
    }

    pub(crate) fn into_rows(self) -> NewMatch {
        let creation_match = self.matched.creation().map(side);
        let runtime_match = self.matched.runtime().map(side);
        // The chain says that this transaction made the contract, whether or not its code matches.
        let creation = self.on_chain.creation;
        NewMatch {
            deployment: NewDeployment {
                onchain_creation_code: creation.as_ref().map(|creation| creation.code.clone()),
                onchain_runtime_code: self.on_chain.code.runtime,
                creation_transaction: creation.map(|creation| CreationTransaction {
                    hash: creation.transaction,
                    block_number: creation.block_number,
                    transaction_index: creation.transaction_index,
                    deployer: creation.deployer,
                }),
            },
            compilation: self.compilation,
            creation_match,
            runtime_match,
            metadata: self.metadata,
            compilation_time_ms: milliseconds(self.compile_time),
        }
    }
}

/// What was compiled, and what came of it.
pub(super) fn compilation(request: &StdJsonRequest, compiled: &Compiled) -> NewCompilation {
    let (contract, auxdata) = (&compiled.contract, &compiled.auxdata);
    let submitted = &request.std_json_input;
    let input = compiled.variation.as_ref().unwrap_or(submitted);
    let language = input.language();
    NewCompilation {
        compiler: language.compiler().name().to_owned(),
        version: request.compiler_version.to_string(),
        language: language.name().to_lowercase(),
        name: request.target.name.clone(),
        fully_qualified_name: request.target.to_string(),
        settings: input.to_stored_settings(),
        artifacts: contract.compilation_artifacts(),
        creation_code: contract.creation.bytes().to_vec(),
        creation_code_artifacts: contract.creation_code_artifacts(&auxdata.creation),
        runtime_code: contract.runtime.bytes().to_vec(),
        runtime_code_artifacts: contract.runtime_code_artifacts(&auxdata.runtime),
        additional_input: input.to_stored_additional_input(),
        sources: input.stored_sources(),
        signatures: contract.abi.as_ref().map_or_else(Vec::new, signatures_of),
    }
}

fn side(matched: &CodeMatch) -> SideMatch {
    SideMatch {
        level: matched.status,
        transformations: transformations_to_json(&matched.transformations),
        values: matched.values.to_json(),
    }
}

/// We looked, and the answer is no.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(super) failure: VerificationFailure,
    pub(super) given: Option<TransactionHash>,
    pub(super) on_chain: Option<OnChain>,
    pub(super) compiled: Option<Compiled>,
    pub(super) compile_time: Option<Duration>,
}

impl Failed {
    pub(crate) fn into_rows(self) -> JobFailure {
        let found = self
            .on_chain
            .as_ref()
            .and_then(|on_chain| on_chain.creation.as_ref());
        let creation_transaction_hash = self.given.or(found.map(|creation| creation.transaction));
        let (onchain_runtime_code, onchain_creation_code) = match self.on_chain {
            Some(on_chain) => (Some(on_chain.code.runtime), on_chain.code.creation),
            None => (None, None),
        };
        let contract = self.compiled.map(|compiled| compiled.contract);
        JobFailure {
            evidence: Evidence {
                recompiled_creation_code: contract
                    .as_ref()
                    .map(|contract| contract.creation.bytes().to_vec()),
                recompiled_runtime_code: contract
                    .as_ref()
                    .map(|contract| contract.runtime.bytes().to_vec()),
                onchain_creation_code,
                onchain_runtime_code,
                creation_transaction_hash,
            },
            compilation_time_ms: self.compile_time.map(milliseconds),
            ..failure(&self.failure)
        }
    }
}

/// The end of a job of which nothing else is known.
pub(crate) fn failure(failure: &VerificationFailure) -> JobFailure {
    JobFailure {
        error_code: failure.code().to_owned(),
        error_id: Uuid::new_v4(),
        error_data: failure.error_data(),
        compilation_time_ms: None,
        evidence: Evidence::default(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
