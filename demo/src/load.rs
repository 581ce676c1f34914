//! Loads months of past baskets through the very operations that tills use, with the clock passed in.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use chain::Chain;
use chain::goods::{Basket, Goods};
use chain::replay::{self, Clock, Plan, Progress, Tally};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::STORES;

/// How many of the year's 19,800 baskets are loaded, the latest ones: as many as two cores take in well under two minutes.
const BASKETS: usize = 12_000;

pub(crate) async fn months(chain: &Chain, goods: &Arc<Goods>, say: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let today = DateTime::<Utc>::from(SystemTime::now()).with_timezone(&replay::ZONE).date_naive();
    let shift = replay::shift(goods, today);
    let first_day = goods
        .baskets
        .len()
        .checked_sub(BASKETS)
        .and_then(|at| goods.baskets.get(at))
        .map(|basket| basket.at.date());
    // Whole days only.
    let chosen: Vec<&Basket> =
        goods.baskets.iter().filter(|basket| Some(basket.at.date()) > first_day).collect();
    let all = chosen.len();
    say(&format!("ringing up {all} baskets of the past months at {} stores", STORES.len()));

    let progress = Arc::new(Progress::default());
    let plan = Plan { stores: STORES.len(), clock: Clock::Past, shift, attempts: 20 };
    let mut stores = tokio::task::JoinSet::new();
    for (index, (code, _, _)) in STORES.iter().enumerate() {
        let api = Arc::new(chain.cashier(code).await?);
        let baskets = chosen
            .iter()
            .filter(|basket| replay::place(basket, STORES.len()).0 == index)
            .map(|basket| (*basket).clone())
            .collect();
        let (goods, progress) = (Arc::clone(goods), Arc::clone(&progress));
        stores.spawn(async move { replay::at_store(&api, &goods, baskets, plan, &progress).await });
    }
    let mut tally = Tally::default();
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    tick.tick().await;
    loop {
        tokio::select! {
            done = stores.join_next() => match done {
                Some(done) => tally.add(done??),
                None => break,
            },
            _ = tick.tick() => {
                let done = progress.sales.load(Ordering::Relaxed);
                say(&format!("{done} of {all} ({} %)", done * 100 / all.max(1) as u64));
            }
        }
    }
    say(&format!(
        "{} sales, {} lines, {} GBP; waiting until HQ has them",
        tally.sales, tally.lines, tally.total
    ));
    for (code, _, _) in STORES {
        let manager = chain.manager(code).await?;
        let mut waited = 0;
        loop {
            let status = manager.get("/api/v1/sync/status").await?;
            if status.pointer("/journal/pending").and_then(Value::as_i64) == Some(0) {
                break;
            }
            waited += 1;
            if waited > 1_200 {
                bail!("{code} still waits to send what it has: {status}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}
