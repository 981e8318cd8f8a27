//! A stand-in for Cloud Scheduler: orders upkeep of public-api, again and again, with a token of its own.
//!
//! An order that fails is not repeated at once, as in the cloud; it is due again at the next look. So the
//! daily one is not lost for a day because public-api was just starting.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::issuer::SWEEPER;
use crate::settings::PUBLIC_AUDIENCE;

/// The scheduler's own limit for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// What is ordered, of whom, and how often.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    /// Where tokens are: the host and port of local identity.
    pub identity: String,
    /// Each public-api's address, as in `http://host:port`.
    pub targets: Vec<String>,
    pub sweep_every: Duration,
    pub expire_every: Duration,
}

impl SchedulerConfig {
    /// As in the cloud: a sweep a minute, and once a day what is old is deleted.
    #[must_use]
    pub fn new(identity: String, targets: Vec<String>) -> Self {
        Self {
            identity,
            targets,
            sweep_every: Duration::from_secs(60),
            expire_every: Duration::from_secs(24 * 3600),
        }
    }
}

/// Orders until it is dropped.
#[derive(Debug)]
pub struct Scheduler(JoinHandle<()>);

impl Scheduler {
    /// Begins at once, inside the running tokio runtime, and tells of each order to which address it went
    /// and what came of it.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn start(config: SchedulerConfig, tell: fn(&str, &Result<()>)) -> Result<Self> {
        Ok(Self(tokio::spawn(run(config, client()?, tell))))
    }
}

/// Gives each order once, and tells of each as [`Scheduler::start`] does. Gives how many failed.
///
/// # Errors
/// When no HTTP client can be made.
pub async fn give_all(config: &SchedulerConfig, tell: fn(&str, &Result<()>)) -> Result<usize> {
    let http = client()?;
    let mut failed = 0_usize;
    for order in orders(config) {
        let given = give(&http, &config.identity, &order.url).await;
        tell(&order.url, &given);
        failed = failed.saturating_add(usize::from(given.is_err()));
    }
    Ok(failed)
}

fn client() -> Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWERED_WITHIN);
    client.build().context("making an HTTP client")
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One kind of order to one public-api.
struct Order {
    url: String,
    every: Duration,
    /// When it was last carried out.
    done: Option<Instant>,
}

impl Order {
    fn is_due(&self, now: Instant) -> bool {
        let since = |done| now.saturating_duration_since(done);
        self.done.is_none_or(|done| since(done) >= self.every)
    }
}

async fn run(config: SchedulerConfig, http: reqwest::Client, tell: fn(&str, &Result<()>)) {
    let mut orders = orders(&config);
    let shortest = config.sweep_every.min(config.expire_every);
    let mut looks = tokio::time::interval(shortest.max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let now = looks.tick().await;
        for order in orders.iter_mut().filter(|order| order.is_due(now)) {
            let given = give(&http, &config.identity, &order.url).await;
            tell(&order.url, &given);
            if given.is_ok() {
                order.done = Some(now);
            }
        }
    }
}

fn orders(config: &SchedulerConfig) -> Vec<Order> {
    let kinds = [
        ("/internal_api_sweep", config.sweep_every),
        ("/internal_api_expire", config.expire_every),
    ];
    let of_one = |target: &String| {
        let target = target.trim_end_matches('/').to_owned();
        kinds.map(|(path, every)| Order {
            url: format!("{target}{path}"),
            every,
            done: None,
        })
    };
    config.targets.iter().flat_map(of_one).collect()
}

async fn give(http: &reqwest::Client, identity: &str, url: &str) -> Result<()> {
    let token = format!(
        "http://{identity}/computeMetadata/v1/instance/service-accounts/{SWEEPER}/identity\
         ?audience={PUBLIC_AUDIENCE}&format=full"
    );
    let token = http.get(token).header("metadata-flavor", "Google");
    let token = token.send().await.and_then(|got| got.error_for_status());
    let token = token.context("asking for a token")?.text().await?;
    let answer = http.post(url).bearer_auth(token).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "it answered {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_public_api_is_told_both_and_an_order_that_failed_is_due_again() {
        let targets = ["http://one:1/", "http://two:2"]
            .map(str::to_owned)
            .to_vec();
        let config = SchedulerConfig::new("identity:1".to_owned(), targets);
        let mut orders = orders(&config);
        let urls: Vec<_> = orders.iter().map(|order| order.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "http://one:1/internal_api_sweep",
                "http://one:1/internal_api_expire",
                "http://two:2/internal_api_sweep",
                "http://two:2/internal_api_expire",
            ]
        );
        let start = Instant::now();
        orders[0].done = Some(start);
        orders[1].done = Some(start);
        for (after_s, due) in [
            (0, [false, false]),
            (60, [true, false]),
            (86_400, [true; 2]),
        ] {
            let now = start + Duration::from_secs(after_s);
            assert_eq!([orders[0].is_due(now), orders[1].is_due(now)], due);
            assert!(orders[2].is_due(now), "never carried out");
        }
    }
}
