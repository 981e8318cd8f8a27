//! The platform's and the developer's ways to end a process.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// Returns at the first SIGTERM or SIGINT.
///
/// # Errors
/// The process cannot wait for signals.
pub async fn asked_to_stop() -> Result<(), std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The platform kills ten seconds after it asked; this is before that.
const ENDED_WITHIN: Duration = Duration::from_millis(7500);

/// Ends this process in a while, if it does not end by itself: some wait that has no limit of its own,
/// such as for a name server, must not make the platform kill it. Call it once it was asked to stop.
pub fn end_in_time() {
    // A thread of its own: the runtime may be what hangs.
    let last_resort = std::thread::Builder::new().name("end-in-time".to_owned());
    // Without it the platform kills.
    let _ = last_resort.spawn(|| {
        std::thread::sleep(ENDED_WITHIN);
        tracing::error!(
            event = "shutdown_late",
            "this process did not end in time and ends itself"
        );
        std::process::exit(1);
    });
}
