//! Rates.

use rust_decimal::Decimal;

use crate::decimal::{decimal_type, pow10};
use crate::{Amount, MoneyError, Rounding, divide};

/// A rate in percent, never a fraction: 21 is 21 %. At most 6 digits before the point and 4 after it, which holds every
/// rate in use (Quebec's QST is 9.975 %).
///
/// ```
/// use shared_model::{MoneyError, Percent};
///
/// let qst: Percent = "9.975".parse()?;
/// assert!(qst < Percent::HUNDRED);
/// assert_eq!("0.00001".parse::<Percent>(), Err(MoneyError::TooManyDecimals { most: 4 }));
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(Decimal);

decimal_type!(Percent, decimals: 4, whole_digits: 6, pattern: r"^-?[0-9]{1,6}(\.[0-9]{1,4})?$", example: "21");

impl Percent {
    /// All of it: 100 %.
    pub const HUNDRED: Self = Self(Decimal::ONE_HUNDRED);

    /// This part of `amount`, exact until it is rounded once to so many decimals (at most 6).
    ///
    /// # Errors
    /// [`MoneyError::OutOfBounds`] when it comes to 10¹³ or more, [`MoneyError::TooManyDecimals`] for more than 6
    /// decimals.
    ///
    /// ```
    /// use shared_model::{Percent, Rounding};
    ///
    /// let tenth: Percent = "10".parse()?;
    /// assert_eq!(tenth.of("0.25".parse()?, 2, Rounding::HalfUp)?.to_string(), "0.03");
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    pub fn of(self, amount: Amount, decimals: u32, rounding: Rounding) -> Result<Amount, MoneyError> {
        // 6 decimals of the amount, 4 of the rate, 2 of "per hundred".
        let product = amount.units(6)?.checked_mul(self.units(4)?).ok_or(MoneyError::OutOfBounds)?;
        let step = pow10(12_u32.checked_sub(decimals).ok_or(MoneyError::TooManyDecimals { most: 6 })?)?;
        Amount::from_units(divide(product, step, rounding)?, decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_four_decimals_at_most() {
        assert_eq!("0.00001".parse::<Percent>(), Err(MoneyError::TooManyDecimals { most: 4 }));
        assert_eq!("9.975".parse::<Percent>().unwrap().to_string(), "9.975");
    }

    #[test]
    fn a_part_of_the_largest_amount_is_exact() {
        let amount: Amount = "9999999999999.999999".parse().unwrap();
        assert_eq!(Percent::HUNDRED.of(amount, 6, Rounding::HalfUp).unwrap(), amount);
        let beyond: Percent = "100.0001".parse().unwrap();
        assert_eq!(beyond.of(amount, 6, Rounding::HalfUp), Err(MoneyError::OutOfBounds));
    }
}
