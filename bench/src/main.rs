//! Benchmarks of the real programs, each beside its baseline in the same run: a table, and `target/bench/report.json`.
//!
//! `BENCH_SALES` (3,000), `BENCH_PRODUCTS` (100,000) and `BENCH_LINES` (1,000,000) make it shorter or longer.

mod baseline;
mod checkout_speed;
mod engine;
mod goods;
mod ingest;
mod measure;
mod memory;
mod reports;
mod table;
mod visible;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use chain::goods::Goods;
use chain::{Chain, Options, StorePlan};
use table::Table;

/// The store that sells.
const STORE: &str = "ST01";

#[tokio::main]
async fn main() -> Result<()> {
    let sales = number("BENCH_SALES", 3_000)?;
    let products = number("BENCH_PRODUCTS", 100_000)?;
    let lines = number("BENCH_LINES", 1_000_000)?;
    let folder = std::env::temp_dir().join(format!("tradepost-bench-{}", std::process::id()));
    let done = run(&folder, sales, products, lines).await;
    let removed = std::fs::remove_dir_all(&folder);
    let table = done?;
    removed.with_context(|| format!("removing {}", folder.display()))?;
    println!("\n{table}");
    let report = report_file()?;
    std::fs::write(&report, serde_json::to_vec_pretty(&table)?)
        .with_context(|| format!("writing {}", report.display()))?;
    println!("{}", report.display());
    Ok(())
}

async fn run(folder: &std::path::Path, sales: usize, products: usize, lines: usize) -> Result<Table> {
    let mut table = Table::default();
    engine::whole_basket(&mut table)?;

    let begun = Instant::now();
    let say = move |text: &str| eprintln!("{:>6.1} s  {text}", begun.elapsed().as_secs_f32());
    let goods = Goods::read()?;
    let options = Options {
        folder: folder.to_owned(),
        hq_port: 0,
        stores: vec![StorePlan { code: STORE.to_owned(), name: "Oxford Street".to_owned(), port: 0 }],
        control_port: None,
        web_dir: None,
        allow_clock_header: false,
    };
    let mut chain = Chain::start(&options, &goods, &say).await?;
    say("idle");
    memory::idle(&mut table, &mut chain).await?;
    say("selling, with the line down");
    checkout_speed::durable(&mut table, &chain, &goods, sales).await?;
    say("the line is mended: HQ takes what was sold");
    ingest::after_an_outage(&mut table, &chain).await?;
    say("a change at HQ, until it is in the store");
    visible::at_the_store(&mut table, &chain).await?;
    say("reports");
    reports::rollups(&mut table, &chain, lines).await?;
    say("many products");
    goods::import_bootstrap_search(&mut table, &chain, folder, products, &say).await?;
    chain.stop().await?;
    Ok(table)
}

fn number(name: &str, otherwise: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number: {text}")),
        Err(_) => Ok(otherwise),
    }
}

/// `target/bench/report.json`, beside the folder that this program was built into.
fn report_file() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program's own place")?;
    let target = program.ancestors().nth(2).context("this program is not in a target folder")?;
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder.join("report.json"))
}
