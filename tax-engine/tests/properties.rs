//! What holds for every document.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shared_model::taxes::TaxRounding;
use shared_model::{Amount, MoneyError, Percent, Quantity, Rounding, UnitPrice};
use tax_engine::{Computed, Document, Levy, Line, LinePrice, Reason, Tax, compute};

type Sale = Document<u8, u8>;

fn levy() -> impl Strategy<Value = Levy> {
    let percent = |ten_thousandths| Percent::from_units(ten_thousandths, 4).unwrap();
    prop_oneof![
        6 => prop_oneof![0..300_000_i128, Just(210_000), Just(50_000), Just(99_750), 0..10_000_000_i128]
            .prop_map(move |rate| Levy::Percent(percent(rate))),
        2 => (0..5_000_000_i128).prop_map(|millionths| Levy::Fixed(UnitPrice::from_units(millionths, 6).unwrap())),
        2 => (0..400_000_i128).prop_map(move |rate| Levy::Division(percent(rate))),
    ]
}

fn threshold() -> impl Strategy<Value = Option<UnitPrice>> {
    proptest::option::weighted(
        0.15,
        (0..200_000_000_i128).prop_map(|units| UnitPrice::from_units(units, 6).unwrap()),
    )
}

fn tax(id: u8) -> impl Strategy<Value = Tax<u8>> {
    (levy(), any::<[bool; 3]>(), threshold(), threshold(), threshold()).prop_map(
        move |(levy, [price_included, include_base_amount, is_base_affected], exempt_below, above, up_to)| {
            let (part_above, part_up_to) = match (above, up_to) {
                _ if matches!(levy, Levy::Fixed(_)) => (None, None),
                (Some(above), Some(up_to)) if above >= up_to => (Some(above), None),
                both => both,
            };
            Tax {
                id,
                levy,
                price_included,
                include_base_amount,
                is_base_affected,
                sequence: id.into(),
                exempt_below,
                part_above,
                part_up_to,
            }
        },
    )
}

fn line(id: u8, taxes: u8) -> impl Strategy<Value = Line<u8, u8>> {
    let quantity =
        prop_oneof![Just(1_000), Just(-1_000), -20_000..20_000_i128, (-9..9_i128).prop_map(|n| n * 1_000)];
    let price = prop_oneof![0..30_000_i128, -3_000..3_000_i128, Just(11_000), 0..1_000_000_000_i128];
    let discount = prop_oneof![3 => Just(0_i128), 1 => 0..=1_000_000_i128];
    (
        quantity,
        price,
        discount,
        proptest::sample::subsequence((0..taxes).collect::<Vec<_>>(), 0..=usize::from(taxes)),
        prop_oneof![
            3 => Just(Vec::new()),
            1 => proptest::sample::subsequence((0..taxes).collect::<Vec<_>>(), 0..=usize::from(taxes)),
        ],
    )
        .prop_map(move |(quantity, price, discount, tax_ids, spared)| Line {
            id,
            quantity: Quantity::from_units(quantity, 3).unwrap(),
            price: LinePrice::Unit {
                unit_price: UnitPrice::from_units(price, 2).unwrap(),
                discount_percent: Percent::from_units(discount, 4).unwrap(),
            },
            tax_ids,
            spared,
        })
}

fn rounding_mode() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven), Just(Rounding::Down), Just(Rounding::Up)]
}

fn sale() -> impl Strategy<Value = Sale> {
    (1..6_u8, 0..9_u8).prop_flat_map(|(taxes, lines)| {
        (
            prop_oneof![Just(0_u32), Just(2), Just(2), Just(3)],
            prop_oneof![Just(TaxRounding::PerLine), Just(TaxRounding::PerDocument)],
            rounding_mode(),
            (0..taxes).map(tax).collect::<Vec<_>>(),
            (0..lines).map(|id| line(id, taxes)).collect::<Vec<_>>(),
        )
            .prop_map(|(decimals, rounding, rounding_mode, taxes, lines)| Document {
                decimals,
                rounding,
                rounding_mode,
                cash_rounding: None,
                taxes,
                lines,
            })
    })
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    Amount::sum(amounts).unwrap()
}

/// Computed, or `None` where its division taxes take all or it goes beyond the bound: nothing else may be wrong.
fn computed(sale: &Sale) -> Option<Computed<u8, u8>> {
    match compute(sale) {
        Ok(computed) => Some(computed),
        Err(error) => {
            assert!(
                matches!(error.reason, Reason::DivisionsTakeAll | Reason::Number(MoneyError::OutOfBounds)),
                "{error}"
            );
            None
        }
    }
}

fn asked(sale: &Sale, line: &Line<u8, u8>) -> Amount {
    let LinePrice::Unit { unit_price, discount_percent } = line.price else {
        panic!("lines have unit prices here")
    };
    let kept = Percent::HUNDRED.minus(discount_percent).unwrap();
    let product = unit_price.units(2).unwrap() * line.quantity.units(3).unwrap() * kept.units(4).unwrap();
    let step = 10_i128.pow(11 - sale.decimals);
    Amount::from_units(shared_model::divide(product, step, sale.rounding_mode).unwrap(), sale.decimals)
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn lines_add_up_to_the_document(sale in sale()) {
        let Some(computed) = computed(&sale) else { return Ok(()) };
        let totals = &computed.document;
        prop_assert_eq!(sum(computed.lines.iter().map(|line| line.total_excluded)), totals.base);
        prop_assert_eq!(sum(computed.lines.iter().map(|line| line.total_included)), totals.total);
        prop_assert_eq!(totals.base.plus(totals.tax).unwrap(), totals.total);
        prop_assert_eq!(sum(totals.taxes.iter().map(|tax| tax.amount)), totals.tax);
        for total in &totals.taxes {
            let of_lines = || computed.lines.iter().flat_map(|line| &line.taxes).filter(|tax| tax.tax_id == total.tax_id);
            prop_assert_eq!(sum(of_lines().map(|tax| tax.amount)), total.amount);
            prop_assert_eq!(sum(of_lines().map(|tax| tax.base)), total.base);
        }
    }

    #[test]
    fn net_and_tax_are_gross_and_the_label_stands(sale in sale()) {
        let Some(computed) = computed(&sale) else { return Ok(()) };
        for (line, source) in computed.lines.iter().zip(&sale.lines) {
            let all = sum(line.taxes.iter().map(|tax| tax.amount));
            prop_assert_eq!(line.total_excluded.plus(all).unwrap(), line.total_included);
            let is_included = |id: u8| sale.taxes[usize::from(id)].price_included;
            let included = sum(line.taxes.iter().filter(|tax| is_included(tax.tax_id)).map(|tax| tax.amount));
            let inside = included.plus(line.relief).unwrap();
            prop_assert_eq!(line.total_excluded.plus(inside).unwrap(), asked(&sale, source));
            prop_assert!(line.taxes.iter().all(|tax| !source.spared.contains(&tax.tax_id)));
        }
    }

    #[test]
    fn who_is_spared_a_tax_pays_the_same_without_it(sale in sale(), spared in proptest::collection::vec(0..6_u8, 0..6)) {
        let mut nobody = sale.clone();
        nobody.lines.iter_mut().for_each(|line| line.spared.clear());
        let mut somebody = nobody.clone();
        somebody.lines.iter_mut().for_each(|line| line.spared.clone_from(&spared));
        let mut school = nobody.clone();
        school.lines.iter_mut().for_each(|line| line.spared.clone_from(&line.tax_ids));
        let (Some(nobody), Some(somebody), Some(school)) = (computed(&nobody), computed(&somebody), computed(&school))
        else {
            return Ok(());
        };
        for ((line, some), none) in nobody.lines.iter().zip(&somebody.lines).zip(&school.lines) {
            // Spared all: to the smallest unit what anybody pays without tax.
            prop_assert_eq!(none.total_excluded, line.total_excluded);
            prop_assert_eq!(none.total_included, line.total_excluded);
            prop_assert!(none.taxes.iter().all(|tax| tax.amount.is_zero()));
            // Spared some: what they made of the others is rounded by itself.
            let moved = some.total_excluded.minus(line.total_excluded).unwrap().units(sale.decimals).unwrap();
            prop_assert!(moved.unsigned_abs() <= 2 * sale.taxes.len() as u128, "{moved}");
        }
    }

    #[test]
    fn who_is_spared_a_tax_never_pays_more_than_who_is_not(
        mut sale in sale(),
        spared in proptest::collection::vec(0..6_u8, 0..6),
    ) {
        sale.lines.iter_mut().for_each(|line| line.spared.clear());
        let Some(nobody) = computed(&sale) else { return Ok(()) };
        // Where a price is less than nothing, fixed taxes leave less than nothing of it, or it is asked for what comes
        // back, a tax is a gain. A net that is rounded tells of none of them by its sign: a little less than nothing is
        // nothing, and each tax before it may have been rounded by one.
        let is_sold = |line: &u8| {
            let out = nobody.lines.iter().find(|out| out.id == *line).unwrap();
            let of = sale.lines.iter().find(|of| of.id == *line).unwrap();
            let LinePrice::Unit { unit_price, .. } = of.price else { panic!("lines have unit prices here") };
            let is_fixed = |id: &u8| matches!(sale.taxes[usize::from(*id)].levy, Levy::Fixed(_));
            let lost = if of.tax_ids.iter().any(is_fixed) { of.tax_ids.len() } else { 0 };
            let least = Amount::from_units(i128::try_from(lost).unwrap(), sale.decimals).unwrap();
            of.quantity.is_positive() && !unit_price.is_negative() && out.total_excluded >= least
        };
        let kept: Vec<u8> = sale.lines.iter().map(|line| line.id).filter(is_sold).collect();
        sale.lines.retain(|line| kept.contains(&line.id));
        let Some(nobody) = computed(&sale) else { return Ok(()) };
        sale.lines.iter_mut().for_each(|line| line.spared.clone_from(&spared));
        let Some(somebody) = computed(&sale) else { return Ok(()) };
        let one = Amount::from_units(1, sale.decimals).unwrap();
        prop_assert!(somebody.document.total <= nobody.document.total, "{:?} {:?}", somebody, nobody);
        for (some, none) in somebody.lines.iter().zip(&nobody.lines) {
            // A net of nothing may be one of a little less than nothing, rounded.
            prop_assert!(!some.relief.is_negative() || none.total_excluded < one, "{:?} {:?}", some, none);
            if sale.rounding == TaxRounding::PerLine {
                prop_assert!(some.total_included <= none.total_included, "{:?} {:?}", some, none);
            }
        }
    }

    #[test]
    fn the_order_of_lines_and_taxes_changes_nothing(sale in sale()) {
        let Some(computed) = computed(&sale) else { return Ok(()) };
        let mut other = sale.clone();
        other.lines.reverse();
        other.taxes.reverse();
        for line in &mut other.lines {
            line.tax_ids.reverse();
        }
        let mut reversed = compute(&other).unwrap();
        reversed.lines.reverse();
        prop_assert_eq!(reversed, computed);
    }

    #[test]
    fn negative_lines_mirror_positive_ones(sale in sale()) {
        let Some(computed) = computed(&sale) else { return Ok(()) };
        let mut refund = sale.clone();
        for line in &mut refund.lines {
            line.quantity = line.quantity.negate();
        }
        let refund = compute(&refund).unwrap();
        prop_assert_eq!(refund.document.tax, computed.document.tax.negate());
        for (back, line) in refund.lines.iter().zip(&computed.lines) {
            prop_assert_eq!(back.total_excluded, line.total_excluded.negate());
            prop_assert_eq!(back.total_included, line.total_included.negate());
            for (back, tax) in back.taxes.iter().zip(&line.taxes) {
                prop_assert_eq!(back.base, tax.base.negate());
                prop_assert_eq!(back.amount, tax.amount.negate());
            }
        }
    }

    #[test]
    fn a_line_alone_is_rounded_alike_per_line_and_per_document(mut sale in sale()) {
        sale.lines.truncate(1);
        let Some(one) = computed(&sale) else { return Ok(()) };
        sale.rounding = match sale.rounding {
            TaxRounding::PerLine => TaxRounding::PerDocument,
            TaxRounding::PerDocument => TaxRounding::PerLine,
        };
        prop_assert_eq!(compute(&sale).unwrap(), one);
    }

    #[test]
    fn a_lines_share_is_its_exact_tax_rounded_down_or_up(mut sale in sale()) {
        // The mode rounds extensions too: those are given here, so that only taxes differ.
        let extensions: Vec<_> = sale.lines.iter().map(|line| asked(&sale, line)).collect();
        for (line, extension) in sale.lines.iter_mut().zip(extensions) {
            line.price = LinePrice::Extension(extension);
        }
        sale.rounding = TaxRounding::PerDocument;
        let (mut down, mut up) = (sale.clone(), sale.clone());
        (down.rounding, down.rounding_mode) = (TaxRounding::PerLine, Rounding::Down);
        (up.rounding, up.rounding_mode) = (TaxRounding::PerLine, Rounding::Up);
        let (Some(shared), Some(down), Some(up)) = (computed(&sale), computed(&down), computed(&up)) else {
            return Ok(());
        };
        for ((line, down), up) in shared.lines.iter().zip(&down.lines).zip(&up.lines) {
            for ((tax, down), up) in line.taxes.iter().zip(&down.taxes).zip(&up.taxes) {
                let (low, high) = (down.amount.min(up.amount), down.amount.max(up.amount));
                prop_assert!(low <= tax.amount && tax.amount <= high, "{} {} {}", low, tax.amount, high);
            }
        }
    }

    #[test]
    fn splitting_a_line_changes_no_total_under_document_rounding(
        price in 1..1_000_000_i128,
        rate in 0..1_000_000_i128,
        price_included: bool,
    ) {
        let tax = Tax { price_included, ..Tax::percent(0, Percent::from_units(rate, 4).unwrap()) };
        let line = |id, units| Line {
            id,
            quantity: Quantity::ONE,
            price: LinePrice::Extension(Amount::from_units(units, 2).unwrap()),
            tax_ids: vec![0],
            spared: Vec::new(),
        };
        let sale = |lines| Document {
            decimals: 2,
            rounding: TaxRounding::PerDocument,
            rounding_mode: Rounding::HalfUp,
            cash_rounding: None,
            taxes: vec![tax.clone()],
            lines,
        };
        let whole = compute(&sale(vec![line(0, price)])).unwrap();
        let split = compute(&sale(vec![line(0, price / 3), line(1, price - price / 3)])).unwrap();
        prop_assert_eq!(whole.document, split.document);
    }

    #[test]
    fn what_is_payable_is_a_multiple_of_the_coin(mut sale in sale(), coin in 1..200_i128) {
        sale.cash_rounding = Some(Amount::from_units(coin, sale.decimals).unwrap());
        let Some(computed) = computed(&sale) else { return Ok(()) };
        let payable = computed.document.payable.units(sale.decimals).unwrap();
        prop_assert_eq!(payable % coin, 0);
        let moved = computed.document.payable.minus(computed.document.total).unwrap().units(sale.decimals).unwrap();
        prop_assert!(moved.abs() < coin);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = tax_engine::json::answer(&bytes);
    }
}
