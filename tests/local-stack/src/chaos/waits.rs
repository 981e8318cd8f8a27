//! How long jobs waited because of a fault.
//!
//! An attempt was *cut off* if the same job has another one after it, or was abandoned. Its wait runs from
//! the first fault since its start that may have hit it to the start of the next attempt or the end of the
//! job. Before its first attempt a job waits from the first fault since its acceptance to the attempt's start. So a
//! wait holds the lease's rest, the sweep's interval and the wait for a free verifier, and is an upper bound: a
//! later fault may have been the one that did it, and several may have come one after the other. So the longest
//! wait into which a single fault fell is told beside the longest of all. What hit one verifier or compiler may
//! have hit the jobs that it had; what hit the database, a connection, the chain or public-api may have hit all.
//! A fault counts when it begins: one that was under way already when a job came gives that job no wait.

use std::collections::HashMap;

use super::breaker::Hit;

/// A job's acceptance, attempts and end, in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) accepted_at: f64,
    pub(super) starts: Vec<f64>,
    pub(super) ended_at: Option<f64>,
    pub(super) is_abandoned: bool,
}

/// One wait, in seconds, and what began it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wait {
    pub(super) seconds: f64,
    pub(super) after: String,
    /// Those that fell into it and may have hit the job, the first included.
    pub(super) faults: usize,
    /// Whether an attempt was cut off; otherwise the job waited for its first.
    pub(super) is_cut_off: bool,
}

pub(super) fn longest<'a>(waits: impl Iterator<Item = &'a Wait>) -> Option<Wait> {
    let longest = waits.max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    longest.cloned()
}

/// Before each first attempt, and of each attempt that was cut off. An attempt during which nothing happened has none: it gave its job
/// back by itself.
pub(super) fn waits(stories: &HashMap<String, Story>, hits: &[Hit]) -> Vec<Wait> {
    let of_story = |(job, story): (&String, &Story)| {
        let first = story.starts.first().copied().or(story.ended_at);
        let before = first.and_then(|next| wait(job, story.accepted_at, next, hits));
        let gaps = cut_off(story).into_iter();
        let waits = gaps.filter_map(|(start, next)| wait(job, start, next, hits));
        let waits = waits.map(|wait| Wait {
            is_cut_off: true,
            ..wait
        });
        before.into_iter().chain(waits).collect::<Vec<_>>()
    };
    stories.iter().flat_map(of_story).collect()
}

/// The start of each attempt that was cut off, and what came after it.
fn cut_off(story: &Story) -> Vec<(f64, f64)> {
    let after = story.starts.iter().skip(1).copied();
    let end = story.ended_at.filter(|_| story.is_abandoned);
    let starts = story.starts.iter().copied();
    starts.zip(after.chain(end)).collect()
}

fn wait(job: &String, start: f64, next: f64, hits: &[Hit]) -> Option<Wait> {
    let is_it = |hit: &&Hit| {
        let is_hit = hit.jobs.as_ref().is_none_or(|jobs| jobs.contains(job));
        is_hit && hit.at >= start && hit.at <= next
    };
    let first = hits.iter().filter(is_it);
    let first = first.min_by(|one, other| one.at.total_cmp(&other.at))?;
    Some(Wait {
        seconds: next - first.at,
        after: first.kind.clone(),
        faults: hits.iter().filter(is_it).count(),
        is_cut_off: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(kind: &str, at: f64, jobs: Option<&[&str]>) -> Hit {
        Hit {
            kind: kind.to_owned(),
            at,
            jobs: jobs.map(|jobs| jobs.iter().map(|job| (*job).to_owned()).collect()),
        }
    }

    #[test]
    fn a_wait_begins_with_the_first_fault_that_may_have_hit_the_attempt() {
        let story = |starts: &[f64], is_abandoned| Story {
            accepted_at: starts.first().copied().unwrap_or(36.0),
            starts: starts.to_vec(),
            ended_at: Some(40.0),
            is_abandoned,
        };
        let hits = [
            hit("before", 9.0, None),
            hit("another's", 11.0, Some(&["b"])),
            hit("first", 12.0, Some(&["a"])),
            hit("second", 13.0, None),
            hit("late", 35.0, None),
        ];
        for (starts, is_abandoned, wanted) in [
            (&[10.0, 17.0][..], false, Some((5.0, "first", 2))),
            (&[10.0][..], false, None),
            (&[30.0][..], true, Some((5.0, "late", 1))),
            (&[14.0, 20.0][..], false, None),
            // Accepted after the last fault.
            (&[][..], false, None),
        ] {
            let stories = HashMap::from([("a".to_owned(), story(starts, is_abandoned))]);
            let found = longest(waits(&stories, &hits).iter());
            let wanted = wanted.map(|(seconds, after, faults)| Wait {
                seconds,
                after: after.to_owned(),
                faults,
                is_cut_off: true,
            });
            assert_eq!(found, wanted, "{starts:?}");
        }
    }

    #[test]
    fn a_job_may_wait_for_its_first_attempt() {
        let story = Story {
            accepted_at: 10.0,
            starts: vec![17.0],
            ended_at: Some(18.0),
            is_abandoned: false,
        };
        let hits = [
            hit("public-api killed", 12.0, None),
            hit("another's", 13.0, Some(&["b"])),
        ];
        let found = waits(&HashMap::from([("a".to_owned(), story)]), &hits);
        let wanted = Wait {
            seconds: 5.0,
            after: "public-api killed".to_owned(),
            faults: 1,
            is_cut_off: false,
        };
        assert_eq!(found, [wanted]);
    }
}
