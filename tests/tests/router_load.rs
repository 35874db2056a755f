//! The router under load, for seconds. The limits are wide, since the machine may have much else to do: what fails here is
//! wrong by far. `cargo xtask bench-router` and `cargo xtask soak` measure in earnest.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustclad_router_bench::{dmx, latency, ring, soak};
use rustclad_tests::Rustclad;

/// Held while one is measured: they would disturb each other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_handler_in_a_ring_is_not_much_slower_than_in_a_loop() {
    let _alone = alone();
    let it = ring(&Rustclad::new().path()).expect("the router runs");
    assert!(it.ratio() < 3.0, "{it:?}");
}

#[test]
fn universes_at_full_rate_are_no_burden() {
    let _alone = alone();
    let it = dmx(&Rustclad::new().path(), Duration::from_secs(3)).expect("the router runs");
    assert!(it.cores < 0.5, "{it:?}");
    assert!(it.received > 10.0, "{it:?}");
}

#[test]
fn what_comes_in_goes_out_at_once() {
    let _alone = alone();
    let it = latency(&Rustclad::new().path(), 500).expect("the router runs");
    // Half of them, since a busy machine delays the others.
    let added = it.routed.median.saturating_sub(it.echoed.median);
    assert!(added < Duration::from_millis(2), "{it:?}");
}

#[test]
fn memory_does_not_grow_under_load() {
    let _alone = alone();
    let step = Duration::from_secs(3);
    let it = soak(&Rustclad::new().path(), 3 * step, step, |_| ()).expect("the router runs");
    // A leak of a hundred bytes for each event would be more.
    assert!(it.growth() < 16 << 20, "{it:?}");
    assert!(it.rate() > 20_000.0, "{it:?}");
    assert!(it.end.raised > it.warm.raised, "no handler failed: {it:?}");
}
