//! The demo: HQ and two stores on this machine with a real shop's goods and months of its baskets.

mod load;
mod replay;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use chain::control::{LineState, SetLine};
use clap::{Parser, Subcommand, ValueEnum};

/// HQ's port.
const HQ_PORT: u16 = 3000;
/// The stores: code, name, port.
const STORES: [(&str, &str, u16); 2] = [("ST01", "Oxford Street", 3002), ("ST02", "Camden Market", 3003)];
/// The port by which the line is cut and mended.
const CONTROL_PORT: u16 = 3009;

/// HQ and two stores on this machine, with real goods and real baskets.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start HQ, ST01 and ST02 and run until Ctrl-C (what `demo` alone does too)
    Run {
        /// Where the chain's data lives
        #[arg(long, env = "DEMO_DIR", default_value = ".demo")]
        folder: PathBuf,
        /// The built web client
        #[arg(long, env = "WEB_DIR", default_value = "web-client/dist")]
        web_dir: PathBuf,
    },
    /// Cut or mend the line between the stores (or one) and HQ
    Line {
        /// What it shall be
        state: Wanted,
        /// Whose line: ST01, ST02; left out: every store's
        store: Option<String>,
    },
    /// Ring up real baskets through a running store's own interface, as its tills would
    Replay {
        /// Which store; left out: every store
        #[arg(long)]
        store: Option<String>,
        /// Of how many days, counted back from the last; left out: 30
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
        /// How fast: `max`, or how many times faster than it once happened, like `60x`
        #[arg(long, default_value = "max", value_parser = replay::speed)]
        speed: chain::replay::Clock,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    Up,
    Down,
}

#[tokio::main]
async fn main() -> ExitCode {
    match carry_out().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out() -> Result<()> {
    let run = Command::Run {
        folder: env_path("DEMO_DIR", ".demo"),
        web_dir: env_path("WEB_DIR", "web-client/dist"),
    };
    match Arguments::parse().command.unwrap_or(run) {
        Command::Run { folder, web_dir } => run::run(folder, web_dir).await,
        Command::Line { state, store } => line(state, store).await,
        Command::Replay { store, days, speed } => replay::replay(store.as_deref(), days, speed).await,
    }
}

fn env_path(name: &str, otherwise: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(|| otherwise.into(), PathBuf::from)
}

async fn line(state: Wanted, store: Option<String>) -> Result<()> {
    let state = match state {
        Wanted::Up => LineState::Up,
        Wanted::Down => LineState::Down,
    };
    let sent = chain::api::http()?
        .post(format!("http://127.0.0.1:{CONTROL_PORT}/line"))
        .json(&SetLine { state, store })
        .send()
        .await;
    let Ok(answer) = sent else {
        bail!("no demo answers on port {CONTROL_PORT}: start one with `make demo`")
    };
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{}", text.trim());
    }
    println!("{text}");
    Ok(())
}
