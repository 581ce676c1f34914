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

/// One piece at 100.00 with 21 % inside, paid by card, with these fields changed.
fn forged(changes: &[(&str, Value)]) -> String {
    let world = World::of(json!({
        "currency": "EUR", "taxes": [{"code": "vat21", "rate": "21", "included": true}],
        "items": [{"sku": "A", "price": "100.00", "taxes": ["vat21"]}], "lines": [{"sku": "A", "quantity": "1"}],
        "payments": [{"tender": "card", "amount": "100.00"}],
    }));
    let mut sale = serde_json::to_value(world.completed()).unwrap();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match sale.pointer_mut(parent).unwrap() {
            Value::Object(fields) => fields.insert(field.to_owned(), value.clone()),
            Value::Array(values) => {
                Some(std::mem::replace(&mut values[field.parse::<usize>().unwrap()], value.clone()))
            }
            _ => panic!("{parent}"),
        };
    }
    match prove(&serde_json::from_value::<SaleCompleted>(sale).unwrap()) {
        Ok(()) => String::from("proved"),
        Err(error) => error.pointer,
    }
}

/// The sums of a sale of one line that comes to so much, paid exactly.
fn sums(net: &str, tax: &str, gross: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("/lines/0/net", json!(net)),
        ("/lines/0/tax", json!(tax)),
        ("/lines/0/gross", json!(gross)),
        ("/net", json!(net)),
        ("/tax", json!(tax)),
        ("/total", json!(gross)),
        ("/payments/0/amount", json!(gross)),
    ]
}

/// The same with one tax.
fn taxed(sums: Vec<(&'static str, Value)>, tax: &Value) -> Vec<(&'static str, Value)> {
    let taxes = if tax.is_null() { json!([]) } else { json!([tax]) };
    sums.into_iter().chain([("/lines/0/taxes", taxes.clone()), ("/taxes", taxes)]).collect()
}

fn tax(kind: &str, rate: &str, included: bool, base: &str, amount: &str) -> Value {
    json!({"tax_id": "00000000-0000-0000-0000-0000000000aa", "code": "x", "name": "x", "kind": kind, "rate": rate,
        "price_included": included, "base": base, "amount": amount})
}

#[test]
fn an_honest_sale_by_card_is_proved() {
    assert_eq!(forged(&[]), "proved");
}

#[test]
fn less_is_not_paid_by_a_relief_that_nobody_has() {
    let mut changes = taxed(sums("1.00", "0.00", "1.00"), &Value::Null);
    changes.push(("/lines/0/tax_relief", json!("99.00")));
    assert_eq!(forged(&changes), "/lines/0/tax_relief");
}

#[test]
fn rounding_is_of_coins_and_at_most_half_of_one() {
    let paid = |amount: &str, rounding: &str, kind: &str| {
        forged(&[
            ("/payments/0/amount", json!(amount)),
            ("/rounding", json!(rounding)),
            ("/payments/0/tender_kind", json!(kind)),
        ])
    };
    for (amount, rounding) in
        [("50.00", "-50.00"), ("150.00", "50.00"), ("99.94", "-0.06"), ("100.06", "0.06")]
    {
        assert_eq!(paid(amount, rounding, "cash"), "/rounding", "{rounding}");
    }
    assert_eq!(paid("99.98", "-0.02", "card_standalone"), "/rounding");
    assert_eq!(paid("99.98", "-0.02", "cash"), "proved");
}

#[test]
fn a_tax_neither_gives_money_back_nor_swallows_the_price() {
    for (net, amount, gross, tax, at) in [
        ("100.00", "-21.00", "79.00", tax("percent", "21", false, "-100.00", "-21.00"), "base"),
        ("100.00", "-40.00", "60.00", tax("percent", "100000", false, "0.00", "-40.00"), "rate"),
        ("100.00", "-0.66", "99.34", tax("percent", "0", false, "0.00", "-0.66"), "amount"),
        ("20.00", "80.00", "100.00", tax("percent", "21", true, "380.95", "80.00"), "base"),
        ("10.00", "90.00", "100.00", tax("division", "10", true, "10.00", "90.00"), "amount"),
        ("100.00", "-90.00", "10.00", tax("division", "10", false, "100.00", "-90.00"), "amount"),
    ] {
        let changes = taxed(sums(net, amount, gross), &tax);
        assert_eq!(forged(&changes), format!("/lines/0/taxes/0/{at}"), "{tax}");
    }
    let under = taxed(sums("-20.00", "120.00", "100.00"), &tax("percent", "21", true, "571.43", "120.00"));
    assert_ne!(forged(&under), "proved");
    let mut free = taxed(sums("0.19", "0.00", "0.19"), &tax("percent", "21", false, "0.19", "0.00"));
    free.extend([("/lines/0/unit_price", json!("0.19")), ("/lines/0/regular_unit_price", json!("0.19"))]);
    assert_eq!(forged(&free), "/lines/0/taxes/0/amount");
}

#[test]
fn a_price_is_what_its_reason_says() {
    let cheap = |reason: Value| {
        let mut changes = taxed(sums("0.01", "0.00", "0.01"), &Value::Null);
        changes.extend([("/lines/0/unit_price", json!("0.01")), ("/lines/0/price_reason", reason)]);
        forged(&changes)
    };
    let listed = |kind: &str| json!({"kind": "listed", "price_id": "00000000-0000-0000-0000-0000000000ab", "price_kind": kind, "reason": ""});
    assert_eq!(cheap(listed("regular")), "/lines/0/unit_price");
    assert_eq!(cheap(listed("sale")), "proved");
    assert_eq!(cheap(json!({"kind": "keyed"})), "/lines/0/unit_price");
    assert_eq!(cheap(json!({"kind": "refund"})), "/lines/0/price_reason");
    let keyed = |reason: &str| cheap(json!({"kind": "override", "instead_of": "100.00", "reason": reason}));
    assert_eq!(keyed(" "), "/lines/0/price_reason/reason");
    assert_eq!(keyed("damaged"), "proved");
    let mut label = taxed(sums("0.01", "0.00", "0.01"), &Value::Null);
    label.push(("/lines/0/label_amount", json!("0.01")));
    assert_eq!(forged(&label), "/lines/0/label_amount");
}

#[test]
fn goods_leave_the_stock_and_nothing_else_does() {
    assert_eq!(forged(&[("/lines/0/movement_id", Value::Null)]), "/lines/0/movement_id");
    assert_eq!(forged(&[("/lines/0/line_kind", json!("deposit"))]), "/lines/0/movement_id");
    let card = [("/lines/0/line_kind", json!("gift_card")), ("/lines/0/movement_id", Value::Null)];
    assert_eq!(forged(&card), "/lines/0/taxes");
}

#[test]
fn a_card_gives_no_change_and_a_void_undoes_another_sale() {
    let change = [
        ("/payments/0/amount", json!("140.00")),
        ("/payments/0/change", json!("40.00")),
        ("/change", json!("40.00")),
    ];
    assert_eq!(forged(&change), "/payments/0/change");
    assert_eq!(forged(&[("/voids", json!("00000000-0000-0000-0000-0000000000ac"))]), "/voids");
}

#[test]
fn what_is_small_in_each_line_is_found_too() {
    let mut free = taxed(sums("0.09", "0.00", "0.09"), &tax("percent", "21", false, "0.09", "0.00"));
    free.extend([("/lines/0/unit_price", json!("0.09")), ("/lines/0/regular_unit_price", json!("0.09"))]);
    assert_eq!(forged(&free), "/lines/0/taxes/0/amount");
    let nothing = taxed(sums("99.98", "0.02", "100.00"), &tax("fixed", "0", true, "99.98", "0.02"));
    assert_eq!(forged(&nothing), "/lines/0/taxes/0/amount");
    let mut relieved = taxed(sums("1.00", "0.00", "1.00"), &Value::Null);
    relieved.extend([
        ("/lines/0/tax_relief", json!("99.00")),
        ("/customer_id", json!("00000000-0000-0000-0000-0000000000ad")),
    ]);
    assert_eq!(forged(&relieved), "/lines/0/tax_relief");
}

#[test]
fn a_label_a_reduction_and_a_series_are_what_they_say() {
    let mut label = taxed(sums("0.01", "0.00", "0.01"), &Value::Null);
    label.extend([
        ("/lines/0/label_amount", json!("0.01")),
        ("/lines/0/price_reason", json!({"kind": "label"})),
        ("/lines/0/quantity", json!("5000")),
    ]);
    assert_eq!(forged(&label), "/lines/0/quantity");
    let mut reduced = taxed(sums("0.01", "0.00", "0.01"), &Value::Null);
    reduced.extend([
        ("/lines/0/reductions", json!([{"kind": "amount", "reason": " ", "amount": "99.99"}])),
        ("/lines/0/reduction", json!("99.99")),
    ]);
    assert_eq!(forged(&reduced), "/lines/0/reductions/0/reason");
    for (code, series) in [("", "R01"), ("R01", "R01xyz"), ("R01", "R01-2")] {
        let receipt = format!("ST01-{series}-000001");
        let changes = [
            ("/register_code", json!(code)),
            ("/series", json!(series)),
            ("/receipt_number", json!(receipt)),
        ];
        assert_eq!(forged(&changes), "/series", "{code} {series}");
    }
    let moved = [("/series", json!("R01B2")), ("/receipt_number", json!("ST01-R01B2-000001"))];
    assert_eq!(forged(&moved), "proved");
}
