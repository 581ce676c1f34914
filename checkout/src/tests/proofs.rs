//! A completed sale that was tampered with is found out.

use serde_json::{Value, json};
use shared_model::selling::SaleCompleted;

use super::World;
use crate::prove;

fn honest() -> World {
    World::of(json!({
        "taxes": [{"code": "vat20", "rate": "20", "included": true}, {"code": "eco", "kind": "fixed", "rate": "0.25"}],
        "items": [{"sku": "A", "price": "3.33", "taxes": ["vat20"]}, {"sku": "B", "price": "5.00", "taxes": ["vat20", "eco"]}],
        "lines": [
            {"sku": "A", "quantity": "3", "reduction": {"percent": "10", "reason": "scratched"}},
            {"sku": "B", "quantity": "2"},
        ],
        "reduction": {"amount": "1.00", "reason": "x"},
    }))
}

fn tampered(pointer: &str, value: Value) -> String {
    let mut json = serde_json::to_value(honest().completed()).unwrap();
    *json.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
    let sale: SaleCompleted = serde_json::from_value(json).unwrap();
    match prove(&sale) {
        Ok(()) => String::from("proved"),
        Err(error) => error.pointer,
    }
}

#[test]
fn every_amount_that_is_changed_by_the_smallest_unit_is_found() {
    let json = serde_json::to_value(honest().completed()).unwrap();
    let mut found = 0;
    let mut amounts = Vec::new();
    collect(&json, String::new(), &mut amounts);
    for (pointer, text) in amounts {
        // Prices of one are proved to the smallest unit of their extension, bases and percentages likewise.
        let is_exact = !["rate", "unit_price", "regular_unit_price", "quantity", "percent"]
            .iter()
            .any(|field| pointer.ends_with(field));
        if !is_exact {
            continue;
        }
        for change in ["0.01", "-0.01"] {
            let value: rust_decimal::Decimal = text.parse().unwrap();
            let changed = value + change.parse::<rust_decimal::Decimal>().unwrap();
            assert_ne!(tampered(&pointer, json!(changed.to_string())), "proved", "{pointer} {text} {change}");
            found += 1;
        }
    }
    assert!(found > 40, "{found}");
}

fn collect(json: &Value, at: String, found: &mut Vec<(String, String)>) {
    match json {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(value, format!("{at}/{name}"), found));
        }
        Value::Array(values) => {
            values
                .iter()
                .enumerate()
                .for_each(|(index, value)| collect(value, format!("{at}/{index}"), found));
        }
        Value::String(text) if text.contains('.') && text.parse::<rust_decimal::Decimal>().is_ok() => {
            found.push((at, text.clone()));
        }
        _ => {}
    }
}

#[test]
fn what_cannot_be_is_found_with_its_place() {
    for (pointer, value, where_) in [
        ("/number", json!(0), "/number"),
        ("/series", json!("X1"), "/series"),
        ("/receipt_number", json!("ST01-R01-000002"), "/receipt_number"),
        ("/local_hour", json!(24), "/local_hour"),
        ("/feed_position", json!(-1), "/feed_position"),
        ("/lines", json!([]), "/lines"),
        ("/lines/0/quantity", json!("0"), "/lines/0/quantity"),
        ("/lines/0/quantity", json!("4"), "/lines/0/unit_price"),
        ("/lines/0/unit_price", json!("-3.33"), "/lines/0/unit_price"),
        ("/lines/0/unit_price", json!("9.99"), "/lines/0/unit_price"),
        ("/lines/0/taxes/0/rate", json!("5"), "/lines/0/taxes/0/amount"),
        ("/lines/0/taxes/0/rate", json!("-20"), "/lines/0/taxes/0/rate"),
        ("/lines/0/taxes/0/rate", json!("79228162514264337593543950335"), "/lines/0/taxes/0/rate"),
        ("/lines/1/taxes/0/rate", json!("0.5"), "/lines/1/taxes/0/amount"),
        ("/lines/0/reductions/0/percent", json!("20"), "/lines/0/reductions/0/percent"),
        ("/lines/0/reductions/0/amount", json!("-1.00"), "/lines/0/reduction"),
        ("/lines/0/net", json!("9999999999999"), "/lines/0/gross"),
        ("/lines/0/net", json!("7.001"), "/lines/0/net"),
        ("/taxes/0/rate", json!("5"), "/taxes/0/tax_id"),
        ("/taxes", json!([]), "/taxes"),
        ("/payments", json!([]), "/payments"),
        ("/payments/0/amount", json!("-1"), "/payments/0/amount"),
        ("/payments/0/change", json!("-1.00"), "/payments/0/change"),
        ("/rounding", json!("60.00"), "/rounding"),
    ] {
        assert_eq!(tampered(pointer, value.clone()), where_, "{pointer} {value}");
    }
}

#[test]
fn a_long_text_and_an_id_twice_are_found() {
    assert_eq!(tampered("/lines/0/name", json!("x".repeat(1_001))), "/lines/0/name");
    let id = serde_json::to_value(honest().completed()).unwrap()["lines"][0]["id"].clone();
    assert_eq!(tampered("/lines/1/id", id), "/lines/1/id");
}
