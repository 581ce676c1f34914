//! Pricing, reducing, paying.

use serde_json::json;
use shared_model::Amount;
use shared_model::selling::{AppliedReduction, PriceReason};

use super::{World, amount, completed, refused};

fn one(pointer: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(pointer.to_owned(), code)]
}

#[test]
fn a_sale_is_priced_taxed_and_summed() {
    let world = World::of(json!({
        "taxes": [{"code": "vat20", "rate": "20", "included": true}, {"code": "vat0", "rate": "0", "included": true}],
        "items": [
            {"sku": "TEA", "price": "2.99", "taxes": ["vat20"]},
            {"sku": "BREAD", "price": "1.10", "taxes": ["vat0"]},
        ],
        "lines": [{"sku": "TEA", "quantity": "3"}, {"sku": "BREAD"}],
    }));
    let sale = world.computed();
    assert_eq!((sale.net, sale.tax, sale.total), (amount("8.57"), amount("1.50"), amount("10.07")));
    assert_eq!(sale.taxes.len(), 2);
    assert_eq!(sale.lines[0].tax, amount("1.50"));
    assert!(matches!(sale.lines[0].price_reason, PriceReason::Listed { .. }));
    let sold = world.completed();
    assert_eq!(sold.total, amount("10.07"));
}

#[test]
fn quantity_breaks_are_reached_by_all_lines_of_a_variant_together() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "1.00", "breaks": {"3": "0.90"}}, {"sku": "B", "price": "1.00"}],
        "lines": [{"sku": "A", "quantity": "2"}, {"sku": "B"}, {"sku": "A"}],
    }));
    let sale = world.computed();
    assert_eq!(sale.total, amount("3.70"));
    assert_eq!(sale.lines[2].unit_price, "0.90".parse().unwrap());
    assert_eq!(sale.lines[2].regular_unit_price, "1.00".parse().unwrap());
}

#[test]
fn each_thing_that_is_wrong_is_told_with_its_field() {
    let world = World::of(json!({
        "items": [
            {"sku": "A", "price": "1.00"}, {"sku": "OLD", "price": "1", "archived": true}, {"sku": "BARE"},
            {"sku": "OPEN", "open_price": {"min": "1", "max": "5"}},
        ],
        "lines": [
            {"sku": "A", "quantity": "0"}, {"sku": "A", "quantity": "-1"}, {"sku": "A", "quantity": "0.5"}, {"sku": "OLD"},
            {"sku": "BARE"}, {"sku": "NOWHERE"}, {"sku": "OPEN", "unit_price": "6"}, {"sku": "OPEN"},
            {"sku": "A", "unit_price": "-1"}, {"sku": "A", "label_amount": "1.00", "unit_price": "1"},
            {"sku": "A", "label_amount": "1.001"},
        ],
    }));
    let said = refused(world.compute());
    let want = [
        ("/lines/0/quantity", "quantity_not_positive"),
        ("/lines/1/quantity", "quantity_not_positive"),
        ("/lines/2/quantity", "too_many_decimals"),
        ("/lines/3/variant_id", "no_longer_sold"),
        ("/lines/4/variant_id", "no_price"),
        ("/lines/5/variant_id", "unknown_variant"),
        ("/lines/6/unit_price", "outside_open_price"),
        ("/lines/7/unit_price", "no_price"),
        ("/lines/8/unit_price", "negative_price"),
        ("/lines/9/unit_price", "label_with_price"),
        ("/lines/10/label_amount", "too_many_decimals"),
    ];
    assert_eq!(said, want.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn no_lines_too_many_lines_and_an_id_twice_are_refused() {
    let mut world =
        World::of(json!({"items": [{"sku": "A", "price": "1"}], "lines": [{"sku": "A"}, {"sku": "A"}]}));
    world.cart.lines[1].id = world.cart.lines[0].id;
    assert_eq!(refused(world.compute()), one("/lines/1/id", "duplicate_id"));
    world.cart.lines = vec![world.cart.lines[0].clone(); crate::MAX_LINES + 1];
    assert_eq!(refused(world.compute()), one("/lines", "too_many"));
    world.cart.lines.clear();
    assert_eq!(refused(world.compute()), one("/lines", "no_lines"));
}

#[test]
fn an_amount_beyond_every_bound_is_refused_and_never_panics() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "9999999999999", "decimals": 3}],
        "lines": [{"sku": "A", "quantity": "999999999.999"}],
    }));
    assert_eq!(refused(world.compute()), one("/lines/0/quantity", "out_of_bounds"));
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "9999999999999"}],
        "lines": [{"sku": "A"}, {"sku": "A"}],
    }));
    assert_eq!(refused(world.compute()).len(), 2);
}

#[test]
fn a_thousand_of_the_greatest_documents_fit_the_figures_of_a_session_and_none_greater_is_taken() {
    let sale = |price: &str, line: serde_json::Value| {
        World::of(json!({
            "taxes": [{"code": "vat20", "rate": "20"}],
            "items": [{"sku": "A", "price": price}, {"sku": "OPEN", "open_price": {}}, {"sku": "TAXED", "price": price, "taxes": ["vat20"]}],
            "lines": [line],
        }))
    };
    let greatest = sale("9999999999.99", json!({"sku": "A"}));
    let most = greatest.completed().total;
    assert!(Amount::sum((0..1_000).map(|_| most)).is_ok());
    for (world, pointer) in [
        (sale("10000000000", json!({"sku": "A"})), "/lines/0/quantity"),
        (sale("5000000000", json!({"sku": "A", "quantity": "2"})), "/lines/0/quantity"),
        (sale("1", json!({"sku": "OPEN", "unit_price": "4006381333931"})), "/lines/0/unit_price"),
        (sale("1", json!({"sku": "A", "label_amount": "4006381333931"})), "/lines/0/label_amount"),
        (sale("1", json!({"sku": "A", "unit_price": "10000000000"})), "/lines/0/unit_price"),
        (sale("9000000000", json!({"sku": "TAXED"})), "/lines"),
    ] {
        assert_eq!(refused(world.compute()), one(pointer, "beyond_document"));
    }
    // Reductions and what comes back do not hide what was rung up.
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "6000000000.00"}, {"sku": "EMPTIES", "price": "6000000000.00", "kind": "deposit"}],
        "lines": [{"sku": "A"}, {"sku": "EMPTIES", "quantity": "-1"}],
    }));
    assert_eq!(refused(world.compute()), one("/lines", "beyond_document"));
    assert_eq!(refused(greatest.pay("cash", "10000000000")), one("/payments/0/amount", "beyond_document"));
}

#[test]
fn quantities_that_do_not_add_up_to_one_are_refused_before_they_are_sold() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "0"}, {"sku": "B", "price": "0"}],
        "lines": [{"sku": "A", "quantity": "600000000"}, {"sku": "B", "quantity": "600000000"}],
    }));
    assert_eq!(refused(world.compute()), one("/lines", "out_of_bounds"));
}

#[test]
fn a_kilogram_in_a_thousand_lines_is_not_free() {
    let world = |price: &str, quantity: &str, lines: usize| {
        let line = json!({"sku": "A", "quantity": quantity});
        World::of(json!({
            "items": [{"sku": "A", "price": price, "decimals": 3}], "lines": vec![line; lines],
        }))
    };
    let gram_by_gram = world("4.99", "0.001", 1_000);
    assert_eq!(gram_by_gram.completed().total, amount("4.99"));
    assert!(gram_by_gram.computed().lines.iter().all(|line| line.gross <= amount("0.01")));
    assert_eq!(world("6.00", "0.001", 1_000).completed().total, amount("6.00"));
    assert_eq!(world("4.99", "0.187", 40).completed().total, amount("37.33"));
    // A few units are what rounding each line makes of it.
    assert_eq!(world("4.99", "0.187", 10).completed().total, amount("9.30"));
    assert_eq!(world("0.004", "1", 20).completed().total, amount("0.00"));
}

#[test]
fn empties_alone_come_back_at_their_price() {
    let world = World::of(json!({
        "items": [{"sku": "PFAND", "price": "0.25", "kind": "deposit"}],
        "lines": [{"sku": "PFAND", "quantity": "-6"}],
    }));
    assert_eq!(world.computed().total, amount("-1.50"));
    let mut odd = World::of(json!({
        "items": [{"sku": "PFAND", "price": "0.006", "kind": "deposit"}],
        "lines": vec![json!({"sku": "PFAND", "quantity": "-1"}); 100],
    }));
    assert_eq!(odd.computed().total, amount("-0.60"));
    odd.cart.lines.truncate(10);
    assert_eq!(odd.computed().total, amount("-0.10"));
}

#[test]
fn a_limit_is_not_stretched_by_many_small_lines() {
    let world = |price: &str, reduction: serde_json::Value, lines: usize| {
        let line = json!({"sku": "A", "reduction": reduction});
        World::of(json!({
            "max_reduction_percent": "10",
            "items": [{"sku": "A", "price": price}], "lines": vec![line; lines],
        }))
    };
    let tenth = json!({"percent": "10", "reason": "x"});
    assert_eq!(world("0.25", tenth.clone(), 2).computed().total, amount("0.44"));
    assert_eq!(world("0.25", tenth.clone(), 10).computed().total, amount("2.20"));
    assert_eq!(refused(world("0.25", tenth, 60).compute()), one("/lines/0/reduction", "beyond_limit"));
    let cent = json!({"amount": "0.01", "reason": "10 %"});
    assert_eq!(refused(world("0.01", cent, 500).compute()), one("/lines/0/reduction", "beyond_limit"));
}

#[test]
fn a_reduction_by_hand_is_a_percentage_or_an_amount_of_the_line() {
    let world = World::of(json!({
        "taxes": [{"code": "vat20", "rate": "20", "included": true}],
        "items": [{"sku": "A", "price": "3.33", "taxes": ["vat20"]}],
        "lines": [
            {"sku": "A", "quantity": "3", "reduction": {"percent": "10", "reason": "scratched"}},
            {"sku": "A", "reduction": {"amount": "0.33", "reason": "scratched"}},
        ],
    }));
    let sale = world.computed();
    assert_eq!(sale.lines[0].reduction, amount("1.00"));
    assert_eq!(sale.lines[0].gross, amount("8.99"));
    assert_eq!(sale.lines[1].gross, amount("3.00"));
    assert_eq!(sale.lines[1].tax, amount("0.50"));
    world.completed();
}

#[test]
fn a_reduction_that_says_nothing_or_too_much_is_refused() {
    for (reduction, pointer, code) in [
        (json!({"reason": "x"}), "/lines/0/reduction/percent", "reduction_unclear"),
        (
            json!({"percent": "1", "amount": "1", "reason": "x"}),
            "/lines/0/reduction/percent",
            "reduction_unclear",
        ),
        (json!({"percent": "1", "reason": " "}), "/lines/0/reduction/reason", "no_reason"),
        (json!({"percent": "0", "reason": "x"}), "/lines/0/reduction/percent", "reduction_out_of_range"),
        (json!({"percent": "-5", "reason": "x"}), "/lines/0/reduction/percent", "reduction_out_of_range"),
        (json!({"percent": "100.01", "reason": "x"}), "/lines/0/reduction/percent", "reduction_out_of_range"),
        (json!({"amount": "0", "reason": "x"}), "/lines/0/reduction/amount", "reduction_not_positive"),
        (json!({"amount": "10.01", "reason": "x"}), "/lines/0/reduction/amount", "reduction_beyond_price"),
        (json!({"amount": "0.001", "reason": "x"}), "/lines/0/reduction/amount", "too_many_decimals"),
    ] {
        let world = World::of(json!({
            "items": [{"sku": "A", "price": "10"}], "lines": [{"sku": "A", "reduction": reduction}],
        }));
        assert_eq!(refused(world.compute()), one(pointer, code), "{reduction}");
    }
}

#[test]
fn what_is_not_discountable_takes_no_reduction_and_no_lower_price() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "10", "discountable": false}],
        "lines": [{"sku": "A", "reduction": {"percent": "1", "reason": "x"}}, {"sku": "A", "unit_price": "9.99"}],
    }));
    let said = refused(world.compute());
    let want = [("/lines/0/reduction", "not_discountable"), ("/lines/1/unit_price", "not_discountable")];
    assert_eq!(said, want.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn override_and_reduction_of_a_line_are_held_against_the_limit_together() {
    let sale = |price: &str, percent: &str| {
        World::of(json!({
            "max_reduction_percent": "10",
            "items": [{"sku": "A", "price": "10.00"}],
            "lines": [{"sku": "A", "unit_price": price, "reduction": {"percent": percent, "reason": "x"}}],
        }))
    };
    assert_eq!(sale("9.50", "5").computed().total, amount("9.02"));
    assert_eq!(refused(sale("9.50", "6").compute()), one("/lines/0/reduction", "beyond_limit"));
    assert_eq!(refused(sale("9.00", "0.1").compute()), one("/lines/0/reduction", "beyond_limit"));
    let alone = World::of(json!({
        "max_reduction_percent": "10",
        "items": [{"sku": "A", "price": "10.00"}], "lines": [{"sku": "A", "unit_price": "8.99"}],
    }));
    assert_eq!(refused(alone.compute()), one("/lines/0/unit_price", "beyond_limit"));
}

#[test]
fn a_limit_reaches_to_the_smallest_unit_of_its_percentage() {
    let world = World::of(json!({
        "max_reduction_percent": "10",
        "items": [{"sku": "A", "price": "0.25"}],
        "lines": [{"sku": "A", "reduction": {"percent": "10", "reason": "x"}}],
    }));
    assert_eq!(world.computed().total, amount("0.22"));
}

#[test]
fn an_override_says_what_it_replaced_and_a_price_keyed_as_listed_is_none() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "10.00"}],
        "lines": [{"sku": "A", "unit_price": "12.00"}, {"sku": "A", "unit_price": "10.00"}],
    }));
    let sale = world.computed();
    let instead_of = "10.00".parse().unwrap();
    assert_eq!(sale.lines[0].price_reason, PriceReason::Override { instead_of, reason: "asked".to_owned() });
    assert!(matches!(sale.lines[1].price_reason, PriceReason::Listed { .. }));
    let mut silent = world.clone();
    silent.cart.lines.iter_mut().for_each(|line| line.unit_price_reason = " ".to_owned());
    assert_eq!(refused(silent.compute()), one("/lines/0/unit_price_reason", "no_reason"));
    let mut clerk = world.clone();
    clerk.rules.limits.may_override_price = false;
    assert_eq!(refused(clerk.compute()), one("/lines/0/unit_price", "may_not_override_price"));
    let mut clerk = world;
    clerk.cart.lines.remove(0);
    clerk.rules.limits.may_override_price = false;
    assert_eq!(clerk.computed().total, amount("10.00"));
}

#[test]
fn a_reduction_of_the_sale_is_spread_over_its_discountable_lines_by_their_regular_value() {
    let world = World::of(json!({
        "items": [
            {"sku": "A", "price": "10.00"}, {"sku": "B", "price": "20.00"}, {"sku": "C", "price": "5.00", "discountable": false},
        ],
        "lines": [{"sku": "A"}, {"sku": "B"}, {"sku": "C"}],
        "reduction": {"amount": "1.00", "reason": "friend of the house"},
    }));
    let sale = world.computed();
    let taken: Vec<Amount> = sale.lines.iter().map(|line| line.reduction).collect();
    assert_eq!(taken, [amount("0.33"), amount("0.67"), amount("0.00")]);
    assert_eq!(sale.total, amount("34.00"));
    world.completed();
}

#[test]
fn what_a_line_cannot_bear_of_a_reduction_goes_to_the_others() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "10.00"}, {"sku": "B", "price": "10.00"}],
        "lines": [{"sku": "A", "reduction": {"amount": "9.00", "reason": "x"}}, {"sku": "B"}],
        "reduction": {"amount": "10.00", "reason": "x"},
    }));
    let sale = world.computed();
    let shares: Vec<Amount> = sale.lines.iter().map(|line| line.gross).collect();
    assert_eq!(shares, [amount("0.00"), amount("1.00")]);
    world.completed();
}

#[test]
fn a_reduction_of_the_sale_keeps_to_the_limit_too() {
    let world = |percent: &str| {
        World::of(json!({
            "max_reduction_percent": "10",
            "items": [{"sku": "A", "price": "10.00"}, {"sku": "B", "price": "10.00", "sale_price": "5.00"}],
            "lines": [{"sku": "A"}, {"sku": "B"}],
            "reduction": {"percent": percent, "reason": "x"},
        }))
    };
    assert_eq!(world("10").computed().total, amount("13.50"));
    assert_eq!(refused(world("11").compute()), one("/reduction", "beyond_limit"));
    let mut both = world("5");
    both.cart.lines[1].reduction = both.cart.reduction.clone().map(|mut reduction| {
        reduction.percent = Some("9".parse().unwrap());
        reduction
    });
    // 0.45 of 0.50 are taken off B by itself: of the 0.73 it bears 0.05.
    let lines: Vec<Amount> = both.computed().lines.iter().map(|line| line.gross).collect();
    assert_eq!(lines, [amount("9.32"), amount("4.50")]);
}

#[test]
fn each_line_keeps_to_the_limit_whatever_the_others_leave() {
    let promoted = World::of(json!({
        "max_reduction_percent": "10",
        "items": [{"sku": "A", "price": "100.00"}, {"sku": "B", "price": "90.00"}],
        "promotions": [{"offer": {"kind": "each", "of": ["A"], "effect": {"percent": "90"}}}],
        "lines": [{"sku": "A"}, {"sku": "B"}],
        "reduction": {"percent": "10", "reason": "x"},
    }));
    let lines: Vec<Amount> = promoted.computed().lines.iter().map(|line| line.gross).collect();
    assert_eq!(lines, [amount("9.00"), amount("81.00")]);
    let keyed_higher = World::of(json!({
        "max_reduction_percent": "10",
        "items": [{"sku": "A", "price": "100.00"}, {"sku": "B", "price": "100.00"}],
        "lines": [{"sku": "A", "unit_price": "190.00"}, {"sku": "B"}],
        "reduction": {"amount": "100.00", "reason": "x"},
    }));
    assert_eq!(refused(keyed_higher.compute()), one("/reduction", "beyond_limit"));
}

#[test]
fn a_labels_amount_is_what_is_owed_and_no_reduction_touches_it() {
    let world = World::of(json!({
        "taxes": [{"code": "vat20", "rate": "20", "included": true}],
        "items": [{"sku": "CHEESE", "price": "23.90", "decimals": 3, "taxes": ["vat20"]}, {"sku": "A", "price": "10", "taxes": ["vat20"]}],
        "lines": [{"sku": "CHEESE", "quantity": "0.187", "label_amount": "4.46"}, {"sku": "A"}],
        "reduction": {"percent": "50", "reason": "x"},
    }));
    let sale = world.computed();
    assert_eq!(sale.lines[0].gross, amount("4.46"));
    assert_eq!(sale.lines[0].price_reason, PriceReason::Label);
    assert_eq!(sale.total, amount("9.46"));
    world.completed();
}

#[test]
fn tax_on_top_is_asked_beside_the_price() {
    let world = World::of(json!({
        "currency": "USD", "rounding": "per_document",
        "taxes": [{"code": "state", "rate": "8.875"}],
        "items": [{"sku": "A", "price": "0.99", "taxes": ["state"]}],
        "lines": [{"sku": "A"}, {"sku": "A"}, {"sku": "A"}],
    }));
    let sale = world.computed();
    assert_eq!((sale.net, sale.tax, sale.total), (amount("2.97"), amount("0.26"), amount("3.23")));
    world.completed();
}

#[test]
fn a_tax_bears_from_its_first_day_until_the_day_before_its_end() {
    let world = |at: &str| {
        World::of(json!({
            "at": at,
            "taxes": [{"code": "old", "rate": "19", "until": "2027-01-01"}, {"code": "new", "rate": "21", "from": "2027-01-01"}],
            "items": [{"sku": "A", "price": "100", "taxes": ["old", "new"]}], "lines": [{"sku": "A"}],
        }))
    };
    assert_eq!(world("2026-12-31T23:59:59").computed().total, amount("119.00"));
    assert_eq!(world("2027-01-01T00:00:00").computed().total, amount("121.00"));
}

#[test]
fn an_exempt_customer_pays_no_tax_until_the_certificate_expires() {
    let world = |at: &str| {
        World::of(json!({
            "at": at,
            "taxes": [{"code": "vat20", "rate": "20", "included": true}, {"code": "eco", "kind": "fixed", "rate": "0.50"}],
            "items": [{"sku": "A", "price": "12.00", "taxes": ["vat20", "eco"]}], "lines": [{"sku": "A"}],
            "customer": {
                "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11",
                "exemption": {"certificate": "D-17", "expires_on": "2026-11-23"},
            },
        }))
    };
    let exempt = world("2026-11-23T23:00:00");
    // What is paid for the thing is paid by everybody, unless the certificate names it.
    assert_eq!(exempt.computed().total, amount("10.50"));
    assert_eq!(exempt.computed().lines[0].tax_relief, amount("2.00"));
    assert_eq!(exempt.completed().exemption_certificate.as_deref(), Some("D-17"), "it is kept with the sale");
    assert_eq!(world("2026-11-24T00:00:00").computed().total, amount("12.50"));
    assert_eq!(world("2026-11-24T00:00:00").completed().exemption_certificate, None);
    let mut nameless = exempt;
    let customer = nameless.cart.customer.as_mut().unwrap();
    customer.exemption.as_mut().unwrap().certificate = " ".to_owned();
    assert_eq!(nameless.computed().total, amount("12.50"));
}

#[test]
fn a_gift_card_for_everything_and_a_tip_bear_no_tax_and_a_label_of_nothing_is_refused() {
    let mut world = World::of(json!({
        "taxes": [{"code": "vat20", "rate": "20", "included": true}],
        "items": [
            {"sku": "CARD", "price": "50.00", "kind": "gift_card", "taxes": ["vat20"]},
            {"sku": "TIP", "price": "6.00", "kind": "tip", "taxes": ["vat20"]},
            {"sku": "BOOK", "price": "12.00", "kind": "single_purpose_card", "taxes": ["vat20"]},
        ],
        "lines": [{"sku": "CARD"}, {"sku": "TIP"}, {"sku": "BOOK"}],
    }));
    world.catalogue.takes_tips = true;
    let sale = world.computed();
    assert_eq!((sale.tax, sale.total), (amount("2.00"), amount("68.00")));
    world.completed();
    for (label, quantity, pointer, code) in [
        ("0.00", "1", "/lines/0/label_amount", "label_of_nothing"),
        ("-1.00", "1", "/lines/0/label_amount", "label_of_nothing"),
        ("0.25", "-1", "/lines/0/quantity", "quantity_not_positive"),
    ] {
        let world = World::of(json!({
            "items": [{"sku": "A", "price": "1.00", "kind": "deposit"}],
            "lines": [{"sku": "A", "label_amount": label, "quantity": quantity}],
        }));
        assert_eq!(refused(world.compute()), one(pointer, code), "{label}");
    }
}

#[test]
fn a_certificate_that_names_taxes_spares_those_alone() {
    let mut world = World::of(json!({
        "currency": "CAD", "rounding": "per_document",
        "taxes": [
            {"code": "gst", "rate": "5"}, {"code": "pst", "rate": "7"},
            {"code": "excise", "rate": "25", "included": true, "include_base_amount": true, "sequence": 0},
            {"code": "deposit", "kind": "fixed", "rate": "0.10", "included": true, "is_base_affected": false, "sequence": 9},
        ],
        "items": [
            {"sku": "PEN", "price": "10.00", "taxes": ["gst", "pst"]},
            {"sku": "BEER", "price": "12.60", "taxes": ["gst", "pst", "excise", "deposit"]},
        ],
        "lines": [{"sku": "PEN"}, {"sku": "BEER"}],
        "customer": {"id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11"},
    }));
    let tax = |code: &str| world.catalogue.taxes.iter().find(|tax| tax.code == code).unwrap().id;
    let (gst, pst, excise) = (tax("gst"), tax("pst"), tax("excise"));
    let mut sale = |taxes: Option<Vec<shared_model::ids::TaxId>>| {
        world.cart.customer.as_mut().unwrap().exemption = Some(crate::Exemption {
            certificate: "PST-1".to_owned(),
            expires_on: Some("2026-11-23".parse().unwrap()),
            taxes: taxes.map(|taxes| taxes.into_iter().collect()),
        });
        world.completed();
        world.computed()
    };
    // Beer without tax: (12.60 − 0.10) ÷ 1.25 = 10.00; the excise of 2.50 is in the base of the others.
    let nothing = sale(Some(vec![]));
    assert_eq!((nothing.net, nothing.total), (amount("20.00"), amount("25.31")));
    let no_pst = sale(Some(vec![pst]));
    assert_eq!((no_pst.net, no_pst.tax, no_pst.total), (amount("20.00"), amount("3.73"), amount("23.73")));
    assert!(no_pst.taxes.iter().all(|tax| tax.tax_id != pst));
    assert_eq!(no_pst.lines[1].tax_relief, amount("0.00"));
    // Spared the excise, gst and pst are taken of 10.00 as if there were none.
    let no_excise = sale(Some(vec![excise]));
    assert_eq!((no_excise.net, no_excise.total), (amount("20.00"), amount("22.50")));
    assert_eq!(no_excise.lines[1].tax_relief, amount("2.50"));
    let all = sale(None);
    assert_eq!((all.net, all.tax, all.total), (amount("20.00"), amount("0.10"), amount("20.10")));
    assert_eq!(all.lines[1].tax_relief, amount("2.50"));
    assert_eq!(sale(Some(vec![gst, pst, excise])).total, amount("20.10"));
}

#[test]
fn thresholds_look_at_each_piece_though_promotions_made_them_unlike() {
    let coats = |lines: serde_json::Value| {
        World::of(json!({
            "currency": "USD", "rounding": "per_document",
            "taxes": [{"code": "ny", "rate": "8.875", "exempt_below": "110"}],
            "items": [{"sku": "COAT", "price": "150.00", "taxes": ["ny"]}],
            "promotions": [{"offer": {"kind": "mix_and_match", "of": ["COAT"], "quantity": 3, "effect": {"cheapest_free": 1}}}],
            "lines": lines,
        }))
    };
    // Three for two makes three coats of 100.00, which are exempt; the fourth costs 150.00.
    let one_line = coats(json!([{"sku": "COAT", "quantity": "4"}]));
    let four_lines = coats(json!(vec![json!({"sku": "COAT"}); 4]));
    for world in [one_line, four_lines] {
        let sale = world.completed();
        assert_eq!((sale.net, sale.tax), (amount("450.00"), amount("13.31")));
    }
    let boats = |lines: serde_json::Value| {
        World::of(json!({
            "currency": "USD", "rounding": "per_document",
            "taxes": [{"code": "surtax", "rate": "1", "part_up_to": "5000"}],
            "items": [{"sku": "BOAT", "price": "6000.00", "taxes": ["surtax"]}],
            "promotions": [{"offer": {"kind": "each", "of": ["BOAT"], "effect": {"price": "4000.00"}}, "limit_per_sale": 1}],
            "lines": lines,
        }))
    };
    for lines in [json!([{"sku": "BOAT", "quantity": "2"}]), json!([{"sku": "BOAT"}, {"sku": "BOAT"}])] {
        let sale = boats(lines).completed();
        assert_eq!((sale.net, sale.tax), (amount("10000.00"), amount("90.00")));
    }
}

#[test]
fn change_comes_from_tenders_that_allow_it_only() {
    let world = World::of(json!({"items": [{"sku": "A", "price": "7.30"}], "lines": [{"sku": "A"}]}));
    let settled = world.pay("cash", "10.00").unwrap();
    assert_eq!((settled.change, settled.rounding), (amount("2.70"), amount("0.00")));
    assert_eq!(settled.payments[0].change, amount("2.70"));
    completed(world.computed(), settled);
    assert_eq!(refused(world.pay("card", "10.00")), one("/payments/0/amount", "no_change"));
    assert_eq!(refused(world.pay("card", "7.29")), one("/payments", "not_covered"));
    assert_eq!(refused(world.pay("cash", "0.00")), one("/payments/0/amount", "payment_not_positive"));
    assert_eq!(refused(world.pay("cash", "-1")), one("/payments/0/amount", "payment_not_positive"));
    assert_eq!(refused(world.pay("cash", "7.305")), one("/payments/0/amount", "too_many_decimals"));
}

#[test]
fn change_is_given_on_the_last_cash_payment_first() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "7.30"}], "lines": [{"sku": "A"}],
        "payments": [
            {"tender": "card", "amount": "2.00"}, {"tender": "cash", "amount": "5.00"},
            {"tender": "voucher", "amount": "1.00"}, {"tender": "cash", "amount": "1.00"},
        ],
    }));
    let settled = world.settle(&world.computed()).unwrap();
    let change: Vec<Amount> = settled.payments.iter().map(|payment| payment.change).collect();
    assert_eq!(change, [amount("0.00"), amount("0.70"), amount("0.00"), amount("1.00")]);
    completed(world.computed(), settled);
}

#[test]
fn only_what_is_paid_in_coins_is_rounded() {
    let world = World::of(json!({
        "currency": "CHF", "cash_rounding": "0.05",
        "items": [{"sku": "A", "price": "10.02"}], "lines": [{"sku": "A"}],
    }));
    let cash = world.pay("cash", "20.00").unwrap();
    assert_eq!((cash.change, cash.rounding), (amount("10.00"), amount("-0.02")));
    completed(world.computed(), cash);
    let card = world.pay("card", "10.02").unwrap();
    assert_eq!((card.change, card.rounding), (amount("0.00"), amount("0.00")));
    assert_eq!(refused(world.pay("card", "10.00")), one("/payments", "not_covered"));
    assert_eq!(refused(world.pay("cash", "10.02")), one("/payments/0/amount", "not_in_coins"));
    let mut both = world.clone();
    both.payments = World::of(json!({
        "items": [], "lines": [],
        "payments": [{"tender": "card", "amount": "3.34"}, {"tender": "cash", "amount": "10.00"}],
    }))
    .payments;
    let settled = both.settle(&both.computed()).unwrap();
    // 6.68 is left for cash: 6.70.
    assert_eq!((settled.change, settled.rounding), (amount("3.30"), amount("0.02")));
    completed(both.computed(), settled);
}

#[test]
fn a_total_that_rounds_to_nothing_is_settled_by_a_payment_of_no_coins() {
    let world = World::of(json!({
        "currency": "CHF", "cash_rounding": "0.05",
        "items": [{"sku": "A", "price": "0.02"}], "lines": [{"sku": "A"}],
    }));
    let settled = world.pay("cash", "0.00").unwrap();
    assert_eq!(settled.rounding, amount("-0.02"));
    completed(world.computed(), settled);
}

#[test]
fn the_order_of_percent_and_sale_reductions_is_told_on_the_line() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "10.00"}],
        "lines": [{"sku": "A", "reduction": {"percent": "10", "reason": "x"}}],
        "reduction": {"percent": "10", "reason": "y"},
    }));
    let sale = world.computed();
    assert_eq!(sale.total, amount("8.10"));
    assert!(matches!(
        sale.lines[0].reductions.as_slice(),
        [AppliedReduction::Percent { .. }, AppliedReduction::Sale { .. }]
    ));
}
