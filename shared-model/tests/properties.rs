//! What holds for every number.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shared_model::{Amount, Percent, Quantity, Rounding, Share, UnitPrice, allocate};

fn cents(units: i128) -> Amount {
    Amount::from_units(units, 2).unwrap()
}

fn shares() -> impl Strategy<Value = Vec<Share<usize>>> {
    proptest::collection::vec(0..1_000_000_000_000_i128, 1..30).prop_map(|weights| {
        weights.into_iter().enumerate().map(|(key, weight)| Share { weight: cents(weight), key }).collect()
    })
}

fn mode() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven), Just(Rounding::Down), Just(Rounding::Up)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn shares_add_up_and_lie_within_a_unit(total in -1_000_000_000_i128..1_000_000_000, shares in shares()) {
        let whole = Amount::sum(shares.iter().map(|share| share.weight)).unwrap();
        prop_assume!(!whole.is_zero());
        let parts = allocate(cents(total), 2, &shares).unwrap();
        prop_assert_eq!(Amount::sum(parts.iter().copied()).unwrap(), cents(total));
        let whole = whole.units(2).unwrap();
        for (part, share) in parts.iter().zip(&shares) {
            let exact = total * share.weight.units(2).unwrap();
            prop_assert!((part.units(2).unwrap() * whole - exact).abs() < whole);
        }
    }

    #[test]
    fn a_share_hangs_on_its_key_and_not_on_its_place(total in 0..100_000_i128, shares in shares()) {
        let Ok(parts) = allocate(cents(total), 2, &shares) else { return Ok(()) };
        let reversed: Vec<_> = shares.iter().rev().cloned().collect();
        let mut again = allocate(cents(total), 2, &reversed).unwrap();
        again.reverse();
        prop_assert_eq!(again, parts);
    }

    #[test]
    fn sharing_the_negative_gives_negative_shares(total in 0..100_000_i128, shares in shares()) {
        let Ok(parts) = allocate(cents(total), 2, &shares) else { return Ok(()) };
        let mirrored = allocate(cents(-total), 2, &shares).unwrap();
        prop_assert_eq!(mirrored, parts.into_iter().map(Amount::negate).collect::<Vec<_>>());
    }

    #[test]
    fn rounding_moves_by_less_than_a_step_and_mirrors(
        units in -9_999_999_999_999_999_999_i128..9_999_999_999_999_999_999,
        decimals in 0..=6_u32,
        mode in mode(),
    ) {
        let amount = Amount::from_units(units, 6).unwrap();
        let Ok(rounded) = mode.to_decimals(amount, decimals) else { return Ok(()) };
        prop_assert_eq!(rounded.decimals(), decimals);
        let moved = rounded.units(6).unwrap() - units;
        prop_assert!(moved.abs() < 10_i128.pow(6 - decimals));
        prop_assert_eq!(mode.to_decimals(amount.negate(), decimals).unwrap(), rounded.negate());
    }

    #[test]
    fn what_is_written_is_read_back(units in -9_999_999_999_999_999_999_i128..9_999_999_999_999_999_999) {
        let amount = Amount::from_units(units, 6).unwrap();
        prop_assert_eq!(amount.to_string().parse::<Amount>().unwrap(), amount);
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,40}") {
        let _ = (text.parse::<Amount>(), text.parse::<Quantity>(), text.parse::<Percent>(), text.parse::<UnitPrice>());
    }

    #[test]
    fn a_number_that_is_read_is_written_as_it_was(text in "-?[0-9]{1,12}(\\.[0-9]{1,6})?") {
        let amount: Amount = text.parse().unwrap();
        let digits = |text: &str| text.trim_start_matches('-').trim_start_matches('0').to_owned();
        prop_assert_eq!(digits(&amount.to_string()), digits(&text));
    }

    #[test]
    fn sums_and_differences_undo_each_other(one in -1_000_000_000_i128..1_000_000_000, other in -1_000_000_000_i128..1_000_000_000) {
        let (one, other) = (cents(one), Amount::from_units(other, 6).unwrap());
        prop_assert_eq!(one.plus(other).unwrap().minus(other).unwrap(), one);
    }

    #[test]
    fn extensions_of_the_negative_quantity_mirror(
        price in -999_999_999_i128..999_999_999,
        quantity in 0..999_999_i128,
        decimals in 0..=3_u32,
        mode in mode(),
    ) {
        let price = UnitPrice::from_units(price, 6).unwrap();
        let quantity = Quantity::from_units(quantity, 3).unwrap();
        let there = price.extend(quantity, decimals, mode).unwrap();
        prop_assert_eq!(price.extend(quantity.negate(), decimals, mode).unwrap(), there.negate());
    }
}
