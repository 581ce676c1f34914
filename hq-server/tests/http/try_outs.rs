//! The engines tried out, and the tax areas that they compute in.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, id};

struct Goods {
    vat20: Uuid,
    department: Uuid,
    mug: Value,
    store: Uuid,
}

/// A store that sells mugs for 8.00, VAT of 20 % in it.
async fn goods(world: &World) -> Goods {
    let tax =
        json!({ "code": "vat20", "name": "VAT", "kind": "percent", "rate": "20", "price_included": true });
    let vat20 = world.make("/taxes", tax).await;
    let group = world
        .make("/tax-groups", json!({ "code": "standard", "name": "Standard", "tax_ids": [vat20] }))
        .await;
    let department =
        world.make("/departments", json!({ "code": "D", "name": "D", "tax_group_id": group })).await;
    let body = json!({ "department_id": department, "name": "Mug", "variants": [{ "sku": "MUG", "barcodes": ["5000000000017"] }] });
    let mug = world.post("/products", body).await.expect(201);
    world.make("/prices", json!({ "variant_id": mug["variants"][0]["id"], "amount": "8.00" })).await;
    let store = world
        .make(
            "/stores",
            json!({ "code": "ST01", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    Goods { vat20, department, mug, store }
}

fn cart(change: &[(&str, Value)]) -> Value {
    let mut body =
        json!({ "store": "ST01", "at": "2026-03-10T12:00:00", "lines": [{ "sku": "MUG", "quantity": "2" }] });
    for (name, value) in change {
        body[*name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_cart_is_computed_with_every_reason() {
    let world = World::new().await;
    let goods = goods(&world).await;
    let plain = world.post("/try-outs/cart", cart(&[])).await.expect(200);
    assert_eq!((plain["total"].clone(), plain["tax"].clone()), (json!("16.00"), json!("2.67")));
    assert_eq!(plain["lines"][0]["price_reason"]["kind"], "listed");

    let named = |name: &str, store: Option<Uuid>, percent: &str| {
        json!({ "name": name, "when": { "from": "2026-03-01T00:00:00", "until": "2026-04-01T00:00:00", "stores": store.map(|id| vec![id]) },
            "offer": { "kind": "each", "of": { "departments": [goods.department] }, "effect": { "percent": percent } } })
    };
    let ours = world.make("/promotions", named("Ours", Some(goods.store), "25")).await;
    let lesser = world.make("/promotions", named("Lesser", None, "10")).await;
    let elsewhere = world
        .make(
            "/stores",
            json!({ "code": "ST02", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    world.make("/promotions", named("Elsewhere", Some(elsewhere), "90")).await;
    let tried = world.post("/try-outs/cart", cart(&[])).await.expect(200);
    assert_eq!(tried["total"], "12.00", "{tried}");
    assert_eq!(tried["lines"][0]["reductions"][0]["promotion_id"], json!(ours));
    assert_eq!(tried["promotions"][0]["name"], "Ours");
    let mut considered: Vec<(&str, &str)> = tried["considered"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tried| (tried["name"].as_str().unwrap(), tried["outcome"].as_str().unwrap()))
        .collect();
    considered.sort_unstable();
    assert_eq!(considered, [("Lesser", "not_the_best"), ("Ours", "earned")]);
    let there = world.post("/try-outs/cart", cart(&[("store", json!("ST02"))])).await.expect(200);
    assert_eq!(there["total"], "1.60");
    let later = world.post("/try-outs/cart", cart(&[("at", json!("2026-04-01T00:00:00"))])).await.expect(200);
    assert_eq!((later["total"].clone(), later["considered"].clone()), (json!("16.00"), json!([])));
    world.delete(&format!("/promotions/{ours}")).await.expect(200);
    let without = world.post("/try-outs/cart", cart(&[])).await.expect(200);
    assert_eq!(without["promotions"][0]["promotion_id"], json!(lesser));
    // Nothing of it is kept.
    assert_eq!(world.get("/audit?entity=try_out").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_customers_level_group_and_exemption_are_in_the_price() {
    let world = World::new().await;
    let goods = goods(&world).await;
    let level = world.make("/price-levels", json!({ "code": "trade", "name": "Trade" })).await;
    let variant = &goods.mug["variants"][0]["id"];
    world.make("/prices", json!({ "variant_id": variant, "price_level_id": level, "amount": "6.00" })).await;
    let trade =
        world.make("/customers", json!({ "code": "1", "name": "Trade", "price_level_id": level })).await;
    let staff =
        world.make("/customers", json!({ "code": "2", "name": "Staff", "customer_group": "staff" })).await;
    let school = world
        .make("/customers", json!({ "code": "3", "name": "School", "exemption_certificate": "X", "exemption_expires_on": "2026-03-10" }))
        .await;
    let rule = json!({ "name": "Staff", "of": { "everything": true }, "effect": { "discount": "50" },
        "conditions": [{ "fact": "customer_group", "operator": "EQ", "value": "staff" }] });
    world.make("/price-rules", rule).await;
    for (customer, total) in [(trade, "12.00"), (staff, "8.00"), (school, "13.33")] {
        let tried = world.post("/try-outs/cart", cart(&[("customer_id", json!(customer))])).await.expect(200);
        assert_eq!(tried["total"], total, "{tried}");
    }
    let day_after = cart(&[("customer_id", json!(school)), ("at", json!("2026-03-11T00:00:00"))]);
    assert_eq!(world.post("/try-outs/cart", day_after).await.expect(200)["total"], "16.00");
    let unknown = world.post("/try-outs/cart", cart(&[("customer_id", json!(Uuid::now_v7()))])).await;
    assert_eq!(unknown.refused(422), ("/customer_id".into(), "unknown".into()));
}

#[tokio::test]
async fn a_store_in_a_tax_area_bears_that_areas_taxes() {
    let world = World::new().await;
    let goods = goods(&world).await;
    let tax = |code: &str, rate: &str, included: bool| json!({ "code": code, "name": code, "kind": "percent", "rate": rate, "price_included": included });
    let federal = world.make("/taxes", tax("gst", "5", false)).await;
    let local = world.make("/taxes", tax("pst", "7", false)).await;
    let area = json!({ "code": "ca-bc", "name": "British Columbia", "country": "CA",
        "mapping": [{ "tax_id": goods.vat20, "becomes": [local, federal] }] });
    let made = world.post("/tax-areas", area.clone()).await.expect(201);
    let area_id = id(&made);
    let mut becomes = [federal, local];
    becomes.sort_unstable();
    assert_eq!(made["mapping"], json!([{ "tax_id": goods.vat20, "becomes": becomes }]));
    let path = format!("/stores/{}", goods.store);
    world.patch(&path, "\"1\"", json!({ "tax_area_id": area_id })).await.expect(200);
    let tried = world.post("/try-outs/cart", cart(&[])).await.expect(200);
    assert_eq!(
        (tried["net"].clone(), tried["tax"].clone(), tried["total"].clone()),
        (json!("16.00"), json!("1.92"), json!("17.92"))
    );
    assert_eq!(tried["tax_area_id"], json!(area_id));

    // What an area or a store still needs is not taken away.
    assert_eq!(world.delete(&format!("/taxes/{local}")).await.expect(409)["type"], "/problems/in-use");
    assert_eq!(world.delete(&format!("/tax-areas/{area_id}")).await.expect(409)["type"], "/problems/in-use");
    // A tax that becomes none is not taken.
    let none = json!({ "mapping": [{ "tax_id": goods.vat20, "becomes": [] }] });
    let changed = world.patch(&format!("/tax-areas/{area_id}"), "\"1\"", none.clone()).await.expect(200);
    assert_eq!(changed["mapping"], none["mapping"]);
    assert_eq!(world.post("/try-outs/cart", cart(&[])).await.expect(200)["tax"], "0.00");

    for (field, value, pointer, code) in [
        ("country", json!("DE"), "/country", "signing_device_needed"),
        ("country", json!("uk"), "/country", "malformed"),
        ("one_rounding_per_rate", json!(true), "/tax_rounding", "per_line_forbidden"),
        ("mapping", json!([{ "tax_id": Uuid::now_v7(), "becomes": [] }]), "/mapping", "unknown"),
        (
            "mapping",
            json!([{ "tax_id": local, "becomes": [] }, { "tax_id": local, "becomes": [] }]),
            "/mapping/1/tax_id",
            "duplicate",
        ),
    ] {
        let mut wrong = area.clone();
        wrong["code"] = json!("other");
        wrong[field] = value.clone();
        let refused = world.post("/tax-areas", wrong).await.refused(422);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (pointer, code), "{field} {value}");
    }
    let theirs =
        world.call(Method::GET, &format!("/api/v1/tax-areas/{area_id}"), &world.stranger, None, &[]).await;
    theirs.expect(404);
}

#[tokio::test]
async fn the_tax_of_a_document_is_what_the_program_says() {
    let world = World::new().await;
    let document = json!({ "id": "1", "currency_decimals": 2, "rounding": "per_line", "cash_rounding": "0.05",
        "taxes": [{ "id": "vat", "kind": "percent", "rate": "21", "price_included": true }],
        "lines": [{ "id": "a", "quantity": "3", "unit_price": "3.33", "discount_percent": "10", "tax_ids": ["vat"] }] });
    let tried = world.post("/try-outs/tax", document.clone()).await.expect(200);
    let expected = tax_engine::json::answer(document.to_string().as_bytes()).unwrap();
    assert_eq!(tried, serde_json::to_value(&expected).unwrap());
    let mut one_place = document.clone();
    one_place["taxes"] = json!([
        { "id": "vat", "kind": "fixed", "rate": "10", "price_included": false, "include_base_amount": true },
        { "id": "gst", "kind": "percent", "rate": "10", "price_included": false, "include_base_amount": true },
    ]);
    one_place["lines"][0]["tax_ids"] = json!(["gst", "vat"]);
    let tried = world.post("/try-outs/tax", one_place.clone()).await.expect(200);
    let expected = tax_engine::json::answer(one_place.to_string().as_bytes()).unwrap();
    assert_eq!(tried, serde_json::to_value(&expected).unwrap(), "the list settles the order of one sequence");
    for (pointer, value, named) in [
        ("/lines/0/tax_ids", json!(["gst"]), "/lines/0/tax_ids/0"),
        ("/taxes/0/rate", json!("21.12345"), "/taxes/0/rate"),
        ("/lines/0/quantity", json!("1.2345"), "/lines/0/quantity"),
        ("/lines/0/quantity", json!(1), "/lines/0/quantity"),
        ("/rounding", json!("sometimes"), "/rounding"),
    ] {
        let mut wrong = document.clone();
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        assert_eq!(world.post("/try-outs/tax", wrong).await.refused(422).0, named, "{pointer} {value}");
    }
}

#[tokio::test]
async fn a_cart_that_makes_no_sense_is_refused_with_the_field_named() {
    let world = World::new().await;
    goods(&world).await;
    for (change, pointer) in [
        (("store", json!("ST09")), "/store"),
        (("lines", json!([])), "/lines"),
        (("lines", json!([{ "sku": "NONE", "quantity": "1" }])), "/lines/0/sku"),
        (("lines", json!([{ "barcode": "1", "quantity": "1" }])), "/lines/0/barcode"),
        (("lines", json!([{ "sku": "MUG" }])), "/lines/0/quantity"),
        (("lines", json!([{ "sku": "MUG", "barcode": "1", "quantity": "1" }])), "/lines/0/variant_id"),
        (("lines", json!([{ "sku": "MUG", "quantity": "0.5" }])), "/lines/0/quantity"),
        (("at", json!("9999-01-01T00:00:00")), "/at"),
        (("coupons", json!(vec!["x"; 51])), "/coupons"),
    ] {
        let refused = world.post("/try-outs/cart", cart(std::slice::from_ref(&change))).await;
        assert_eq!(refused.refused(422).0, pointer, "{change:?}");
    }
    let theirs =
        world.call(Method::POST, "/api/v1/try-outs/cart", &world.stranger, Some(&cart(&[])), &[]).await;
    assert_eq!(theirs.refused(422), ("/store".into(), "unknown".into()));
}

#[tokio::test]
async fn the_label_of_a_scale_says_what_is_owed_or_how_much_it_is() {
    let world = World::new().await;
    let goods = goods(&world).await;
    let body = json!({ "department_id": goods.department, "name": "Cheese", "unit": "kg", "quantity_decimals": 3, "weighed": true,
        "variants": [{ "sku": "CHEESE", "barcodes": ["2112345000008", "2212345000005"] }] });
    let cheese = world.post("/products", body).await.expect(201);
    world.make("/prices", json!({ "variant_id": cheese["variants"][0]["id"], "amount": "20.00" })).await;
    let rule = |prefix: &str, bears: &str, decimals: i32| json!({ "prefix": prefix, "bears": bears, "item_digits": 5, "value_digits": 5, "value_decimals": decimals });
    world.make("/barcode-rules", rule("21", "price", 2)).await;
    world.make("/barcode-rules", rule("22", "weight", 3)).await;
    let code = |digits: &str| format!("{digits}{}", checkout::barcode::check_digit(digits).unwrap());
    for (digits, total, quantity) in [("211234500446", "4.46", "0.223"), ("221234500500", "10.00", "0.5")] {
        let lines = json!([{ "barcode": code(digits), "quantity": "1" }]);
        let tried = world.post("/try-outs/cart", cart(&[("lines", lines)])).await.expect(200);
        assert_eq!(
            (tried["total"].clone(), tried["lines"][0]["quantity"].clone()),
            (json!(total), json!(quantity)),
            "{tried}"
        );
    }
    let lines = json!([{ "barcode": code("211234500446"), "quantity": "2" }]);
    let refused = world.post("/try-outs/cart", cart(&[("lines", lines)])).await;
    assert_eq!(refused.refused(422), ("/lines/0/quantity".into(), "not_one".into()));
    let wrong_digit = json!([{ "barcode": "2112345004460", "quantity": "1" }]);
    let refused = world.post("/try-outs/cart", cart(&[("lines", wrong_digit)])).await;
    assert_eq!(refused.refused(422).0, "/lines/0/barcode");
}
