//! What stores push: taken once, whole, in order, whatever comes in between.

use axum::http::header;
use serde_json::json;
use sync_protocol::PushAnswer;
use sync_protocol::wire::{PROBLEM_FORKED, PROBLEM_GAP};
use uuid::Uuid;

use crate::world::{Till, World, get, post, sale};

/// A session and some sales in it.
async fn busy(world: &World, sales: i32) -> Till {
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    let session = Uuid::now_v7();
    till.open_session(session);
    for number in 1..=sales {
        till.sell(session, number);
    }
    till
}

async fn counts(world: &World) -> (i64, i64, i64, i64) {
    (
        world.figure("select count(*) from sale").await,
        world.figure("select count(*) from received_entry").await,
        world.figure("select coalesce(sum(sales), 0)::bigint from hourly_sales").await,
        world.figure("select coalesce(sum(on_hand), 0)::bigint from stock").await,
    )
}

#[tokio::test]
async fn a_batch_is_taken_once_however_often_it_comes() {
    let world = World::new().await;
    let till = busy(&world, 9).await;
    for (first, many) in [(1, 10), (1, 10), (1, 5), (6, 5), (1, 5), (6, 5), (10, 1)] {
        let answer = world.push(&till, first, many).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let answer: PushAnswer = serde_json::from_slice(&answer.bytes).unwrap();
        assert_eq!(answer.accepted_through, 10);
        assert_eq!(answer.watermark.hash, till.journal[9].hash);
        assert_eq!(counts(&world).await, (9, 10, 9, -18));
    }
    assert_eq!(world.figure("select count(*) from incident").await, 0);
    assert_eq!(world.figure("select sum(gross)::bigint from hourly_sales").await, 108);
}

#[tokio::test]
async fn a_batch_that_comes_twice_at_the_same_time_is_taken_once() {
    let world = World::new().await;
    let till = busy(&world, 50).await;
    let (a, b, c) =
        tokio::join!(world.push(&till, 1, 51), world.push(&till, 1, 51), world.push(&till, 1, 20));
    assert_eq!([a.status, b.status, c.status].map(|status| status.as_u16()), [200, 200, 200]);
    assert_eq!(counts(&world).await, (50, 51, 50, -100));
}

#[tokio::test]
async fn the_payload_is_kept_as_the_bytes_that_were_written() {
    let world = World::new().await;
    let till = busy(&world, 1).await;
    world.push(&till, 1, 2).await;
    let kept: Vec<String> = sqlx::query_scalar("select payload from received_entry order by sequence")
        .fetch_all(world.database.owner())
        .await
        .unwrap();
    assert_eq!(kept, till.journal.iter().map(|entry| entry.payload.get().to_owned()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_gap_is_refused_and_says_what_comes_next() {
    let world = World::new().await;
    let till = busy(&world, 9).await;
    world.push(&till, 1, 3).await;
    let answer = world.push(&till, 6, 2).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json()["type"], PROBLEM_GAP);
    assert_eq!(answer.json()["expected"], 4);
    assert_eq!(answer.json()["watermark"]["sequence"], 3);
    assert_eq!(counts(&world).await.1, 3);
}

#[tokio::test]
async fn a_fork_is_kept_visible_and_a_new_code_is_the_way_out() {
    let world = World::new().await;
    let session = Uuid::now_v7();
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    till.open_session(session);
    let mut twin = till.clone();
    till.sell(session, 1);
    twin.sell(session, 1);
    twin.sell(session, 2);
    assert_eq!(world.push(&till, 1, 2).await.status, 200);
    let forked = world.push(&twin, 3, 1).await;
    assert_eq!((forked.status.as_u16(), forked.json()["type"].as_str()), (409, Some(PROBLEM_FORKED)));
    // Nobody is believed until a person has decided.
    till.sell(session, 2);
    assert_eq!(world.push(&till, 3, 1).await.json()["type"], PROBLEM_FORKED);
    assert_eq!(counts(&world).await.1, 2);
    assert_eq!(world.figure("select count(*) from incident where kind = 'forked'").await, 1);
    assert_eq!(world.feed(&till, None).await.status, 200, "prices go on coming");
    // The new life journals again what it had behind the fork, by the same event ids; what had arrived has no second effect.
    let mut reborn = world.boxed("demo", world.demo.stores[0]).await;
    for entry in till.journal.clone() {
        reborn.write(&entry.kind, &serde_json::from_str(entry.payload.get()).unwrap());
        let last = reborn.journal.last_mut().unwrap();
        last.event_id = entry.event_id;
    }
    reborn.rehash();
    let answer = world.push(&reborn, 1, 3).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(counts(&world).await.0, 2);
    assert_eq!(
        world.figure("select count(*) from incident where state = 'open' and kind <> 'forked'").await,
        0
    );
}

#[tokio::test]
async fn a_poison_entry_holds_up_nothing_and_is_kept_raw() {
    let world = World::new().await;
    let session = Uuid::now_v7();
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    till.open_session(session);
    till.sell(session, 1);
    till.write("sale_completed", &sale(session, 2, "99.00"));
    till.write("sale_completed", &json!({ "nothing": true }));
    till.write("sale_completed", &sale(session, 1, "12.00"));
    till.write("rental_returned", &json!({ "later": 1 }));
    till.sell(session, 3);
    let answer = world.push(&till, 1, 7).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(counts(&world).await, (2, 7, 2, -4));
    let token = world.sign_in("demo").await;
    let incidents = world.send(get("/api/v1/sync/incidents?state=open", &token)).await.json();
    let mut found: Vec<(i64, String)> = incidents["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|incident| {
            (incident["sequence"].as_i64().unwrap(), incident["kind"].as_str().unwrap().to_owned())
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            (3, "poison".to_owned()),
            (4, "poison".to_owned()),
            (5, "poison".to_owned()),
            (6, "unknown_kind".to_owned())
        ]
    );
    assert!(
        incidents.to_string().contains("add up") || incidents.to_string().contains("comes to"),
        "{incidents}"
    );
    // A person lets one go; the rest waits.
    let id = incidents["items"][0]["id"].as_str().unwrap();
    assert_eq!(
        world.send(post(&format!("/api/v1/sync/incidents/{id}/drop"), Some(&token), &json!({}))).await.status,
        204
    );
    assert_eq!(
        world.send(post(&format!("/api/v1/sync/incidents/{id}/drop"), Some(&token), &json!({}))).await.status,
        409
    );
    let rival = world.sign_in("rival").await;
    let id = incidents["items"][1]["id"].as_str().unwrap();
    assert_eq!(
        world
            .send(post(&format!("/api/v1/sync/incidents/{id}/replay"), Some(&rival), &json!({})))
            .await
            .status,
        404
    );
    assert_eq!(world.send(get("/api/v1/sync/incidents", &rival)).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_whole_batch_of_poison_is_taken_long_before_the_store_gives_up() {
    let world = World::new().await;
    let mut till = busy(&world, 1).await;
    let session =
        serde_json::from_str::<serde_json::Value>(till.journal[0].payload.get()).unwrap()["id"].clone();
    let session: Uuid = session.as_str().unwrap().parse().unwrap();
    assert_eq!(world.push(&till, 1, 2).await.status, 200);
    // Each proves well by itself and stands in a good chain, and none can be written: its number was used by the first.
    for _ in 0..sync_protocol::wire::MAX_BATCH_ENTRIES {
        till.sell(session, 1);
    }
    let started = std::time::Instant::now();
    let answer = world.push(&till, 3, sync_protocol::wire::MAX_BATCH_ENTRIES).await;
    let took = started.elapsed();
    assert_eq!(answer.status, 200, "{}", answer.json());
    println!("{} poison entries took {took:?}", sync_protocol::wire::MAX_BATCH_ENTRIES);
    assert!(took < std::time::Duration::from_secs(45), "a batch has a minute: {took:?}");
    let poison = i64::try_from(sync_protocol::wire::MAX_BATCH_ENTRIES).unwrap();
    assert_eq!(world.figure("select count(*) from incident where kind = 'poison'").await, poison);
    assert_eq!(counts(&world).await, (1, 2 + poison, 1, -2));
    // What waits is tried again, and takes no longer.
    let token = world.sign_in("demo").await;
    let incidents = world.send(get("/api/v1/sync/incidents?state=open&limit=1", &token)).await.json();
    let id = incidents["items"][0]["id"].as_str().unwrap();
    let replayed = world
        .send(post(&format!("/api/v1/sync/incidents/{id}/replay"), Some(&token), &json!({})))
        .await
        .json();
    assert_eq!(replayed, json!({ "replayed": 0, "waiting": poison, "finished": true }));
}

#[tokio::test]
async fn an_entry_of_a_box_whose_clock_said_1970_waits_for_a_person_and_holds_up_nothing() {
    let world = World::new().await;
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    let session = Uuid::now_v7();
    till.open_session(session);
    let mut old = sale(session, 1, "12.00");
    old["business_date"] = json!("1970-01-01");
    till.write("sale_completed", &old);
    let last = till.journal.last_mut().unwrap();
    last.occurred_at = chrono::DateTime::UNIX_EPOCH;
    last.business_date = "1970-01-01".parse().unwrap();
    // Its envelope says today, it says a year that is closed.
    let mut forged = sale(session, 2, "12.00");
    forged["business_date"] = json!("2024-12-31");
    till.write("sale_completed", &forged);
    till.sell(session, 3);
    till.rehash();
    assert_eq!(world.push(&till, 1, 4).await.status, 200);
    assert_eq!(counts(&world).await, (1, 4, 1, -2));
    assert_eq!(
        world.figure("select count(*) from incident where kind = 'poison' and sequence in (2, 3)").await,
        2
    );
}

#[tokio::test]
async fn what_a_person_has_put_right_is_replayed_once() {
    let world = World::new().await;
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    // Something stands where the store's facts belong.
    let sessions = [Uuid::now_v7(), Uuid::now_v7()];
    for session in sessions {
        till.open_session(session);
        blocking(&world, session).await;
    }
    till.sell(sessions[0], 1);
    assert_eq!(world.push(&till, 1, 3).await.status, 200);
    assert_eq!(counts(&world).await, (1, 3, 1, -2));
    let token = world.sign_in("demo").await;
    let incidents = world.send(get("/api/v1/sync/incidents?state=open", &token)).await.json();
    assert_eq!(incidents["items"].as_array().unwrap().len(), 2);
    let id = incidents["items"][0]["id"].as_str().unwrap();
    let replay = || post(&format!("/api/v1/sync/incidents/{id}/replay"), Some(&token), &json!({}));
    assert_eq!(world.send(replay()).await.json(), json!({ "replayed": 0, "waiting": 2, "finished": true }));
    unblock(&world).await;
    assert_eq!(world.send(replay()).await.json(), json!({ "replayed": 2, "waiting": 0, "finished": true }));
    assert_eq!(world.send(replay()).await.status, 409);
    assert_eq!(world.figure("select count(*) from register_session").await, 2);
    assert_eq!(world.push(&till, 1, 3).await.status, 200);
    assert_eq!(counts(&world).await, (1, 3, 1, -2));
}

async fn blocking(world: &World, session: Uuid) {
    sqlx::query(
        "insert into register_session values ($1, $2, $3, $4, 'R01', 'R01', '2026-11-24', 'GBP', now(), $3, 'In the way', 0)",
    )
    .bind(world.demo.id)
    .bind(world.demo.stores[0])
    .bind(session)
    .bind(Uuid::from_u128(1))
    .execute(world.database.owner())
    .await
    .unwrap();
}

async fn unblock(world: &World) {
    let mut owner = world.database.owner().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica",
        "delete from register_session where opened_by_name = 'In the way'",
        "set session_replication_role = origin",
    ] {
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_an_upgrade_replays_by_itself_when_hq_starts() {
    let world = World::new().await;
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    till.open_session(Uuid::now_v7());
    till.journal[0].kind = "kind_of_tomorrow".to_owned();
    till.rehash();
    assert_eq!(world.push(&till, 1, 1).await.status, 200);
    assert_eq!(
        world.figure("select count(*) from incident where kind = 'unknown_kind' and state = 'open'").await,
        1
    );
    // The next release knows it.
    let mut owner = world.database.owner().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica",
        "update received_entry set kind = 'register_session_opened'",
        "set session_replication_role = origin",
    ] {
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let worker =
        tokio::spawn(hq_server::sync::bell::run(world.state.clone(), world.hub.clone(), stop.clone()));
    let replayed = async {
        while world.figure("select count(*) from incident where state = 'open'").await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), replayed).await.unwrap();
    assert_eq!(world.figure("select count(*) from register_session").await, 1);
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn an_hq_that_lost_its_last_hours_asks_for_them_and_gets_them_once() {
    let world = World::new().await;
    let till = busy(&world, 9).await;
    world.push(&till, 1, 10).await;
    // A backup is put back: entries, facts and watermark are those of an earlier hour.
    let mut owner = world.database.owner().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica",
        "delete from received_entry where sequence > 6",
        "delete from stock_movement where document_id in (select id from sale where number > 5)",
        "delete from payment where sale_id in (select id from sale where number > 5)",
        "delete from sale_line_tax where sale_id in (select id from sale where number > 5)",
        "delete from sale_line where sale_id in (select id from sale where number > 5)",
        "delete from sale where number > 5",
        "delete from hourly_sales",
        "delete from daily_sales",
        "update stock set on_hand = -10",
        "update journal_watermark set sequence = 6, hash = (select hash from received_entry where sequence = 6)",
        "update journal_stream set sequence = 6, hash = (select hash from received_entry where sequence = 6)",
        "set session_replication_role = origin",
    ] {
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
    let page = world.pull(&till, None).await;
    assert_eq!(page.head.watermark.sequence, 6, "the feed's head says so");
    assert_eq!(page.head.watermark.hash, till.journal[5].hash);
    let mut till = till;
    till.open_session(Uuid::now_v7());
    let answer = world.push(&till, 11, 1).await;
    assert_eq!(answer.json()["expected"], 7);
    assert_eq!(world.push(&till, 7, 5).await.status, 200);
    assert_eq!(counts(&world).await, (9, 11, 4, -18));
}

#[tokio::test]
async fn a_store_cannot_speak_for_another() {
    let world = World::new().await;
    let till = busy(&world, 1).await;
    let mut other = world.boxed("demo", world.demo.stores[1]).await;
    other.journal = till.journal.clone();
    // Its own incarnation, another's entries: their hashes are of the other life.
    assert_eq!(world.push(&other, 1, 2).await.json()["type"], PROBLEM_FORKED);
    // Another's incarnation.
    let mut thief = world.boxed("rival", world.rival.stores[0]).await;
    thief.incarnation = till.incarnation;
    thief.journal = till.journal.clone();
    assert_eq!(world.push(&thief, 1, 2).await.status, 400);
    assert_eq!(counts(&world).await.1, 0);
}

#[tokio::test]
async fn broken_deep_oversized_and_bomb_bodies_are_refused_before_they_are_believed() {
    let world = World::new().await;
    let till = busy(&world, 1).await;
    let good = serde_json::to_vec(&till.batch(1, 2)).unwrap();
    for end in [0, 1, good.len() / 2, good.len() - 1] {
        assert_eq!(world.send(till.post("/sync/v1/journal", good[..end].to_vec())).await.status, 400);
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(world.send(till.post("/sync/v1/journal", deep)).await.status, 400);
    assert_eq!(world.send(till.post("/sync/v1/journal", vec![b' '; 9 * 1024 * 1024])).await.status, 413);
    let bomb = zstd::encode_all(std::io::repeat(b' ').take_bytes(200_000_000), 3).unwrap();
    assert!(bomb.len() < 100_000);
    let mut request = till.post("/sync/v1/journal", bomb);
    request.headers_mut().insert(header::CONTENT_ENCODING, "zstd".parse().unwrap());
    assert_eq!(world.send(request).await.status, 413);
    let mut request = till.post("/sync/v1/journal", good.clone());
    request.headers_mut().insert(header::CONTENT_ENCODING, "zstd".parse().unwrap());
    assert_eq!(world.send(request).await.status, 400);
    assert_eq!(counts(&world).await.1, 0);
    let mut request = till.post("/sync/v1/journal", zstd::encode_all(good.as_slice(), 3).unwrap());
    request.headers_mut().insert(header::CONTENT_ENCODING, "zstd".parse().unwrap());
    assert_eq!(world.send(request).await.status, 200, "a good one goes compressed");
}

trait TakeBytes: std::io::Read + Sized {
    fn take_bytes(self, bytes: u64) -> std::io::Take<Self> {
        std::io::Read::take(self, bytes)
    }
}
impl<R: std::io::Read> TakeBytes for R {}

#[tokio::test]
async fn the_tail_of_a_store_that_was_closed_for_good_is_taken() {
    let world = World::new().await;
    let till = busy(&world, 2).await;
    sqlx::query("update store set archived_at = now() where id = $1")
        .bind(till.store)
        .execute(world.database.owner())
        .await
        .unwrap();
    assert_eq!(world.push(&till, 1, 3).await.status, 200);
    assert_eq!(counts(&world).await.0, 2);
}

#[tokio::test]
async fn what_a_store_offers_of_a_lost_history_waits_for_a_person() {
    let world = World::new().await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let line =
        json!({ "entity": "department", "id": Uuid::now_v7(), "position": 99, "record": { "name": "Lost" } })
            .to_string();
    for _ in 0..2 {
        assert_eq!(world.send(till.post("/sync/v1/offer", format!("{line}\n"))).await.status, 204);
    }
    assert_eq!(world.figure("select count(*) from incident where kind = 'feed_offered'").await, 1);
    assert_eq!(world.send(till.post("/sync/v1/offer", "{\"entity\":1}\n")).await.status, 422);
}

#[tokio::test]
async fn hq_sees_how_far_every_store_is() {
    let world = World::new().await;
    let till = busy(&world, 3).await;
    world.push(&till, 1, 4).await;
    let token = world.sign_in("demo").await;
    let stores = world.send(get("/api/v1/sync/stores", &token)).await.json();
    let items = stores["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["store_code"], "ST01");
    assert_eq!(items[0]["journal_received"], 4);
    assert_eq!(items[0]["enrolled"], true);
    assert_eq!(items[0]["last_event_at"], "2026-11-24T10:00:00.123456Z");
    assert_eq!(items[1]["enrolled"], false);
    assert!(items[1]["feed_behind"].as_i64().unwrap() > 0);
}
