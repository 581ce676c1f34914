//! HQ takes what a store sold while the line was down, beside COPY of the same rows into the same tables.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use chain::Chain;
use chain::goods::Goods;
use chain::line::Mode;
use sqlx::{Connection, Executor};

use crate::measure::per_second;
use crate::table::{Goal, Table};
use crate::{STORE, baseline, checkout_speed};

const DATABASE: &str = "bench_ingest";
const WITHIN: Duration = Duration::from_mins(5);
/// How often the line is cut and mended; after each time the same is done by COPY.
const ROUNDS: usize = 2;
/// What a batch is written into, those that others refer to first.
const TABLES: [&str; 14] = [
    "received_entry",
    "register_session",
    "register_session_close",
    "register_session_tender",
    "sale",
    "sale_line",
    "sale_line_tax",
    "payment",
    "stock_movement",
    "stock",
    "hourly_sales",
    "daily_totals",
    "daily_sales",
    "monthly_sales",
];

/// What was taken, and in which time.
#[derive(Default)]
struct Taken {
    entries: usize,
    took: Duration,
}

pub(crate) fn mend_lines(chain: &Chain) {
    for line in chain.lines.values() {
        line.set(Mode::Up);
    }
}

/// Takes along what waits already.
pub(crate) async fn after_an_outage(
    table: &mut Table,
    chain: &Chain,
    goods: &Goods,
    sales: usize,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    let goods = Arc::new(goods.goods.clone());
    let (mut ours, mut bare, mut longest) = (Taken::default(), Taken::default(), Duration::ZERO);
    for round in 1..=ROUNDS {
        for line in chain.lines.values() {
            line.set(Mode::Down);
        }
        say(&format!("selling with the line down, round {round} of {ROUNDS}"));
        checkout_speed::over_http(chain, &goods, sales.div_ceil(ROUNDS)).await?;
        say("the line is mended: HQ takes what was sold");
        longest = longest.max(until_all_is_there(chain, &mut ours).await?);
        say("the same rows by COPY");
        by_copy(chain, &mut bare).await?;
    }
    table.alone("line mended, until HQ has everything", longest.as_secs_f64(), "s", None);
    if ours.entries == 0 {
        // Everything came in one batch each time: too little to tell a rate from.
        return Ok(());
    }
    table.against(
        "ingest of pushed sales, store to HQ over HTTP",
        per_second(ours.entries, ours.took),
        "/s",
        (per_second(bare.entries, bare.took), "COPY of the same rows as superuser, one transaction"),
        Some(Goal::AtLeast(0.35)),
    );
    Ok(())
}

async fn until_all_is_there(chain: &Chain, ours: &mut Taken) -> Result<Duration> {
    let mut store = baseline::connect(chain.store(STORE)?, "store").await?;
    let entries: i64 = sqlx::query_scalar("select count(*) from journal").fetch_one(&mut store).await?;
    let mut hq = baseline::connect(&chain.hq, "hq").await?;
    let mut arrived = async || -> Result<i64> {
        let arrived = sqlx::query_scalar("select coalesce(max(sequence), 0)::bigint from journal_watermark")
            .fetch_one(&mut hq)
            .await?;
        Ok(arrived)
    };
    let before = arrived().await?;
    let mended = Instant::now();
    mend_lines(chain);
    // The rate is from the first batch to the last: how soon the store dials again is another matter.
    let mut first: Option<(Instant, i64)> = None;
    loop {
        let now = arrived().await?;
        if now > before && first.is_none() {
            first = Some((Instant::now(), now));
        }
        if now >= entries {
            break;
        }
        if mended.elapsed() > WITHIN {
            bail!("HQ has {now} of {entries} entries after {WITHIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let whole = mended.elapsed();
    if let Some((from, had)) = first.filter(|(_, had)| *had < entries) {
        ours.entries += usize::try_from(entries - had)?;
        ours.took += from.elapsed();
    }
    Ok(whole)
}

/// All rows that HQ has by now, into an empty database.
async fn by_copy(chain: &Chain, bare: &mut Taken) -> Result<()> {
    let mut hq = baseline::connect(&chain.hq, "hq").await?;
    let entries: i64 = sqlx::query_scalar("select count(*) from received_entry").fetch_one(&mut hq).await?;
    let mut copies = Vec::new();
    for name in TABLES {
        copies.push((name, baseline::rows(&mut hq, name).await?));
    }
    let company = baseline::rows(&mut hq, "company").await?;
    hq.close().await?;
    let mut conn = baseline::make(&chain.hq, DATABASE, &baseline::HQ).await?;
    baseline::put(&mut conn, "company", &company).await?;
    let begun = Instant::now();
    let mut tx = conn.begin().await?;
    for (name, rows) in &copies {
        baseline::put(&mut tx, name, rows).await?;
    }
    tx.commit().await?;
    bare.took += begun.elapsed();
    bare.entries += usize::try_from(entries)?;
    conn.close().await?;
    let mut conn = baseline::connect(&chain.hq, "postgres").await?;
    conn.execute("drop database bench_ingest with (force)").await?;
    Ok(())
}
