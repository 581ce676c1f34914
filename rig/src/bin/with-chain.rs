//! Runs a command beside a chain that is founded for it and removed afterwards: HQ and two stores on free ports. The
//! command finds them in its environment.

use std::path::PathBuf;

use anyhow::{Context, Result};
use chain::founding::{COMPANY, PASSWORD};
use chain::goods::Goods;
use chain::{Chain, Options, StorePlan};
use clap::Parser;
use tokio::process::Command;

/// How many products the chain sells: enough for real figures, few enough to be founded in a moment.
const PRODUCTS: usize = 300;

/// Run a command beside a chain of its own
#[derive(Parser)]
struct Arguments {
    /// The built web client
    #[arg(long)]
    web_dir: Option<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = std::env::temp_dir().join(format!("tradepost-chain-{}", std::process::id()));
    let store = |code: &str, name: &str| StorePlan { code: code.to_owned(), name: name.to_owned(), port: 0 };
    let options = Options {
        folder: folder.clone(),
        hq_port: 0,
        stores: vec![store("ST01", "Oxford Street"), store("ST02", "Camden Market")],
        control_port: Some(0),
        web_dir: arguments.web_dir,
        allow_clock_header: false,
    };
    let mut goods = Goods::read()?;
    goods.goods.truncate(PRODUCTS);
    let chain = Chain::start(&options, &goods, &|text| eprintln!("{text}")).await?;
    let ended = run(&chain, &arguments.command).await;
    chain.stop().await?;
    std::fs::remove_dir_all(&folder).context("removing the chain's data")?;
    std::process::exit(ended?)
}

async fn run(chain: &Chain, command: &[String]) -> Result<i32> {
    let (program, arguments) = command.split_first().context("no command")?;
    let control = chain.control.as_ref().context("the chain has no control")?;
    let mut child = Command::new(program);
    child.args(arguments).kill_on_drop(true);
    child.env("E2E_HQ_URL", &chain.hq.address).env("E2E_CONTROL_URL", format!("http://{}", control.address));
    child.env("E2E_LOGIN", format!("hq@{COMPANY}")).env("E2E_PASSWORD", PASSWORD);
    for (code, store) in &chain.stores {
        child.env(format!("E2E_{code}_URL"), &store.address);
    }
    let status = child.status().await.with_context(|| format!("starting {program}"))?;
    Ok(status.code().unwrap_or(1))
}
