//! The tax of a document's lines, by the tax engine, and the sums of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use shared_model::ids::{SaleLineId, TaxId};
use shared_model::selling::{DocumentTax, LineKind, LineTax, SoldLine};
use shared_model::taxes::{TaxKind, TaxRecord};
use shared_model::{Amount, MoneyError};
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
}

/// By what equal remainders are told apart when their amounts are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    group: &'a str,
    sku: &'a str,
    id: SaleLineId,
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
    let mut lines = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let tax_ids = taxes_of(draft, catalogue, &known, day)?;
        for tax in &tax_ids {
            used.insert((tax.sequence, tax.code.as_str(), tax.id), tax);
        }
        let is_spared = |tax: &&&TaxRecord| exemption.is_some_and(|exemption| exemption.spares(tax, day));
        let spared = tax_ids.iter().filter(is_spared).map(|tax| tax.id).collect();
        lines.push(Line {
            id: Key { group: group_code(draft, catalogue), sku: draft.item.sku.as_str(), id: draft.line.id },
            quantity: draft.quantity,
            price: LinePrice::Extension(draft.amount),
            tax_ids: tax_ids.iter().map(|tax| tax.id).collect(),
            spared,
        });
    }
    let taxes = used
        .values()
        .map(|record| Tax::try_from(*record))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Refusal::new("/lines", RefusalReason::Tax(error.reason)))?;
    let document = Document {
        decimals: rules.currency.exponent(),
        rounding: rules.tax_rounding,
        rounding_mode: rules.rounding_mode,
        cash_rounding: None,
        taxes,
        lines,
    };
    let computed = tax_engine::compute(&document).map_err(|error| {
        // The engine's lines are ours, in the same order; its taxes are the catalogue's.
        let pointer = if error.pointer.starts_with("/lines/") { error.pointer.as_str() } else { "/lines" };
        let line = pointer.split('/').take(3).collect::<Vec<_>>().join("/");
        Refusal::new(line, RefusalReason::Tax(error.reason))
    })?;
    computed
        .lines
        .into_iter()
        .zip(drafts)
        .map(|(line, draft)| taxed(line, &known).map_err(|error| Refusal::line(draft.at, "", error)))
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
    Ok(Taxed { net, tax, gross: line.total_included, taxes, relief: line.relief })
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
