//! Sharing an amount so that the shares add up to it: the savings of promotions, reductions of a whole sale.

use crate::{Amount, MoneyError};

/// One of those that an amount is shared over. `K` is whatever orders them: see [`allocate`]'s example.
#[derive(Debug, Clone)]
pub struct Share<K> {
    /// Its part is in proportion to this; not negative. Only the proportions count, so any unit will do.
    pub weight: Amount,
    /// Who gets a unit first when remainders are equal: the smallest key. Keys should differ, else the
    /// position decides and another order of lines gives another result. "Larger amount first" is
    /// [`std::cmp::Reverse`] of the amount.
    pub key: K,
}

/// Shares `total` in proportion to the weights, by largest remainder: each gets its part rounded
/// towards zero to so many decimals, and the smallest units that are left go one by one to the largest
/// remainders, ties to the smallest key. The shares are in the order of `shares`, add up to `total`, and
/// are mirrored when `total` is negative.
///
/// This is the largest-remainder (Hamilton) method: no share is further than one smallest unit from its exact part, and
/// the order of `shares` changes none.
///
/// # Errors
/// [`MoneyError::NothingToShareOver`] when all weights are zero and the total is not, [`MoneyError::NegativeWeight`],
/// [`MoneyError::TooManyDecimals`] when the total is finer than `decimals`, [`MoneyError::OutOfBounds`].
///
/// ```
/// use shared_model::{Amount, MoneyError, Share, allocate};
///
/// let one: Amount = "1".parse()?;
/// let shares = ["b", "a", "c"].map(|key| Share { weight: one, key });
/// assert_eq!(
///     allocate("10.00".parse()?, 2, &shares)?,
///     ["3.33".parse()?, "3.34".parse()?, "3.33".parse()?],
/// );
/// # Ok::<(), MoneyError>(())
/// ```
pub fn allocate<K: Ord>(
    total: Amount,
    decimals: u32,
    shares: &[Share<K>],
) -> Result<Vec<Amount>, MoneyError> {
    let units = total.units(decimals)?;
    let size = units.abs();
    let mut weights = Vec::with_capacity(shares.len());
    let mut whole: i128 = 0;
    for share in shares {
        if share.weight.is_negative() {
            return Err(MoneyError::NegativeWeight);
        }
        let weight = share.weight.units(6)?;
        whole = whole.checked_add(weight).ok_or(MoneyError::OutOfBounds)?;
        weights.push(weight);
    }
    if whole == 0 {
        if units == 0 {
            return shares.iter().map(|_| Amount::from_units(0, decimals)).collect();
        }
        return Err(MoneyError::NothingToShareOver);
    }
    let mut parts = Vec::with_capacity(shares.len());
    let mut given: i128 = 0;
    for weight in &weights {
        let product = size.checked_mul(*weight).ok_or(MoneyError::OutOfBounds)?;
        given += product / whole;
        parts.push((product / whole, product % whole));
    }
    // What is left is less than one unit for each part that has a remainder.
    let mut order: Vec<(usize, i128, &K)> = parts
        .iter()
        .zip(shares)
        .enumerate()
        .map(|(at, ((_, rest), share))| (at, *rest, &share.key))
        .collect();
    order.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.2.cmp(other.2)));
    let left = usize::try_from(size - given).map_err(|_| MoneyError::OutOfBounds)?;
    for (at, _, _) in order.into_iter().take(left) {
        if let Some(part) = parts.get_mut(at) {
            part.0 += 1;
        }
    }
    let sign = if units < 0 { -1 } else { 1 };
    parts.into_iter().map(|(part, _)| Amount::from_units(sign * part, decimals)).collect()
}

/// Shares `total` as [`allocate`] does, but gives nobody more than their cap, in the order of `shares`; what is over
/// goes to those that have room, in the same way, until all is given. Where all weights are zero, those with room
/// share alike. There is a cap for each share, in the same order, written with at most so many decimals; the total is not
/// negative (of one that is, nothing is given).
///
/// # Errors
/// [`MoneyError::NothingToShareOver`] when the caps together are less than the total, and those of [`allocate`].
///
/// ```
/// use shared_model::{Amount, MoneyError, Share, allocate_within};
///
/// let one: Amount = "1".parse()?;
/// let shares = ["a", "b"].map(|key| Share { weight: one, key });
/// let caps = ["0.10".parse()?, "2.00".parse()?];
/// assert_eq!(allocate_within("1.00".parse()?, 2, &shares, &caps)?, ["0.10".parse()?, "0.90".parse()?]);
/// let too_much = allocate_within("3.00".parse()?, 2, &shares, &caps);
/// assert_eq!(too_much, Err(MoneyError::NothingToShareOver));
/// # Ok::<(), MoneyError>(())
/// ```
pub fn allocate_within<K: Ord + Clone>(
    total: Amount,
    decimals: u32,
    shares: &[Share<K>],
    caps: &[Amount],
) -> Result<Vec<Amount>, MoneyError> {
    let nothing = Amount::from_units(0, decimals)?;
    let mut given = vec![nothing; shares.len()];
    let mut left = total;
    // Each round gives all that is left, or fills at least one, who then takes no part again.
    while left.is_positive() {
        let mut open: Vec<(usize, Amount)> = Vec::with_capacity(shares.len());
        for (at, (given, cap)) in given.iter().zip(caps).enumerate() {
            if given < cap {
                open.push((at, cap.minus(*given)?));
            }
        }
        let mut round: Vec<Share<K>> = open.iter().filter_map(|(at, _)| shares.get(*at)).cloned().collect();
        if round.iter().all(|share| share.weight.is_zero()) {
            for share in &mut round {
                share.weight = Amount::from_units(1, 0)?;
            }
        }
        for ((at, room), part) in open.into_iter().zip(allocate(left, decimals, &round)?) {
            let part = part.min(room);
            left = left.minus(part)?;
            if let Some(given) = given.get_mut(at) {
                *given = given.plus(part)?;
            }
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn shared(total: &str, weights: &[(&str, u32)]) -> Vec<String> {
        let shares: Vec<_> =
            weights.iter().map(|(weight, key)| Share { weight: amount(weight), key: *key }).collect();
        allocate(amount(total), 2, &shares).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_left_goes_to_the_largest_remainders() {
        assert_eq!(shared("1.00", &[("1", 1), ("2", 2), ("4", 3)]), ["0.14", "0.29", "0.57"]);
        assert_eq!(shared("-1.00", &[("1", 1), ("2", 2), ("4", 3)]), ["-0.14", "-0.29", "-0.57"]);
    }

    #[test]
    fn ties_go_by_the_key_and_not_by_the_position() {
        assert_eq!(shared("0.01", &[("1", 2), ("1", 1)]), ["0.00", "0.01"]);
        assert_eq!(shared("0.01", &[("1", 1), ("1", 2)]), ["0.01", "0.00"]);
    }

    #[test]
    fn a_weight_of_nothing_gets_nothing() {
        assert_eq!(shared("0.05", &[("0", 1), ("3", 2), ("4", 3)]), ["0.00", "0.02", "0.03"]);
    }

    #[test]
    fn nobody_gets_more_than_their_cap_and_all_is_given() {
        let shares = [3_u32, 1, 2].map(|key| Share { weight: amount("1"), key });
        let caps = ["0.01", "5.00", "0.02"].map(amount);
        let given = allocate_within(amount("1.00"), 2, &shares, &caps).unwrap();
        assert_eq!(given, ["0.01", "0.97", "0.02"].map(amount));
        let caps = ["0.01", "0.01", "0.02"].map(amount);
        assert_eq!(allocate_within(amount("1.00"), 2, &shares, &caps), Err(MoneyError::NothingToShareOver));
        let weightless = [1_u32, 2].map(|key| Share { weight: Amount::ZERO, key });
        let given = allocate_within(amount("0.03"), 2, &weightless, &[amount("1"), amount("1")]).unwrap();
        assert_eq!(given, ["0.02", "0.01"].map(amount));
    }

    #[test]
    fn nothing_to_share_over_is_an_error() {
        let none: [Share<u32>; 0] = [];
        assert_eq!(allocate(amount("1"), 2, &none), Err(MoneyError::NothingToShareOver));
        assert_eq!(allocate(amount("0"), 2, &none), Ok(vec![]));
        let negative = [Share { weight: amount("-1"), key: 1 }];
        assert_eq!(allocate(amount("1"), 2, &negative), Err(MoneyError::NegativeWeight));
    }
}
