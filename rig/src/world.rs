//! A small chain to break: HQ and one store, with a real shop's goods and baskets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chain::goods::{Basket, Goods};
use chain::replay::{self, Clock, Plan, Progress, Tally};
use chain::{Chain, Options, StorePlan};
use chrono::Duration as Span;
use serde_json::Value;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The store.
pub const STORE: &str = "ST01";

/// How often a till sends the same bytes again. The longest outage is a restart of PostgreSQL and of the server.
const ATTEMPTS: u32 = 400;
/// How long both ends may take to agree once nothing is in their way.
const AGREE_WITHIN: Duration = Duration::from_secs(90);

/// A running chain, gone with this value.
#[derive(Debug)]
pub struct Rig {
    /// The chain.
    pub chain: Chain,
    /// Its goods and the baskets to ring up.
    pub goods: Arc<Goods>,
    folder: PathBuf,
}

impl Rig {
    /// Starts and founds a chain whose store has this many baskets waiting to be rung up.
    pub async fn start(baskets: usize) -> Result<Self> {
        let goods = Arc::new(first_baskets(&Goods::read()?, baskets));
        let folder = std::env::temp_dir().join(format!("tradepost-rig-{}", Uuid::now_v7()));
        let options = Options {
            folder: folder.clone(),
            hq_port: 0,
            stores: vec![StorePlan { code: STORE.to_owned(), name: "Oxford Street".to_owned(), port: 0 }],
            control_port: None,
            web_dir: None,
            allow_clock_header: false,
        };
        let begun = Instant::now();
        let say = move |text: &str| println!("{:>6.1} s  {text}", begun.elapsed().as_secs_f32());
        match Chain::start(&options, &goods, &say).await {
            Ok(chain) => Ok(Self { chain, goods, folder }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// Rings up these baskets at the store's four registers, in the background.
    pub async fn replay(&self, baskets: &[Basket]) -> Result<JoinHandle<Result<Tally>>> {
        let api = Arc::new(self.chain.cashier(STORE).await?);
        let plan = Plan { stores: 1, clock: Clock::Now, shift: Span::zero(), attempts: ATTEMPTS };
        let (goods, baskets) = (Arc::clone(&self.goods), baskets.to_vec());
        Ok(tokio::spawn(async move {
            replay::at_store(&api, &goods, baskets, plan, &Arc::new(Progress::default())).await
        }))
    }

    /// Waits until the store has nothing left to tell and HQ's figures are as far as the store's.
    pub async fn agreed(&self) -> Result<()> {
        let (hq, store) = (self.chain.at_hq().await?, self.chain.manager(STORE).await?);
        let path = format!("/api/v1/reports/sales?store={STORE}&group_by=store");
        let until = Instant::now() + AGREE_WITHIN;
        let mut last = String::new();
        while Instant::now() < until {
            // A connection that broke with a server that was killed is no verdict.
            if let (Ok(here), Ok(there), Ok(status)) =
                (store.get(&path).await, hq.get(&path).await, store.get("/api/v1/sync/status").await)
            {
                let mark = |report: &Value| report.pointer("/as_of/0/watermark").and_then(Value::as_i64);
                let pending = status.pointer("/journal/pending").and_then(Value::as_i64);
                if mark(&here).is_some() && mark(&here) == mark(&there) && pending == Some(0) {
                    return Ok(());
                }
                last = format!("store {:?}, HQ {:?}, status {status}", mark(&here), mark(&there));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("store and HQ did not agree within {AGREE_WITHIN:?}: {last}")
    }

    /// Stops everything in order.
    pub async fn stop(self) -> Result<()> {
        let Self { chain, goods: _, folder } = self;
        let stopped = chain.stop().await;
        std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
        stopped
    }
}

/// The first baskets, and the goods that are in them.
fn first_baskets(all: &Goods, count: usize) -> Goods {
    let mut places = BTreeMap::new();
    let mut goods = Vec::new();
    let mut baskets = Vec::with_capacity(count);
    for basket in all.baskets.iter().take(count) {
        let mut basket = basket.clone();
        for (place, _) in &mut basket.lines {
            let Some(good) = all.goods.get(*place) else { continue };
            *place = *places.entry(*place).or_insert_with(|| {
                goods.push(good.clone());
                goods.len() - 1
            });
        }
        baskets.push(basket);
    }
    Goods { goods, baskets }
}
