//! How tills treat a product: flags, kits and labels.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, id};

async fn product(world: &World, sku: &str, more: Value) -> Value {
    let department = match world.get("/departments?code=D").await.expect(200)["items"].get(0) {
        Some(known) => id(known),
        None => world.make("/departments", json!({ "code": "D", "name": "D" })).await,
    };
    let mut body = json!({ "department_id": department, "name": sku, "variants": [{ "sku": sku }] });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.post("/products", body).await.expect(201)
}

fn variant(product: &Value) -> Uuid {
    id(&product["variants"][0])
}

#[tokio::test]
async fn a_product_keeps_its_flags() {
    let world = World::new().await;
    let plain = product(&world, "MUG", json!({})).await;
    for (name, value) in [
        ("kind", json!("goods")),
        ("weighed", json!(false)),
        ("minimum_age", Value::Null),
        ("serial_required", json!(false)),
        ("open_price", json!(false)),
        ("open_price_min", Value::Null),
    ] {
        assert_eq!(plain[name], value, "{name}");
    }
    let flags = json!({ "kind": "deposit", "weighed": true, "minimum_age": 18, "serial_required": true, "open_price": true,
        "open_price_min": "0.5", "open_price_max": "20", "discountable": false, "unit": "kg", "quantity_decimals": 3 });
    let made = product(&world, "GIN", flags.clone()).await;
    for (name, value) in flags.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    let path = format!("/products/{}", id(&made));
    for (change, pointer) in [
        (json!({ "minimum_age": 0 }), "/minimum_age"),
        (json!({ "open_price": false }), "/open_price_min"),
        (json!({ "open_price_max": "0.4" }), "/open_price_max"),
        (json!({ "open_price_min": "-1" }), "/open_price_min"),
        (json!({ "kind": "magic" }), "/kind"),
    ] {
        assert_eq!(world.patch(&path, "\"1\"", change.clone()).await.refused(422).0, pointer, "{change}");
    }
}

#[tokio::test]
async fn a_kit_is_made_of_parts_and_never_of_itself() {
    let world = World::new().await;
    let (mug, tea) = (product(&world, "MUG", json!({})).await, product(&world, "TEA", json!({})).await);
    let parts = json!([{ "variant_id": variant(&mug), "quantity": "2" }, { "variant_id": variant(&tea), "quantity": "0.25" }]);
    let kit = product(&world, "SET", json!({ "variants": [{ "sku": "SET", "parts": parts }] })).await;
    let mut kept = kit["variants"][0]["parts"].as_array().unwrap().clone();
    kept.sort_by_key(|part| part["quantity"].to_string());
    assert_eq!((kept[0]["quantity"].clone(), kept[1]["quantity"].clone()), (json!("0.25"), json!("2")));

    let part_of = |product: &Value, part: Uuid| json!({ "variants": [{ "id": variant(product), "sku": product["variants"][0]["sku"], "parts": [{ "variant_id": part, "quantity": "1" }] }] });
    let ring = world.patch(&format!("/products/{}", id(&mug)), "\"1\"", part_of(&mug, variant(&kit))).await;
    assert_eq!(ring.refused(422), ("/variants/0/parts".into(), "cycle".into()));
    let own = world.patch(&format!("/products/{}", id(&mug)), "\"1\"", part_of(&mug, variant(&mug))).await;
    assert_eq!(own.refused(422).1, "cycle");
    let unknown =
        world.patch(&format!("/products/{}", id(&mug)), "\"1\"", part_of(&mug, Uuid::now_v7())).await;
    assert_eq!(unknown.refused(422), ("/variants/0/parts/0/variant_id".into(), "unknown".into()));
    assert_eq!(world.get(&format!("/products/{}", id(&mug))).await.expect(200)["version"], 1);

    // A change of the parts keeps what stays; no parts, no kit.
    let path = format!("/products/{}", id(&kit));
    let fewer = json!({ "variants": [{ "id": variant(&kit), "sku": "SET", "parts": [{ "variant_id": variant(&mug), "quantity": "3" }] }] });
    let changed = world.patch(&path, "\"1\"", fewer).await.expect(200);
    assert_eq!(changed["variants"][0]["parts"], json!([{ "variant_id": variant(&mug), "quantity": "3" }]));
    let none = json!({ "variants": [{ "id": variant(&kit), "sku": "SET" }] });
    assert_eq!(world.patch(&path, "\"2\"", none).await.expect(200)["variants"][0]["parts"], json!([]));
    world.patch(&format!("/products/{}", id(&mug)), "\"1\"", part_of(&mug, variant(&kit))).await.expect(200);
}

#[tokio::test]
async fn two_kits_that_take_each_other_at_once_make_no_ring() {
    let world = World::new().await;
    for round in 0..5 {
        let one = product(&world, &format!("A{round}"), json!({})).await;
        let two = product(&world, &format!("B{round}"), json!({})).await;
        let part_of = |product: &Value, part: &Value| {
            json!({ "variants": [{ "id": variant(product), "sku": product["variants"][0]["sku"],
                "parts": [{ "variant_id": variant(part), "quantity": "1" }] }] })
        };
        let (path_one, path_two) = (format!("/products/{}", id(&one)), format!("/products/{}", id(&two)));
        let (first, second) = tokio::join!(
            world.patch(&path_one, "\"1\"", part_of(&one, &two)),
            world.patch(&path_two, "\"1\"", part_of(&two, &one)),
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422], "{} {}", first.body, second.body);
    }
}

#[tokio::test]
async fn a_barcode_rule_has_twelve_digits_in_all() {
    let world = World::new().await;
    let rule = json!({ "prefix": "21", "name": "Cheese", "bears": "price", "item_digits": 5, "value_digits": 5, "value_decimals": 2 });
    let made = world.post("/barcode-rules", rule.clone()).await.expect(201);
    assert_eq!((made["bears"].clone(), made["value_check_digit"].clone()), (json!("price"), json!(false)));
    for (field, value, pointer) in [
        ("prefix", json!("2x"), "/prefix"),
        ("item_digits", json!(4), "/item_digits"),
        ("value_decimals", json!(6), "/value_decimals"),
        ("value_check_digit", json!(true), "/item_digits"),
    ] {
        let mut wrong = rule.clone();
        wrong[field] = value;
        assert_eq!(world.post("/barcode-rules", wrong).await.refused(422).0, pointer, "{field}");
    }
    assert_eq!(world.post("/barcode-rules", rule).await.refused(409), ("/prefix".into(), "taken".into()));
}
