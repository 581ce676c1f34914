//! The tax of a document, by `tax-engine` alone.

use serde::{Deserialize, Serialize};
use server_kit::Problem;
use shared_model::taxes::{TaxKind, TaxRounding};
use shared_model::{Amount, Percent, Quantity, Rounding, UnitPrice};
use tax_engine::{Document, Levy, Line, LinePrice, Tax, TaxError};
use utoipa::ToSchema;

use crate::master::Checks;

/// The longest name of a document, tax or line.
const LONGEST_NAME: usize = 200;

/// A document whose tax is to be computed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TaxDocument {
    /// Its name, given back with the result.
    #[schema(max_length = 200)]
    id: String,
    /// How many decimals its currency has.
    #[schema(minimum = 0, maximum = 6)]
    currency_decimals: u32,
    /// Where tax is rounded.
    rounding: TaxRounding,
    /// Which way; half away from zero, if it is left out.
    #[serde(default)]
    rounding_mode: Rounding,
    /// The smallest coin, where what is payable in cash is rounded to it.
    #[serde(default)]
    cash_rounding: Option<Amount>,
    /// The taxes that its lines name.
    #[schema(max_items = 100)]
    taxes: Vec<DocumentTax>,
    /// Its lines.
    lines: Vec<DocumentLine>,
}

/// A tax of a document to try.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = TriedDocumentTax)]
#[serde(deny_unknown_fields)]
struct DocumentTax {
    /// Its name.
    #[schema(max_length = 200)]
    id: String,
    /// How it is computed.
    kind: TaxKind,
    /// Percent (to 4 decimals), or an amount per unit for `fixed`.
    rate: UnitPrice,
    /// Whether prices have it inside.
    price_included: bool,
    /// Whether later taxes are computed on base plus this tax.
    #[serde(default)]
    include_base_amount: bool,
    /// Whether this tax listens to earlier ones that say so.
    #[serde(default = "yes")]
    is_base_affected: bool,
    /// Its place in the order; those of one place are taken as they are listed.
    #[serde(default)]
    sequence: i32,
    /// Units below this price bear nothing.
    #[serde(default)]
    exempt_below: Option<UnitPrice>,
    /// Only the part of a unit's price above this bears it.
    #[serde(default)]
    part_above: Option<UnitPrice>,
    /// Only the part of a unit's price up to this bears it.
    #[serde(default)]
    part_up_to: Option<UnitPrice>,
}

const fn yes() -> bool {
    true
}

/// A line of a document to try.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = TriedDocumentLine)]
#[serde(deny_unknown_fields)]
struct DocumentLine {
    /// Its name.
    #[schema(max_length = 200)]
    id: String,
    /// How many.
    quantity: Quantity,
    /// The price of one.
    unit_price: UnitPrice,
    /// What is taken off it, in percent.
    #[serde(default)]
    discount_percent: Percent,
    /// The taxes that it bears.
    tax_ids: Vec<String>,
}

/// A document with its tax.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TriedTax {
    /// The document.
    id: String,
    /// Its lines, in their order.
    lines: Vec<TriedTaxLine>,
    /// The sums.
    document: TriedTotals,
}

/// A line with its tax.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TriedTaxLine {
    /// The line.
    id: String,
    /// Without tax.
    total_excluded: Amount,
    /// With tax.
    total_included: Amount,
    /// Each tax.
    taxes: Vec<TriedTaxAmount>,
}

/// What a tax comes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TriedTaxAmount {
    /// The tax.
    tax_id: String,
    /// What it was computed on.
    base: Amount,
    /// What it came to.
    amount: Amount,
}

/// The sums of a document.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TriedTotals {
    /// Without tax.
    base: Amount,
    /// Tax.
    tax: Amount,
    /// With tax.
    total: Amount,
    /// What is paid in cash.
    payable: Amount,
    /// Each tax.
    taxes: Vec<TriedTaxAmount>,
}

/// Computes the document, or says where it is wrong.
pub(super) fn compute(document: TaxDocument) -> Result<TriedTax, Problem> {
    let mut checks = Checks::default();
    checks.name("/id", &document.id, LONGEST_NAME);
    for (at, tax) in document.taxes.iter().enumerate() {
        checks.name(format!("/taxes/{at}/id"), &tax.id, LONGEST_NAME);
    }
    for (at, line) in document.lines.iter().enumerate() {
        checks.name(format!("/lines/{at}/id"), &line.id, LONGEST_NAME);
    }
    let mut taxes = Vec::with_capacity(document.taxes.len());
    for (at, tax) in document.taxes.into_iter().enumerate() {
        match levy(tax.kind, tax.rate) {
            Ok(levy) => taxes.push(Tax {
                id: tax.id,
                levy,
                price_included: tax.price_included,
                include_base_amount: tax.include_base_amount,
                is_base_affected: tax.is_base_affected,
                sequence: tax.sequence,
                exempt_below: tax.exempt_below,
                part_above: tax.part_above,
                part_up_to: tax.part_up_to,
            }),
            Err(error) => checks.fail(format!("/taxes/{at}/rate"), error.code(), format!("{error}.")),
        }
    }
    checks.done()?;
    let lines = document.lines.into_iter().map(|line| Line {
        id: line.id,
        quantity: line.quantity,
        price: LinePrice::Unit { unit_price: line.unit_price, discount_percent: line.discount_percent },
        tax_ids: line.tax_ids,
        spared: Vec::new(),
    });
    let mut to_compute = Document {
        decimals: document.currency_decimals,
        rounding: document.rounding,
        rounding_mode: document.rounding_mode,
        cash_rounding: document.cash_rounding,
        taxes,
        lines: lines.collect(),
    };
    to_compute.order_as_listed();
    let computed = tax_engine::compute(&to_compute).map_err(refused)?;
    let amounts = |taxes: Vec<tax_engine::TaxAmount<String>>| {
        let amounts = taxes.into_iter();
        amounts.map(|tax| TriedTaxAmount { tax_id: tax.tax_id, base: tax.base, amount: tax.amount }).collect()
    };
    let lines = computed.lines.into_iter().map(|line| TriedTaxLine {
        id: line.id,
        total_excluded: line.total_excluded,
        total_included: line.total_included,
        taxes: amounts(line.taxes),
    });
    let totals = computed.document;
    Ok(TriedTax {
        id: document.id,
        lines: lines.collect(),
        document: TriedTotals {
            base: totals.base,
            tax: totals.tax,
            total: totals.total,
            payable: totals.payable,
            taxes: amounts(totals.taxes),
        },
    })
}

fn levy(kind: TaxKind, rate: UnitPrice) -> Result<Levy, shared_model::MoneyError> {
    Ok(match kind {
        TaxKind::Fixed => Levy::Fixed(rate),
        TaxKind::Percent => Levy::Percent(Percent::new(rate.decimal())?),
        TaxKind::Division => Levy::Division(Percent::new(rate.decimal())?),
    })
}

fn refused(error: TaxError) -> Problem {
    Problem::invalid(error.pointer, error.reason.code(), format!("{}.", error.reason))
}
