//! From HQ's commit of a price to the store that sells at it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chain::Chain;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::measure::Runs;
use crate::table::{Goal, Table};
use crate::{STORE, baseline};

const CHANGES: u32 = 100;

pub(crate) async fn at_the_store(table: &mut Table, chain: &Chain) -> Result<()> {
    let hq = chain.at_hq().await?;
    let prices = hq.get("/api/v1/prices?limit=1").await?;
    let id = prices.pointer("/items/0/id").and_then(Value::as_str).context("HQ has no price")?;
    let price: Uuid = id.parse()?;
    let mut store = baseline::connect(chain.store(STORE)?, "store").await?;
    let mut runs = Runs::default();
    for change in 0..CHANGES {
        let amount = format!("{}.{:02}", 50 + change, change % 100);
        hq.patch(&format!("/api/v1/prices/{id}"), &json!({"amount": amount})).await?;
        let answered = Instant::now();
        loop {
            let there: bool = sqlx::query_scalar(
                "select exists (select from from_hq.price where id = $1 and amount = $2::numeric)",
            )
            .bind(price)
            .bind(&amount)
            .fetch_one(&mut store)
            .await?;
            if there {
                break;
            }
            if answered.elapsed() > Duration::from_mins(1) {
                bail!("a price was not at the store after a minute");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        runs.push(answered.elapsed());
    }
    table.alone(
        "HQ commit, visible in the store, half of them",
        runs.within(500),
        "ms",
        Some(Goal::AtMost(50.0)),
    );
    table.alone("the same, what 99 % do not exceed", runs.within(990), "ms", Some(Goal::AtMost(250.0)));
    Ok(())
}
