//! Fetches one file over HTTP, with a limit on its size and on our patience.

use std::time::Duration;

use super::progress::Progress;

/// A host that can't be reached must not hold up the next source.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Between two pieces.
const READ_LIMIT: Duration = Duration::from_secs(20);
const WHOLE_LIMIT: Duration = Duration::from_secs(300);
/// The largest so far has 31 MB.
const MAX_BYTES: u64 = 128 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the file has more than {MAX_BYTES} bytes")]
    TooLong,
}

pub(crate) async fn get(url: &str, progress: &Progress) -> Result<Vec<u8>, DownloadError> {
    progress.step("asking the Solidity project's host");
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(READ_LIMIT)
        .timeout(WHOLE_LIMIT)
        .build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let said = response.content_length().unwrap_or_default();
    if said > MAX_BYTES {
        return Err(DownloadError::TooLong);
    }
    progress.step_of_bytes("fetching it from the Solidity project", said);
    let mut file = Vec::with_capacity(usize::try_from(said).unwrap_or_default());
    while let Some(piece) = response.chunk().await? {
        file.extend_from_slice(&piece);
        let length = u64::try_from(file.len()).unwrap_or(u64::MAX);
        if length > MAX_BYTES {
            return Err(DownloadError::TooLong);
        }
        progress.advance(u64::try_from(piece.len()).unwrap_or_default());
    }
    Ok(file)
}
