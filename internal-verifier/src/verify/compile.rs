//! From a request to a compiled contract whose metadata is placed.
//!
//! Usually one compile. A second one only where the first leaves a question: errors that a wider
//! selection may heal, an engine that fell over while there is another, or metadata whose places the
//! compiler's own account does not settle.

use std::sync::Arc;
use std::time::Duration;

use common::db::jobs::Stage;
use compiler::{Engine, Outcome, Release};
use tracing::{Instrument, field};
use verification::auxdata::{AuxdataSearch, ContractAuxdata, find_auxdata, place_auxdata};
use verification::compiled_contract::CompiledContract;
use verification::compiler_output::read_compiler_output;
use verification::failure::VerificationFailure;
use verification::job::StdJsonRequest;
use verification::std_json::StdJsonInput;

use super::off_thread::off_thread;
use super::ways::{self, Way};
use super::{Fault, Tools};
use crate::outputs::Order;

/// The contract and where the metadata lies in its codes.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) contract: CompiledContract,
    pub(crate) auxdata: ContractAuxdata,
    /// What was compiled in place of what was submitted.
    pub(crate) variation: Option<StdJsonInput>,
    /// How it came about.
    pub(super) way: Way,
}

/// A failure of the compile, and whether another engine might do better.
#[derive(Debug)]
struct NoContract {
    failure: VerificationFailure,
    crashed: bool,
}

/// All compiles of one verification.
#[derive(Debug)]
pub(super) struct Compiling<'a> {
    tools: &'a Tools<'a>,
    request: Arc<StdJsonRequest>,
    /// With the engines that can run it, the first choice at the front; none if it isn't known.
    release: Option<(Release, Vec<Engine>)>,
    time: Duration,
}

type OrFailure<T> = Result<Result<T, VerificationFailure>, Fault>;

impl<'a> Compiling<'a> {
    pub(super) fn new(tools: &'a Tools<'a>, request: StdJsonRequest) -> Self {
        let compilers = tools.outputs.compilers();
        let family = request.std_json_input.language().compiler();
        let release = compilers
            .find(family, &request.compiler_version)
            .map(|release| {
                let engines = compilers.engines(&release, ways::traits_of(&request));
                (release, engines)
            });
        Self {
            tools,
            request: Arc::new(request),
            release,
            time: Duration::ZERO,
        }
    }

    /// What the compilers took so far, without preparing one.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    pub(super) async fn first(&mut self) -> OrFailure<Compiled> {
        let (request, engines) = (Arc::clone(&self.request), self.engines());
        let Some(mut way) = ways::first(&request, &engines) else {
            return Ok(Err(VerificationFailure::UnsupportedCompilerVersion {
                compiler_version: request.compiler_version.to_string(),
            }));
        };
        let mut tried = Vec::new();
        loop {
            let no_contract = match self.compile(&request.std_json_input, way).await? {
                Ok(compiled) => return Ok(Ok(compiled)),
                Err(no_contract) => no_contract,
            };
            tried.push(way);
            let next = match &no_contract.failure {
                VerificationFailure::CompilerErrors(_) => ways::after_errors(&request, way),
                _ if no_contract.crashed => ways::after_crash(&engines, way),
                _ => None,
            };
            let Some(next) = next.filter(|next| !tried.contains(next)) else {
                return Ok(Err(no_contract.failure));
            };
            tracing::info!(
                event = "compiled_again",
                code = no_contract.failure.code(),
                ?next,
                "one way of compiling failed; another one is tried"
            );
            way = next;
        }
    }

    /// Another way, after all before it gave no match.
    pub(super) async fn again(&mut self, way: Way) -> OrFailure<Compiled> {
        let request = Arc::clone(&self.request);
        let compiled = self.compile(&request.std_json_input, way).await?;
        Ok(compiled.map_err(|no_contract| no_contract.failure))
    }

    /// The ways that are left when a compiled contract doesn't match.
    pub(super) fn further_ways(&self, compiled: &Compiled) -> Vec<Way> {
        let Some((release, engines)) = &self.release else {
            return Vec::new();
        };
        if release.is_deterministic() {
            ways::after_no_match(&self.request, engines, compiled.way)
        } else {
            vec![compiled.way; ways::TRIES_BY_CHANCE]
        }
    }

    /// Another input than the submitted one, in the way that gave a match.
    pub(super) async fn variation(
        &mut self,
        input: &StdJsonInput,
        way: Way,
    ) -> Result<Option<Compiled>, Fault> {
        Ok(match self.compile(input, way).await? {
            Ok(compiled) => Some(Compiled {
                variation: Some(input.clone()),
                ..compiled
            }),
            Err(no_contract) => {
                tracing::warn!(
                    event = "variation_failed",
                    code = no_contract.failure.code(),
                    "a variation of the input did not compile"
                );
                None
            }
        })
    }

    /// The compilers rest.
    pub(super) fn compares(&self) {
        self.tools.stage.reach(Stage::Comparing);
    }

    pub(super) fn submitted(&self) -> &StdJsonInput {
        &self.request.std_json_input
    }

    pub(super) fn request(&self) -> &StdJsonRequest {
        &self.request
    }

    fn engines(&self) -> Vec<Engine> {
        let release = self.release.as_ref();
        release.map_or_else(Vec::new, |(_, engines)| engines.clone())
    }

    async fn compile(
        &mut self,
        input: &StdJsonInput,
        way: Way,
    ) -> Result<Result<Compiled, NoContract>, Fault> {
        let contract = match self.contract(input, way).await? {
            Ok(contract) => contract,
            Err(no_contract) => return Ok(Err(no_contract)),
        };
        let searching = move || {
            let search = find_auxdata(&contract);
            (contract, search)
        };
        let (contract, search) = off_thread(searching).await?;
        let (contract, auxdata) = match search {
            AuxdataSearch::Settled(auxdata) => (contract, auxdata),
            AuxdataSearch::NeedsSecondCompile { without_it } => {
                match self.contract(&input.edited_for_auxdata(), way).await? {
                    Ok(edited) => {
                        let placing = move || {
                            let auxdata = place_auxdata(&contract, &edited);
                            (contract, auxdata)
                        };
                        off_thread(placing).await?
                    }
                    // It says nothing about the metadata that an edit breaks the sources; a limit that
                    // was reached says that we could not look.
                    Err(NoContract {
                        failure: VerificationFailure::CompilerErrors(_),
                        ..
                    }) => {
                        tracing::warn!(
                            event = "auxdata_unplaced",
                            "the edited sources did not compile"
                        );
                        (contract, without_it)
                    }
                    Err(no_contract) => return Ok(Err(no_contract)),
                }
            }
        };
        Ok(Ok(Compiled {
            contract,
            auxdata,
            variation: None,
            way,
        }))
    }

    /// One compile, read for the target.
    async fn contract(
        &mut self,
        input: &StdJsonInput,
        way: Way,
    ) -> Result<Result<CompiledContract, NoContract>, Fault> {
        let request = Arc::clone(&self.request);
        let Some((release, _)) = &self.release else {
            return Ok(Err(NoContract {
                failure: VerificationFailure::NoCompilerOutput,
                crashed: false,
            }));
        };
        let (target, version) = (&request.target, &request.compiler_version);
        let text = input.compiler_input(target, way.selection);
        let order = Order {
            release,
            engine: way.engine,
            language: input.language(),
            input: text.as_bytes(),
            allowance: self.tools.allowance,
            stage: self.tools.stage,
        };
        let span = tracing::info_span!(
            "compile", compiler = %release, engine = way.engine.name(), ?way, origin = field::Empty
        );
        let answer = self
            .tools
            .outputs
            .compile(order)
            .instrument(span)
            .await
            .map_err(|source| Fault::Compiler { source })?;
        self.time = self.time.saturating_add(answer.time);
        tracing::info!(
            event = "compiled", compiler = %release, engine = way.engine.name(),
            selection = ?way.selection, origin = answer.origin.name(),
            compile_ms = answer.time.as_secs_f64() * 1000.0, input_bytes = text.len(),
            "an output of {release} from {}", answer.origin.name()
        );
        if let Some(no_contract) = no_output(&answer.outcome) {
            return Ok(Err(no_contract));
        }
        let (input, target, version) = (input.clone(), target.clone(), version.clone());
        let reading = move || match &*answer.outcome {
            Outcome::Output(output) => read_compiler_output(output, &input, &target, &version),
            _ => Err(VerificationFailure::NoCompilerOutput),
        };
        let contract = off_thread(reading).await?;
        Ok(contract.map_err(|failure| NoContract {
            failure,
            crashed: false,
        }))
    }
}

/// A compiler that was stopped or fell over: an answer too, since it would do the same again.
fn no_output(outcome: &Outcome) -> Option<NoContract> {
    let (failure, crashed) = match outcome {
        Outcome::Output(_) => return None,
        Outcome::TimedOut => (VerificationFailure::CompilerTimeout, false),
        Outcome::OutOfMemory => (VerificationFailure::CompilerOutOfMemory, false),
        Outcome::OutputTooLong { limit_bytes } => {
            let words = format!("The compiler's output exceeds {} MB.", limit_bytes >> 20);
            (VerificationFailure::CompilerErrorMessage(words), false)
        }
        Outcome::Crashed(why) => {
            let words = format!("The compiler crashed: {why}");
            (VerificationFailure::CompilerErrorMessage(words), true)
        }
    };
    Some(NoContract { failure, crashed })
}
