//! A durable checkout of five lines over HTTP at four registers at once, beside the same rows by one call in the database.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use chain::Chain;
use chain::founding::REGISTERS;
use chain::goods::{Good, Goods};
use chain::line::Mode;
use chain::processes::Server;
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{Connection, Executor, Row};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::measure::Runs;
use crate::table::{Goal, Table};
use crate::{STORE, baseline};

const LINES: usize = 5;
const DATABASE: &str = "bench_checkout";
const TURNS: usize = 3;

/// Leaves the line down and the sales waiting.
pub(crate) async fn durable(table: &mut Table, chain: &Chain, goods: &Goods, sales: usize) -> Result<()> {
    for line in chain.lines.values() {
        line.set(Mode::Down);
    }
    let goods = Arc::new(goods.goods.clone());
    // Once without the watch: connections, plans and caches are as on any other day.
    over_http(chain, &goods, 200).await?;
    let by_one_call = ByOneCall::make(chain).await?;
    by_one_call.sell(200).await?;
    // In turns, so that what else the machine does is done to both.
    let (mut ours, mut bare) = (Runs::default(), Runs::default());
    for _ in 0..TURNS {
        let part = over_http(chain, &goods, sales / TURNS).await?;
        ours.together += part.together;
        ours.join(part);
        let part = by_one_call.sell(sales / TURNS).await?;
        bare.together += part.together;
        bare.join(part);
    }
    by_one_call.drop().await?;
    table.against(
        "checkout, durable, 5 lines, 4 registers",
        ours.per_second(),
        "/s",
        (bare.per_second(), "the same rows by one PL/pgSQL call"),
        Some(Goal::AtLeast(0.5)),
    );
    table.against(
        "the same, what 99 % do not exceed",
        ours.within(990),
        "ms",
        (bare.within(990), "the same rows by one PL/pgSQL call"),
        Some(Goal::AtMost(3.0)),
    );
    Ok(())
}

/// Sells at four registers at once.
pub(crate) async fn over_http(chain: &Chain, goods: &Arc<Vec<Good>>, sales: usize) -> Result<Runs> {
    let api = Arc::new(chain.cashier(STORE).await?);
    let mut sessions = Vec::new();
    for register in REGISTERS {
        let session = Uuid::now_v7();
        let body = json!({"register": register, "opening_float": "100.00"});
        api.put(&format!("/api/v1/register-sessions/{session}"), &body).await?;
        sessions.push(session);
    }
    let mut tills = JoinSet::new();
    let begun = Instant::now();
    for (till, session) in sessions.iter().copied().enumerate() {
        let (api, goods) = (Arc::clone(&api), Arc::clone(goods));
        tills.spawn(async move {
            let mut runs = Runs::default();
            for sale in 0..sales / REGISTERS.len() {
                let bought: Vec<&Good> = (0..LINES)
                    .filter_map(|line| goods.get((sale * 31 + till * 7 + line * 613) % goods.len()))
                    .collect();
                let total: Decimal = bought.iter().map(|good| good.price).sum();
                let lines: Vec<_> = bought
                    .iter()
                    .map(|good| json!({"id": Uuid::now_v7(), "sku": good.sku, "quantity": "1"}))
                    .collect();
                let body = json!({
                    "register_session_id": session,
                    "lines": lines,
                    "payments": [{"id": Uuid::now_v7(), "tender": "card", "amount": total.to_string()}],
                    "expected_total": total.to_string(),
                });
                let path = format!("/api/v1/sales/{}", Uuid::now_v7());
                let asked = Instant::now();
                api.put(&path, &body).await?;
                runs.push(asked.elapsed());
            }
            Ok::<_, anyhow::Error>(runs)
        });
    }
    let mut together = Runs::default();
    while let Some(till) = tills.join_next().await {
        together.join(till??);
    }
    together.together = begun.elapsed();
    for session in sessions {
        api.post(&format!("/api/v1/register-sessions/{session}/close"), &json!({})).await?;
    }
    Ok(together)
}

/// The baseline: the same rows by one call of a function in the database, at as many connections.
struct ByOneCall<'a> {
    store: &'a Server,
    payload: String,
}

impl<'a> ByOneCall<'a> {
    async fn make(chain: &'a Chain) -> Result<Self> {
        let store = chain.store(STORE)?;
        let mut own = baseline::connect(store, "store").await?;
        let example =
            sqlx::query("select payload from journal where kind = 'sale_completed' order by id desc limit 1")
                .fetch_optional(&mut own)
                .await?
                .context("nothing was sold")?;
        let payload: String = example.try_get(0)?;
        own.close().await?;

        let mut conn = baseline::make(store, DATABASE, &baseline::STORE).await?;
        conn.execute(include_str!("../sql/sell.sql")).await?;
        conn.execute(
            "insert into receipt_series (series, register_id, register_code, incarnation, stream_hash)
                 select r, gen_random_uuid(), r, '00000000-0000-7000-8000-000000000002', sha256('')
                 from unnest(array['R01', 'R02', 'R03', 'R04']) as r;
             insert into register_session (company_id, store_id, id, register_id, register_code, series, business_date, currency,
                     opened_at, opened_by, opened_by_name, opening_float)
                 select '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', register_id, register_id,
                     series, series, current_date, 'GBP', now(), register_id, 'Ana', 100
                 from receipt_series",
        )
        .await?;
        conn.execute("vacuum analyze").await?;
        conn.close().await?;
        Ok(Self { store, payload })
    }

    async fn sell(&self, sales: usize) -> Result<Runs> {
        let mut conns = Vec::new();
        for register in REGISTERS {
            let mut conn = baseline::connect(self.store, DATABASE).await?;
            let session: Uuid =
                sqlx::query_scalar("select register_id from receipt_series where series = $1")
                    .bind(register)
                    .fetch_one(&mut conn)
                    .await?;
            conns.push((register, session, conn));
        }
        let mut tills = JoinSet::new();
        let begun = Instant::now();
        for (till, (register, session, mut conn)) in conns.into_iter().enumerate() {
            let payload = self.payload.clone();
            tills.spawn(async move {
                let mut runs = Runs::default();
                for sale in 0..sales / REGISTERS.len() {
                    let mut variants: Vec<Uuid> = (0..LINES)
                        .map(|line| Uuid::from_u128(((sale * 31 + till * 7 + line * 613) % 4_000) as u128))
                        .collect();
                    variants.sort_unstable();
                    let asked = Instant::now();
                    let number: i32 = sqlx::query_scalar("select bench_sell($1, $2, $3, $4)")
                        .bind(register)
                        .bind(session)
                        .bind(&variants)
                        .bind(&payload)
                        .fetch_one(&mut conn)
                        .await?;
                    runs.push(asked.elapsed());
                    ensure!(number > 0, "no receipt number");
                }
                Ok::<_, anyhow::Error>(runs)
            });
        }
        let mut together = Runs::default();
        while let Some(till) = tills.join_next().await {
            together.join(till??);
        }
        together.together = begun.elapsed();
        Ok(together)
    }

    async fn drop(self) -> Result<()> {
        let mut conn = baseline::connect(self.store, "postgres").await?;
        conn.execute("drop database bench_checkout with (force)").await?;
        conn.close().await?;
        Ok(())
    }
}
