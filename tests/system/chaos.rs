//! A short run of `make chaos`, whose seed is always the same.

use std::path::Path;
use std::time::Duration;

use local_stack::chaos::{self, ChaosConfig};

const JOBS: usize = 60;

#[tokio::test]
async fn whoever_dies_nothing_accepted_is_lost_stuck_or_done_twice() {
    let report = chaos::run(&ChaosConfig {
        seed: 5,
        jobs: JOBS,
        // One deck of faults: each kind once.
        duration: Duration::from_secs(25),
        cases: Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"),
        logs: None,
    })
    .await
    .unwrap();
    let broken = report.broken();
    assert!(broken.is_empty(), "{report}\n{}", broken.join("\n"));
    assert_eq!(report.accepted + report.unheard, JOBS, "{report}");
    // Of 16 some may have found nobody to hit.
    assert!(report.faults() >= 10, "{report}");
}
