//! Who is to be told that something happened to a job.
//!
//! Each job has its own bell, and only while somebody waits: what happens to one job costs nothing to
//! the thousand who wait for others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::JobId;

/// All bells of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Wakes(Arc<Mutex<HashMap<JobId, watch::Sender<Rings>>>>);

/// How often a bell rang, for any news and for the end.
#[derive(Debug, Clone, Copy, Default)]
struct Rings {
    news: u64,
    ends: u64,
}

impl Wakes {
    pub(super) fn subscribe(&self, id: JobId) -> JobWakes {
        let receiver = self.bells().entry(id).or_default().subscribe();
        let heard = *receiver.borrow();
        JobWakes {
            wakes: self.clone(),
            id,
            heard,
            receiver: Some(receiver),
        }
    }

    pub(super) fn ring_for_progress(&self, id: JobId) {
        if let Some(bell) = self.bells().get(&id) {
            bell.send_modify(|rings| rings.news = rings.news.wrapping_add(1));
        }
    }

    pub(super) fn ring_for_end(&self, id: JobId) {
        if let Some(bell) = self.bells().get(&id) {
            ring_both(bell);
        }
    }

    /// What happened meanwhile is unknown: everybody looks.
    pub(super) fn ring_all(&self) {
        self.bells().values().for_each(ring_both);
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<Rings>>> {
        // No bell is ever half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ring_both(bell: &watch::Sender<Rings>) {
    bell.send_modify(|rings| {
        rings.news = rings.news.wrapping_add(1);
        rings.ends = rings.ends.wrapping_add(1);
    });
}

/// One who waits for news of one job. A ring between two waits is not lost.
#[derive(Debug)]
pub struct JobWakes {
    wakes: Wakes,
    id: JobId,
    heard: Rings,
    /// Absent only while it is dropped.
    receiver: Option<watch::Receiver<Rings>>,
}

impl JobWakes {
    /// Returns when something happened to the job, or at that moment.
    pub async fn news(&mut self, at_latest: Instant) {
        let heard = self.heard.news;
        self.wait(at_latest, |rings| rings.news != heard).await;
    }

    /// Returns when the job ended, or at that moment.
    pub(super) async fn end(&mut self, at_latest: Instant) {
        let heard = self.heard.ends;
        self.wait(at_latest, |rings| rings.ends != heard).await;
    }

    async fn wait(&mut self, at_latest: Instant, is_new: impl FnMut(&Rings) -> bool) {
        let Some(receiver) = &mut self.receiver else {
            return;
        };
        let rung = async { receiver.wait_for(is_new).await.map(|rings| *rings) };
        match timeout_at(at_latest, rung).await {
            Ok(Ok(rings)) => self.heard = rings,
            // Cannot be: the bell is kept while we wait. A poll is then all that is left.
            Ok(Err(_closed)) => sleep_until(at_latest).await,
            Err(_elapsed) => {}
        }
    }
}

impl Drop for JobWakes {
    fn drop(&mut self) {
        let mut bells = self.wakes.bells();
        drop(self.receiver.take());
        if bells
            .get(&self.id)
            .is_some_and(|bell| bell.receiver_count() == 0)
        {
            bells.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn in_an_hour() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    fn hears_news(waiting: &mut JobWakes) -> bool {
        waiting.news(in_an_hour()).now_or_never().is_some()
    }

    fn hears_the_end(waiting: &mut JobWakes) -> bool {
        waiting.end(in_an_hour()).now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_ring_wakes_those_of_its_job_alone_and_once() {
        let wakes = Wakes::default();
        let job = JobId::random();
        let (mut first, mut second) = (wakes.subscribe(job), wakes.subscribe(job));
        let mut foreign = wakes.subscribe(JobId::random());
        wakes.ring_for_progress(job);
        assert!(hears_news(&mut first) && hears_news(&mut second));
        assert!(!hears_news(&mut foreign) && !hears_news(&mut first));
    }

    #[tokio::test]
    async fn progress_is_no_end_and_an_end_is_news() {
        let wakes = Wakes::default();
        let job = JobId::random();
        let mut waiting = wakes.subscribe(job);
        wakes.ring_for_progress(job);
        assert!(!hears_the_end(&mut waiting));
        wakes.ring_for_end(job);
        assert!(hears_the_end(&mut waiting));
        wakes.ring_for_end(job);
        assert!(hears_news(&mut waiting));
        wakes.ring_all();
        assert!(hears_the_end(&mut waiting));
    }

    #[test]
    fn a_bell_is_gone_with_the_last_who_waits() {
        let wakes = Wakes::default();
        let job = JobId::random();
        let (first, second) = (wakes.subscribe(job), wakes.subscribe(job));
        drop(first);
        assert_eq!(wakes.bells().len(), 1);
        drop(second);
        assert!(wakes.bells().is_empty());
        wakes.ring_for_end(job);
    }
}
