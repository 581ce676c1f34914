//! The invariants hold in short runs of many seeds; `make soak` runs long ones.

#![expect(clippy::panic, reason = "a test that fails panics")]

use simulation::{Scenario, run};

fn hold(scenario: Scenario) -> simulation::Report {
    run(scenario).unwrap_or_else(|broken| {
        panic!(
            "{broken}\nreplay: cargo run -p simulation -- --seed {} --steps {} --stores {}",
            scenario.seed, scenario.steps, scenario.stores
        )
    })
}

#[test]
fn what_lines_and_crashes_do_changes_nothing() {
    let mut crashes = 0;
    for seed in (1..80).step_by(2) {
        crashes += hold(Scenario { seed, stores: 3, steps: 3_000, restores: false }).crashes;
    }
    assert!(crashes > 100, "the simulator has lost its teeth");
}

#[test]
fn boxes_and_an_hq_that_go_back_lose_nothing_that_is_left_anywhere() {
    let (mut boxes, mut hq) = (0, 0);
    for seed in (2..80).step_by(2) {
        let report = hold(Scenario { seed, stores: 3, steps: 4_000, restores: true });
        boxes += report.box_restores;
        hq += report.hq_restores;
    }
    assert!(boxes > 20 && hq > 20, "the simulator has lost its teeth");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let scenario = Scenario { seed: 42, stores: 3, steps: 2_000, restores: true };
    assert_eq!(hold(scenario), hold(scenario));
}
