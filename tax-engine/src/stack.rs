//! The taxes of a line together: what each comes to, as a function of what is asked.
//!
//! Let B be what is left of a unit's price without tax. Every tax is linear in B: a percentage of B (or of the part of
//! it that thresholds leave) and of the taxes before it that it listens to, or an amount. What is asked is B and the
//! included taxes; that is one linear equation, and its solution gives each tax as share × asked + amount × quantity.
//! Thresholds bend the lines, so between two of them there is one such equation each, and the one whose B lies between
//! them is right. As no rate is negative there is exactly one.

use crate::document::{Levy, Tax};
use crate::exact::{Exact, Form, Whole};

/// Of one tax or of B: `share` × what is asked + `per_unit` × quantity.
#[derive(Clone)]
pub(crate) struct Linear<N: Whole> {
    pub(crate) share: Exact<N>,
    pub(crate) per_unit: Exact<N>,
}

impl<N: Whole> Linear<N> {
    fn nothing() -> Self {
        Self { share: Exact::zero(), per_unit: Exact::zero() }
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self { share: self.share.plus(&other.share)?, per_unit: self.per_unit.plus(&other.per_unit)? })
    }

    fn minus(&self, other: &Self) -> Option<Self> {
        Some(Self { share: self.share.minus(&other.share)?, per_unit: self.per_unit.minus(&other.per_unit)? })
    }

    fn times(&self, factor: &Exact<N>) -> Option<Self> {
        Some(Self { share: self.share.times(factor)?, per_unit: self.per_unit.times(factor)? })
    }

    /// Its value for what is asked, in smallest units, and a quantity in thousandths.
    pub(crate) fn at(&self, asked: i128, thousandths: i128) -> Option<Exact<N>> {
        let of_asked = self.share.times(&Exact::whole(asked))?;
        if self.per_unit.is_zero() {
            return Some(of_asked);
        }
        of_asked.plus(&self.per_unit.times(&Exact::ratio(thousandths, 1_000)?)?)
    }
}

/// The part of B that a tax bears on: B or nothing of it, and an amount per unit.
#[derive(Clone)]
pub(crate) struct Part<N: Whole> {
    pub(crate) of_net: bool,
    pub(crate) per_unit: Exact<N>,
}

/// A stack between two thresholds.
pub(crate) struct Solution<N: Whole> {
    /// B of the whole line.
    pub(crate) net: Linear<N>,
    /// Each tax; then, where one is spared, what of each is inside the price and not paid.
    pub(crate) amounts: Vec<Form<N>>,
    /// What each tax bears on.
    pub(crate) parts: Vec<Part<N>>,
    /// Between which prices of a unit, both in smallest units, B must lie for this to be right; none: anywhere.
    pub(crate) range: Option<(Exact<N>, Option<Exact<N>>)>,
    /// Whether it is right for B below zero.
    pub(crate) for_negative: bool,
}

impl<N: Whole> Solution<N> {
    /// Whether this is the right one for what is asked for a positive quantity.
    pub(crate) fn holds(&self, asked: i128, thousandths: i128) -> Option<bool> {
        let Some((low, high)) = &self.range else { return Some(true) };
        let quantity = Exact::ratio(thousandths, 1_000)?;
        let net = self.net.at(asked, thousandths)?;
        if (net.is_negative() && !self.for_negative)
            || (!net.is_zero() && !net.is_negative() && self.for_negative)
        {
            return Some(false);
        }
        let size = net.abs()?;
        if size < low.times(&quantity)? {
            return Some(false);
        }
        match high {
            Some(high) => Some(size <= high.times(&quantity)?),
            None => Some(true),
        }
    }
}

/// Whether `later`, which comes after `earlier` in the order, is computed on it too.
pub(crate) fn listens<T>(later: &Tax<T>, earlier: &Tax<T>) -> bool {
    earlier.include_base_amount && later.is_base_affected
}

/// For each tax of an ordered stack, the sum of the rates of the division taxes that it is taken together with, in
/// hundredths of hundredths of a percent; zero for other kinds.
///
/// Neighbours are division taxes that follow one another, are all inside the price or all on top of it, and of which
/// none is in another's base.
pub(crate) fn division_sums<T>(stack: &[&Tax<T>]) -> Vec<i128> {
    let mut sums = Vec::with_capacity(stack.len());
    let mut batch: Vec<&Tax<T>> = Vec::new();
    let mut sum = 0;
    for tax in stack {
        let Levy::Division(rate) = tax.levy else {
            close(&mut sums, &mut batch, &mut sum);
            sums.push(0);
            continue;
        };
        let is_neighbour =
            batch.iter().all(|other| other.price_included == tax.price_included && !listens(tax, other));
        if !is_neighbour {
            close(&mut sums, &mut batch, &mut sum);
        }
        batch.push(tax);
        // A rate has at most 4 decimals.
        sum += rate.units(4).unwrap_or_default();
    }
    close(&mut sums, &mut batch, &mut sum);
    sums
}

fn close<T>(sums: &mut Vec<i128>, batch: &mut Vec<&Tax<T>>, sum: &mut i128) {
    sums.extend(batch.drain(..).map(|_| *sum));
    *sum = 0;
}

/// A rate of 100 %, in hundredths of hundredths of a percent.
pub(crate) const WHOLE_RATE: i128 = 1_000_000;

/// An amount of a unit with up to 6 decimals, in smallest units of the currency.
fn per_unit<N: Whole>(millionths: i128, decimals: u32) -> Option<Exact<N>> {
    Exact::ratio(millionths.checked_mul(10_i128.checked_pow(decimals)?)?, 1_000_000)
}

/// All solutions of an ordered stack: one without thresholds, else one for each stretch between two of them on either
/// side of zero.
///
/// `spared` says of each tax whether it is not borne: it is in the equation of the price, and in nothing else.
pub(crate) fn solve<N: Whole, T>(
    stack: &[&Tax<T>],
    spared: &[bool],
    decimals: u32,
) -> Option<Vec<Solution<N>>> {
    let mut bends: Vec<i128> = Vec::new();
    for threshold in stack.iter().flat_map(|tax| [tax.part_above, tax.part_up_to]).flatten() {
        bends.push(threshold.units(6).ok()?);
    }
    bends.retain(|bend| *bend > 0);
    bends.sort_unstable();
    bends.dedup();
    let has_thresholds = stack.iter().any(|tax| tax.part_above.is_some() || tax.part_up_to.is_some());
    if !has_thresholds {
        return Some(vec![between(stack, spared, decimals, None, false)?]);
    }
    let mut solutions = Vec::with_capacity(2 * bends.len() + 2);
    let lows = std::iter::once(0).chain(bends.iter().copied());
    let highs = bends.iter().copied().map(Some).chain(std::iter::once(None));
    for (low, high) in lows.zip(highs) {
        for for_negative in [false, true] {
            solutions.push(between(stack, spared, decimals, Some((low, high)), for_negative)?);
        }
    }
    Some(solutions)
}

/// The solution for |B| of a unit between two prices, in millionths, with B on one side of zero.
fn between<N: Whole, T>(
    stack: &[&Tax<T>],
    spared: &[bool],
    decimals: u32,
    range: Option<(i128, Option<i128>)>,
    for_negative: bool,
) -> Option<Solution<N>> {
    let (low, high) = range.unwrap_or((0, None));
    let parts = stack
        .iter()
        .map(|tax| part(tax, low, high, decimals, for_negative))
        .collect::<Option<Vec<Part<N>>>>()?;
    // In terms of B first.
    let sums = division_sums(stack);
    let all = in_terms_of_net(stack, &parts, &sums, decimals)?;
    let mut included = Linear::nothing();
    for (tax, amount) in stack.iter().zip(&all) {
        if tax.price_included {
            included = included.plus(amount)?;
        }
    }
    let amounts =
        if spared.contains(&true) { borne(stack, spared, &parts, &sums, &all, decimals)? } else { all };
    // asked = B + included.share × B + included.per_unit × quantity
    let share = Exact::one().over(&Exact::one().plus(&included.share)?)?;
    let net = Linear { per_unit: Exact::zero().minus(&included.per_unit.times(&share)?)?, share };
    let amounts = amounts
        .iter()
        .map(|amount| {
            let of_net = net.times(&amount.share)?;
            Form::new(&of_net.share, &of_net.per_unit.plus(&amount.per_unit)?)
        })
        .collect::<Option<Vec<_>>>()?;
    let range = match range {
        None => None,
        Some((low, high)) => {
            let high = match high {
                None => None,
                Some(high) => Some(per_unit(high, decimals)?),
            };
            Some((per_unit(low, decimals)?, high))
        }
    };
    Some(Solution { net, amounts, parts, range, for_negative })
}

/// Each tax of a stack as a function of B. `sums` are the [`division_sums`] of the stack that is in the price.
fn in_terms_of_net<N: Whole, T>(
    stack: &[&Tax<T>],
    parts: &[Part<N>],
    sums: &[i128],
    decimals: u32,
) -> Option<Vec<Linear<N>>> {
    let mut amounts: Vec<Linear<N>> = Vec::with_capacity(stack.len());
    for ((tax, part), sum) in stack.iter().zip(parts).zip(sums) {
        let mut base = Linear {
            share: if part.of_net { Exact::one() } else { Exact::zero() },
            per_unit: part.per_unit.clone(),
        };
        for (earlier, amount) in stack.iter().zip(&amounts) {
            if listens(tax, earlier) {
                base = base.plus(amount)?;
            }
        }
        amounts.push(match tax.levy {
            Levy::Fixed(amount) => {
                Linear { share: Exact::zero(), per_unit: per_unit(amount.units(6).ok()?, decimals)? }
            }
            Levy::Percent(rate) => base.times(&Exact::ratio(rate.units(4).ok()?, WHOLE_RATE)?)?,
            Levy::Division(rate) => {
                base.times(&Exact::ratio(rate.units(4).ok()?, WHOLE_RATE.checked_sub(*sum)?)?)?
            }
        });
    }
    Some(amounts)
}

/// What is borne of a stack of which some are spared, as functions of B: each tax as if the spared ones came to nothing,
/// then what each has inside the price and is not paid, in `all` of them. Division taxes keep the neighbours that they
/// have in the price: with others they would come to more, and who is spared a tax would pay more than who is not.
fn borne<N: Whole, T>(
    stack: &[&Tax<T>],
    spared: &[bool],
    parts: &[Part<N>],
    sums: &[i128],
    all: &[Linear<N>],
    decimals: u32,
) -> Option<Vec<Linear<N>>> {
    let is_borne = |at: &usize| !spared.get(*at).copied().unwrap_or_default();
    let places: Vec<usize> = (0..stack.len()).filter(is_borne).collect();
    let kept_stack: Vec<&Tax<T>> = places.iter().filter_map(|at| stack.get(*at).copied()).collect();
    let kept_parts: Vec<Part<N>> = places.iter().filter_map(|at| parts.get(*at).cloned()).collect();
    let kept_sums: Vec<i128> = places.iter().filter_map(|at| sums.get(*at).copied()).collect();
    let mut amounts = vec![Linear::nothing(); stack.len()];
    let kept = in_terms_of_net(&kept_stack, &kept_parts, &kept_sums, decimals)?;
    for (at, amount) in places.iter().zip(kept) {
        *amounts.get_mut(*at)? = amount;
    }
    for (nth, (tax, whole)) in stack.iter().zip(all).enumerate() {
        let relief = match amounts.get(nth)? {
            kept if tax.price_included => whole.minus(kept)?,
            _ => Linear::nothing(),
        };
        amounts.push(relief);
    }
    Some(amounts)
}

/// What a tax bears on where |B| of a unit lies between two neighbouring thresholds.
fn part<N: Whole, T>(
    tax: &Tax<T>,
    low: i128,
    high: Option<i128>,
    decimals: u32,
    for_negative: bool,
) -> Option<Part<N>> {
    let above = tax.part_above.map_or(Some(0), |above| above.units(6).ok())?;
    let up_to = match tax.part_up_to {
        None => None,
        Some(up_to) => Some(up_to.units(6).ok()?),
    };
    let sign = if for_negative { -1 } else { 1 };
    let (of_net, millionths) = match up_to {
        // All of the part lies below.
        Some(up_to) if low >= up_to => (false, up_to - above),
        // None of it does.
        _ if high.is_some_and(|high| high <= above) => (false, 0),
        _ => (true, -above),
    };
    Some(Part { of_net, per_unit: per_unit(sign * millionths, decimals)? })
}
