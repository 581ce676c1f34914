//! Quantities.

use rust_decimal::Decimal;

use crate::MoneyError;
use crate::decimal::decimal_type;

/// How many pieces, or how much of a unit (kg, m, l), which the surroundings know. At most 9 digits before the point and 3
/// after it; below zero for what comes back.
///
/// ```
/// use shared_model::{MoneyError, Quantity};
///
/// let weight: Quantity = "0.375".parse()?;
/// assert_eq!(weight.plus(Quantity::ONE)?.to_string(), "1.375");
/// assert_eq!("0.0005".parse::<Quantity>(), Err(MoneyError::TooManyDecimals { most: 3 }));
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(Decimal);

decimal_type!(Quantity, decimals: 3, whole_digits: 9, pattern: r"^-?[0-9]{1,9}(\.[0-9]{1,3})?$", example: "1");

impl Quantity {
    /// One piece.
    pub const ONE: Self = Self(Decimal::ONE);

    /// The quantity, if a unit that allows so many decimals has it (pieces: 0, kilograms: 3).
    ///
    /// # Errors
    /// [`MoneyError::TooManyDecimals`]: half a piece.
    ///
    /// ```
    /// use shared_model::{MoneyError, Quantity};
    ///
    /// let half: Quantity = "0.5".parse()?;
    /// assert_eq!(half.in_precision(3), Ok(half));
    /// assert_eq!(half.in_precision(0), Err(MoneyError::TooManyDecimals { most: 0 }));
    /// // Zeros behind the point are no fraction.
    /// assert!("2.000".parse::<Quantity>()?.in_precision(0).is_ok());
    /// # Ok::<(), MoneyError>(())
    /// ```
    pub fn in_precision(self, decimals: u32) -> Result<Self, MoneyError> {
        self.units(decimals)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_three_decimals_at_most() {
        assert_eq!("0.0001".parse::<Quantity>(), Err(MoneyError::TooManyDecimals { most: 3 }));
        assert_eq!("1000000000".parse::<Quantity>(), Err(MoneyError::OutOfBounds));
        assert_eq!("2.000".parse::<Quantity>().unwrap().in_precision(0).unwrap(), "2".parse().unwrap());
    }
}
