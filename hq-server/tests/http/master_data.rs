//! Master data over HTTP, beside a second company that must see and change nothing.

use crate::support::{World, id};
use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn founding_twice_is_founding_once() {
    let world = World::new().await;
    let before = world.contents(world.company).await;
    let again = hq_server::Founding {
        code: "demo".to_owned(),
        name: "Another".to_owned(),
        currency: "EUR".parse().unwrap(),
        admin: "thief".to_owned(),
        password: "let me in".to_owned(),
    };
    let founded = hq_server::found(&world.state, again).await.unwrap();
    assert_eq!(founded, hq_server::Founded::Before(world.company));
    assert_eq!(world.contents(world.company).await, before);
    let roles = world.get("/roles").await.expect(200);
    assert_eq!(roles["items"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_read() {
    let world = World::new().await;
    let made = world.post("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    let etag = made.etag();
    let path = format!("/departments/{}", id(&made.body));
    let missing =
        world.call(Method::PATCH, &format!("/api/v1{path}"), &world.admin, Some(&json!({})), &[]).await;
    missing.expect(428);
    let changed = world.patch(&path, &etag, json!({ "name": "Presents" })).await;
    let newer = changed.etag();
    assert_eq!(changed.expect(200)["name"], "Presents");
    world.patch(&path, &etag, json!({ "name": "Toys" })).await.expect(412);
    assert_eq!(world.get(&path).await.expect(200)["name"], "Presents");
    // What is as it was already makes no new version.
    let same = world.patch(&path, &newer, json!({ "name": "Presents" })).await;
    assert_eq!(same.etag(), newer);
    assert_eq!(
        world.patch(&path, &newer, json!({ "colour": 1 })).await.refused(422),
        ("/colour".into(), "unknown_field".into())
    );
    assert_eq!(world.patch(&path, &newer, json!({ "name": null })).await.refused(422).0, "/name");
}

#[tokio::test]
async fn the_same_create_again_is_the_same_record() {
    let world = World::new().await;
    let body = json!({ "id": Uuid::now_v7(), "code": "GIFT", "name": "Gifts" });
    let first = world.post("/departments", body.clone()).await.expect(201);
    let again = world.post("/departments", body.clone()).await.expect(200);
    assert_eq!(first, again);
    let mut other = body.clone();
    other["name"] = json!("Toys");
    assert_eq!(world.post("/departments", other).await.refused(409), ("/id".into(), "taken".into()));
    // Many at once make one.
    let body = json!({ "id": Uuid::now_v7(), "code": "TOYS", "name": "Toys" });
    let all = tokio::join!(
        world.post("/departments", body.clone()),
        world.post("/departments", body.clone()),
        world.post("/departments", body.clone())
    );
    let mut statuses = [all.0.status.as_u16(), all.1.status.as_u16(), all.2.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 201]);
}

#[tokio::test]
async fn departments_make_a_tree_and_no_ring() {
    let world = World::new().await;
    let top = world.make("/departments", json!({ "code": "A", "name": "A" })).await;
    let middle = world.make("/departments", json!({ "code": "B", "name": "B", "parent_id": top })).await;
    let low = world.make("/departments", json!({ "code": "C", "name": "C", "parent_id": middle })).await;
    for (moved, below) in [(top, low), (top, top), (middle, low)] {
        let refused =
            world.patch(&format!("/departments/{moved}"), "\"1\"", json!({ "parent_id": below })).await;
        assert_eq!(refused.refused(422), ("/parent_id".into(), "cycle".into()));
    }
    let unknown =
        world.post("/departments", json!({ "code": "D", "name": "D", "parent_id": Uuid::now_v7() })).await;
    assert_eq!(unknown.refused(422), ("/parent_id".into(), "unknown".into()));
    let taken = world.post("/departments", json!({ "code": "A", "name": "Other" })).await;
    assert_eq!(taken.refused(409), ("/code".into(), "taken".into()));
    assert_eq!(world.delete(&format!("/departments/{middle}")).await.expect(409)["type"], "/problems/in-use");
    world.delete(&format!("/departments/{low}")).await.expect(200);
    let archived = world.delete(&format!("/departments/{middle}")).await.expect(200);
    assert_eq!(archived["archived"], true);
    assert_eq!(world.get("/departments/count").await.expect(200)["count"], 1);
    assert_eq!(world.get("/departments/count?archived=all").await.expect(200)["count"], 3);
    let restored = world
        .call(Method::POST, &format!("/api/v1/departments/{middle}/restore"), &world.admin, None, &[])
        .await;
    assert_eq!(restored.expect(200)["archived"], false);
}

#[tokio::test]
async fn two_moves_at_once_make_no_ring() {
    let world = World::new().await;
    for round in 0..10 {
        let one = world.make("/departments", json!({ "code": format!("A{round}"), "name": "A" })).await;
        let two = world.make("/departments", json!({ "code": format!("B{round}"), "name": "B" })).await;
        let (path_one, path_two) = (format!("/departments/{one}"), format!("/departments/{two}"));
        let (first, second) = tokio::join!(
            world.patch(&path_one, "\"1\"", json!({ "parent_id": two })),
            world.patch(&path_two, "\"1\"", json!({ "parent_id": one })),
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422]);
    }
}

async fn product(world: &World, department: Uuid, sku: &str, barcodes: &[&str]) -> Value {
    let body = json!({ "department_id": department, "name": format!("Product {sku}"),
        "variants": [{ "sku": sku, "barcodes": barcodes }] });
    world.post("/products", body).await.expect(201)
}

#[tokio::test]
async fn a_taken_sku_or_barcode_is_named_with_the_product_that_has_it() {
    let world = World::new().await;
    let department = world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    let first = product(&world, department, "85123A", &["5012345678900", "40123455"]).await;
    let body = json!({ "department_id": department, "name": "Copy", "variants": [{ "sku": "X1" }, { "sku": "85123A" }] });
    let refused = world.post("/products", body).await;
    assert_eq!(refused.body["product_id"], first["id"]);
    assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains("Product 85123A"));
    assert_eq!(refused.refused(409), ("/variants/1/sku".into(), "taken".into()));
    let body = json!({ "department_id": department, "name": "Copy", "variants": [{ "sku": "X1", "barcodes": ["1", "40123455"] }] });
    assert_eq!(
        world.post("/products", body).await.refused(409),
        ("/variants/0/barcodes/1".into(), "taken".into())
    );
    assert_eq!(world.get("/products/count").await.expect(200)["count"], 1);
    // Another company has its own SKUs and barcodes.
    let theirs = world
        .call(
            Method::POST,
            "/api/v1/departments",
            &world.stranger,
            Some(&json!({ "code": "GIFT", "name": "Gifts" })),
            &[],
        )
        .await
        .expect(201);
    let body = json!({ "department_id": theirs["id"], "name": "Theirs", "variants": [{ "sku": "85123A", "barcodes": ["40123455"] }] });
    world.call(Method::POST, "/api/v1/products", &world.stranger, Some(&body), &[]).await.expect(201);
}

#[tokio::test]
async fn a_products_variants_are_changed_as_a_whole() {
    let world = World::new().await;
    let department = world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    let made = product(&world, department, "MUG", &["111"]).await;
    let path = format!("/products/{}", id(&made));
    let mug = made["variants"][0]["id"].clone();
    let changed = world
        .patch(&path, "\"1\"", json!({ "name": "Mug", "variants": [
            { "sku": "MUG-RED", "name": "Red", "barcodes": ["222"] }, { "id": mug, "sku": "MUG-BLUE", "name": "Blue", "barcodes": ["111", "333"] }] }))
        .await
        .expect(200);
    assert_eq!(changed["variants"][1]["id"], mug);
    assert_eq!(changed["variants"][1]["barcodes"], json!(["111", "333"]));
    assert_eq!(changed["variants"][0]["sku"], "MUG-RED");
    assert_eq!(world.get("/products?barcode=333").await.expect(200)["items"][0]["id"], made["id"]);
    // A barcode moves between siblings; who is left out is archived, not deleted.
    let changed = world
        .patch(
            &path,
            "\"2\"",
            json!({ "variants": [{ "sku": "MUG-RED", "name": "Red", "barcodes": ["111"] }] }),
        )
        .await
        .expect(200);
    let variants = changed["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 2);
    let blue = variants.iter().find(|variant| variant["sku"] == "MUG-BLUE").unwrap();
    assert_eq!((blue["archived"].clone(), blue["barcodes"].clone()), (json!(true), json!([])));
    // Another product's variant cannot be taken over.
    let second = product(&world, department, "CUP", &[]).await;
    let body = json!({ "variants": [{ "id": mug, "sku": "CUP" }] });
    world.patch(&format!("/products/{}", id(&second)), "\"1\"", body).await.expect(409);
    let body =
        json!({ "department_id": department, "name": "Thief", "variants": [{ "id": mug, "sku": "THIEF" }] });
    world.post("/products", body).await.expect(409);
    let unsold = json!({ "variants": [{ "sku": "CUP", "archived": true }] });
    assert_eq!(
        world.patch(&format!("/products/{}", id(&second)), "\"1\"", unsold).await.refused(422).0,
        "/variants"
    );
}

#[tokio::test]
async fn a_list_gives_each_record_once_in_every_order() {
    let world = World::new().await;
    let department = world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    for number in 0..23 {
        // Names repeat, so that ties are broken by id.
        let body = json!({ "department_id": department, "name": format!("Name {}", number % 4),
            "variants": [{ "sku": format!("S{number}") }] });
        world.post("/products", body).await.expect(201);
    }
    for sort in ["name", "-name", "id", "-id"] {
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = world.get(&format!("/products?limit=5&sort={sort}{after}")).await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| {
                (item["name"].as_str().unwrap().to_owned(), item["id"].as_str().unwrap().to_owned())
            }));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 23, "{sort}");
        let mut expected = seen.clone();
        match sort {
            "name" => expected.sort(),
            "-name" => expected.sort_by(|one, two| two.cmp(one)),
            "id" => expected.sort_by(|one, two| one.1.cmp(&two.1)),
            _ => expected.sort_by(|one, two| two.1.cmp(&one.1)),
        }
        assert_eq!(seen, expected, "{sort}");
    }
    for wrong in
        ["limit=0", "limit=501", "limit=x", "sort=price", "after=nonsense", "colour=red", "archived=perhaps"]
    {
        assert_eq!(world.get(&format!("/products?{wrong}")).await.status, 422, "{wrong}");
    }
    // A cursor is of one order.
    let page = world.get("/products?limit=5&sort=name").await.expect(200);
    let next = page["next"].as_str().unwrap();
    world.get(&format!("/products?limit=5&sort=id&after={next}")).await.expect(422);
}

#[tokio::test]
async fn products_are_found_by_words_sku_and_barcode_of_their_own_company_only() {
    let world = World::new().await;
    let department = world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    let body = json!({ "department_id": department, "name": "White hanging heart t-light holder",
        "variants": [{ "sku": "85123A", "barcodes": ["5012345678900"] }] });
    let heart = world.post("/products", body).await.expect(201);
    let body =
        json!({ "department_id": department, "name": "Product 100%_X", "variants": [{ "sku": "P100" }] });
    world.post("/products", body).await.expect(201);
    for (query, count) in [
        ("heart", 1),
        ("HOLDER%20white", 1),
        ("heart%20mug", 0),
        ("85123", 1),
        ("5012345678900", 1),
        ("50123456789", 0),
        ("%25", 1),
        ("%25%25", 0),
        ("00%25_", 1),
        ("product", 1),
        ("%27%3B--", 0),
    ] {
        let found = world.get(&format!("/products?q={query}")).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(
            world.get(&format!("/products/count?q={query}")).await.expect(200)["count"],
            count,
            "{query}"
        );
        let theirs =
            world.call(Method::GET, &format!("/api/v1/products?q={query}"), &world.stranger, None, &[]).await;
        assert_eq!(theirs.expect(200)["items"], json!([]));
    }
    assert_eq!(world.get("/products?sku=85123A").await.expect(200)["items"][0], heart);
}

#[tokio::test]
async fn prices_are_set_in_one_step_and_twice_changes_nothing() {
    let world = World::new().await;
    let department = world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    let mug = product(&world, department, "MUG", &[]).await;
    product(&world, department, "CUP", &[]).await;
    let variant = mug["variants"][0]["id"].clone();
    let batch = json!({ "prices": [
        { "variant_id": variant, "amount": "2.55" },
        { "sku": "CUP", "amount": "1", "valid_from": "2026-03-02T06:00:00", "valid_until": "2026-03-09T00:00:00", "kind": "sale", "reason": "spring" },
        { "sku": "CUP", "amount": "0.90", "kind": "break", "min_quantity": "10" }] });
    let counts =
        |answer: &Value| (answer["created"].clone(), answer["changed"].clone(), answer["unchanged"].clone());
    let first = world.post("/prices/batch", batch.clone()).await.expect(200);
    assert_eq!(counts(&first), (json!(3), json!(0), json!(0)));
    let again = world.post("/prices/batch", batch).await.expect(200);
    assert_eq!(counts(&again), (json!(0), json!(0), json!(3)));
    let raised = json!({ "prices": [{ "sku": "MUG", "amount": "2.95" }, { "sku": "CUP", "amount": "0.9", "kind": "break", "min_quantity": "10.000" }] });
    assert_eq!(
        counts(&world.post("/prices/batch", raised).await.expect(200)),
        (json!(0), json!(1), json!(1))
    );

    let listed = world.get("/prices?sku=MUG").await.expect(200);
    let price = &listed["items"][0];
    assert_eq!((price["amount"].clone(), price["version"].clone()), (json!("2.95"), json!(2)));
    let path = format!("/prices/{}", id(price));
    let ended =
        world.patch(&path, "\"2\"", json!({ "valid_until": "2026-04-01T00:00:00" })).await.expect(200);
    assert_eq!(ended["valid_until"], "2026-04-01T00:00:00");
    assert_eq!(
        world.patch(&path, "\"3\"", json!({ "kind": "sale" })).await.refused(422),
        ("/kind".into(), "fixed".into())
    );
    assert_eq!(
        world.get("/prices?sku=CUP&at=2026-03-05T12:00:00").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        world.get("/prices?sku=CUP&at=2026-03-09T00:00:00").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    for (price, pointer, code) in [
        (json!({ "sku": "NONE", "amount": "1" }), "/prices/0/sku", "unknown"),
        (json!({ "variant_id": Uuid::now_v7(), "amount": "1" }), "/prices/0/variant_id", "unknown"),
        (json!({ "amount": "1" }), "/prices/0/variant_id", "one_of"),
        (json!({ "sku": "CUP", "amount": "-1" }), "/prices/0/amount", "out_of_range"),
        (json!({ "sku": "CUP", "amount": 1 }), "/prices/0/amount", "wrong_type"),
        (json!({ "sku": "CUP", "amount": "1", "kind": "break" }), "/prices/0/min_quantity", "out_of_range"),
        (
            json!({ "sku": "CUP", "amount": "1", "valid_from": "2026-03-09T00:00:00", "valid_until": "2026-03-09T00:00:00" }),
            "/prices/0/valid_until",
            "out_of_range",
        ),
        (json!({ "sku": "CUP", "amount": "1", "store_id": Uuid::now_v7() }), "/store_id", "unknown"),
    ] {
        let body = json!({ "prices": [price, { "sku": "MUG", "amount": "9.99" }] });
        assert_eq!(world.post("/prices/batch", body).await.refused(422), (pointer.into(), code.into()));
    }
    let twice = json!({ "prices": [{ "sku": "CUP", "amount": "1" }, { "sku": "CUP", "amount": "2" }] });
    assert_eq!(
        world.post("/prices/batch", twice).await.refused(422),
        ("/prices/1".into(), "duplicate".into())
    );
    // Of what was refused nothing was written.
    assert_eq!(world.get("/prices?sku=MUG").await.expect(200)["items"][0]["amount"], "2.95");
    let single = json!({ "variant_id": variant, "amount": "3" });
    assert_eq!(world.post("/prices", single).await.refused(409), ("/valid_from".into(), "taken".into()));
    let audited = world.get("/audit?entity=price").await.expect(200);
    assert_eq!(audited["items"].as_array().unwrap().len(), 5);
    assert_eq!(audited["items"][1]["before"]["amount"], "2.550000");
}

#[tokio::test]
async fn a_tax_in_use_is_not_archived() {
    let world = World::new().await;
    let vat = json!({ "code": "vat20", "name": "VAT 20 %", "kind": "percent", "rate": "20", "price_included": true });
    let tax = world.make("/taxes", vat).await;
    let group =
        world.make("/tax-groups", json!({ "code": "standard", "name": "Standard", "tax_ids": [tax] })).await;
    let department =
        world.make("/departments", json!({ "code": "GIFT", "name": "Gifts", "tax_group_id": group })).await;
    world.delete(&format!("/taxes/{tax}")).await.expect(409);
    world.delete(&format!("/tax-groups/{group}")).await.expect(409);
    world.delete(&format!("/departments/{department}")).await.expect(200);
    world.delete(&format!("/tax-groups/{group}")).await.expect(200);
    world.delete(&format!("/taxes/{tax}")).await.expect(200);
    let unknown = json!({ "code": "x", "name": "X", "tax_ids": [Uuid::now_v7()] });
    assert_eq!(
        world.post("/tax-groups", unknown).await.refused(422),
        ("/tax_ids/0".into(), "unknown".into())
    );
    for (field, value) in [("rate", "-1"), ("rate", "1000"), ("rate", "7.12345"), ("exempt_below", "0")] {
        let mut body =
            json!({ "code": "y", "name": "Y", "kind": "percent", "rate": "20", "price_included": false });
        body[field] = json!(value);
        assert_eq!(world.post("/taxes", body).await.refused(422).0, format!("/{field}"));
    }
}

#[tokio::test]
async fn a_store_keeps_its_code_and_its_registers_theirs() {
    let world = World::new().await;
    let body =
        json!({ "code": "ST01", "name": "High Street", "time_zone": "Europe/London", "currency": "GBP" });
    let store = world.make("/stores", body.clone()).await;
    for (field, value) in [("code", "st 1"), ("time_zone", "Mars/Olympus"), ("currency", "XXX"), ("name", "")]
    {
        let mut wrong = body.clone();
        wrong["code"] = json!("ST02");
        wrong[field] = json!(value);
        assert_eq!(world.post("/stores", wrong).await.refused(422).0, format!("/{field}"));
    }
    let path = format!("/stores/{store}");
    assert_eq!(
        world.patch(&path, "\"1\"", json!({ "code": "ST09" })).await.refused(422),
        ("/code".into(), "fixed".into())
    );
    let register =
        world.make("/registers", json!({ "store_id": store, "code": "R01", "name": "Till" })).await;
    assert_eq!(
        world.post("/registers", json!({ "store_id": store, "code": "R01" })).await.refused(409),
        ("/code".into(), "taken".into())
    );
    assert_eq!(
        world.post("/registers", json!({ "store_id": store, "code": "T1" })).await.refused(422).0,
        "/code"
    );
    let moved = world.patch(&format!("/registers/{register}"), "\"1\"", json!({ "code": "R02" })).await;
    assert_eq!(moved.refused(422), ("/code".into(), "fixed".into()));
    assert_eq!(
        world.get(&format!("/registers?store_id={store}")).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn cash_is_rounded_to_no_coin_that_the_currency_does_not_have() {
    let world = World::new().await;
    let with = |coin: &str| json!({ "code": "cash", "name": "Cash", "kind": "cash", "cash_rounding": coin });
    let (pointer, code) = world.post("/tenders", with("5.00")).await.refused(422);
    assert_eq!((pointer.as_str(), code.as_str()), ("/cash_rounding", "out_of_range"));
    let made = world.post("/tenders", with("0.05")).await;
    let path = format!("/tenders/{}", id(&made.body));
    let changed = world.patch(&path, "\"1\"", json!({ "cash_rounding": "1.00" })).await;
    assert_eq!(changed.refused(422).0, "/cash_rounding");
    // One of a time when coins were not asked about can be edited, and its coin be changed to one that there is.
    sqlx::query("update tender set cash_rounding = 7").execute(world.database.owner()).await.unwrap();
    let renamed = world.patch(&path, "\"1\"", json!({ "name": "Notes" })).await;
    assert_eq!(renamed.expect(200)["cash_rounding"], "7.00");
    world.patch(&path, "\"2\"", json!({ "cash_rounding": "6.00" })).await.refused(422);
    // A coin that one currency of the chain has is one, whatever the others have.
    world
        .post(
            "/stores",
            json!({ "code": "BUD1", "name": "Budapest", "currency": "HUF", "time_zone": "Europe/Budapest" }),
        )
        .await
        .expect(201);
    world.patch(&path, "\"2\"", json!({ "cash_rounding": "5.00" })).await.expect(200);
    world.patch(&path, "\"3\"", json!({ "cash_rounding": "5.01" })).await.refused(422);
}

#[tokio::test]
async fn every_write_leaves_an_audit_entry_with_before_and_after() {
    let world = World::new().await;
    let made = world
        .post("/tenders", json!({ "code": "cash", "name": "Cash", "kind": "cash", "allows_change": true }))
        .await;
    let tender = id(&made.body);
    let path = format!("/tenders/{tender}");
    world.patch(&path, "\"1\"", json!({ "name": "Bar", "cash_rounding": "0.05" })).await.expect(200);
    world.delete(&path).await.expect(200);
    world.delete(&path).await.expect(200);
    let entries = world.get(&format!("/audit?entity=tender&entity_id={tender}")).await.expect(200);
    let entries = entries["items"].as_array().unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["tender.archive", "tender.change", "tender.create"]);
    assert_eq!(entries[1]["before"]["name"], "Cash");
    assert_eq!(
        (entries[1]["after"]["name"].clone(), entries[1]["after"]["cash_rounding"].clone()),
        (json!("Bar"), json!("0.05"))
    );
    assert_eq!(entries[1]["actor_name"], "hq");
    let first = world.get("/audit?limit=2").await.expect(200);
    let next = first["next"].as_str().unwrap();
    let second = world.get(&format!("/audit?limit=2&after={next}")).await.expect(200);
    assert!(second["items"][0]["id"].as_str() < first["items"][1]["id"].as_str());
    // Nobody can rewrite it, not even past the server.
    let tampered = sqlx::query("update audit set actor_name = 'nobody'").execute(&world.state.pool).await;
    assert!(tampered.is_err());
    let tampered = sqlx::query("delete from audit").execute(world.database.owner()).await;
    assert!(tampered.is_err());
}

#[tokio::test]
async fn another_company_sees_and_changes_nothing() {
    let world = World::new().await;
    let department = world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    let made = product(&world, department, "MUG", &["111"]).await;
    let variant = made["variants"][0]["id"].clone();
    let tax = world
        .make(
            "/taxes",
            json!({ "code": "v", "name": "V", "kind": "percent", "rate": "20", "price_included": true }),
        )
        .await;
    let group = world.make("/tax-groups", json!({ "code": "s", "name": "S", "tax_ids": [tax] })).await;
    let store = world
        .make(
            "/stores",
            json!({ "code": "ST01", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    let register = world.make("/registers", json!({ "store_id": store, "code": "R01" })).await;
    let level = world.make("/price-levels", json!({ "code": "trade", "name": "Trade" })).await;
    let price = world.make("/prices", json!({ "variant_id": variant, "amount": "1" })).await;
    let tender = world.make("/tenders", json!({ "code": "cash", "name": "Cash", "kind": "cash" })).await;
    let role = world.role("cashier").await;
    let user = world
        .make(
            "/users",
            json!({ "login": "ana", "name": "Ana", "stores": [{ "store_id": store, "role_id": role }] }),
        )
        .await;
    let ours = world.contents(world.company).await;

    let stranger = |method: Method, path: String, body: Option<Value>| {
        let world = &world;
        async move {
            let headers = [("if-match", "\"1\"")];
            world.call(method, &format!("/api/v1{path}"), &world.stranger, body.as_ref(), &headers).await
        }
    };
    for (collection, record) in [
        ("departments", department),
        ("products", id(&made)),
        ("taxes", tax),
        ("tax-groups", group),
        ("stores", store),
        ("registers", register),
        ("price-levels", level),
        ("prices", price),
        ("tenders", tender),
        ("roles", role),
        ("users", user),
    ] {
        let path = format!("/{collection}/{record}");
        stranger(Method::GET, path.clone(), None).await.expect(404);
        stranger(Method::PATCH, path.clone(), Some(json!({ "name": "Taken" }))).await.expect(404);
        if collection != "prices" {
            stranger(Method::DELETE, path.clone(), None).await.expect(404);
            stranger(Method::POST, format!("{path}/restore"), None).await.expect(404);
        }
        let listed = stranger(Method::GET, format!("/{collection}?limit=500"), None).await.expect(200);
        assert!(!listed.to_string().contains(&record.to_string()), "{collection}");
    }
    // Our ids in each field that refers to something.
    let theirs = stranger(Method::POST, "/departments".into(), Some(json!({ "code": "X", "name": "X" })))
        .await
        .expect(201);
    for (path, body) in [
        ("/departments", json!({ "code": "Y", "name": "Y", "parent_id": department })),
        ("/departments", json!({ "code": "Y", "name": "Y", "tax_group_id": group })),
        ("/products", json!({ "department_id": department, "name": "Y", "variants": [{ "sku": "Y" }] })),
        (
            "/products",
            json!({ "department_id": theirs["id"], "tax_group_id": group, "name": "Y", "variants": [{ "sku": "Y" }] }),
        ),
        ("/tax-groups", json!({ "code": "y", "name": "Y", "tax_ids": [tax] })),
        ("/registers", json!({ "store_id": store, "code": "R01" })),
        (
            "/stores",
            json!({ "code": "Y", "name": "Y", "time_zone": "UTC", "currency": "EUR", "price_level_id": level }),
        ),
        ("/prices", json!({ "variant_id": variant, "amount": "1" })),
        ("/prices/batch", json!({ "prices": [{ "variant_id": variant, "amount": "1" }] })),
        ("/prices/batch", json!({ "prices": [{ "sku": "MUG", "amount": "1" }] })),
        ("/users", json!({ "login": "y", "name": "Y", "role_id": role })),
        ("/users", json!({ "login": "y", "name": "Y", "stores": [{ "store_id": store, "role_id": role }] })),
    ] {
        let answer = stranger(Method::POST, path.into(), Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{path} {body} {}", answer.body);
        assert!(!answer.body.to_string().contains("Product MUG"));
    }
    for path in [format!("/users/{user}/password"), format!("/users/{user}/pin")] {
        let body =
            if path.ends_with("pin") { json!({ "pin": "1234" }) } else { json!({ "password": "their own" }) };
        stranger(Method::PUT, path, Some(body)).await.expect(404);
    }
    stranger(Method::POST, format!("/stores/{store}/enrol-code"), Some(json!({}))).await.expect(404);
    let audit = stranger(Method::GET, format!("/audit?entity_id={user}"), None).await.expect(200);
    assert_eq!(audit["items"], json!([]));
    assert_eq!(world.contents(world.company).await, ours);
}
