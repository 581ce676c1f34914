//! What no fault may change.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use chain::replay::Tally;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};
use sync_protocol::Hash;
use sync_protocol::chain::{self as hashes, Link};
use uuid::Uuid;

use crate::{Rig, STORE, database};

/// Every table that both ends keep, the order of whose columns is the same.
const FACTS: [&str; 9] = [
    "register_session",
    "register_session_close",
    "register_session_tender",
    "sale",
    "sale_line",
    "sale_line_tax",
    "payment",
    "stock_movement",
    "stock",
];

/// Everything below, after both ends have agreed. `printed` is what the tills rang up.
pub async fn everything(rig: &Rig, printed: &Tally) -> Result<()> {
    let mut store = database::of(rig.chain.store(STORE)?).await?;
    let mut hq = database::of(&rig.chain.hq).await?;
    what_was_printed_is_there(&mut store, printed).await.context("at the store")?;
    what_was_printed_is_there(&mut hq, printed).await.context("at HQ")?;
    receipt_numbers_have_no_gap(&mut store).await?;
    facts_are_the_same(&mut store, &mut hq).await?;
    journals_are_the_same_and_whole(&mut store, &mut hq).await?;
    nothing_waits_for_a_person(&mut hq).await?;
    reports_agree(rig).await?;
    doctors_find_nothing(rig).await
}

/// Every receipt that a till printed is there once under its number, and no other.
async fn what_was_printed_is_there(conn: &mut PgConnection, printed: &Tally) -> Result<()> {
    let rows = sqlx::query("select id, receipt_number from sale").fetch_all(conn).await?;
    let mut kept: BTreeMap<Uuid, String> = BTreeMap::new();
    for row in rows {
        kept.insert(row.try_get("id")?, row.try_get("receipt_number")?);
    }
    let missing = printed.receipts.iter().filter(|(id, number)| kept.get(*id) != Some(*number)).count();
    let unknown = kept.keys().filter(|id| !printed.receipts.contains_key(*id)).count();
    ensure!(
        missing == 0 && unknown == 0,
        "{missing} of {} printed receipts are missing or have another number, and {unknown} were never printed",
        printed.receipts.len()
    );
    Ok(())
}

/// Each series runs from 1 without a gap, and so do its Z numbers.
async fn receipt_numbers_have_no_gap(store: &mut PgConnection) -> Result<()> {
    let rows = sqlx::query(
        "select series, array_agg(number order by number) as numbers from sale group by series
         union all
         select 'Z of ' || series, array_agg(z_number order by z_number) from register_session_close group by series",
    )
    .fetch_all(store)
    .await?;
    ensure!(!rows.is_empty(), "nothing was sold");
    for row in rows {
        let (series, numbers): (String, Vec<i32>) = (row.try_get("series")?, row.try_get("numbers")?);
        ensure!(
            numbers.iter().copied().eq(1..=i32::try_from(numbers.len())?),
            "{series} has a gap: {numbers:?}"
        );
    }
    Ok(())
}

/// Each row of each table of facts is at both ends, the same to the last digit.
async fn facts_are_the_same(store: &mut PgConnection, hq: &mut PgConnection) -> Result<()> {
    for table in FACTS {
        let statement = format!("select f::text from {table} f order by 1");
        let rows = async |conn: &mut PgConnection| {
            sqlx::query_scalar::<_, String>(AssertSqlSafe(statement.clone())).fetch_all(conn).await
        };
        let (here, there): (BTreeSet<_>, BTreeSet<_>) =
            (rows(store).await?.into_iter().collect(), rows(hq).await?.into_iter().collect());
        if here != there {
            let missing_at_hq: Vec<_> = here.difference(&there).take(3).collect();
            let unknown_here: Vec<_> = there.difference(&here).take(3).collect();
            bail!(
                "{table} differs: {} rows at the store, {} at HQ; only at the store {missing_at_hq:?}; only at HQ {unknown_here:?}",
                here.len(),
                there.len()
            );
        }
    }
    Ok(())
}

/// An entry of a journal as either end keeps it.
struct Entry {
    event_id: Uuid,
    incarnation: Uuid,
    stream: String,
    stream_sequence: i64,
    kind: String,
    version: i32,
    occurred_at: DateTime<Utc>,
    business_date: NaiveDate,
    feed_position: i64,
    payload: String,
    hash: Vec<u8>,
}

async fn journal(conn: &mut PgConnection, table: &'static str) -> Result<Vec<Entry>> {
    let statement = format!(
        "select event_id, incarnation, stream, stream_sequence, kind, version, occurred_at, business_date, feed_position,
             payload, hash
         from {table} order by incarnation, stream, stream_sequence"
    );
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(conn).await?;
    let entry = |row: &sqlx::postgres::PgRow| -> Result<Entry> {
        Ok(Entry {
            event_id: row.try_get("event_id")?,
            incarnation: row.try_get("incarnation")?,
            stream: row.try_get("stream")?,
            stream_sequence: row.try_get("stream_sequence")?,
            kind: row.try_get("kind")?,
            version: row.try_get("version")?,
            occurred_at: row.try_get("occurred_at")?,
            business_date: row.try_get("business_date")?,
            feed_position: row.try_get("feed_position")?,
            payload: row.try_get("payload")?,
            hash: row.try_get("hash")?,
        })
    };
    rows.iter().map(entry).collect()
}

/// Each stream is numbered from 1 without a gap, and each hash follows from the one before: reckoned anew, at both ends.
async fn journals_are_the_same_and_whole(store: &mut PgConnection, hq: &mut PgConnection) -> Result<()> {
    let here = journal(store, "journal").await?;
    let there = journal(hq, "received_entry").await?;
    chains_are_whole(&here).context("at the store")?;
    chains_are_whole(&there).context("at HQ")?;
    ensure!(
        here.len() == there.len(),
        "the store's journal has {} entries, HQ received {}",
        here.len(),
        there.len()
    );
    for (one, other) in here.iter().zip(&there) {
        ensure!(
            one.hash == other.hash && one.payload == other.payload && one.event_id == other.event_id,
            "entry {} of {} is another at HQ",
            one.stream_sequence,
            one.stream
        );
    }
    Ok(())
}

fn chains_are_whole(entries: &[Entry]) -> Result<()> {
    let mut heads: BTreeMap<(Uuid, &str), (i64, Hash)> = BTreeMap::new();
    for entry in entries {
        let head = heads.entry((entry.incarnation, &entry.stream)).or_insert((0, Hash::ZERO));
        ensure!(
            entry.stream_sequence == head.0 + 1,
            "{} goes from {} to {}",
            entry.stream,
            head.0,
            entry.stream_sequence
        );
        let link = Link {
            incarnation: entry.incarnation,
            stream: &entry.stream,
            stream_sequence: entry.stream_sequence,
            event_id: entry.event_id,
            kind: &entry.kind,
            version: entry.version,
            occurred_at: entry.occurred_at,
            business_date: entry.business_date,
            feed_position: entry.feed_position,
            payload: &entry.payload,
        };
        let hash = hashes::hash(&link, head.1);
        ensure!(
            hash.as_bytes() == entry.hash.as_slice(),
            "entry {} of {} does not follow from the one before",
            entry.stream_sequence,
            entry.stream
        );
        *head = (entry.stream_sequence, hash);
    }
    Ok(())
}

/// Nothing was refused, and no fork was seen.
async fn nothing_waits_for_a_person(hq: &mut PgConnection) -> Result<()> {
    let incidents: Vec<String> =
        sqlx::query_scalar("select kind || ': ' || reason from incident limit 5").fetch_all(hq).await?;
    ensure!(incidents.is_empty(), "HQ has incidents: {incidents:?}");
    Ok(())
}

/// HQ's report, from its rollups, equals the store's, from its facts: every grouping, every row, to the last digit.
pub async fn reports_agree(rig: &Rig) -> Result<()> {
    let (hq, store) = (rig.chain.at_hq().await?, rig.chain.manager(STORE).await?);
    for group_by in
        ["store", "register", "day", "hour", "department", "product", "tender", "sales_rep", "tax"]
    {
        let path =
            format!("/api/v1/reports/sales?from=2020-01-01&to=2029-12-31&store={STORE}&group_by={group_by}");
        let (here, there) = (store.get(&path).await?, hq.get(&path).await?);
        let (own, told) = (by_key(&here)?, by_key(&there)?);
        ensure!(!own.is_empty(), "the store's report by {group_by} is empty: {here}");
        for (key, row) in &own {
            ensure!(
                told.get(key) == Some(row),
                "by {group_by}, {key}: the store says {row:?}, HQ {:?}",
                told.get(key)
            );
        }
        ensure!(own.len() == told.len(), "by {group_by}, HQ has rows that the store has not");
        ensure!(
            here.get("totals") == there.get("totals"),
            "by {group_by}: the store's totals are {:?}, HQ's {:?}",
            here.get("totals"),
            there.get("totals")
        );
    }
    Ok(())
}

/// A report's rows by key, without their labels, which are for people.
fn by_key(report: &Value) -> Result<BTreeMap<String, Map<String, Value>>> {
    let rows =
        report.get("rows").and_then(Value::as_array).with_context(|| format!("no rows in {report}"))?;
    rows.iter()
        .map(|row| {
            let mut row = row.as_object().cloned().with_context(|| format!("a row is no object: {row}"))?;
            row.remove("label");
            let key = row.remove("key").and_then(|key| key.as_str().map(str::to_owned));
            Ok((key.context("a row without key")?, row))
        })
        .collect()
}

/// What is kept beside the facts is what the facts come to, as each server's own `doctor` sees it.
async fn doctors_find_nothing(rig: &Rig) -> Result<()> {
    for server in [rig.chain.store(STORE)?, &rig.chain.hq] {
        let said = server.run(&["doctor"], "").await?;
        ensure!(!said.trim().is_empty(), "the doctor of {} said nothing", server.name);
    }
    Ok(())
}
