//! The one way to make a client for outgoing calls: no redirects, bounded connecting.

use std::time::Duration;

/// `timeout` is for the whole call, the answer's body included.
pub fn build(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        // A peer that redirects a signed call or a chain request is not the peer we were told.
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
