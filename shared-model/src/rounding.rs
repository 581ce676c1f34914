//! Rounding: which way, to how many decimals, to which coin.

use serde::{Deserialize, Serialize};

use crate::decimal::pow10;
use crate::{Amount, MoneyError};

/// Which way a value between two that can be written goes.
///
/// Every mode mirrors: what is done to −x is the negative of what is done to x, so a refund gives back
/// exactly what the sale took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
pub enum Rounding {
    /// To the nearest; a half goes away from zero ("commercial").
    #[default]
    HalfUp,
    /// To the nearest; a half goes to the even neighbour ("banker's").
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

impl Rounding {
    /// `amount` to so many decimals (at most 6), written with exactly that many.
    ///
    /// # Errors
    /// [`MoneyError::TooManyDecimals`] for more than 6, [`MoneyError::OutOfBounds`] when rounding reaches 10¹³.
    ///
    /// ```
    /// use shared_model::{Amount, Rounding};
    ///
    /// let amount: Amount = "-0.125".parse()?;
    /// assert_eq!(Rounding::HalfUp.to_decimals(amount, 2)?, "-0.13".parse()?);
    /// assert_eq!(Rounding::HalfEven.to_decimals(amount, 2)?, "-0.12".parse()?);
    /// assert_eq!(Rounding::Down.to_decimals(amount, 1)?, "-0.1".parse()?);
    /// assert_eq!(Rounding::Up.to_decimals(amount, 1)?, "-0.2".parse()?);
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    pub fn to_decimals(self, amount: Amount, decimals: u32) -> Result<Amount, MoneyError> {
        let finest = amount.units(6)?;
        let step = pow10(6_u32.checked_sub(decimals).ok_or(MoneyError::TooManyDecimals { most: 6 })?)?;
        Amount::from_units(divide(finest, step, self)?, decimals)
    }

    /// `amount` to a multiple of a coin, such as 0.05 (Switzerland, Canada, Australia) or 1 (Sweden): what is paid in
    /// cash. Only that is rounded so; a card pays to the cent.
    ///
    /// # Errors
    /// [`MoneyError::StepNotPositive`] for a coin of zero or less, [`MoneyError::OutOfBounds`] when rounding reaches
    /// 10¹³.
    ///
    /// ```
    /// use shared_model::{Amount, Rounding};
    ///
    /// let total: Amount = "10.02".parse()?;
    /// assert_eq!(Rounding::HalfUp.to_step(total, "0.05".parse()?)?, "10.00".parse()?);
    /// assert_eq!(Rounding::HalfUp.to_step("10.03".parse()?, "0.05".parse()?)?, "10.05".parse()?);
    /// assert!(Rounding::HalfUp.to_step(total, Amount::ZERO).is_err());
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    pub fn to_step(self, amount: Amount, step: Amount) -> Result<Amount, MoneyError> {
        let coin = step.units(6)?;
        if coin <= 0 {
            return Err(MoneyError::StepNotPositive);
        }
        let coins = divide(amount.units(6)?, coin, self)?;
        let units = coins.checked_mul(coin).ok_or(MoneyError::OutOfBounds)?;
        Amount::from_units(units, 6)?.with_decimals(amount.decimals().max(step.normalized().decimals()))
    }
}

/// `numerator` ÷ `denominator` as a whole number, rounded: for arithmetic in smallest units, as `units` and `from_units`
/// of the number types speak of them.
///
/// # Errors
/// [`MoneyError::OutOfBounds`] for a denominator of zero, or a quotient that is no `i128`.
///
/// ```
/// use shared_model::{Rounding, divide};
///
/// assert_eq!(divide(-5, 2, Rounding::HalfUp)?, -3);
/// assert_eq!(divide(-5, 2, Rounding::HalfEven)?, -2);
/// # Ok::<(), shared_model::MoneyError>(())
/// ```
pub fn divide(numerator: i128, denominator: i128, rounding: Rounding) -> Result<i128, MoneyError> {
    let (quotient, remainder) = div_rem(numerator, denominator).ok_or(MoneyError::OutOfBounds)?;
    if remainder == 0 {
        return Ok(quotient);
    }
    // Compared as rest against what is missing to the next whole, so that nothing is doubled beyond i128.
    let rest = remainder.unsigned_abs();
    let missing = denominator.unsigned_abs() - rest;
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Up => true,
        Rounding::HalfUp => rest >= missing,
        Rounding::HalfEven => rest > missing || (rest == missing && quotient % 2 != 0),
    };
    if !away {
        return Ok(quotient);
    }
    let sign = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    quotient.checked_add(sign).ok_or(MoneyError::OutOfBounds)
}

/// Nearly all that is divided fits in 64 bits, which is several times as fast.
fn div_rem(numerator: i128, denominator: i128) -> Option<(i128, i128)> {
    if let (Ok(numerator), Ok(denominator)) = (i64::try_from(numerator), i64::try_from(denominator))
        && let (Some(quotient), Some(remainder)) =
            (numerator.checked_div(denominator), numerator.checked_rem(denominator))
    {
        return Some((quotient.into(), remainder.into()));
    }
    Some((numerator.checked_div(denominator)?, numerator.checked_rem(denominator)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn each_mode_goes_its_way_and_mirrors() {
        for (value, half_up, half_even, down, up) in [
            ("0.5", "1", "0", "0", "1"),
            ("1.5", "2", "2", "1", "2"),
            ("2.5", "3", "2", "2", "3"),
            ("2.4", "2", "2", "2", "3"),
            ("2.6", "3", "3", "2", "3"),
            ("2.0", "2", "2", "2", "2"),
        ] {
            for (mode, want) in [
                (Rounding::HalfUp, half_up),
                (Rounding::HalfEven, half_even),
                (Rounding::Down, down),
                (Rounding::Up, up),
            ] {
                assert_eq!(mode.to_decimals(amount(value), 0).unwrap(), amount(want), "{value} {mode:?}");
                let mirrored = mode.to_decimals(amount(value).negate(), 0).unwrap();
                assert_eq!(mirrored, amount(want).negate(), "-{value} {mode:?}");
            }
        }
    }

    #[test]
    fn a_coin_step_rounds_to_its_multiples() {
        for (value, want) in
            [("10.02", "10.00"), ("10.03", "10.05"), ("10.025", "10.050"), ("-10.03", "-10.05")]
        {
            assert_eq!(
                Rounding::HalfUp.to_step(amount(value), amount("0.05")).unwrap(),
                amount(want),
                "{value}"
            );
        }
        assert_eq!(Rounding::HalfUp.to_step(amount("10.50"), amount("1.00")).unwrap().to_string(), "11.00");
        assert_eq!(Rounding::HalfUp.to_step(amount("1"), amount("0")), Err(MoneyError::StepNotPositive));
    }

    #[test]
    fn dividing_by_zero_is_an_error() {
        assert!(divide(1, 0, Rounding::HalfUp).is_err());
        assert!(divide(i128::MIN, -1, Rounding::HalfUp).is_err());
    }
}
