//! From a request to a compiled contract whose metadata is placed.
//!
//! Usually one compile. A second one only where the first leaves a question: errors that a wider
//! selection may heal, or metadata whose places the compiler's own account does not settle.

use std::time::Duration;

use common::telemetry::metrics;
use compiler::{Compilation, Engine, Outcome, Release};
use tracing::Instrument;
use verification::auxdata::{AuxdataSearch, ContractAuxdata, find_auxdata, place_auxdata};
use verification::compiled_contract::CompiledContract;
use verification::compiler_output::read_compiler_output;
use verification::failure::VerificationFailure;
use verification::job::StdJsonRequest;
use verification::std_json::{Selection, StdJsonInput};

use super::{Fault, Tools};

/// The contract and where the metadata lies in its codes.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) contract: CompiledContract,
    pub(crate) auxdata: ContractAuxdata,
}

/// What all compiles of one verification gave.
#[derive(Debug)]
pub(super) struct Compiling<'a> {
    tools: &'a Tools<'a>,
    request: &'a StdJsonRequest,
    time: Duration,
}

#[derive(Debug)]
pub(super) struct CompileEnd {
    pub(super) result: Result<Box<Compiled>, VerificationFailure>,
    /// Of the compilers alone, without preparing one.
    pub(super) time: Duration,
}

type Answer<T> = Result<Result<T, VerificationFailure>, Fault>;

impl<'a> Compiling<'a> {
    pub(super) fn new(tools: &'a Tools<'a>, request: &'a StdJsonRequest) -> Self {
        Self {
            tools,
            request,
            time: Duration::ZERO,
        }
    }

    pub(super) async fn run(mut self) -> Result<CompileEnd, Fault> {
        let version = &self.request.compiler_version;
        let result = match self
            .tools
            .compilers
            .find(self.request.std_json_input.language().compiler(), version)
        {
            Some(release) => self.with(&release).await?,
            None => Err(VerificationFailure::UnsupportedCompilerVersion {
                compiler_version: version.to_string(),
            }),
        };
        Ok(CompileEnd {
            result: result.map(Box::new),
            time: self.time,
        })
    }

    async fn with(&mut self, release: &Release) -> Answer<Compiled> {
        let input = &self.request.std_json_input;
        let selection = Selection::first(input.language(), &self.request.compiler_version);
        let (contract, selection) = match self.contract(release, input, selection).await? {
            Ok(contract) => (contract, selection),
            Err(failure) => match (&failure, selection.after_errors(input.language())) {
                (VerificationFailure::CompilerErrors(_), Some(wider)) => {
                    match self.contract(release, input, wider).await? {
                        Ok(contract) => (contract, wider),
                        Err(failure) => return Ok(Err(failure)),
                    }
                }
                _ => return Ok(Err(failure)),
            },
        };
        let auxdata = match find_auxdata(&contract) {
            AuxdataSearch::Settled(auxdata) => auxdata,
            AuxdataSearch::NeedsSecondCompile { without_it } => {
                let edited = input.edited_for_auxdata();
                match self.contract(release, &edited, selection).await? {
                    Ok(edited) => place_auxdata(&contract, &edited),
                    Err(failure) => {
                        tracing::warn!(
                            event = "auxdata_unplaced",
                            code = failure.code(),
                            "the edited sources did not compile"
                        );
                        without_it
                    }
                }
            }
        };
        Ok(Ok(Compiled { contract, auxdata }))
    }

    /// One compile, read for the target.
    async fn contract(
        &mut self,
        release: &Release,
        input: &StdJsonInput,
        selection: Selection,
    ) -> Answer<CompiledContract> {
        let (target, version) = (&self.request.target, &self.request.compiler_version);
        let text = input.compiler_input(version, target, selection);
        let span = tracing::info_span!("compile", compiler = %release, ?selection);
        let compilation: Compilation = self
            .tools
            .compilers
            .compile(release, Engine::Wasm, text.as_bytes(), &self.tools.limits)
            .instrument(span)
            .await
            .map_err(|source| Fault::Compiler { source })?;
        let time = compilation.start.saturating_add(compilation.compile);
        self.time = self.time.saturating_add(time);
        let labels = [("engine", "wasm"), ("language", input.language().name())];
        metrics::observe_seconds("compile_seconds", time.as_secs_f64(), &labels);
        let output = match compilation.outcome {
            Outcome::Output(output) => output,
            other => return Ok(Err(no_output(other))),
        };
        let (input, target, version) = (input.clone(), target.clone(), version.clone());
        let reading = move || read_compiler_output(&output, &input, &target, &version);
        tokio::task::spawn_blocking(reading)
            .await
            .map_err(|source| Fault::Crashed { source })
    }
}

/// A compiler that was stopped or fell over: an answer too, since it would do the same again.
fn no_output(outcome: Outcome) -> VerificationFailure {
    match outcome {
        Outcome::TimedOut => VerificationFailure::CompilerTimeout,
        Outcome::OutOfMemory => VerificationFailure::CompilerOutOfMemory,
        Outcome::OutputTooLong { limit_bytes } => VerificationFailure::CompilerErrorMessage(
            format!("The compiler's output exceeds {} MB.", limit_bytes >> 20),
        ),
        Outcome::Crashed(why) => {
            VerificationFailure::CompilerErrorMessage(format!("The compiler crashed: {why}"))
        }
        Outcome::Output(_) => VerificationFailure::NoCompilerOutput,
    }
}
