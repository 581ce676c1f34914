//! Customers: found by what people know of them, exempt only with a certificate that ends.

use axum::http::Method;
use serde_json::json;

use crate::support::{World, id};

#[tokio::test]
async fn a_customer_has_a_level_a_group_and_an_exemption_that_ends() {
    let world = World::new().await;
    let level = world.make("/price-levels", json!({ "code": "trade", "name": "Trade" })).await;
    let body = json!({ "code": "C-1", "name": "Ann’s School", "phone": "+44 20 7946 0018", "email": "ann@school.example",
        "price_level_id": level, "customer_group": "schools", "tax_number": "GB 123",
        "exemption_certificate": "ST-119.1", "exemption_expires_on": "2026-12-31" });
    let made = world.post("/customers", body.clone()).await;
    let path = format!("/customers/{}", id(&made.body));
    let etag = made.etag();
    let made = made.expect(201);
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    let endless = world.patch(&path, &etag, json!({ "exemption_expires_on": null })).await;
    assert_eq!(endless.refused(422), ("/exemption_expires_on".into(), "missing_field".into()));
    let nameless = world.patch(&path, &etag, json!({ "exemption_certificate": "" })).await;
    assert_eq!(nameless.refused(422), ("/exemption_certificate".into(), "empty".into()));
    let both = json!({ "exemption_certificate": "", "exemption_expires_on": null });
    world.patch(&path, &etag, both).await.expect(200);
    let taken = world.post("/customers", json!({ "code": "C-1", "name": "Another" })).await;
    assert_eq!(taken.refused(409), ("/code".into(), "taken".into()));
    let unknown = json!({ "code": "C-2", "name": "Bob", "price_level_id": made["id"] });
    assert_eq!(
        world.post("/customers", unknown).await.refused(422),
        ("/price_level_id".into(), "unknown".into())
    );
    // A level that a customer has is not taken out of use behind their back.
    assert_eq!(world.delete(&format!("/price-levels/{level}")).await.expect(409)["type"], "/problems/in-use");
    world.delete(&path).await.expect(200);
    world.delete(&format!("/price-levels/{level}")).await.expect(200);
}

#[tokio::test]
async fn customers_are_found_by_any_words_of_name_number_phone_or_mail() {
    let world = World::new().await;
    for (code, name, phone, email) in [
        ("1001", "Ann Baker", "020 7946 0018", "ann@example.org"),
        ("1002", "Bob Carter", "020 7946 0019", "bob@example.org"),
        ("1003", "100 % Cotton Ltd", "", ""),
    ] {
        let body = json!({ "code": code, "name": name, "phone": phone, "email": email });
        world.make("/customers", body).await;
    }
    let theirs = json!({ "code": "1001", "name": "Ann Stranger" });
    world.call(Method::POST, "/api/v1/customers", &world.stranger, Some(&theirs), &[]).await.expect(201);
    for (words, codes) in [
        ("ann", vec!["1001"]),
        ("baker%20ANN", vec!["1001"]),
        ("7946", vec!["1001", "1002"]),
        ("bob@", vec!["1002"]),
        ("%25", vec!["1003"]),
        ("_", vec![]),
        ("1002", vec!["1002"]),
    ] {
        let found = world.get(&format!("/customers?sort=code&q={words}")).await.expect(200);
        let found: Vec<&str> =
            found["items"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap()).collect();
        assert_eq!(found, codes, "{words}");
    }
}

#[tokio::test]
async fn another_company_sees_no_customer() {
    let world = World::new().await;
    let customer = world.make("/customers", json!({ "code": "C-1", "name": "Ann" })).await;
    let path = format!("/api/v1/customers/{customer}");
    let body = json!({ "name": "Taken" });
    for (method, body) in [(Method::GET, None), (Method::PATCH, Some(&body)), (Method::DELETE, None)] {
        world.call(method, &path, &world.stranger, body, &[("if-match", "\"1\"")]).await.expect(404);
    }
    let listed =
        world.call(Method::GET, "/api/v1/customers?q=Ann", &world.stranger, None, &[]).await.expect(200);
    assert_eq!(listed["items"], json!([]));
}
