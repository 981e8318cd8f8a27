//! The calls that this process has open: for whoever must know what was not sent when it ends, and which
//! calls wait for an answer that nobody will give.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::db::jobs::JobId;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    last_number: u64,
    entries: HashMap<u64, Entry>,
    /// Once the process ends: jobs that were accepted here and that the verifier has not heard of.
    unsent: Option<Vec<JobId>>,
}

#[derive(Debug)]
struct Entry {
    job: JobId,
    is_sent: bool,
    is_in_vain: Arc<Notify>,
}

/// One entry; it is struck out when this is dropped.
#[derive(Debug)]
pub(super) struct OpenCall<'a> {
    ledger: &'a Ledger,
    number: u64,
    is_in_vain: Arc<Notify>,
}

impl Ledger {
    /// Whatever call was open for the job before is in vain: its row was taken from the table since.
    ///
    /// `None`: the process is ending, and the job is noted as not sent.
    pub(super) fn open(&self, job: JobId) -> Option<OpenCall<'_>> {
        let mut book = self.book();
        if let Some(unsent) = &mut book.unsent {
            unsent.push(job);
            return None;
        }
        let earlier = book.entries.values().filter(|entry| entry.job == job);
        earlier.for_each(|entry| entry.is_in_vain.notify_one());
        book.last_number = book.last_number.wrapping_add(1);
        let number = book.last_number;
        let is_in_vain = Arc::new(Notify::new());
        let entry = Entry {
            job,
            is_sent: false,
            is_in_vain: Arc::clone(&is_in_vain),
        };
        book.entries.insert(number, entry);
        Some(OpenCall {
            ledger: self,
            number,
            is_in_vain,
        })
    }

    /// The jobs for which an answer is awaited.
    pub(super) fn sent(&self) -> Vec<JobId> {
        let book = self.book();
        let sent = book.entries.values().filter(|entry| entry.is_sent);
        sent.map(|entry| entry.job).collect()
    }

    /// Nobody works on these jobs, so nobody will answer.
    pub(super) fn are_in_vain(&self, jobs: &[JobId]) {
        let book = self.book();
        let sent = book.entries.values().filter(|entry| entry.is_sent);
        sent.filter(|entry| jobs.contains(&entry.job))
            .for_each(|entry| entry.is_in_vain.notify_one());
    }

    /// From now on nothing is sent.
    pub(super) fn close(&self) {
        let mut book = self.book();
        if book.unsent.is_none() {
            let unsent = book.entries.values().filter(|entry| !entry.is_sent);
            book.unsent = Some(unsent.map(|entry| entry.job).collect());
        }
    }

    /// Each job once, after [`Ledger::close`].
    pub(super) fn take_unsent(&self) -> Vec<JobId> {
        let mut book = self.book();
        book.unsent.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing here is ever half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenCall<'_> {
    /// From here on the verifier may have it. `false`: nothing is sent any more.
    pub(super) fn send(&self) -> bool {
        self.mark(true)
    }

    /// The verifier has not taken it, and will be called again.
    pub(super) fn wait(&self) -> bool {
        self.mark(false)
    }

    fn mark(&self, is_sent: bool) -> bool {
        let mut book = self.ledger.book();
        if let Some(entry) = book.entries.get_mut(&self.number) {
            entry.is_sent = is_sent;
        }
        book.unsent.is_none()
    }

    /// Returns when there is no use in waiting for the answer.
    pub(super) async fn is_in_vain(&self) {
        self.is_in_vain.notified().await;
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.ledger.book().entries.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn what_is_not_sent_at_the_end_is_told_once() {
        let ledger = Ledger::default();
        let [waits, sent, again, late] = [(); 4].map(|()| JobId::random());
        let _waits = ledger.open(waits).unwrap();
        let sent = ledger.open(sent).unwrap();
        assert!(sent.send());
        let call = ledger.open(again).unwrap();
        assert!(call.send() && call.wait());
        drop(ledger.open(late).unwrap());
        ledger.close();
        assert!(!call.send(), "nothing is sent after the end");
        assert!(ledger.open(late).is_none());
        ledger.close();
        let unsent: std::collections::BTreeSet<_> = ledger.take_unsent().into_iter().collect();
        assert_eq!(unsent, [waits, again, late].into());
        assert_eq!(ledger.take_unsent(), []);
    }

    fn is_pending(call: &OpenCall<'_>) -> bool {
        let mut told = std::pin::pin!(call.is_in_vain());
        let mut context = Context::from_waker(Waker::noop());
        told.as_mut().poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn only_calls_that_were_sent_can_be_in_vain() {
        let ledger = Ledger::default();
        let [one, other] = [(); 2].map(|()| JobId::random());
        let (sent, waits) = (ledger.open(one).unwrap(), ledger.open(other).unwrap());
        assert!(sent.send());
        assert_eq!(ledger.sent(), [one]);
        ledger.are_in_vain(&[one, other]);
        sent.is_in_vain().await;
        assert!(is_pending(&waits));

        let later = ledger.open(other).unwrap();
        waits.is_in_vain().await;
        assert!(
            is_pending(&later),
            "the later call replaces the earlier one"
        );
    }
}
