//! How many requests to the store commands need.

use std::time::Duration;

use keyform::emulator::{EmulatorConfig, FaultKind, Faults};

use crate::places::{Site, emulated};
use crate::support::bucket_server::ServerMode;
use crate::support::program::account_with;

#[test]
fn a_thousand_uploads_need_at_most_150_requests_to_the_store_and_a_plan_3() {
    let (place, server) = emulated(ServerMode { latency: Duration::from_millis(30), ..ServerMode::default() });
    let rates = [(FaultKind::Latency, 1.0)].into_iter().collect();
    let faults = Faults { rates, latency: Duration::from_millis(100), ..Faults::default() };
    let site = Site::new(&place, 1_000, account_with(EmulatorConfig { faults, ..EmulatorConfig::default() }));
    let applied = site.keyform("apply -y --concurrency 10").run();
    assert_eq!(applied.code, Some(0), "{applied}");
    assert!(server.requests() <= 150, "{} requests", server.requests());
    let bytes = server.served.lock().unwrap().written_bytes;
    assert!(bytes < 1_000 * 2_500, "{bytes} bytes");
    for command in ["plan --detailed-exitcode", "state list"] {
        let before = server.requests();
        site.succeeds(command);
        assert!(server.requests() - before <= 3, "{command}: {} requests", server.requests() - before);
    }
    // After an apply that changes nothing, too.
    site.succeeds("apply -y");
    let before = server.requests();
    site.succeeds("plan --detailed-exitcode");
    assert!(server.requests() - before <= 3, "{} requests", server.requests() - before);
}
