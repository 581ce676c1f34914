//! Sharing an amount so that the shares add up to it.

use crate::{Amount, MoneyError};

/// One of those that an amount is shared over.
#[derive(Debug, Clone)]
pub struct Share<K> {
    /// Its part is in proportion to this; not negative.
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
    fn nothing_to_share_over_is_an_error() {
        let none: [Share<u32>; 0] = [];
        assert_eq!(allocate(amount("1"), 2, &none), Err(MoneyError::NothingToShareOver));
        assert_eq!(allocate(amount("0"), 2, &none), Ok(vec![]));
        let negative = [Share { weight: amount("-1"), key: 1 }];
        assert_eq!(allocate(amount("1"), 2, &negative), Err(MoneyError::NegativeWeight));
    }
}
