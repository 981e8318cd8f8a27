//! What came out: one line for each scenario.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;

/// Scenarios that have ended.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    /// Waits for a scenario and writes its line; a failure with its reason below it.
    ///
    /// # Errors
    /// When the line can't be written.
    pub(crate) async fn show(
        &mut self,
        name: &str,
        scenario: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let started = Instant::now();
        let outcome = scenario.await;
        let took = started.elapsed().as_secs_f64();
        let mut out = std::io::stdout();
        match outcome {
            Ok(()) => {
                self.passed = self.passed.saturating_add(1);
                writeln!(out, "ok     {took:>5.1} s  {name}")?;
            }
            Err(error) => {
                self.failed = self.failed.saturating_add(1);
                let reason = format!("{error:#}").replace('\n', "\n         ");
                writeln!(out, "failed {took:>5.1} s  {name}\n         {reason}")?;
            }
        }
        Ok(out.flush()?)
    }

    /// The last line.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn close(&self) -> Result<()> {
        let Self { passed, failed } = self;
        let mut out = std::io::stdout();
        writeln!(out, "{passed} passed, {failed} failed")?;
        Ok(out.flush()?)
    }

    pub(crate) fn has_failures(&self) -> bool {
        self.failed > 0
    }
}
