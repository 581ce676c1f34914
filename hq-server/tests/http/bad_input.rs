//! Whatever is sent to whichever route: a problem, never a fault, and nothing half done.

use std::collections::HashMap;

use serde_json::{Value, json};
use server_kit::testing::bad_input::BadInput;

use crate::support::{World, id};

#[tokio::test]
async fn bad_input_is_always_a_problem_and_never_half_a_write() {
    let world = World::new().await;
    let tax = world
        .make(
            "/taxes",
            json!({ "code": "v", "name": "V", "kind": "percent", "rate": "20", "price_included": true }),
        )
        .await;
    let group = world.make("/tax-groups", json!({ "code": "s", "name": "S", "tax_ids": [tax] })).await;
    let department = world.make("/departments", json!({ "code": "D", "name": "D" })).await;
    let body = json!({ "department_id": department, "name": "Mug", "variants": [{ "sku": "MUG", "barcodes": ["111"] }] });
    let product = world.post("/products", body).await.expect(201);
    let variant = product["variants"][0]["id"].clone();
    let level = world.make("/price-levels", json!({ "code": "l", "name": "L" })).await;
    let price = world.make("/prices", json!({ "variant_id": variant, "amount": "1" })).await;
    let store = world
        .make(
            "/stores",
            json!({ "code": "ST01", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    let register = world.make("/registers", json!({ "store_id": store, "code": "R01" })).await;
    let tender = world.make("/tenders", json!({ "code": "c", "name": "C", "kind": "cash" })).await;
    let role = world.make("/roles", json!({ "code": "r", "name": "R", "permissions": [] })).await;
    let user = world.make("/users", json!({ "login": "ana", "name": "Ana" })).await;
    let customer = world.make("/customers", json!({ "code": "C1", "name": "Ann" })).await;
    let rule =
        json!({ "prefix": "21", "bears": "price", "item_digits": 5, "value_digits": 5, "value_decimals": 2 });
    let rule = world.make("/barcode-rules", rule).await;
    let promotion = json!({ "name": "P", "when": { "from": "2026-01-01T00:00:00", "until": "2027-01-01T00:00:00" },
        "offer": { "kind": "each", "of": { "everything": true }, "effect": { "percent": "10" } } });
    let promotion = world.make("/promotions", promotion).await;
    let price_rule = json!({ "name": "R", "of": { "everything": true }, "effect": { "markup": "1" } });
    let price_rule = world.make("/price-rules", price_rule).await;
    let area = world.make("/tax-areas", json!({ "code": "a", "name": "A", "country": "GB" })).await;
    world.stranger_with_the_same().await;

    let existing: HashMap<&str, String> = [
        ("/taxes", tax.to_string()),
        ("/tax-groups", group.to_string()),
        ("/departments", department.to_string()),
        ("/products", id(&product).to_string()),
        ("/price-levels", level.to_string()),
        ("/prices", price.to_string()),
        ("/stores", store.to_string()),
        ("/registers", register.to_string()),
        ("/tenders", tender.to_string()),
        ("/roles", role.to_string()),
        ("/users", user.to_string()),
        ("/customers", customer.to_string()),
        ("/promotions", promotion.to_string()),
        ("/price-rules", price_rule.to_string()),
        ("/tax-areas", area.to_string()),
        ("/barcode-rules", rule.to_string()),
    ]
    .into();
    let existing = |template: &str| -> Option<String> {
        let collection = template.strip_prefix("/api/v1")?.split("/{").next()?;
        existing.get(collection).map(|id| template.replace("{id}", id))
    };
    let body = |operation: &str| -> Option<Value> {
        Some(match operation {
            "create_tax" | "change_tax" => {
                json!({ "code": "w", "name": "W", "kind": "percent", "rate": "7", "price_included": true,
                "include_base_amount": false, "is_base_affected": true, "sequence": 1, "exempt_below": "5", "part_above": "6", "part_up_to": "7",
                "valid_from": "2026-01-01", "valid_until": "2027-01-01" })
            }
            "create_tax_group" | "change_tax_group" => json!({ "code": "w", "name": "W", "tax_ids": [tax] }),
            "create_department" | "change_department" => {
                json!({ "code": "W", "name": "W", "parent_id": null, "tax_group_id": group })
            }
            "create_product" => {
                json!({ "department_id": department, "name": "Cup", "description": "A cup", "tax_group_id": group, "unit": "each",
                "quantity_decimals": 0, "discountable": true, "stock_policy": "allow",
                "kind": "goods", "weighed": true, "minimum_age": 18, "serial_required": true, "open_price": true, "open_price_min": "1",
                "open_price_max": "2",
                "variants": [{ "sku": "CUP", "name": "red", "archived": false, "barcodes": ["222"],
                    "parts": [{ "variant_id": variant, "quantity": "2" }] }] })
            }
            "change_product" => {
                json!({ "department_id": department, "name": "Cup", "description": "A cup", "tax_group_id": group, "unit": "each",
                "quantity_decimals": 0, "discountable": true, "stock_policy": "allow",
                "variants": [{ "id": variant, "sku": "MUG", "name": "red", "archived": false, "barcodes": ["111"] }] })
            }
            "create_price" | "change_price" => {
                json!({ "variant_id": variant, "price_level_id": level, "store_id": store, "kind": "break",
                "min_quantity": "10", "valid_from": "2026-01-01T00:00:00", "valid_until": "2027-01-01T00:00:00", "amount": "1.25", "reason": "test" })
            }
            "set_prices" => {
                json!({ "prices": [{ "sku": "MUG", "price_level_id": level, "store_id": store, "kind": "regular", "min_quantity": "0",
                "valid_from": "2026-01-01T00:00:00", "valid_until": "2027-01-01T00:00:00", "amount": "1.25", "reason": "test" }] })
            }
            "create_store" | "change_store" => {
                json!({ "code": "ST02", "name": "S", "time_zone": "Europe/London", "currency": "GBP", "price_level_id": level,
                "tax_area_id": area, "tax_rounding": "per_line", "rounding_mode": "half_up", "stock_policy": "allow", "legal_name": "L", "address": "A", "tax_number": "T" })
            }
            "create_register" | "change_register" => {
                json!({ "store_id": store, "code": "R02", "name": "Till" })
            }
            "create_tender" | "change_tender" => {
                json!({ "code": "d", "name": "D", "kind": "cash", "allows_change": true, "cash_rounding": "0.05", "position": 1 })
            }
            "create_role" | "change_role" => {
                json!({ "code": "q", "name": "Q", "permissions": ["sale.reduce"], "max_reduction_percent": "5", "max_refund": "5" })
            }
            "create_user" | "change_user" => {
                json!({ "login": "ben", "name": "Ben", "language": "en", "role_id": role, "active": true,
                "stores": [{ "store_id": store, "role_id": role }] })
            }
            "create_customer" | "change_customer" => {
                json!({ "code": "C2", "name": "Bob", "phone": "020 7946 0000", "email": "bob@example.org", "price_level_id": level,
                "customer_group": "staff", "tax_number": "GB1", "exemption_certificate": "X1", "exemption_expires_on": "2030-01-01" })
            }
            "create_promotion" | "change_promotion" => {
                json!({ "name": "Q", "priority": 1, "exclusive": true, "when": { "from": "2026-01-01T00:00:00", "until": "2027-01-01T00:00:00",
                    "weekdays": [1], "hours": ["08:00:00", "09:00:00"], "stores": [store], "customer_groups": ["staff"], "coupon": "C",
                    "conditions": [{ "fact": "quantity", "operator": "GTE", "value": "2" }] },
                "limit_per_sale": 1, "limit_per_customer": 1,
                "offer": { "kind": "mix_and_match", "of": { "variants": [variant], "products": [id(&product)], "departments": [department] },
                    "quantity": 3, "effect": { "cheapest_free": 1 } } })
            }
            "create_price_rule" | "change_price_rule" => {
                json!({ "name": "Q", "sequence": 1, "of": { "departments": [department], "except": [id(&product)] },
                "conditions": [{ "fact": "customer_group", "operator": "IN", "value": ["a", "b"] }], "effect": { "discount": "5" } })
            }
            "create_tax_area" | "change_tax_area" => {
                json!({ "code": "b", "name": "B", "country": "CH", "tax_rounding": "per_document", "rounding_mode": "half_even",
                "one_rounding_per_rate": true, "mapping": [{ "tax_id": tax, "becomes": [tax] }] })
            }
            "try_tax" => {
                json!({ "id": "1", "currency_decimals": 2, "rounding": "per_line", "rounding_mode": "half_up", "cash_rounding": "0.05",
                "taxes": [{ "id": "vat", "kind": "percent", "rate": "21", "price_included": true, "include_base_amount": false,
                    "is_base_affected": true, "sequence": 1, "exempt_below": "1", "part_above": "2", "part_up_to": "3" }],
                "lines": [{ "id": "a", "quantity": "3", "unit_price": "3.33", "discount_percent": "10", "tax_ids": ["vat"] }] })
            }
            "try_cart" => {
                json!({ "store": "ST01", "at": "2026-03-10T12:00:00", "customer_id": customer, "coupons": ["C"], "facts": { "a": "b" },
                "lines": [{ "id": store, "sku": "MUG", "quantity": "1", "unit_price": "1", "unit_price_reason": "r",
                    "reduction": { "percent": "5", "reason": "r" } }],
                "reduction": { "amount": "0.10", "reason": "r" }, "max_reduction_percent": "50" })
            }
            "create_barcode_rule" | "change_barcode_rule" => {
                json!({ "prefix": "22", "name": "Deli", "bears": "weight", "item_digits": 5, "value_digits": 4, "value_decimals": 3,
                "value_check_digit": true })
            }
            "set_password" => json!({ "password": "a good long one" }),
            "set_pin" => json!({ "pin": "1234" }),
            _ => return None,
        })
    };
    let document = serde_json::from_str(&hq_server::commands::openapi_document().unwrap()).unwrap();
    let strangers = [("another company's token", world.stranger.clone())];
    let tried = BadInput {
        router: world.router.clone(),
        document,
        token: &world.admin,
        strangers: &strangers,
        existing: &existing,
        body: &body,
        left_out: &[],
    };
    let findings = tried
        .run(async || {
            let mut contents = world.contents(world.company).await;
            // That an import was tried and refused is noted.
            contents.remove("import_job");
            format!("{contents:?}")
        })
        .await;
    println!("{} operations, {} requests", findings.operations, findings.requests);
    assert!(findings.operations > 80 && findings.requests > 2_000, "{findings:?}");
    assert!(
        findings.wrong.is_empty(),
        "{} answers are wrong:\n{}",
        findings.wrong.len(),
        findings.wrong.join("\n")
    );
}

impl World {
    /// The other company has things of its own, under the same codes.
    async fn stranger_with_the_same(&self) {
        let body = json!({ "code": "D", "name": "Theirs" });
        self.call(axum::http::Method::POST, "/api/v1/departments", &self.stranger, Some(&body), &[])
            .await
            .expect(201);
    }
}
