//! `demo replay`: real baskets, rung up now at a store that runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use chain::goods::{Basket, Goods};
use chain::replay::{self, Clock, Plan, Progress, Tally};
use chrono::Duration;

use crate::STORES;

/// How often a till sends the same bytes again when there is no answer.
const ATTEMPTS: u32 = 60;

pub(crate) fn speed(text: &str) -> Result<Clock, String> {
    if text == "max" {
        return Ok(Clock::Now);
    }
    match text.strip_suffix('x').and_then(|times| times.parse::<u32>().ok()) {
        Some(times) if times > 0 => Ok(Clock::Paced(times)),
        _ => Err(format!("{text} is no speed: say max, or a number of times faster than life, like 60x")),
    }
}

pub(crate) async fn replay(store: Option<&str>, days: u16, clock: Clock) -> Result<()> {
    if let Some(code) = store
        && !STORES.iter().any(|(known, _, _)| *known == code)
    {
        bail!("the demo has no store {code}; it has ST01 and ST02");
    }
    let begun = Instant::now();
    let goods = Arc::new(Goods::read()?);
    let selling: BTreeSet<_> = goods.baskets.iter().map(|basket| basket.at.date()).collect();
    let from = selling.iter().rev().nth(usize::from(days) - 1).or(selling.first()).copied();
    let mut tally = Tally::default();
    let mut running = tokio::task::JoinSet::new();
    for (index, (code, _, port)) in STORES.iter().enumerate() {
        if store.is_some_and(|wanted| wanted != *code) {
            continue;
        }
        let api = Arc::new(chain::cashier(&format!("http://127.0.0.1:{port}")).await?);
        let baskets: Vec<Basket> = goods
            .baskets
            .iter()
            .filter(|basket| Some(basket.at.date()) >= from && replay::place(basket, STORES.len()).0 == index)
            .cloned()
            .collect();
        println!("{code}: {} baskets of the last {days} days on which the shop sold", baskets.len());
        let goods = Arc::clone(&goods);
        let progress = Arc::new(Progress::default());
        let plan = Plan { stores: STORES.len(), clock, shift: Duration::zero(), attempts: ATTEMPTS };
        running.spawn(async move { replay::at_store(&api, &goods, baskets, plan, &progress).await });
    }
    while let Some(done) = running.join_next().await {
        tally.add(done??);
    }
    let took = begun.elapsed().as_secs_f64();
    println!("{} sales, {} lines, {} GBP in {took:.1} s", tally.sales, tally.lines, tally.total);
    Ok(())
}
