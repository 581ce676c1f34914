//! Nothing that is sent to the engines makes them panic: every call, with its texts damaged byte by byte and value by
//! value. `CHECKOUT_FUZZ_SECONDS` sets how long, `CHECKOUT_FUZZ_SEED` repeats a failure.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's program")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use browser_core::Desk;
use checkout::worlds::{World, payment_id};
use serde_json::{Value, json};

/// A small generator (xorshift).
struct Seed(u64);

impl Seed {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }
}

/// What often breaks those who compute.
const PIECES: [&str; 30] = [
    "\"0\"",
    "\"-0\"",
    "\"1\"",
    "\"-1\"",
    "\"0.000001\"",
    "\"0.001\"",
    "\"9999999999.99\"",
    "\"-9999999999.99\"",
    "\"9999999999999.999999\"",
    "\"-9999999999999\"",
    "\"999999999.999\"",
    "\"-999999999.999\"",
    "\"100\"",
    "\"99.9999\"",
    "\"999999.9999\"",
    "\"1e9\"",
    "\"\"",
    "\"JPY\"",
    "\"KWD\"",
    "\"2026-02-29\"",
    "\"-262143-01-01T00:00:00\"",
    "\"+262142-12-31T23:59:59.999999999\"",
    "null",
    "true",
    "-1",
    "0",
    "4294967295",
    "9223372036854775807",
    "[]",
    "{}",
];

/// A world with a bit of everything: taxes of each kind, thresholds, promotions of each kind, labels, kits, reductions.
fn world() -> World {
    World::of(json!({
        "currency": "CHF", "cash_rounding": "0.05", "rounding": "per_document", "max_reduction_percent": "50",
        "taxes": [
            {"code": "vat", "rate": "8.1", "included": true, "include_base_amount": true},
            {"code": "eco", "kind": "fixed", "rate": "0.25", "sequence": 0},
            {"code": "icms", "kind": "division", "rate": "18", "included": true, "sequence": 2},
            {"code": "luxury", "rate": "10", "part_above": "5", "part_up_to": "50", "exempt_below": "1", "sequence": 3},
        ],
        "items": [
            {"sku": "A", "price": "3.33", "sale_price": "3.00", "breaks": {"3": "2.80"}, "taxes": ["vat", "eco"]},
            {"sku": "B", "price": "12.00", "taxes": ["vat", "icms", "luxury"], "decimals": 3},
            {"sku": "PFAND", "price": "0.25", "kind": "deposit"},
            {"sku": "OPEN", "open_price": {"min": "1", "max": "500"}, "taxes": ["luxury"]},
        ],
        "promotions": [
            {"offer": {"kind": "each", "of": ["A"], "effect": {"percent": "10"}}, "when": {"coupon": "C"}},
            {"offer": {"kind": "mix_and_match", "of": ["A", "B"], "quantity": 3, "effect": {"cheapest_free": 1}}, "limit_per_sale": 2},
            {"offer": {"kind": "threshold", "of": "all", "at_least": "10.00", "effect": {"amount": "1.00"}}, "exclusive": true},
            {"offer": {"kind": "bundle", "parts": [{"of": ["A"], "quantity": 1}, {"of": ["B"], "quantity": 1}],
                "effect": {"price": "9.00"}}},
        ],
        "price_rules": [{"of": ["A"], "conditions": [{"fact": "quantity", "operator": "GTE", "value": "2"}], "effect": {"discount": "5"}}],
        "coupons": ["C"],
        "customer": {"id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "group": "staff",
            "exemption": {"certificate": "X", "expires_on": "2026-12-31", "taxes": []}},
        "lines": [
            {"sku": "A", "quantity": "4", "reduction": {"percent": "10", "reason": "x"}},
            {"sku": "B", "quantity": "0.375"}, {"sku": "B", "label_amount": "4.46", "quantity": "0"},
            {"sku": "PFAND", "quantity": "-2"}, {"sku": "OPEN", "unit_price": "20"}, {"sku": "A"},
        ],
        "reduction": {"amount": "1.00", "reason": "x"},
    }))
}

/// Places in a value, by pointer.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(values) => {
            for (nth, value) in values.iter().enumerate() {
                places(value, format!("{at}/{nth}"), found);
            }
        }
        _ => {}
    }
    found.push(at);
}

/// The text with a few of its values exchanged, or a few of its bytes.
fn damaged(text: &str, seed: &mut Seed) -> String {
    if seed.below(4) > 0 {
        let mut value: Value = serde_json::from_str(text).unwrap();
        for _ in 0..=seed.below(3) {
            let mut found = Vec::new();
            places(&value, String::new(), &mut found);
            let place = value.pointer_mut(&found[seed.below(found.len())]).unwrap();
            *place = match seed.below(6) {
                0 if place.is_array() => {
                    let mut twice = place.as_array().unwrap().clone();
                    twice.extend(twice.clone());
                    Value::Array(twice)
                }
                _ => serde_json::from_str(PIECES[seed.below(PIECES.len())]).unwrap(),
            };
        }
        return value.to_string();
    }
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=seed.below(3) {
        let at = seed.below(bytes.len());
        let end = (at + seed.below(30)).min(bytes.len());
        match seed.below(3) {
            0 => bytes[at] = u8::try_from(seed.below(256)).unwrap(),
            1 => drop(bytes.drain(at..end)),
            _ => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn no_damaged_call_makes_the_engines_panic() {
    let world = world();
    let (catalogue, rules, tenders) = (text(&world.catalogue), text(&world.rules), text(&world.tenders));
    let completed = world.completed();
    let receipt = json!({"sale": &completed, "returned": []});
    let payments = json!([{"id": payment_id(0), "tender_id": completed.payments[0].tender_id, "amount": completed.total}]);
    let asked = json!([{"id": payment_id(900), "line_id": completed.lines[0].id, "quantity": "1"}]);
    let ids = json!((0..10).map(payment_id).collect::<Vec<_>>());
    let prefixes =
        json!([{"prefix": "22", "bears": "price", "item_digits": 5, "value_digits": 5, "value_decimals": 2}]);
    let honest = [
        catalogue,
        rules,
        tenders,
        text(&world.cart),
        text(&world.computed()),
        payments.to_string(),
        asked.to_string(),
        receipt.to_string(),
        ids.to_string(),
        text(&completed),
        prefixes.to_string(),
        "2212345004461".to_owned(),
    ];
    let call = |texts: &[String; 12]| {
        let [catalogue, rules, tenders, cart, sale, payments, asked, receipt, ids, completed, prefixes, code] =
            texts;
        let mut answered = 0;
        let mut told =
            |answer: Result<String, browser_core::Malformed>| answered += usize::from(answer.is_ok());
        if let Ok(desk) = Desk::new(catalogue, rules, tenders) {
            told(desk.compute(cart));
            told(desk.settle(sale, payments));
            told(desk.refund(asked, receipt, ids, None));
            told(desk.exchange(cart, asked, receipt));
            told(desk.give_back(sale, receipt, ids, None));
        }
        told(Desk::void(receipt, ids, ids));
        told(Desk::prove(completed));
        told(Desk::scan(code, prefixes));
        answered
    };
    assert_eq!(call(&honest), 8, "the calls that are damaged below are answered themselves");
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = number("CHECKOUT_FUZZ_SECONDS").unwrap_or(3);
    let first = number("CHECKOUT_FUZZ_SEED").unwrap_or(0x5eed_c4ec);
    println!("CHECKOUT_FUZZ_SEED={first} CHECKOUT_FUZZ_SECONDS={seconds}");
    let mut seed = Seed(first);
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut tries, mut answered) = (0_u64, 0);
    while Instant::now() < until {
        tries += 1;
        let mut texts = honest.clone();
        for _ in 0..=seed.below(2) {
            let which = seed.below(texts.len());
            if which == 11 {
                texts[which] = String::from_utf8_lossy(
                    &(0..seed.below(50)).map(|_| u8::try_from(seed.below(256)).unwrap()).collect::<Vec<_>>(),
                )
                .into_owned();
            } else {
                texts[which] = damaged(&honest[which], &mut seed);
            }
        }
        let Ok(told) = catch_unwind(AssertUnwindSafe(|| call(&texts))) else {
            let pairs = texts.iter().zip(&honest).filter(|(text, whole)| text != whole);
            let changed: Vec<&String> = pairs.map(|(text, _)| text).collect();
            panic!("CHECKOUT_FUZZ_SEED={first}, try {tries}: {changed:#?}");
        };
        answered += told;
    }
    println!("{tries} tries, {answered} answered");
    assert!(answered > 0);
}
