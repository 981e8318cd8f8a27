//! Pure work on many bytes, on a thread for which nobody waits.

use tracing::Span;

use super::Fault;

/// # Errors
/// When the work panicked.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|source| Fault::Crashed { source })
}
