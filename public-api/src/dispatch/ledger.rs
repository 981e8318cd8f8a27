//! The calls that this process has open: for whoever must hand them back when it ends, and which of them wait
//! for an answer that nobody will give.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::db::jobs::JobId;
use tokio::sync::Notify;

#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    last_number: u64,
    entries: HashMap<u64, Entry>,
    /// Once the process ends: the jobs that were open then, and those that came later.
    left: Option<Vec<JobId>>,
}

#[derive(Debug)]
struct Entry {
    job: JobId,
    is_in_vain: Arc<Notify>,
}

/// One entry; it is struck out when this is dropped.
#[derive(Debug)]
pub(super) struct OpenCall {
    ledger: Ledger,
    number: u64,
    is_in_vain: Arc<Notify>,
}

impl Ledger {
    /// Whatever call was open for the job before is in vain: its row was taken from the table since.
    ///
    /// `None`: the process is ending, and the job is noted as left.
    pub(super) fn open(&self, job: JobId) -> Option<OpenCall> {
        let mut book = self.book();
        if let Some(left) = &mut book.left {
            left.push(job);
            return None;
        }
        let earlier = book.entries.values().filter(|entry| entry.job == job);
        earlier.for_each(|entry| entry.is_in_vain.notify_one());
        book.last_number = book.last_number.wrapping_add(1);
        let number = book.last_number;
        let is_in_vain = Arc::new(Notify::new());
        let entry = Entry {
            job,
            is_in_vain: Arc::clone(&is_in_vain),
        };
        book.entries.insert(number, entry);
        Some(OpenCall {
            ledger: self.clone(),
            number,
            is_in_vain,
        })
    }

    /// The jobs that are called for.
    pub(super) fn jobs(&self) -> Vec<JobId> {
        let book = self.book();
        book.entries.values().map(|entry| entry.job).collect()
    }

    /// Nobody works on these jobs, so nobody will answer.
    pub(super) fn are_in_vain(&self, jobs: &[JobId]) {
        let book = self.book();
        let entries = book.entries.values();
        entries
            .filter(|entry| jobs.contains(&entry.job))
            .for_each(|entry| entry.is_in_vain.notify_one());
    }

    /// From now on nothing is opened.
    pub(super) fn close(&self) {
        let mut book = self.book();
        if book.left.is_none() {
            book.left = Some(book.entries.values().map(|entry| entry.job).collect());
        }
    }

    /// Each job once, after [`Ledger::close`]. The verifier may have some of them.
    pub(super) fn take_left(&self) -> Vec<JobId> {
        let mut book = self.book();
        book.left.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing here is ever half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenCall {
    /// Returns when there is no use in waiting for the answer.
    pub(super) async fn is_in_vain(&self) {
        self.is_in_vain.notified().await;
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.ledger.book().entries.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn what_is_open_at_the_end_or_comes_later_is_told_once() {
        let ledger = Ledger::default();
        let [open, ended, late] = [(); 3].map(|()| JobId::random());
        let _open = ledger.open(open).unwrap();
        drop(ledger.open(ended).unwrap());
        assert_eq!(ledger.jobs(), [open]);
        ledger.close();
        assert!(
            ledger.open(late).is_none(),
            "nothing is opened after the end"
        );
        ledger.close();
        let left: BTreeSet<_> = ledger.take_left().into_iter().collect();
        assert_eq!(left, [open, late].into());
        assert_eq!(ledger.take_left(), []);
    }

    fn is_pending(call: &OpenCall) -> bool {
        let mut told = std::pin::pin!(call.is_in_vain());
        let mut context = Context::from_waker(Waker::noop());
        told.as_mut().poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn a_call_is_in_vain_when_somebody_says_so_or_calls_later() {
        let ledger = Ledger::default();
        let [one, other] = [(); 2].map(|()| JobId::random());
        let (first, second) = (ledger.open(one).unwrap(), ledger.open(other).unwrap());
        ledger.are_in_vain(&[one]);
        first.is_in_vain().await;
        assert!(is_pending(&second));
        let later = ledger.open(other).unwrap();
        second.is_in_vain().await;
        assert!(is_pending(&later));
    }
}
