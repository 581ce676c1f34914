//! Whether a completed sale adds up, from itself alone.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use shared_model::ids::{MovementId, PromotionId, SaleLineId, TaxId};
use shared_model::prices::PriceKind;
use shared_model::selling::{
    AppliedReduction, LineKind, LineTax, Payment, PriceReason, SaleCompleted, SoldLine,
};
use shared_model::taxes::TaxKind;
use shared_model::tenders::TenderKind;
use shared_model::{Amount, MoneyError, Percent, Quantity, Rounding, UnitPrice};
use thiserror::Error;

use crate::compute::sizes_of;
use crate::tax::MAX_KINDS;
use crate::{MAX_LINES, MAX_PAYMENTS, MAX_TEXT};

/// The most taxes that a line bears, and a document for each of its lines.
const MAX_TAXES: usize = 32;
/// The highest rate of a tax in percent, in millionths, as the tax engine holds it too.
const MAX_RATE_UNITS: i128 = 1_000_000_000;
/// The most that a fixed tax takes of one, in millionths of the currency.
const MAX_FIXED_UNITS: i128 = 100_000_000_000;

/// Where a completed sale does not add up. See [`prove`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{pointer}: {reason}")]
pub struct ProofError {
    /// A JSON pointer into the sale: `/lines/0/gross`.
    pub pointer: String,
    /// What is wrong there.
    #[source]
    pub reason: ProofReason,
}

/// What is wrong in a completed sale.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofReason {
    /// A sale without lines.
    #[error("a sale has at least one line")]
    NoLines,
    /// More than a document can have.
    #[error("there can be at most {most}")]
    TooMany {
        /// How many there can be.
        most: usize,
    },
    /// A text longer than a document keeps.
    #[error("a text here has at most {most} bytes")]
    TextTooLong {
        /// How long it can be.
        most: usize,
    },
    /// A second one of the same id.
    #[error("this is already there")]
    Duplicate,
    /// A number that cannot be here.
    #[error(transparent)]
    Number(#[from] MoneyError),
    /// A value outside what is possible here.
    #[error("this cannot be here: {0}")]
    Impossible(&'static str),
    /// A sum that is not the sum.
    #[error("{said} is said, {computed} is what it comes to")]
    DoesNotAddUp {
        /// What the sale says.
        said: Amount,
        /// What it comes to.
        computed: Amount,
    },
}

impl ProofReason {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoLines => "no_lines",
            Self::TooMany { .. } => "too_many",
            Self::TextTooLong { .. } => "text_too_long",
            Self::Duplicate => "duplicate_id",
            Self::Number(error) => error.code(),
            Self::Impossible(_) => "impossible",
            Self::DoesNotAddUp { .. } => "does_not_add_up",
        }
    }
}

type Proof<T = ()> = Result<T, ProofError>;

fn wrong<T>(pointer: impl Into<String>, reason: impl Into<ProofReason>) -> Proof<T> {
    Err(ProofError { pointer: pointer.into(), reason: reason.into() })
}

/// Gives an error of numbers its place.
trait At<T> {
    fn at(self, pointer: &str) -> Proof<T>;
}

impl<T> At<T> for Result<T, MoneyError> {
    fn at(self, pointer: &str) -> Proof<T> {
        self.map_err(|error| ProofError { pointer: pointer.to_owned(), reason: error.into() })
    }
}

fn same(pointer: &str, said: Amount, computed: Amount) -> Proof {
    if said == computed { Ok(()) } else { wrong(pointer, ProofReason::DoesNotAddUp { said, computed }) }
}

fn short(pointer: &str, text: &str) -> Proof {
    if text.len() > MAX_TEXT { wrong(pointer, ProofReason::TextTooLong { most: MAX_TEXT }) } else { Ok(()) }
}

/// Proves a completed sale, or says where it does not add up.
///
/// ```
/// use checkout::worlds::World;
/// use checkout::{ProofReason, prove};
/// use serde_json::json;
///
/// let mut sold = World::of(json!({
///     "taxes": [{"code": "vat", "rate": "20", "included": true}],
///     "items": [{"sku": "TEA", "price": "2.99", "taxes": ["vat"]}],
///     "lines": [{"sku": "TEA", "quantity": "3"}],
/// }))
/// .completed();
/// assert_eq!(prove(&sold), Ok(()));
/// // Somebody makes two of the three teas after the fact.
/// sold.lines[0].quantity = "2".parse()?;
/// let error = prove(&sold).unwrap_err();
/// assert_eq!(error.pointer, "/lines/0/unit_price");
/// assert_eq!(error.reason.code(), "does_not_add_up");
/// assert!(matches!(error.reason, ProofReason::DoesNotAddUp { .. }));
/// # Ok::<(), shared_model::MoneyError>(())
/// ```
///
/// Nothing but the sale is looked at, and nothing in it is believed: counts, lengths, bounds and decimals; quantity ×
/// price − reductions is what each line owes; each tax fits its base and rate; lines add up to taxes, net, tax and
/// total; payments less change cover the total and the rounding of cash; promotions are what their lines say.
/// Whether prices and rates are the right ones is for those who know them.
///
/// An extension may have been rounded either way, so it is proved to the smallest unit; every sum is proved exactly.
///
/// # Errors
/// The first thing that does not hold, with its place.
pub fn prove(sale: &SaleCompleted) -> Result<(), ProofError> {
    let decimals = sale.currency.exponent();
    prove_head(sale)?;
    if sale.lines.is_empty() {
        return wrong("/lines", ProofReason::NoLines);
    }
    if sale.lines.len() > MAX_LINES {
        return wrong("/lines", ProofReason::TooMany { most: MAX_LINES });
    }
    let kits: BTreeSet<SaleLineId> = sale.kit_parts.iter().map(|part| part.line_id).collect();
    let mut ids = BTreeSet::new();
    let mut movements = BTreeSet::new();
    for (at, line) in sale.lines.iter().enumerate() {
        if !ids.insert(line.id) {
            return wrong(format!("/lines/{at}/id"), ProofReason::Duplicate);
        }
        if line.movement_id.is_some_and(|movement| !movements.insert(movement)) {
            return wrong(format!("/lines/{at}/movement_id"), ProofReason::Duplicate);
        }
        let is_kit = kits.contains(&line.id);
        Line { at, sold: line, decimals, is_kit, is_void: sale.voids.is_some() }.prove()?;
    }
    if let Some(voided) = sale.voids {
        let gives_back = |line: &SoldLine| line.refunds.is_some_and(|refunds| refunds.sale_id == voided);
        if voided == sale.id || !sale.lines.iter().all(gives_back) {
            return wrong("/voids", ProofReason::Impossible("a void gives back every line of another sale"));
        }
    }
    let has_certificate =
        sale.exemption_certificate.as_ref().is_some_and(|certificate| !certificate.trim().is_empty());
    if (sale.customer_id.is_none() || !has_certificate)
        && let Some(at) = sale.lines.iter().position(|line| !line.tax_relief.is_zero())
    {
        let reason = ProofReason::Impossible("only a customer with a certificate is spared a tax");
        return wrong(format!("/lines/{at}/tax_relief"), reason);
    }
    prove_kit_parts(sale, movements)?;
    prove_refunds(sale)?;
    prove_sums(sale)?;
    prove_taxes(sale)?;
    prove_promotions(sale)?;
    prove_payments(sale)
}

fn prove_head(sale: &SaleCompleted) -> Proof {
    for (pointer, text) in [
        ("/register_code", &sale.register_code),
        ("/series", &sale.series),
        ("/receipt_number", &sale.receipt_number),
        ("/cashier_name", &sale.cashier_name),
    ] {
        short(pointer, text)?;
    }
    if let Some(certificate) = &sale.exemption_certificate {
        short("/exemption_certificate", certificate)?;
    }
    if sale.number < 1 {
        return wrong("/number", ProofReason::Impossible("numbers of a series begin at 1"));
    }
    let of_register =
        sale.series.strip_prefix(&sale.register_code).filter(|_| !sale.register_code.is_empty());
    let is_letters_and_number = |rest: &str| {
        let number = rest.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
        number.bytes().all(|digit| digit.is_ascii_digit())
    };
    if !of_register.is_some_and(is_letters_and_number) {
        let reason =
            "a series is its register's code, the letters of the box's life and the number of its move";
        return wrong("/series", ProofReason::Impossible(reason));
    }
    if !sale.receipt_number.ends_with(&format!("-{}-{:06}", sale.series, sale.number)) {
        return wrong("/receipt_number", ProofReason::Impossible("it ends with its series and number"));
    }
    if !(0..24).contains(&sale.local_hour) {
        return wrong("/local_hour", ProofReason::Impossible("a day has the hours 0 to 23"));
    }
    if sale.feed_position < 0 {
        return wrong("/feed_position", ProofReason::Impossible("checkpoints are not below zero"));
    }
    Ok(())
}

/// A line with its place and the currency's decimals.
struct Line<'a> {
    at: usize,
    sold: &'a SoldLine,
    decimals: u32,
    /// Whether the sale has parts of it.
    is_kit: bool,
    /// Whether the sale undoes another.
    is_void: bool,
}

impl Line<'_> {
    fn pointer(&self, field: &str) -> String {
        format!("/lines/{}/{field}", self.at)
    }

    fn wrong<T>(&self, field: &str, reason: impl Into<ProofReason>) -> Proof<T> {
        wrong(self.pointer(field), reason)
    }

    fn impossible<T>(&self, field: &str, why: &'static str) -> Proof<T> {
        self.wrong(field, ProofReason::Impossible(why))
    }

    /// The amount in smallest units, the way of the line's quantity: not below zero on an honest line.
    fn units(&self, field: &str, amount: Amount) -> Proof<i128> {
        let units = amount.units(self.decimals).at(&self.pointer(field))?;
        Ok(if self.sold.quantity.is_negative() { -units } else { units })
    }

    fn prove(&self) -> Proof {
        let line = self.sold;
        for (field, text) in [
            ("department_name", &line.department_name),
            ("sku", &line.sku),
            ("name", &line.name),
            ("unit", &line.unit),
        ] {
            short(&self.pointer(field), text)?;
        }
        if let Some(code) = &line.scanned_code {
            short(&self.pointer("scanned_code"), code)?;
        }
        if line.quantity.is_zero() {
            return self.impossible("quantity", "a line of nothing");
        }
        let is_back = line.quantity.is_negative();
        // A void gives back also what came back in the sale that it undoes.
        if line.refunds.is_some() && !is_back && !self.is_void {
            return self.impossible("refunds", "what comes back has a negative quantity");
        }
        if (line.price_reason == PriceReason::Refund) != (line.refunds.is_some() || is_back)
            && !(is_back && self.may_come_back())
        {
            return self.impossible(
                "price_reason",
                "what comes back has the price that was paid for it, what is sold has not",
            );
        }
        self.prove_kind()?;
        if line.unit_price.is_negative() {
            return self.impossible("unit_price", "a price below zero");
        }
        if line.regular_unit_price.is_negative() {
            return self.impossible("regular_unit_price", "a price below zero");
        }
        self.prove_reason()?;
        if self.units("gross", line.gross)? < 0 {
            return self.impossible("gross", "a line that owes the other way");
        }
        let (included, on_top) = self.prove_taxes()?;
        let tax = included.plus(on_top).at(&self.pointer("tax"))?;
        same(&self.pointer("tax"), line.tax, tax)?;
        if self.units("net", line.net)? < 0 {
            return self.impossible("net", "more tax inside the price than the price");
        }
        same(&self.pointer("gross"), line.gross, line.net.plus(line.tax).at(&self.pointer("gross"))?)?;
        if self.units("tax_relief", line.tax_relief)? < 0 {
            return self.impossible("tax_relief", "relief below zero");
        }
        let asked = line.net.plus(included).and_then(|sum| sum.plus(line.tax_relief));
        self.prove_price(asked.at(&self.pointer("net"))?)
    }

    fn may_come_back(&self) -> bool {
        matches!(self.sold.line_kind, LineKind::Deposit | LineKind::SinglePurposeCard)
    }

    /// What lines of each kind have and have not.
    fn prove_kind(&self) -> Proof {
        let line = self.sold;
        let is_sold = line.quantity.is_positive() && line.refunds.is_none();
        if line.line_kind != LineKind::Goods && line.movement_id.is_some() {
            return self.impossible("movement_id", "only goods move stock");
        }
        if line.line_kind == LineKind::Goods && is_sold && line.movement_id.is_none() && !self.is_kit {
            return self.impossible("movement_id", "goods that are sold leave the stock");
        }
        if matches!(line.line_kind, LineKind::GiftCard | LineKind::Tip) && !line.taxes.is_empty() {
            return self.impossible("taxes", "neither a multi-purpose gift card nor a tip is taxed");
        }
        Ok(())
    }

    /// The reason of the price, and what it says of the price itself.
    fn prove_reason(&self) -> Proof {
        let line = self.sold;
        let (unit, regular) = (line.unit_price, line.regular_unit_price);
        match &line.price_reason {
            PriceReason::Listed { reason, price_kind, .. } => {
                short(&self.pointer("price_reason/reason"), reason)?;
                let fits = match price_kind {
                    PriceKind::Regular => unit == regular,
                    PriceKind::Sale => unit <= regular,
                    PriceKind::Break => true,
                };
                if !fits {
                    return self.impossible("unit_price", "the price is not of the kind that it says");
                }
            }
            PriceReason::Override { reason, .. } => {
                short(&self.pointer("price_reason/reason"), reason)?;
                if reason.trim().is_empty() {
                    return self.impossible("price_reason/reason", "who keys another price says why");
                }
            }
            PriceReason::Rule { name, .. } => short(&self.pointer("price_reason/name"), name)?,
            PriceReason::Keyed if unit != regular => {
                return self.impossible("unit_price", "a keyed price is the regular one");
            }
            PriceReason::Label | PriceReason::Keyed | PriceReason::Refund => {}
        }
        match (&line.price_reason, line.label_amount) {
            (PriceReason::Label, Some(label)) => self.prove_label(label),
            (PriceReason::Label, None) => {
                self.impossible("label_amount", "a label's line bears the label's amount")
            }
            (PriceReason::Refund, _) | (_, None) => Ok(()),
            _ => self.impossible("label_amount", "only a label bears an amount"),
        }
    }

    /// The quantity is what the label's amount buys, to a thousandth.
    fn prove_label(&self, label: Amount) -> Proof {
        let pointer = self.pointer("quantity");
        let thousandth = self.sold.unit_price.units(6).at(&pointer)?;
        let quantity = self.sold.quantity.abs().units(3).at(&pointer)?;
        let label = label.abs().units(6).at(&pointer)?.checked_mul(1_000);
        let (Some(worth), Some(label)) = (thousandth.checked_mul(quantity), label) else {
            return self.wrong("quantity", ProofReason::Number(MoneyError::OutOfBounds));
        };
        // A price that was worked out of the label is rounded in its last decimal.
        if worth.abs_diff(label) > thousandth.unsigned_abs().saturating_add(quantity.unsigned_abs()) {
            return self.impossible("quantity", "not what the label's amount buys");
        }
        Ok(())
    }

    /// Every tax against its base and rate; the sums of those inside the price and of those on top.
    fn prove_taxes(&self) -> Proof<(Amount, Amount)> {
        let line = self.sold;
        if line.taxes.len() > MAX_TAXES {
            return self.wrong("taxes", ProofReason::TooMany { most: MAX_TAXES });
        }
        let (mut included, mut on_top) = (Amount::ZERO, Amount::ZERO);
        for (at, tax) in line.taxes.iter().enumerate() {
            if line.taxes.iter().take(at).any(|other| other.tax_id == tax.tax_id) {
                return self.wrong(&format!("taxes/{at}/tax_id"), ProofReason::Duplicate);
            }
            short(&self.pointer(&format!("taxes/{at}/code")), &tax.code)?;
            short(&self.pointer(&format!("taxes/{at}/name")), &tax.name)?;
            self.prove_tax(at, tax)?;
            let sum = if tax.price_included { &mut included } else { &mut on_top };
            *sum = sum.plus(tax.amount).at(&self.pointer(&format!("taxes/{at}/amount")))?;
        }
        Ok((included, on_top))
    }

    fn prove_tax(&self, at: usize, tax: &LineTax) -> Proof {
        let field = format!("taxes/{at}/amount");
        let amount = self.units(&field, tax.amount)?;
        let base = self.units(&format!("taxes/{at}/base"), tax.base)?;
        let most = if tax.kind == TaxKind::Fixed { MAX_FIXED_UNITS } else { MAX_RATE_UNITS };
        let Some(rate) = rate_units(tax.rate).filter(|rate| *rate <= most) else {
            return self.impossible(&format!("taxes/{at}/rate"), "a rate is 0 to 1000 %, to 6 decimals");
        };
        if base < 0 || amount < 0 {
            let field = if base < 0 { format!("taxes/{at}/base") } else { field };
            return self.impossible(&field, "a tax that goes the other way than its line");
        }
        // Base and amount were each rounded to the smallest unit, cents may have been given back to lines under
        // rounding by document, and what comes back is a share of that.
        let is_alone = self.sold.taxes.len() == 1;
        let rounded = if self.sold.refunds.is_some() { 3 } else { 2 - i128::from(is_alone) };
        // Pieces that promotions made unlike are taxed, and rounded, apart.
        let is_promoted =
            self.sold.reductions.iter().any(|part| matches!(part, AppliedReduction::Promotion { .. }));
        let pieces = self.sold.quantity.abs().units(3).at(&self.pointer("quantity"))? / 1_000;
        let kinds = if is_promoted { pieces.clamp(1, MAX_KINDS as i128) } else { 1 };
        let rounded = rounded + kinds - 1;
        // What the line costs without this tax is the most that it can be on.
        let without = self
            .units("gross", self.sold.gross)?
            .saturating_add(self.units("tax_relief", self.sold.tax_relief)?)
            .saturating_sub(amount);
        if base > without.saturating_add(rounded) {
            return self.impossible(&format!("taxes/{at}/base"), "more than the line costs without this tax");
        }
        let out_of_range = ProofReason::Number(MoneyError::OutOfBounds);
        // rate_units has 6 decimals and is per hundred.
        let hundred = 100_000_000_i128;
        let (exact, scale, slack) = match tax.kind {
            TaxKind::Percent => (base.checked_mul(rate), hundred, rate.saturating_mul(rounded)),
            TaxKind::Fixed => {
                let quantity = self.sold.quantity.abs().units(3).at(&self.pointer("quantity"))?;
                let decimals = 10_i128.pow(self.decimals.min(6));
                let product = rate.checked_mul(quantity).and_then(|product| product.checked_mul(decimals));
                (product, 1_000_000_000, 0)
            }
            TaxKind::Division => {
                // With others beside it, a division tax is more of its base than alone, and at most as if all of them
                // were of this base.
                let all = self
                    .sold
                    .taxes
                    .iter()
                    .filter(|other| other.kind == TaxKind::Division)
                    .filter_map(|other| rate_units(other.rate))
                    .fold(0_i128, i128::saturating_add);
                if all >= hundred {
                    return self.impossible(&format!("taxes/{at}/rate"), "all of the price is tax");
                }
                let Some(product) = base.checked_mul(rate) else { return self.wrong(&field, out_of_range) };
                // Its neighbours' amounts were rounded, too.
                let rounded = rounded + 1;
                // What the base was rounded by is more of the tax where the rate is high.
                let least = rounded + rounded * rate / (hundred - rate);
                let most = rounded + rounded * rate / (hundred - all);
                if amount + least < product / (hundred - rate) || amount - most > product / (hundred - all) {
                    return self.impossible(&field, "this tax does not fit its base");
                }
                return Ok(());
            }
        };
        let (Some(exact), Some(said)) = (exact, amount.checked_mul(scale)) else {
            return self.wrong(&field, out_of_range);
        };
        let is_exempt = tax.kind == TaxKind::Fixed && amount == 0;
        if rate == 0 && amount != 0 {
            return self.impossible(&field, "a tax of nothing comes to nothing");
        }
        let slack = slack.saturating_add(scale.saturating_mul(rounded));
        if !is_exempt && exact.saturating_sub(said).unsigned_abs() > slack.unsigned_abs() {
            let computed = Amount::from_units(exact / scale, self.decimals).at(&self.pointer(&field))?;
            let said = Amount::from_units(amount, self.decimals).at(&self.pointer(&field))?;
            return self.wrong(&field, ProofReason::DoesNotAddUp { said, computed });
        }
        Ok(())
    }

    /// Price × quantity, or the label, less reductions, is what was asked.
    fn prove_price(&self, asked: Amount) -> Proof {
        let line = self.sold;
        let taken = Amount::sum(line.reductions.iter().map(AppliedReduction::amount));
        same(&self.pointer("reduction"), line.reduction, taken.at(&self.pointer("reductions"))?)?;
        let value = asked.plus(line.reduction).at(&self.pointer("net"))?;
        if let Some(label) = line.label_amount {
            if self.units("label_amount", label)? < 0 {
                return self.impossible("label_amount", "a price below zero");
            }
            same(&self.pointer("net"), value, label)?;
        } else {
            self.prove_extension(value)?;
        }
        let mut left = self.units("net", value)?;
        for (at, reduction) in line.reductions.iter().enumerate() {
            let field = format!("reductions/{at}/amount");
            let amount = self.units(&field, reduction.amount())?;
            if amount < 0 || amount > left.max(0) {
                return self.impossible(&field, "more taken off than there is, or less than nothing");
            }
            match reduction {
                AppliedReduction::Percent { reason, .. }
                | AppliedReduction::Amount { reason, .. }
                | AppliedReduction::Sale { reason, .. } => {
                    let said = format!("reductions/{at}/reason");
                    short(&self.pointer(&said), reason)?;
                    if reason.trim().is_empty() {
                        return self.impossible(&said, "who takes something off says why");
                    }
                    if let AppliedReduction::Percent { percent, .. } = reduction {
                        self.prove_percent(at, *percent, left, amount)?;
                    }
                }
                AppliedReduction::Promotion { name, .. } => {
                    short(&self.pointer(&format!("reductions/{at}/name")), name)?;
                }
                AppliedReduction::Refund { .. } if line.price_reason != PriceReason::Refund => {
                    return self.impossible(&field, "only what comes back has a share of a reduction");
                }
                AppliedReduction::Refund { .. } => {}
            }
            left -= amount;
        }
        if left < 0 {
            return self.impossible("reduction", "more taken off than there is");
        }
        Ok(())
    }

    /// The extension may have been rounded either way; what comes back may be a share of such a one.
    fn prove_extension(&self, value: Amount) -> Proof {
        let pointer = self.pointer("unit_price");
        let size: UnitPrice = self.sold.unit_price;
        let quantity: Quantity = self.sold.quantity.abs();
        let down = size.extend(quantity, self.decimals, Rounding::Down).at(&pointer)?;
        let up = size.extend(quantity, self.decimals, Rounding::Up).at(&pointer)?;
        // Its net, taxes, relief and reduction are shares that are rounded apart.
        let slack =
            if self.sold.refunds.is_some() { 3 } else { i128::from(self.sold.quantity.is_negative()) };
        let value_units = self.units("net", value)?;
        let least = down.units(self.decimals).at(&pointer)?.saturating_sub(slack);
        let most = up.units(self.decimals).at(&pointer)?.saturating_add(slack);
        if (least..=most).contains(&value_units) {
            return Ok(());
        }
        let said = Amount::from_units(value_units, self.decimals).at(&pointer)?;
        wrong(pointer, ProofReason::DoesNotAddUp { said, computed: down })
    }

    fn prove_percent(&self, at: usize, percent: Percent, left: i128, amount: i128) -> Proof {
        let pointer = self.pointer(&format!("reductions/{at}/percent"));
        if !percent.is_positive() || percent > Percent::HUNDRED {
            return wrong(
                pointer,
                ProofReason::Impossible("a percentage taken off is above 0 and at most 100"),
            );
        }
        let before = Amount::from_units(left, self.decimals).at(&pointer)?;
        let down = percent.of(before, self.decimals, Rounding::Down).at(&pointer)?;
        let up = percent.of(before, self.decimals, Rounding::Up).at(&pointer)?;
        let said = Amount::from_units(amount, self.decimals).at(&pointer)?;
        if said < down || said > up {
            return wrong(pointer, ProofReason::DoesNotAddUp { said, computed: down });
        }
        Ok(())
    }
}

/// A rate in millionths, if it can be one.
fn rate_units(rate: Decimal) -> Option<i128> {
    let rate = rate.normalize();
    let units = rate.mantissa().checked_mul(10_i128.checked_pow(6_u32.checked_sub(rate.scale())?)?)?;
    (!units.is_negative()).then_some(units)
}

/// Parts are of lines that move no stock of their own, go the way of their line, and are told once each.
fn prove_kit_parts(sale: &SaleCompleted, mut movements: BTreeSet<MovementId>) -> Proof {
    if sale.kit_parts.len() > MAX_LINES {
        return wrong("/kit_parts", ProofReason::TooMany { most: MAX_LINES });
    }
    let lines: BTreeMap<SaleLineId, &SoldLine> = sale.lines.iter().map(|line| (line.id, line)).collect();
    let mut told = BTreeSet::new();
    for (at, part) in sale.kit_parts.iter().enumerate() {
        let pointer = |field: &str| format!("/kit_parts/{at}/{field}");
        let Some(line) = lines.get(&part.line_id).filter(|line| line.movement_id.is_none()) else {
            let reason = ProofReason::Impossible("a part is of a line that moves no stock of its own");
            return wrong(pointer("line_id"), reason);
        };
        if part.quantity.is_zero() || part.quantity.is_negative() != line.quantity.is_negative() {
            return wrong(pointer("quantity"), ProofReason::Impossible("a part goes the way of its kit"));
        }
        if !told.insert((part.line_id, part.variant_id)) {
            return wrong(pointer("variant_id"), ProofReason::Duplicate);
        }
        if part.movement_id.is_some_and(|movement| !movements.insert(movement)) {
            return wrong(pointer("movement_id"), ProofReason::Duplicate);
        }
        if part.movement_id.is_none() && part.quantity.is_positive() && line.refunds.is_none() {
            return wrong(
                pointer("movement_id"),
                ProofReason::Impossible("parts that are sold leave the stock"),
            );
        }
    }
    Ok(())
}

/// No line of an earlier sale comes back twice in one document.
fn prove_refunds(sale: &SaleCompleted) -> Proof {
    let mut given_back: BTreeSet<(shared_model::ids::SaleId, SaleLineId)> = BTreeSet::new();
    for (at, line) in sale.lines.iter().enumerate() {
        if let Some(refunds) = line.refunds {
            if refunds.sale_id == sale.id {
                let reason = ProofReason::Impossible("a sale gives back what an earlier one sold");
                return wrong(format!("/lines/{at}/refunds/sale_id"), reason);
            }
            if !given_back.insert((refunds.sale_id, refunds.line_id)) {
                return wrong(format!("/lines/{at}/refunds"), ProofReason::Duplicate);
            }
        }
    }
    Ok(())
}

fn prove_sums(sale: &SaleCompleted) -> Proof {
    let sum = |field: fn(&SoldLine) -> Amount| Amount::sum(sale.lines.iter().map(field));
    same("/net", sale.net, sum(|line| line.net).at("/net")?)?;
    same("/tax", sale.tax, sum(|line| line.tax).at("/tax")?)?;
    same("/total", sale.total, sale.net.plus(sale.tax).at("/total")?)?;
    same("/total", sale.total, sum(|line| line.gross).at("/total")?)?;
    let mut sizes = (Amount::ZERO, Amount::ZERO);
    for line in &sale.lines {
        let (before, after) = sizes_of(line).at("/lines")?;
        let within = |sum: Amount, size: Amount| sum.plus(size).and_then(Amount::in_document).at("/lines");
        sizes = (within(sizes.0, before)?, within(sizes.1, after)?);
    }
    Quantity::sum(sale.lines.iter().map(|line| line.quantity)).at("/lines")?;
    Ok(())
}

/// The document's taxes are the sums of the lines', each tax at each rate once.
fn prove_taxes(sale: &SaleCompleted) -> Proof {
    type Key<'a> = (TaxId, Decimal, bool, TaxKind);
    if sale.taxes.len() > MAX_TAXES.saturating_mul(sale.lines.len()) {
        return wrong("/taxes", ProofReason::TooMany { most: MAX_TAXES });
    }
    let mut sums: BTreeMap<Key<'_>, (Amount, Amount)> = BTreeMap::new();
    for (at, line) in sale.lines.iter().enumerate() {
        for tax in &line.taxes {
            let pointer = format!("/lines/{at}/taxes");
            let sum = sums.entry((tax.tax_id, tax.rate, tax.price_included, tax.kind)).or_default();
            *sum = (sum.0.plus(tax.base).at(&pointer)?, sum.1.plus(tax.amount).at(&pointer)?);
        }
    }
    for (at, tax) in sale.taxes.iter().enumerate() {
        short(&format!("/taxes/{at}/code"), &tax.code)?;
        short(&format!("/taxes/{at}/name"), &tax.name)?;
        let Some((base, amount)) = sums.remove(&(tax.tax_id, tax.rate, tax.price_included, tax.kind)) else {
            let reason = ProofReason::Impossible("no line bears this tax at this rate, or it is said twice");
            return wrong(format!("/taxes/{at}/tax_id"), reason);
        };
        same(&format!("/taxes/{at}/base"), tax.base, base)?;
        same(&format!("/taxes/{at}/amount"), tax.amount, amount)?;
    }
    if sums.is_empty() {
        return Ok(());
    }
    wrong("/taxes", ProofReason::Impossible("lines bear a tax that the document does not"))
}

/// Each promotion's saving is what its lines say.
fn prove_promotions(sale: &SaleCompleted) -> Proof {
    let mut sums: BTreeMap<PromotionId, Amount> = BTreeMap::new();
    for (at, line) in sale.lines.iter().enumerate() {
        for reduction in &line.reductions {
            if let AppliedReduction::Promotion { promotion_id, amount, .. } = reduction {
                let sum = sums.entry(*promotion_id).or_default();
                *sum = sum.plus(*amount).at(&format!("/lines/{at}/reductions"))?;
            }
        }
    }
    for (at, promotion) in sale.promotions.iter().enumerate() {
        short(&format!("/promotions/{at}/name"), &promotion.name)?;
        let Some(sum) = sums.remove(&promotion.promotion_id) else {
            let reason = ProofReason::Impossible("no line has anything of it, or it is said twice");
            return wrong(format!("/promotions/{at}/promotion_id"), reason);
        };
        same(&format!("/promotions/{at}/amount"), promotion.amount, sum)?;
        if promotion.times == 0 {
            return wrong(
                format!("/promotions/{at}/times"),
                ProofReason::Impossible("it was earned once at least"),
            );
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    wrong(
        "/promotions",
        ProofReason::Impossible("lines have something of a promotion that the sale does not name"),
    )
}

fn prove_payments(sale: &SaleCompleted) -> Proof {
    let decimals = sale.currency.exponent();
    if sale.payments.len() > MAX_PAYMENTS {
        return wrong("/payments", ProofReason::TooMany { most: MAX_PAYMENTS });
    }
    let mut ids = BTreeSet::new();
    let (mut kept, mut change) = (Amount::ZERO, Amount::ZERO);
    for (at, payment) in sale.payments.iter().enumerate() {
        if !ids.insert(payment.id) {
            return wrong(format!("/payments/{at}/id"), ProofReason::Duplicate);
        }
        prove_payment(at, payment, sale, decimals)?;
        let pointer = format!("/payments/{at}/amount");
        kept = payment.amount.minus(payment.change).and_then(|net| kept.plus(net)).at(&pointer)?;
        change = change.plus(payment.change).at(&pointer)?;
    }
    same("/change", sale.change, change)?;
    let rounding = sale.rounding.abs();
    // Half of a coin at most, either way; what comes back in parts is rounded over all of them, by less than a coin. And so is
    // what is over of what was handed over, where one coin more of change would be more than that.
    let most = sale.currency.coarsest_coin();
    let may_give = sale.payments.iter().filter(|payment| payment.tender_kind.may_give_change());
    let not_given = may_give
        .map(|payment| payment.amount.minus(payment.change))
        .try_fold(Amount::ZERO, |sum, left| sum.plus(left?));
    let is_whole_coin =
        sale.total.is_negative() || (sale.rounding.is_positive() && not_given.at("/change")? < most);
    let is_over =
        if is_whole_coin { rounding > most } else { rounding.plus(rounding).at("/rounding")? > most };
    if is_over {
        return wrong("/rounding", ProofReason::Impossible("no coin is as large"));
    }
    // Change is coins, too, also where what is over is too little for one; and so is what a void of such a sale gives back.
    let has_coins =
        sale.voids.is_some() || sale.payments.iter().any(|payment| payment.tender_kind.may_give_change());
    if !rounding.is_zero() && !has_coins {
        return wrong("/rounding", ProofReason::Impossible("only what is paid in coins is rounded"));
    }
    let owed = sale.total.plus(sale.rounding).at("/rounding")?;
    if kept == owed {
        return Ok(());
    }
    wrong("/payments", ProofReason::DoesNotAddUp { said: kept, computed: owed })
}

fn prove_payment(at: usize, payment: &Payment, sale: &SaleCompleted, decimals: u32) -> Proof {
    for (field, text) in [("tender_code", &payment.tender_code), ("tender_name", &payment.tender_name)] {
        short(&format!("/payments/{at}/{field}"), text)?;
    }
    if let Some(reference) = &payment.reference {
        short(&format!("/payments/{at}/reference"), reference)?;
    }
    let pointer = format!("/payments/{at}/amount");
    let amount = payment.amount.in_document().and_then(|amount| amount.units(decimals)).at(&pointer)?;
    let change = payment.change.units(decimals).at(&format!("/payments/{at}/change"))?;
    // A void puts back what each payment of the other sale was, whichever way that went.
    if sale.voids.is_some() {
        if payment.refunds.is_none() || change != 0 {
            return wrong(pointer, ProofReason::Impossible("a void gives back the other sale's payments"));
        }
        return Ok(());
    }
    if sale.total.is_negative() {
        if amount > 0 || change != 0 {
            return wrong(
                pointer,
                ProofReason::Impossible("what is given back is below zero, without change"),
            );
        }
        return Ok(());
    }
    if amount < 0 || payment.refunds.is_some() {
        return wrong(pointer, ProofReason::Impossible("what is paid is not below zero"));
    }
    if change != 0 && !payment.tender_kind.may_give_change() {
        let reason = ProofReason::Impossible("no change is given on a card or an account");
        return wrong(format!("/payments/{at}/change"), reason);
    }
    let is_beside_a_card = || {
        let is_card = |other: &Payment| {
            matches!(other.tender_kind, TenderKind::CardTerminal | TenderKind::CardStandalone)
        };
        sale.payments.iter().any(is_card)
    };
    if amount == 0 && (payment.tender_kind != TenderKind::Cash || is_beside_a_card()) {
        return wrong(pointer, ProofReason::Impossible("only coins alone can pay what rounds to nothing"));
    }
    if change < 0 || change > amount {
        let reason = ProofReason::Impossible("change is not below zero, and at most what was handed over");
        return wrong(format!("/payments/{at}/change"), reason);
    }
    Ok(())
}
