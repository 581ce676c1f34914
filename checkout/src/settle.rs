//! The payments of a sale: whether they cover it, what is rounded, what is given back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared_model::ids::{PaymentId, TenderId};
use shared_model::selling::Payment;
use shared_model::tenders::{TenderKind, TenderRecord};
use shared_model::{Amount, MoneyError, Rounding};

use crate::compute::ComputedSale;
use crate::refusal::{Refusal, RefusalReason, Refusals};
use crate::{MAX_PAYMENTS, MAX_TEXT};

/// What somebody hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tendered {
    /// The payment.
    pub id: PaymentId,
    /// The tender.
    pub tender_id: TenderId,
    /// Handed over.
    pub amount: Amount,
    /// What the customer's card or voucher says, never a card number.
    #[serde(default)]
    pub reference: Option<String>,
}

/// The payments of a sale with what was given back of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settlement {
    /// The payments, in their order.
    pub payments: Vec<Payment>,
    /// Given back in all.
    pub change: Amount,
    /// Rounding of cash: paid − change = total + rounding.
    pub rounding: Amount,
}

/// A payment, its tender, and what is given back of it so far.
struct Use<'a> {
    at: usize,
    tendered: &'a Tendered,
    tender: &'a TenderRecord,
    amount: Amount,
    change: Amount,
}

/// Settles what is owed by a sale: the payments cover the total, and what is over is change.
///
/// What is left after the tenders that pay to the cent is paid in coins: it is rounded to the smallest coin, half away
/// from zero, if a tender that rounds is used at all. Change is given on tenders that allow it, of the coins first, the
/// last payment first; it is rounded to a coin, too. A zero payment is possible in coins only, without a card beside it, for
/// a total that rounds to nothing.
///
/// So always: payments − change = total + rounding. Switzerland, where the smallest coin is 0.05:
///
/// ```
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "currency": "CHF", "cash_rounding": "0.05",
///     "items": [{"sku": "ROLL", "price": "3.34"}], "lines": [{"sku": "ROLL", "quantity": "3"}],
///     "payments": [{"tender": "cash", "amount": "20.00"}],
/// }));
/// let sale = checkout::compute(&world.cart, &world.catalogue, &world.rules)?;
/// let cash = checkout::settle(&sale, &world.payments, &world.tenders)?;
/// assert_eq!(sale.total, "10.02".parse()?);
/// assert_eq!((cash.rounding, cash.change), ("-0.02".parse()?, "10.00".parse()?));
/// // By card it is exact.
/// assert_eq!(world.pay("card", "10.02")?.rounding, "0.00".parse()?);
/// assert_eq!(world.pay("card", "10.00").unwrap_err().iter().next().map(|refusal| refusal.reason.code()), Some("not_covered"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Under `/payments`: an unknown tender or one that is no longer taken, an id that is there twice, an amount that is
/// not above zero, is too fine or is not in coins; too little in all
/// ([`NotCovered`](RefusalReason::NotCovered)); too much on a tender that gives no change
/// ([`NoChange`](RefusalReason::NoChange)); a sale that owes the customer ([`OwedBack`](RefusalReason::OwedBack): that is
/// for [`give_back`](crate::give_back)).
pub fn settle(
    sale: &ComputedSale,
    payments: &[Tendered],
    tenders: &[TenderRecord],
) -> Result<Settlement, Refusals> {
    if payments.len() > MAX_PAYMENTS {
        return Err(Refusal::new("/payments", RefusalReason::TooMany { most: MAX_PAYMENTS }).into());
    }
    if sale.total.is_negative() {
        return Err(Refusal::new("/payments", RefusalReason::OwedBack(sale.total.abs())).into());
    }
    let decimals = sale.currency.exponent();
    let mut uses = Vec::with_capacity(payments.len());
    let mut refusals = Vec::new();
    let mut ids = BTreeSet::new();
    for (at, tendered) in payments.iter().enumerate() {
        if !ids.insert(tendered.id) {
            refusals.push(Refusal::payment(at, "id", RefusalReason::DuplicateId));
        }
        match take(at, tendered, tenders, decimals) {
            Ok(taken) => uses.push(taken),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Refusals::unless_empty(refusals)?;
    let is_card =
        |each: &Use<'_>| matches!(each.tender.kind, TenderKind::CardTerminal | TenderKind::CardStandalone);
    if let Some(empty) = uses.iter().find(|each| each.amount.is_zero())
        && uses.iter().any(is_card)
    {
        // Else a card would be rounded as coins are.
        return Err(Refusal::payment(empty.at, "amount", RefusalReason::PaymentNotPositive).into());
    }
    let coins = tenders.iter().filter(|tender| tender.kind == TenderKind::Cash && !tender.archived);
    let rounding = cover(sale.total, &mut uses, coins.filter_map(|tender| tender.cash_rounding).min())?;
    let sum = |error: MoneyError| Refusals::from(Refusal::new("/payments", error.into()));
    let zero = Amount::from_units(0, decimals).map_err(sum)?;
    let change = uses.iter().try_fold(zero, |sum, each| sum.plus(each.change)).map_err(sum)?;
    let payments = uses
        .into_iter()
        .map(|each| Payment {
            id: each.tendered.id,
            tender_id: each.tender.id,
            tender_code: each.tender.code.clone(),
            tender_name: each.tender.name.clone(),
            tender_kind: each.tender.kind,
            amount: each.amount,
            change: each.change,
            reference: each.tendered.reference.clone(),
            refunds: None,
        })
        .collect();
    Ok(Settlement { payments, change, rounding: rounding.plus(zero).map_err(sum)? })
}

fn take<'a>(
    at: usize,
    tendered: &'a Tendered,
    tenders: &'a [TenderRecord],
    decimals: u32,
) -> Result<Use<'a>, Refusal> {
    let tender = tenders
        .iter()
        .find(|tender| tender.id == tendered.tender_id)
        .ok_or_else(|| Refusal::payment(at, "tender_id", RefusalReason::UnknownTender(tendered.tender_id)))?;
    if tender.archived {
        let reason = RefusalReason::TenderNotTaken { code: tender.code.clone() };
        return Err(Refusal::payment(at, "tender_id", reason));
    }
    if tendered.reference.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(Refusal::payment(at, "reference", RefusalReason::TextTooLong { most: MAX_TEXT }));
    }
    let here = |reason: RefusalReason| Refusal::payment(at, "amount", reason);
    let amount = tendered
        .amount
        .in_document()
        .and_then(|amount| amount.with_decimals(decimals))
        .map_err(|error| here(error.into()))?;
    if amount.is_negative() || (amount.is_zero() && tender.cash_rounding.is_none()) {
        return Err(here(RefusalReason::PaymentNotPositive));
    }
    if let Some(coin) = tender.cash_rounding
        && Rounding::Down.to_step(amount, coin).map_err(|error| here(error.into()))? != amount
    {
        return Err(here(RefusalReason::NotInCoins { code: tender.code.clone(), coin }));
    }
    let change = Amount::from_units(0, decimals).map_err(|error| here(error.into()))?;
    Ok(Use { at, tendered, tender, amount, change })
}

/// Finds what is rounded and gives change; what is missing or over is refused.
///
/// `coin`: the smallest that change can be given in, where nothing is paid in coins.
fn cover(total: Amount, uses: &mut [Use<'_>], coin: Option<Amount>) -> Result<Amount, Refusal> {
    let number = |error: MoneyError| Refusal::new("/payments", error.into());
    let sum = |uses: &[Use<'_>], which: &dyn Fn(&Use<'_>) -> bool| {
        Amount::sum(uses.iter().filter(|each| which(each)).map(|each| each.amount)).map_err(number)
    };
    let fixed = sum(uses, &|each| !each.tender.allows_change && each.tender.cash_rounding.is_none())?;
    if fixed > total {
        let Some(last) =
            uses.iter().rev().find(|each| !each.tender.allows_change && each.tender.cash_rounding.is_none())
        else {
            return Err(number(MoneyError::OutOfBounds));
        };
        let over = fixed.minus(total).map_err(number)?;
        let most = last.amount.minus(over).map_err(number)?.max(Amount::ZERO);
        return Err(Refusal::payment(
            last.at,
            "amount",
            RefusalReason::NoChange { code: last.tender.code.clone(), most },
        ));
    }
    let exact = sum(uses, &|each| each.tender.cash_rounding.is_none())?;
    let coins = sum(uses, &|each| each.tender.cash_rounding.is_some())?;
    let left = total.minus(exact).map_err(number)?.max(Amount::ZERO);
    let step = uses.iter().filter_map(|each| each.tender.cash_rounding).max();
    let due = match step {
        Some(step) => Rounding::HalfUp.to_step(left, step).map_err(number)?,
        None => left,
    };
    if coins < due {
        let owed = due.plus(total.minus(left).map_err(number)?).map_err(number)?;
        let missing = due.minus(coins).map_err(number)?;
        return Err(Refusal::new("/payments", RefusalReason::NotCovered { owed, missing }));
    }
    // What is over of the exact tenders comes back on those of them that allow it, of the coins on the coins.
    give_back(coins.minus(due).map_err(number)?, uses, &|each| each.tender.cash_rounding.is_some())?;
    let over = exact.minus(total).map_err(number)?.max(Amount::ZERO);
    if let (Some(coin), None) = (coin, step) {
        // Change is coins, whatever was handed over.
        let most = sum(uses, &|each| each.tender.allows_change)?;
        let near = Rounding::HalfUp.to_step(over, coin).map_err(number)?;
        let change = if near > most { Rounding::Down.to_step(over, coin).map_err(number)? } else { near };
        give_back(change, uses, &|_| true)?;
        return over.minus(change).map_err(number);
    }
    give_back(over, uses, &|each| each.tender.cash_rounding.is_none())?;
    due.minus(left).map_err(number)
}

/// Gives change on the payments for which it is asked, cash first, the last payment first.
fn give_back(change: Amount, uses: &mut [Use<'_>], which: &dyn Fn(&Use<'_>) -> bool) -> Result<(), Refusal> {
    let number = |error: MoneyError| Refusal::new("/payments", error.into());
    let mut left = change;
    for is_cash in [true, false] {
        for each in uses.iter_mut().rev() {
            let is_now = (each.tender.kind == TenderKind::Cash) == is_cash;
            if !is_now || !which(each) || !each.tender.allows_change {
                continue;
            }
            let given = left.min(each.amount);
            each.change = each.change.plus(given).map_err(number)?;
            left = left.minus(given).map_err(number)?;
        }
    }
    if left.is_zero() {
        return Ok(());
    }
    let Some(last) = uses.iter().rev().find(|each| which(each)) else {
        return Err(number(MoneyError::OutOfBounds));
    };
    let most = last.amount.minus(left).map_err(number)?.max(Amount::ZERO);
    let reason = RefusalReason::NoChange { code: last.tender.code.clone(), most };
    Err(Refusal::payment(last.at, "amount", reason))
}
