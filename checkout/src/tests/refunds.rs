//! What comes back, and how much for it.

use serde_json::{Value, json};
use shared_model::ids::SaleId;
use shared_model::selling::SaleCompleted;
use shared_model::{Amount, Quantity};
use uuid::Uuid;

use super::{World, amount, completed, head, line_id, payment_id, refused};
use crate::{
    ComputedSale, Receipt, RefundAsked, Settlement, StockReturn, complete, exchange, give_back, give_back_on,
    prove, refund, void, without_receipt,
};

pub(crate) fn asked(line: usize, quantity: &str) -> RefundAsked {
    RefundAsked {
        id: line_id(1_000 + line),
        line_id: line_id(line),
        quantity: quantity.parse().unwrap(),
        stock: StockReturn::Saleable,
    }
}

/// The fact of a refund, proved; `nth` tells it from other documents.
pub(crate) fn given_back(nth: u128, sale: ComputedSale, settlement: Settlement) -> SaleCompleted {
    let mut head = head();
    head.id = SaleId::new(Uuid::from_u128(0xbb_1000 + nth));
    let mut movement = nth * 1_000;
    let sale = complete(head, sale, settlement, || {
        movement += 1;
        Uuid::from_u128(0xee_0000 + movement).into()
    });
    prove(&sale).unwrap_or_else(|error| panic!("{error}\n{}", serde_json::to_string_pretty(&sale).unwrap()));
    sale
}

/// Gives parts back one after another: what each gave back.
pub(crate) fn give_all_back(
    world: &World,
    sale: &SaleCompleted,
    parts: &[(usize, &str)],
) -> Vec<SaleCompleted> {
    let mut returned: Vec<SaleCompleted> = Vec::new();
    for (nth, (line, quantity)) in parts.iter().enumerate() {
        let receipt = Receipt { sale, returned: &returned };
        let back = refund(&[asked(*line, quantity)], &receipt).unwrap();
        let mut next = nth * 10 + 100;
        let settlement = if back.total.is_zero() {
            Settlement { payments: vec![], change: Amount::ZERO, rounding: Amount::ZERO }
        } else {
            give_back(&back, &receipt, &world.tenders, None, || {
                next += 1;
                payment_id(next)
            })
            .unwrap()
        };
        returned.push(given_back(nth as u128, back, settlement));
    }
    returned
}

fn settled(world: &World) -> SaleCompleted {
    let sale = world.computed();
    let settlement = world.settle(&sale).unwrap();
    completed(sale, settlement)
}

fn kept(sale: &SaleCompleted) -> Amount {
    Amount::sum(sale.payments.iter().map(|payment| payment.amount.minus(payment.change).unwrap())).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "a case is a literal")]
fn coins(payments: Value) -> World {
    World::of(json!({
        "currency": "CHF", "cash_rounding": "0.05", "rounding": "per_document",
        "taxes": [{"code": "mwst", "rate": "8.1", "included": true}],
        "items": [{"sku": "A", "price": "3.34", "taxes": ["mwst"]}],
        "lines": [{"sku": "A", "quantity": "3"}], "payments": payments,
    }))
}

#[test]
fn three_parts_paid_in_coins_come_back_as_3_35_and_3_35_and_3_30() {
    let world = coins(json!([{"tender": "cash", "amount": "10.00"}]));
    let sale = settled(&world);
    assert_eq!((sale.total, sale.rounding), (amount("10.02"), amount("-0.02")));
    let back = give_all_back(&world, &sale, &[(0, "1"), (0, "1"), (0, "1")]);
    let given: Vec<Amount> = back.iter().map(kept).collect();
    assert_eq!(given, [amount("-3.35"), amount("-3.35"), amount("-3.30")]);
    assert_eq!(Amount::sum(back.iter().map(|back| back.tax)).unwrap(), sale.tax.negate());
    assert_eq!(Amount::sum(back.iter().map(|back| back.rounding)).unwrap(), sale.rounding.negate());
}

#[test]
fn tenders_are_given_back_the_last_first_each_up_to_what_it_paid() {
    let world = coins(json!([{"tender": "card", "amount": "5.00"}, {"tender": "cash", "amount": "20.00"}]));
    let sale = settled(&world);
    let back = give_all_back(&world, &sale, &[(0, "1"), (0, "1"), (0, "1")]);
    let given: Vec<Vec<(String, Amount)>> = back
        .iter()
        .map(|back| {
            back.payments.iter().map(|payment| (payment.tender_code.clone(), payment.amount)).collect()
        })
        .collect();
    let of = |code: &str, text: &str| (code.to_owned(), amount(text));
    // 5.02 in coins stands for 5.00 of them; then the card.
    assert_eq!(given[0], [of("cash", "-3.35")]);
    assert_eq!(given[1], [of("cash", "-1.65"), of("card", "-1.66")]);
    assert_eq!(given[2], [of("card", "-3.34")]);
}

#[test]
fn more_than_was_sold_or_something_else_does_not_come_back() {
    let world = coins(json!([{"tender": "cash", "amount": "10.00"}]));
    let sale = settled(&world);
    let before = give_all_back(&world, &sale, &[(0, "2")]);
    let receipt = Receipt { sale: &sale, returned: &before };
    let said = |asked: &[RefundAsked]| refused(refund(asked, &receipt));
    let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
    assert_eq!(said(&[asked(0, "2")]), one("/lines/0/quantity", "more_than_sold"));
    assert_eq!(said(&[asked(0, "0")]), one("/lines/0/quantity", "quantity_not_positive"));
    assert_eq!(said(&[asked(0, "-1")]), one("/lines/0/quantity", "quantity_not_positive"));
    assert_eq!(said(&[asked(0, "0.5")]), one("/lines/0/quantity", "too_many_decimals"));
    assert_eq!(said(&[asked(7, "1")]), one("/lines/0/line_id", "unknown_line"));
    assert_eq!(
        said(&[asked(0, "1"), RefundAsked { id: line_id(5), ..asked(0, "1") }]),
        one("/lines/1/line_id", "duplicate_id")
    );
    assert_eq!(said(&[]), one("/lines", "no_lines"));
    let of_refund = Receipt { sale: &before[0], returned: &[] };
    let line = before[0].lines[0].id;
    let again =
        RefundAsked { id: line_id(1), line_id: line, quantity: Quantity::ONE, stock: StockReturn::None };
    assert_eq!(refused(refund(&[again], &of_refund)), one("/lines/0/line_id", "not_sold"));
}

#[test]
fn a_part_gives_back_its_share_of_reductions_promotions_and_every_tax() {
    let world = World::of(json!({
        "taxes": [
            {"code": "vat", "rate": "20", "included": true, "sequence": 2},
            {"code": "eco", "kind": "fixed", "rate": "0.07", "included": true, "include_base_amount": true},
            {"code": "city", "rate": "1.5", "sequence": 3},
        ],
        "items": [{"sku": "A", "price": "9.99", "taxes": ["vat", "eco", "city"]}, {"sku": "B", "price": "4.01", "taxes": ["vat"]}],
        "lines": [{"sku": "A", "quantity": "7", "reduction": {"amount": "1.00", "reason": "x"}}, {"sku": "B", "quantity": "2"}],
        "promotions": [{"offer": {"kind": "mix_and_match", "of": "all", "quantity": 3, "effect": {"cheapest_free": 1}}}],
        "payments": [{"tender": "cash", "amount": "100.00"}],
    }));
    let sale = settled(&world);
    let back = give_all_back(&world, &sale, &[(1, "1"), (0, "3"), (0, "1"), (1, "1"), (0, "3")]);
    for (of_sale, of_back) in [
        (sale.net, Amount::sum(back.iter().map(|back| back.net)).unwrap()),
        (sale.tax, Amount::sum(back.iter().map(|back| back.tax)).unwrap()),
        (sale.total, Amount::sum(back.iter().map(|back| back.total)).unwrap()),
        (kept(&sale), Amount::sum(back.iter().map(kept)).unwrap()),
    ] {
        assert_eq!(of_back, of_sale.negate());
    }
}

#[test]
fn a_void_undoes_the_whole_sale_with_its_coins_once() {
    let world = coins(json!([{"tender": "card", "amount": "5.00"}, {"tender": "cash", "amount": "20.00"}]));
    let sale = settled(&world);
    let ids = || {
        let mut next = 500;
        move || {
            next += 1;
            next
        }
    };
    let (mut lines, mut payments) = (ids(), ids());
    let receipt = Receipt { sale: &sale, returned: &[] };
    let (back, settlement) = void(&receipt, || line_id(lines()), || payment_id(payments())).unwrap();
    let mut undone = given_back(1, back, settlement);
    undone.voids = Some(sale.id);
    prove(&undone).unwrap();
    assert_eq!((undone.total, undone.rounding), (amount("-10.02"), amount("0.02")));
    assert_eq!(kept(&undone), kept(&sale).negate());
    let returned = [undone];
    let again = Receipt { sale: &sale, returned: &returned };
    let said = refused(void(&again, || line_id(900), || payment_id(900)));
    assert_eq!(said, [("/voids".to_owned(), "already_returned")]);
}

#[test]
fn an_exchange_owes_the_difference_either_way() {
    let world = coins(json!([{"tender": "cash", "amount": "10.00"}]));
    let sale = settled(&world);
    let receipt = Receipt { sale: &sale, returned: &[] };
    let back = refund(&[asked(0, "2")], &receipt).unwrap();
    let bought = |quantity: &str| {
        let mut world = world.clone();
        world.cart.lines[0].quantity = quantity.parse().unwrap();
        world.cart.lines[0].id = line_id(77);
        world.computed()
    };
    let dearer = exchange(bought("4"), back.clone()).unwrap();
    assert_eq!(dearer.total, amount("6.68"));
    let paid = crate::settle(
        &dearer,
        &[crate::Tendered { amount: amount("6.70"), ..world.payments[0].clone() }],
        &world.tenders,
    );
    given_back(1, dearer, paid.unwrap());
    let cheaper = exchange(bought("1"), back.clone()).unwrap();
    assert_eq!(cheaper.total, amount("-3.34"));
    assert_eq!(
        refused(crate::settle(&cheaper, &[], &world.tenders)),
        [("/payments".to_owned(), "owed_back")]
    );
    let settlement = give_back(&cheaper, &receipt, &world.tenders, None, || payment_id(50)).unwrap();
    assert_eq!(settlement.payments[0].amount, amount("-3.35"));
    given_back(2, cheaper, settlement);
    let even = exchange(bought("2"), back).unwrap();
    assert_eq!(even.total, amount("0.00"));
    given_back(3, even, Settlement { payments: vec![], change: Amount::ZERO, rounding: Amount::ZERO });
}

#[test]
fn without_a_receipt_the_price_of_today_is_given_back_on_one_tender() {
    let world = coins(json!([]));
    let back = without_receipt(world.computed()).unwrap();
    assert_eq!(back.total, amount("-10.02"));
    let cash = world.tenders.iter().find(|tender| tender.code == "cash").unwrap();
    let settlement = give_back_on(&back, cash, payment_id(1)).unwrap();
    assert_eq!((settlement.payments[0].amount, settlement.rounding), (amount("-10.00"), amount("0.02")));
    given_back(1, back, settlement);
}

#[test]
fn what_does_not_go_to_stock_makes_no_movement() {
    let world = coins(json!([{"tender": "cash", "amount": "10.00"}]));
    let sale = settled(&world);
    let receipt = Receipt { sale: &sale, returned: &[] };
    let back = refund(&[RefundAsked { stock: StockReturn::Damaged, ..asked(0, "1") }], &receipt).unwrap();
    let settlement = give_back(&back, &receipt, &world.tenders, None, || payment_id(50)).unwrap();
    assert_eq!(given_back(1, back, settlement).lines[0].movement_id, None);
}

#[test]
fn deposits_are_taken_and_given_back_and_no_reduction_touches_them() {
    let world = World::of(json!({
        "currency": "EUR",
        "taxes": [{"code": "vat19", "rate": "19", "included": true}],
        "items": [
            {"sku": "COLA", "price": "1.20", "taxes": ["vat19"]}, {"sku": "PFAND", "price": "0.25", "kind": "deposit", "taxes": ["vat19"]},
        ],
        "lines": [{"sku": "COLA", "quantity": "2"}, {"sku": "PFAND", "quantity": "2"}, {"sku": "PFAND", "quantity": "-6"}],
        "reduction": {"percent": "50", "reason": "x"},
    }));
    let sale = world.computed();
    assert_eq!(sale.total, amount("0.20"));
    assert_eq!(sale.lines[2].tax, amount("-0.24"));
    let sold = world.completed();
    assert_eq!(sold.lines.iter().filter(|line| line.movement_id.is_some()).count(), 1);
}

#[test]
fn a_multi_purpose_card_bears_no_tax_and_a_single_purpose_card_bears_it_once() {
    let world = |lines: Value| {
        World::of(json!({
            "taxes": [{"code": "vat20", "rate": "20", "included": true}],
            "items": [
                {"sku": "CARD", "kind": "gift_card", "open_price": {"min": "5", "max": "500"}},
                {"sku": "SPA-CARD", "kind": "single_purpose_card", "taxes": ["vat20"], "open_price": {"min": "5", "max": null}},
                {"sku": "SPA", "price": "60.00", "taxes": ["vat20"]},
            ],
            "lines": lines,
        }))
    };
    let multi = world(json!([{"sku": "CARD", "unit_price": "50.00"}])).completed();
    assert_eq!((multi.total, multi.tax), (amount("50.00"), amount("0.00")));
    let single = world(json!([{"sku": "SPA-CARD", "unit_price": "60.00"}])).completed();
    assert_eq!(single.tax, amount("10.00"));
    let used = world(json!([{"sku": "SPA"}, {"sku": "SPA-CARD", "unit_price": "60.00", "quantity": "-1"}]))
        .completed();
    assert_eq!((used.total, used.tax), (amount("0.00"), amount("0.00")));
}

#[test]
fn tips_are_off_unless_the_chain_says_otherwise() {
    let mut world = World::of(json!({
        "items": [{"sku": "TIP", "kind": "tip", "open_price": {"min": null, "max": null}}],
        "lines": [{"sku": "TIP", "unit_price": "2.00"}],
    }));
    assert_eq!(refused(world.compute()), [("/lines/0/variant_id".to_owned(), "no_tips")]);
    world.catalogue.takes_tips = true;
    assert_eq!(world.completed().total, amount("2.00"));
}

#[test]
fn a_kit_takes_its_parts_stock_and_is_never_part_of_itself() {
    let mut world = World::of(json!({
        "items": [{"sku": "KIT", "price": "20.00"}, {"sku": "CUP", "price": "5.00"}, {"sku": "TEA", "price": "4.00", "decimals": 3}],
        "lines": [{"sku": "KIT", "quantity": "2"}],
    }));
    let ids: Vec<_> = world.catalogue.items.keys().copied().collect();
    let part = |at: usize, quantity: &str| crate::KitPart {
        variant_id: ids[at],
        quantity: quantity.parse().unwrap(),
    };
    world.catalogue.kits.insert(ids[0], vec![part(1, "4"), part(2, "0.125")]);
    let sale = world.computed();
    let taken: Vec<String> = sale.kit_parts.iter().map(|part| part.quantity.to_string()).collect();
    assert_eq!(taken, ["8", "0.25"]);
    let sold = world.completed();
    assert_eq!(sold.lines[0].movement_id, None);
    assert!(sold.kit_parts.iter().all(|part| part.movement_id.is_some()));
    let back = give_all_back(&world, &sold, &[(0, "1"), (0, "1")]);
    let parts: Vec<String> =
        back.iter().flat_map(|back| &back.kit_parts).map(|part| part.quantity.to_string()).collect();
    assert_eq!(parts, ["-4", "-0.125", "-4", "-0.125"]);
    let mut twice = sold.clone();
    twice.kit_parts[1].movement_id = twice.kit_parts[0].movement_id;
    assert_eq!(prove(&twice).unwrap_err().pointer, "/kit_parts/1/movement_id");
    twice.kit_parts[0].line_id = line_id(55);
    assert_eq!(prove(&twice).unwrap_err().pointer, "/kit_parts/0/line_id");
    world.catalogue.kits.insert(ids[1], vec![part(0, "1")]);
    assert_eq!(refused(world.compute()), [("/lines/0/variant_id".to_owned(), "circular_kit")]);
}

#[test]
fn a_labels_quantity_is_derived_where_it_is_not_said() {
    let world = World::of(json!({
        "items": [{"sku": "CHEESE", "price": "23.90", "decimals": 3}],
        "lines": [{"sku": "CHEESE", "quantity": "0", "label_amount": "4.46"}],
    }));
    let sold = world.completed();
    assert_eq!(sold.lines[0].quantity, "0.187".parse().unwrap());
    assert_eq!(sold.total, amount("4.46"));
    let returned = give_all_back(&world, &sold, &[(0, "0.1"), (0, "0.087")]);
    assert_eq!(Amount::sum(returned.iter().map(|back| back.total)).unwrap(), amount("-4.46"));
}

/// A void of the whole sale, proved.
fn undone(sale: &SaleCompleted, returned: &[SaleCompleted]) -> SaleCompleted {
    let mut next = 700;
    let mut id = || {
        next += 1;
        next
    };
    let ids: Vec<usize> = (0..2 * sale.lines.len() + sale.payments.len()).map(|_| id()).collect();
    let (mut lines, mut payments) = (ids.clone().into_iter(), ids.into_iter().rev());
    let receipt = Receipt { sale, returned };
    let (back, settlement) =
        void(&receipt, || line_id(lines.next().unwrap()), || payment_id(payments.next().unwrap())).unwrap();
    let mut head = head();
    head.id = SaleId::new(Uuid::from_u128(0xbb_7000));
    head.customer_id = sale.customer_id;
    let mut movement = 0xee_7000;
    let mut void = complete(head, back, settlement, || {
        movement += 1;
        Uuid::from_u128(movement).into()
    });
    void.voids = Some(sale.id);
    prove(&void).unwrap_or_else(|error| panic!("{error}\n{}", serde_json::to_string_pretty(&void).unwrap()));
    void
}

/// Two goods at 10.00 and empties of 3.00, all paid by card but for what the empties paid.
fn with_empties() -> (World, SaleCompleted) {
    let world = World::of(json!({
        "currency": "EUR", "cash_rounding": "0.05",
        "items": [{"sku": "BEER", "price": "10.00"}, {"sku": "EMPTIES", "price": "3.02", "kind": "deposit"}],
        "lines": [{"sku": "BEER", "quantity": "2"}, {"sku": "EMPTIES", "quantity": "-1"}],
        "payments": [{"tender": "card", "amount": "16.98"}],
    }));
    let sale = settled(&world);
    (world, sale)
}

#[test]
fn what_empties_paid_for_comes_back_on_the_tender_that_is_named() {
    let (world, sale) = with_empties();
    let cash = world.tenders.iter().find(|tender| tender.code == "cash");
    let mut returned = Vec::new();
    let mut given = Vec::new();
    for nth in 0..2 {
        let receipt = Receipt { sale: &sale, returned: &returned };
        let back = refund(&[RefundAsked { id: line_id(800 + nth), ..asked(0, "1") }], &receipt).unwrap();
        let mut next = 60 + 10 * nth;
        let mut id = || {
            next += 1;
            payment_id(next)
        };
        if nth == 1 {
            let said = refused(give_back(&back, &receipt, &world.tenders, None, &mut id));
            assert_eq!(said, [("/payments".to_owned(), "more_than_paid")]);
        }
        let settlement = give_back(&back, &receipt, &world.tenders, cash, &mut id).unwrap();
        for payment in &settlement.payments {
            given.push((payment.tender_code.clone(), payment.amount.to_string()));
        }
        returned.push(given_back(nth as u128, back, settlement));
    }
    let given: Vec<(&str, &str)> =
        given.iter().map(|(code, amount)| (code.as_str(), amount.as_str())).collect();
    assert_eq!(given, [("card", "-10.00"), ("card", "-6.98"), ("cash", "-3.00")]);
    assert_eq!(returned[1].rounding, amount("0.02"));
}

#[test]
fn a_void_also_undoes_what_came_back_in_the_sale() {
    let (_, sale) = with_empties();
    let void = undone(&sale, &[]);
    assert_eq!((void.total, kept(&void)), (amount("-16.98"), amount("-16.98")));
    assert!(void.lines[1].quantity.is_positive(), "the empties are the customer's again");

    // An exchange for something cheaper gave 3.35 back: its void takes them again.
    let world = coins(json!([{"tender": "cash", "amount": "10.00"}]));
    let sold = settled(&world);
    let receipt = Receipt { sale: &sold, returned: &[] };
    let back = refund(&[asked(0, "2")], &receipt).unwrap();
    let mut other = world.clone();
    other.cart.lines[0].quantity = Quantity::ONE;
    other.cart.lines[0].id = line_id(77);
    let cheaper = exchange(other.computed(), back).unwrap();
    let settlement = give_back(&cheaper, &receipt, &world.tenders, None, || payment_id(50)).unwrap();
    let cheaper = given_back(2, cheaper, settlement);
    let void = undone(&cheaper, &[]);
    assert_eq!((void.total, kept(&void), void.rounding), (amount("3.34"), amount("3.35"), amount("0.01")));
}

#[test]
fn a_sale_of_nothing_can_be_undone() {
    let world = World::of(json!({
        "currency": "CHF", "cash_rounding": "0.05", "items": [{"sku": "A", "price": "0.02"}],
        "lines": [{"sku": "A"}], "payments": [{"tender": "cash", "amount": "0.00"}],
    }));
    let sale = settled(&world);
    assert_eq!((sale.total, sale.rounding), (amount("0.02"), amount("-0.02")));
    assert_eq!(undone(&sale, &[]).rounding, amount("0.02"));
}

#[test]
fn parts_of_less_than_a_cent_come_back_without_ever_owing_the_other_way() {
    let world = World::of(json!({
        "currency": "USD", "taxes": [{"code": "t", "rate": "20"}],
        "items": [{"sku": "SCREW", "price": "0.004", "taxes": ["t"]}],
        "lines": [{"sku": "SCREW", "quantity": "100", "reduction": {"percent": "10", "reason": "bulk"}}],
        "payments": [{"tender": "card", "amount": "0.43"}],
    }));
    let sale = settled(&world);
    let parts: Vec<(usize, &str)> = (0..100).map(|_| (0, "1")).collect();
    let back = give_all_back(&world, &sale, &parts);
    assert!(back.iter().all(|back| !back.total.is_positive()));
    assert_eq!(Amount::sum(back.iter().map(|back| back.total)).unwrap(), amount("-0.43"));
    assert_eq!(Amount::sum(back.iter().map(kept)).unwrap(), amount("-0.43"));
}

#[test]
fn cash_comes_back_as_it_was_rounded_whatever_the_tender_says_today() {
    let world = coins(json!([{"tender": "cash", "amount": "10.00"}]));
    let sale = settled(&world);
    let receipt = Receipt { sale: &sale, returned: &[] };
    let back = refund(&[asked(0, "3")], &receipt).unwrap();
    let exact: Vec<_> = world
        .tenders
        .iter()
        .cloned()
        .map(|tender| shared_model::tenders::TenderRecord { cash_rounding: None, ..tender })
        .collect();
    let settlement = give_back(&back, &receipt, &exact, None, || payment_id(50)).unwrap();
    assert_eq!(kept(&given_back(1, back.clone(), settlement)), amount("-10.00"));
    let settlement = give_back(&back, &receipt, &[], None, || payment_id(50)).unwrap();
    assert_eq!(kept(&given_back(2, back, settlement)), amount("-10.00"));
}

#[test]
fn change_of_a_voucher_is_in_coins_and_a_card_is_not_rounded() {
    let world = coins(json!([{"tender": "voucher", "amount": "20.00"}]));
    let sale = settled(&world);
    assert_eq!((sale.change, sale.rounding), (amount("10.00"), amount("-0.02")));
    let back = give_all_back(&world, &sale, &[(0, "1"), (0, "2")]);
    assert_eq!(Amount::sum(back.iter().map(kept)).unwrap(), amount("-10.00"));
    assert_eq!(kept(&undone(&sale, &[])), amount("-10.00"));

    // Two hundredths over are no coin: they are kept, and come back with the rest.
    let over = coins(json!([{"tender": "voucher", "amount": "10.04"}]));
    let sale = settled(&over);
    assert_eq!((sale.change, sale.rounding), (amount("0.00"), amount("0.02")));
    let back = give_all_back(&over, &sale, &[(0, "1"), (0, "2")]);
    assert_eq!(Amount::sum(back.iter().map(kept)).unwrap(), amount("-10.04"));

    // 10.51 are over, and a voucher of 10.95 gives back no eleven: more than half a crown is kept, and comes back with the rest.
    let crowns = World::of(json!({
        "currency": "SEK", "cash_rounding": "1.00",
        "items": [{"sku": "PAN", "price": "37.26"}], "lines": [{"sku": "PAN", "quantity": "5"}],
        "payments": [{"tender": "card", "amount": "185.86"}, {"tender": "voucher", "amount": "10.95"}],
    }));
    let mut sale = settled(&crowns);
    assert_eq!((sale.change, sale.rounding), (amount("10.00"), amount("0.51")));
    let back = give_all_back(&crowns, &sale, &[(0, "2"), (0, "3")]);
    assert_eq!(Amount::sum(back.iter().map(kept)).unwrap(), amount("-186.81"));
    // A till that keeps a crown which it could give back is found.
    sale.payments[1].amount = amount("20.95");
    (sale.payments[1].change, sale.change) = (amount("20.00"), amount("20.00"));
    assert!(crate::prove(&sale).is_ok());
    (sale.payments[1].change, sale.change, sale.rounding) =
        (amount("19.00"), amount("19.00"), amount("1.51"));
    assert!(crate::prove(&sale).is_err());
    sale.payments[1].amount = amount("20.14");
    sale.rounding = amount("0.70");
    assert_eq!(crate::prove(&sale).unwrap_err().pointer, "/rounding");

    let beside = coins(json!([{"tender": "card", "amount": "10.00"}, {"tender": "cash", "amount": "0.00"}]));
    let said = refused(beside.settle(&beside.computed()));
    assert_eq!(said, [("/payments/1/amount".to_owned(), "payment_not_positive")]);
}
