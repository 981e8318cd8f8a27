//! Runs compilers, each input once.
//!
//! A compiler's output follows from the compiler and its input alone, so it is found by the hash of
//! both: first in this process, then in the database, which all instances share. Of several jobs that
//! need the same output at the same time, one compiles and the others wait for it; when that one is
//! given up, the next one takes over.
//!
//! Only what a compiler wrote is kept, whole: a time limit or a crash may end otherwise elsewhere, and is
//! not even a neighbour's answer. Releases whose output does not follow from the input keep nothing.

mod key;
mod memory;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use common::db::jobs::Stage;
use common::db::{Database, outputs};
use common::report::with_causes;
use common::telemetry::metrics;
use compiler::{CompileError, Compilers, Engine, Limits, Outcome, Release, Supply};

use tracing::Instrument;
use verification::compiler::Language;

use crate::stages::Stages;
use key::Key;
use memory::{Memory, Packed};

/// What is to be compiled, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) release: &'a Release,
    pub(crate) engine: Engine,
    pub(crate) language: Language,
    pub(crate) input: &'a [u8],
    pub(crate) allowance: Allowance,
    /// Told how far it is.
    pub(crate) stage: &'a Stages,
}

/// What compilers may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Preparing a release counts, and so does waiting for a neighbour.
    pub(crate) deadline: Instant,
    pub(crate) memory_bytes: u64,
    pub(crate) output_bytes: u64,
}

impl Allowance {
    fn limits_now(&self) -> Limits {
        Limits {
            time: self.deadline.saturating_duration_since(Instant::now()),
            memory_bytes: self.memory_bytes,
            output_bytes: self.output_bytes,
        }
    }
}

/// What is larger is not shared with other instances: the database has better things to keep.
const MAX_SHARED_BYTES: usize = 4 << 20;

/// An output, and what it took.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) outcome: Arc<Outcome>,
    /// Of the compiler's process alone; zero when nothing was compiled.
    pub(crate) time: Duration,
    pub(crate) origin: Origin,
}

/// Nothing was learned about the input.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCompiled {
    #[error(transparent)]
    Compiler(#[from] CompileError),
    #[error("waiting left too little time to compile")]
    NoTime,
}

/// Where an output was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Compiler,
    /// Another job compiled it a moment ago.
    Neighbour,
    Memory,
    Database,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compiler => "compiled",
            Self::Neighbour => "running",
            Self::Memory => "memory",
            Self::Database => "database",
        }
    }
}

/// The place where all who want one output meet; filled with it by the one who compiled.
type Flight = tokio::sync::Mutex<Option<Arc<Outcome>>>;

#[derive(Debug)]
pub(crate) struct Outputs {
    compilers: Compilers,
    database: Database,
    memory: Mutex<Memory>,
    flights: Mutex<HashMap<Key, Weak<Flight>>>,
}

impl Outputs {
    pub(crate) fn new(compilers: Compilers, database: Database, memory_bytes: usize) -> Self {
        Self {
            compilers,
            database,
            memory: Mutex::new(Memory::new(memory_bytes)),
            flights: Mutex::default(),
        }
    }

    pub(crate) fn compilers(&self) -> &Compilers {
        &self.compilers
    }

    /// Like [`Compilers::compile`], or faster.
    ///
    /// # Errors
    ///
    /// When nothing was learned about the input. A database that is away only costs a compile.
    pub(crate) async fn compile(&self, order: Order<'_>) -> Result<Answer, NotCompiled> {
        let began = Instant::now();
        order.stage.reach(Stage::Compiling);
        let answer = if order.release.is_deterministic() {
            self.find_or_run(order).await?
        } else {
            self.run(order).await?
        };
        if *answer.outcome == Outcome::TimedOut && !had_most_of(began.elapsed(), answer.time) {
            return Err(NotCompiled::NoTime);
        }
        let outcome = answer.origin.name();
        metrics::count("compiler_cache", &[("outcome", outcome)]);
        tracing::Span::current().record("origin", outcome);
        Ok(answer)
    }

    async fn find_or_run(&self, order: Order<'_>) -> Result<Answer, NotCompiled> {
        let Order {
            release,
            engine,
            input,
            allowance,
            ..
        } = order;
        let key = Key::of(&self.compilers.fingerprint(release, engine), input);
        let flight = self.flight(key);
        let waiting = tokio::time::timeout_at(allowance.deadline.into(), flight.lock());
        let mut place = waiting.await.map_err(|_elapsed| NotCompiled::NoTime)?;
        if let Some(outcome) = &*place {
            return Ok(found(Arc::clone(outcome), Origin::Neighbour));
        }
        if let Some(answer) = self.find(key, allowance.output_bytes).await {
            *place = Some(Arc::clone(&answer.outcome));
            return Ok(answer);
        }
        let answer = self.run(order).await?;
        if let Outcome::Output(output) = &*answer.outcome {
            *place = Some(Arc::clone(&answer.outcome));
            self.keep(key, output);
        }
        Ok(answer)
    }

    async fn find(&self, key: Key, output_bytes: u64) -> Option<Answer> {
        if let Some(packed) = self.lock_memory().find(key) {
            let output = packed.unpack(output_bytes)?;
            return Some(found(Arc::new(Outcome::Output(output)), Origin::Memory));
        }
        let packed = match outputs::find_output(&self.database, key.as_bytes()).await {
            Ok(packed) => Packed::stored(packed?),
            Err(error) => {
                tracing::warn!(
                    event = "outputs_unavailable",
                    error = with_causes(&error),
                    "the outputs of other instances could not be looked at"
                );
                return None;
            }
        };
        let output = packed.unpack(output_bytes)?;
        self.lock_memory().keep(key, packed);
        Some(found(Arc::new(Outcome::Output(output)), Origin::Database))
    }

    async fn run(&self, order: Order<'_>) -> Result<Answer, NotCompiled> {
        let Order {
            release,
            engine,
            language,
            input,
            allowance,
            stage,
        } = order;
        stage.reach(Stage::PreparingCompiler);
        let preparing = self.compilers.prepare(release, engine);
        let preparing = preparing.instrument(tracing::info_span!("compiler.prepare"));
        tell_supply(preparing.await)?;
        stage.reach(Stage::Compiling);
        let limits = allowance.limits_now();
        let running = metrics::raise("compiles_in_flight");
        let compiling = self.compilers.compile(release, engine, input, &limits);
        // Around the child, which is told nothing of it.
        let compiling = compiling.instrument(tracing::info_span!("compiler.run"));
        let compilation = compiling.await?;
        drop(running);
        let time = compilation.start.saturating_add(compilation.compile);
        let labels = [("engine", engine.name()), ("language", language.name())];
        metrics::observe_seconds("compile_seconds", time.as_secs_f64(), &labels);
        Ok(Answer {
            outcome: Arc::new(compilation.outcome),
            time,
            origin: Origin::Compiler,
        })
    }

    fn keep(&self, key: Key, output: &[u8]) {
        let packed = Packed::new(output);
        if packed.as_bytes().len() <= MAX_SHARED_BYTES {
            let (database, shared) = (self.database.clone(), packed.clone());
            // The verdict doesn't wait for it, and nobody minds when it gets lost.
            tokio::spawn(async move {
                let stored = outputs::store_output(&database, key.as_bytes(), shared.as_bytes());
                if let Err(error) = stored.await {
                    tracing::warn!(
                        event = "output_not_shared",
                        error = with_causes(&error),
                        "an output could not be shared with other instances"
                    );
                }
            });
        }
        self.lock_memory().keep(key, packed);
    }

    fn flight(&self, key: Key) -> Arc<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::default();
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    fn lock_memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was ready before is no news.
fn tell_supply(prepared: Result<Option<Supply>, CompileError>) -> Result<(), CompileError> {
    let (from, outcome) = match &prepared {
        Ok(None) => return Ok(()),
        Ok(Some(supply)) => (supply.name(), "ready"),
        Err(_) => ("none", "failed"),
    };
    metrics::count(
        "compilers_made_ready",
        &[("from", from), ("outcome", outcome)],
    );
    prepared.map(drop)
}

/// A time limit says something about the input only if the compiler had most of the time, and not those
/// who prepared its release, or compiled the same before.
fn had_most_of(whole: Duration, compiler: Duration) -> bool {
    compiler.saturating_mul(2) >= whole
}

fn found(outcome: Arc<Outcome>, origin: Origin) -> Answer {
    Answer {
        outcome,
        time: Duration::ZERO,
        origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_the_inputs_only_if_the_compiler_had_most_of_the_time() {
        let seconds = Duration::from_secs;
        assert!(had_most_of(seconds(900), seconds(899)));
        assert!(had_most_of(seconds(900), seconds(881)), "a new release");
        assert!(!had_most_of(seconds(900), seconds(300)), "a slow network");
        assert!(!had_most_of(seconds(900), Duration::ZERO));
    }
}
