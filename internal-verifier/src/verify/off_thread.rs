//! Pure work on many bytes, on a thread for which nobody waits.

use super::Fault;

/// # Errors
/// When the work panicked.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|source| Fault::Crashed { source })
}
