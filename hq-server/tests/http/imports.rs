//! The import of products: all of it, or nothing and what is wrong where.

use crate::support::World;
use serde_json::{Value, json};
use uuid::Uuid;

async fn world() -> World {
    let world = World::new().await;
    let tax = world
        .make("/taxes", json!({ "code": "vat20", "name": "VAT", "kind": "percent", "rate": "20", "price_included": true }))
        .await;
    world.make("/tax-groups", json!({ "code": "standard", "name": "Standard", "tax_ids": [tax] })).await;
    world.make("/departments", json!({ "code": "GIFT", "name": "Gifts" })).await;
    world.make("/departments", json!({ "code": "TOYS", "name": "Toys" })).await;
    world
}

fn counts(answer: &Value) -> (i64, i64, i64, i64) {
    let count = |name: &str| answer[name].as_i64().unwrap();
    (count("rows"), count("created"), count("updated"), count("unchanged"))
}

#[tokio::test]
async fn a_file_makes_products_and_again_changes_nothing() {
    let world = world().await;
    let strangers = world.contents(world.other).await;
    let csv = "sku,name,department_code,barcodes,price,tax_group_code,unit\n\
        85123A,\"White hanging heart, \"\"t-light\"\" holder\",GIFT,5012345678900|40123455,2.55,standard,\n\
        71053,White metal lantern,GIFT,,3.39,,\n\
        CHEESE,Cheddar,GIFT,,12.5,,kg\n";
    let dry = world.import("?dry_run=true", csv).await.expect(200);
    assert_eq!(counts(&dry), (3, 3, 0, 0));
    assert_eq!(world.get("/products/count").await.expect(200)["count"], 0);

    let import = Uuid::now_v7();
    let first = world.import(&format!("?id={import}"), csv).await.expect(200);
    assert_eq!(counts(&first), (3, 3, 0, 0));
    let again = world.import(&format!("?id={import}"), csv).await.expect(200);
    assert_eq!(again, first);
    let other_file = world.import(&format!("?id={import}"), "sku,name,department_code\nX,X,GIFT\n").await;
    assert_eq!(other_file.refused(409), ("/id".into(), "taken".into()));
    let job = world.get(&format!("/import/products/{import}")).await.expect(200);
    assert_eq!((job["state"].clone(), job["rows_read"].clone()), (json!("done"), json!(3)));
    let anew = world.import("", csv).await.expect(200);
    assert_eq!(counts(&anew), (3, 0, 0, 3));

    let heart = world.get("/products?sku=85123A").await.expect(200)["items"][0].clone();
    assert_eq!(heart["name"], "White hanging heart, \"t-light\" holder");
    assert_eq!(heart["variants"][0]["barcodes"], json!(["40123455", "5012345678900"]));
    assert_eq!(world.get("/prices?sku=85123A").await.expect(200)["items"][0]["amount"], "2.55");

    // What has no column is left as it is; what has one is set.
    let csv = "sku,department_code,name,barcodes,price\n85123A,TOYS,Heart,40123455|7,2.95\n71053,GIFT,White metal lantern,,\nNEW,TOYS,New,5012345678900,1\n";
    let changed = world.import("", csv).await.expect(200);
    assert_eq!(counts(&changed), (3, 1, 1, 1));
    let heart = world.get("/products?sku=85123A").await.expect(200)["items"][0].clone();
    assert_eq!((heart["name"].clone(), heart["version"].clone()), (json!("Heart"), json!(2)));
    assert!(heart["tax_group_id"].is_string());
    assert_eq!(heart["variants"][0]["barcodes"], json!(["40123455", "7"]));
    assert_eq!(world.get("/prices?sku=85123A").await.expect(200)["items"][0]["amount"], "2.95");
    assert_eq!(world.get("/prices?sku=71053").await.expect(200)["items"][0]["amount"], "3.39");
    let audit = world
        .get(&format!("/audit?entity=product&entity_id={}", heart["id"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(audit["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        (audit["items"][0]["before"]["price"].clone(), audit["items"][0]["after"]["price"].clone()),
        (json!("2.55"), json!("2.95"))
    );
    assert_eq!(world.contents(world.other).await, strangers);
}

#[tokio::test]
async fn mistakes_are_told_by_line_and_column_and_nothing_is_written() {
    let world = world().await;
    world.import("", "sku,name,department_code,barcodes\nTAKEN,Taken,GIFT,999\n").await.expect(200);
    let before = world.contents(world.company).await;
    let csv = "sku,name,department_code,barcodes,price,tax_group_code\n\
        A,Good,GIFT,1,1.00,\n\
        B,No department,NONE,2,1.00,\n\
        C,Bad price,GIFT,3,1.2345678,\n\
        A,Twice,GIFT,4,1.00,\n\
        D,Barcode twice,GIFT,1,1.00,\n\
        E,Barcode taken,GIFT,999,1.00,nogroup\n\
        F,Short\n\
        G,\"a\"b,GIFT,5,1.00,\n";
    let refused = world.import("", csv).await;
    let mistakes: Vec<(String, String)> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [
        ("/4/price", "malformed"),
        ("/8", "field_count"),
        ("/9", "quote"),
        ("/3/department_code", "unknown"),
        ("/5/sku", "duplicate"),
        ("/6/barcodes", "duplicate"),
        ("/7/barcodes", "taken"),
        ("/7/tax_group_code", "unknown"),
    ];
    let expected: Vec<(String, String)> =
        expected.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect();
    assert_eq!(mistakes, expected);
    assert_eq!(refused.body["mistakes"], 8);
    refused.expect(422);
    let mut after = world.contents(world.company).await;
    let mut before = before;
    // That it was tried is noted.
    assert_ne!(after.remove("import_job"), before.remove("import_job"));
    assert_eq!(after, before);
    for (csv, pointer) in [
        ("", "/1"),
        ("sku,name,department_code\n", "/1"),
        ("sku,name\nA,B\n", "/1/department_code"),
        ("sku,name,department_code,colour\nA,B,GIFT,red\n", "/1"),
    ] {
        assert_eq!(world.import("", csv).await.refused(422).0, pointer, "{csv:?}");
    }
}

#[tokio::test]
async fn a_refused_import_can_be_sent_again_mended() {
    let world = world().await;
    let import = Uuid::now_v7();
    let csv = "sku,name,department_code\nA,A,LATER\n";
    world.import(&format!("?id={import}"), csv).await.expect(422);
    assert_eq!(world.get(&format!("/import/products/{import}")).await.expect(200)["state"], "refused");
    world.make("/departments", json!({ "code": "LATER", "name": "Later" })).await;
    assert_eq!(counts(&world.import(&format!("?id={import}"), csv).await.expect(200)), (1, 1, 0, 0));
}

#[tokio::test]
async fn an_import_of_prices_needs_the_right_to_publish_them() {
    let world = world().await;
    let role = json!({ "code": "importer", "name": "Importer", "permissions": ["import.run", "catalogue.write", "catalogue.read"] });
    let role = world.make("/roles", role).await;
    let importer = world.person("ivy", role).await;
    let mut world = world;
    world.admin = importer;
    let with_prices = world.import("", "sku,name,department_code,price\nA,A,GIFT,1\n").await;
    assert_eq!(with_prices.expect(403)["permission"], "price.publish");
    world.import("", "sku,name,department_code\nA,A,GIFT\n").await.expect(200);
}

/// Two thousand here; the hundred thousand of the benchmark go the same way.
#[tokio::test]
async fn many_rows_with_many_barcodes_come_in_whole() {
    use std::fmt::Write;
    let world = world().await;
    let mut csv = String::from("sku,name,department_code,barcodes,price\n");
    for row in 0..2_000 {
        let codes: Vec<String> = (0..row % 5).map(|code| format!("{row:06}{code}")).collect();
        writeln!(csv, "S{row},Product number {row},GIFT,{},{}.{:02}", codes.join("|"), row % 90, row % 100)
            .unwrap();
    }
    assert_eq!(counts(&world.import("", &csv).await.expect(200)), (2_000, 2_000, 0, 0));
    let owner = world.database.owner();
    let barcodes: i64 = sqlx::query_scalar("select count(*) from barcode").fetch_one(owner).await.unwrap();
    assert_eq!(barcodes, 4_000);
    let audited: i64 = sqlx::query_scalar("select count(*) from audit where entity = 'product'")
        .fetch_one(owner)
        .await
        .unwrap();
    assert_eq!(audited, 2_000);
}
