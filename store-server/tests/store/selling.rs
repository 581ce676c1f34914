//! Selling over HTTP: what is rung up, what is refused, and what must hold when things happen at once or twice.

use std::sync::Arc;

use crate::common::*;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_day_at_a_register_from_float_to_z() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let sale = Uuid::now_v7();
    let body = json!({
        "register_session_id": session,
        "lines": [
            {"id": Uuid::now_v7(), "sku": "MUG-RED", "quantity": "2.000", "reduction": {"percent": "10.0", "reason": "Scratched"}},
            {"id": Uuid::now_v7(), "variant_id": id(SUGAR_VARIANT), "quantity": "0.375"},
            {"id": Uuid::now_v7(), "barcode": "5000000000017", "quantity": "1"},
        ],
        "payments": [{"id": Uuid::now_v7(), "tender": "card", "amount": "10.00"}, {"id": Uuid::now_v7(), "tender": "cash", "amount": "20.00"}],
        "expected_total": "23.01"
    });
    let rung_up = shop.put_sale(&manager, sale, &body).await.ok();
    assert_eq!(rung_up["receipt_number"], "ST01-R01-000001");
    assert_eq!(rung_up["total"], "23.01");
    assert_eq!(rung_up["change"], "6.99");
    assert_eq!(rung_up["feed_position"], 1);
    // 14.31 and 7.95 at 20 % included, line by line; sugar bears nothing.
    assert_eq!(rung_up["tax"], "3.72");

    // Again: the same answer, to the last byte of its value, and nothing more in the books.
    assert_eq!(shop.put_sale(&manager, sale, &body).await.ok(), rung_up);
    assert_eq!(shop.send(Some(&manager), "GET", &format!("/api/v1/sales/{sale}"), None).await.ok(), rung_up);
    assert_eq!(shop.count("sale").await, 1);
    let mut other = body.clone();
    other["lines"][1]["quantity"] = json!("0.400");
    shop.put_sale(&manager, sale, &other).await.refused(409, "different-body");

    let x = shop
        .send(Some(&manager), "GET", &format!("/api/v1/register-sessions/{session}/x-report"), None)
        .await
        .ok();
    assert_eq!(x["sales"], 1);
    assert_eq!(x["figures"]["gross"], "23.01");
    let cash = |report: &Value| {
        report["tenders"].as_array().unwrap().iter().find(|t| t["tender"] == "cash").unwrap().clone()
    };
    assert_eq!(cash(&x)["expected"], "113.01");

    // Renamed at HQ during the session: the Z speaks of it as the session knew it, and money is counted once.
    shop.checkpoint(
        2,
        false,
        vec![("tender", id(CASH), Some(tender("efectivo", "Efectivo", "cash", true, 1)))],
    )
    .await;
    let after = json!({
        "register_session_id": session,
        "lines": [{"id": Uuid::now_v7(), "sku": "MUG-RED", "quantity": "1"}],
        "payments": [{"id": Uuid::now_v7(), "tender": "efectivo", "amount": "7.95"}],
        "expected_total": "7.95"
    });
    assert_eq!(
        shop.put_sale(&manager, Uuid::now_v7(), &after).await.ok()["receipt_number"],
        "ST01-R01-000002"
    );
    let close = format!("/api/v1/register-sessions/{session}/close");
    let counted =
        json!({"counted": [{"tender": "cash", "amount": "120.00"}, {"tender": "card", "amount": "10.00"}]});
    let z = shop.send(Some(&manager), "POST", &close, Some(counted.clone())).await.ok();
    assert_eq!(z["z_number"], 1);
    assert_eq!(z["tenders"].as_array().unwrap().len(), 2);
    assert_eq!(cash(&z)["expected"], "120.96");
    assert_eq!(cash(&z)["difference"], "-0.96");
    assert_eq!(
        shop.send(Some(&manager), "POST", &close, Some(counted)).await.ok(),
        z,
        "closed twice is closed once"
    );
    shop.put_sale(&manager, Uuid::now_v7(), &after).await.refused(409, "session-closed");
    assert_eq!(shop.put_sale(&manager, sale, &body).await.ok(), rung_up, "even after the session was closed");

    let receipt = shop.send(Some(&manager), "GET", &format!("/api/v1/receipts/{sale}"), None).await;
    assert!(
        receipt.text.contains("ST01-R01-000001") && receipt.text.contains("Demo Ltd"),
        "{}",
        receipt.text
    );
    assert_eq!(shop.doctor().await, Vec::<String>::new());
    assert_eq!(shop.count("journal").await, 4);
}

#[tokio::test]
async fn what_is_wrong_is_named_and_leaves_nothing_behind() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let before = shop.count("journal").await;
    let line = |key: &str, value: Value| {
        let mut body = simple_sale(session, "MUG-RED", "1", "7.95");
        body["lines"][0][key] = value;
        body
    };
    let mut cases = vec![
        (line("quantity", json!("0")), "/lines/0/quantity"),
        (line("quantity", json!("-1")), "/lines/0/quantity"),
        (line("quantity", json!("1.5")), "/lines/0/quantity"),
        (line("quantity", json!("1000000000000000000000000000000")), "/lines/0/quantity"),
        (line("quantity", json!(1)), "/lines/0/quantity"),
        (line("sku", json!("NO-SUCH")), "/lines/0/sku"),
        (line("barcode", json!("1")), "/lines/0/variant_id"),
        (line("colour", json!("red")), "/lines/0/colour"),
        (line("unit_price", json!("-1")), "/lines/0/unit_price"),
        (line("reduction", json!({"percent": "101", "reason": "x"})), "/lines/0/reduction/percent"),
        (line("reduction", json!({"percent": "10", "amount": "1", "reason": "x"})), "/lines/0/reduction"),
    ];
    let mut unpaid = simple_sale(session, "MUG-RED", "1", "7.95");
    unpaid["payments"][0]["amount"] = json!("7.94");
    cases.push((unpaid, "/payments"));
    let mut tender = simple_sale(session, "MUG-RED", "1", "7.95");
    tender["payments"][0]["tender"] = json!("shells");
    cases.push((tender, "/payments/0/tender"));
    let mut card = simple_sale(session, "MUG-RED", "1", "7.95");
    card["payments"][0]["tender"] = json!("card");
    card["payments"][0]["amount"] = json!("10.00");
    cases.push((card, "/payments/0/amount"));
    cases.push((simple_sale(Uuid::now_v7(), "MUG-RED", "1", "7.95"), "/register_session_id"));
    for (body, pointer) in cases {
        let problem = shop.put_sale(&manager, Uuid::now_v7(), &body).await.refused(422, "invalid-input");
        let found = problem["errors"][0]["pointer"].as_str().unwrap();
        assert!(found.starts_with(pointer), "{found} is not {pointer}: {problem}");
    }
    let problem = shop
        .put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.00"))
        .await
        .refused(409, "total-differs");
    assert_eq!((&problem["total"], &problem["expected_total"]), (&json!("7.95"), &json!("7.00")));
    assert_eq!(shop.count("journal").await, before);
    assert_eq!(shop.count("sale").await, 0);
    // Refusals use up no number.
    let sale =
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    assert_eq!(sale["number"], 1);
}

#[tokio::test]
async fn a_label_that_bears_its_price_is_what_is_owed() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let mut body = simple_sale(session, "SUGAR", "1", "3.00");
    body["lines"][0] = json!({"id": Uuid::now_v7(), "sku": "SUGAR", "amount": "3.00"});
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
    // 3.00 ÷ 1.99 a kilogram.
    assert_eq!((&sale["total"], &sale["lines"][0]["quantity"]), (&json!("3.00"), &json!("1.508")));
    let ana = shop.ana().await;
    let problem = shop.put_sale(&ana, Uuid::now_v7(), &body).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "may_not_override_price");
    body["lines"][0]["quantity"] = json!("1");
    let problem = shop.put_sale(&manager, Uuid::now_v7(), &body).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "one_of");
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cashiers_limit_holds_for_all_reductions_of_a_line() {
    let shop = Shop::open().await;
    let ana = shop.ana().await;
    let session = shop.open_session(&ana, "R01").await;
    let reduced = |percent: &str, total: &str| {
        let mut body = simple_sale(session, "MUG-RED", "1", total);
        body["lines"][0]["reduction"] = json!({"percent": percent, "reason": "Scratched"});
        body
    };
    let problem =
        shop.put_sale(&ana, Uuid::now_v7(), &reduced("11", "7.08")).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "beyond_limit");
    shop.put_sale(&ana, Uuid::now_v7(), &reduced("10", "7.15")).await.ok();
    // She may not key another price at all.
    let mut keyed = simple_sale(session, "MUG-RED", "1", "7.90");
    keyed["lines"][0]["unit_price"] = json!("7.90");
    keyed["lines"][0]["unit_price_reason"] = json!("Label");
    let problem = shop.put_sale(&ana, Uuid::now_v7(), &keyed).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "may_not_override_price");
    // Nor take money out of the drawer for what comes back.
    let back = simple_sale(session, "MUG-RED", "-1", "-7.95");
    let problem = shop.put_sale(&ana, Uuid::now_v7(), &back).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "may_not_take_back");
}

#[tokio::test]
async fn two_puts_of_one_sale_at_once_are_one_sale() {
    let shop = Arc::new(Shop::open().await);
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    for _ in 0..5 {
        let (sale, body) = (Uuid::now_v7(), simple_sale(session, "MUG-RED", "1", "7.95"));
        let answers = join_all((0..4).map(|_| shop.put_sale(&manager, sale, &body))).await;
        let answers: Vec<Value> = answers.into_iter().map(Answer::ok).collect();
        for answer in &answers {
            assert_eq!(*answer, answers[0]);
        }
    }
    assert_eq!(shop.count("sale").await, 5);
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_registers_sell_the_same_product_at_once_without_gap_or_oversale() {
    let shop = Arc::new(Shop::open().await);
    let manager = shop.manager().await;
    shop.stock(BOOK_VARIANT, 50).await;
    let mut sessions = Vec::new();
    for register in 1..=8 {
        sessions.push(shop.open_session(&manager, &format!("R{register:02}")).await);
    }
    let tills = sessions.iter().map(|session| {
        let (shop, manager, session) = (Arc::clone(&shop), manager.clone(), *session);
        tokio::spawn(async move {
            let (mut sold, mut refused) = (0, 0);
            for _ in 0..8 {
                // Two books each: some are refused, and the number that they would have had is given to the next sale.
                let answer = shop
                    .put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "BOOK-1", "2", "25.00"))
                    .await;
                if answer.status.is_success() {
                    sold += 1;
                } else {
                    answer.refused(409, "insufficient-stock");
                    refused += 1;
                }
                shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95"))
                    .await
                    .ok();
            }
            (sold, refused)
        })
    });
    let results: Vec<(i32, i32)> = join_all(tills).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().map(|(sold, _)| sold).sum::<i32>(), 25);
    assert_eq!(results.iter().map(|(_, refused)| refused).sum::<i32>(), 64 - 25);
    let left: i64 = sqlx::query_scalar("select on_hand::bigint from stock where variant_id = $1")
        .bind(id(BOOK_VARIANT))
        .fetch_one(shop.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(shop.count("sale").await, 64 + 25);
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_client_that_goes_away_half_way_leaves_a_whole_sale_or_none() {
    let shop = Arc::new(Shop::open().await);
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    for pause in 0..12_u64 {
        let (sale, body) = (Uuid::now_v7(), simple_sale(session, "MUG-RED", "1", "7.95"));
        let request = shop.put_sale(&manager, sale, &body);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(pause), request).await;
        // The till asks again, as it got no answer.
        shop.put_sale(&manager, sale, &body).await.ok();
    }
    assert_eq!(shop.count("sale").await, 12);
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_drawer_is_counted_blind() {
    let shop = Shop::open().await;
    let (ana, manager) = (shop.ana().await, shop.manager().await);
    let session = shop.open_session(&ana, "R01").await;
    shop.put_sale(&ana, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    let path = |what: &str| format!("/api/v1/register-sessions/{session}/{what}");
    let tells = |body: &Value| {
        let text = body.to_string();
        text.contains("107.95")
            || text.contains("expected")
            || text.contains("difference")
            || text.contains("7.95")
    };
    let x = shop.send(Some(&ana), "POST", &path("x-report"), None).await.ok();
    assert!(!tells(&x), "{x}");
    let list = shop.send(Some(&ana), "GET", "/api/v1/sales", None).await.ok();
    assert!(!tells(&list), "{list}");
    let count = |amount: &str| Some(json!({"counted": [{"tender": "cash", "amount": amount}]}));
    let first = shop.send(Some(&ana), "POST", &path("count"), count("100.00")).await.ok();
    assert_eq!((&first["sequence"], &first["recount"]), (&json!(1), &json!(true)));
    let again = shop.send(Some(&ana), "POST", &path("count"), count("100.00")).await.ok();
    assert_eq!(again, first, "the answer was lost: that is no second count");
    shop.send(Some(&ana), "POST", &path("count"), count("107.00")).await.ok();
    shop.send(Some(&ana), "POST", &path("count"), count("107.95")).await.refused(409, "counted-twice");
    let z = shop.send(Some(&ana), "POST", &path("close"), Some(json!({}))).await.ok();
    assert!(!tells(&z), "{z}");
    assert_eq!(z["tenders"][0]["counted"], "107.00");
    let z = shop.send(Some(&manager), "GET", &path("z-report"), None).await.ok();
    assert_eq!(z["tenders"][0]["difference"], "-0.95");
}

#[tokio::test]
async fn a_register_has_one_open_session_and_a_leased_one_takes_no_scripts() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let put = |id: Uuid, float: &str| {
        let body = json!({"register": "R01", "opening_float": float});
        let (path, manager) = (format!("/api/v1/register-sessions/{id}"), manager.clone());
        let shop = &shop;
        async move { shop.send(Some(&manager), "PUT", &path, Some(body)).await }
    };
    put(session, "100.00").await.ok();
    put(session, "100").await.ok();
    put(session, "99.00").await.refused(409, "different-body");
    let problem = put(Uuid::now_v7(), "100.00").await.refused(409, "register-already-open");
    assert_eq!(problem["register_session_id"], json!(session));
    put(Uuid::now_v7(), "-1").await.refused(422, "invalid-input");
    put(Uuid::now_v7(), "1.001").await.refused(422, "invalid-input");
    sqlx::query("update receipt_series set leased_to = $1").bind(id(1)).execute(shop.pool()).await.unwrap();
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95"))
        .await
        .refused(409, "register-leased");
}

#[tokio::test]
async fn one_id_at_two_registers_at_once_is_one_sale_and_a_different_body() {
    let shop = Arc::new(Shop::open().await);
    let manager = shop.manager().await;
    let sessions = [shop.open_session(&manager, "R01").await, shop.open_session(&manager, "R02").await];
    for _ in 0..8 {
        let sale = Uuid::now_v7();
        let both =
            join_all(
                sessions.map(|session| {
                    let (shop, manager) = (shop.clone(), manager.clone());
                    async move {
                        shop.put_sale(&manager, sale, &simple_sale(session, "MUG-RED", "1", "7.95")).await
                    }
                }),
            );
        let (sold, refused): (Vec<_>, Vec<_>) =
            both.await.into_iter().partition(|answer| answer.status.is_success());
        assert_eq!(sold.len(), 1);
        refused.into_iter().next().unwrap().refused(409, "different-body");
    }
    assert_eq!(shop.count("sale").await, 8);
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_promotion_begins_and_ends_on_the_hour_in_a_store_that_hears_nothing_from_hq() {
    let shop = Shop::open().await;
    let noon: chrono::DateTime<chrono::Utc> = "2030-02-05T12:00:00Z".parse().unwrap();
    shop.state.clock.set(noon - chrono::TimeDelta::hours(3)).unwrap();
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let happy_hour = json!({ "name": "Happy hour", "priority": 0, "exclusive": false,
        "when": { "from": "2030-02-05T12:00:00", "until": "2030-02-05T13:00:00" }, "limit_per_sale": null, "limit_per_customer": null,
        "offer": { "kind": "each", "of": { "everything": true }, "effect": { "percent": "10" } } });
    shop.checkpoint(2, false, vec![("promotion", id(501), Some(happy_hour))]).await;
    for (seconds, total) in [(-1, "7.95"), (0, "7.15"), (3_599, "7.15"), (3_600, "7.95"), (60, "7.15")] {
        shop.state.clock.set(noon + chrono::TimeDelta::seconds(seconds)).unwrap();
        // The other token is of another day.
        let manager = shop.manager().await;
        let sale = simple_sale(session, "MUG-RED", "1", total);
        shop.put_sale(&manager, Uuid::now_v7(), &sale).await.ok();
    }
}

#[tokio::test]
async fn money_that_only_a_ledger_knows_is_not_taken() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let card = json!({"department_id": id(KITCHEN), "name": "Gift card", "description": "", "tax_group_id": null, "unit": "each",
        "quantity_decimals": 0, "discountable": false, "stock_policy": null, "archived": false, "kind": "single_purpose_card",
        "weighed": false, "minimum_age": null, "serial_required": false, "open_price": false, "open_price_min": null, "open_price_max": null});
    let variant = json!({"product_id": id(34), "sku": "CARD", "name": "", "position": 0, "archived": false});
    let mut records = vec![
        ("product", id(34), Some(card)),
        ("variant", id(44), Some(variant)),
        ("price", id(54), Some(regular_price(44, "5.00"))),
    ];
    for (at, kind) in [(63, "gift_card"), (64, "store_credit"), (65, "on_account")] {
        records.push(("tender", id(at), Some(tender(kind, kind, kind, false, 3))));
    }
    shop.checkpoint(2, false, records).await;
    for tender in ["gift_card", "store_credit", "on_account"] {
        let mut sale = simple_sale(session, "MUG-RED", "1", "7.95");
        sale["payments"][0]["tender"] = json!(tender);
        let problem = shop.put_sale(&manager, Uuid::now_v7(), &sale).await.refused(422, "invalid-input");
        assert_eq!(problem["errors"][0]["pointer"], "/payments/0/tender");
        assert_eq!(problem["errors"][0]["code"], "balance_unknown");
    }
    // Issued for money, it is sold; used, it is a line of negative quantity.
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "CARD", "1", "5.00")).await.ok();
    let mut used = simple_sale(session, "MUG-RED", "1", "2.95");
    used["lines"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": Uuid::now_v7(), "sku": "CARD", "quantity": "-1"}));
    let problem = shop.put_sale(&manager, Uuid::now_v7(), &used).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["pointer"], "/lines/1/quantity");
    assert_eq!(shop.count("sale").await, 1);
}

#[tokio::test]
async fn credit_for_a_line_is_given_to_who_works_in_the_store() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let sold_by = |person: Uuid| {
        let mut sale = simple_sale(session, "MUG-RED", "1", "7.95");
        sale["lines"][0]["sales_rep_id"] = json!(person);
        sale
    };
    shop.put_sale(&manager, Uuid::now_v7(), &sold_by(id(ANA))).await.ok();
    let problem =
        shop.put_sale(&manager, Uuid::now_v7(), &sold_by(id(99))).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["pointer"], "/lines/0/sales_rep_id");
}

#[tokio::test]
async fn an_empty_count_is_none_and_closes_nothing() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    for what in ["count", "close"] {
        let path = format!("/api/v1/register-sessions/{session}/{what}");
        let problem = shop.send(Some(&manager), "POST", &path, Some(json!({"counted": []}))).await;
        assert_eq!(problem.refused(422, "invalid-input")["errors"][0]["pointer"], "/counted");
    }
    let path = format!("/api/v1/register-sessions/{session}/close");
    shop.send(Some(&manager), "POST", &path, Some(json!({}))).await.ok();
}

#[tokio::test]
async fn what_is_expected_cannot_be_added_up_from_the_sales_of_an_open_session() {
    let shop = Arc::new(Shop::open().await);
    let (ana, manager) = (shop.ana().await, shop.manager().await);
    let session = shop.open_session(&manager, "R01").await;
    let mut sales = Vec::new();
    for _ in 0..30 {
        let sale = Uuid::now_v7();
        shop.put_sale(&manager, sale, &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
        sales.push(sale);
    }
    let hers = Uuid::now_v7();
    shop.put_sale(&ana, hers, &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    let look = |token: &str, what: &str, sale: Uuid| {
        let (shop, token, path) = (shop.clone(), token.to_owned(), format!("/api/v1/{what}/{sale}"));
        async move { shop.send(Some(&token), "GET", &path, None).await.status.as_u16() }
    };
    // All of them at once, as receipts and as sales: ten, whatever the order, and the same ten again.
    let mut seen = Vec::new();
    for what in ["receipts", "sales", "sales"] {
        let statuses = join_all(sales.iter().map(|sale| look(&ana, what, *sale))).await;
        assert!(statuses.iter().all(|status| [200, 403].contains(status)), "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10);
        seen.push(statuses);
    }
    assert!(seen.iter().all(|statuses| *statuses == seen[0]));
    assert_eq!(shop.count("sale_look_up").await, 10);
    // What she has just rung up herself is no secret, for a while.
    assert_eq!(look(&ana, "receipts", hers).await, 200);
    assert_eq!(look(&manager, "sales", hers).await, 200);
    shop.state.clock.advance(chrono::TimeDelta::minutes(16)).unwrap();
    let ana = shop.ana().await;
    assert_eq!(look(&ana, "receipts", hers).await, 403);

    // The float is for who counted it.
    let path = format!("/api/v1/register-sessions/{session}");
    let session_of = |token: String| {
        let (shop, path) = (shop.clone(), path.clone());
        async move { shop.send(Some(&token), "GET", &path, None).await.ok()["opening_float"].clone() }
    };
    let manager = shop.manager().await;
    assert_eq!(session_of(manager.clone()).await, "100.00");
    assert_eq!(session_of(ana.clone()).await, Value::Null);
    for float in ["100.00", "99.00"] {
        // Nor does a guess tell.
        let body = json!({"register": "R01", "opening_float": float});
        shop.send(Some(&ana), "PUT", &path, Some(body)).await.refused(409, "different-body");
    }
    let own = shop.open_session(&ana, "R02").await;
    let path = format!("/api/v1/register-sessions/{own}");
    assert_eq!(shop.send(Some(&ana), "GET", &path, None).await.ok()["opening_float"], "100.00");

    // Once the drawer is counted and closed, nothing is given away.
    let path = format!("/api/v1/register-sessions/{session}/close");
    shop.send(Some(&manager), "POST", &path, Some(json!({}))).await.ok();
    assert_eq!(look(&ana, "receipts", hers).await, 200);
    assert_eq!(look(&ana, "sales", sales[29]).await, 200);
}

#[tokio::test]
async fn a_session_that_is_full_takes_no_more_and_can_always_be_closed() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    // The dearest thing that there is; one was sold, and the others so often that the session is nearly full.
    let dear = "9999999999.99";
    shop.checkpoint(2, false, vec![("price", id(52), Some(regular_price(BOOK_VARIANT, dear)))]).await;
    shop.stock(BOOK_VARIANT, 10_000).await;
    let sell =
        async || shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "BOOK-1", "1", dear)).await;
    sell().await.ok();
    sqlx::query("update receipt_series set session_size = session_size * 899")
        .execute(shop.pool())
        .await
        .unwrap();
    sell().await.ok();
    sell().await.refused(409, "session-full");
    // Something else still fits.
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "SUGAR", "1", "1.99")).await.ok();
    let path = |what: &str| format!("/api/v1/register-sessions/{session}/{what}");
    let x = shop.send(Some(&manager), "GET", &path("x-report"), None).await.ok();
    assert_eq!(x["figures"]["gross"], "20000000001.97");
    let count = Some(json!({"counted": [{"tender": "cash", "amount": dear}]}));
    shop.send(Some(&manager), "POST", &path("close"), count).await.ok();
    // The next session begins with nothing.
    let session = shop.open_session(&manager, "R01").await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "BOOK-1", "1", dear)).await.ok();
    // Neither a float nor a count goes beyond a document's bound.
    let path = format!("/api/v1/register-sessions/{}", Uuid::now_v7());
    let float = Some(json!({"register": "R02", "opening_float": "10000000000.00"}));
    let problem = shop.send(Some(&manager), "PUT", &path, float).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["pointer"], "/opening_float");
    let path = format!("/api/v1/register-sessions/{session}/close");
    let count = Some(json!({"counted": [{"tender": "cash", "amount": "10000000000.00"}]}));
    let problem = shop.send(Some(&manager), "POST", &path, count).await.refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["pointer"], "/counted/0/amount");
}

#[tokio::test]
async fn a_session_with_few_sales_shows_two_of_them_and_no_more() {
    let shop = Shop::open().await;
    let (ana, manager) = (shop.ana().await, shop.manager().await);
    let session = shop.open_session(&manager, "R01").await;
    let mut shown = Vec::new();
    let mut sales = Vec::new();
    // The first customer of the day is back before the second is there.
    for number in 0..5 {
        let sale = Uuid::now_v7();
        shop.put_sale(&manager, sale, &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
        sales.push(sale);
        let path = format!("/api/v1/receipts/{sale}");
        shown.push(shop.send(Some(&ana), "GET", &path, None).await.status.as_u16());
        assert_eq!(shop.send(Some(&ana), "GET", &path, None).await.status.as_u16(), shown[number]);
    }
    assert_eq!(shown, [200, 200, 403, 403, 403]);
    // A third of six.
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    for (sale, status) in [(sales[2], 200), (sales[3], 403)] {
        let answer = shop.send(Some(&ana), "GET", &format!("/api/v1/sales/{sale}"), None).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}

#[tokio::test]
async fn who_holds_the_receipt_says_its_total_and_nobody_finds_it_by_trying() {
    let shop = Arc::new(Shop::open().await);
    let (ana, manager) = (shop.ana().await, shop.manager().await);
    let session = shop.open_session(&manager, "R01").await;
    let mut sales = Vec::new();
    for number in 1..=4 {
        let (sale, total) = (Uuid::now_v7(), format!("{}", number * 2));
        let mut body = simple_sale(session, "SUGAR", &total, "100.00");
        body.as_object_mut().unwrap().remove("expected_total");
        let total = shop.put_sale(&manager, sale, &body).await.ok()["total"].as_str().unwrap().to_owned();
        sales.push((sale, total));
    }
    let look = |token: &str, what: &str, sale: Uuid, total: &str| {
        let (shop, token) = (shop.clone(), token.to_owned());
        let path = format!("/api/v1/{what}/{sale}?total={total}");
        async move { shop.send(Some(&token), "GET", &path, None).await }
    };
    // All of them, as often as people come back with their receipts; what is free to look up stays so.
    for what in ["receipts", "sales", "sales"] {
        for (sale, total) in &sales {
            look(&ana, what, *sale, total).await.ok();
        }
    }
    assert_eq!((shop.count("sale_look_up").await, shop.count("sale_total_said").await), (0, 12));
    // Wrong ones are told as such, five of them however they come; then no total counts, the right one neither.
    let (last, total) = &sales[3];
    let problem = look(&ana, "sales", *last, "0.01").await.refused(422, "invalid-input");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/total"), &json!("differs"))
    );
    assert!(!problem.to_string().contains(total), "{problem}");
    let guesses = (2..=20).map(|pence| {
        look(&ana, "receipts", *last, &format!("0.{pence:02}")).map(|answer| answer.status.as_u16())
    });
    let mut answers = join_all(guesses).await;
    answers.sort_unstable();
    answers.dedup_by(|a, b| a == b && *a != 422);
    assert_eq!(answers, [200, 422, 422, 422, 422], "by then, it is one of the few that may be looked up");
    look(&ana, "sales", sales[0].0, &sales[0].1).await.ok();
    look(&ana, "sales", sales[1].0, &sales[1].1).await.refused(403, "forbidden");
    let wrong: i64 =
        sqlx::query_scalar("select count(*) from sale_total_said where not was_right and user_id = $1")
            .bind(id(ANA))
            .fetch_one(shop.pool())
            .await
            .unwrap();
    assert_eq!((wrong, shop.count("sale_look_up").await), (5, 2));
    // Who may see everything says what they like, and no total is no number.
    look(&manager, "sales", *last, "0.01").await.ok();
    let problem = look(&manager, "sales", *last, "much").await;
    assert!(problem.status.is_client_error(), "{}", problem.text);
    look(&ana, "sales", Uuid::now_v7(), "0.01").await.refused(404, "not-found");
}

/// Noon of the day that the checkpoint is applied on: far from where a day ends in London.
fn noon() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now().date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc()
}

#[tokio::test]
async fn a_session_is_opened_by_a_clock_that_agrees_with_what_was_written_last_or_by_who_knows_the_day() {
    let shop = Shop::open().await;
    let noon = noon();
    let days = |days: i64| {
        shop.state.clock.set(noon + chrono::TimeDelta::days(days)).unwrap();
        shop.state.clock.now().with_timezone(&chrono_tz::Europe::London).date_naive().to_string()
    };
    let open = async |register: &str, today: Option<&str>| {
        let mut body = json!({"register": register, "opening_float": "100.00"});
        if let Some(today) = today {
            body["today"] = json!(today);
        }
        let token = shop.manager().await;
        let path = format!("/api/v1/register-sessions/{}", Uuid::now_v7());
        shop.send(Some(&token), "PUT", &path, Some(body)).await
    };
    let close = async |session: &Value| {
        let token = shop.manager().await;
        let path = format!("/api/v1/register-sessions/{}/close", session["id"].as_str().unwrap());
        shop.send(Some(&token), "POST", &path, Some(json!({}))).await.ok();
    };
    let now = days(0);
    open("R01", None).await.ok();
    // A box whose battery is empty, and one that is years ahead: neither by the clock alone, nor by who knows better.
    for wrong in [-500, -2, 402, 27_000] {
        let said = days(wrong);
        let problem = open("R02", None).await.refused(409, "clock-in-doubt");
        assert!(problem["now"].as_str().unwrap().starts_with(&said), "{problem}");
        assert!(problem["last"].as_str().unwrap().starts_with(&now), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("set that machine's clock"), "{problem}");
        let problem = open("R02", Some(&now)).await.refused(422, "invalid-input");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/today"), &json!("differs"))
        );
    }
    assert_eq!(shop.count("journal").await, 1);
    // A winter without a sale is no reason to ask.
    days(200);
    let session = open("R02", None).await.ok();
    close(&session).await;

    // Somebody did not know better, and the journal is of another century: who knows the day goes on, with no HQ to ask.
    let far = days(27_000);
    let session = open("R03", Some(&far)).await.ok();
    assert_eq!(session["business_date"], far.as_str());
    close(&session).await;
    let now = days(201);
    open("R04", None).await.refused(409, "clock-in-doubt");
    assert_eq!(open("R04", Some(&now)).await.ok()["business_date"], now.as_str());
    // It was asked once: what was written last is of this century again.
    open("R05", None).await.ok();

    // A checkpoint that was applied since counts too, whatever came before it; the entry after it counts alone.
    shop.checkpoint(2, false, vec![("price", id(51), Some(regular_price(MUG_VARIANT, "8.50")))]).await;
    sqlx::query("update checkpoint set applied_at = applied_at + interval '3000 days'")
        .execute(shop.database.owner())
        .await
        .unwrap();
    open("R06", None).await.refused(409, "clock-in-doubt");
    open("R06", Some(&now)).await.ok();
    open("R07", None).await.ok();
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_session_of_another_clock_takes_no_sale_that_hq_would_refuse_and_can_be_closed() {
    let shop = Shop::open().await;
    let noon = noon();
    let days = |days: i64| shop.state.clock.set(noon + chrono::TimeDelta::days(days)).unwrap();
    // The box came up by its board's date; then the time was set, while the session was open.
    days(-500);
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let sold = Uuid::now_v7();
    let body = simple_sale(session, "MUG-RED", "1", "7.95");
    shop.put_sale(&manager, sold, &body).await.ok();
    days(0);
    let manager = shop.manager().await;
    let written =
        async || [shop.count("journal").await, shop.count("sale").await, shop.count("stock_movement").await];
    let before = written().await;
    let problem = shop
        .put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95"))
        .await
        .refused(409, "session-of-another-clock");
    assert!(
        problem["detail"].as_str().unwrap().contains("close the session and open a new one"),
        "{problem}"
    );
    assert_eq!(written().await, before);
    // What was rung up before is the same answer as ever.
    assert_eq!(shop.put_sale(&manager, sold, &body).await.ok()["number"], 1);
    // The bound is HQ's, to the day.
    days(-100);
    let manager = shop.manager().await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    days(-99);
    let manager = shop.manager().await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95"))
        .await
        .refused(409, "session-of-another-clock");

    // Closed by no clock of 1970, and by the right one.
    let path = format!("/api/v1/register-sessions/{session}/close");
    days(-20_000);
    let manager = shop.manager().await;
    shop.send(Some(&manager), "POST", &path, Some(json!({}))).await.refused(503, "clock-wrong");
    days(0);
    let manager = shop.manager().await;
    assert_eq!(shop.send(Some(&manager), "POST", &path, Some(json!({}))).await.ok()["sales"], 2);
    let session = shop.open_session(&manager, "R01").await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_coin_of_another_currency_rounds_nothing_here() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    // For the chain's stores in forints, and in dinars.
    for (position, coin) in [(2, "5"), (3, "0.025"), (4, "0.10")] {
        let mut cash = tender("cash", "Cash", "cash", true, 1);
        cash["cash_rounding"] = json!(coin);
        shop.checkpoint(position, false, vec![("tender", id(CASH), Some(cash))]).await;
        let mut body = simple_sale(session, "MUG-RED", "1", "10.00");
        body["expected_total"] = json!("7.95");
        let sale = shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
        assert_eq!((&sale["rounding"], &sale["change"]), (&json!("0.00"), &json!("2.05")), "{coin}");
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "SUGAR", "1", "1.99")).await.ok();
    }
    // One that the currency can have goes on rounding.
    let mut cash = tender("cash", "Cash", "cash", true, 1);
    cash["cash_rounding"] = json!("0.05");
    shop.checkpoint(5, false, vec![("tender", id(CASH), Some(cash))]).await;
    let mut body = simple_sale(session, "SUGAR", "1", "5.00");
    body["expected_total"] = json!("1.99");
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
    assert_eq!((&sale["rounding"], &sale["change"]), (&json!("0.01"), &json!("3.00")));
}
