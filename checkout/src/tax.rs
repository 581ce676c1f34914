//! The tax of a document's lines, by the tax engine, and the sums of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use shared_model::ids::{SaleLineId, TaxId};
use shared_model::selling::{DocumentTax, LineKind, LineTax, SoldLine};
use shared_model::taxes::{TaxKind, TaxRecord};
use shared_model::{Amount, MoneyError, Quantity, Share, allocate};
use tax_engine::{ComputedLine, Document, Exemption, Line, LinePrice, Tax};

use crate::catalogue::{Catalogue, Rules};
use crate::compute::Draft;
use crate::reductions::group_code;
use crate::refusal::{Refusal, RefusalReason};

/// A line with its tax.
pub(crate) struct Taxed {
    pub(crate) net: Amount,
    pub(crate) tax: Amount,
    pub(crate) gross: Amount,
    pub(crate) taxes: Vec<LineTax>,
    /// Tax inside the price that is not paid.
    pub(crate) relief: Amount,
    /// Whether a tax that it would bear is spared.
    pub(crate) is_spared: bool,
}

impl Taxed {
    /// Whether any amount of it goes the other way than its line: less is left of the price than its fixed taxes take.
    pub(crate) fn goes_another_way(&self, comes_back: bool) -> bool {
        let of_taxes = self.taxes.iter().flat_map(|tax| [tax.base, tax.amount]);
        [self.net, self.relief]
            .into_iter()
            .chain(of_taxes)
            .any(|amount| !amount.is_zero() && amount.is_negative() != comes_back)
    }

    /// With another part of the same line.
    fn add(&mut self, other: Self) -> Result<(), MoneyError> {
        self.net = self.net.plus(other.net)?;
        self.tax = self.tax.plus(other.tax)?;
        self.gross = self.gross.plus(other.gross)?;
        self.relief = self.relief.plus(other.relief)?;
        self.is_spared |= other.is_spared;
        for tax in other.taxes {
            match self.taxes.iter_mut().find(|known| known.tax_id == tax.tax_id) {
                Some(known) => {
                    known.base = known.base.plus(tax.base)?;
                    known.amount = known.amount.plus(tax.amount)?;
                }
                None => self.taxes.push(tax),
            }
        }
        Ok(())
    }
}

/// By what equal remainders are told apart when their amounts are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    group: &'a str,
    sku: &'a str,
    id: SaleLineId,
    /// Which of the line's parts.
    part: usize,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// The tax of each line, from what it costs after everything was taken off.
pub(crate) fn of_lines(
    drafts: &[Draft<'_>],
    catalogue: &Catalogue,
    rules: &Rules,
    exemption: Option<&Exemption>,
) -> Result<Vec<Taxed>, Refusal> {
    let known: BTreeMap<TaxId, &TaxRecord> = catalogue.taxes.iter().map(|tax| (tax.id, tax)).collect();
    let day = rules.at.date();
    let mut used: BTreeMap<(i32, &str, TaxId), &TaxRecord> = BTreeMap::new();
    let decimals = rules.currency.exponent();
    let mut lines = Vec::with_capacity(drafts.len());
    // Which draft each of the engine's lines is of.
    let mut owners: Vec<usize> = Vec::with_capacity(drafts.len());
    let mut spared_of: Vec<bool> = Vec::with_capacity(drafts.len());
    for (owner, draft) in drafts.iter().enumerate() {
        let tax_ids = taxes_of(draft, catalogue, &known, day)?;
        for tax in &tax_ids {
            used.insert((tax.sequence, tax.code.as_str(), tax.id), tax);
        }
        let is_spared = |tax: &&&TaxRecord| exemption.is_some_and(|exemption| exemption.spares(tax, day));
        let spared: Vec<TaxId> = tax_ids.iter().filter(is_spared).map(|tax| tax.id).collect();
        spared_of.push(!spared.is_empty());
        let most = (tax_engine::MAX_LINES / drafts.len().max(1)).clamp(1, MAX_KINDS);
        let kinds = kinds_of_pieces(draft, &tax_ids, decimals, most)
            .map_err(|error| Refusal::line(draft.at, "quantity", error))?;
        for (part, (quantity, amount)) in kinds.into_iter().enumerate() {
            owners.push(owner);
            lines.push(Line {
                id: Key {
                    group: group_code(draft, catalogue),
                    sku: draft.item.sku.as_str(),
                    id: draft.line.id,
                    part,
                },
                quantity,
                price: LinePrice::Extension(amount),
                tax_ids: tax_ids.iter().map(|tax| tax.id).collect(),
                spared: spared.clone(),
            });
        }
    }
    let taxes = used
        .values()
        .map(|record| Tax::try_from(*record))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Refusal::new("/lines", RefusalReason::Tax(error.reason)))?;
    let document = Document {
        decimals,
        rounding: rules.tax_rounding,
        rounding_mode: rules.rounding_mode,
        cash_rounding: None,
        taxes,
        lines,
    };
    let computed = tax_engine::compute(&document).map_err(|error| {
        // The engine's lines are parts of ours; its taxes are the catalogue's.
        let place =
            error.pointer.strip_prefix("/lines/").and_then(|rest| rest.split('/').next()?.parse().ok());
        let owner = place.and_then(|place: usize| owners.get(place)).and_then(|owner| drafts.get(*owner));
        let pointer = owner.map_or_else(|| "/lines".to_owned(), |draft| format!("/lines/{}", draft.at));
        Refusal::new(pointer, RefusalReason::Tax(error.reason))
    })?;
    let mut whole: Vec<Taxed> = Vec::with_capacity(drafts.len());
    for (line, owner) in computed.lines.into_iter().zip(owners) {
        let at = drafts.get(owner).map_or(owner, |draft| draft.at);
        let here = |error: MoneyError| Refusal::line(at, "", error);
        let part = taxed(line, &known, spared_of.get(owner).copied().unwrap_or_default()).map_err(here)?;
        match whole.get_mut(owner) {
            Some(first) => first.add(part).map_err(here)?,
            None => whole.push(part),
        }
    }
    Ok(whole)
}

/// The most kinds of pieces of a line that are taxed apart.
pub(crate) const MAX_KINDS: usize = 8;

/// A line as the kinds of pieces that it is of: laws look at the price of each piece (New York's clothing under 110,
/// Florida's first 5,000), and promotions may have made pieces of one line unlike. Those that cost the same are one kind,
/// dearest first; a line that bears no threshold is one kind, as is one by weight. Beyond the `most` kinds, the cheapest
/// are taken together.
fn kinds_of_pieces(
    draft: &Draft<'_>,
    taxes: &[&TaxRecord],
    decimals: u32,
    most: usize,
) -> Result<Vec<(Quantity, Amount)>, MoneyError> {
    let whole = || vec![(draft.quantity, draft.amount)];
    let has_threshold =
        |tax: &&TaxRecord| tax.exempt_below.is_some() || tax.part_above.is_some() || tax.part_up_to.is_some();
    if draft.pieces.is_empty() || !draft.amount.is_positive() || !taxes.iter().any(has_threshold) {
        return Ok(whole());
    }
    let counted = draft.pieces.iter().map(|(count, _)| i128::from(*count)).sum::<i128>();
    if draft.quantity.units(3)? != counted * 1_000 {
        return Ok(whole());
    }
    let mut kinds: Vec<(i128, i128, Amount)> = Vec::with_capacity(draft.pieces.len());
    for (count, cost) in &draft.pieces {
        let count = i128::from(*count).max(1);
        // Less than a smallest unit is how promotions were rounded.
        kinds.push((cost.units(decimals)? / count, count, *cost));
    }
    kinds.sort_unstable_by_key(|kind| Reverse(*kind));
    let mut merged: Vec<(i128, i128, Amount)> = Vec::with_capacity(kinds.len());
    for (each, count, cost) in kinds {
        let is_full = merged.len() >= most;
        match merged.last_mut() {
            Some(last) if is_full || last.0 == each => {
                last.1 += count;
                last.2 = last.2.plus(cost)?;
            }
            _ => merged.push((each, count, cost)),
        }
    }
    if merged.len() == 1 {
        return Ok(whole());
    }
    // What a person took off afterwards is of each piece in proportion.
    let shares: Vec<Share<usize>> =
        merged.iter().enumerate().map(|(key, (_, _, weight))| Share { weight: *weight, key }).collect();
    let now = allocate(draft.amount, decimals, &shares)?;
    merged
        .into_iter()
        .zip(now)
        .map(|((_, count, _), amount)| Ok((Quantity::from_units(count, 0)?, amount)))
        .collect()
}

/// The taxes of the line's group that are in force on the day. A multi-purpose gift card is taxed when it is used, by what
/// is bought with it (EU 2016/1065), and a tip is the staff's: neither bears any, whatever its product's group is.
fn taxes_of<'a>(
    draft: &Draft<'_>,
    catalogue: &Catalogue,
    known: &BTreeMap<TaxId, &'a TaxRecord>,
    day: NaiveDate,
) -> Result<Vec<&'a TaxRecord>, Refusal> {
    if matches!(draft.item.kind, LineKind::GiftCard | LineKind::Tip) {
        return Ok(Vec::new());
    }
    let Some(group_id) = draft.item.tax_group_id else { return Ok(Vec::new()) };
    let here = |reason| Refusal::line(draft.at, "variant_id", reason);
    let group =
        catalogue.tax_groups.get(&group_id).ok_or_else(|| here(RefusalReason::UnknownTaxGroup(group_id)))?;
    let mut taxes = Vec::with_capacity(group.tax_ids.len());
    for id in group.tax_ids.iter().collect::<BTreeSet<_>>() {
        let tax = *known.get(id).ok_or_else(|| here(RefusalReason::UnknownTax(*id)))?;
        if tax_engine::in_force(tax, day) {
            taxes.push(tax);
        }
    }
    Ok(taxes)
}

fn taxed(
    line: ComputedLine<TaxId, Key<'_>>,
    known: &BTreeMap<TaxId, &TaxRecord>,
    is_spared: bool,
) -> Result<Taxed, MoneyError> {
    let net = line.total_excluded;
    let taxes: Vec<LineTax> = line
        .taxes
        .into_iter()
        .filter_map(|tax| {
            let record = known.get(&tax.tax_id)?;
            Some(LineTax {
                tax_id: record.id,
                code: record.code.clone(),
                name: record.name.clone(),
                kind: record.kind,
                rate: record.rate.normalize(),
                price_included: record.price_included,
                base: tax.base,
                amount: tax.amount,
            })
        })
        .collect();
    let tax = line.total_included.minus(net)?;
    Ok(Taxed { net, tax, gross: line.total_included, taxes, relief: line.relief, is_spared })
}

/// Each tax of a document at each rate: the sums of the lines', by code.
pub(crate) fn of_document(lines: &[SoldLine]) -> Result<Vec<DocumentTax>, MoneyError> {
    type Key<'a> = (&'a str, TaxId, Decimal, bool, TaxKind);
    let mut sums: BTreeMap<Key<'_>, DocumentTax> = BTreeMap::new();
    for tax in lines.iter().flat_map(|line| &line.taxes) {
        let key = (tax.code.as_str(), tax.tax_id, tax.rate, tax.price_included, tax.kind);
        if let Some(sum) = sums.get_mut(&key) {
            sum.base = sum.base.plus(tax.base)?;
            sum.amount = sum.amount.plus(tax.amount)?;
        } else {
            let first = DocumentTax {
                tax_id: tax.tax_id,
                code: tax.code.clone(),
                name: tax.name.clone(),
                kind: tax.kind,
                rate: tax.rate,
                price_included: tax.price_included,
                base: tax.base,
                amount: tax.amount,
            };
            sums.insert(key, first);
        }
    }
    Ok(sums.into_values().collect())
}
