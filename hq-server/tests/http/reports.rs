//! Reports over HTTP: figures from the rollups, who may see them, what cannot be asked.

use crate::support::World;
use chrono::{TimeDelta, Utc};
use facts::Place;
use serde_json::{Value, json};
use shared_model::selling::SaleCompleted;
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_b0c4_7b1e_7cc2_8c2a_0000_0000_0000 + number)
}

/// A receipt of one line of 12.00, paid in cash with 20.00.
fn sale(number: u128, date: &str, hour: i16) -> SaleCompleted {
    let tax = |base: &str, amount: &str| json!({"tax_id": id(5), "code": "vat20", "name": "VAT 20 %", "rate": "20", "price_included": true, "base": base, "amount": amount});
    serde_json::from_value(json!({
        "id": id(1_000 + number), "register_session_id": id(1), "register_id": id(2), "register_code": "R01", "series": "R01",
        "number": number, "receipt_number": format!("ST01-R01-{number:06}"), "business_date": date,
        "completed_at": format!("{date}T{hour:02}:30:00Z"), "local_hour": hour, "cashier_id": id(3), "cashier_name": "Ana",
        "customer_id": null, "currency": "GBP",
        "lines": [{"id": id(2_000 + number), "variant_id": id(6), "product_id": id(7), "department_id": id(8), "department_name": "Mugs",
            "sku": "MUG", "name": "Red mug", "quantity": "2", "unit": "each", "regular_unit_price": "6", "unit_price": "6",
            "price_reason": {"kind": "listed", "price_id": id(9), "price_kind": "regular", "reason": ""}, "reductions": [], "reduction": "0.00",
            "net": "10.00", "tax": "2.00", "gross": "12.00", "taxes": [tax("10.00", "2.00")], "sales_rep_id": null,
            "movement_id": id(3_000 + number)}],
        "taxes": [tax("10.00", "2.00")],
        "payments": [{"id": id(4_000 + number), "tender_id": id(10), "tender_code": "cash", "tender_name": "Cash", "tender_kind": "cash",
            "amount": "20.00", "change": "8.00", "reference": null}],
        "net": "10.00", "tax": "2.00", "total": "12.00", "rounding": "0.00", "change": "8.00", "feed_position": 1
    }))
    .unwrap()
}

async fn store(world: &World, code: &str, currency: &str) -> Uuid {
    world
        .make(
            "/stores",
            json!({"code": code, "name": format!("Shop {code}"), "time_zone": "Europe/London", "currency": currency}),
        )
        .await
}

/// Writes receipts as ingest does.
async fn take(world: &World, store: Uuid, sales: &[SaleCompleted]) {
    let place = Place { company_id: world.company.into(), store_id: store.into() };
    let mut tx = world.state.pool.begin().await.unwrap();
    sqlx::query("select set_config('app.company_id', $1, true)")
        .bind(world.company.to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    facts::sales::write(&mut tx, place, sales).await.unwrap();
    facts::rollups::add(&mut tx, place, sales).await.unwrap();
    sqlx::query(
        "insert into journal_watermark (store_id, incarnation, sequence, hash, last_event_at, received_at)
         values ($1, $2, $3, sha256(''), $4, now())",
    )
    .bind(store)
    .bind(id(99))
    .bind(i64::try_from(sales.len()).unwrap())
    .bind(sales.last().map(|sale| sale.completed_at))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_report_says_what_was_sold_and_how_far_each_store_was_heard() {
    let world = World::new().await;
    let (one, two) = (store(&world, "ST01", "GBP").await, store(&world, "ST02", "GBP").await);
    store(&world, "ST03", "GBP").await;
    take(&world, one, &[sale(1, "2026-11-24", 9), sale(2, "2026-11-25", 9), sale(3, "2026-11-25", 14)]).await;
    take(&world, two, &[sale(1, "2026-11-25", 9)]).await;
    let report = async |query: &str| {
        world.get(&format!("/reports/sales?from=2026-11-24&to=2026-11-25&{query}")).await.expect(200)
    };

    let by_store = report("group_by=store").await;
    assert_eq!(
        by_store["rows"],
        json!([
            {"key": "ST01", "label": "Shop ST01", "sales": 3, "quantity": "6", "net": "30.00", "tax": "6.00", "gross": "36.00"},
            {"key": "ST02", "label": "Shop ST02", "sales": 1, "quantity": "2", "net": "10.00", "tax": "2.00", "gross": "12.00"},
        ])
    );
    assert_eq!(
        by_store["totals"],
        json!({"sales": 4, "quantity": "8", "net": "40.00", "tax": "8.00", "gross": "48.00", "rounding": "0.00", "non_sales": "0.00"})
    );
    assert_eq!(
        by_store["as_of"],
        json!([
            {"store": "ST01", "watermark": 3, "last_event_at": "2026-11-25T14:30:00Z"},
            {"store": "ST02", "watermark": 1, "last_event_at": "2026-11-25T09:30:00Z"},
        ])
    );
    assert_eq!((&by_store["currency"], &by_store["from"]), (&json!("GBP"), &json!("2026-11-24")));

    let keys = |report: &Value| -> Vec<(String, i64)> {
        let rows = report["rows"].as_array().unwrap();
        rows.iter()
            .map(|row| (row["key"].as_str().unwrap().to_owned(), row["sales"].as_i64().unwrap()))
            .collect()
    };
    assert_eq!(keys(&report("group_by=hour").await), [("09".to_owned(), 3), ("14".to_owned(), 1)]);
    assert_eq!(keys(&report("").await), [("2026-11-24".to_owned(), 1), ("2026-11-25".to_owned(), 3)]);
    assert_eq!(keys(&report("group_by=register&store=ST01").await), [("ST01-R01".to_owned(), 3)]);
    let tender = report("group_by=tender&store=ST01,ST02").await;
    assert_eq!(tender["rows"], json!([{"key": id(10), "label": "Cash", "sales": 4, "gross": "48.00"}]));
    let nothing = report("group_by=product&store=ST03").await;
    assert_eq!(
        (&nothing["rows"], &nothing["totals"]["sales"], &nothing["as_of"]),
        (&json!([]), &json!(0), &json!([]))
    );

    // Today, where nothing is said.
    let today = world.get("/reports/sales").await.expect(200);
    let dates: Vec<String> =
        [-1, 0, 1].map(|days| (Utc::now() + TimeDelta::days(days)).date_naive().to_string()).to_vec();
    assert!(dates.contains(&today["from"].as_str().unwrap().to_owned()), "{today}");
}

#[tokio::test]
async fn another_company_and_somebody_without_the_permission_see_nothing() {
    let world = World::new().await;
    let shop = store(&world, "ST01", "GBP").await;
    take(&world, shop, &[sale(1, "2026-11-25", 9)]).await;
    let path = "/api/v1/reports/sales?from=2026-11-25&to=2026-11-25&group_by=day";
    let get = axum::http::Method::GET;
    let stranger = world.call(get.clone(), path, &world.stranger, None, &[]).await.expect(200);
    assert_eq!((&stranger["rows"], &stranger["totals"]["gross"]), (&json!([]), &json!("0.00")));
    let named = world.call(get.clone(), &format!("{path}&store=ST01"), &world.stranger, None, &[]).await;
    assert_eq!(named.refused(422), ("/store".to_owned(), "unknown_store".to_owned()));
    let ops = world.person("ops", world.role("ops").await).await;
    world.call(get.clone(), path, &ops, None, &[]).await.refused(403);
    world.call(get, path, "", None, &[]).await.refused(401);
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let world = World::new().await;
    store(&world, "ST01", "GBP").await;
    store(&world, "CH01", "CHF").await;
    for (query, pointer, code) in [
        ("store=ST01&from=2026-11-25&to=2026-11-24", "/to", "before_from"),
        ("store=ST01&from=1900-01-01&to=2026-11-24", "/to", "too_long"),
        ("store=ST01,XX", "/store", "unknown_store"),
        ("store=", "/store", "unknown_store"),
        ("", "/store", "several_currencies"),
        ("store=ST01&limit=0", "/limit", "out_of_range"),
        ("store=ST01&limit=100001", "/limit", "out_of_range"),
    ] {
        let refused = world.get(&format!("/reports/sales?{query}")).await.refused(422);
        assert_eq!(refused, (pointer.to_owned(), code.to_owned()), "{query}");
    }
    for query in
        ["from=yesterday", "to=2026-13-01", "group_by=weekday", "colour=red", "limit=-1", "limit=many"]
    {
        let (pointer, _) = world.get(&format!("/reports/sales?store=ST01&{query}")).await.refused(422);
        let name = query.split('=').next().unwrap();
        assert!(pointer.ends_with(name) || pointer.is_empty(), "{query}: {pointer}");
    }
}
