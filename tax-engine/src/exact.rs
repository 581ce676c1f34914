//! Exact fractions. First over `i128`, which nearly every document fits in; where one does not, `None` comes back and
//! the same is done over big integers.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::Ratio;
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, CheckedSub, Signed, ToPrimitive};
use shared_model::Rounding;

/// The whole numbers that fractions are made of.
pub(crate) trait Whole:
    Clone + Integer + Signed + CheckedAdd + CheckedSub + CheckedMul + CheckedDiv + From<i128> + ToPrimitive
{
}

impl Whole for i128 {}
impl Whole for BigInt {}

/// An exact fraction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exact<N: Whole>(Ratio<N>);

impl<N: Whole> Exact<N> {
    pub(crate) fn zero() -> Self {
        Self::whole(0)
    }

    pub(crate) fn one() -> Self {
        Self::whole(1)
    }

    pub(crate) fn whole(value: i128) -> Self {
        Self(Ratio::from_integer(N::from(value)))
    }

    /// `numerator` ÷ `denominator`, which is not zero.
    pub(crate) fn ratio(numerator: i128, denominator: i128) -> Option<Self> {
        Self::whole(numerator).over(&Self::whole(denominator))
    }

    pub(crate) fn plus(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return Some(self.clone());
        }
        self.0.checked_add(&other.0).map(Self)
    }

    pub(crate) fn minus(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return Some(self.clone());
        }
        self.0.checked_sub(&other.0).map(Self)
    }

    pub(crate) fn times(&self, other: &Self) -> Option<Self> {
        if self.is_zero() || other.is_zero() {
            return Some(Self::zero());
        }
        self.0.checked_mul(&other.0).map(Self)
    }

    /// `None` also for a zero below.
    pub(crate) fn over(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        self.0.checked_div(&other.0).map(Self)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.numer().is_zero()
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.0.numer().is_negative()
    }
}

/// An integer form of a value that is linear in what is asked for a line and in its quantity:
/// (`share` × asked + `per_thousandth` × quantity in thousandths) ÷ `denominator`. With it a line costs two
/// multiplications and a division, and no common divisor is looked for.
pub(crate) struct Form<N> {
    share: N,
    per_thousandth: N,
    denominator: N,
}

impl<N: Whole> Form<N> {
    /// `share` × asked + `per_unit` × quantity.
    pub(crate) fn new(share: &Exact<N>, per_unit: &Exact<N>) -> Option<Self> {
        let per_thousandth = per_unit.over(&Exact::whole(1_000))?;
        let (share, per_thousandth) = (&share.0, &per_thousandth.0);
        let shared = share.denom().gcd(per_thousandth.denom());
        let denominator = share.denom().checked_div(&shared)?.checked_mul(per_thousandth.denom())?;
        let scaled = |value: &Ratio<N>| value.numer().checked_mul(&denominator.checked_div(value.denom())?);
        Some(Self { share: scaled(share)?, per_thousandth: scaled(per_thousandth)?, denominator })
    }

    /// The value, not reduced.
    pub(crate) fn at(&self, asked: i128, thousandths: i128) -> Option<Exact<N>> {
        let mut value = self.share.checked_mul(&N::from(asked))?;
        if !self.per_thousandth.is_zero() {
            value = value.checked_add(&self.per_thousandth.checked_mul(&N::from(thousandths))?)?;
        }
        Some(Exact(Ratio::new_raw(value, self.denominator.clone())))
    }
}

impl<N: Whole> Exact<N> {
    /// The whole part towards zero, and what is left of the fraction, with its sign, not reduced.
    pub(crate) fn split(&self) -> Option<(i128, Self)> {
        let (whole, rest) = self.0.numer().div_rem(self.0.denom());
        Some((narrow(&whole)?, Self(Ratio::new_raw(rest, self.0.denom().clone()))))
    }

    pub(crate) fn negated(&self) -> Option<Self> {
        Some(Self(Ratio::new_raw(N::zero().checked_sub(self.0.numer())?, self.0.denom().clone())))
    }

    pub(crate) fn abs(&self) -> Option<Self> {
        if self.is_negative() { self.negated() } else { Some(self.clone()) }
    }

    pub(crate) fn round(&self, rounding: Rounding) -> Option<i128> {
        let (whole, rest) = self.0.numer().div_rem(self.0.denom());
        let whole = narrow(&whole)?;
        if rest.is_zero() {
            return Some(whole);
        }
        let rest = rest.abs();
        // Compared with what is missing to the next whole, as twice the rest may not fit.
        let missing = self.0.denom().checked_sub(&rest)?;
        let away = match rounding {
            Rounding::Down => false,
            Rounding::Up => true,
            Rounding::HalfUp => rest >= missing,
            Rounding::HalfEven => rest > missing || (rest == missing && whole % 2 != 0),
        };
        match (away, self.is_negative()) {
            (false, _) => Some(whole),
            (true, false) => whole.checked_add(1),
            (true, true) => whole.checked_sub(1),
        }
    }
}

/// A whole number that leaves room for sums of a line's taxes. Far larger ones are refused later all the same, as they
/// are no [`shared_model::Amount`].
fn narrow<N: Whole>(whole: &N) -> Option<i128> {
    whole.to_i128().filter(|whole| whole.unsigned_abs() < 1 << 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_whole_numbers_round_alike() {
        for numerator in -40..40 {
            for denominator in 1..9 {
                for rounding in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up] {
                    let small = Exact::<i128>::ratio(numerator, denominator).unwrap().round(rounding);
                    let big = Exact::<BigInt>::ratio(numerator, denominator).unwrap().round(rounding);
                    assert_eq!(small, big);
                    assert_eq!(small, shared_model::divide(numerator, denominator, rounding).ok());
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let large = Exact::<i128>::whole(i128::MAX);
        assert!(large.times(&large).is_none());
        assert!(large.plus(&large).is_none());
        assert!(large.over(&Exact::zero()).is_none());
        let large = Exact::<BigInt>::whole(i128::MAX);
        assert!(large.times(&large).is_some());
    }
}
