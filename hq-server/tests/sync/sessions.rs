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
