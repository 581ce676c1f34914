//! A store's own report over HTTP.

use crate::common::*;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_store_knows_at_once_what_it_sold() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    for _ in 0..2 {
        let body = json!({
            "register_session_id": session,
            "lines": [{"id": Uuid::now_v7(), "sku": "MUG-RED", "quantity": "1"}],
            "payments": [{"id": Uuid::now_v7(), "tender": "cash", "amount": "10.00"}],
            "expected_total": "7.95"
        });
        shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
    }
    let report = async |query: &str| -> Value {
        let path = format!("/api/v1/reports/sales?{query}");
        shop.send(Some(&manager), "GET", &path, None).await.ok()
    };
    let today = report("group_by=store").await;
    assert_eq!(today["rows"][0]["key"], "ST01");
    assert_eq!(today["rows"][0]["label"], "High Street");
    assert_eq!(today["totals"]["sales"], 2);
    assert_eq!(today["totals"]["gross"], "15.90");
    // One entry for the session, one for each sale.
    assert_eq!(today["as_of"][0]["watermark"], 3);
    assert_eq!(today["currency"], "GBP");
    let tender = report("group_by=tender&store=ST01").await;
    assert_eq!(tender["rows"], json!([{"key": id(CASH), "label": "Cash", "sales": 2, "gross": "15.90"}]));
    let tax = report("group_by=tax").await;
    // 7.95 at 20 % included bears 1.33, twice.
    assert_eq!(tax["rows"][0]["tax"], "2.66");

    let refused = shop.send(Some(&manager), "GET", "/api/v1/reports/sales?store=ST02", None).await;
    let problem = refused.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["pointer"], "/store");
    let refused =
        shop.send(Some(&manager), "GET", "/api/v1/reports/sales?from=2026-02-01&to=2026-01-01", None).await;
    assert_eq!(refused.refused(422, "invalid-input")["errors"][0]["code"], "before_from");
}

#[tokio::test]
async fn a_cashier_sees_no_report() {
    let shop = Shop::open().await;
    let ana = shop.ana().await;
    shop.send(Some(&ana), "GET", "/api/v1/reports/sales", None).await.refused(403, "forbidden");
    shop.send(None, "GET", "/api/v1/reports/sales", None).await.refused(401, "not-signed-in");
}
