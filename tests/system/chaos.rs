//! A short run of `make chaos`, whose seed is always the same.

use std::path::Path;
use std::time::Duration;

use local_stack::chaos::{self, ChaosConfig};

const JOBS: usize = 60;
const SEED: u64 = 5;
const DURATION: Duration = Duration::from_secs(30);
/// Each kind once.
const A_DECK: usize = 19;

#[tokio::test]
async fn whoever_dies_nothing_accepted_is_lost_stuck_or_done_twice() {
    let planned = chaos::plan_faults(SEED, DURATION, chaos::USUAL_GAP);
    assert!(planned.len() >= A_DECK, "{}", planned.len());
    let report = chaos::run(&ChaosConfig {
        seed: SEED,
        jobs: JOBS,
        duration: DURATION,
        gap: chaos::USUAL_GAP,
        cases: Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"),
        logs: None,
    })
    .await
    .unwrap();
    let broken = report.broken();
    assert!(broken.is_empty(), "{report}\n{}", broken.join("\n"));
    assert_eq!(report.accepted + report.unheard, JOBS, "{report}");
    // Some may have found nobody to hit.
    assert!(report.faults() >= 12, "{report}");
}
