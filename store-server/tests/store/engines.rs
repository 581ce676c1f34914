//! What HQ sends of promotions, customers, tax areas and labels is in a sale's price.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{MUG_VARIANT, STORE, SUGAR_VARIANT, Shop, VAT20, id, regular_price, simple_sale};

const TEN_OFF: u128 = 501;
const CUSTOMER: u128 = 502;
const LEVEL: u128 = 503;
const AREA: u128 = 504;
const GST: u128 = 505;
const RULE: u128 = 506;

fn promotion(change: &[(&str, Value)]) -> Value {
    let mut promotion = json!({ "name": "Ten off", "priority": 0, "exclusive": false,
        "when": { "from": "2000-01-01T00:00:00", "until": "2200-01-01T00:00:00" },
        "limit_per_sale": null, "limit_per_customer": null,
        "offer": { "kind": "each", "of": { "everything": true }, "effect": { "percent": "10" } } });
    for (pointer, value) in change {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        promotion.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    promotion
}

fn customer(change: &[(&str, Value)]) -> Value {
    let mut customer = json!({ "code": "C1", "name": "Ann", "phone": "", "email": "", "price_level_id": null, "customer_group": null,
        "tax_number": "", "exemption_certificate": "", "exemption_expires_on": null });
    for (name, value) in change {
        customer[*name] = value.clone();
    }
    customer
}

fn mug(session: Uuid, total: &str, change: &[(&str, Value)]) -> Value {
    let mut body = simple_sale(session, "MUG-RED", "1", total);
    for (name, value) in change {
        body[*name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_promotion_of_hq_is_in_force_from_its_checkpoint_to_the_next() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[])).await.ok();
    shop.checkpoint(2, false, vec![("promotion", id(TEN_OFF), Some(promotion(&[])))]).await;
    let sale_id = Uuid::now_v7();
    let body = mug(session, "7.15", &[]);
    let sale = shop.put_sale(&manager, sale_id, &body).await.ok();
    assert_eq!(sale["promotions"][0]["promotion_id"], json!(id(TEN_OFF)));
    assert_eq!(
        (&sale["lines"][0]["reductions"][0]["kind"], &sale["lines"][0]["reduction"]),
        (&json!("promotion"), &json!("0.80"))
    );
    // Over, not yet begun, for a coupon that is not shown: none of them takes anything off.
    for change in [
        ("/when/until", json!("2001-01-01T00:00:00")),
        ("/when/from", json!("2199-01-01T00:00:00")),
        ("/when/coupon", json!("SPRING")),
        ("/when/customer_groups", json!(["staff"])),
    ] {
        shop.checkpoint(3, false, vec![("promotion", id(TEN_OFF), Some(promotion(&[change])))]).await;
        shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[])).await.ok();
    }
    shop.checkpoint(
        4,
        false,
        vec![("promotion", id(TEN_OFF), Some(promotion(&[("/when/coupon", json!("SPRING"))])))],
    )
    .await;
    shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.15", &[("coupons", json!(["SPRING"]))]))
        .await
        .ok();
    shop.checkpoint(5, false, vec![("promotion", id(TEN_OFF), None)]).await;
    shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[("coupons", json!(["SPRING"]))]))
        .await
        .ok();
    // What was sold stays sold.
    assert_eq!(shop.put_sale(&manager, sale_id, &body).await.ok(), sale);
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_customers_level_group_exemption_and_uses_count() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let of = |body: Value| {
        let mut body = body;
        body["customer_id"] = json!(id(CUSTOMER));
        body
    };
    let unknown = shop
        .put_sale(&manager, Uuid::now_v7(), &of(mug(session, "7.95", &[])))
        .await
        .refused(422, "invalid-input");
    assert_eq!(unknown["errors"][0]["pointer"], "/customer_id");

    let mut trade = regular_price(MUG_VARIANT, "6.00");
    trade["price_level_id"] = json!(id(LEVEL));
    shop.checkpoint(
        2,
        false,
        vec![
            ("customer", id(CUSTOMER), Some(customer(&[("price_level_id", json!(id(LEVEL)))]))),
            ("price", id(510), Some(trade)),
        ],
    )
    .await;
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &of(mug(session, "6.00", &[]))).await.ok();
    assert_eq!(sale["customer_id"], json!(id(CUSTOMER)));

    let exempt =
        customer(&[("exemption_certificate", json!("X-1")), ("exemption_expires_on", json!("2199-12-31"))]);
    shop.checkpoint(3, false, vec![("customer", id(CUSTOMER), Some(exempt))]).await;
    // 7.95 have 1.325 of tax in them.
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &of(mug(session, "6.62", &[]))).await.ok();
    assert_eq!((&sale["tax"], &sale["lines"][0]["tax_relief"]), (&json!("0.00"), &json!("1.33")));
    let expired =
        customer(&[("exemption_certificate", json!("X-1")), ("exemption_expires_on", json!("2001-12-31"))]);
    shop.checkpoint(4, false, vec![("customer", id(CUSTOMER), Some(expired))]).await;
    shop.put_sale(&manager, Uuid::now_v7(), &of(mug(session, "7.95", &[]))).await.ok();

    // Once per customer, however many sales.
    let once = promotion(&[("/limit_per_customer", json!(1)), ("/when/customer_groups", json!(["staff"]))]);
    shop.checkpoint(
        5,
        false,
        vec![
            ("promotion", id(TEN_OFF), Some(once)),
            ("customer", id(CUSTOMER), Some(customer(&[("customer_group", json!("staff"))]))),
        ],
    )
    .await;
    shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[])).await.ok();
    shop.put_sale(&manager, Uuid::now_v7(), &of(mug(session, "7.15", &[]))).await.ok();
    shop.put_sale(&manager, Uuid::now_v7(), &of(mug(session, "7.95", &[]))).await.ok();
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_taxes_are_those_of_the_stores_tax_area() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let mut gst = crate::common::tax("gst", "5");
    gst["price_included"] = json!(false);
    let area = json!({ "code": "ab", "name": "Alberta", "country": "CA", "tax_rounding": "per_document", "rounding_mode": "half_even",
        "mapping": [{ "tax_id": id(VAT20), "becomes": [id(GST)] }] });
    let store = json!({ "code": "ST01", "name": "High Street", "time_zone": "Europe/London", "currency": "GBP", "price_level_id": null,
        "tax_area_id": id(AREA), "tax_rounding": "per_line", "rounding_mode": "half_up", "stock_policy": "allow", "legal_name": "",
        "address": "", "tax_number": "", "archived": false });
    shop.checkpoint(
        2,
        false,
        vec![
            ("tax", id(GST), Some(gst)),
            ("tax_area", id(AREA), Some(area.clone())),
            ("store", id(STORE), Some(store)),
        ],
    )
    .await;
    // 5 % of 7.95 are 0.3975.
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "8.35", &[])).await.ok();
    assert_eq!((&sale["taxes"][0]["code"], &sale["tax"]), (&json!("gst"), &json!("0.40")));
    let mut none = area;
    none["mapping"][0]["becomes"] = json!([]);
    shop.checkpoint(3, false, vec![("tax_area", id(AREA), Some(none))]).await;
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[])).await.ok();
    assert_eq!((&sale["taxes"], &sale["tax"]), (&json!([]), &json!("0.00")));
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_scales_label_is_read_by_the_chains_rules() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let rule = json!({ "prefix": "21", "bears": "weight", "item_digits": 5, "value_digits": 5, "value_decimals": 3, "value_check_digit": false });
    let code = |digits: &str| format!("{digits}{}", checkout::barcode::check_digit(digits).unwrap());
    let item = json!({ "variant_id": id(SUGAR_VARIANT), "code": code("211234500000") });
    let mut body = simple_sale(session, "SUGAR", "1", "1.00");
    body["lines"][0] = json!({ "id": Uuid::now_v7(), "barcode": code("211234500500"), "quantity": "1" });
    shop.put_sale(&manager, Uuid::now_v7(), &body).await.refused(422, "invalid-input");
    shop.checkpoint(2, false, vec![("barcode_rule", id(RULE), Some(rule)), ("barcode", id(507), Some(item))])
        .await;
    // Half a kilogram at 1.99.
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
    assert_eq!(
        (&sale["lines"][0]["quantity"], &sale["lines"][0]["scanned_code"]),
        (&json!("0.5"), &json!(code("211234500500")))
    );
    body["lines"][0] = json!({ "id": Uuid::now_v7(), "barcode": code("211234500500"), "quantity": "2" });
    let two = shop.put_sale(&manager, Uuid::now_v7(), &body).await.refused(422, "invalid-input");
    assert_eq!(two["errors"][0]["code"], "not_one");
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_record_of_an_older_hq_without_flags_is_goods_like_before() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let kinds: Vec<Option<String>> =
        sqlx::query_scalar("select kind from from_hq.product").fetch_all(shop.pool()).await.unwrap();
    assert!(kinds.iter().all(Option::is_none) && !kinds.is_empty());
    let body = simple_sale(session, "MUG-RED", "2", "15.90");
    shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
}

#[tokio::test]
async fn a_promotion_that_only_a_newer_release_can_read_stops_no_sale() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let newer = promotion(&[("/when/phase_of_the_moon", json!("full"))]);
    let known = promotion(&[]);
    shop.checkpoint(
        2,
        false,
        vec![("promotion", id(TEN_OFF), Some(newer)), ("promotion", id(TEN_OFF + 100), Some(known))],
    )
    .await;
    let sale = shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.15", &[])).await.ok();
    assert_eq!(sale["promotions"][0]["promotion_id"], json!(id(TEN_OFF + 100)), "the other one holds");
}

#[tokio::test]
async fn a_tax_that_was_taken_away_under_a_group_is_still_owed() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let before = shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[])).await.ok();
    shop.checkpoint(2, false, vec![("tax", id(VAT20), None)]).await;
    let after = shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "7.95", &[])).await.ok();
    assert_eq!(before["taxes"], after["taxes"]);
}

#[tokio::test]
async fn what_a_product_is_said_to_cost_is_what_it_is_rung_up_for() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    let said = async || -> Value {
        let by_code =
            shop.send(Some(&manager), "GET", "/api/v1/products/by-barcode/5000000000017", None).await.ok();
        let page = shop.send(Some(&manager), "GET", "/api/v1/products?q=mug", None).await.ok();
        assert_eq!(page["items"][0], by_code);
        by_code["price"].clone()
    };
    assert_eq!(said().await["amount"], "7.95");
    let rule = json!({"name": "Closing down", "sequence": 1, "of": {"everything": true}, "conditions": [], "effect": {"discount": "20"}});
    shop.checkpoint(2, false, vec![("price_rule", id(901), Some(rule))]).await;
    let price = said().await;
    assert_eq!((&price["amount"], &price["reason"]), (&json!("6.36"), &json!("Closing down")));
    assert_eq!(price["kind"], "regular");
    shop.put_sale(&manager, Uuid::now_v7(), &mug(session, "6.36", &[])).await.ok();
    // A promotion is of a whole cart, not of a product.
    shop.checkpoint(
        3,
        false,
        vec![("price_rule", id(901), None), ("promotion", id(TEN_OFF), Some(promotion(&[])))],
    )
    .await;
    assert_eq!(said().await["amount"], "7.95");
}
