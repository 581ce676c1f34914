//! What is refused, where and with which word.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use shared_model::taxes::TaxRounding;
use shared_model::{Amount, Percent, Quantity, Rounding};
use tax_engine::json::answer;
use tax_engine::{Document, Line, LinePrice, Tax, compute};

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
        ("/taxes/0/rate", json!(10.5), "/taxes/0/rate", "wrong_type"),
        ("/taxes/0/rate", json!("10."), "/taxes/0/rate", "not_a_number"),
        ("/taxes/0/rate", json!("00x.000"), "/taxes/0/rate", "not_a_number"),
        ("/taxes/0/rate", json!("1e1"), "/taxes/0/rate", "not_a_number"),
        ("/taxes/0/rate", Value::Null, "/taxes/0/rate", "missing"),
        ("/taxes/0/kind", json!("vat"), "/taxes/0/kind", "unknown_word"),
        ("/taxes/0/price_included", Value::Null, "/taxes/0/price_included", "missing"),
        ("/taxes/0/price_included", json!("yes"), "/taxes/0/price_included", "wrong_type"),
        ("/taxes/0/sequence", json!("first"), "/taxes/0/sequence", "wrong_type"),
        ("/taxes/0/sequence", json!("+1"), "/taxes/0/sequence", "wrong_type"),
        ("/currency_decimals", json!("+2"), "/currency_decimals", "wrong_type"),
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
        ("/currency_decimals", json!("two"), "/currency_decimals", "wrong_type"),
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
    let tax = |id, include_base_amount| Tax {
        include_base_amount,
        ..Tax::percent(id, Percent::from_units(100_000, 4).unwrap())
    };
    let mut document = Document {
        decimals: 2,
        rounding: TaxRounding::PerLine,
        rounding_mode: Rounding::HalfUp,
        cash_rounding: None,
        taxes: vec![tax('a', false), tax('b', false)],
        lines: vec![Line {
            id: 1,
            quantity: Quantity::ONE,
            price: LinePrice::Extension(Amount::from_units(100, 0).unwrap()),
            tax_ids: vec!['a', 'b'],
            spared: Vec::new(),
        }],
    };
    let code = |document: &Document<char, i32>| compute(document).map_err(|error| error.reason.code());
    assert!(code(&document).is_ok(), "side by side, none in the other's base");
    document.taxes[0].include_base_amount = true;
    assert_eq!(code(&document), Err("ambiguous_tax_order"));
    document.taxes[1].include_base_amount = true;
    assert_eq!(code(&document), Err("tax_cycle"));
    document.taxes[1].sequence = 2;
    assert!(code(&document).is_ok(), "an order settles it");
}

#[test]
fn the_list_of_a_json_document_settles_the_order_of_one_sequence() {
    let total = |first: &str, second: &str| {
        let tax = |id, kind| json!({"id": id, "kind": kind, "rate": "10", "price_included": false, "include_base_amount": true});
        let mut document = document();
        document["taxes"] = json!([tax("a", first), tax("b", second)]);
        let answer = answer(document.to_string().as_bytes()).unwrap();
        serde_json::to_value(answer).unwrap()["document"]["total"].clone()
    };
    assert_eq!(total("fixed", "percent"), "121.00");
    assert_eq!(total("percent", "fixed"), "120.00");
}

#[test]
fn whole_numbers_and_zeros_at_the_end_are_what_they_are_without() {
    let expected = serde_json::to_value(answer(document().to_string().as_bytes()).unwrap()).unwrap();
    for (pointer, value) in [
        ("/taxes/0/rate", json!(10)),
        ("/taxes/0/rate", json!("10.0000000")),
        ("/taxes/0/sequence", json!("1")),
        ("/lines/0/quantity", json!(1)),
        ("/lines/0/quantity", json!("1.0000")),
        ("/lines/0/unit_price", json!(100)),
        ("/lines/0/discount_percent", json!("0.000000")),
        ("/currency_decimals", json!("2")),
    ] {
        let same = answer(with(pointer, value.clone()).to_string().as_bytes());
        assert_eq!(serde_json::to_value(same.unwrap()).unwrap(), expected, "{pointer} = {value}");
    }
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
fn an_amount_per_piece_is_no_part_of_a_price() {
    for field in ["part_above", "part_up_to"] {
        let mut document = with(&format!("/taxes/0/{field}"), json!("100"));
        document["taxes"][0]["kind"] = json!("fixed");
        assert_eq!(refusal(&document), (format!("/taxes/0/{field}"), "part_of_fixed".to_owned()));
    }
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
fn one_that_is_wrong_in_an_array_has_a_problem_in_its_place() {
    let documents = json!([document(), with("/lines/0/tax_ids/1", json!("nowhere")), 7, document()]);
    let answer = serde_json::to_value(answer(documents.to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!(answer.as_array().unwrap().len(), 4);
    assert_eq!(answer[0], answer[3]);
    assert_eq!(answer[0]["document"]["base"], "80.00");
    assert_eq!(answer[1]["id"], "d");
    assert_eq!(answer[1]["type"], "/problems/invalid-tax-document");
    assert_eq!(answer[1]["errors"][0]["pointer"], "/1/lines/0/tax_ids/1");
    assert_eq!(answer[2]["errors"][0]["pointer"], "/2");
    assert!(answer[2].get("id").is_none());
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let twice = document().to_string().replacen("\"rate\"", "\"rate\":\"1\",\"rate\"", 1);
    let problem = serde_json::to_value(answer(twice.as_bytes()).unwrap_err()).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("\"rate\" is there twice"), "{problem}");
}

#[test]
fn what_is_no_json_is_refused() {
    for input in [&b""[..], b"{", b"null", b"\xff\xfe", b"{} {}", &b"[".repeat(100_000)] {
        assert!(answer(input).is_err(), "{}", String::from_utf8_lossy(input).get(..9).unwrap_or_default());
    }
}
