//! What a run does, step by step: told to whoever reports it, and timed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::db::jobs::Stage;
use common::telemetry::metrics;
use tokio::sync::watch;

/// The stages of one run. When it is dropped, its times are told.
#[derive(Debug)]
pub(crate) struct Stages {
    reached: watch::Sender<Stage>,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    stage: Stage,
    since: Instant,
    /// A run may come to a stage several times; what counts is all of it together.
    ended: Vec<(Stage, Duration)>,
}

impl Stages {
    /// A run that has just been started, and where its stages can be seen. The latest one only.
    pub(crate) fn begin() -> (Self, watch::Receiver<Stage>) {
        let (reached, seen) = watch::channel(Stage::Started);
        let times = Times {
            stage: Stage::Started,
            since: Instant::now(),
            ended: Vec::new(),
        };
        let stages = Self {
            reached,
            times: Mutex::new(times),
        };
        (stages, seen)
    }

    pub(crate) fn reach(&self, stage: Stage) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.end_at(Instant::now());
        times.stage = stage;
        self.reached.send_replace(stage);
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        let times = self.times.get_mut().unwrap_or_else(PoisonError::into_inner);
        times.end_at(Instant::now());
        for (stage, time) in &times.ended {
            let labels = [("stage", stage.name())];
            metrics::observe_seconds("stage_seconds", time.as_secs_f64(), &labels);
        }
    }
}

impl Times {
    fn end_at(&mut self, now: Instant) {
        let lasted = now.saturating_duration_since(self.since);
        self.since = now;
        match self
            .ended
            .iter_mut()
            .find(|(stage, _)| *stage == self.stage)
        {
            Some((_, time)) => *time = time.saturating_add(lasted),
            None => self.ended.push((self.stage, lasted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_is_reached_again_goes_on() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut times = Times {
            stage: Stage::Compiling,
            since: now,
            ended: Vec::new(),
        };
        times.end_at(after(2));
        times.stage = Stage::Comparing;
        times.end_at(after(3));
        times.stage = Stage::Compiling;
        times.end_at(after(7));
        let seconds = Duration::from_secs;
        let wanted = [
            (Stage::Compiling, seconds(6)),
            (Stage::Comparing, seconds(1)),
        ];
        assert_eq!(times.ended, wanted);
    }
}
