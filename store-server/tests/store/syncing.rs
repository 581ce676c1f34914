//! The driver against an HQ that loses answers: what is committed arrives exactly once, in order, and nobody waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use sync_protocol::Hash;
use sync_protocol::chain::{StreamHead, follow};
use sync_protocol::wire::{
    self, Cursor, FeedHead, FeedTail, JournalEntry, PushAnswer, PushRequest, Watermark, write_line,
    write_record,
};

use store_server::sync::{driver, enrol};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::common::*;

/// An HQ of one store, as small as it can be.
#[derive(Clone, Default)]
struct FakeHq(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    entries: Vec<JournalEntry>,
    /// Every batch as it came: first number and how many.
    batches: Vec<(i64, usize)>,
    /// Takes so many batches and answers nothing.
    swallow: usize,
    /// Says that it has another journal.
    forked: bool,
    /// The feed: position and records, each commit once.
    feed: Vec<(i64, &'static str, Uuid, Option<Value>)>,
    /// What stores offered, a line each.
    offered: Vec<Value>,
    enrolments: Vec<Value>,
    swallow_enrolments: usize,
    pulls: usize,
}

impl FakeHq {
    async fn listen(&self) -> String {
        let router = Router::new()
            .route("/sync/v1/feed", get(feed))
            .route("/sync/v1/journal", post(journal))
            .route("/sync/v1/enrol", post(enrolled))
            .route("/sync/v1/offer", post(offer))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

fn watermark(kept: &Kept) -> Watermark {
    let hash = kept.entries.last().map_or(Hash::ZERO, |entry| entry.hash);
    let hash = if kept.forked { Hash([7; 32]) } else { hash };
    let sequence = i64::try_from(kept.entries.len()).unwrap();
    Watermark { incarnation: id(9), sequence: if kept.forked { sequence.max(1) } else { sequence }, hash }
}

#[derive(serde::Deserialize)]
struct After {
    after: Option<String>,
}

async fn feed(State(hq): State<FakeHq>, Query(query): Query<After>) -> Response {
    let after = query.after.map_or(0, |after| Cursor::decode(&after).unwrap().position);
    hq.with(|kept| {
        kept.pulls += 1;
        // The store is at 1 already.
        let position = kept.feed.iter().map(|(position, ..)| *position).max().unwrap_or(1);
        if after > position {
            let problem = json!({"type": wire::PROBLEM_REWOUND, "title": "rewound", "status": 409, "head": position, "tag": tag(position)});
            return (StatusCode::CONFLICT, Json(problem)).into_response();
        }
        let head = FeedHead { position, tag: tag(position), schema: 1, watermark: watermark(kept) };
        let mut page = Vec::new();
        write_line(&mut page, &head).unwrap();
        let mut count = 0;
        for (at, entity, id, record) in kept.feed.iter().filter(|(at, ..)| *at > after) {
            let record = record.as_ref().map(ToString::to_string);
            write_record(&mut page, entity, *id, *at, record.as_deref());
            count += 1;
        }
        let next = Cursor::at(position, tag(position));
        write_line(&mut page, &FeedTail { next, complete: true, count, folded: 0 }).unwrap();
        page.into_response()
    })
}

async fn offer(State(hq): State<FakeHq>, body: String) -> StatusCode {
    hq.with(|kept| {
        kept.offered.extend(body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    });
    StatusCode::NO_CONTENT
}

async fn journal(State(hq): State<FakeHq>, body: Bytes) -> Response {
    let batch: PushRequest = serde_json::from_slice(&body).unwrap();
    hq.with(|kept| {
        kept.batches.push((batch.first, batch.entries.len()));
        if kept.forked {
            let problem = json!({"type": wire::PROBLEM_FORKED, "title": "forked", "status": 409, "watermark": watermark(kept)});
            return (StatusCode::CONFLICT, Json(problem)).into_response();
        }
        for (number, entry) in (batch.first..).zip(batch.entries) {
            let have = i64::try_from(kept.entries.len()).unwrap();
            assert!(number <= have + 1, "a gap: {number} after {have}");
            if number == have + 1 {
                kept.entries.push(entry);
            } else {
                assert_eq!(kept.entries[usize::try_from(number - 1).unwrap()], entry, "the same entry under a number");
            }
        }
        if kept.swallow > 0 {
            kept.swallow -= 1;
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let watermark = watermark(kept);
        Json(PushAnswer { accepted_through: watermark.sequence, watermark }).into_response()
    })
}

async fn enrolled(State(hq): State<FakeHq>, Json(request): Json<Value>) -> Response {
    hq.with(|kept| {
        kept.enrolments.push(request.clone());
        if kept.swallow_enrolments > 0 {
            kept.swallow_enrolments -= 1;
            return StatusCode::BAD_GATEWAY.into_response();
        }
        Json(json!({"company_id": id(1), "store_id": id(2), "store_code": "ST01", "store_name": "High Street", "incarnation": request["incarnation"],
            "letter": "", "key_id": id(8), "hq_key": "AAAA", "sealed_pepper": "AAAA", "now": "2026-03-01T12:00:00Z"}))
        .into_response()
    })
}

/// Chains whole, stream by stream, and no fact twice.
fn assert_whole(kept: &Kept) {
    let mut heads = std::collections::HashMap::<String, StreamHead>::new();
    let mut ids = std::collections::HashSet::new();
    for entry in &kept.entries {
        let head = heads.entry(entry.stream.clone()).or_default();
        *head = follow(id(9), *head, entry).unwrap();
        assert!(ids.insert(entry.event_id));
    }
}

struct Running {
    stop: CancellationToken,
    hq_url: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    async fn start(shop: &mut Shop, hq: &FakeHq) -> Self {
        // Not where it was when the store was enrolled: HQ has moved.
        let hq_url = hq.listen().await;
        let stop = CancellationToken::new();
        let end = shop.end.take().unwrap();
        let driver =
            tokio::spawn(driver::run(shop.state.clone(), Some(hq_url.clone()), 200, end, stop.clone()));
        Self { stop, hq_url, tasks: vec![driver] }
    }

    async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_committed_arrives_once_and_in_order_although_answers_are_lost() {
    let mut shop = Shop::open().await;
    let hq = FakeHq::default();
    hq.with(|kept| {
        kept.swallow = 3;
    });
    let manager = shop.manager().await;
    let mut sessions = Vec::new();
    for register in ["R01", "R02", "R03"] {
        sessions.push(shop.open_session(&manager, register).await);
    }
    let running = Running::start(&mut shop, &hq).await;
    let sales = sessions.iter().map(|session| {
        let (shop, manager) = (&shop, &manager);
        async move {
            for _ in 0..15 {
                shop.put_sale(manager, Uuid::now_v7(), &simple_sale(*session, "MUG-RED", "1", "7.95"))
                    .await
                    .ok();
            }
        }
    });
    futures_util::future::join_all(sales).await;
    until("HQ has all", async || hq.with(|kept| kept.entries.len()) == 48).await;
    until("the store knows that", async || {
        let status = shop.send(Some(&manager), "GET", "/api/v1/sync/status", None).await.ok();
        status["journal"]["pending"] == 0 && status["journal"]["acknowledged"] == 48 && status["line"] == "up"
    })
    .await;
    hq.with(|kept| assert_whole(kept));
    running.end().await;
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_database_have_one_pusher_and_the_other_takes_over() {
    let mut shop = Shop::open().await;
    let hq = FakeHq::default();
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let first = Running::start(&mut shop, &hq).await;
    until("the first is active", async || shop.handle.view().is_active).await;
    let (handle, end) = store_server::sync::SyncHandle::new();
    let stop = CancellationToken::new();
    let second =
        tokio::spawn(driver::run(shop.state.clone(), Some(first.hq_url.clone()), 200, end, stop.clone()));
    for _ in 0..10 {
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    }
    until("HQ has all", async || hq.with(|kept| kept.entries.len()) == 11).await;
    assert!(!handle.view().is_active, "one at a time");
    first.end().await;
    until("the second is active", async || handle.view().is_active).await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    until("HQ has the last one", async || hq.with(|kept| kept.entries.len()) == 12).await;
    hq.with(|kept| assert_whole(kept));
    stop.cancel();
    second.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_another_process_of_the_store_sells_is_pushed_at_once() {
    let mut shop = Shop::open().await;
    let hq = FakeHq::default();
    let manager = shop.manager().await;
    let stop = CancellationToken::new();
    let hq_url = hq.listen().await;
    let mut others = shop.state.clone();
    others.wake = server_kit::Wake::new();
    let (handle, end) = store_server::sync::SyncHandle::new();
    // It would look by itself after an hour.
    let active = tokio::spawn(driver::run(others, Some(hq_url.clone()), 3_600_000, end, stop.clone()));
    until("the other is active and has pushed nothing", async || {
        handle.view().is_active && hq.with(|kept| kept.pulls) > 0
    })
    .await;
    let heard =
        "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %'";
    until("it listens", async || {
        sqlx::query_scalar::<_, i64>(heard).fetch_one(shop.pool()).await.unwrap() > 0
    })
    .await;
    let end = shop.end.take().unwrap();
    let standing_by =
        tokio::spawn(driver::run(shop.state.clone(), Some(hq_url), 3_600_000, end, stop.clone()));
    let session = shop.open_session(&manager, "R01").await;
    for _ in 0..3 {
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    }
    until("HQ has all", async || hq.with(|kept| kept.entries.len()) == 4).await;
    assert!(!shop.handle.view().is_active);
    hq.with(|kept| assert_whole(kept));
    stop.cancel();
    active.await.unwrap();
    standing_by.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_at_hq_is_pulled_and_a_forked_journal_stops_pushing_and_nothing_else() {
    let mut shop = Shop::open().await;
    let hq = FakeHq::default();
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let sell = async |total: &str| {
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", total)).await.ok();
    };
    sell("7.95").await;
    hq.with(|kept| kept.forked = true);
    let price = |position: i64, amount: &str| {
        let mut record = regular_price(MUG_VARIANT, amount);
        record["id"] = json!(id(51));
        (position, "price", id(51), Some(record))
    };
    let running = Running::start(&mut shop, &hq).await;
    until("the fork is seen", async || shop.handle.view().halted.is_some()).await;
    hq.with(|kept| kept.feed.push(price(2, "8.50")));
    shop.handle.pull_and_push();
    until("the price is here", async || {
        let found =
            shop.send(Some(&manager), "GET", "/api/v1/products/by-barcode/5000000000017", None).await.ok();
        found["price"]["amount"] == "8.50"
    })
    .await;
    let status = shop.send(Some(&manager), "GET", "/api/v1/sync/status", None).await.ok();
    assert_eq!((&status["halted"], &status["journal"]["pending"]), (&json!("forked"), &json!(2)));
    let session_goes_on =
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "8.50")).await;
    session_goes_on.ok();
    hq.with(|kept| assert!(kept.entries.is_empty(), "HQ takes nothing from that box"));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_was_quiet_for_half_a_year_prunes_and_then_delivers_what_it_sells() {
    let mut shop = Shop::open().await;
    let hq = FakeHq::default();
    shop.state.clock.run_with_offset(-chrono::TimeDelta::days(200)).unwrap();
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    for _ in 0..3 {
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    }
    let running = Running::start(&mut shop, &hq).await;
    let acknowledged = async || -> i64 {
        sqlx::query_scalar("select coalesce(max(acknowledged), 0) from delivery")
            .fetch_one(shop.pool())
            .await
            .unwrap()
    };
    until("HQ has all", async || acknowledged().await == 4).await;
    let hq_url = running.hq_url.clone();
    running.end().await;
    shop.state.clock.run_with_offset(chrono::TimeDelta::zero()).unwrap();
    let prune = async || -> i64 {
        sqlx::query_scalar("select prune_journal(100)").fetch_one(shop.pool()).await.unwrap()
    };
    assert_eq!(prune().await, 0, "half a year without a sale prunes nothing");
    let manager = shop.manager().await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    assert_eq!(prune().await, 3, "the last one that HQ has stays");
    let (handle, end) = store_server::sync::SyncHandle::new();
    let stop = CancellationToken::new();
    let driver = tokio::spawn(driver::run(shop.state.clone(), Some(hq_url), 200, end, stop.clone()));
    until("HQ has the new sale", async || acknowledged().await == 5).await;
    assert_eq!(handle.view().halted, None);
    hq.with(|kept| {
        assert_eq!(kept.entries.len(), 5);
        assert_whole(kept);
    });
    stop.cancel();
    driver.await.unwrap();
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_clock_of_1970_sells_nothing() {
    let shop = Shop::open().await;
    shop.state.clock.run_with_offset(-chrono::TimeDelta::days(20_000)).unwrap();
    let manager = shop.manager().await;
    let body = json!({"register": "R01", "opening_float": "100.00"});
    shop.send(Some(&manager), "PUT", &format!("/api/v1/register-sessions/{}", Uuid::now_v7()), Some(body))
        .await
        .refused(503, "clock-wrong");
    assert_eq!(shop.count("journal").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_hq_that_went_back_is_offered_what_it_lost_and_then_followed() {
    let mut shop = Shop::open().await;
    let lost = regular_price(MUG_VARIANT, "8.50");
    shop.checkpoint(2, false, vec![("price", id(51), Some(lost))]).await;
    // HQ comes back from a backup of position 1.
    let hq = FakeHq::default();
    let mut restored = regular_price(MUG_VARIANT, "7.95");
    restored["id"] = json!(id(51));
    hq.with(|kept| kept.feed.push((1, "price", id(51), Some(restored))));
    let running = Running::start(&mut shop, &hq).await;
    let price = async || -> (i64, String) {
        sqlx::query_as("select position, (select trim_scale(amount)::text from from_hq.price where id = $1) from checkpoint")
            .bind(id(51))
            .fetch_one(shop.pool())
            .await
            .unwrap()
    };
    until("the store is where HQ is", async || price().await == (1, "7.95".to_owned())).await;
    hq.with(|kept| {
        assert_eq!(kept.offered.len(), 1, "what is newer than HQ's history, and nothing else");
        assert_eq!((&kept.offered[0]["entity"], &kept.offered[0]["position"]), (&json!("price"), &json!(2)));
        assert_eq!(kept.offered[0]["record"]["amount"], "8.500000");
    });
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upgraded_store_pulls_again_what_its_older_release_left_out() {
    let mut shop = Shop::open().await;
    let department = json!({"id": id(701), "code": "later", "name": "Later", "archived": false, "of_a_later_release": "kept"});
    shop.checkpoint(2, false, vec![("department", id(701), Some(department.clone()))]).await;
    sqlx::query("alter table from_hq.department add column of_a_later_release text")
        .execute(shop.database.owner())
        .await
        .unwrap();
    // HQ has had nothing new since.
    let hq = FakeHq::default();
    hq.with(|kept| kept.feed.push((2, "department", id(701), Some(department))));
    let running = Running::start(&mut shop, &hq).await;
    let kept = async || -> Option<String> {
        sqlx::query_scalar("select of_a_later_release from from_hq.department where id = $1")
            .bind(id(701))
            .fetch_one(shop.pool())
            .await
            .unwrap()
    };
    until("what was left out is here", async || kept().await.as_deref() == Some("kept")).await;
    running.end().await;
}

#[tokio::test]
async fn an_enrolment_whose_answer_was_lost_is_asked_for_again_with_the_same_keys() {
    let shop = Shop::empty().await;
    sqlx::query("delete from identity").execute(shop.database.owner()).await.unwrap();
    let hq = FakeHq::default();
    hq.with(|kept| kept.swallow_enrolments = 2);
    let url = hq.listen().await;
    // This HQ seals nothing, so the store does not take its answer; what counts is what it was asked.
    let enrolled = enrol::enrol_when_hq_answers(&shop.state, &url, "9H2TSRA3RC").await;
    assert!(matches!(enrolled, Err(enrol::EnrolError::Pepper(_))), "{enrolled:?}");
    assert_eq!(shop.count("identity").await, 0, "half an enrolment is none");
    hq.with(|kept| {
        assert_eq!(kept.enrolments.len(), 3);
        assert!(kept.enrolments.iter().all(|asked| *asked == kept.enrolments[0]));
    });
}
