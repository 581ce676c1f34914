//! What holds for every cart.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared_model::Amount;
use shared_model::selling::{AppliedReduction, SaleCompleted};

use super::refunds::give_all_back;
use super::{World, amount, completed};
use crate::{ComputedSale, prove};

/// A money text of so many cents.
fn cents(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn taxes() -> Value {
    json!([
        {"code": "vat20", "rate": "20", "included": true, "sequence": 3},
        {"code": "vat5", "rate": "5", "included": true, "sequence": 3},
        {"code": "eco", "kind": "fixed", "rate": "0.13", "included": true, "include_base_amount": true, "sequence": 1},
        {"code": "city", "rate": "1.375", "sequence": 4},
        {"code": "icms", "kind": "division", "rate": "18", "included": true, "sequence": 2, "include_base_amount": true},
        {"code": "clothing", "rate": "8.875", "exempt_below": "50", "sequence": 5},
    ])
}

fn stacks() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!(["vat20"])),
        2 => Just(json!(["vat5", "eco"])),
        2 => Just(json!(["city"])),
        1 => Just(json!(["icms", "vat5"])),
        1 => Just(json!(["vat20", "city", "clothing"])),
        1 => Just(json!([])),
    ]
}

fn items() -> impl Strategy<Value = Vec<Value>> {
    let item = (1_u32..20_000, stacks(), any::<bool>(), proptest::option::of(1_u32..9_000), 0_u64..3);
    proptest::collection::vec(item, 1..5).prop_map(|items| {
        items
            .into_iter()
            .enumerate()
            .map(|(at, (price, taxes, weighed, sale, department))| {
                json!({
                    "sku": format!("S{at}"), "price": cents(price), "taxes": taxes, "department": department,
                    "decimals": if weighed && at > 0 { 3 } else { 0 },
                    "sale_price": sale.map(cents),
                    "discountable": at != 3,
                })
            })
            .collect()
    })
}

fn promotions() -> impl Strategy<Value = Vec<Value>> {
    let percent = (1_u32..=100).prop_map(|percent| json!({"percent": percent.to_string()}));
    let effect = prop_oneof![
        percent,
        (1_u32..900).prop_map(|off| json!({"amount": cents(off)})),
        (0_u32..5_000).prop_map(|price| json!({"price": cents(price)})),
    ];
    let of = prop_oneof![Just(json!("all")), (0_u32..3).prop_map(|department| json!(department))];
    let offer = (0_u8..5, of.clone(), of, effect, 1_u32..3).prop_map(|(kind, of, other, effect, count)| match kind {
        0 => json!({"kind": "each", "of": of, "effect": effect}),
        1 => json!({"kind": "mix_and_match", "of": of, "quantity": count + 1, "effect": {"cheapest_free": 1}}),
        2 => json!({"kind": "buy_get", "buy": of, "buy_quantity": count, "get": other, "get_quantity": 1, "effect": effect}),
        3 => json!({"kind": "bundle", "parts": [{"of": of, "quantity": 1}, {"of": "all", "quantity": count}], "effect": effect}),
        _ => {
            let effect = if effect.get("price").is_some() { json!({"percent": "7"}) } else { effect };
            json!({"kind": "threshold", "of": of, "at_least": "30.00", "effect": effect})
        }
    });
    let promotion = (offer, 0_i32..3, any::<bool>(), proptest::option::of(1_u32..3)).prop_map(
        |(offer, priority, exclusive, limit)| {
            json!({"offer": offer, "priority": priority, "exclusive": exclusive, "limit_per_sale": limit})
        },
    );
    proptest::collection::vec(promotion, 0..4)
}

prop_compose! {
    fn worlds()(
        items in items(),
        promotions in promotions(),
        lines in proptest::collection::vec((any::<prop::sample::Index>(), 1_u32..4_000, 0_u32..6), 1..7),
        per_document in any::<bool>(),
        mode in prop_oneof![Just("half_up"), Just("half_even"), Just("down"), Just("up")],
        reduction in proptest::option::of(1_u32..60),
        coin in proptest::option::of(prop_oneof![Just("0.05"), Just("0.10"), Just("1.00")]),
    ) -> World {
        let count = items.len();
        let lines: Vec<Value> = lines
            .iter()
            .map(|(item, thousandths, reduction)| {
                let at = item.index(count);
                let is_weighed = items[at]["decimals"] == 3;
                let quantity = if is_weighed {
                    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
                } else {
                    (1 + thousandths % 6).to_string()
                };
                let by_hand = (*reduction == 5 && at != 3).then(|| json!({"percent": "12.5", "reason": "x"}));
                json!({"sku": format!("S{at}"), "quantity": quantity, "reduction": by_hand})
            })
            .collect();
        let has_reducible = lines.iter().any(|line| line["sku"] != "S3");
        World::of(json!({
            "currency": match coin { Some("1.00") => "SEK", Some("0.10") => "NZD", _ => "CHF" }, "rounding": if per_document { "per_document" } else { "per_line" }, "rounding_mode": mode,
            "cash_rounding": coin, "taxes": taxes(), "items": items, "lines": lines, "promotions": promotions,
            "reduction": reduction.filter(|_| has_reducible)
                .map(|percent| json!({"percent": percent.to_string(), "reason": "x"})),
        }))
    }
}

/// The sale of a world in which a reduction may find nothing left to take off.
fn sold(world: &World) -> Option<ComputedSale> {
    world.compute().ok()
}

fn paid_in_coins(world: &World, sale: ComputedSale) -> SaleCompleted {
    let step = world.tenders[0].cash_rounding.unwrap_or(amount("0.01"));
    let enough = shared_model::Rounding::Up.to_step(sale.total.plus(amount("5.00")).unwrap(), step).unwrap();
    let settlement = settle_with(world, &sale, enough);
    completed(sale, settlement)
}

fn settle_with(world: &World, sale: &ComputedSale, cash: Amount) -> crate::Settlement {
    let payment = crate::Tendered {
        id: super::payment_id(0),
        tender_id: super::tender_id("cash"),
        amount: cash,
        reference: None,
    };
    crate::settle(sale, &[payment], &world.tenders).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_sale_adds_up_and_is_proved(world in worlds()) {
        let Some(sale) = sold(&world) else { return Ok(()) };
        let sum = |field: fn(&shared_model::selling::SoldLine) -> Amount| Amount::sum(sale.lines.iter().map(field)).unwrap();
        prop_assert_eq!(sale.net.plus(sale.tax).unwrap(), sale.total);
        prop_assert_eq!(sum(|line| line.gross), sale.total);
        prop_assert_eq!(Amount::sum(sale.taxes.iter().map(|tax| tax.amount)).unwrap(), sale.tax);
        for line in &sale.lines {
            prop_assert!(!line.gross.is_negative());
            let on_top = Amount::sum(line.taxes.iter().filter(|tax| !tax.price_included).map(|tax| tax.amount)).unwrap();
            let label = line.unit_price.extend(line.quantity, 2, world.rules.rounding_mode).unwrap();
            // What the label says, less what was taken off, is what included prices come to.
            prop_assert_eq!(line.gross.minus(on_top).unwrap(), label.minus(line.reduction).unwrap());
        }
        let of_lines = sale.lines.iter().flat_map(|line| &line.reductions).filter_map(|reduction| match reduction {
            AppliedReduction::Promotion { amount, .. } => Some(*amount),
            _ => None,
        });
        let of_sale = Amount::sum(sale.promotions.iter().map(|promotion| promotion.amount)).unwrap();
        prop_assert_eq!(Amount::sum(of_lines).unwrap(), of_sale);
        prove(&paid_in_coins(&world, sale)).unwrap();
    }

    #[test]
    fn the_order_of_lines_and_promotions_changes_nothing(world in worlds(), by in 1_usize..6) {
        let mut turned = world.clone();
        let count = turned.cart.lines.len();
        turned.cart.lines.rotate_left(by % count);
        turned.catalogue.promotions.reverse();
        match (world.compute(), turned.compute()) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.total, other.total);
                for line in &one.lines {
                    prop_assert_eq!(Some(line), other.lines.iter().find(|other| other.id == line.id));
                }
            }
            (one, other) => prop_assert_eq!(one.is_err(), other.is_err()),
        }
    }

    #[test]
    fn promotions_never_make_a_sale_dearer(world in worlds()) {
        let mut plain = world.clone();
        plain.catalogue.promotions.clear();
        plain.cart.reduction = None;
        plain.catalogue.taxes.clear();
        plain.catalogue.tax_groups.values_mut().for_each(|group| group.tax_ids.clear());
        for line in &mut plain.cart.lines {
            line.reduction = None;
        }
        let mut promoted = plain.clone();
        promoted.catalogue.promotions = world.catalogue.promotions.clone();
        prop_assert!(promoted.computed().total <= plain.computed().total);
    }

    #[test]
    fn parts_that_come_back_in_any_order_give_back_exactly_what_was_paid(
        world in worlds(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 60),
    ) {
        let Some(sale) = sold(&world) else { return Ok(()) };
        let sale = paid_in_coins(&world, sale);
        let mut parts: Vec<(usize, String)> = Vec::new();
        for (at, line) in sale.lines.iter().enumerate() {
            if let Ok(count) = line.quantity.units(0) {
                parts.extend((0..count).map(|_| (at, "1".to_owned())));
            } else {
                let units = line.quantity.units(3).unwrap();
                let half = shared_model::Quantity::from_units(units / 2, 3).unwrap();
                if half.is_positive() {
                    parts.push((at, half.to_string()));
                }
                parts.push((at, line.quantity.minus(half).unwrap().to_string()));
            }
        }
        for at in 0..parts.len() {
            let other = order[at % order.len()].index(parts.len());
            parts.swap(at, other);
        }
        let parts: Vec<(usize, &str)> = parts.iter().map(|(at, quantity)| (*at, quantity.as_str())).collect();
        // Lines are told by their place in the cart, which the computed sale keeps.
        let back = give_all_back(&world, &sale, &parts);
        let sum = |field: fn(&SaleCompleted) -> Amount| Amount::sum(back.iter().map(field)).unwrap();
        prop_assert_eq!(sum(|back| back.total), sale.total.negate());
        prop_assert_eq!(sum(|back| back.net), sale.net.negate());
        prop_assert_eq!(sum(|back| back.tax), sale.tax.negate());
        prop_assert_eq!(sum(|back| back.rounding), sale.rounding.negate());
        let kept = |sale: &SaleCompleted| {
            Amount::sum(sale.payments.iter().map(|payment| payment.amount.minus(payment.change).unwrap())).unwrap()
        };
        prop_assert_eq!(Amount::sum(back.iter().map(kept)).unwrap(), kept(&sale).negate());
        for tax in &sale.taxes {
            let given = back.iter().flat_map(|back| &back.taxes).filter(|back| back.tax_id == tax.tax_id);
            prop_assert_eq!(Amount::sum(given.map(|tax| tax.amount)).unwrap(), tax.amount.negate());
        }
    }

    #[test]
    fn after_a_partial_return_what_stays_paid_is_the_sum_of_the_kept_lines(world in worlds(), which in any::<u64>()) {
        let Some(sale) = sold(&world) else { return Ok(()) };
        let sale = paid_in_coins(&world, sale);
        let quantities: Vec<String> = sale.lines.iter().map(|line| line.quantity.to_string()).collect();
        let parts: Vec<(usize, &str)> = quantities
            .iter()
            .enumerate()
            .filter(|(at, _)| which & (1 << at) != 0)
            .map(|(at, quantity)| (at, quantity.as_str()))
            .collect();
        let back = give_all_back(&world, &sale, &parts);
        let kept = sale.lines.iter().enumerate().filter(|(at, _)| which & (1 << at) == 0).map(|(_, line)| line.gross);
        let given = Amount::sum(back.iter().map(|back| back.total)).unwrap();
        prop_assert_eq!(sale.total.plus(given).unwrap(), Amount::sum(kept).unwrap());
    }

    #[test]
    fn splitting_a_line_changes_a_document_by_a_smallest_unit_and_its_tax_at_most(
        price in 1_u32..9_999, quantity in 2_u32..9, rest in 1_u32..8, rate in 0_u32..30, included in any::<bool>(),
    ) {
        let rest = rest.min(quantity - 1);
        let world = |quantities: &[u32]| {
            let lines: Vec<Value> =
                quantities.iter().map(|quantity| json!({"sku": "A", "quantity": quantity.to_string()})).collect();
            World::of(json!({
                "rounding": "per_document", "taxes": [{"code": "t", "rate": rate.to_string(), "included": included}],
                "items": [{"sku": "A", "price": format!("{}.{:04}", price / 100, price % 100 * 7), "taxes": ["t"]}],
                "lines": lines,
            }))
        };
        let whole = world(&[quantity]).computed().total;
        let split = world(&[rest, quantity - rest]).computed().total;
        let difference = whole.minus(split).unwrap().abs();
        prop_assert!(difference <= amount("0.02"), "{} {}", whole, split);
    }

    #[test]
    fn pieces_are_taxed_alike_in_one_line_and_in_lines_of_their_own(
        (price, count) in (1_u32..60, 2_usize..6),
        promotions in proptest::collection::vec((0_u8..2, 1_u32..5, proptest::option::of(1_u32..3), 0_i32..2, any::<bool>()), 1..4),
        thresholds in proptest::collection::vec((0_u8..3, 1_u32..500, any::<bool>()), 1..3),
        per_document in any::<bool>(),
    ) {
        // Round prices and parts of them, so that no saving is rounded.
        let promotions: Vec<Value> = promotions
            .iter()
            .map(|(kind, tens, limit, priority, exclusive)| {
                let effect = if *kind == 0 {
                    json!({"percent": (tens * 10).to_string()})
                } else {
                    json!({"amount": (tens * 5).to_string()})
                };
                json!({"offer": {"kind": "each", "of": ["A"], "effect": effect}, "limit_per_sale": limit,
                    "priority": priority, "exclusive": exclusive})
            })
            .collect();
        let codes: Vec<String> = (0..thresholds.len()).map(|at| format!("t{at}")).collect();
        let taxes: Vec<Value> = thresholds
            .iter()
            .zip(&codes)
            .map(|((kind, threshold, included), code)| {
                let field = ["exempt_below", "part_above", "part_up_to"][usize::from(*kind)];
                json!({"code": code, "rate": "7", "included": included, field: threshold.to_string()})
            })
            .collect();
        let world = |lines: Vec<Value>| {
            World::of(json!({
                "currency": "USD", "rounding": if per_document { "per_document" } else { "per_line" },
                "taxes": taxes, "items": [{"sku": "A", "price": (price * 10).to_string(), "taxes": codes}],
                "promotions": promotions, "lines": lines,
            }))
        };
        let (Ok(one), Ok(apart)) = (
            world(vec![json!({"sku": "A", "quantity": count.to_string()})]).compute(),
            world(vec![json!({"sku": "A"}); count]).compute(),
        ) else {
            return Ok(());
        };
        let difference = one.tax.minus(apart.tax).unwrap().abs();
        let most = Amount::from_units((count * codes.len()) as i128, 2).unwrap();
        prop_assert!(difference <= most, "{} {}", one.tax, apart.tax);
        for sale in [one, apart] {
            if !sale.total.is_zero() {
                paid_in_coins(&world(Vec::new()), sale);
            }
        }
    }

    #[test]
    fn whatever_is_paid_covers_or_is_refused_and_never_panics(
        world in worlds(),
        payments in proptest::collection::vec((0_usize..4, -500_i64..60_000), 0..5),
    ) {
        let Some(sale) = sold(&world) else { return Ok(()) };
        let payments: Vec<crate::Tendered> = payments
            .into_iter()
            .enumerate()
            .map(|(at, (tender, cents))| crate::Tendered {
                id: super::payment_id(at),
                tender_id: world.tenders[tender].id,
                amount: Amount::from_units(cents.into(), 2).unwrap(),
                reference: None,
            })
            .collect();
        if let Ok(settlement) = crate::settle(&sale, &payments, &world.tenders) {
            let change_of_card = settlement.payments.iter().any(|payment| payment.tender_code == "card" && payment.change.is_positive());
            prop_assert!(!change_of_card);
            completed(sale, settlement);
        }
    }
}
