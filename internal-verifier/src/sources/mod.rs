//! Looks for sources that metadata only names.
//!
//! Metadata is written by anybody, so nothing of it is an address: a place is a name in IPFS or a path
//! on GitHub, put below a configured server here. Redirects are not followed. Everything has an end:
//! how many contents, their size alone and together, the time for one and for all. What is found is
//! believed by its hash.
//!
//! What can't be had is missing, and that is an answer, also when a server is down: a job is not worth
//! hours of somebody else's outage, and the user can send the file. A server gets a few tries.

mod fetch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::telemetry::metrics;
use futures::StreamExt;
use reqwest::Url;
use tokio::time::{Instant, timeout_at};
use verification::metadata::{ContentHash, SourcePlace, WantedSource};

use crate::config::SourcesConfig;
use fetch::Fetched;

/// Ten times what large projects lack when everything is fetched.
const MAX_CONTENTS: usize = 500;
/// Of all together: what a request may hold.
const MAX_BYTES: usize = 30 << 20;
const AT_ONCE: usize = 8;
/// Of one place that fails in a way that may pass.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Sources {
    http: reqwest::Client,
    ipfs_gateway: Url,
    github_raw: Url,
    whole_timeout: Duration,
}

impl Sources {
    pub(crate) fn new(config: SourcesConfig) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: common::http_client::build(config.timeout)?,
            ipfs_gateway: config.ipfs_gateway,
            github_raw: config.github_raw,
            whole_timeout: config.whole_timeout,
        })
    }

    /// Those that were found; the others are missing.
    pub(crate) async fn fetch(
        &self,
        wanted: impl Iterator<Item = &WantedSource>,
    ) -> BTreeMap<ContentHash, String> {
        let wanted: Vec<&WantedSource> =
            wanted.filter(|wanted| !wanted.places.is_empty()).collect();
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return found;
        }
        let bytes_left = AtomicUsize::new(MAX_BYTES);
        let began = Instant::now();
        let deadline = began.checked_add(self.whole_timeout).unwrap_or(began);
        let sought = wanted.iter().take(MAX_CONTENTS);
        let fetching = sought.map(|wanted| self.fetch_one(wanted, &bytes_left));
        let mut fetching = futures::stream::iter(fetching).buffer_unordered(AT_ONCE);
        while let Ok(Some(fetched)) = timeout_at(deadline, fetching.next()).await {
            found.extend(fetched);
        }
        tracing::info!(
            event = "sources_fetched",
            wanted = wanted.len(),
            found = found.len(),
            bytes = MAX_BYTES.saturating_sub(bytes_left.load(Ordering::Relaxed)),
            fetch_ms = began.elapsed().as_secs_f64() * 1000.0,
            "found {} of {} sources",
            found.len(),
            wanted.len()
        );
        found
    }

    async fn fetch_one(
        &self,
        wanted: &WantedSource,
        bytes_left: &AtomicUsize,
    ) -> Option<(ContentHash, String)> {
        for place in &wanted.places {
            let fetched = self.fetch_patiently(place, bytes_left).await;
            let text = match fetched {
                Fetched::Bytes(bytes) => wanted.read(bytes),
                Fetched::Absent | Fetched::Unavailable => None,
            };
            if let Some(text) = text {
                return Some((wanted.hash, text));
            }
        }
        None
    }

    async fn fetch_patiently(&self, place: &SourcePlace, bytes_left: &AtomicUsize) -> Fetched {
        let (url, server) = match place {
            SourcePlace::Ipfs(name) => (below(&self.ipfs_gateway, [name]), "ipfs"),
            SourcePlace::GitHub(path) => (below(&self.github_raw, path), "github"),
        };
        let Some(url) = url else {
            return Fetched::Absent;
        };
        let mut pause = FIRST_PAUSE;
        let mut tried = 0;
        loop {
            let fetched = fetch::get(&self.http, url.clone(), bytes_left).await;
            tried += 1;
            metrics::count(
                "source_answers",
                &[("server", server), ("outcome", fetched.name())],
            );
            if fetched != Fetched::Unavailable || tried == TRIES {
                return fetched;
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }
}

/// Each segment is one segment, whatever characters it has.
fn below(base: &Url, segments: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Url> {
    let mut url = base.clone();
    // Only of URLs that can't be a base, and the configuration takes none.
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(segments);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_below_their_server() {
        for base in [
            "https://gateway.example/ipfs/",
            "https://gateway.example/ipfs",
        ] {
            let base = Url::parse(base).unwrap();
            let url = below(&base, ["a b", "c#d", "ü"]).unwrap();
            assert_eq!(
                url.as_str(),
                "https://gateway.example/ipfs/a%20b/c%23d/%C3%BC"
            );
        }
    }
}
