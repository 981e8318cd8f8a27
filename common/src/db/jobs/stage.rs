//! How far a job is: its stages, and the write that reports one.

use serde::Serialize;
use utoipa::ToSchema;

use super::Lease;
use crate::db::statement::{Statement, statement};
use crate::db::{Database, DatabaseError};

const REPORT_STAGE: Statement = statement!("jobs/report_stage");

/// What is being done for a job. A run may go through some again, and leave others out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for a verifier.
    Queued,
    /// A verifier has it.
    Started,
    FetchingSources,
    /// Its release is fetched, or loaded into this verifier.
    PreparingCompiler,
    Compiling,
    /// The compiler is done, and the chain has not answered yet.
    ReadingChain,
    Comparing,
    Storing,
}

impl Stage {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Started,
        Self::FetchingSources,
        Self::PreparingCompiler,
        Self::Compiling,
        Self::ReadingChain,
        Self::Comparing,
        Self::Storing,
    ];

    /// As the API and the column `stage` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Started => "started",
            Self::FetchingSources => "fetching_sources",
            Self::PreparingCompiler => "preparing_compiler",
            Self::Compiling => "compiling",
            Self::ReadingChain => "reading_chain",
            Self::Comparing => "comparing",
            Self::Storing => "storing",
        }
    }

    /// A name that only a newer program knows says as much as that somebody works.
    pub(super) fn from_name(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|stage| stage.name() == name);
        known.unwrap_or(Self::Started)
    }
}

/// Tells everybody how far the job is. Without the live lease nothing is written, so a report that
/// comes after the end of its run is lost, as it should be.
///
/// # Errors
/// A fault of the database; nobody minds, since the next report says more.
pub async fn report_stage(
    database: &Database,
    lease: &Lease,
    stage: Stage,
) -> Result<bool, DatabaseError> {
    let connection = database.connection().await?;
    let reported = connection
        .execute(
            REPORT_STAGE,
            &[&lease.job().0, &lease.token(), &stage.name()],
        )
        .await?;
    Ok(reported == 1)
}
