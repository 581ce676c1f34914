//! Quantities.

use rust_decimal::Decimal;

use crate::MoneyError;
use crate::decimal::decimal_type;

/// How many pieces, or how much of a unit. At most 9 digits before the point and 3 after it.
///
/// ```
/// use shared_model::{MoneyError, Quantity};
///
/// let weight: Quantity = "0.375".parse()?;
/// assert_eq!(weight.in_precision(3), Ok(weight));
/// assert_eq!(weight.in_precision(0), Err(MoneyError::TooManyDecimals { most: 0 }));
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(Decimal);

decimal_type!(Quantity, decimals: 3, whole_digits: 9, pattern: r"^-?[0-9]{1,9}(\.[0-9]{1,3})?$", example: "1");

impl Quantity {
    /// One piece.
    pub const ONE: Self = Self(Decimal::ONE);

    /// The quantity, if a unit that allows so many decimals has it (pieces: 0, kilograms: 3).
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
