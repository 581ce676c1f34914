//! What HQ believes of a session: its sales beside it, its Z beside its sales.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Till, World, get, post, sale};

/// The Z of a session with this many sales of 12.00 in cash over a float of 100.00.
fn z(session: Uuid, number: i32, sales: i32) -> Value {
    let times = |amount: i32| format!("{}.00", amount * sales);
    json!({
        "register_session_id": session, "series": "R01", "z_number": number, "business_date": "2026-11-24",
        "closed_at": "2026-11-24T18:00:00Z", "closed_by": Uuid::from_u128(2), "closed_by_name": "Ana",
        "sales": sales, "net": times(10), "tax": times(2), "gross": times(12), "rounding": "0.00",
        "tenders": [{
            "tender_id": Uuid::from_u128(8), "tender_code": "cash", "tender_name": "Cash", "payments": sales,
            "expected": format!("{}.00", 100 + 12 * sales), "counted": "130.00",
        }],
    })
}

async fn reasons(world: &World) -> Vec<String> {
    sqlx::query_scalar("select reason from incident where state = 'open' order by sequence")
        .fetch_all(world.database.owner())
        .await
        .unwrap()
}

async fn closes(world: &World) -> i64 {
    world.figure("select count(*) from register_session_close").await
}

async fn with_a_session(world: &World, sales: i32) -> (Till, Uuid) {
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    let session = Uuid::now_v7();
    till.open_session(session);
    for number in 1..=sales {
        till.sell(session, number);
    }
    (till, session)
}

async fn push_all(world: &World, till: &Till) {
    let answer = world.push(till, 1, till.journal.len()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[tokio::test]
async fn a_z_that_its_sales_come_to_is_taken_and_an_empty_one_too() {
    let world = World::new().await;
    let (mut till, session) = with_a_session(&world, 3).await;
    till.write("register_session_closed", &z(session, 1, 3));
    let empty = Uuid::now_v7();
    till.open_session(empty);
    till.write("register_session_closed", &z(empty, 2, 0));
    push_all(&world, &till).await;
    assert_eq!(reasons(&world).await, Vec::<String>::new());
    assert_eq!(closes(&world).await, 2);
}

#[tokio::test]
async fn a_z_that_says_something_else_than_its_sales_waits_for_a_person_and_changes_nothing() {
    let world = World::new().await;
    let (mut till, session) = with_a_session(&world, 2).await;
    let changes: [(&str, Value, &str); 12] = [
        ("/net", json!("0.00"), "net is 0 in it and 20 in"),
        ("/tax", json!("0.00"), "tax is 0 in it and 4 in"),
        ("/gross", json!("25.00"), "gross is 25"),
        ("/rounding", json!("0.01"), "rounding is 0.01"),
        ("/sales", json!(3), "receipts is 3 in it and 2 in"),
        ("/business_date", json!("2026-11-23"), "envelope"),
        ("/series", json!("R02"), "envelope"),
        ("/register_session_id", json!(Uuid::now_v7()), "not known"),
        ("/tenders/0/expected", json!("24.00"), "the float is nothing"),
        ("/tenders/0/expected", json!("100.00"), "is 100 in it and 24 in"),
        ("/tenders/0/payments", json!(1), "the payments by"),
        ("/tenders/0/tender_id", json!(Uuid::from_u128(9)), "the payments by"),
    ];
    for (pointer, value, _) in &changes {
        let mut wrong = z(session, 1, 2);
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        till.write("register_session_closed", &wrong);
    }
    for what in ["closed_by_name", "tenders"] {
        let mut wrong = z(session, 1, 2);
        wrong[what] = match what {
            "tenders" => json!(vec![wrong["tenders"][0].clone(); 201]),
            _ => json!("x".repeat(100_000)),
        };
        till.write("register_session_closed", &wrong);
    }
    push_all(&world, &till).await;
    push_all(&world, &till).await;
    let found = reasons(&world).await;
    assert_eq!(found.len(), changes.len() + 2, "{found:#?}");
    for ((pointer, value, part), reason) in changes.iter().zip(&found) {
        assert!(reason.contains(part), "{pointer} {value}: {reason}");
        assert!(reason.len() < 1_000, "{reason}");
    }
    assert_eq!(closes(&world).await, 0);
    assert_eq!(world.figure("select sum(gross)::bigint from sale").await, 24);
    // The true one is not hindered by them.
    let so_far = till.journal.len();
    till.write("register_session_closed", &z(session, 1, 2));
    assert_eq!(world.push(&till, so_far + 1, 1).await.status, 200);
    assert_eq!((closes(&world).await, reasons(&world).await.len()), (1, changes.len() + 2));
}

#[tokio::test]
async fn a_session_that_was_opened_under_a_wrong_clock_is_closed_here_too_and_sold_in_it_is_nothing() {
    let world = World::new().await;
    let (mut till, session) = with_a_session(&world, 2).await;
    till.write("register_session_closed", &z(session, 1, 1));
    // The box came up with its board's date, sold once, and then heard the time.
    let wrong = "2025-01-01";
    for (entry, at) in till.journal.iter_mut().zip([wrong, wrong, "2026-11-24", "2026-11-24"]) {
        entry.occurred_at = format!("{at}T10:00:00Z").parse().unwrap();
        entry.business_date = wrong.parse().unwrap();
        let mut payload: Value = serde_json::from_str(entry.payload.get()).unwrap();
        payload["business_date"] = json!(wrong);
        entry.payload = sync_protocol::RawJson::of(&payload).unwrap();
    }
    till.rehash();
    push_all(&world, &till).await;
    let found = reasons(&world).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("it happened on 2026-11-24 and counts for the business date 2025-01-01"),
        "{found:#?}"
    );
    assert_eq!((closes(&world).await, world.figure("select count(*) from sale").await), (1, 1));
}

#[tokio::test]
async fn a_z_waits_for_a_sale_that_waits_and_is_taken_with_it() {
    let world = World::new().await;
    let (mut till, session) = with_a_session(&world, 1).await;
    // A sale in a form that only the next release knows, in the middle of the session.
    till.write_version("sale_completed", 2, &sale(session, 2, "12.00"));
    till.sell(session, 3);
    till.write("register_session_closed", &z(session, 1, 3));
    push_all(&world, &till).await;
    assert_eq!((closes(&world).await, reasons(&world).await.len()), (0, 2));
    let mut owner = world.database.owner().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica",
        "update received_entry set version = 1 where version = 2",
        "set session_replication_role = origin",
    ] {
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
    let token = world.sign_in("demo").await;
    let incidents = world.send(get("/api/v1/sync/incidents?state=open", &token)).await.json();
    let id = incidents["items"][0]["id"].as_str().unwrap();
    let replay = || post(&format!("/api/v1/sync/incidents/{id}/replay"), Some(&token), &json!({}));
    // Two people at once: one of them does it.
    let (one, other) = tokio::join!(world.send(replay()), world.send(replay()));
    let mut replayed: Vec<Value> =
        [one, other].iter().map(|answer| answer.json()["replayed"].clone()).collect();
    replayed.sort_by_key(Value::as_u64);
    assert_eq!(replayed.last(), Some(&json!(2)), "{replayed:?}");
    assert_eq!((closes(&world).await, reasons(&world).await.len()), (1, 0));
    assert_eq!(world.figure("select sum(sales)::bigint from hourly_sales").await, 3);
}

#[tokio::test]
async fn a_sale_that_does_not_fit_its_session_waits_and_so_does_a_session_in_another_currency() {
    let world = World::new().await;
    let (mut till, session) = with_a_session(&world, 1).await;
    let mut number = 1;
    for (field, value) in [
        ("register_session_id", json!(Uuid::now_v7())),
        ("register_id", json!(Uuid::from_u128(99))),
        ("currency", json!("EUR")),
    ] {
        number += 1;
        let mut stray = sale(session, number, "12.00");
        stray[field] = value;
        till.write("sale_completed", &stray);
    }
    let mut foreign = serde_json::from_str::<Value>(till.journal[0].payload.get()).unwrap();
    foreign["id"] = json!(Uuid::now_v7());
    foreign["currency"] = json!("JPY");
    foreign["opening_float"] = json!("100");
    till.write("register_session_opened", &foreign);
    till.sell(session, 5);
    push_all(&world, &till).await;
    let found = reasons(&world).await;
    assert_eq!(found.len(), 4, "{found:#?}");
    for (part, reason) in
        ["session is not known", "the register is", "the currency is EUR", "the store sells in GBP"]
            .iter()
            .zip(&found)
    {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(world.figure("select count(*) from sale").await, 2);
    assert_eq!(world.figure("select count(*) from register_session").await, 1);
}

/// A session with two sales and its Z, all of them within a clock that said this.
async fn under_a_clock_of(world: &World, day: &str) -> (Till, Uuid) {
    let (mut till, session) = with_a_session(world, 2).await;
    till.write("register_session_closed", &z(session, 1, 2));
    for entry in &mut till.journal {
        entry.occurred_at = format!("{day}T10:00:00Z").parse().unwrap();
        entry.business_date = day.parse().unwrap();
        let mut payload: Value = serde_json::from_str(entry.payload.get()).unwrap();
        payload["business_date"] = json!(day);
        entry.payload = sync_protocol::RawJson::of(&payload).unwrap();
    }
    till.rehash();
    (till, session)
}

fn how(token: &str, incident: &str, body: &Value) -> axum::http::Request<axum::body::Body> {
    post(&format!("/api/v1/sync/incidents/{incident}/replay"), Some(token), body)
}

#[tokio::test]
async fn what_says_that_it_happened_after_it_was_here_waits_until_a_person_accepts_its_dates() {
    let world = World::new().await;
    let (mut till, session) = under_a_clock_of(&world, "2099-03-01").await;
    // Of the same day, and wrong in itself: accepting dates accepts nothing else.
    let mut wrong = sale(session, 3, "13.00");
    wrong["business_date"] = json!("2099-03-01");
    till.write("sale_completed", &wrong);
    // Of another day, at which nobody has looked.
    let mut other = sale(session, 4, "12.00");
    other["business_date"] = json!("2098-01-01");
    till.write("sale_completed", &other);
    for (entry, day) in till.journal.iter_mut().skip(4).zip(["2099-03-01", "2098-01-01"]) {
        entry.occurred_at = format!("{day}T10:00:00Z").parse().unwrap();
        entry.business_date = day.parse().unwrap();
    }
    till.rehash();
    push_all(&world, &till).await;
    let found = reasons(&world).await;
    assert_eq!(found.len(), 6, "{found:#?}");
    assert!(found[0].contains("a clock was wrong: it happened on 2099-03-01"), "{found:#?}");
    assert!(found[1].contains(", and was here on 20"), "{found:#?}");
    assert_eq!(world.figure("select count(*) from hourly_sales").await, 0);

    let token = world.sign_in("demo").await;
    let incidents = world.send(get("/api/v1/sync/incidents?state=open", &token)).await.json();
    let second = incidents["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|incident| incident["sequence"] == 2)
        .unwrap()["id"]
        .as_str()
        .unwrap();
    // Trying again is no acceptance.
    let tried = world.send(how(&token, second, &json!({}))).await.json();
    assert_eq!(tried, json!({ "replayed": 0, "waiting": 6, "finished": true }));
    // Two people at once, about a sale whose session waits too.
    let accept = json!({ "accept_dates": true });
    let (one, other) =
        tokio::join!(world.send(how(&token, second, &accept)), world.send(how(&token, second, &accept)));
    let replayed: u64 =
        [one, other].iter().map(|answer| answer.json()["replayed"].as_u64().unwrap_or(0)).sum();
    assert_eq!(replayed, 4);
    assert_eq!(world.send(how(&token, second, &accept)).await.status, 409);
    push_all(&world, &till).await;
    let left = reasons(&world).await;
    assert_eq!(left.len(), 2, "{left:#?}");
    assert!(!left[0].contains("clock") && left[1].contains("clock"), "{left:#?}");
    assert_eq!(closes(&world).await, 1);
    assert_eq!(world.figure("select count(*) from sale").await, 2);
    assert_eq!(world.figure("select sum(sales)::bigint from hourly_sales").await, 2);
    // Who, when, and what.
    assert_eq!(
        world
            .figure(
                "select count(*) from incident where state = 'replayed' and closed_by is not null
                 and detail @> '{\"dates_accepted\": true}'"
            )
            .await,
        4
    );
    assert_eq!(
        world
            .figure(
                "select sum((after ->> 'replayed')::bigint)::bigint from audit where action = 'incident.replay'
                 and after ->> 'accepted_business_date' = '2099-03-01' and actor_id is not null"
            )
            .await,
        4
    );
}

#[tokio::test]
async fn the_day_that_begins_first_on_earth_is_not_ahead() {
    let world = World::new().await;
    // 14 hours before UTC it may be tomorrow already, and a clock may go an hour wrong besides.
    let soon = chrono::Utc::now() + chrono::TimeDelta::hours(15);
    let (mut till, _) = under_a_clock_of(&world, &soon.date_naive().to_string()).await;
    for entry in &mut till.journal {
        entry.occurred_at = soon;
    }
    till.rehash();
    push_all(&world, &till).await;
    assert_eq!(reasons(&world).await, Vec::<String>::new());
    assert_eq!(closes(&world).await, 1);
}

#[tokio::test]
async fn sales_far_from_the_day_of_their_session_go_in_with_its_z_when_a_person_accepts_them() {
    let world = World::new().await;
    let (mut till, _) = under_a_clock_of(&world, "2025-01-01").await;
    // The time was set while the session was open.
    for entry in till.journal.iter_mut().skip(1) {
        entry.occurred_at = "2026-11-24T10:00:00Z".parse().unwrap();
    }
    till.rehash();
    push_all(&world, &till).await;
    assert_eq!((closes(&world).await, reasons(&world).await.len()), (0, 3));
    let token = world.sign_in("demo").await;
    let incidents = world.send(get("/api/v1/sync/incidents?state=open", &token)).await.json();
    let of_the_z = incidents["items"].as_array().unwrap().iter().find(|incident| incident["sequence"] == 4);
    let of_the_z = of_the_z.unwrap()["id"].as_str().unwrap();
    let done = world.send(how(&token, of_the_z, &json!({ "accept_dates": true }))).await.json();
    assert_eq!(done, json!({ "replayed": 3, "waiting": 0, "finished": true }));
    assert_eq!((closes(&world).await, world.figure("select count(*) from sale").await), (1, 2));
}

#[tokio::test]
async fn a_queue_of_more_than_a_step_is_tried_to_its_end_from_wherever_a_person_begins() {
    let world = World::new().await;
    let mut till = world.boxed("demo", world.demo.stores[0]).await;
    let session = Uuid::now_v7();
    // The session comes in a form of the next release, so all its sales wait: more than are tried in one transaction.
    till.open_session(session);
    till.journal[0].version = 2;
    for number in 1..=700 {
        till.sell(session, number);
    }
    till.write("register_session_closed", &z(session, 1, 700));
    till.rehash();
    for first in (1..=till.journal.len()).step_by(200) {
        let many = 200.min(till.journal.len() + 1 - first);
        assert_eq!(world.push(&till, first, many).await.status, 200);
    }
    assert_eq!(reasons(&world).await.len(), 702);
    let mut owner = world.database.owner().acquire().await.unwrap();
    for statement in [
        "set session_replication_role = replica",
        "update received_entry set version = 1 where version = 2",
        "set session_replication_role = origin",
    ] {
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
    let token = world.sign_in("demo").await;
    let last: Uuid = sqlx::query_scalar("select id from incident where sequence = 702")
        .fetch_one(world.database.owner())
        .await
        .unwrap();
    let done = world.send(how(&token, &last.to_string(), &json!({}))).await.json();
    assert_eq!(done, json!({ "replayed": 702, "waiting": 0, "finished": true }));
    assert_eq!(world.figure("select count(*) from audit where action = 'incident.replay'").await, 2);
    assert_eq!((closes(&world).await, world.figure("select count(*) from sale").await), (1, 700));
}
