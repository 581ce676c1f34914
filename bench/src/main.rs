//! Benchmarks of the real programs, each beside its baseline in the same run: a table, and `target/bench/report.json`.
//!
//! `bench checkout reports` runs those sections alone. `BENCH_SALES` (3,000), `BENCH_PRODUCTS` (100,000) and `BENCH_LINES`
//! (5,000,000) make it shorter or longer; `TMPDIR` says where its servers keep their data meanwhile.

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

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chain::goods::Goods;
use chain::{Chain, Options, StorePlan};
use table::Table;
use tokio::signal::unix::{SignalKind, signal};

/// The store that sells.
const STORE: &str = "ST01";

/// What there is to measure, in the order in which it is.
const SECTIONS: [(&str, &str); 7] = [
    ("engine", "a basket computed, without any server"),
    ("idle", "start and memory of servers that do nothing"),
    ("checkout", "durable sales over HTTP"),
    ("ingest", "HQ takes what was sold while the line was down"),
    ("visible", "from HQ's commit to the store"),
    ("reports", "HQ's reports over millions of lines"),
    ("goods", "import, bootstrap and search of many products"),
];

/// How much of each thing.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    sales: usize,
    products: usize,
    lines: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let asked = asked_for(std::env::args().skip(1))?;
    if asked.is_empty() {
        return Ok(());
    }
    let sizes = Sizes {
        sales: number("BENCH_SALES", 3_000)?,
        products: number("BENCH_PRODUCTS", 100_000)?,
        lines: number("BENCH_LINES", 5_000_000)?,
    };
    let report = report_file()?;
    let folder = std::env::temp_dir().join(format!("tradepost-bench-{}", std::process::id()));
    let mut table = Table::default();
    let mut terminated = signal(SignalKind::terminate())?;
    let done = tokio::select! {
        done = run(&mut table, &asked, &folder, sizes) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminated.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    let removed = remove(&folder).await;
    // What was measured before something failed is told all the same.
    println!("\n{table}");
    std::fs::write(&report, serde_json::to_vec_pretty(&table)?)
        .with_context(|| format!("writing {}", report.display()))?;
    println!("{}", report.display());
    done.and(removed)
}

/// The sections that are named; all where none is. Empty after a call for help.
fn asked_for(arguments: impl Iterator<Item = String>) -> Result<Vec<&'static str>> {
    let arguments: Vec<String> = arguments.collect();
    let list = || {
        let lines: Vec<String> = SECTIONS.iter().map(|(name, what)| format!("  {name:<10} {what}")).collect();
        lines.join("\n")
    };
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("bench [SECTION…]: all sections, or those that are named\n{}", list());
        return Ok(Vec::new());
    }
    if let Some(unknown) = arguments.iter().find(|asked| !SECTIONS.iter().any(|(name, _)| name == asked)) {
        bail!("there is no section {unknown}; there are\n{}", list());
    }
    let is_asked = |name: &str| arguments.is_empty() || arguments.iter().any(|asked| asked == name);
    Ok(SECTIONS.iter().map(|(name, _)| *name).filter(|name| is_asked(name)).collect())
}

async fn run(table: &mut Table, asked: &[&str], folder: &Path, sizes: Sizes) -> Result<()> {
    let begun = Instant::now();
    let say = move |text: &str| eprintln!("{:>6.1} s  {text}", begun.elapsed().as_secs_f32());
    let is_asked = |name: &str| asked.contains(&name);
    if is_asked("engine") {
        say("a basket, computed");
        engine::whole_basket(table)?;
    }
    if asked == ["engine"] {
        return Ok(());
    }
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
    let measured = with_servers(table, &mut chain, &is_asked, &goods, folder, sizes, &say).await;
    let stopped = chain.stop().await;
    measured.and(stopped)
}

async fn with_servers(
    table: &mut Table,
    chain: &mut Chain,
    is_asked: &(dyn Fn(&str) -> bool + Sync),
    goods: &Goods,
    folder: &Path,
    sizes: Sizes,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    if is_asked("idle") {
        say("idle");
        memory::idle(table, chain).await?;
    }
    if is_asked("checkout") {
        say("selling, with the line down");
        checkout_speed::durable(table, chain, goods, sizes.sales).await?;
    }
    if is_asked("ingest") {
        ingest::after_an_outage(table, chain, goods, sizes.sales, say).await?;
    }
    ingest::mend_lines(chain);
    if is_asked("visible") {
        say("a change at HQ, until it is in the store");
        visible::at_the_store(table, chain).await?;
    }
    if is_asked("reports") {
        say("reports");
        reports::rollups(table, chain, sizes.lines, say).await?;
    }
    if is_asked("goods") {
        say("many products");
        goods::import_bootstrap_search(table, chain, folder, sizes.products, say).await?;
    }
    Ok(())
}

fn number(name: &str, otherwise: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number: {text}")),
        Err(_) => Ok(otherwise),
    }
}

/// Removes what the servers kept. After an interruption their databases are still ending.
async fn remove(folder: &Path) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", folder.display()));
            }
            Ok(()) | Err(_) => return Ok(()),
        }
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
