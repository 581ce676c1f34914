//! The computation: check, order, solve, round, share.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use num_bigint::BigInt;
use shared_model::taxes::TaxRounding;
use shared_model::{Amount, MoneyError, Rounding, divide};

use crate::document::{Computed, ComputedLine, Document, Levy, Line, LinePrice, Tax, TaxAmount, Totals};
use crate::exact::{Exact, Whole};
use crate::refusal::{Reason, TaxError};
use crate::stack::{Solution, WHOLE_RATE, division_sums, listens, solve};

/// The most lines of a document; one more is refused with [`Reason::TooMany`].
///
/// ```
/// use shared_model::taxes::TaxRounding;
/// use shared_model::{Amount, Percent, Quantity, Rounding};
/// use tax_engine::{Document, Line, LinePrice, MAX_DECIMALS, MAX_LINES, MAX_STACKS, MAX_TAXES, MAX_TAXES_ON_A_LINE, Tax, compute};
///
/// let tax = |id| Tax { sequence: id, ..Tax::percent(id, Percent::HUNDRED) };
/// let line = |id, tax_ids| Line {
///     id, quantity: Quantity::ONE, price: LinePrice::Extension(Amount::ZERO), tax_ids, spared: Vec::new(),
/// };
/// let document = |decimals, taxes: i32, lines: Vec<Line<i32, usize>>| Document {
///     decimals, rounding: TaxRounding::PerLine, rounding_mode: Rounding::HalfUp, cash_rounding: None,
///     taxes: (0..taxes).map(tax).collect(), lines,
/// };
/// let lines = |count| (0..count).map(|id| line(id, Vec::new())).collect();
/// assert!(compute(&document(2, 0, lines(MAX_LINES))).is_ok());
/// assert_eq!(compute(&document(2, 0, lines(MAX_LINES + 1))).unwrap_err().pointer, "/lines");
///
/// // So it is with the others.
/// let refused = |document: Document<i32, usize>| compute(&document).unwrap_err().pointer;
/// let most = |bound: usize| i32::try_from(bound).unwrap();
/// assert_eq!(refused(document(2, most(MAX_TAXES) + 1, Vec::new())), "/taxes");
/// let on_a_line = most(MAX_TAXES_ON_A_LINE) + 1;
/// assert_eq!(refused(document(2, on_a_line, vec![line(1, (0..on_a_line).collect())])), "/lines/0/tax_ids");
/// let stacks = most(MAX_STACKS) + 1;
/// let each_with_its_own = (0..MAX_STACKS + 1).zip(0..stacks).map(|(id, tax)| line(id, vec![tax])).collect();
/// assert_eq!(refused(document(2, stacks, each_with_its_own)), format!("/lines/{MAX_STACKS}/tax_ids"));
/// assert_eq!(refused(document(MAX_DECIMALS + 1, 0, Vec::new())), "/currency_decimals");
/// ```
pub const MAX_LINES: usize = 10_000;
/// The most taxes of a document; one more is refused with [`Reason::TooMany`] (example: [`MAX_LINES`]).
pub const MAX_TAXES: usize = 1_000;
/// The most taxes of a line; one more is refused with [`Reason::TooMany`] (example: [`MAX_LINES`]).
pub const MAX_TAXES_ON_A_LINE: usize = 16;
/// The most different sets of taxes on the lines of a document; one more is refused with [`Reason::TooMany`] (example:
/// [`MAX_LINES`]). It bounds the size of exact sums.
pub const MAX_STACKS: usize = 100;
/// The most decimals of a currency: those that an [`Amount`] has. In use are 0 to 3 (ISO 4217; example: [`MAX_LINES`]).
pub const MAX_DECIMALS: u32 = 6;

/// The highest rate of a percent tax, in ten-thousandths of a percent: 1000 %.
const MAX_PERCENT: i128 = 10 * WHOLE_RATE;

/// A line made ready: everything in smallest units, taxes by their place in the document.
struct Prepared {
    /// What is asked, with the line's sign.
    asked: i128,
    /// The quantity in thousandths, with its sign.
    thousandths: i128,
    /// The line's taxes in order, and what becomes of each.
    taxes: Vec<(usize, Borne)>,
    /// Which stack the taxes that it is not exempt from make.
    stack: usize,
}

/// What becomes of a tax on a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Borne {
    /// It is computed.
    Whole,
    /// The unit's price is below the threshold: nothing is computed, and that is told.
    Below,
    /// Whoever buys is spared it: it is in the equation of the price, and in nothing else.
    Spared,
}

/// Taxes that lines bear together, in order, and whether each is spared.
type Stack = Vec<(usize, bool)>;

impl Prepared {
    /// −1 for what comes back, else 1.
    fn sign(&self) -> i128 {
        if self.thousandths < 0 { -1 } else { 1 }
    }
}

/// What came out for a line.
struct Rounded {
    /// Each tax that it is not exempt from, in order; then, where one is spared, what each has inside the price that is
    /// not paid.
    amounts: Vec<i128>,
    /// What each bears on, without the taxes that it listens to.
    parts: Vec<i128>,
}

/// Computes the taxes of a document.
///
/// Every amount in the answer has the document's decimals. For every line, `total_excluded` plus its taxes is
/// `total_included`, and what was asked is `total_excluded` plus its included taxes; the document's figures are the
/// sums of the lines'. A document with every quantity negated gives the same answer with every amount negated.
///
/// # Errors
/// The first thing that is wrong, with its place as the binary's JSON has it (`/taxes/0/rate`, `/lines/3/tax_ids/1`):
/// names that are there twice or not at all, rates and thresholds out of range, an order that is open
/// ([`Reason::Cycle`], [`Reason::AmbiguousOrder`]), too much of something, a number beyond [`Amount`]'s bounds. Within the
/// bounds nothing else is refused, and no input panics.
///
/// ```
/// use shared_model::taxes::TaxRounding;
/// use shared_model::{MoneyError, Percent, Quantity, Rounding};
/// use tax_engine::{ComputedLine, Document, Line, LinePrice, Tax, TaxAmount, compute};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vat = Tax { price_included: true, ..Tax::percent("vat", "21".parse::<Percent>()?) };
/// let document = Document {
///     decimals: 2,
///     rounding: TaxRounding::PerLine,
///     rounding_mode: Rounding::HalfUp,
///     cash_rounding: None,
///     taxes: vec![vat],
///     lines: vec![Line {
///         id: 1,
///         quantity: Quantity::ONE,
///         price: LinePrice::Extension("100.00".parse()?),
///         tax_ids: vec!["vat"],
///         spared: Vec::new(),
///     }],
/// };
/// let computed = compute(&document)?;
/// assert_eq!(computed.document.base, "82.64".parse()?);
/// assert_eq!(computed.document.tax, "17.36".parse()?);
/// assert_eq!(computed.document.total, "100.00".parse()?);
/// let ComputedLine { total_excluded, taxes, .. } = &computed.lines[0];
/// let TaxAmount { tax_id, base, amount } = &taxes[0];
/// assert_eq!((*tax_id, base, total_excluded.plus(*amount)?), ("vat", total_excluded, "100.00".parse()?));
/// // What comes back is the mirror of what was sold.
/// let mut refund = document;
/// refund.lines[0].quantity = "-1".parse()?;
/// refund.lines[0].price = LinePrice::Extension("-100.00".parse()?);
/// assert_eq!(compute(&refund)?.document.tax, "-17.36".parse()?);
/// # Ok(())
/// # }
/// ```
pub fn compute<T: Ord + Clone + Display, L: Ord + Clone + Display>(
    document: &Document<T, L>,
) -> Result<Computed<T, L>, TaxError> {
    let order = check(document)?;
    let (lines, stacks) = prepare(document, &order)?;
    let rounded = match round::<i128, T, L>(document, &lines, &stacks) {
        Some(rounded) => rounded,
        None => round::<BigInt, T, L>(document, &lines, &stacks)
            .ok_or_else(|| TaxError::new("/lines", MoneyError::OutOfBounds.into()))?,
    };
    assemble(document, &order, &lines, &stacks, &rounded)
}

/// The taxes by name, and their order: by sequence, then as they are listed.
struct Order<'a, T> {
    by_id: BTreeMap<&'a T, usize>,
    rank: Vec<usize>,
}

fn check<T: Ord + Display, L: Ord + Display>(document: &Document<T, L>) -> Result<Order<'_, T>, TaxError> {
    if document.decimals > MAX_DECIMALS {
        return Err(TaxError::new(
            "/currency_decimals",
            Reason::TooManyCurrencyDecimals { most: MAX_DECIMALS },
        ));
    }
    if let Some(step) = document.cash_rounding {
        let at = |reason| TaxError::new("/cash_rounding", reason);
        if !step.is_positive() {
            return Err(at(MoneyError::StepNotPositive.into()));
        }
        step.units(document.decimals).map_err(|error| at(error.into()))?;
    }
    if document.taxes.len() > MAX_TAXES {
        return Err(TaxError::new(
            "/taxes",
            Reason::TooMany { what: "taxes in a document", most: MAX_TAXES },
        ));
    }
    if document.lines.len() > MAX_LINES {
        return Err(TaxError::new(
            "/lines",
            Reason::TooMany { what: "lines in a document", most: MAX_LINES },
        ));
    }
    let mut by_id = BTreeMap::new();
    for (at, tax) in document.taxes.iter().enumerate() {
        check_tax(tax).map_err(|(field, reason)| TaxError::new(format!("/taxes/{at}/{field}"), reason))?;
        if by_id.insert(&tax.id, at).is_some() {
            return Err(TaxError::new(
                format!("/taxes/{at}/id"),
                Reason::DuplicateTax { tax: tax.id.to_string() },
            ));
        }
    }
    let mut line_ids = BTreeSet::new();
    for (at, line) in document.lines.iter().enumerate() {
        if !line_ids.insert(&line.id) {
            return Err(TaxError::new(
                format!("/lines/{at}/id"),
                Reason::DuplicateLine { line: line.id.to_string() },
            ));
        }
    }
    let mut order: Vec<usize> = (0..document.taxes.len()).collect();
    // Within one place in the order nothing is in another's base; division taxes stand together there, so that which
    // of them are neighbours does not hang on the list.
    order.sort_by_key(|at| {
        document.taxes.get(*at).map(|tax| (tax.sequence, matches!(tax.levy, Levy::Division(_)), *at))
    });
    let mut rank = vec![0; order.len()];
    for (place, at) in order.into_iter().enumerate() {
        if let Some(rank) = rank.get_mut(at) {
            *rank = place;
        }
    }
    Ok(Order { by_id, rank })
}

fn check_tax<T>(tax: &Tax<T>) -> Result<(), (&'static str, Reason)> {
    let range = |range| ("rate", Reason::RateOutOfRange { range });
    let number = |error: MoneyError| ("rate", Reason::from(error));
    match tax.levy {
        Levy::Percent(rate) if !(0..=MAX_PERCENT).contains(&rate.units(4).map_err(number)?) => {
            return Err(range("a percent tax is from 0 to 1000 %"));
        }
        Levy::Division(rate) if !(0..WHOLE_RATE).contains(&rate.units(4).map_err(number)?) => {
            return Err(range("a division tax is from 0 to less than 100 %"));
        }
        Levy::Fixed(amount) if amount.is_negative() => {
            return Err(range("a fixed tax is not negative"));
        }
        _ => {}
    }
    for (field, threshold) in
        [("exempt_below", tax.exempt_below), ("part_above", tax.part_above), ("part_up_to", tax.part_up_to)]
    {
        if threshold.is_some_and(shared_model::UnitPrice::is_negative) {
            return Err((field, Reason::NegativeThreshold));
        }
    }
    if matches!(tax.levy, Levy::Fixed(_)) {
        let parts = [("part_above", tax.part_above), ("part_up_to", tax.part_up_to)];
        if let Some((field, _)) = parts.into_iter().find(|(_, part)| part.is_some()) {
            return Err((field, Reason::PartOfFixed));
        }
    }
    match (tax.part_above, tax.part_up_to) {
        (Some(above), Some(up_to)) if up_to <= above => Err(("part_up_to", Reason::EmptyPart)),
        _ => Ok(()),
    }
}

fn prepare<T: Ord + Clone + Display, L: Display>(
    document: &Document<T, L>,
    order: &Order<'_, T>,
) -> Result<(Vec<Prepared>, Vec<Stack>), TaxError> {
    let mut stacks: BTreeMap<Stack, usize> = BTreeMap::new();
    // What a set of taxes was found to be stands for every line that has it.
    let mut checked: BTreeSet<Vec<usize>> = BTreeSet::new();
    let mut lines = Vec::with_capacity(document.lines.len());
    for (at, line) in document.lines.iter().enumerate() {
        let taxes = taxes_of(order, line, at)?;
        if !checked.contains(&taxes) {
            check_order(document, &taxes, at)?;
            checked.insert(taxes.clone());
        }
        let (asked, price) = asked(document, line, at)?;
        let mut bears = Vec::with_capacity(taxes.len());
        let mut active = Vec::with_capacity(taxes.len());
        for tax in taxes {
            let known = document.taxes.get(tax);
            let is_spared = known.is_some_and(|tax| line.spared.contains(&tax.id));
            let is_below = match known.and_then(|tax| tax.exempt_below) {
                None => false,
                Some(below) => price
                    .is_below(below)
                    .map_err(|error| TaxError::new(format!("/lines/{at}/quantity"), error.into()))?,
            };
            match (is_below, is_spared) {
                (true, true) => {}
                (true, false) => bears.push((tax, Borne::Below)),
                (false, _) => {
                    bears.push((tax, if is_spared { Borne::Spared } else { Borne::Whole }));
                    active.push((tax, is_spared));
                }
            }
        }
        let next = stacks.len();
        let stack = match stacks.get(&active) {
            Some(stack) => *stack,
            None if next == MAX_STACKS => {
                return Err(TaxError::new(
                    format!("/lines/{at}/tax_ids"),
                    Reason::TooMany {
                        what: "different sets of taxes on the lines of a document",
                        most: MAX_STACKS,
                    },
                ));
            }
            None => {
                check_divisions(document, &active, at)?;
                stacks.insert(active, next);
                next
            }
        };
        let thousandths = line
            .quantity
            .units(3)
            .map_err(|error| TaxError::new(format!("/lines/{at}/quantity"), error.into()))?;
        lines.push(Prepared { asked, thousandths, taxes: bears, stack });
    }
    let mut by_number: Vec<(usize, Stack)> =
        stacks.into_iter().map(|(taxes, number)| (number, taxes)).collect();
    by_number.sort_unstable_by_key(|(number, _)| *number);
    Ok((lines, by_number.into_iter().map(|(_, taxes)| taxes).collect()))
}

/// The line's taxes, in order.
fn taxes_of<T: Ord + Display, L>(
    order: &Order<'_, T>,
    line: &Line<T, L>,
    at: usize,
) -> Result<Vec<usize>, TaxError> {
    if line.tax_ids.len() > MAX_TAXES_ON_A_LINE {
        let reason = Reason::TooMany { what: "taxes on a line", most: MAX_TAXES_ON_A_LINE };
        return Err(TaxError::new(format!("/lines/{at}/tax_ids"), reason));
    }
    let mut taxes = Vec::with_capacity(line.tax_ids.len());
    for (nth, id) in line.tax_ids.iter().enumerate() {
        let place = || format!("/lines/{at}/tax_ids/{nth}");
        let Some(tax) = order.by_id.get(id) else {
            return Err(TaxError::new(place(), Reason::UnknownTax { tax: id.to_string() }));
        };
        if taxes.contains(tax) {
            return Err(TaxError::new(place(), Reason::RepeatedTax { tax: id.to_string() }));
        }
        taxes.push(*tax);
    }
    taxes.sort_by_key(|tax| order.rank.get(*tax).copied());
    Ok(taxes)
}

/// Of two taxes of one place in the order, none may be in the other's base.
fn check_order<T: Display, L>(document: &Document<T, L>, taxes: &[usize], at: usize) -> Result<(), TaxError> {
    let stack: Vec<&Tax<T>> = taxes.iter().filter_map(|tax| document.taxes.get(*tax)).collect();
    for (nth, one) in stack.iter().enumerate() {
        for other in stack.iter().skip(nth + 1).take_while(|other| other.sequence == one.sequence) {
            let reason = match (listens(other, one), listens(one, other)) {
                (false, false) => continue,
                (true, true) => Reason::Cycle { one: one.id.to_string(), other: other.id.to_string() },
                (true, false) => {
                    Reason::AmbiguousOrder { one: one.id.to_string(), other: other.id.to_string() }
                }
                (false, true) => {
                    Reason::AmbiguousOrder { one: other.id.to_string(), other: one.id.to_string() }
                }
            };
            return Err(TaxError::new(format!("/lines/{at}/tax_ids"), reason));
        }
    }
    Ok(())
}

/// Neighbouring division taxes must leave something of the price.
fn check_divisions<T, L>(
    document: &Document<T, L>,
    active: &[(usize, bool)],
    at: usize,
) -> Result<(), TaxError> {
    let taxes: Vec<&Tax<T>> = active.iter().filter_map(|(tax, _)| document.taxes.get(*tax)).collect();
    if division_sums(&taxes).into_iter().any(|sum| sum >= WHOLE_RATE) {
        return Err(TaxError::new(format!("/lines/{at}/tax_ids"), Reason::DivisionsTakeAll));
    }
    Ok(())
}

/// A unit's price after reductions, as a fraction, without its sign.
struct UnitsPrice {
    numerator: i128,
    denominator: i128,
}

impl UnitsPrice {
    fn is_below(&self, threshold: shared_model::UnitPrice) -> Result<bool, MoneyError> {
        let threshold = threshold.units(6)?.checked_mul(self.denominator).ok_or(MoneyError::OutOfBounds)?;
        Ok(self.numerator < threshold)
    }
}

/// What the line comes to in smallest units, and a unit's price in millionths.
fn asked<T, L>(
    document: &Document<T, L>,
    line: &Line<T, L>,
    at: usize,
) -> Result<(i128, UnitsPrice), TaxError> {
    let in_line = |field: &'static str| {
        move |error: MoneyError| TaxError::new(format!("/lines/{at}/{field}"), error.into())
    };
    let quantity = line.quantity.units(3).map_err(in_line("quantity"))?;
    match line.price {
        LinePrice::Unit { unit_price, discount_percent } => {
            let discount = discount_percent.units(4).map_err(in_line("discount_percent"))?;
            if !(0..=WHOLE_RATE).contains(&discount) {
                return Err(TaxError::new(
                    format!("/lines/{at}/discount_percent"),
                    Reason::DiscountOutOfRange,
                ));
            }
            let price = unit_price.units(6).map_err(in_line("unit_price"))?;
            // 19 digits × 7 digits × 12 digits: below 10^37, within i128.
            let too_large = || TaxError::new(format!("/lines/{at}"), MoneyError::OutOfBounds.into());
            let reduced = price.checked_mul(WHOLE_RATE - discount).ok_or_else(too_large)?;
            let product = reduced.checked_mul(quantity).ok_or_else(too_large)?;
            // 6 decimals of the price, 6 of the discount, 3 of the quantity, less those of the currency.
            let step = 10_i128.checked_pow(15 - document.decimals).ok_or_else(too_large)?;
            let asked = divide(product, step, document.rounding_mode).map_err(|_| too_large())?;
            Amount::from_units(asked, document.decimals).map_err(|_| too_large())?;
            Ok((asked, UnitsPrice { numerator: reduced.abs(), denominator: WHOLE_RATE }))
        }
        LinePrice::Extension(amount) => {
            let asked = amount.units(document.decimals).map_err(in_line("extension"))?;
            let price = if quantity == 0 {
                UnitsPrice { numerator: amount.units(6).map_err(in_line("extension"))?.abs(), denominator: 1 }
            } else {
                let millionths = amount.units(6).map_err(in_line("extension"))?.abs();
                UnitsPrice {
                    numerator: millionths
                        .checked_mul(1_000)
                        .ok_or_else(|| in_line("extension")(MoneyError::OutOfBounds))?,
                    denominator: quantity.abs(),
                }
            };
            Ok((asked, price))
        }
    }
}

/// The rounded taxes of every line; `None` when `N` is too narrow.
fn round<N: Whole, T, L: Ord>(
    document: &Document<T, L>,
    lines: &[Prepared],
    stacks: &[Stack],
) -> Option<Vec<Rounded>> {
    let mut solved: Vec<Vec<Solution<N>>> = Vec::with_capacity(stacks.len());
    for stack in stacks {
        let taxes: Vec<&Tax<T>> = stack.iter().filter_map(|(tax, _)| document.taxes.get(*tax)).collect();
        let spared: Vec<bool> = stack.iter().map(|(_, is_spared)| *is_spared).collect();
        solved.push(solve(&taxes, &spared, document.decimals)?);
    }
    // Which solution is right for each line. A line is solved for a positive quantity and mirrored.
    let mut chosen = Vec::with_capacity(lines.len());
    for line in lines {
        chosen.push(choose(solved.get(line.stack)?, line)?);
    }
    let mut rounded = Vec::with_capacity(lines.len());
    for (line, nth) in lines.iter().zip(&chosen) {
        let solution = solved.get(line.stack)?.get(*nth)?;
        rounded.push(Rounded { amounts: vec![0; solution.amounts.len()], parts: Vec::new() });
    }
    match document.rounding {
        TaxRounding::PerLine => {
            for ((line, nth), rounded) in lines.iter().zip(&chosen).zip(&mut rounded) {
                let solution = solved.get(line.stack)?.get(*nth)?;
                for (amount, linear) in rounded.amounts.iter_mut().zip(&solution.amounts) {
                    *amount = linear.at(line.asked, line.thousandths)?.round(document.rounding_mode)?;
                }
            }
        }
        TaxRounding::PerDocument => share(document, lines, stacks, &solved, &chosen, &mut rounded)?,
    }
    for ((line, nth), rounded) in lines.iter().zip(&chosen).zip(&mut rounded) {
        let net = line.asked.checked_sub(inside(document, stacks.get(line.stack)?, &rounded.amounts))?;
        for part in &solved.get(line.stack)?.get(*nth)?.parts {
            let besides = part.per_unit.times(&Exact::ratio(line.thousandths, 1_000)?)?;
            let own = Exact::whole(if part.of_net { net } else { 0 });
            rounded.parts.push(own.plus(&besides)?.round(document.rounding_mode)?);
        }
    }
    Some(rounded)
}

/// What is inside a price beside its net: a stack's included taxes, and what of them is not paid.
fn inside<T, L>(document: &Document<T, L>, stack: &[(usize, bool)], amounts: &[i128]) -> i128 {
    let included = stack
        .iter()
        .zip(amounts)
        .filter(|((tax, _), _)| document.taxes.get(*tax).is_some_and(|tax| tax.price_included))
        .map(|(_, amount)| amount);
    included.sum::<i128>() + relief(stack, amounts)
}

/// What is inside a price and not paid, as taxes of the stack are spared.
fn relief(stack: &[(usize, bool)], amounts: &[i128]) -> i128 {
    amounts.iter().skip(stack.len()).sum()
}

fn choose<N: Whole>(solutions: &[Solution<N>], line: &Prepared) -> Option<usize> {
    if solutions.len() == 1 || line.thousandths == 0 {
        return Some(0);
    }
    let (asked, thousandths) = (line.sign().checked_mul(line.asked)?, line.thousandths.checked_abs()?);
    for (nth, solution) in solutions.iter().enumerate() {
        if solution.holds(asked, thousandths)? {
            return Some(nth);
        }
    }
    None
}

/// A line's exact part in a tax of the document.
struct Claim<'a, N: Whole, L> {
    line: usize,
    /// The place of the tax in the line's stack.
    place: usize,
    /// What is left of it after the whole units, in the direction in which units are given.
    rest: Exact<N>,
    size: Exact<N>,
    id: &'a L,
}

/// One rounding per tax: the exact sum is rounded, and lines get their whole units and then, by largest remainder, one
/// more each of those that are left. Ties go to the larger amount, then to the smaller line id.
fn share<N: Whole, T, L: Ord>(
    document: &Document<T, L>,
    lines: &[Prepared],
    stacks: &[Stack],
    solved: &[Vec<Solution<N>>],
    chosen: &[usize],
    rounded: &mut [Rounded],
) -> Option<()> {
    // A stack's taxes are linear in what is asked and in the quantity, so the lines of a stack can be summed first.
    let mut sums: BTreeMap<(usize, usize), (i128, i128)> = BTreeMap::new();
    // By tax, and whether it is what of the tax is not paid.
    let mut bearers: BTreeMap<(usize, bool), Vec<(usize, usize)>> = BTreeMap::new();
    for (at, (line, nth)) in lines.iter().zip(chosen).enumerate() {
        let sum = sums.entry((line.stack, *nth)).or_default();
        sum.0 = sum.0.checked_add(line.asked)?;
        sum.1 = sum.1.checked_add(line.thousandths)?;
        let stack = stacks.get(line.stack)?;
        let are_some_spared = stack.iter().any(|(_, is_spared)| *is_spared);
        for (place, (tax, _)) in stack.iter().enumerate() {
            bearers.entry((*tax, false)).or_default().push((at, place));
            if are_some_spared {
                bearers.entry((*tax, true)).or_default().push((at, stack.len() + place));
            }
        }
    }
    for ((tax, is_relief), bearers) in bearers {
        let mut exact = Exact::<N>::zero();
        for ((stack, nth), (asked, thousandths)) in &sums {
            let taxes = stacks.get(*stack)?;
            let place = taxes.iter().position(|(other, _)| *other == tax);
            let place = place.map(|place| if is_relief { taxes.len() + place } else { place });
            // A stack of which none is spared has no relief.
            let amounts = &solved.get(*stack)?.get(*nth)?.amounts;
            if let Some(linear) = place.and_then(|place| amounts.get(place)) {
                exact = exact.plus(&linear.at(*asked, *thousandths)?)?;
            }
        }
        let mut left = exact.round(document.rounding_mode)?;
        let mut claims = Vec::with_capacity(bearers.len());
        for (at, place) in bearers {
            let line = lines.get(at)?;
            let linear = solved.get(line.stack)?.get(*chosen.get(at)?)?.amounts.get(place)?;
            let value = linear.at(line.asked, line.thousandths)?;
            let (whole, rest) = value.split()?;
            left = left.checked_sub(whole)?;
            *rounded.get_mut(at)?.amounts.get_mut(place)? = whole;
            claims.push(Claim { line: at, place, rest, size: value.abs()?, id: &document.lines.get(at)?.id });
        }
        if left == 0 {
            continue;
        }
        let unit = left.signum();
        if unit < 0 {
            for claim in &mut claims {
                claim.rest = claim.rest.negated()?;
            }
        }
        claims.sort_by(|one, other| {
            (Reverse(&one.rest), Reverse(&one.size), one.id).cmp(&(
                Reverse(&other.rest),
                Reverse(&other.size),
                other.id,
            ))
        });
        let units = usize::try_from(left.unsigned_abs()).ok()?;
        // The rests add up to what is left before the rounding, so there are never more units than claims.
        if units > claims.len() {
            return None;
        }
        for claim in claims.iter().take(units) {
            *rounded.get_mut(claim.line)?.amounts.get_mut(claim.place)? += unit;
        }
    }
    Some(())
}

fn assemble<T: Ord + Clone, L: Clone>(
    document: &Document<T, L>,
    order: &Order<'_, T>,
    lines: &[Prepared],
    stacks: &[Stack],
    rounded: &[Rounded],
) -> Result<Computed<T, L>, TaxError> {
    let amount = |units: i128, at: Option<usize>| {
        Amount::from_units(units, document.decimals).map_err(|error| {
            let pointer = at.map_or_else(|| "/lines".to_owned(), |at| format!("/lines/{at}"));
            TaxError::new(pointer, error.into())
        })
    };
    let mut computed = Vec::with_capacity(lines.len());
    // By place in the order: base, amount.
    let mut totals: BTreeMap<usize, (usize, i128, i128)> = BTreeMap::new();
    let (mut base, mut tax) = (0_i128, 0_i128);
    for (at, ((line, rounded), source)) in lines.iter().zip(rounded).zip(&document.lines).enumerate() {
        let at = Some(at);
        let stack = stacks.get(line.stack).map(Vec::as_slice).unwrap_or_default();
        let active: Vec<&Tax<T>> = stack.iter().filter_map(|(tax, _)| document.taxes.get(*tax)).collect();
        let net = line.asked - inside(document, stack, &rounded.amounts);
        let relief = relief(stack, &rounded.amounts);
        let mut taxes = Vec::with_capacity(line.taxes.len());
        let mut place = 0;
        let mut gross = net;
        for (index, borne) in &line.taxes {
            let Some(this) = document.taxes.get(*index) else { continue };
            if *borne == Borne::Spared {
                place += 1;
                continue;
            }
            let (tax_base, tax_amount) = if *borne == Borne::Below {
                (0, 0)
            } else {
                let own = rounded.parts.get(place).copied().unwrap_or(net);
                let earlier: i128 = active
                    .iter()
                    .zip(&rounded.amounts)
                    .take(place)
                    .filter(|(earlier, _)| listens(this, earlier))
                    .map(|(_, amount)| amount)
                    .sum();
                let tax_amount = rounded.amounts.get(place).copied().unwrap_or_default();
                place += 1;
                (own + earlier, tax_amount)
            };
            gross += tax_amount;
            taxes.push(TaxAmount {
                tax_id: this.id.clone(),
                base: amount(tax_base, at)?,
                amount: amount(tax_amount, at)?,
            });
            let total =
                totals.entry(order.rank.get(*index).copied().unwrap_or_default()).or_insert((*index, 0, 0));
            total.1 += tax_base;
            total.2 += tax_amount;
        }
        base += net;
        tax += gross - net;
        computed.push(ComputedLine {
            id: source.id.clone(),
            total_excluded: amount(net, at)?,
            total_included: amount(gross, at)?,
            taxes,
            relief: amount(relief, at)?,
        });
    }
    let mut taxes = Vec::with_capacity(totals.len());
    for (index, base, sum) in totals.into_values() {
        if let Some(tax) = document.taxes.get(index) {
            let (base, amount) = (amount(base, None)?, amount(sum, None)?);
            taxes.push(TaxAmount { tax_id: tax.id.clone(), base, amount });
        }
    }
    let total = amount(base + tax, None)?;
    let payable = payable(total, document.cash_rounding, document.decimals, document.rounding_mode)
        .map_err(|error| TaxError::new("/cash_rounding", error.into()))?;
    let document = Totals { base: amount(base, None)?, tax: amount(tax, None)?, total, payable, taxes };
    Ok(Computed { lines: computed, document })
}

fn payable(
    total: Amount,
    step: Option<Amount>,
    decimals: u32,
    rounding: Rounding,
) -> Result<Amount, MoneyError> {
    match step {
        None => Ok(total),
        Some(step) => rounding.to_step(total, step)?.with_decimals(decimals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_model::{Percent, Quantity};

    fn deep(taxes: u8) -> Document<u8, u8> {
        let tax = |id: u8| Tax {
            include_base_amount: true,
            price_included: id.is_multiple_of(2),
            sequence: id.into(),
            ..Tax::percent(id, Percent::from_units(71_237 + 10_007 * i128::from(id), 4).unwrap())
        };
        let line = |id: u8| Line {
            id,
            quantity: Quantity::ONE,
            price: LinePrice::Extension(Amount::from_units(i128::from(id) * 1_237 + 99, 2).unwrap()),
            tax_ids: (0..taxes).collect(),
            spared: Vec::new(),
        };
        Document {
            decimals: 2,
            rounding: TaxRounding::PerDocument,
            rounding_mode: Rounding::HalfUp,
            cash_rounding: None,
            taxes: (0..taxes).map(tax).collect(),
            lines: (0..20).map(line).collect(),
        }
    }

    fn amounts<N: Whole>(document: &Document<u8, u8>) -> Option<Vec<Vec<i128>>> {
        let order = check(document).unwrap();
        let (lines, stacks) = prepare(document, &order).unwrap();
        let rounded = round::<N, u8, u8>(document, &lines, &stacks)?;
        Some(rounded.into_iter().map(|line| line.amounts).collect())
    }

    #[test]
    fn narrow_and_big_integers_give_the_same() {
        for taxes in 0..4 {
            let narrow = amounts::<i128>(&deep(taxes));
            assert!(narrow.is_some(), "{taxes}");
            assert_eq!(narrow, amounts::<BigInt>(&deep(taxes)), "{taxes}");
        }
    }

    #[test]
    fn what_is_too_deep_for_narrow_integers_is_computed_by_big_ones() {
        assert!(amounts::<i128>(&deep(16)).is_none());
        assert!(compute(&deep(16)).is_ok());
    }
}
