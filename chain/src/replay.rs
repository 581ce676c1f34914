//! Rings up real baskets through a store's own interface, as its tills would.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, Days, Duration as Span, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use reqwest::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, CLOCK_HEADER, Call};
use crate::founding::REGISTERS;
use crate::goods::{Basket, Good, Goods};

/// The demo's stores are in London.
pub const ZONE: Tz = chrono_tz::Europe::London;

/// What lies in a drawer in the morning.
const FLOAT: Decimal = Decimal::ONE_HUNDRED;

/// How the clock goes while baskets are rung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Each sale bears its own past time: the server must allow the clock header.
    Past,
    /// Everything happens now, as fast as the store answers.
    Now,
    /// Everything happens now, this many times faster than it once did.
    Paced(u32),
}

/// What was rung up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Receipts.
    pub sales: u64,
    /// Their lines.
    pub lines: u64,
    /// What they came to, tax included.
    pub total: Decimal,
    /// Each sale's id with the receipt number that it got.
    pub receipts: BTreeMap<Uuid, String>,
}

impl Tally {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: Self) {
        self.sales += other.sales;
        self.lines += other.lines;
        self.total += other.total;
        self.receipts.extend(other.receipts);
    }
}

/// How a store's baskets are rung up.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Among how many stores the baskets are divided.
    pub stores: usize,
    /// How the clock goes.
    pub clock: Clock,
    /// How far the baskets' times are moved.
    pub shift: Span,
    /// How often a request that got no answer is sent again, the same bytes.
    pub attempts: u32,
}

/// What a replay counts while it runs, for progress.
#[derive(Debug, Default)]
pub struct Progress {
    /// Receipts so far.
    pub sales: AtomicU64,
}

/// Which store of `of` a basket belongs to, and which of its registers: the same in every run.
#[must_use]
pub fn place(basket: &Basket, of: usize) -> (usize, usize) {
    // Neighbouring invoices must not all land on the same register.
    let mixed = u64::from(basket.invoice).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let mixed = usize::try_from(mixed).unwrap_or_default();
    (mixed % of.max(1), (mixed / of.max(1)) % REGISTERS.len())
}

/// How far the baskets of the past are moved so that the last day is the one before `today`.
#[must_use]
pub fn shift(goods: &Goods, today: NaiveDate) -> Span {
    let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    goods.last_day().map_or_else(Span::zero, |last| yesterday - last)
}

/// One register of a store with somebody at it.
#[derive(Debug)]
pub struct Till {
    api: Arc<Api>,
    register: &'static str,
    plan: Plan,
}

/// What a register session holds, as its cashier would count it.
#[derive(Debug)]
struct Drawer {
    session: Uuid,
    cash: Decimal,
    card: Decimal,
}

impl Till {
    /// Somebody signed in at a register.
    #[must_use]
    pub fn new(api: Arc<Api>, register: &'static str, plan: Plan) -> Self {
        Self { api, register, plan }
    }

    /// Rings up baskets in their order, a session for each of their days (or one session, when it all happens now).
    pub async fn ring_up(&self, goods: &[Good], baskets: &[Basket], progress: &Progress) -> Result<Tally> {
        let Plan { clock, shift, .. } = self.plan;
        let mut tally = Tally::default();
        let mut open: Option<(NaiveDate, Drawer)> = None;
        let mut last = None;
        for basket in baskets {
            let at = basket.at + shift;
            if let Clock::Paced(times) = clock
                && let Some(before) = last.replace(at)
            {
                tokio::time::sleep((at - before).to_std().unwrap_or_default() / times.max(1)).await;
            }
            let day = if clock == Clock::Past { at.date() } else { NaiveDate::MIN };
            if open.as_ref().is_some_and(|(opened, _)| *opened != day)
                && let Some((opened, drawer)) = open.take()
            {
                self.close(&drawer, opened.and_hms_opt(19, 30, 0).unwrap_or(at)).await?;
            }
            if open.is_none() {
                open = Some((day, self.open(at - Span::minutes(10)).await?));
            }
            let Some((_, drawer)) = &mut open else { continue };
            self.sell(goods, basket, at, drawer, &mut tally).await?;
            progress.sales.fetch_add(1, Ordering::Relaxed);
        }
        if let (Some((opened, drawer)), Some(basket)) = (open, baskets.last()) {
            let evening = opened.and_hms_opt(19, 30, 0).unwrap_or(basket.at + shift);
            self.close(&drawer, evening.max(basket.at + shift)).await?;
        }
        Ok(tally)
    }

    async fn open(&self, at: NaiveDateTime) -> Result<Drawer> {
        self.close_what_is_open(at).await?;
        let session = Uuid::now_v7();
        let mut body = json!({"register": self.register, "opening_float": FLOAT.to_string()});
        if self.plan.clock == Clock::Past
            && let Some(fields) = body.as_object_mut()
        {
            // The store has heard from HQ today, and wonders.
            fields.insert("today".to_owned(), json!(utc(at).with_timezone(&ZONE).date_naive().to_string()));
        }
        let path = format!("/api/v1/register-sessions/{session}");
        let answer = self.send(Method::PUT, &path, Some(&body), at).await?;
        if !answer.0.is_success() {
            bail!("opening {}: {} {}", self.register, answer.0, answer.1);
        }
        Ok(Drawer { session, cash: FLOAT, card: Decimal::ZERO })
    }

    /// Whoever was here before and went without closing (a replay that was interrupted): their session is closed first,
    /// with what they counted last, if anything.
    async fn close_what_is_open(&self, at: NaiveDateTime) -> Result<()> {
        let path = format!("/api/v1/register-sessions?register={}&open=true", self.register);
        let (status, answer) = self.send(Method::GET, &path, None, at).await?;
        if !status.is_success() {
            bail!("asking what is open at {}: {status} {answer}", self.register);
        }
        let open = answer.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for id in open.iter().filter_map(|session| session.get("id").and_then(Value::as_str)) {
            let path = format!("/api/v1/register-sessions/{id}/close");
            let (status, answer) = self.send(Method::POST, &path, Some(&json!({})), at).await?;
            if !status.is_success() {
                bail!("closing what was open at {}: {status} {answer}", self.register);
            }
        }
        Ok(())
    }

    async fn close(&self, drawer: &Drawer, at: NaiveDateTime) -> Result<()> {
        let body = json!({"counted": [
            {"tender": "cash", "amount": drawer.cash.to_string()},
            {"tender": "card", "amount": drawer.card.to_string()},
        ]});
        let path = format!("/api/v1/register-sessions/{}/close", drawer.session);
        let answer = self.send(Method::POST, &path, Some(&body), at).await?;
        if !answer.0.is_success() {
            bail!("closing {}: {} {}", self.register, answer.0, answer.1);
        }
        Ok(())
    }

    async fn sell(
        &self,
        goods: &[Good],
        basket: &Basket,
        at: NaiveDateTime,
        drawer: &mut Drawer,
        tally: &mut Tally,
    ) -> Result<()> {
        let sale = Uuid::now_v7();
        let mut total = Decimal::ZERO;
        let mut lines = Vec::with_capacity(basket.lines.len());
        for (place, pieces) in &basket.lines {
            let Some(good) = goods.get(*place) else { continue };
            total += good.price * Decimal::from(*pieces);
            lines.push(json!({"id": Uuid::now_v7(), "sku": good.sku, "quantity": pieces.to_string()}));
        }
        // Two of five pay in cash, with the next note above.
        let cash = basket.invoice % 5 < 2;
        let path = format!("/api/v1/sales/{sale}");
        let payment = Uuid::now_v7();
        let session = drawer.session;
        let ask = async |total: Decimal| {
            let handed = if cash { next_note(total) } else { total };
            let body = json!({
                "register_session_id": session,
                "lines": lines,
                "payments": [{"id": payment, "tender": if cash { "cash" } else { "card" }, "amount": handed.to_string()}],
                "expected_total": total.to_string(),
            });
            self.send(Method::PUT, &path, Some(&body), at).await
        };
        let (mut status, mut answer) = ask(total).await?;
        if status == StatusCode::CONFLICT
            && answer.get("type").and_then(Value::as_str) == Some("/problems/total-differs")
            && let Some(theirs) = answer.get("total").and_then(Value::as_str)
        {
            // Prices have changed since the data was made: the customer is told the new total.
            total = theirs.parse().context("the total that the store says")?;
            (status, answer) = ask(total).await?;
        }
        if !status.is_success() {
            bail!("ringing up basket {}: {status} {answer}", basket.invoice);
        }
        let receipt = answer
            .get("receipt_number")
            .and_then(Value::as_str)
            .context("an answer without receipt number")?;
        if cash {
            drawer.cash += total;
        } else {
            drawer.card += total;
        }
        tally.sales += 1;
        tally.lines += basket.lines.len() as u64;
        tally.total += total;
        tally.receipts.insert(sale, receipt.to_owned());
        Ok(())
    }

    /// Sends the same bytes until there is an answer that counts, as a till does.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        at: NaiveDateTime,
    ) -> Result<(StatusCode, Value)> {
        let clock = utc(at).to_rfc3339();
        let past = [(CLOCK_HEADER, clock.as_str())];
        let headers: &[(&str, &str)] = if self.plan.clock == Clock::Past { &past } else { &[] };
        let mut failed = anyhow!("never tried");
        for attempt in 0..self.plan.attempts.max(1) {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(50 * u64::from(attempt.min(20)))).await;
            }
            match self.api.call(Call { method: method.clone(), path, body, headers }).await {
                Ok(answer)
                    if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS =>
                {
                    failed = anyhow!("{} {}", answer.status, answer.body);
                }
                Ok(answer) => return Ok((answer.status, answer.body)),
                Err(error) => failed = error,
            }
        }
        Err(failed
            .context(format!("{method} {path} had no answer after {} attempts", self.plan.attempts.max(1))))
    }
}

/// Rings up baskets at all registers of one store at once.
pub async fn at_store(
    api: &Arc<Api>,
    goods: &Arc<Goods>,
    baskets: Vec<Basket>,
    plan: Plan,
    progress: &Arc<Progress>,
) -> Result<Tally> {
    let mut by_register: [Vec<Basket>; REGISTERS.len()] = Default::default();
    for basket in baskets {
        if let Some(queue) = by_register.get_mut(place(&basket, plan.stores).1) {
            queue.push(basket);
        }
    }
    let mut tills = tokio::task::JoinSet::new();
    for (register, baskets) in REGISTERS.into_iter().zip(by_register) {
        let (api, goods, progress) = (Arc::clone(api), Arc::clone(goods), Arc::clone(progress));
        tills.spawn(async move {
            Till::new(api, register, plan).ring_up(&goods.goods, &baskets, &progress).await
        });
    }
    let mut tally = Tally::default();
    while let Some(till) = tills.join_next().await {
        tally.add(till??);
    }
    Ok(tally)
}

/// A local time of the shop in UTC; in the hour that does not exist, the one after.
fn utc(local: NaiveDateTime) -> DateTime<Utc> {
    let at = ZONE.from_local_datetime(&local).earliest();
    at.or_else(|| ZONE.from_local_datetime(&(local + Span::hours(1))).earliest())
        .map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

/// The least sum of notes that covers a total.
fn next_note(total: Decimal) -> Decimal {
    let note = Decimal::from(if total <= Decimal::from(20) { 5 } else { 20 });
    (total / note).ceil() * note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_cover_the_total() {
        assert_eq!(next_note("4.95".parse().unwrap()), Decimal::from(5));
        assert_eq!(next_note("20.05".parse().unwrap()), Decimal::from(40));
        assert_eq!(next_note("40".parse().unwrap()), Decimal::from(40));
    }

    #[test]
    fn baskets_spread_over_stores_and_registers() {
        let mut seen = BTreeMap::new();
        for invoice in 536_365..536_765 {
            let basket = Basket { invoice, at: NaiveDateTime::MIN, lines: vec![] };
            *seen.entry(place(&basket, 2)).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 8);
        assert!(seen.values().all(|times| *times > 25), "{seen:?}");
    }
}
