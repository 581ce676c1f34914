//! HQ's reports over rollups, beside the plain GROUP BY over the facts that a person would write, on the same rows.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use chain::Chain;
use chrono::NaiveDate;
use facts::chain_months;
use facts::reports::{GroupBy, SalesQuery, SalesReport, StoreLabel, from_rollups};
use rust_decimal::Decimal;
use shared_model::ids::CompanyId;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use uuid::Uuid;

use crate::baseline;
use crate::measure::Runs;
use crate::table::{Goal, Table};

const DATABASE: &str = "bench_reports";
const COMPANY: u128 = 0x0000_0000_0000_7000_8000_0000_0000_0001;
const STORES: u128 = 0x0000_0000_0000_7000_8000_1000_0000_0000;
/// What a line, with its receipt, taxes, payments, indexes and rollups, takes on the disk.
const BYTES_PER_LINE: u64 = 1_300;
const FACTS: &str = "'sale'::regclass, 'sale_line'::regclass, 'sale_line_tax'::regclass, 'payment'::regclass,
    'daily_sales'::regclass";

/// A report's rows, as far as they are figures.
type Figures = Vec<(String, i64, Decimal)>;

pub(crate) async fn rollups(
    table: &mut Table,
    chain: &Chain,
    lines: usize,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    room_for(chain, lines)?;
    drop(baseline::make(&chain.hq, DATABASE, &baseline::HQ).await?);
    let outcome = measure(table, chain, lines, say).await;
    let mut conn = baseline::connect(&chain.hq, "postgres").await?;
    conn.execute("drop database bench_reports with (force)").await?;
    outcome
}

/// Says that the disk is too small before it is full.
fn room_for(chain: &Chain, lines: usize) -> Result<()> {
    let needed = u64::try_from(lines)? * BYTES_PER_LINE;
    let Ok(told) = std::process::Command::new("df").arg("-Pk").arg(&chain.hq.data_dir).output() else {
        return Ok(());
    };
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let free = told.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    if let Some(free) = free.map(|kib| kib * 1_024) {
        ensure!(
            free > needed,
            "{lines} lines need about {} MB in {}, where {} MB are free: set BENCH_LINES lower or TMPDIR elsewhere",
            needed >> 20,
            chain.hq.data_dir.display(),
            free >> 20
        );
    }
    Ok(())
}

async fn measure(table: &mut Table, chain: &Chain, lines: usize, say: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let company: CompanyId = Uuid::from_u128(COMPANY).into();
    let begun = Instant::now();
    let loaded = load(chain, lines, say).await?;
    say(&format!("{loaded} lines and their rollups took {:.0} s to load", begun.elapsed().as_secs_f32()));

    let mut conn = baseline::connect(&chain.hq, DATABASE).await?;
    let begun = Instant::now();
    let months = chain_months::outstanding(&mut conn, company, "2026-02-15".parse()?, 1_000).await?;
    let count = u32::try_from(months.len())?;
    for month in months {
        let mut tx = conn.begin().await?;
        chain_months::add_up(&mut tx, company, month).await?;
        tx.commit().await?;
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(count.max(1));
    table.alone("a month of 12 stores added up", each, "s", None);
    conn.execute("vacuum analyze chain_month_product; vacuum analyze chain_day; vacuum analyze chain_month")
        .await
        .ok();

    // As HQ's server: behind the wall between companies.
    conn.execute("set role tradepost_app").await?;
    sqlx::query("select set_config('app.company_id', $1, false)")
        .bind(company.to_string())
        .execute(&mut conn)
        .await?;
    let (first, last) = ("2023-07-01".parse()?, "2025-12-31".parse()?);
    for group_by in GroupBy::ALL {
        let name = format!("report over {loaded} lines by {}", group_by.as_str());
        side_by_side(table, &mut conn, &name, &query(group_by, first, last)?, say).await?;
    }
    let name = "the same by product, from mid-month to mid-month";
    let query = query(GroupBy::Product, "2023-07-12".parse()?, "2025-12-19".parse()?)?;
    side_by_side(table, &mut conn, name, &query, say).await?;
    conn.close().await?;
    Ok(())
}

fn query(group_by: GroupBy, from: NaiveDate, to: NaiveDate) -> Result<SalesQuery> {
    Ok(SalesQuery {
        from,
        to,
        stores: (0..12)
            .map(|shop| StoreLabel {
                id: Uuid::from_u128(STORES + shop).into(),
                code: format!("ST{:02}", shop + 1),
                name: format!("Shop {}", shop + 1),
            })
            .collect(),
        group_by,
        currency: "GBP".parse()?,
        limit: 10_000,
    })
}

/// Two rounds of ours and theirs; both must find the same.
async fn side_by_side(
    table: &mut Table,
    conn: &mut PgConnection,
    name: &str,
    query: &SalesQuery,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    let company: CompanyId = Uuid::from_u128(COMPANY).into();
    let (mut ours, mut raw) = (Runs::default(), Runs::default());
    for _ in 0..2 {
        let mut report = None;
        for _ in 0..5 {
            let begun = Instant::now();
            report = Some(from_rollups(conn, company, query).await?);
            ours.push(begun.elapsed());
        }
        let begun = Instant::now();
        let grouped = by_hand(conn, query).await?;
        raw.push(begun.elapsed());
        let report = report.context("no report")?;
        ensure!(figures(&report) == grouped, "{name}: the report and the facts differ");
    }
    say(&format!("{name}: {:.1} ms, by hand {:.0} ms", ours.within(500), raw.within(500)));
    table.against(
        name,
        1_000.0 / ours.within(500),
        "/s",
        (1_000.0 / raw.within(500), "plain GROUP BY over the facts"),
        Some(Goal::AtLeast(50.0)),
    );
    Ok(())
}

fn figures(report: &SalesReport) -> Figures {
    let mut figures: Figures =
        report.rows.iter().map(|row| (row.key.clone(), row.sales, row.gross.normalize())).collect();
    figures.sort_unstable();
    figures
}

/// The report as a person would ask for it: no labels, no totals.
async fn by_hand(conn: &mut PgConnection, query: &SalesQuery) -> Result<Figures> {
    let lines = |key: &str| {
        (
            key.to_owned(),
            "sale_line",
            "count(distinct (store_id, sale_id))",
            "sum(quantity), sum(net), sum(tax), sum(gross)",
        )
    };
    let receipts =
        |key: &str| (key.to_owned(), "sale", "count(*)", "sum(quantity), sum(net), sum(tax), sum(gross)");
    let (key, from, sales, sums) = match query.group_by {
        GroupBy::Store => receipts("store_id"),
        GroupBy::Register => receipts("store_id, register_code"),
        GroupBy::Day => receipts("business_date"),
        GroupBy::Hour => receipts("local_hour"),
        GroupBy::Department => lines("department_id"),
        GroupBy::Product => lines("product_id"),
        GroupBy::SalesRep => lines("sales_rep_id"),
        GroupBy::Tax => (
            "tax_id".to_owned(),
            "sale_line_tax",
            "count(distinct (store_id, sale_id))",
            "sum(base), sum(amount), sum(base + amount)",
        ),
        GroupBy::Tender => {
            ("tender_id".to_owned(), "payment", "count(distinct (store_id, sale_id))", "sum(amount - change)")
        }
    };
    // The key's columns as text, then the figures; the last of them is gross.
    let texts: Vec<String> = key.split(", ").map(|column| format!("coalesce({column}::text, '')")).collect();
    let statement = format!(
        "select array[{}], {sales}, array[{sums}] from {from}
         where company_id = $1 and business_date between $2 and $3 group by {key}",
        texts.join(", ")
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(Uuid::from_u128(COMPANY))
        .bind(query.from)
        .bind(query.to)
        .fetch_all(conn)
        .await?;
    let mut figures = Figures::new();
    for row in rows {
        let key: Vec<String> = row.try_get(0)?;
        let sums: Vec<Decimal> = row.try_get(2)?;
        let gross = sums.last().context("no figures")?.normalize();
        figures.push((key_of(query, &key)?, row.try_get(1)?, gross));
    }
    figures.sort_unstable();
    Ok(figures)
}

/// The key as the report writes it.
fn key_of(query: &SalesQuery, key: &[String]) -> Result<String> {
    let one = key.first().context("no key")?;
    let code = || -> Result<&str> {
        let store = Uuid::parse_str(one)?;
        let label = query.stores.iter().find(|label| label.id.uuid() == store);
        Ok(&label.context("an unknown store")?.code)
    };
    Ok(match query.group_by {
        GroupBy::Store => code()?.to_owned(),
        GroupBy::Register => format!("{}-{}", code()?, key.get(1).context("no register")?),
        GroupBy::Hour => format!("{one:0>2}"),
        _ => one.clone(),
    })
}

/// Facts and rollups by COPY's sisters: `INSERT … SELECT` into tables without log, keys made afterwards, two at a time.
async fn load(chain: &Chain, lines: usize, say: &(dyn Fn(&str) + Sync)) -> Result<i64> {
    let mut one = loader(chain).await?;
    let mut two = loader(chain).await?;
    // Keys between these rows hold by construction.
    one.execute(AssertSqlSafe(format!(
        "alter table payment set unlogged; alter table sale_line_tax set unlogged; alter table sale_line set unlogged;
         alter table sale set unlogged; alter table daily_sales set unlogged;
         create table key_of as
             select indrelid::regclass::text as of, indexrelid::regclass::text as name, conname,
                 case when conname is null then pg_get_indexdef(indexrelid)
                     else format('alter table %s add constraint %I %s', indrelid::regclass, conname,
                         pg_get_constraintdef(pg_constraint.oid)) end as made_by
             from pg_index left join pg_constraint on conindid = indexrelid and contype in ('p', 'u')
             where indrelid in ({FACTS});
         do $$
         declare each record;
         begin
             for each in select * from key_of loop
                 if each.conname is null then execute 'drop index ' || each.name;
                 else execute format('alter table %s drop constraint %I cascade', each.of, each.conname);
                 end if;
             end loop;
         end
         $$"
    )))
    .await?;
    say("loading receipts");
    sqlx::query(include_str!("../sql/figures_receipts.sql"))
        .bind(i32::try_from(lines / 5)?)
        .execute(&mut one)
        .await?;
    say("loading lines");
    let (even, odd) = tokio::join!(lines_of(&mut one, 0), lines_of(&mut two, 1));
    let loaded = even? + odd?;
    say("loading taxes, payments and rollups");
    let (taxes, rollups) = tokio::join!(
        async {
            one.execute(include_str!("../sql/figures_taxes.sql")).await?;
            make_keys(&mut one, "sale_line_tax").await?;
            one.execute(include_str!("../sql/figures_payments.sql")).await?;
            make_keys(&mut one, "payment").await?;
            one.execute(include_str!("../sql/figures_days.sql")).await?;
            make_keys(&mut one, "sale").await
        },
        async {
            two.execute(include_str!("../sql/figures_products.sql")).await?;
            make_keys(&mut two, "sale_line").await?;
            two.execute(include_str!("../sql/figures_hours.sql")).await?;
            Ok::<_, anyhow::Error>(())
        }
    );
    taxes?;
    rollups?;
    make_keys(&mut one, "daily_sales").await?;
    one.execute(include_str!("../sql/figures_months.sql")).await?;
    for name in [
        "sale",
        "sale_line",
        "sale_line_tax",
        "payment",
        "hourly_sales",
        "daily_sales",
        "daily_totals",
        "monthly_sales",
    ] {
        one.execute(AssertSqlSafe(format!("vacuum analyze {name}"))).await?;
    }
    one.close().await?;
    two.close().await?;
    Ok(loaded)
}

async fn loader(chain: &Chain) -> Result<PgConnection> {
    let mut conn = baseline::connect(&chain.hq, DATABASE).await?;
    conn.execute(
        "set session_replication_role = replica; set work_mem = '400MB'; set maintenance_work_mem = '400MB';
         set hash_mem_multiplier = 1",
    )
    .await?;
    Ok(conn)
}

async fn make_keys(conn: &mut PgConnection, table: &str) -> Result<()> {
    let keys: Vec<String> = sqlx::query_scalar("select made_by from key_of where of = $1")
        .bind(table)
        .fetch_all(&mut *conn)
        .await?;
    for key in keys {
        conn.execute(AssertSqlSafe(key)).await?;
    }
    Ok(())
}

async fn lines_of(conn: &mut PgConnection, half: i32) -> Result<i64> {
    let done = sqlx::query(include_str!("../sql/figures_lines.sql")).bind(half).execute(conn).await?;
    Ok(i64::try_from(done.rows_affected())?)
}
