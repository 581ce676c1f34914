//! What comes back: by line and part of it, in any order, to the tenders that paid, in rounded cash too. All of it
//! together gives back exactly what was paid.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared_model::ids::{PaymentId, SaleId, SaleLineId, VariantId};
use shared_model::selling::{
    AppliedReduction, LineTax, Payment, PriceReason, RefundedLine, SaleCompleted, SoldLine,
};
use shared_model::tenders::{TenderKind, TenderRecord};
use shared_model::{Amount, MoneyError, Quantity, Rounding, divide};

use crate::MAX_LINES;
use crate::compute::{ComputedSale, total};
use crate::kits::PartTaken;
use crate::refusal::{Refusal, RefusalReason, Refusals};
use crate::settle::Settlement;

/// A completed sale and what came back of it before, here or elsewhere, in any order. Whatever is not told here is given
/// back a second time: whoever refunds holds the receipt's row, or a claim of HQ's on it.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// The sale.
    pub sale: &'a SaleCompleted,
    /// The refunds and exchanges that gave something of it back, but for those that were themselves undone; others do no harm.
    pub returned: &'a [SaleCompleted],
}

/// A line that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefundAsked {
    /// The new line.
    pub id: SaleLineId,
    /// The line of the receipt.
    pub line_id: SaleLineId,
    /// How much of it; above zero.
    pub quantity: Quantity,
    /// Where the goods go.
    #[serde(default)]
    pub stock: StockReturn,
}

/// Where goods go that come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StockReturn {
    /// To saleable stock.
    #[default]
    Saleable,
    /// Damaged: written off, or sent to the vendor, by a movement of its own.
    Damaged,
    /// Nothing came back.
    None,
}

impl Receipt<'_> {
    /// The lines that gave back part of this one before.
    fn came_back(&self, line: SaleLineId) -> impl Iterator<Item = &SoldLine> {
        let sale_id = self.sale.id;
        self.returned
            .iter()
            .flat_map(|sale| &sale.lines)
            .filter(move |back| back.refunds == Some(RefundedLine { sale_id, line_id: line }))
    }

    /// How much of a kit's part came back before; not above zero.
    fn parts_back(&self, line: SaleLineId, part: VariantId) -> Result<Quantity, MoneyError> {
        let of_line = RefundedLine { sale_id: self.sale.id, line_id: line };
        let mut sum = Quantity::ZERO;
        for sale in self.returned {
            for back in sale.lines.iter().filter(|back| back.refunds == Some(of_line)) {
                let parts = sale.kit_parts.iter().filter(|each| each.line_id == back.id);
                for each in parts.filter(|each| each.variant_id == part) {
                    sum = sum.plus(each.quantity)?;
                }
            }
        }
        Ok(sum)
    }

    /// How much of a line can still come back.
    fn left_of(&self, line: &SoldLine) -> Result<Quantity, MoneyError> {
        self.came_back(line.id).try_fold(line.quantity, |left, back| left.plus(back.quantity))
    }
}

/// The document that gives back parts of a receipt's lines: each line exactly its share of what was paid for it, price,
/// reductions and taxes; the part that comes back last takes the remainder.
///
/// All partial refunds together give back exactly what was paid, in whatever order: a line's share is what all that came
/// back until now is worth, less what was given back before.
///
/// ```
/// use checkout::worlds::{World, line_id};
/// use checkout::{Receipt, RefundAsked, StockReturn, refund};
/// use serde_json::json;
///
/// // Three for 10.00: one of them is worth 3.33, and two 6.67.
/// let sold = World::of(json!({
///     "items": [{"sku": "PEN", "price": "4.00"}],
///     "lines": [{"sku": "PEN", "quantity": "3"}],
///     "promotions": [{"offer": {"kind": "mix_and_match", "of": ["PEN"], "quantity": 3, "effect": {"price": "10.00"}}}],
/// }))
/// .completed();
/// let receipt = Receipt { sale: &sold, returned: &[] };
/// let asked = |quantity: &str| {
///     Ok::<_, shared_model::MoneyError>(RefundAsked {
///         id: line_id(100),
///         line_id: sold.lines[0].id,
///         quantity: quantity.parse()?,
///         stock: StockReturn::Saleable,
///     })
/// };
/// assert_eq!(refund(&[asked("1")?], &receipt)?.total, "-3.33".parse()?);
/// assert_eq!(refund(&[asked("2")?], &receipt)?.total, "-6.67".parse()?);
/// assert_eq!(refund(&[asked("3")?], &receipt)?.total, "-10.00".parse()?);
/// let too_many = refund(&[asked("4")?], &receipt).unwrap_err();
/// assert_eq!(too_many.to_string(), "/lines/0/quantity: only 3 of it can still come back");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Under `/lines`: nothing asked, or too much; an id twice; a line that the receipt does not have, or that was itself a
/// return; a quantity that is not above zero, is finer than the line was sold in, or is more than is left.
pub fn refund(asked: &[RefundAsked], receipt: &Receipt<'_>) -> Result<ComputedSale, Refusals> {
    if asked.is_empty() {
        return Err(Refusal::new("/lines", RefusalReason::NoLines).into());
    }
    if asked.len() > MAX_LINES {
        return Err(Refusal::new("/lines", RefusalReason::TooMany { most: MAX_LINES }).into());
    }
    let decimals = receipt.sale.currency.exponent();
    let mut ids = BTreeSet::new();
    let mut of = BTreeSet::new();
    let mut lines = Vec::with_capacity(asked.len());
    let mut refusals = Vec::new();
    for (at, each) in asked.iter().enumerate() {
        if !ids.insert(each.id) {
            refusals.push(Refusal::line(at, "id", RefusalReason::DuplicateId));
        }
        if !of.insert(each.line_id) {
            refusals.push(Refusal::line(at, "line_id", RefusalReason::DuplicateId));
        }
        match part(at, each, receipt, decimals) {
            Ok(line) => lines.push(line),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Refusals::unless_empty(refusals)?;
    let sale = total(receipt.sale.currency, lines, Vec::new())
        .map_err(|error| Refusals::from(Refusal::new("/lines", error.into())))?;
    let kit_parts =
        parts_back(asked, receipt).map_err(|error| Refusals::from(Refusal::new("/lines", error.into())))?;
    let unstocked =
        asked.iter().filter(|each| each.stock != StockReturn::Saleable).map(|each| each.id).collect();
    Ok(ComputedSale { unstocked, kit_parts, ..sale })
}

/// The parts of the kits that come back: their share of what was taken, the last part of a kit the remainder.
fn parts_back(asked: &[RefundAsked], receipt: &Receipt<'_>) -> Result<Vec<PartTaken>, MoneyError> {
    let mut parts = Vec::new();
    for each in asked {
        let Some(line) = receipt.sale.lines.iter().find(|line| line.id == each.line_id) else { continue };
        let before = line.quantity.minus(receipt.left_of(line)?)?;
        let until_now = before.plus(each.quantity)?;
        for part in receipt.sale.kit_parts.iter().filter(|part| part.line_id == line.id) {
            let product =
                part.quantity.units(3)?.checked_mul(until_now.units(3)?).ok_or(MoneyError::OutOfBounds)?;
            let share = divide(product, line.quantity.units(3)?, Rounding::HalfUp)?;
            let back = receipt.parts_back(line.id, part.variant_id)?;
            let quantity = Quantity::from_units(share, 3)?.plus(back)?.negate().normalized();
            if !quantity.is_zero() {
                parts.push(PartTaken { line_id: each.id, variant_id: part.variant_id, quantity });
            }
        }
    }
    Ok(parts)
}

/// The part of a line that comes back now.
fn part(at: usize, asked: &RefundAsked, receipt: &Receipt<'_>, decimals: u32) -> Result<SoldLine, Refusal> {
    let Some(line) = receipt.sale.lines.iter().find(|line| line.id == asked.line_id) else {
        return Err(Refusal::line(at, "line_id", RefusalReason::UnknownLine(asked.line_id)));
    };
    if !line.quantity.is_positive() {
        return Err(Refusal::line(at, "line_id", RefusalReason::NotSold));
    }
    if !asked.quantity.is_positive() {
        return Err(Refusal::line(at, "quantity", RefusalReason::QuantityNotPositive));
    }
    let number = |error: MoneyError| Refusal::line(at, "quantity", error);
    let left = receipt.left_of(line).map_err(number)?;
    if asked.quantity > left {
        let left = left.max(Quantity::ZERO);
        return Err(Refusal::line(at, "quantity", RefusalReason::MoreThanSold { left }));
    }
    // Goods that are counted come back in whole ones.
    let fraction = line.quantity.normalized().decimals();
    let most = if line.label_amount.is_some() || fraction > 0 { 3 } else { 0 };
    asked.quantity.in_precision(most).map_err(number)?;
    let back: Vec<&SoldLine> = receipt.came_back(line.id).collect();
    let until_now =
        line.quantity.minus(left).and_then(|before| before.plus(asked.quantity)).map_err(number)?;
    let share = Share { quantity: line.quantity, until_now, decimals };
    share.line(asked, receipt.sale.id, line, &back).map_err(number)
}

/// How much of a line has come back once this part has.
struct Share {
    quantity: Quantity,
    until_now: Quantity,
    decimals: u32,
}

impl Share {
    /// What is to be given back now of an amount of which `given` (not above zero) was given back before: the share of
    /// all that has come back, less that. So every order gives back the same in all, and the last part the remainder.
    fn of(&self, whole: Amount, given: Amount) -> Result<Amount, MoneyError> {
        let product = whole
            .units(self.decimals)?
            .checked_mul(self.until_now.units(3)?)
            .ok_or(MoneyError::OutOfBounds)?;
        let share = divide(product, self.quantity.units(3)?, Rounding::HalfUp)?;
        Amount::from_units(share, self.decimals)?.plus(given)
    }

    fn line(
        &self,
        asked: &RefundAsked,
        sale_id: SaleId,
        line: &SoldLine,
        back: &[&SoldLine],
    ) -> Result<SoldLine, MoneyError> {
        let given = |field: &dyn Fn(&SoldLine) -> Amount| Amount::sum(back.iter().map(|line| field(line)));
        // Each part is its share, and never the other way: what is rounded apart would not always add up, so the taxes
        // fit into what is paid, and the value is what its parts come to.
        let gross = self.of(line.gross, given(&|line| line.gross)?)?;
        let mut amounts = Vec::with_capacity(line.taxes.len());
        for each in &line.taxes {
            let before = given(&|line| of_tax(line, each, |tax| tax.amount))?;
            let left = each.amount.plus(before)?;
            amounts.push((self.of(each.amount, before)?.max(Amount::ZERO).min(left), left));
        }
        let net_left = line.net.plus(given(&|line| line.net)?)?;
        fit(&mut amounts, gross, net_left)?;
        let part = |whole: Amount, before: Amount| {
            Ok::<_, MoneyError>(self.of(whole, before)?.max(Amount::ZERO).min(whole.plus(before)?))
        };
        let reduction = part(line.reduction, given(&|line| line.reduction)?)?;
        let relief = part(line.tax_relief, given(&|line| line.tax_relief)?)?;
        let mut taxes = Vec::with_capacity(line.taxes.len());
        let (mut tax, mut on_top) = (Amount::ZERO, Amount::ZERO);
        for (each, (amount, _)) in line.taxes.iter().zip(amounts) {
            let base = part(each.base, given(&|line| of_tax(line, each, |tax| tax.base))?)?;
            tax = tax.plus(amount)?;
            if !each.price_included {
                on_top = on_top.plus(amount)?;
            }
            taxes.push(LineTax { base: base.negate(), amount: amount.negate(), ..each.clone() });
        }
        let value = gross.minus(on_top)?.plus(relief)?.plus(reduction)?;
        let reductions = if reduction.is_zero() {
            Vec::new()
        } else {
            vec![AppliedReduction::Refund { amount: reduction.negate() }]
        };
        Ok(SoldLine {
            id: asked.id,
            quantity: asked.quantity.negate(),
            price_reason: PriceReason::Refund,
            reductions,
            reduction: reduction.negate(),
            net: gross.minus(tax)?.negate().with_decimals(self.decimals)?,
            tax: tax.negate().with_decimals(self.decimals)?,
            gross: gross.negate(),
            taxes,
            movement_id: None,
            label_amount: line.label_amount.map(|_| value.negate()),
            refunds: Some(RefundedLine { sale_id, line_id: line.id }),
            tax_relief: relief.negate(),
            ..line.clone()
        })
    }
}

/// What a line says of one tax; nothing where it does not bear it.
fn of_tax(line: &SoldLine, tax: &LineTax, field: fn(&LineTax) -> Amount) -> Amount {
    line.taxes.iter().find(|each| each.tax_id == tax.tax_id).map_or(Amount::ZERO, field)
}

/// Makes taxes (each with the most that it may be) and net, at most `net_left`, add up to the gross, none below zero.
fn fit(taxes: &mut [(Amount, Amount)], gross: Amount, net_left: Amount) -> Result<(), MoneyError> {
    let sum = Amount::sum(taxes.iter().map(|(tax, _)| *tax))?;
    let mut over = sum.minus(gross)?.max(Amount::ZERO);
    let mut under = gross.minus(sum)?.minus(net_left)?.max(Amount::ZERO);
    for (tax, most) in taxes.iter_mut() {
        let less = over.min(*tax);
        over = over.minus(less)?;
        let more = under.min(most.minus(*tax)?);
        under = under.minus(more)?;
        *tax = tax.minus(less)?.plus(more)?;
    }
    Ok(())
}

/// The whole sale undone, payments too: what was bought comes back, and what came back in it is bought again. Refused once
/// anything of it came back. `new_line` and `new_payment` give ids.
///
/// Whoever completes it sets [`SaleCompleted::voids`], and leaves the undone sale out of what its own receipts had returned.
/// That both are of one register session is for them to see to.
///
/// Every payment goes back whole, and with it the rounding of cash, so that nothing of the sale is left:
///
/// ```
/// use checkout::worlds::{World, completed, line_id, payment_id};
/// use checkout::{Receipt, void};
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "currency": "CHF", "cash_rounding": "0.05",
///     "items": [{"sku": "ROLL", "price": "3.34"}], "lines": [{"sku": "ROLL"}],
///     "payments": [{"tender": "cash", "amount": "3.35"}],
/// }));
/// let sale = world.computed();
/// let settlement = world.settle(&sale)?;
/// let sold = completed(sale, settlement);
/// let (back, settlement) =
///     void(&Receipt { sale: &sold, returned: &[] }, || line_id(100), || payment_id(100))?;
/// assert_eq!(back.total, "-3.34".parse()?);
/// assert_eq!((settlement.payments[0].amount, settlement.rounding), ("-3.35".parse()?, "-0.01".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// At `/voids`: [`AlreadyReturned`](RefusalReason::AlreadyReturned) once anything of it came back,
/// [`NotSold`](RefusalReason::NotSold) for a void.
pub fn void(
    receipt: &Receipt<'_>,
    mut new_line: impl FnMut() -> SaleLineId,
    mut new_payment: impl FnMut() -> PaymentId,
) -> Result<(ComputedSale, Settlement), Refusals> {
    let sale = receipt.sale;
    if sale.lines.iter().any(|line| receipt.came_back(line.id).next().is_some()) {
        return Err(Refusal::new("/voids", RefusalReason::AlreadyReturned).into());
    }
    if sale.voids.is_some() {
        return Err(Refusal::new("/voids", RefusalReason::NotSold).into());
    }
    let number = |error: MoneyError| Refusals::from(Refusal::new("/lines", error.into()));
    let mut lines = Vec::with_capacity(sale.lines.len());
    let mut kit_parts = Vec::new();
    for line in &sale.lines {
        let id = new_line();
        let mut undone = SoldLine {
            id,
            movement_id: None,
            refunds: Some(RefundedLine { sale_id: sale.id, line_id: line.id }),
            ..line.clone()
        };
        turn_round(&mut undone);
        lines.push(undone);
        let parts = sale.kit_parts.iter().filter(|part| part.line_id == line.id);
        kit_parts.extend(parts.map(|part| PartTaken {
            line_id: id,
            variant_id: part.variant_id,
            quantity: part.quantity.negate(),
        }));
    }
    let back = total(sale.currency, lines, Vec::new()).map_err(number)?;
    let mut payments = Vec::with_capacity(sale.payments.len());
    for payment in &sale.payments {
        let kept = payment.amount.minus(payment.change).map_err(number)?;
        payments.push(given(payment, kept, new_payment()));
    }
    let change = Amount::from_units(0, sale.currency.exponent()).map_err(number)?;
    let settlement = Settlement { payments, change, rounding: sale.rounding.negate() };
    Ok((ComputedSale { kit_parts, ..back }, settlement))
}

/// What was bought and what comes back in one document: both are told, the difference is owed or given back.
///
/// Both are in one currency, have no line of the same id, and together no more lines than a document has.
/// What is owed then is settled ([`settle`](crate::settle)), what is owed back is given back ([`give_back`]).
///
/// ```
/// use checkout::worlds::{World, line_id};
/// use checkout::{Receipt, RefundAsked, StockReturn, exchange, refund};
/// use serde_json::json;
///
/// let shop = |sku: &str| World::of(json!({
///     "items": [{"sku": "SMALL", "price": "19.90"}, {"sku": "LARGE", "price": "24.90"}], "lines": [{"sku": sku}],
/// }));
/// let sold = shop("SMALL").completed();
/// let asked = RefundAsked {
///     id: line_id(100),
///     line_id: sold.lines[0].id,
///     quantity: "1".parse()?,
///     stock: StockReturn::Saleable,
/// };
/// let back = refund(&[asked], &Receipt { sale: &sold, returned: &[] })?;
/// let both = exchange(shop("LARGE").compute()?, back)?;
/// assert_eq!(both.lines.len(), 2);
/// assert_eq!(both.total, "5.00".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Under `/lines`: [`OtherCurrency`](RefusalReason::OtherCurrency), [`DuplicateId`](RefusalReason::DuplicateId),
/// [`TooMany`](RefusalReason::TooMany), or a sum beyond the bounds.
pub fn exchange(bought: ComputedSale, back: ComputedSale) -> Result<ComputedSale, Refusals> {
    if bought.currency != back.currency {
        return Err(Refusal::new("/lines", RefusalReason::OtherCurrency).into());
    }
    let mut lines = bought.lines;
    lines.extend(back.lines);
    if lines.len() > MAX_LINES {
        return Err(Refusal::new("/lines", RefusalReason::TooMany { most: MAX_LINES }).into());
    }
    let mut ids = BTreeSet::new();
    if lines.iter().any(|line| !ids.insert(line.id)) {
        return Err(Refusal::new("/lines", RefusalReason::DuplicateId).into());
    }
    let sale = total(bought.currency, lines, bought.promotions)
        .map_err(|error| Refusals::from(Refusal::new("/lines", error.into())))?;
    let mut unstocked = bought.unstocked;
    unstocked.extend(back.unstocked);
    let mut kit_parts = bought.kit_parts;
    kit_parts.extend(back.kit_parts);
    Ok(ComputedSale {
        considered: bought.considered,
        exemption_certificate: bought.exemption_certificate,
        bound_was_hit: bought.bound_was_hit,
        unstocked,
        kit_parts,
        ..sale
    })
}

/// A computed cart turned round: goods that come back without a receipt, at today's price. Whether somebody may take them
/// back, and for how much, is for the caller's permissions.
///
/// ```
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "taxes": [{"code": "vat", "rate": "20", "included": true}],
///     "items": [{"sku": "MUG", "price": "6.00", "taxes": ["vat"]}], "lines": [{"sku": "MUG"}],
/// }));
/// let back = checkout::without_receipt(world.compute()?)?;
/// assert_eq!((back.total, back.tax), ("-6.00".parse()?, "-1.00".parse()?));
/// assert_eq!(back.lines[0].quantity, "-1".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A sum beyond the bounds, at `/lines`.
pub fn without_receipt(sale: ComputedSale) -> Result<ComputedSale, Refusals> {
    let number = |error: MoneyError| Refusals::from(Refusal::new("/lines", error.into()));
    let mut lines = sale.lines;
    lines.iter_mut().for_each(turn_round);
    let kit_parts = sale
        .kit_parts
        .into_iter()
        .map(|part| PartTaken { quantity: part.quantity.negate(), ..part })
        .collect();
    let back = total(sale.currency, lines, Vec::new()).map_err(number)?;
    Ok(ComputedSale { kit_parts, unstocked: sale.unstocked, ..back })
}

/// The line the other way: what was sold comes back, and the reverse, at what was paid.
fn turn_round(line: &mut SoldLine) {
    line.quantity = line.quantity.negate();
    line.price_reason = PriceReason::Refund;
    line.reductions = if line.reduction.is_zero() {
        Vec::new()
    } else {
        vec![AppliedReduction::Refund { amount: line.reduction.negate() }]
    };
    line.reduction = line.reduction.negate();
    line.net = line.net.negate();
    line.tax = line.tax.negate();
    line.gross = line.gross.negate();
    line.label_amount = line.label_amount.map(Amount::negate);
    line.tax_relief = line.tax_relief.negate();
    for tax in &mut line.taxes {
        tax.base = tax.base.negate();
        tax.amount = tax.amount.negate();
    }
}

fn given(payment: &Payment, amount: Amount, id: PaymentId) -> Payment {
    Payment {
        id,
        amount: amount.negate(),
        change: Amount::ZERO,
        refunds: Some(payment.id),
        ..payment.clone()
    }
}

/// Gives back what is owed to the tenders that paid, the last payment first, each up to what it paid net of change.
///
/// Coins are counted over all refunds of the receipt: cash back = rounded(cash share refunded so far) − cash given back
/// so far, and once all of the cash share has come back, exactly what was kept. So 3 × 3.34, paid with 10.00 where the
/// smallest coin is 0.05, give back 3.35, 3.35 and 3.30.
///
/// What no payment covers, as it was paid with empties, with goods that came back or with a single-purpose card, goes to
/// `rest_on`, rounded to its coin; without it that is refused ([`RefusalReason::MoreThanPaid`]).
///
/// ```
/// use checkout::worlds::{World, completed, line_id, payment_id};
/// use checkout::{Receipt, RefundAsked, StockReturn, give_back, refund};
/// use serde_json::json;
///
/// // 20.00, of which 15.00 by gift card and the rest in cash.
/// let world = World::of(json!({
///     "items": [{"sku": "BOOK", "price": "10.00"}], "lines": [{"sku": "BOOK", "quantity": "2"}],
///     "payments": [{"tender": "gift_card", "amount": "15.00"}, {"tender": "cash", "amount": "5.00"}],
/// }));
/// let sale = world.computed();
/// let settlement = world.settle(&sale)?;
/// let sold = completed(sale, settlement);
/// let receipt = Receipt { sale: &sold, returned: &[] };
/// let one = RefundAsked {
///     id: line_id(100),
///     line_id: sold.lines[0].id,
///     quantity: "1".parse()?,
///     stock: StockReturn::Saleable,
/// };
/// let back = refund(&[one], &receipt)?;
/// let mut next = 100;
/// let given = give_back(&back, &receipt, &world.tenders, None, || {
///     next += 1;
///     payment_id(next)
/// })?;
/// let told: Vec<_> =
///     given.payments.iter().map(|payment| (payment.tender_code.as_str(), payment.amount.to_string())).collect();
/// assert_eq!(told, [("cash", "-5.00".to_owned()), ("gift_card", "-5.00".to_owned())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// At `/payments`: [`NothingOwedBack`](RefusalReason::NothingOwedBack) for a document that owes nothing to the customer,
/// [`MoreThanPaid`](RefusalReason::MoreThanPaid) when the receipt's tenders have no room left for it.
pub fn give_back(
    sale: &ComputedSale,
    receipt: &Receipt<'_>,
    tenders: &[TenderRecord],
    rest_on: Option<&TenderRecord>,
    mut new_payment: impl FnMut() -> PaymentId,
) -> Result<Settlement, Refusals> {
    if sale.total.is_positive() {
        return Err(Refusal::new("/payments", RefusalReason::NothingOwedBack).into());
    }
    let number = |error: MoneyError| Refusals::from(Refusal::new("/payments", error.into()));
    let decimals = sale.currency.exponent();
    let zero = Amount::from_units(0, decimals).map_err(number)?;
    let coins = Coins::of(receipt, tenders).map_err(number)?;
    let mut left = sale.total.abs();
    let mut payments: Vec<Payment> = Vec::new();
    let mut rounding = zero;
    let mut are_coins_given = false;
    for payment in receipt.sale.payments.iter().rev() {
        if !left.is_positive() {
            break;
        }
        if is_in_coins(payment, receipt.sale) {
            // All coins of the receipt at once, at the last of their payments.
            if std::mem::replace(&mut are_coins_given, true) {
                continue;
            }
            let exact = left.min(coins.share_left().map_err(number)?);
            if exact.is_positive() {
                let amount = coins.give(exact).map_err(number)?;
                rounding = rounding.plus(exact.minus(amount).map_err(number)?).map_err(number)?;
                spread_coins(receipt, amount, &mut payments, &mut new_payment).map_err(number)?;
                left = left.minus(exact).map_err(number)?;
            }
            continue;
        }
        let kept = payment.amount.minus(payment.change).map_err(number)?;
        let before = given_before(receipt, payment.id).map_err(number)?;
        let amount = left.min(kept.minus(before).map_err(number)?).max(zero);
        if amount.is_positive() {
            payments.push(given(payment, amount, new_payment()));
            left = left.minus(amount).map_err(number)?;
        }
    }
    if left.is_positive() {
        let Some(tender) = rest_on else {
            return Err(Refusal::new("/payments", RefusalReason::MoreThanPaid(left)).into());
        };
        let (payment, rounded) = on_tender(left.negate(), decimals, tender, new_payment())?;
        rounding = rounding.plus(rounded).map_err(number)?;
        payments.push(payment);
    }
    Ok(Settlement { payments, change: zero, rounding })
}

/// What was given back to a payment before.
fn given_before(receipt: &Receipt<'_>, payment: PaymentId) -> Result<Amount, MoneyError> {
    let back = receipt.returned.iter().flat_map(|sale| &sale.payments);
    Ok(Amount::sum(back.filter(|back| back.refunds == Some(payment)).map(|back| back.amount))?.negate())
}

/// The coins of a receipt: what they paid for to the smallest unit, and what was really put down.
struct Coins {
    step: Option<Amount>,
    /// What they paid for, exactly.
    share: Amount,
    /// What was kept of them.
    kept: Amount,
    /// What of the share has come back.
    share_back: Amount,
    /// What of the coins has.
    kept_back: Amount,
}

impl Coins {
    fn of(receipt: &Receipt<'_>, tenders: &[TenderRecord]) -> Result<Self, MoneyError> {
        let zero = Amount::ZERO;
        let mut coins = Self { step: None, share: zero, kept: zero, share_back: zero, kept_back: zero };
        let mut ids = BTreeSet::new();
        for payment in &receipt.sale.payments {
            if is_in_coins(payment, receipt.sale) {
                coins.step = coins.step.max(coin_of(payment, tenders));
                coins.kept = coins.kept.plus(payment.amount)?.minus(payment.change)?;
                ids.insert(payment.id);
            }
        }
        coins.share = coins.kept.minus(receipt.sale.rounding)?;
        for back in receipt.returned {
            let is_of = |payment: &&Payment| payment.refunds.is_some_and(|id| ids.contains(&id));
            let given =
                Amount::sum(back.payments.iter().filter(is_of).map(|payment| payment.amount))?.negate();
            // A document's rounding is its coins': what they stand for is what was given and that.
            let stands_for_a_share = back.payments.iter().any(|payment| is_of(&payment));
            let rest =
                |payment: &&Payment| payment.refunds.is_none() && payment.tender_kind == TenderKind::Cash;
            // What was rounded on the rest that no payment covered is not the share's.
            let of_rest = Amount::sum(back.payments.iter().filter(rest).map(|payment| payment.amount))?;
            let exact = match (stands_for_a_share, of_rest.is_zero()) {
                (false, _) => zero,
                (true, true) => given.plus(back.rounding)?,
                (true, false) => coins.share.minus(coins.share_back)?,
            };
            coins.kept_back = coins.kept_back.plus(given)?;
            coins.share_back = coins.share_back.plus(exact)?;
        }
        Ok(coins)
    }

    fn share_left(&self) -> Result<Amount, MoneyError> {
        Ok(self.share.minus(self.share_back)?.max(Amount::ZERO))
    }

    /// The coins that stand for so much more of the share.
    fn give(&self, exact: Amount) -> Result<Amount, MoneyError> {
        let until_now = self.share_back.plus(exact)?;
        let rounded = match self.step {
            _ if until_now == self.share => self.kept,
            Some(step) => Rounding::HalfUp.to_step(until_now, step)?.min(self.kept),
            None => until_now,
        };
        Ok(rounded.minus(self.kept_back)?.max(Amount::ZERO))
    }
}

/// Whether a payment was rounded, or could be: cash, or what change is given on where nothing was paid in cash. What the
/// tender says today does not matter.
fn is_in_coins(payment: &Payment, sale: &SaleCompleted) -> bool {
    let is_cash = |payment: &Payment| payment.tender_kind == TenderKind::Cash;
    let is_rounded_change = || {
        !sale.rounding.is_zero()
            && payment.tender_kind.may_give_change()
            && !sale.payments.iter().any(is_cash)
    };
    is_cash(payment) || is_rounded_change()
}

/// The smallest coin of a payment's tender; none: it pays to the smallest unit.
fn coin_of(payment: &Payment, tenders: &[TenderRecord]) -> Option<Amount> {
    tenders.iter().find(|tender| tender.id == payment.tender_id).and_then(|tender| tender.cash_rounding)
}

/// Puts an amount of coins on the payments that were made in coins, the last first.
fn spread_coins(
    receipt: &Receipt<'_>,
    amount: Amount,
    payments: &mut Vec<Payment>,
    new_payment: &mut impl FnMut() -> PaymentId,
) -> Result<(), MoneyError> {
    let mut left = amount;
    let mut is_first = true;
    for payment in receipt.sale.payments.iter().rev().filter(|payment| is_in_coins(payment, receipt.sale)) {
        let kept = payment.amount.minus(payment.change)?.minus(given_before(receipt, payment.id)?)?;
        let now = left.min(kept).max(Amount::ZERO);
        // Even nothing is told: coins that round to nothing stand for a share.
        if now.is_positive() || (is_first && amount.is_zero()) {
            payments.push(given(payment, now, new_payment()));
            left = left.minus(now)?;
        }
        is_first = false;
    }
    Ok(())
}

/// Gives back what is owed on one tender, as where there is no receipt: rounded to its coin.
///
/// ```
/// use checkout::worlds::{World, payment_id};
/// use checkout::{give_back_on, without_receipt};
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "currency": "CHF", "cash_rounding": "0.05",
///     "items": [{"sku": "ROLL", "price": "3.34"}], "lines": [{"sku": "ROLL"}],
/// }));
/// let back = without_receipt(world.compute()?)?;
/// let cash = &world.tenders[0];
/// let given = give_back_on(&back, cash, payment_id(100))?;
/// assert_eq!(given.payments[0].amount, "-3.35".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// At `/payments`: [`NothingOwedBack`](RefusalReason::NothingOwedBack), or
/// [`TenderNotTaken`](RefusalReason::TenderNotTaken) for an archived tender.
pub fn give_back_on(
    sale: &ComputedSale,
    tender: &TenderRecord,
    payment_id: PaymentId,
) -> Result<Settlement, Refusals> {
    if !sale.total.is_negative() {
        return Err(Refusal::new("/payments", RefusalReason::NothingOwedBack).into());
    }
    let decimals = sale.currency.exponent();
    let (payment, rounding) = on_tender(sale.total, decimals, tender, payment_id)?;
    let change = payment.change;
    Ok(Settlement { payments: vec![payment], change, rounding })
}

/// So much, below zero, given on a tender: rounded to its coin, and what it was rounded by.
fn on_tender(
    owed: Amount,
    decimals: u32,
    tender: &TenderRecord,
    id: PaymentId,
) -> Result<(Payment, Amount), Refusals> {
    let number = |error: MoneyError| Refusals::from(Refusal::new("/payments", error.into()));
    if tender.archived {
        let reason = RefusalReason::TenderNotTaken { code: tender.code.clone() };
        return Err(Refusal::payment(0, "tender_id", reason).into());
    }
    let amount = match tender.cash_rounding {
        Some(step) => Rounding::HalfUp.to_step(owed, step).map_err(number)?,
        None => owed,
    };
    let amount = amount.with_decimals(decimals).map_err(number)?;
    let payment = Payment {
        id,
        tender_id: tender.id,
        tender_code: tender.code.clone(),
        tender_name: tender.name.clone(),
        tender_kind: tender.kind,
        amount,
        change: Amount::from_units(0, decimals).map_err(number)?,
        reference: None,
        refunds: None,
    };
    Ok((payment, amount.minus(owed).map_err(number)?))
}
