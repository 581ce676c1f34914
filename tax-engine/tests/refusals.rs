//! What is refused, where and with which word.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use tax_engine::json::answer;

/// A document that is computed: one line of one tax.
fn document() -> Value {
    json!({
        "id": "d", "currency_decimals": 2, "rounding": "per_line",
        "taxes": [
            {"id": "a", "kind": "percent", "rate": "10", "price_included": false, "include_base_amount": false,
             "is_base_affected": true, "sequence": 1},
            {"id": "b", "kind": "division", "rate": "20", "price_included": true, "include_base_amount": false,
             "is_base_affected": true, "sequence": 2},
        ],
        "lines": [{"id": "1", "quantity": "1", "unit_price": "100", "discount_percent": "0", "tax_ids": ["a", "b"]}],
    })
}

/// The document with a change at a place; null takes the field away.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = document();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match parent {
        Value::Object(object) => {
            object.insert(name.to_owned(), value);
        }
        Value::Array(list) => {
            let at: usize = name.parse().unwrap();
            if at == list.len() { list.push(value) } else { list[at] = value }
        }
        _ => panic!("{pointer}"),
    }
    document
}

fn refusal(document: &Value) -> (String, String) {
    let problem =
        answer(document.to_string().as_bytes()).map(|_| panic!("computed: {document}")).unwrap_err();
    let problem = serde_json::to_value(problem).unwrap();
    let error = &problem["errors"][0];
    assert!(!error["detail"].as_str().unwrap().is_empty());
    (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
}

#[test]
fn the_document_that_is_changed_below_is_itself_computed() {
    assert!(answer(document().to_string().as_bytes()).is_ok());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let tax = document()["taxes"][0].clone();
    let line = document()["lines"][0].clone();
    let cases = [
        ("/lines/0/tax_ids/1", json!("nowhere"), "/lines/0/tax_ids/1", "unknown_tax"),
        ("/lines/0/tax_ids/1", json!("a"), "/lines/0/tax_ids/1", "repeated_tax"),
        ("/lines/0/tax_ids/1", json!(7), "/lines/0/tax_ids/1", "wrong_type"),
        ("/taxes/2", tax, "/taxes/2/id", "duplicate_tax"),
        ("/lines/1", line, "/lines/1/id", "duplicate_line"),
        ("/taxes/0/rate", json!("-1"), "/taxes/0/rate", "rate_out_of_range"),
        ("/taxes/0/rate", json!("1000.0001"), "/taxes/0/rate", "rate_out_of_range"),
        ("/taxes/0/rate", json!("1.00001"), "/taxes/0/rate", "too_many_decimals"),
        ("/taxes/0/rate", json!(10), "/taxes/0/rate", "wrong_type"),
        ("/taxes/0/rate", json!("1e1"), "/taxes/0/rate", "not_a_number"),
        ("/taxes/0/rate", Value::Null, "/taxes/0/rate", "missing"),
        ("/taxes/0/kind", json!("vat"), "/taxes/0/kind", "unknown_word"),
        ("/taxes/0/price_included", Value::Null, "/taxes/0/price_included", "missing"),
        ("/taxes/0/price_included", json!("yes"), "/taxes/0/price_included", "wrong_type"),
        ("/taxes/0/sequence", json!("1"), "/taxes/0/sequence", "wrong_type"),
        ("/taxes/0/sequence", json!(1.5), "/taxes/0/sequence", "wrong_type"),
        ("/taxes/0/sequence", json!(1_u64 << 40), "/taxes/0/sequence", "wrong_type"),
        ("/taxes/0/colour", json!("red"), "/taxes/0/colour", "unknown_field"),
        ("/taxes/0/a~1b", json!("red"), "/taxes/0/a~01b", "unknown_field"),
        ("/taxes/0/exempt_below", json!("-1"), "/taxes/0/exempt_below", "negative_threshold"),
        ("/taxes/1/rate", json!("100"), "/taxes/1/rate", "rate_out_of_range"),
        ("/lines/0/quantity", json!("1.2345"), "/lines/0/quantity", "too_many_decimals"),
        ("/lines/0/quantity", json!("1000000000"), "/lines/0/quantity", "out_of_bounds"),
        ("/lines/0/quantity", json!(""), "/lines/0/quantity", "not_a_number"),
        ("/lines/0/unit_price", json!("0.1234567"), "/lines/0/unit_price", "too_many_decimals"),
        ("/lines/0/unit_price", json!("10000000000000"), "/lines/0/unit_price", "out_of_bounds"),
        ("/lines/0/discount_percent", json!("100.5"), "/lines/0/discount_percent", "discount_out_of_range"),
        ("/lines/0/discount_percent", json!("-1"), "/lines/0/discount_percent", "discount_out_of_range"),
        ("/lines/0/id", json!(""), "/lines/0/id", "bad_name"),
        ("/lines/0/amount", json!("1"), "/lines/0/amount", "unknown_field"),
        ("/lines", json!({}), "/lines", "wrong_type"),
        ("/lines/0", json!([]), "/lines/0", "wrong_type"),
        ("/currency_decimals", json!(7), "/currency_decimals", "too_many_currency_decimals"),
        ("/currency_decimals", json!("2"), "/currency_decimals", "wrong_type"),
        ("/currency_decimals", json!(-1), "/currency_decimals", "wrong_type"),
        ("/rounding", json!("globally"), "/rounding", "unknown_word"),
        ("/rounding_mode", json!("nearest"), "/rounding_mode", "unknown_word"),
        ("/cash_rounding", json!("0"), "/cash_rounding", "step_not_positive"),
        ("/cash_rounding", json!("0.005"), "/cash_rounding", "too_many_decimals"),
        ("/id", json!("x".repeat(201)), "/id", "bad_name"),
        ("/note", json!(""), "/note", "unknown_field"),
    ];
    for (at, value, pointer, code) in cases {
        assert_eq!(
            refusal(&with(at, value.clone())),
            (pointer.to_owned(), code.to_owned()),
            "{at} = {value}"
        );
    }
}

#[test]
fn taxes_that_would_each_stand_on_the_other_are_a_cycle() {
    let mut document = document();
    document["taxes"][0]["sequence"] = json!(2);
    assert!(answer(document.to_string().as_bytes()).is_ok(), "side by side, none in the other's base");
    document["taxes"][0]["include_base_amount"] = json!(true);
    assert_eq!(refusal(&document), ("/lines/0/tax_ids".to_owned(), "ambiguous_tax_order".to_owned()));
    document["taxes"][1]["include_base_amount"] = json!(true);
    assert_eq!(refusal(&document), ("/lines/0/tax_ids".to_owned(), "tax_cycle".to_owned()));
    document["taxes"][0]["sequence"] = json!(1);
    assert!(answer(document.to_string().as_bytes()).is_ok(), "an order settles it");
}

#[test]
fn division_taxes_that_leave_nothing_are_refused() {
    let mut document = document();
    document["taxes"][0]["kind"] = json!("division");
    document["taxes"][0]["price_included"] = json!(true);
    document["taxes"][0]["rate"] = json!("80");
    assert_eq!(refusal(&document), ("/lines/0/tax_ids".to_owned(), "division_taxes_take_all".to_owned()));
    document["taxes"][0]["rate"] = json!("79.9999");
    assert!(answer(document.to_string().as_bytes()).is_ok());
}

#[test]
fn a_part_that_ends_before_it_begins_is_refused() {
    let mut document = with("/taxes/0/part_above", json!("100"));
    document["taxes"][0]["part_up_to"] = json!("100");
    assert_eq!(refusal(&document), ("/taxes/0/part_up_to".to_owned(), "empty_part".to_owned()));
}

#[test]
fn a_line_or_a_sum_beyond_the_bound_is_refused() {
    let large = with("/lines/0/unit_price", json!("9999999999999"));
    assert_eq!(refusal(&large).1, "out_of_bounds", "with its tax it is beyond");
    let mut document = with("/lines/0/quantity", json!("999999999"));
    document["lines"][0]["unit_price"] = json!("9999999999999");
    assert_eq!(refusal(&document), ("/lines/0".to_owned(), "out_of_bounds".to_owned()));
    let mut document = with("/lines/0/unit_price", json!("6000000000000"));
    document["lines"][0]["tax_ids"] = json!([]);
    let mut second = document["lines"][0].clone();
    second["id"] = json!("2");
    document["lines"].as_array_mut().unwrap().push(second);
    assert_eq!(refusal(&document).1, "out_of_bounds", "each line is within, their sum is not");
}

#[test]
fn too_much_of_something_is_refused() {
    let mut document = document();
    let line = document["lines"][0].clone();
    let lines: Vec<Value> = (0..=tax_engine::MAX_LINES)
        .map(|id| {
            let mut line = line.clone();
            line["id"] = json!(id.to_string());
            line
        })
        .collect();
    document["lines"] = json!(lines);
    assert_eq!(refusal(&document), ("/lines".to_owned(), "too_many".to_owned()));
}

#[test]
fn every_wrong_field_is_listed_at_once() {
    let mut document = with("/lines/0/quantity", json!("x"));
    document["taxes"][1]["rate"] = json!("y");
    document["z"] = json!(0);
    let problem = serde_json::to_value(answer(document.to_string().as_bytes()).unwrap_err()).unwrap();
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3);
    assert_eq!(problem["type"], "/problems/invalid-tax-document");
}

#[test]
fn a_place_in_an_array_of_documents_is_in_the_pointer() {
    let documents = json!([document(), with("/lines/0/tax_ids/1", json!("nowhere"))]);
    assert_eq!(refusal(&documents).0, "/1/lines/0/tax_ids/1");
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let twice = document().to_string().replacen("\"rate\"", "\"rate\":\"1\",\"rate\"", 1);
    let problem = serde_json::to_value(answer(twice.as_bytes()).unwrap_err()).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("\"rate\" is there twice"), "{problem}");
}

#[test]
fn what_is_no_json_is_refused() {
    for input in [&b""[..], b"{", b"null", b"\xff\xfe", b"[[]]", b"{} {}", b"[1]", &b"[".repeat(100_000)] {
        assert!(answer(input).is_err(), "{}", String::from_utf8_lossy(input).get(..9).unwrap_or_default());
    }
}
