//! What a person takes off by hand: of a line, by another price, of the whole sale, within the limit of their role.

use std::cmp::Reverse;

use shared_model::selling::{AppliedReduction, LineKind, PriceReason};
use shared_model::{
    Amount, MoneyError, Percent, Quantity, Rounding, Share, UnitPrice, allocate_within, divide,
};

use crate::cart::{Cart, Reduction};
use crate::catalogue::{Catalogue, Rules};
use crate::compute::{Draft, Tie};
use crate::refusal::{Refusal, RefusalReason, Refusals};
use crate::{MAX_ROUNDED_AWAY, MAX_TEXT};

/// The price of one that an amount for so many comes to, to 6 decimals.
pub(crate) fn per_unit(amount: Amount, quantity: Quantity) -> Result<UnitPrice, MoneyError> {
    let units = amount.units(6)?.checked_mul(1_000).ok_or(MoneyError::OutOfBounds)?;
    Ok(UnitPrice::from_units(divide(units, quantity.units(3)?, Rounding::HalfUp)?, 6)?.normalized())
}

/// Takes off what the cart says, and refuses what the person may not.
pub(crate) fn by_hand(
    cart: &Cart,
    catalogue: &Catalogue,
    rules: &Rules,
    drafts: &mut [Draft<'_>],
) -> Result<(), Refusals> {
    let mut refusals = Vec::new();
    // What each line costs after promotions: what limits are held against.
    let after_promotions: Vec<Amount> = drafts.iter().map(|draft| draft.amount).collect();
    let mut touched = vec![false; drafts.len()];
    for (draft, touched) in drafts.iter_mut().zip(&mut touched) {
        match of_line(draft, rules) {
            Ok(by_hand) => *touched = by_hand,
            Err(refusal) => refusals.push(refusal),
        }
    }
    Refusals::unless_empty(refusals)?;
    // Half a unit for each line that was reduced by itself, as each was rounded to the nearest.
    let rounded = touched.iter().filter(|touched| **touched).count() / 2;
    if let Some(reduction) = &cart.reduction {
        of_sale(reduction, catalogue, rules, drafts, &after_promotions)?;
        let reducible = drafts.iter().zip(&after_promotions).filter(|(draft, _)| takes_reductions(draft));
        within_limit(rules, rounded, reducible).map_err(|reason| Refusal::new("/reduction", reason))?;
    }
    let mut refusals = Vec::new();
    for ((draft, before), touched) in drafts.iter().zip(&after_promotions).zip(&touched) {
        if *touched && let Err(reason) = within_limit(rules, 0, std::iter::once((draft, before))) {
            refusals.push(Refusal::line(draft.at, field_of(draft), reason));
        }
    }
    Refusals::unless_empty(refusals)?;
    // What each line is rounded by in the person's favour adds up over many small lines.
    let reduced = || drafts.iter().zip(&after_promotions).zip(&touched).filter(|(_, touched)| **touched);
    let together = within_limit(rules, rounded, reduced().map(|(line, _)| line));
    together.map_err(|reason| match reduced().next() {
        Some(((first, _), _)) => Refusal::line(first.at, field_of(first), reason).into(),
        None => Refusal::new("/lines", reason).into(),
    })
}

/// The field by which a line was reduced by hand.
fn field_of(draft: &Draft<'_>) -> &'static str {
    if draft.line.reduction.is_some() { "reduction" } else { "unit_price" }
}

/// Whether reductions may touch the line at all: sold, discountable goods whose price is not bound by a label.
pub(crate) fn takes_reductions(draft: &Draft<'_>) -> bool {
    draft.item.discountable && draft.item.kind == LineKind::Goods && draft.line.label_amount.is_none()
}

/// The line's override and reduction. Whether a person took anything off.
fn of_line(draft: &mut Draft<'_>, rules: &Rules) -> Result<bool, Refusal> {
    let at = draft.at;
    let mut touched = false;
    let keyed = draft.line.unit_price.filter(|_| draft.item.open_price.is_none());
    if let Some(keyed) = keyed.filter(|keyed| *keyed != draft.unit_price) {
        over_ride(draft, rules, keyed)?;
        touched = true;
    }
    if let Some(reduction) = &draft.line.reduction {
        let here = |reason: RefusalReason| Refusal::line(at, "reduction", reason);
        if !rules.limits.may_reduce {
            return Err(here(RefusalReason::MayNotReduce));
        }
        if !takes_reductions(draft) {
            return Err(here(RefusalReason::NotDiscountable { sku: draft.item.sku.clone() }));
        }
        let taken = taken(reduction, draft.amount, rules)
            .map_err(|(field, reason)| Refusal::line(at, &format!("reduction/{field}"), reason))?;
        let reason = reduction.reason.clone();
        let applied = match reduction.percent {
            Some(percent) => AppliedReduction::Percent { percent, reason, amount: taken },
            None => AppliedReduction::Amount { reason, amount: taken },
        };
        draft.take_off(applied).map_err(|error| here(error.into()))?;
        touched = true;
    }
    Ok(touched)
}

/// Another price, keyed: it is what one costs now, and nothing that a promotion gave remains on the line.
fn over_ride(draft: &mut Draft<'_>, rules: &Rules, keyed: UnitPrice) -> Result<(), Refusal> {
    let here = |reason: RefusalReason| Refusal::line(draft.at, "unit_price", reason);
    if !rules.limits.may_override_price {
        return Err(here(RefusalReason::MayNotOverridePrice));
    }
    if draft.line.unit_price_reason.trim().is_empty() {
        return Err(Refusal::line(draft.at, "unit_price_reason", RefusalReason::NoReason));
    }
    if keyed < draft.unit_price && !takes_reductions(draft) {
        return Err(here(RefusalReason::NotDiscountable { sku: draft.item.sku.clone() }));
    }
    let amount = keyed
        .extend(draft.quantity, rules.currency.exponent(), rules.rounding_mode)
        .and_then(Amount::in_document)
        .map_err(|error| here(error.into()))?;
    draft.price_reason =
        PriceReason::Override { instead_of: draft.unit_price, reason: draft.line.unit_price_reason.clone() };
    draft.unit_price = keyed;
    draft.value = amount;
    draft.amount = amount;
    draft.reductions.clear();
    draft.pieces.clear();
    Ok(())
}

/// What a reduction takes off something that costs `cost`; else the field and what is wrong with it.
fn taken(
    reduction: &Reduction,
    cost: Amount,
    rules: &Rules,
) -> Result<Amount, (&'static str, RefusalReason)> {
    let decimals = rules.currency.exponent();
    if reduction.reason.trim().is_empty() {
        return Err(("reason", RefusalReason::NoReason));
    }
    if reduction.reason.len() > MAX_TEXT {
        return Err(("reason", RefusalReason::TextTooLong { most: MAX_TEXT }));
    }
    match (reduction.percent, reduction.amount) {
        (Some(percent), None) => {
            if !percent.is_positive() || percent > Percent::HUNDRED {
                return Err(("percent", RefusalReason::ReductionOutOfRange));
            }
            percent.of(cost, decimals, rules.rounding_mode).map_err(|error| ("percent", error.into()))
        }
        (None, Some(amount)) => {
            if !amount.is_positive() {
                return Err(("amount", RefusalReason::ReductionNotPositive));
            }
            let amount = amount.with_decimals(decimals).map_err(|error| ("amount", error.into()))?;
            if amount > cost {
                return Err(("amount", RefusalReason::ReductionBeyondPrice { most: cost }));
            }
            Ok(amount)
        }
        _ => Err(("percent", RefusalReason::ReductionUnclear)),
    }
}

/// Spreads a reduction of the whole sale over the lines that take one, in proportion to their regular value; what a
/// line cannot bear, or may not within the person's limit, goes to the others.
fn of_sale(
    reduction: &Reduction,
    catalogue: &Catalogue,
    rules: &Rules,
    drafts: &mut [Draft<'_>],
    after_promotions: &[Amount],
) -> Result<(), Refusal> {
    let here = |reason: RefusalReason| Refusal::new("/reduction", reason);
    if !rules.limits.may_reduce {
        return Err(here(RefusalReason::MayNotReduce));
    }
    let decimals = rules.currency.exponent();
    let reducible = drafts.iter().filter(|draft| takes_reductions(draft)).map(|draft| draft.amount);
    let cost = Amount::sum(reducible).map_err(|error| here(error.into()))?;
    if !cost.is_positive() {
        return Err(here(RefusalReason::NothingToReduce));
    }
    let taken = taken(reduction, cost, rules)
        .map_err(|(field, reason)| Refusal::new(format!("/reduction/{field}"), reason))?;
    let mut caps = Vec::with_capacity(drafts.len());
    for (draft, before) in drafts.iter().zip(after_promotions) {
        caps.push(room(draft, *before, rules).map_err(|error| here(error.into()))?);
    }
    let most = Amount::sum(caps.iter().copied()).map_err(|error| here(error.into()))?;
    if let Some(max) = rules.limits.max_reduction_percent.filter(|_| most < taken) {
        return Err(here(RefusalReason::BeyondLimit { max, most, asked: taken }));
    }
    let weights: Vec<Share<Tie<'_>>> = drafts.iter().map(|draft| share(draft, catalogue)).collect();
    let shares = allocate_within(taken, decimals, &weights, &caps).map_err(|error| here(error.into()))?;
    for (draft, amount) in drafts.iter_mut().zip(shares) {
        if amount.is_positive() {
            let applied = AppliedReduction::Sale { reason: reduction.reason.clone(), amount };
            draft.take_off(applied).map_err(|error| here(error.into()))?;
        }
    }
    Ok(())
}

/// How much more may be taken off a line: what it costs, and no more than the person's limit of what it cost `before`.
fn room(draft: &Draft<'_>, before: Amount, rules: &Rules) -> Result<Amount, MoneyError> {
    let decimals = rules.currency.exponent();
    let nothing = Amount::from_units(0, decimals)?;
    if !takes_reductions(draft) {
        return Ok(nothing);
    }
    let Some(max) = rules.limits.max_reduction_percent else { return Ok(draft.amount) };
    let allowed = max.of(before, decimals, Rounding::Up)?.minus(taken_off(draft, before)?)?;
    Ok(allowed.min(draft.amount).max(nothing))
}

/// What a person took off a line that cost so much before; a price that was keyed higher takes off nothing, and makes no
/// room for others.
fn taken_off(draft: &Draft<'_>, before: Amount) -> Result<Amount, MoneyError> {
    Ok(before.minus(draft.amount)?.max(Amount::ZERO))
}

/// A line as one that an amount is shared over.
pub(crate) fn share<'a>(draft: &Draft<'a>, catalogue: &'a Catalogue) -> Share<Tie<'a>> {
    Share {
        weight: draft.regular_value,
        key: (
            Reverse(draft.regular_value),
            group_code(draft, catalogue),
            draft.item.sku.as_str(),
            draft.line.id,
        ),
    }
}

pub(crate) fn group_code<'a>(draft: &Draft<'a>, catalogue: &'a Catalogue) -> &'a str {
    draft
        .item
        .tax_group_id
        .and_then(|group| catalogue.tax_groups.get(&group))
        .map_or("", |group| group.code.as_str())
}

/// Whether what people took off these lines, all together, is within the person's limit. Up to the smallest unit that
/// the percentage reaches: a tenth of 0.25 may be 0.03. So it may of each of two lines, therefore `rounded` units more may
/// be taken off several lines together, though never more than [`MAX_ROUNDED_AWAY`].
fn within_limit<'d, 'a: 'd>(
    rules: &Rules,
    rounded: usize,
    lines: impl Iterator<Item = (&'d Draft<'a>, &'d Amount)>,
) -> Result<(), RefusalReason> {
    let Some(max) = rules.limits.max_reduction_percent else { return Ok(()) };
    let decimals = rules.currency.exponent();
    let (mut before, mut asked) = (Amount::ZERO, Amount::ZERO);
    for (draft, cost) in lines {
        before = before.plus(*cost)?;
        asked = asked.plus(taken_off(draft, *cost)?)?;
    }
    let rounded = i128::try_from(rounded).map_or(MAX_ROUNDED_AWAY, |rounded| rounded.min(MAX_ROUNDED_AWAY));
    let most = max.of(before, decimals, Rounding::Up)?.plus(Amount::from_units(rounded, decimals)?)?;
    if asked > most { Err(RefusalReason::BeyondLimit { max, most, asked }) } else { Ok(()) }
}
