//! Runs the simulator: `simulation [--seed N] [--seeds COUNT] [--steps N] [--stores N]`.

use std::process::ExitCode;

use simulation::{Scenario, run};

fn main() -> ExitCode {
    let (mut seed, mut seeds, mut steps, mut stores) = (1_u64, 200_u64, 20_000_u64, 4_usize);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--seed", Some(value)) => (seed, seeds) = (value, 1),
            ("--seeds", Some(value)) => seeds = value,
            ("--steps", Some(value)) => steps = value,
            ("--stores", Some(value)) => stores = usize::try_from(value).unwrap_or(4),
            _ => {
                eprintln!("usage: simulation [--seed N] [--seeds COUNT] [--steps N] [--stores N]");
                return ExitCode::from(2);
            }
        }
    }
    let (mut facts, mut checkpoints, mut crashes) = (0, 0, 0);
    for seed in seed..seed.saturating_add(seeds) {
        // Every other run is without restores, so that what only restores would hide shows.
        match run(Scenario { seed, stores, steps, restores: seed.is_multiple_of(2) }) {
            Ok(report) => {
                facts += report.facts;
                checkpoints += report.checkpoints;
                crashes += report.crashes;
            }
            Err(broken) => {
                eprintln!("{broken}");
                eprintln!(
                    "replay: cargo run -p simulation -- --seed {seed} --steps {steps} --stores {stores}"
                );
                return ExitCode::FAILURE;
            }
        }
    }
    println!(
        "{seeds} runs of {steps} steps held: {facts} facts, {checkpoints} checkpoints, {crashes} crashes"
    );
    ExitCode::SUCCESS
}
