//! The bell, over a real socket.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures_util::{SinkExt as _, StreamExt as _};
use hq_server::sync::bell;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{Till, World, get, post};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Served {
    address: String,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(world: &World) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("ws://{}/sync/v1/live", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let router = world.router.clone();
    let ended = stop.clone();
    tokio::spawn(async move {
        let _ = axum::serve(listener, router)
            .with_graceful_shutdown(async move { ended.cancelled().await })
            .await;
    });
    tokio::spawn(bell::run(world.state.clone(), world.hub.clone(), stop.clone()));
    Served { address, stop }
}

async fn connect(served: &Served, till: &Till, origin: Option<&str>) -> Result<Socket, Error> {
    let mut request = served.address.as_str().into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", till.token()).parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    // Small buffers, so that what HQ's end costs shows.
    let small = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    connect_async_with_config(request, Some(small), false).await.map(|(socket, _)| socket)
}

/// The next word; `None` when HQ hangs up.
async fn hear(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(Duration::from_secs(10), socket.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).ok(),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

async fn hear_until(socket: &mut Socket, of_type: &str) -> Value {
    loop {
        let word = hear(socket).await.unwrap();
        if word["type"] == of_type {
            return word;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_hello_and_that_the_feed_has_moved() {
    let world = World::new().await;
    let served = serve(&world).await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let mut socket = connect(&served, &till, None).await.unwrap();
    let hello = hear(&mut socket).await.unwrap();
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["watermark"]["sequence"], 0);
    let head = hello["head"].as_i64().unwrap();
    // Committed by something that wakes nobody here: another process, or a person at the database.
    sqlx::query("update department set name = 'new' where company_id = $1")
        .bind(world.demo.id)
        .execute(world.database.owner())
        .await
        .unwrap();
    sqlx::query("select pg_notify('tradepost_bell', '{\"type\":\"feed\"}')")
        .execute(world.database.owner())
        .await
        .unwrap();
    let feed = hear_until(&mut socket, "feed").await;
    assert!(feed["head"].as_i64().unwrap() > head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_asks_and_the_store_hears_it() {
    let world = World::new().await;
    let served = serve(&world).await;
    let store = world.demo.stores[0];
    let till = world.boxed("demo", store).await;
    let mut socket = connect(&served, &till, None).await.unwrap();
    hear_until(&mut socket, "hello").await;
    let token = world.sign_in("demo").await;
    // The listener may still be connecting: asking is repeated until it is heard, as a person would.
    for (path, word) in [("pull", "pull"), ("resync", "resync")] {
        let heard = async {
            loop {
                let asked = world
                    .send(post(&format!("/api/v1/stores/{store}/{path}"), Some(&token), &json!({})))
                    .await;
                assert_eq!(asked.status, 202);
                if let Ok(Some(heard)) = timeout(Duration::from_millis(500), hear(&mut socket)).await
                    && heard["type"] == word
                {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(20), heard).await.unwrap();
    }
    // What the store says of itself is seen.
    let hello = json!({ "type": "hello", "versions": { "software": "0.1.0", "feed_schema": 1 }, "incarnation": till.incarnation });
    let status = json!({ "type": "status", "position": 3, "pending": 7, "oldest_pending_at": "2026-11-24T10:00:00Z", "registers": 2 });
    for word in [hello, status] {
        socket.send(Message::Text(word.to_string().into())).await.unwrap();
    }
    let seen = async {
        loop {
            let stores = world.send(get("/api/v1/sync/stores", &token)).await.json();
            let one = stores["items"][0].clone();
            if one["online"] == true && one["journal_pending"] == 7 {
                assert_eq!(one["versions"]["software"], "0.1.0");
                assert_eq!(one["feed_position"], 3);
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), seen).await.unwrap();
    // A revoked key is hung up on.
    let revoked =
        world.send(post(&format!("/api/v1/stores/{store}/revoke-key"), Some(&token), &json!({}))).await;
    assert_eq!(revoked.status, 204);
    let hung_up = async { while hear(&mut socket).await.is_some() {} };
    timeout(Duration::from_secs(10), hung_up).await.unwrap();
    let gone = async {
        while world.send(get("/api/v1/sync/stores", &token)).await.json()["items"][0]["online"] == true {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_stores_and_not_for_browsers() {
    let world = World::new().await;
    let served = serve(&world).await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let refused = |result: Result<Socket, Error>| match result {
        Err(Error::Http(response)) => response.status(),
        _ => StatusCode::OK,
    };
    assert_eq!(refused(connect(&served, &till, Some("https://evil.example")).await), 403);
    let mut stranger = till.clone();
    stranger.key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    assert_eq!(refused(connect(&served, &stranger, None).await), 401);
    let mut socket = connect(&served, &till, None).await.unwrap();
    hear_until(&mut socket, "hello").await;
    socket.send(Message::Text("x".repeat(200_000).into())).await.unwrap();
    assert!(hear(&mut socket).await.is_none(), "a message over the limit ends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_many_idle_bells_hears_one_change_and_a_store_has_two_at_most() {
    let world = World::new().await;
    let served = serve(&world).await;
    let tills = many_stores(&world, 300).await;
    let mut sockets = Vec::new();
    for till in &tills {
        let mut socket = connect(&served, till, None).await.unwrap();
        hear_until(&mut socket, "hello").await;
        sockets.push(socket);
    }
    // One of them knocks again and again, and takes nobody else's place.
    let mut again = Vec::new();
    for _ in 0..5 {
        let mut socket = connect(&served, &tills[0], None).await.unwrap();
        hear_until(&mut socket, "hello").await;
        again.push(socket);
    }
    let latest = again.split_off(3);
    for mut hung_up in again.into_iter().chain(sockets.drain(..1)) {
        while hear(&mut hung_up).await.is_some() {}
    }
    sockets.extend(latest);
    sqlx::query("update department set name = 'new' where company_id = $1")
        .bind(world.demo.id)
        .execute(world.database.owner())
        .await
        .unwrap();
    world.state.wake.ring();
    let told = async {
        for socket in &mut sockets {
            hear_until(socket, "feed").await;
        }
    };
    timeout(Duration::from_secs(10), told).await.unwrap();
}

/// Boxes of as many stores, put into the database as enrolment would.
async fn many_stores(world: &World, count: u128) -> Vec<Till> {
    let mut tills = vec![world.boxed("demo", world.demo.stores[0]).await];
    for number in 1..count {
        let (store, key_id) = (Uuid::now_v7(), Uuid::now_v7());
        let till = Till { store, key_id, incarnation: Uuid::now_v7(), ..tills[0].clone() };
        sqlx::query(
            "with made as (insert into store (company_id, id, code, name, time_zone, currency)
                 values ($1, $2, 'M' || $3, 'M', 'Europe/London', 'GBP'))
             insert into store_key (company_id, id, store_id, incarnation, letter, signing_key, sealing_key, enrolled_at)
                 values ($1, $4, $2, $5, '', $6, $6, now())",
        )
        .bind(world.demo.id)
        .bind(store)
        .bind(number.to_string())
        .bind(key_id)
        .bind(till.incarnation)
        .bind(&till.key.verifying_key().as_bytes()[..])
        .execute(world.database.owner())
        .await
        .unwrap();
        tills.push(till);
    }
    tills
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_follow_each_other_closely_are_each_told_once_there_is_nothing_newer() {
    let world = World::new().await;
    let served = serve(&world).await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let mut socket = connect(&served, &till, None).await.unwrap();
    let mut told = hear_until(&mut socket, "hello").await["head"].as_i64().unwrap();
    let mut waits = Vec::new();
    for change in 0..30 {
        // Three at a time: what comes within the bell's pause is told at its end.
        for part in 0..3 {
            sqlx::query("update department set name = $2 where company_id = $1")
                .bind(world.demo.id)
                .bind(format!("{change} {part}"))
                .execute(world.database.owner())
                .await
                .unwrap();
            world.state.wake.ring();
        }
        let committed = Instant::now();
        let head = world.figure("select max(position) from feed_head").await;
        while told < head {
            let now = hear_until(&mut socket, "feed").await["head"].as_i64().unwrap();
            assert!(now > told, "a bell never says the same twice");
            told = now;
        }
        waits.push(committed.elapsed());
    }
    waits.sort();
    println!("half of the changes were told after {:?}, the last of them after {:?}", waits[15], waits[29]);
}
