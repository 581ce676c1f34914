//! What the server shows: its document, who may do what, and what it does with nonsense.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use server_kit::serve;
use server_kit::testing::bad_input::BadInput;
use sign_in::Pins;
use store_server::server;
use store_server::sync::SyncHandle;
use uuid::Uuid;

use crate::common::*;

fn document() -> utoipa::openapi::OpenApi {
    let (handle, _end) = SyncHandle::new();
    serve::openapi(server::surface(&handle, Pins::OnPairedDevices, None))
}

#[test]
fn the_committed_openapi_document_is_the_servers() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../web-client/openapi/store.json"))
            .unwrap();
    let committed: Value = serde_json::from_str(&committed).unwrap();
    let now = serde_json::to_value(document()).unwrap();
    assert!(committed == now, "write it anew: store-server openapi > web-client/openapi/store.json");
}

/// Each route with the permission that it asks for; none: whoever is signed in, or anybody.
const ROUTES: &[(&str, &str, Option<&str>)] = &[
    ("post", "/auth/sign-in", None),
    ("post", "/auth/refresh", None),
    ("post", "/auth/sign-out", None),
    ("get", "/auth/me", None),
    ("get", "/register-sessions", Some("sale.ring_up")),
    ("put", "/register-sessions/{id}", Some("session.open")),
    ("get", "/register-sessions/{id}", Some("sale.ring_up")),
    ("post", "/register-sessions/{id}/count", Some("session.close")),
    ("post", "/register-sessions/{id}/close", Some("session.close")),
    ("get", "/register-sessions/{id}/x-report", Some("session.x")),
    ("post", "/register-sessions/{id}/x-report", Some("session.x")),
    ("get", "/register-sessions/{id}/z-report", Some("session.close")),
    ("post", "/register-sessions/{id}/z-report", Some("session.close")),
    ("put", "/sales/{id}", Some("sale.ring_up")),
    ("get", "/sales/{id}", Some("sale.ring_up")),
    ("get", "/sales", Some("sale.ring_up")),
    ("get", "/receipts/{id}", Some("sale.ring_up")),
    ("get", "/products", Some("product.read")),
    ("get", "/products/by-barcode/{code}", Some("product.read")),
    ("get", "/reports/sales", Some("report.read")),
    ("get", "/sync/status", Some("sync.read")),
    ("post", "/sync/now", Some("sync.now")),
];

#[tokio::test]
async fn every_route_asks_every_role_for_its_permission() {
    let shop = Shop::open().await;
    let document = serde_json::to_value(document()).unwrap();
    let mut there = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "put", "post", "patch", "delete"].contains(&key.as_str()))
        {
            there.insert((method.clone(), path.strip_prefix("/api/v1").unwrap().to_owned()));
        }
    }
    let listed: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(there, listed, "the table and the document name the same routes");

    let body = |path: &str| match path {
        "/register-sessions/{id}" => json!({"register": "R01", "opening_float": "0"}),
        "/register-sessions/{id}/count" => json!({"counted": []}),
        "/sales/{id}" => simple_sale(Uuid::now_v7(), "MUG-RED", "1", "7.95"),
        _ => json!({}),
    };
    for (login, pin) in [("manager", "9999"), ("ana", "1234"), ("ops", "8888")] {
        let token = shop.token(login, pin).await;
        let me = shop.send(Some(&token), "GET", "/api/v1/auth/me", None).await.ok();
        let may: Vec<&str> = me["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for (method, path, permission) in ROUTES {
            let Some(permission) = permission else { continue };
            let address =
                path.replace("{id}", &Uuid::now_v7().to_string()).replace("{code}", "5000000000017");
            let body = (*method != "get").then(|| body(path));
            let call = |token: Option<String>| {
                let (shop, address, body) = (&shop, format!("/api/v1{address}"), body.clone());
                async move { shop.send(token.as_deref(), &method.to_uppercase(), &address, body).await }
            };
            call(None).await.refused(401, "not-signed-in");
            let answer = call(Some(token.clone())).await;
            if may.contains(permission) {
                assert_ne!(answer.status, 403, "{login} may {method} {path}: {}", answer.text);
            } else {
                let problem = answer.refused(403, "forbidden");
                assert_eq!(problem["permission"], **permission, "{login} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn nonsense_is_refused_by_a_problem_and_leaves_nothing_behind() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let sale = Uuid::now_v7();
    shop.put_sale(&manager, sale, &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    // Another store's token is signed with another store's key.
    let elsewhere = Shop::open().await;
    let strangers = [("another store's", elsewhere.manager().await)];
    let left_out = &[("post_sign_out", "whatever the token, one is signed out after it")];
    let bad = BadInput {
        router: shop.router.clone(),
        document: serde_json::to_value(document()).unwrap(),
        token: &manager,
        strangers: &strangers,
        existing: &|path| {
            let id = if path.starts_with("/api/v1/register-sessions") { session } else { sale };
            let put_is_new = path == "/api/v1/sales/{id}";
            Some(
                path.replace("{id}", &if put_is_new { sale } else { id }.to_string())
                    .replace("{code}", "5000000000017"),
            )
        },
        body: &|operation| match operation {
            "put_sale" => Some(simple_sale(session, "MUG-RED", "1", "7.95")),
            // Refused as it stands: else an unknown id would become a session.
            "open_session" => Some(json!({"register": "R01", "opening_float": "10.00"})),
            "count_session" | "close_session" => {
                Some(json!({"counted": [{"tender": "cash", "amount": "107.95"}]}))
            }
            "post_sign_in" => Some(json!({"login": "ana", "password": "wrong password"})),
            _ => None,
        },
        left_out,
    };
    let findings = bad
        .run(async || {
            let mut counts = String::new();
            for table in [
                "sale",
                "sale_line",
                "payment",
                "stock_movement",
                "journal",
                "register_session",
                "register_session_close",
                "register_session_count",
                "sale_request",
            ] {
                counts.push_str(table);
                counts.push_str(&shop.count(table).await.to_string());
            }
            counts
        })
        .await;
    assert_eq!(findings.operations + left_out.len(), ROUTES.len());
    assert!(findings.wrong.is_empty(), "{:#?}", findings.wrong);
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_without_its_data_says_so_and_is_not_ready() {
    let shop = Shop::empty().await;
    shop.send(None, "GET", "/health/ready", None).await.refused(503, "not-ready");
    assert_eq!(shop.send(None, "GET", "/health/live", None).await.status, 200);
    shop.stage_world().await;
    assert_eq!(shop.send(None, "GET", "/health/ready", None).await.status, 200);
    let metrics = shop.send(None, "GET", "/metrics", None).await;
    assert!(metrics.text.contains("sync_feed_position 1"), "{}", metrics.text);
    shop.set_password("manager@demo", "tradepost").await;
    let answer = shop
        .send(
            None,
            "POST",
            "/api/v1/auth/sign-in",
            Some(json!({"login": "manager", "password": "tradepost"})),
        )
        .await
        .ok();
    let token = answer["access_token"].as_str().unwrap();
    let status = shop.send(Some(token), "GET", "/api/v1/sync/status", None).await.ok();
    assert_eq!((&status["line"], &status["feed"]["position"]), (&json!("down"), &json!(1)));
    shop.send(Some(token), "POST", "/api/v1/sync/now", None).await.ok();
}
