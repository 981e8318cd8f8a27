//! Which fault happens when: decided by the seed before anything runs.
//!
//! All kinds lie in a deck that is dealt to its end and shuffled again, so that none is left out for long.
//! Whom a fault hits is decided by its `choice` among those that are there at that moment, which the seed
//! cannot know.

use std::fmt;
use std::time::Duration;

use super::random::Random;

/// Between two faults on the mean, so that several fall into most waits.
pub const USUAL_GAP: Duration = Duration::from_millis(1500);
/// How much shorter and longer single gaps are.
const SPREAD: (f64, f64) = (0.4, 1.6);
/// Longer than a lease, so that somebody else takes over meanwhile.
const FREEZE: (Duration, Duration) = (Duration::from_millis(4500), Duration::from_secs(7));
const DOWN: (Duration, Duration) = (Duration::ZERO, Duration::from_millis(1500));
const CUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// Shorter than what five attempts of a job wait for a node.
const NODE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(2500));

/// A fault and when it happens, from the beginning of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub at: Duration,
    pub fault: Fault,
    /// Decides whom it hits.
    pub choice: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Process(Victim, Harm),
    /// The server's processes are killed, and started again so much later.
    PostgresKilled {
        down_for: Duration,
    },
    PostgresRestarted {
        down_for: Duration,
    },
    /// All of the server's processes: connections stay, and nobody answers.
    PostgresFrozen {
        lasts: Duration,
    },
    Connections {
        way: Way,
        trouble: Trouble,
        lasts: Duration,
    },
    Node {
        answer: BadAnswer,
        lasts: Duration,
    },
}

/// Whose process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    PublicApi,
    Verifier,
    Compiler,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    Kill,
    /// SIGTERM: to a service as the platform sends it, to a compiler alone.
    Terminate,
    /// SIGSTOP, and SIGCONT so much later.
    Freeze(Duration),
}

/// Between which two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ClientToPublic,
    PublicToDatabase,
    VerifierToDatabase,
    PublicToVerifier,
    ToChain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// All open connections at once, and none after it.
    Reset,
    /// One connection after the other, in the middle of an answer.
    LoseAnswers,
    Refuse,
    Silence,
    BlackHole,
    Slow,
}

/// What the chain's node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAnswer {
    TooManyRequests,
    Unavailable,
    /// For a contract's code. Of a transaction it would be an answer: the node does not know it.
    Null,
    Malformed,
}

/// All faults of a run; `gap` is what lies between two on the mean.
#[must_use]
pub fn plan(seed: u64, duration: Duration, gap: Duration) -> Vec<Planned> {
    let (shortest, longest) = (gap.mul_f64(SPREAD.0), gap.mul_f64(SPREAD.1));
    let mut random = Random::new(seed);
    let mut planned = Vec::new();
    let mut deck = Vec::new();
    let mut at = random.between(shortest, longest);
    while at < duration {
        if deck.is_empty() {
            deck = draw_deck(&mut random);
        }
        let Some(fault) = deck.pop() else { break };
        let choice = random.next();
        planned.push(Planned { at, fault, choice });
        at = at.saturating_add(random.between(shortest, longest));
    }
    planned
}

/// Each kind once; how long and in which way is drawn anew each time.
fn draw_deck(random: &mut Random) -> Vec<Fault> {
    let mut deck = Vec::new();
    for victim in [Victim::PublicApi, Victim::Verifier, Victim::Compiler] {
        let freeze = Harm::Freeze(random.between(FREEZE.0, FREEZE.1));
        let harms = [Harm::Kill, Harm::Terminate, freeze];
        deck.extend(harms.map(|harm| Fault::Process(victim, harm)));
    }
    let mut down_for = || random.between(DOWN.0, DOWN.1);
    deck.push(Fault::PostgresKilled {
        down_for: down_for(),
    });
    deck.push(Fault::PostgresRestarted {
        down_for: down_for(),
    });
    deck.push(Fault::PostgresFrozen {
        lasts: random.between(CUT.0, CUT.1),
    });
    for way in Way::ALL {
        let trouble = random.one_of(&Trouble::ALL).copied();
        deck.push(Fault::Connections {
            way,
            trouble: trouble.unwrap_or(Trouble::Reset),
            lasts: random.between(CUT.0, CUT.1),
        });
    }
    // The one fault after which a client does not know whether it was heard.
    deck.push(Fault::Connections {
        way: Way::ClientToPublic,
        trouble: Trouble::LoseAnswers,
        lasts: CUT.1,
    });
    let answer = random.one_of(&BadAnswer::ALL).copied();
    deck.push(Fault::Node {
        answer: answer.unwrap_or(BadAnswer::Unavailable),
        lasts: random.between(NODE.0, NODE.1),
    });
    random.shuffle(&mut deck);
    deck
}

impl Trouble {
    const ALL: [Self; 6] = [
        Self::Reset,
        Self::LoseAnswers,
        Self::Refuse,
        Self::Silence,
        Self::BlackHole,
        Self::Slow,
    ];
}

impl BadAnswer {
    const ALL: [Self; 4] = [
        Self::TooManyRequests,
        Self::Unavailable,
        Self::Null,
        Self::Malformed,
    ];
}

/// Its kind, by which it is counted.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(victim, harm) => write!(f, "{} {}", victim.name(), harm.name()),
            Self::PostgresKilled { .. } => f.write_str("Postgres killed"),
            Self::PostgresRestarted { .. } => f.write_str("Postgres restarted"),
            Self::PostgresFrozen { .. } => f.write_str("Postgres frozen"),
            Self::Connections { way, trouble, .. } => {
                write!(f, "{} {}", way.name(), trouble.name())
            }
            Self::Node { answer, .. } => write!(f, "node {}", answer.name()),
        }
    }
}

impl Victim {
    fn name(self) -> &'static str {
        match self {
            Self::PublicApi => "public-api",
            Self::Verifier => "verifier",
            Self::Compiler => "compiler",
        }
    }
}

impl Way {
    pub(super) const ALL: [Self; 5] = [
        Self::ClientToPublic,
        Self::PublicToDatabase,
        Self::VerifierToDatabase,
        Self::PublicToVerifier,
        Self::ToChain,
    ];
}

impl Harm {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Terminate => "terminated",
            Self::Freeze(_) => "frozen",
        }
    }
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::ClientToPublic => "client to public-api",
            Self::PublicToDatabase => "public-api to Postgres",
            Self::VerifierToDatabase => "verifier to Postgres",
            Self::PublicToVerifier => "public-api to verifier",
            Self::ToChain => "verifier to chain",
        }
    }
}

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::LoseAnswers => "losing answers",
            Self::Refuse => "refused",
            Self::Silence => "silent",
            Self::BlackHole => "in a black hole",
            Self::Slow => "slow",
        }
    }
}

impl BadAnswer {
    fn name(self) -> &'static str {
        match self {
            Self::TooManyRequests => "429",
            Self::Unavailable => "503",
            Self::Null => "null",
            Self::Malformed => "malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_whole_schedule_and_a_longer_run_begins_alike() {
        let of = |seed, seconds| plan(seed, Duration::from_secs(seconds), USUAL_GAP);
        let [short, long] = [30, 180].map(|seconds| of(7, seconds));
        assert_eq!(long, of(7, 180));
        assert_eq!(long.get(..short.len()), Some(&*short));
        assert_ne!(long, of(8, 180));
        assert!(long.len() > 100, "{}", long.len());
        assert!(long.is_sorted_by_key(|planned| planned.at));
        assert!(of(7, 0).is_empty());
        let rare = plan(7, Duration::from_secs(180), Duration::from_secs(10));
        assert!((12..30).contains(&rare.len()), "{}", rare.len());
    }

    #[test]
    fn each_kind_comes_once_in_each_deck() {
        let faults = plan(7, Duration::from_secs(180), USUAL_GAP);
        let postgres = |planned: &&Planned| matches!(planned.fault, Fault::PostgresKilled { .. });
        let [first, second] = [0..19, 19..38].map(|deck| faults.get(deck).unwrap().iter());
        assert_eq!(first.filter(postgres).count(), 1);
        assert_eq!(second.filter(postgres).count(), 1);
    }
}
