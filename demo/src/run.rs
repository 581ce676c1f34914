//! Starting the demo's chain and running it until Ctrl-C.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use chain::goods::Goods;
use chain::{Chain, Options, StorePlan};
use tokio::signal::unix::{SignalKind, signal};

use crate::{CONTROL_PORT, HQ_PORT, STORES, load};

/// Written when the months of baskets are in: a start that was interrupted before begins afresh.
const COMPLETE: &str = "complete";

pub(crate) async fn run(folder: PathBuf, web_dir: PathBuf) -> Result<()> {
    let mut stop = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = start_and_wait(&folder, &web_dir) => ended,
        // Only before the chain is up: from then on, it stops its servers in order.
        _ = stop.recv() => Ok(()),
    }
}

async fn start_and_wait(folder: &Path, web_dir: &Path) -> Result<()> {
    let begun = Instant::now();
    let folder = usable(folder)?;
    let first = !folder.join(COMPLETE).exists();
    if first && folder.exists() {
        std::fs::remove_dir_all(&folder).context("removing what an interrupted first start left")?;
    }
    let say = |text: &str| println!("{:>6.1} s  {text}", begun.elapsed().as_secs_f32());
    let options = |allow_clock_header| Options {
        folder: folder.clone(),
        hq_port: HQ_PORT,
        stores: STORES
            .iter()
            .map(|(code, name, port)| StorePlan {
                code: (*code).to_owned(),
                name: (*name).to_owned(),
                port: *port,
            })
            .collect(),
        control_port: Some(CONTROL_PORT),
        web_dir: web_dir.is_dir().then(|| web_dir.to_owned()),
        allow_clock_header,
    };
    if first {
        say("reading the goods and baskets of a real shop");
        let goods = std::sync::Arc::new(Goods::read()?);
        let chain = Chain::start(&options(true), &goods, &say).await?;
        load::months(&chain, &goods, &say).await?;
        // The clock header was for the past; from now on the servers believe their own clocks only.
        chain.stop().await?;
        std::fs::write(folder.join(COMPLETE), "")?;
    }
    let chain =
        Chain::start(&options(false), &Goods { goods: Vec::new(), baskets: Vec::new() }, &say).await?;
    say("everything is up");
    println!("{}", welcome(&chain));
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    println!("stopping");
    chain.stop().await
}

/// The folder asked for; where PostgreSQL may not walk to it (it never runs as root), one beside the system's other data.
fn usable(folder: &Path) -> Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    if chain::reachable_by_postgres(&folder) {
        return Ok(folder);
    }
    let elsewhere = PathBuf::from("/var/tmp")
        .join(format!("tradepost-demo{}", folder.display().to_string().replace('/', "-")));
    println!(
        "PostgreSQL does not run as root and cannot reach {}: the data goes to {}",
        folder.display(),
        elsewhere.display()
    );
    Ok(elsewhere)
}

fn welcome(chain: &Chain) -> String {
    let mut text = format!(
        "\n  HQ    {}   sign in as hq@demo, password {}\n",
        chain.hq.address,
        chain::founding::PASSWORD
    );
    for (code, store) in &chain.stores {
        let _ = writeln!(
            text,
            "  {code}  {}   manager@demo, same password; cashiers ana PIN 1234, ben PIN 2345",
            store.address
        );
    }
    text += "\n  In another window:\n    demo replay --store ST01      ring up real baskets\n    demo line down                cut the line to HQ; the stores go on selling\n    demo line up                  mend it\n";
    text += "  (demo = target/release/demo)   API documents: /api/docs at each address.   Ctrl-C stops everything.\n";
    text
}
