//! HQ takes what a store sold while the line was down, beside COPY of the same rows into the same tables.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use chain::Chain;
use chain::line::Mode;
use sqlx::{Connection, Executor};

use crate::measure::per_second;
use crate::table::{Goal, Table};
use crate::{STORE, baseline};

const DATABASE: &str = "bench_ingest";
const WITHIN: Duration = Duration::from_mins(5);
/// What a batch is written into, those that others refer to first.
const TABLES: [&str; 12] = [
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
    "daily_sales",
];

pub(crate) async fn after_an_outage(table: &mut Table, chain: &Chain) -> Result<()> {
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
    for line in chain.lines.values() {
        line.set(Mode::Up);
    }
    // The rate is from the first batch to the last: how soon the store dials again is another matter.
    let mut first: Option<(Instant, i64)> = None;
    let (last, whole) = loop {
        let now = arrived().await?;
        if now > before && first.is_none() {
            first = Some((Instant::now(), now));
        }
        if now >= entries {
            break (Instant::now(), mended.elapsed());
        }
        if mended.elapsed() > WITHIN {
            bail!("HQ has {now} of {entries} entries after {WITHIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    table.alone("line mended, until HQ has everything", whole.as_secs_f64(), "s", None);
    let Some((from, had)) = first.filter(|(_, had)| *had < entries) else {
        // Everything came in one batch: too little to tell a rate from.
        return Ok(());
    };
    let rate = per_second(usize::try_from(entries - had)?, last.duration_since(from));

    let mut hq = baseline::connect(&chain.hq, "hq").await?;
    let mut copies = Vec::new();
    for name in TABLES {
        copies.push((name, baseline::rows(&mut hq, name).await?));
    }
    let company = baseline::rows(&mut hq, "company").await?;
    hq.close().await?;
    let mut bare = baseline::make(&chain.hq, DATABASE, &baseline::HQ).await?;
    baseline::put(&mut bare, "company", &company).await?;
    let begun = Instant::now();
    let mut tx = bare.begin().await?;
    for (name, rows) in &copies {
        baseline::put(&mut tx, name, rows).await?;
    }
    tx.commit().await?;
    let bare_rate = per_second(usize::try_from(entries)?, begun.elapsed());
    bare.close().await?;
    let mut conn = baseline::connect(&chain.hq, "postgres").await?;
    conn.execute("drop database bench_ingest with (force)").await?;
    table.against(
        "ingest of pushed sales, store to HQ over HTTP",
        rate,
        "/s",
        (bare_rate, "COPY of the same rows as superuser, one transaction"),
        Some(Goal::AtLeast(0.35)),
    );
    Ok(())
}
