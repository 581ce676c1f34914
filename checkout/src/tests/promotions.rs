//! Promotions of every kind, alone and together.

use serde_json::{Value, json};
use shared_model::Amount;
use shared_model::selling::PriceReason;

use super::{World, amount};
use crate::{ComputedSale, Outcome};

#[expect(clippy::needless_pass_by_value, reason = "a case is three literals")]
fn sold(items: Value, lines: Value, promotions: Value) -> ComputedSale {
    let world = World::of(json!({
        "taxes": [{"code": "vat20", "rate": "20", "included": true}],
        "items": items, "lines": lines, "promotions": promotions,
    }));
    world.completed();
    let forwards = world.computed();
    let mut turned = world.clone();
    turned.cart.lines.reverse();
    turned.catalogue.promotions.reverse();
    let backwards = turned.computed();
    assert_eq!(forwards.total, backwards.total, "another order, another total");
    for line in &forwards.lines {
        let same = backwards.lines.iter().find(|other| other.id == line.id).unwrap();
        assert_eq!(line, same, "another order, another line");
    }
    forwards
}

fn owed(sale: &ComputedSale) -> Vec<Amount> {
    sale.lines.iter().map(|line| line.gross).collect()
}

fn amounts<const N: usize>(texts: [&str; N]) -> Vec<Amount> {
    texts.map(amount).to_vec()
}

fn abc() -> Value {
    json!([{"sku": "A", "price": "10.00"}, {"sku": "B", "price": "6.00"}, {"sku": "C", "price": "4.00"}])
}

#[test]
fn a_percentage_an_amount_and_a_fixed_price_take_off_each_unit() {
    for (effect, want) in [
        (json!({"percent": "15"}), "25.50"),
        (json!({"amount": "1.50"}), "25.50"),
        (json!({"amount": "99"}), "0.00"),
        (json!({"price": "9.00"}), "27.00"),
        (json!({"price": "11.00"}), "30.00"),
    ] {
        let promotion = json!([{"offer": {"kind": "each", "of": ["A"], "effect": effect}}]);
        let sale = sold(abc(), json!([{"sku": "A", "quantity": "3"}, {"sku": "B"}]), promotion);
        assert_eq!(owed(&sale), amounts([want, "6.00"]), "{effect}");
    }
}

#[test]
fn goods_by_weight_take_part_in_offers_on_each_unit_but_not_in_counted_ones() {
    let items = json!([{"sku": "HAM", "price": "20.00", "decimals": 3}]);
    let lines = json!([{"sku": "HAM", "quantity": "0.255"}]);
    let each = json!([{"offer": {"kind": "each", "of": "all", "effect": {"price": "16.00"}}}]);
    assert_eq!(owed(&sold(items.clone(), lines.clone(), each)), amounts(["4.08"]));
    let counted = json!([{"offer": {"kind": "mix_and_match", "of": "all", "quantity": 2, "effect": {"percent": "50"}}}]);
    assert_eq!(owed(&sold(items, lines, counted)), amounts(["5.10"]));
}

#[test]
fn three_kilograms_are_no_three_pieces() {
    let weighed = |quantity: &str, offer: Value| {
        let items = json!([{"sku": "HAM", "price": "4.00", "decimals": 3}]);
        sold(items, json!([{"sku": "HAM", "quantity": quantity}]), json!([offer])).total
    };
    let counted = json!({"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"cheapest_free": 1}}});
    assert_eq!(weighed("2.999", counted.clone()), amount("12.00"));
    assert_eq!(weighed("3.000", counted), amount("12.00"));
    // Once in a sale is once, by whole kilograms too.
    let once =
        json!({"limit_per_sale": 1, "offer": {"kind": "each", "of": "all", "effect": {"amount": "1.00"}}});
    assert_eq!(weighed("2.500", once.clone()), amount("7.50"));
    assert_eq!(weighed("3.000", once), amount("9.00"));
}

#[test]
fn an_amount_off_that_is_beyond_everything_makes_goods_free_and_stops_no_sale() {
    let promotion = json!([{"offer": {"kind": "each", "of": ["A"], "effect": {"amount": "9999999999999"}}}]);
    let sale = sold(abc(), json!([{"sku": "A", "quantity": "3"}, {"sku": "B"}]), promotion);
    assert_eq!(sale.total, amount("6.00"));
}

#[test]
fn two_thousand_lines_of_buy_one_get_one_are_computed_at_once_and_alike_in_any_order() {
    let items: Vec<Value> = (0..2_000)
        .map(|at| json!({"sku": format!("S{at}"), "price": format!("{}.{:02}", 1 + at / 100, at % 100)}))
        .collect();
    let lines: Vec<Value> = (0..2_000).map(|at| json!({"sku": format!("S{at}")})).collect();
    let promotion = json!([{"offer": {
        "kind": "buy_get", "buy": "all", "buy_quantity": 1, "get": "all", "get_quantity": 1, "effect": {"percent": "100"},
    }}]);
    let begun = std::time::Instant::now();
    let sale = sold(json!(items), json!(lines), promotion);
    // Five computations, unoptimised; the search that went by pairs took minutes.
    assert!(begun.elapsed() < std::time::Duration::from_mins(1), "{:?}", begun.elapsed());
    // Of each two neighbours the cheaper is free: as close to half as it can be.
    assert_eq!(sale.promotions[0].times, 1_000);
    assert_eq!(sale.promotions[0].amount, amount("10990.00"));
}

#[test]
fn three_for_two_makes_the_cheapest_free_and_shares_the_saving_by_regular_value() {
    let promotion = json!([{"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"cheapest_free": 1}}}]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]), promotion);
    // 4.00 over 10 : 6 : 4.
    assert_eq!(owed(&sale), amounts(["8.00", "4.80", "3.20"]));
    assert_eq!(sale.promotions[0].amount, amount("4.00"));
    assert_eq!(sale.promotions[0].times, 1);
}

#[test]
fn five_of_three_for_two_give_one_free_and_leave_two_whole() {
    let promotion = json!([{"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"cheapest_free": 1}}}]);
    let sale = sold(abc(), json!([{"sku": "A", "quantity": "2"}, {"sku": "C", "quantity": "3"}]), promotion);
    // The best group is A, A, C; any better takes C, C, C: the same 4.00.
    assert_eq!(sale.total, amount("28.00"));
}

#[test]
fn a_price_for_several_takes_off_what_is_above_it_only() {
    let promotion = json!([{"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"price": "15.00"}}}]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]), promotion.clone());
    assert_eq!(sale.total, amount("15.00"));
    let sale = sold(abc(), json!([{"sku": "C", "quantity": "3"}]), promotion);
    assert_eq!(sale.total, amount("12.00"), "never dearer");
}

#[test]
fn who_buys_gets_something_of_the_same_value_or_less() {
    let promotion = json!([{"offer": {
        "kind": "buy_get", "buy": ["A", "B"], "buy_quantity": 1, "get": ["A", "B"], "get_quantity": 1, "effect": {"percent": "50"},
    }}]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}]), promotion);
    assert_eq!(sale.total, amount("13.00"));
    let any = json!([{"offer": {
        "kind": "buy_get", "buy": ["B"], "buy_quantity": 1, "get": ["A"], "get_quantity": 1, "effect": {"price": "7.00"}, "any_value": true,
    }}]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}]), any.clone());
    assert_eq!(sale.total, amount("13.00"));
    let mut strict = any;
    strict[0]["offer"]["any_value"] = json!(false);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}]), strict);
    assert_eq!(sale.total, amount("16.00"));
}

#[test]
fn a_bundle_has_its_price_and_all_its_parts_share_the_saving() {
    let promotion = json!([{"offer": {
        "kind": "bundle", "parts": [{"of": ["A"], "quantity": 1}, {"of": ["B"], "quantity": 2}], "effect": {"price": "18.00"},
    }}]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B", "quantity": "3"}]), promotion);
    // 22.00 for 18.00: 4.00 over 10 : 12; the third B is whole.
    assert_eq!(owed(&sale), amounts(["8.18", "15.82"]));
    assert_eq!(sale.total, amount("24.00"));
}

#[test]
fn a_threshold_counts_its_goods_and_takes_a_percentage_or_an_amount_once() {
    let promotion = |effect: Value| json!([{"offer": {"kind": "threshold", "of": "all", "at_least": "20.00", "effect": effect}}]);
    let enough = json!([{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]);
    assert_eq!(sold(abc(), enough.clone(), promotion(json!({"percent": "10"}))).total, amount("18.00"));
    let sale = sold(abc(), enough, promotion(json!({"amount": "5.00"})));
    assert_eq!(owed(&sale), amounts(["7.50", "4.50", "3.00"]));
    let too_little = json!([{"sku": "A"}, {"sku": "B"}]);
    let sale = sold(abc(), too_little, promotion(json!({"amount": "5.00"})));
    assert_eq!(sale.considered[0].outcome, Outcome::TooLittle);
    assert_eq!(sale.total, amount("16.00"));
}

#[test]
fn within_a_class_the_customer_gets_the_best_combination() {
    // Three for two on all of it saves 4.00; a tenth of all 2.00; half of A saves 5.00, and then there is no group of three.
    let promotions = json!([
        {"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"cheapest_free": 1}}},
        {"offer": {"kind": "each", "of": "all", "effect": {"percent": "10"}}},
        {"offer": {"kind": "each", "of": ["A"], "effect": {"percent": "50"}}},
    ]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]), promotions);
    assert_eq!(owed(&sale), amounts(["5.00", "5.40", "3.60"]));
    let outcomes: Vec<Outcome> = sale.considered.iter().map(|each| each.outcome).collect();
    assert_eq!(outcomes, [Outcome::NotTheBest, Outcome::Earned, Outcome::Earned]);
    assert!(!sale.bound_was_hit);
}

#[test]
fn a_higher_class_is_settled_first_even_where_that_is_dearer() {
    let promotions = json!([
        {"priority": 2, "exclusive": true, "offer": {"kind": "each", "of": ["A"], "effect": {"percent": "5"}}},
        {"priority": 1, "offer": {"kind": "each", "of": "all", "effect": {"percent": "50"}}},
    ]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}]), promotions);
    assert_eq!(owed(&sale), amounts(["9.50", "3.00"]));
}

#[test]
fn stackable_promotions_of_two_classes_come_on_top_of_each_other() {
    let promotions = json!([
        {"priority": 2, "offer": {"kind": "each", "of": ["A"], "effect": {"percent": "10"}}},
        {"priority": 1, "offer": {"kind": "each", "of": "all", "effect": {"percent": "50"}}},
    ]);
    assert_eq!(owed(&sold(abc(), json!([{"sku": "A"}]), promotions.clone())), amounts(["4.50"]));
    let mut exclusive = promotions;
    exclusive[1]["exclusive"] = json!(true);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}]), exclusive);
    assert_eq!(owed(&sale), amounts(["9.00", "3.00"]), "an exclusive one takes nothing that was touched");
}

#[test]
fn a_later_class_takes_units_that_an_earlier_one_left() {
    let promotions = json!([
        {"priority": 2, "exclusive": true, "offer": {"kind": "mix_and_match", "of": ["C"], "quantity": 3, "effect": {"cheapest_free": 1}}},
        {"priority": 1, "offer": {"kind": "each", "of": "all", "effect": {"percent": "50"}}},
    ]);
    let sale = sold(abc(), json!([{"sku": "C", "quantity": "5"}]), promotions);
    // 3 for 8.00, 2 for 4.00.
    assert_eq!(sale.total, amount("12.00"));
}

#[test]
fn limits_per_sale_and_per_customer_are_kept() {
    let promotion =
        json!([{"limit_per_sale": 2, "offer": {"kind": "each", "of": "all", "effect": {"percent": "50"}}}]);
    let sale = sold(abc(), json!([{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]), promotion);
    // Half of the two dearest.
    assert_eq!(owed(&sale), amounts(["5.00", "3.00", "4.00"]));
    let mut world = World::of(json!({
        "items": [{"sku": "A", "price": "10.00"}], "lines": [{"sku": "A", "quantity": "5"}],
        "promotions": [{"limit_per_customer": 3, "offer": {"kind": "each", "of": "all", "effect": {"percent": "50"}}}],
    }));
    assert_eq!(world.computed().considered[0].outcome, Outcome::CustomerUnknown);
    let promotion_id = world.catalogue.promotions[0].id;
    for (used, want) in [(0, "35.00"), (2, "45.00"), (3, "50.00"), (9, "50.00")] {
        world.cart.customer = serde_json::from_value(json!({
            "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "promotion_uses": {(promotion_id.to_string()): used},
        }))
        .unwrap();
        assert_eq!(world.computed().total, amount(want), "{used}");
    }
}

#[test]
fn a_promotion_is_on_when_where_and_for_whom_it_says() {
    let outcome = |when: Value, more: Value| {
        let mut spec = json!({
            "at": "2026-11-23T10:00:00",
            "items": [{"sku": "A", "price": "10.00"}], "lines": [{"sku": "A", "quantity": "2"}],
            "promotions": [{"when": when, "offer": {"kind": "each", "of": "all", "effect": {"percent": "50"}}}],
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        World::of(spec).computed().considered[0].outcome
    };
    let here = "00000000-0000-0000-0000-000000000001";
    let away = "00000000-0000-0000-0000-000000000002";
    for (when, want) in [
        (json!({}), Outcome::Earned),
        (json!({"from": "2026-11-23T10:00:01"}), Outcome::NotYet),
        (json!({"until": "2026-11-23T10:00:00"}), Outcome::Over),
        (json!({"until": null}), Outcome::Over),
        (json!({"weekdays": [1]}), Outcome::Earned),
        (json!({"weekdays": [2, 7]}), Outcome::OtherDay),
        (json!({"hours": ["09:00:00", "10:00:01"]}), Outcome::Earned),
        (json!({"hours": ["09:00:00", "10:00:00"]}), Outcome::OtherHour),
        (json!({"hours": ["22:00:00", "10:30:00"]}), Outcome::Earned),
        (json!({"hours": ["22:00:00", "02:00:00"]}), Outcome::OtherHour),
        (json!({"stores": [here]}), Outcome::Earned),
        (json!({"stores": [away]}), Outcome::OtherStore),
        (json!({"customer_groups": ["staff"]}), Outcome::OtherCustomers),
        (json!({"coupon": "SPRING"}), Outcome::NoCoupon),
        (json!({"conditions": [{"fact": "quantity", "operator": "GTE", "value": "2"}]}), Outcome::Earned),
        (
            json!({"conditions": [{"fact": "quantity", "operator": "GT", "value": "2"}]}),
            Outcome::ConditionFails,
        ),
        (
            json!({"conditions": [{"fact": "channel", "operator": "EQ", "value": "web"}]}),
            Outcome::ConditionFails,
        ),
        (
            json!({"conditions": [{"fact": "channel", "operator": "NE", "value": "web"}]}),
            Outcome::ConditionFails,
        ),
        (
            json!({"conditions": [{"fact": "date", "operator": "IN", "value": ["2026-11-23", "2026-12-24"]}]}),
            Outcome::Earned,
        ),
        (
            json!({"conditions": [{"fact": "weekday", "operator": "NIN", "value": ["6", "7"]}]}),
            Outcome::Earned,
        ),
    ] {
        assert_eq!(outcome(when.clone(), json!({})), want, "{when}");
    }
    assert_eq!(
        outcome(json!({"coupon": "SPRING"}), json!({"coupons": ["OTHER", "SPRING"]})),
        Outcome::Earned
    );
    let staff = json!({"customer": {"id": here, "group": "staff"}});
    assert_eq!(outcome(json!({"customer_groups": ["staff"]}), staff), Outcome::Earned);
    let web = json!({"facts": {"channel": "web"}});
    let condition = json!({"conditions": [{"fact": "channel", "operator": "EQ", "value": "web"}]});
    assert_eq!(outcome(condition, web), Outcome::Earned);
}

#[test]
fn what_is_not_discountable_earns_nothing_and_counts_for_nothing() {
    let items =
        json!([{"sku": "A", "price": "10.00"}, {"sku": "X", "price": "10.00", "discountable": false}]);
    let promotion = json!([{"offer": {"kind": "mix_and_match", "of": "all", "quantity": 2, "effect": {"cheapest_free": 1}}}]);
    let sale = sold(items, json!([{"sku": "A"}, {"sku": "X"}]), promotion);
    assert_eq!(sale.total, amount("20.00"));
}

#[test]
fn price_rules_override_and_mark_up_in_their_order_before_promotions() {
    let world = World::of(json!({
        "items": [{"sku": "A", "price": "10.00"}], "lines": [{"sku": "A", "quantity": "12"}],
        "facts": {"channel": "kiosk"},
        "price_rules": [
            {"of": "all", "effect": {"override": "8.00"}, "conditions": [{"fact": "quantity", "operator": "GTE", "value": "12"}]},
            {"of": "all", "effect": {"markup": "5"}, "conditions": [{"fact": "channel", "operator": "EQ", "value": "kiosk"}]},
            {"of": "all", "effect": {"discount": "50"}, "conditions": [{"fact": "channel", "operator": "EQ", "value": "web"}]},
        ],
        "promotions": [{"offer": {"kind": "each", "of": "all", "effect": {"percent": "10"}}}],
    }));
    let sale = world.computed();
    assert_eq!(sale.lines[0].unit_price, "8.40".parse().unwrap());
    assert!(matches!(&sale.lines[0].price_reason, PriceReason::Rule { name, .. } if name == "rule 1"));
    assert_eq!(sale.total, amount("90.72"));
    world.completed();
}

#[test]
fn an_override_puts_an_end_to_what_its_line_had_of_promotions_and_is_held_against_that_price() {
    let world = |price: &str| {
        World::of(json!({
            "max_reduction_percent": "10",
            "items": [{"sku": "A", "price": "10.00"}], "lines": [{"sku": "A", "unit_price": price}, {"sku": "A"}],
            "promotions": [{"offer": {"kind": "each", "of": "all", "effect": {"percent": "20"}}}],
        }))
    };
    let sale = world("7.20").computed();
    assert_eq!(owed(&sale), amounts(["7.20", "8.00"]));
    assert_eq!(sale.promotions[0].amount, amount("2.00"));
    world("7.20").completed();
    assert!(world("7.19").compute().is_err());
}

#[test]
fn a_thousand_competing_units_are_combined_within_bounds_the_same_way_every_time() {
    let items: Vec<Value> = (0..40)
        .map(|at| json!({"sku": format!("S{at:02}"), "price": format!("{}.{:02}", 1 + at % 7, at)}))
        .collect();
    let lines: Vec<Value> = (0..40).map(|at| json!({"sku": format!("S{at:02}"), "quantity": "25"})).collect();
    let promotions = json!([
        {"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"cheapest_free": 1}}},
        {"offer": {"kind": "mix_and_match", "of": "all", "quantity": 5, "effect": {"price": "9.00"}}},
        {"offer": {"kind": "threshold", "of": "all", "at_least": "10.00", "effect": {"amount": "3.00"}}},
    ]);
    let sale = sold(json!(items), json!(lines), promotions);
    assert!(sale.bound_was_hit);
    assert!(sale.promotions.iter().all(|promotion| promotion.amount.is_positive()));
}

#[test]
fn each_operator_holds_where_it_says_and_never_for_what_is_unknown() {
    let holds = |fact: &str, operator: &str, value: Value| {
        let world = World::of(json!({
            "items": [{"sku": "A", "price": "10.00"}],
            "price_rules": [{"of": "all", "effect": {"override": "5.00"},
                "conditions": [{"fact": fact, "operator": operator, "value": value}]}],
            "facts": {"age": "70", "channel": "phone"},
            "lines": [{"sku": "A", "quantity": "2"}],
        }));
        world.computed().total == amount("10.00")
    };
    for (fact, operator, value, is_so) in [
        ("channel", "EQ", json!("phone"), true),
        ("channel", "EQ", json!("shop"), false),
        ("channel", "NE", json!("shop"), true),
        ("channel", "NE", json!("phone"), false),
        ("age", "GT", json!("9"), true),
        ("age", "GT", json!("70"), false),
        ("age", "GTE", json!("70"), true),
        ("age", "GTE", json!("71"), false),
        ("age", "LT", json!("100"), true),
        ("age", "LT", json!("70"), false),
        ("age", "LTE", json!("70.0"), true),
        ("age", "LTE", json!("69.9"), false),
        ("channel", "IN", json!(["shop", "phone"]), true),
        ("channel", "IN", json!(["shop"]), false),
        ("channel", "NIN", json!(["shop"]), true),
        ("channel", "NIN", json!(["phone"]), false),
        ("quantity", "EQ", json!("2"), true),
        ("quantity", "GT", json!("2"), false),
        ("date", "GTE", json!("2026-11-23"), true),
        ("date", "LT", json!("2026-11-23"), false),
        ("weather", "EQ", json!("rain"), false),
        ("weather", "NE", json!("rain"), false),
        ("weather", "NIN", json!(["rain"]), false),
    ] {
        assert_eq!(holds(fact, operator, value.clone()), is_so, "{fact} {operator} {value}");
    }
}
