//! Promotions and price rules: what could never be is refused with the field named.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, id};

fn promotion(change: &[(&str, Value)]) -> Value {
    let mut body = json!({
        "name": "Spring", "priority": 10, "exclusive": false,
        "when": { "from": "2026-03-01T00:00:00", "until": "2026-04-01T00:00:00" },
        "offer": { "kind": "each", "of": { "everything": true }, "effect": { "percent": "10" } },
    });
    for (pointer, value) in change {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn what_could_never_be_is_refused_with_the_field_named() {
    let world = World::new().await;
    let nobody = Uuid::now_v7();
    let everything = json!({ "everything": true });
    for (change, pointer, code) in [
        (("/when/until", Value::Null), "/when/until", "no_end"),
        (("/when/until", json!("2026-02-01T00:00:00")), "/when/until", "ends_before_it_begins"),
        (("/when/from", json!("0001-01-01T00:00:00")), "/when/from", "out_of_range"),
        (("/when/stores", json!([])), "/when/stores", "empty_set"),
        (("/when/stores", json!([nobody])), "/when/stores", "unknown"),
        (("/when/weekdays", json!([0])), "/when/weekdays", "no_such_day"),
        (("/when/customer_groups", json!([])), "/when/customer_groups", "empty_set"),
        (("/when/coupon", json!("")), "/when/coupon", "empty_coupon"),
        (
            ("/when/conditions", json!([{ "fact": "", "operator": "EQ", "value": "1" }])),
            "/when/conditions/0",
            "incomplete_condition",
        ),
        (("/limit_per_sale", json!(0)), "/limit_per_sale", "out_of_range"),
        (("/limit_per_customer", json!(-1)), "/limit_per_customer", "out_of_range"),
        (("/name", json!("")), "/name", "empty"),
        (("/offer/of", json!({})), "/offer/of", "empty_set"),
        (("/offer/of", json!({ "products": [nobody] })), "/offer/of/products", "unknown"),
        (("/offer/effect", json!({ "percent": "101" })), "/offer/effect/percent", "percent_out_of_range"),
        (("/offer/effect", json!({ "percent": "0" })), "/offer/effect/percent", "percent_out_of_range"),
        (
            (
                "/offer",
                json!({ "kind": "threshold", "of": everything, "at_least": "10", "effect": { "price": "1" } }),
            ),
            "/offer/effect/price",
            "effect_on_nothing",
        ),
        (
            (
                "/offer",
                json!({ "kind": "bundle", "parts": [{ "of": everything, "quantity": 1 }, { "of": everything, "quantity": 1 }],
                "effect": { "amount": "1" } }),
            ),
            "/offer/parts/1/of",
            "circular_bundle",
        ),
        (
            (
                "/offer",
                json!({ "kind": "mix_and_match", "of": everything, "quantity": 3, "effect": { "cheapest_free": 3 } }),
            ),
            "/offer/effect/cheapest_free",
            "all_free",
        ),
    ] {
        let refused = world.post("/promotions", promotion(std::slice::from_ref(&change))).await;
        assert_eq!(refused.refused(422), (pointer.to_owned(), code.to_owned()), "{change:?}");
    }
    assert_eq!(world.get("/promotions/count").await.expect(200)["count"], 0);
    for (change, pointer) in [
        (("/when/weekend", json!(true)), "/when/weekend"),
        (("/offer/kind", json!("magic")), "/offer"),
        (("/when/coupon", json!("a\u{1}b")), "/when/coupon"),
    ] {
        let refused = world.post("/promotions", promotion(std::slice::from_ref(&change))).await.refused(422);
        assert!(refused.0.starts_with(pointer), "{refused:?} for {change:?}");
    }
}

#[tokio::test]
async fn a_promotion_is_kept_as_it_was_written_and_changed_by_whole_parts() {
    let world = World::new().await;
    let store = world
        .make(
            "/stores",
            json!({ "code": "ST01", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    let body = promotion(&[
        ("/when/stores", json!([store])),
        ("/when/weekdays", json!([6, 7])),
        ("/when/hours", json!(["22:00:00", "02:00:00"])),
        ("/when/coupon", json!("SPRING")),
        ("/when/conditions", json!([{ "fact": "quantity", "operator": "GTE", "value": "2" }])),
        ("/limit_per_sale", json!(2)),
        ("/limit_per_customer", json!(5)),
    ]);
    let made = world.post("/promotions", body.clone()).await;
    let path = format!("/promotions/{}", id(&made.body));
    let etag = made.etag();
    let made = made.expect(201);
    for name in ["name", "priority", "limit_per_sale", "limit_per_customer", "offer"] {
        assert_eq!(made[name], body[name], "{name}");
    }
    for name in ["from", "until", "stores", "weekdays", "hours", "coupon", "conditions"] {
        assert_eq!(made["when"][name], body["when"][name], "{name}");
    }
    let mut sent_again = body.clone();
    sent_again["id"] = made["id"].clone();
    assert_eq!(world.post("/promotions", sent_again).await.expect(200), made);
    let when = json!({ "from": "2026-03-01T00:00:00", "until": "2026-05-01T00:00:00" });
    let changed = world.patch(&path, &etag, json!({ "when": when })).await.expect(200);
    assert_eq!(
        (changed["when"]["coupon"].clone(), changed["when"]["until"].clone()),
        (Value::Null, json!("2026-05-01T00:00:00"))
    );
    assert_eq!(changed["offer"], body["offer"]);
    let endless = world
        .patch(&path, "\"2\"", json!({ "when": { "from": "2026-03-01T00:00:00", "until": null } }))
        .await;
    assert_eq!(endless.refused(422), ("/when/until".into(), "no_end".into()));
    for (query, count) in [
        ("on=2026-04-30T23:59:59", 1),
        ("on=2026-05-01T00:00:00", 0),
        ("on=2026-02-28T00:00:00", 0),
        (&format!("store_id={store}"), 1),
        ("q=spr", 1),
    ] {
        assert_eq!(
            world.get(&format!("/promotions/count?{query}")).await.expect(200)["count"],
            count,
            "{query}"
        );
    }
    world.delete(&path).await.expect(200);
    assert_eq!(world.get("/promotions/count").await.expect(200)["count"], 0);
}

#[tokio::test]
async fn a_price_rule_that_could_never_be_is_refused() {
    let world = World::new().await;
    let rule = json!({ "name": "Staff", "of": { "everything": true }, "effect": { "discount": "20" },
        "conditions": [{ "fact": "customer_group", "operator": "EQ", "value": "staff" }] });
    let made = world.post("/price-rules", rule.clone()).await.expect(201);
    assert_eq!((made["effect"].clone(), made["sequence"].clone()), (json!({ "discount": "20" }), json!(0)));
    for (field, value, pointer) in [
        ("of", json!({}), "/of"),
        ("of", json!({ "departments": [Uuid::now_v7()] }), "/of/departments"),
        ("effect", json!({ "discount": "100.5" }), "/effect/discount"),
        ("effect", json!({ "override": "-1" }), "/effect/override"),
        ("effect", json!({ "markup": "0" }), "/effect/markup"),
        ("conditions", json!([{ "fact": "x", "operator": "EQ", "value": ["1", "2"] }]), "/conditions/0"),
    ] {
        let mut wrong = rule.clone();
        wrong[field] = value.clone();
        assert_eq!(world.post("/price-rules", wrong).await.refused(422).0, pointer, "{field} {value}");
    }
}

#[tokio::test]
async fn another_company_sees_no_promotion_and_names_none_of_our_stores() {
    let world = World::new().await;
    let store = world
        .make(
            "/stores",
            json!({ "code": "ST01", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    let made = world.make("/promotions", promotion(&[])).await;
    let path = format!("/api/v1/promotions/{made}");
    world.call(Method::GET, &path, &world.stranger, None, &[]).await.expect(404);
    let listed = world.call(Method::GET, "/api/v1/promotions", &world.stranger, None, &[]).await.expect(200);
    assert_eq!(listed["items"], json!([]));
    let body = promotion(&[("/when/stores", json!([store]))]);
    let refused = world.call(Method::POST, "/api/v1/promotions", &world.stranger, Some(&body), &[]).await;
    assert_eq!(refused.refused(422), ("/when/stores".into(), "unknown".into()));
}
