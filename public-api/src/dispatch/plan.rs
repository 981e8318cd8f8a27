//! What to do after one call to the verifier: a pure decision.
//!
//! The row is durable, so giving up is cheap: the sweep calls again. A repeated call is worth it only
//! while the verifier may be starting or full. After a time-out the run may still be alive and its
//! lease decides; a refusal is a matter of configuration and only a person can mend it.

use std::time::Duration;

const REPETITIONS: u32 = 4;
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How one call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// 2xx: the verifier has looked at the job, and may have found nothing to do.
    Done { skipped: bool },
    /// 429, 500, 502, 503, or no connection, which has no status.
    Unavailable {
        status: Option<u16>,
        retry_after: Option<Duration>,
    },
    /// 504, or no answer in time.
    TimedOut,
    /// No answer has come, and the table says that nobody works on the job: its row is anybody's.
    InVain,
    /// 401 or 403.
    Refused { status: u16 },
    /// Any other status.
    Unexpected { status: u16 },
    /// No ID token; `transient` if the metadata server may give one in a moment.
    NoToken { transient: bool },
}

impl CallEnd {
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            200..=299 => Self::Done { skipped: false },
            429 | 500 | 502 | 503 => Self::Unavailable {
                status: Some(status),
                retry_after,
            },
            504 => Self::TimedOut,
            401 | 403 => Self::Refused { status },
            status => Self::Unexpected { status },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextStep {
    Nothing,
    /// Wait this long and call again.
    CallAgain(Duration),
    /// The sweep will call.
    LeaveToSweep,
    /// The sweep will call, and not before so long.
    PutOff(Duration),
    /// Nobody will get through until a person changes something; the sweep goes on trying.
    Alarm,
}

/// `calls` were made so far; `chance` in 0..=1 spreads callers over the pause ("full jitter"); after `left` the
/// row is due again, and then anybody may call.
pub(crate) fn plan(
    end: CallEnd,
    calls: u32,
    first_pause: Duration,
    chance: f64,
    left: Duration,
) -> NextStep {
    let left_to_sweep = match asked(end) {
        Some(asked) if asked >= left => NextStep::PutOff(asked),
        _ => NextStep::LeaveToSweep,
    };
    match step(end, calls, first_pause, chance) {
        NextStep::CallAgain(pause) if pause >= left => left_to_sweep,
        NextStep::LeaveToSweep => left_to_sweep,
        step => step,
    }
}

fn step(end: CallEnd, calls: u32, first_pause: Duration, chance: f64) -> NextStep {
    match end {
        CallEnd::Done { .. } | CallEnd::InVain => NextStep::Nothing,
        CallEnd::Unavailable { .. } if calls <= REPETITIONS => {
            let pause = pause(calls, first_pause, chance);
            NextStep::CallAgain(pause.max(asked(end).unwrap_or_default()))
        }
        CallEnd::NoToken { transient: true } if calls <= REPETITIONS => {
            NextStep::CallAgain(pause(calls, first_pause, chance))
        }
        CallEnd::Unavailable { .. } | CallEnd::TimedOut | CallEnd::NoToken { transient: true } => {
            NextStep::LeaveToSweep
        }
        CallEnd::Refused { .. }
        | CallEnd::Unexpected { .. }
        | CallEnd::NoToken { transient: false } => NextStep::Alarm,
    }
}

/// How long the platform wants to be left alone.
fn asked(end: CallEnd) -> Option<Duration> {
    match end {
        CallEnd::Unavailable { retry_after, .. } => Some(retry_after?.min(LONGEST_RETRY_AFTER)),
        _ => None,
    }
}

fn pause(calls: u32, first_pause: Duration, chance: f64) -> Duration {
    let doubled = first_pause.saturating_mul(2_u32.saturating_pow(calls.saturating_sub(1)));
    doubled.mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(2);
    const LEFT: Duration = Duration::from_secs(90);

    fn seconds(n: u64) -> NextStep {
        NextStep::CallAgain(Duration::from_secs(n))
    }

    #[test]
    fn a_full_verifier_is_called_again_ever_later_and_then_left_to_the_sweep() {
        let end = CallEnd::of_status(429, None);
        let steps: Vec<_> = (1..=5)
            .map(|calls| plan(end, calls, FIRST, 1.0, LEFT))
            .collect();
        assert_eq!(
            steps,
            [
                seconds(2),
                seconds(4),
                seconds(8),
                seconds(16),
                NextStep::LeaveToSweep
            ]
        );
        assert_eq!(
            plan(end, 3, FIRST, 0.0, LEFT),
            NextStep::CallAgain(Duration::ZERO),
            "full jitter"
        );
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_minute() {
        let asked = |s| CallEnd::of_status(503, Some(Duration::from_secs(s)));
        assert_eq!(plan(asked(30), 1, FIRST, 1.0, LEFT), seconds(30));
        assert_eq!(plan(asked(1), 3, FIRST, 1.0, LEFT), seconds(8));
        assert_eq!(plan(asked(3600), 1, FIRST, 1.0, LEFT), seconds(60));
    }

    #[test]
    fn nobody_waits_longer_than_until_the_row_is_due_again() {
        let end = CallEnd::of_status(429, None);
        let left = Duration::from_secs(8);
        assert_eq!(plan(end, 2, FIRST, 1.0, left), seconds(4));
        assert_eq!(plan(end, 3, FIRST, 1.0, left), NextStep::LeaveToSweep);
    }

    #[test]
    fn whoever_asks_for_longer_than_that_is_not_called_by_the_sweep_before() {
        let left = Duration::from_secs(45);
        let asked = |s| CallEnd::of_status(503, Some(Duration::from_secs(s)));
        let put_off = |s| NextStep::PutOff(Duration::from_secs(s));
        assert_eq!(plan(asked(50), 1, FIRST, 1.0, left), put_off(50));
        assert_eq!(plan(asked(3600), 1, FIRST, 1.0, left), put_off(60));
        assert_eq!(plan(asked(44), 1, FIRST, 1.0, left), seconds(44));
        // Nor after the last call, when little is left.
        let left = Duration::from_secs(5);
        assert_eq!(plan(asked(10), 5, FIRST, 1.0, left), put_off(10));
        assert_eq!(plan(asked(4), 5, FIRST, 1.0, left), NextStep::LeaveToSweep);
    }

    #[test]
    fn each_answer_has_its_step() {
        for (status, step) in [
            (200, NextStep::Nothing),
            (500, seconds(2)),
            (502, seconds(2)),
            (503, seconds(2)),
            (504, NextStep::LeaveToSweep),
            (401, NextStep::Alarm),
            (403, NextStep::Alarm),
            (404, NextStep::Alarm),
            (302, NextStep::Alarm),
        ] {
            assert_eq!(
                plan(CallEnd::of_status(status, None), 1, FIRST, 1.0, LEFT),
                step,
                "{status}"
            );
        }
        assert_eq!(
            plan(CallEnd::NoToken { transient: true }, 1, FIRST, 1.0, LEFT),
            seconds(2)
        );
        assert_eq!(
            plan(CallEnd::NoToken { transient: true }, 5, FIRST, 1.0, LEFT),
            NextStep::LeaveToSweep
        );
        assert_eq!(
            plan(CallEnd::NoToken { transient: false }, 1, FIRST, 1.0, LEFT),
            NextStep::Alarm
        );
        assert_eq!(
            plan(CallEnd::TimedOut, 1, FIRST, 1.0, LEFT),
            NextStep::LeaveToSweep
        );
        assert_eq!(
            plan(CallEnd::InVain, 1, FIRST, 1.0, LEFT),
            NextStep::Nothing
        );
    }
}
