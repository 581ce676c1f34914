//! HQ's reports over rollups, beside the same reports over the facts themselves.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chain::Chain;
use facts::Place;
use facts::reports::{GroupBy, SalesQuery, StoreLabel, from_facts, from_rollups};
use facts::rollups;
use sqlx::{Connection, Executor};
use uuid::Uuid;

use crate::baseline;
use crate::table::{Goal, Table};

const DATABASE: &str = "bench_reports";

pub(crate) async fn rollups(table: &mut Table, chain: &Chain, lines: usize) -> Result<()> {
    let mut conn = baseline::make(&chain.hq, DATABASE, &baseline::HQ).await?;
    let place = Place { company_id: Uuid::from_u128(1).into(), store_id: Uuid::from_u128(2).into() };
    // Keys between these rows hold by construction.
    conn.execute("set session_replication_role = replica; set work_mem = '256MB'").await?;
    sqlx::query(include_str!("../sql/year.sql")).bind(i32::try_from(lines / 5)?).execute(&mut conn).await?;
    sqlx::query(include_str!("../sql/year_lines.sql")).execute(&mut conn).await?;
    rollups::recompute(&mut conn, place).await?;
    conn.execute("reset work_mem").await?;
    conn.execute("vacuum analyze").await?;
    for (group_by, name) in
        [(GroupBy::Department, "department"), (GroupBy::Hour, "hour"), (GroupBy::Product, "product")]
    {
        let query = SalesQuery {
            from: "2025-01-01".parse()?,
            to: "2025-12-31".parse()?,
            stores: vec![StoreLabel {
                id: place.store_id,
                code: "ST01".to_owned(),
                name: "Oxford Street".to_owned(),
            }],
            group_by,
            currency: "GBP".parse()?,
            limit: 10_000,
        };
        let mut best = [Duration::MAX; 2];
        for _ in 0..3 {
            let begun = Instant::now();
            let ours = from_rollups(&mut conn, place.company_id, &query).await?;
            best[0] = best[0].min(begun.elapsed());
            let begun = Instant::now();
            let raw = from_facts(&mut conn, place.company_id, &query).await?;
            best[1] = best[1].min(begun.elapsed());
            ensure!(ours == raw, "the reports by {name} differ");
        }
        table.against(
            &format!("a year by {name} over {lines} lines: how often a second"),
            1.0 / best[0].as_secs_f64(),
            "/s",
            (1.0 / best[1].as_secs_f64(), "raw GROUP BY over the facts"),
            Some(Goal::AtLeast(50.0)),
        );
    }
    conn.close().await?;
    let mut conn = baseline::connect(&chain.hq, "postgres").await?;
    conn.execute("drop database bench_reports with (force)").await?;
    Ok(())
}
