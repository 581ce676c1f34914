//! Ringing up: a script's cart becomes a sale, its stock movements and its journal entry, all of it or nothing.

use checkout::{Cart, CartLine, Limits, ReceiptHead, Reduction, Rules, Tendered};
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use server_kit::{Context, Problem, Tx};
use sha2::{Digest as _, Sha256};
use shared_model::ids::{
    CustomerId, MovementId, PaymentId, RegisterId, RegisterSessionId, SaleId, SaleLineId, SalesRepId,
    TenderId, UserId, VariantId,
};
use shared_model::selling::{KitPartSold, LineKind, SaleCompleted, SoldLine};
use shared_model::tenders::{TenderKind, TenderRecord};
use shared_model::{Amount, Currency, MoneyError, Percent, Quantity, UnitPrice};
use sync_protocol::RawJson;
use sync_protocol::wire::is_near_its_day;
use utoipa::ToSchema;

use super::shelf::{Called, Picked, Shelf};
use crate::journal::{self, Fact, JournalError};
use crate::locks;
use crate::this_store::{self, NotReady};

/// The journal's word for a sale.
pub const KIND: &str = "sale_completed";

/// The most coupons of one sale.
const MOST_COUPONS: usize = 50;
/// The most that a session moves: with a float, the rounding of cash and what is counted its figures have 13 digits at most: 9·10¹².
const MOST_IN_A_SESSION: Decimal = Decimal::from_parts(2_043_514_880, 2_095, 0, false, 0);
/// The longest coupon code, in bytes.
const LONGEST_COUPON: usize = 200;

/// A sale as a script asks for it. (A till's completed sale, with its number and signature, comes with the till.)
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RingUpBody {
    /// The sale; equal to the one in the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SaleId>,
    /// The open session that it happens in.
    pub register_session_id: RegisterSessionId,
    /// Who buys, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The coupon codes that were shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub coupons: Vec<String>,
    /// What is bought.
    #[schema(min_items = 1)]
    pub lines: Vec<WireLine>,
    /// What is handed over.
    pub payments: Vec<WirePayment>,
    /// What the customer was told; another total is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Amount>,
}

/// One line: a variant by its id, its SKU or a barcode.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WireLine {
    /// The line.
    pub id: SaleLineId,
    /// What, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Or by SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Or by what was scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// How many; or `amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// What a label that bears its price says is owed: the quantity follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// What is taken off by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<WireReduction>,
    /// Another price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<UnitPrice>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price_reason: Option<String>,
    /// Who gets the credit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_rep_id: Option<SalesRepId>,
}

impl WireLine {
    /// How the line calls its goods.
    fn called(&self) -> Option<Called<'_>> {
        let by_sku = || self.sku.as_deref().map(Called::Sku);
        let by_barcode = || self.barcode.as_deref().map(Called::Barcode);
        self.variant_id.map(Called::Id).or_else(by_sku).or_else(by_barcode)
    }
}

/// A percentage or an amount, one of the two.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WireReduction {
    /// So much of what the line costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// This amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Why.
    pub reason: String,
}

/// One use of a tender, by its id or its code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WirePayment {
    /// The payment.
    pub id: PaymentId,
    /// The tender, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender_id: Option<TenderId>,
    /// Or by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<String>,
    /// Handed over.
    pub amount: Amount,
    /// What the customer's card or voucher says, never a card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The command: a body whose id is sure.
#[derive(Clone, Debug)]
pub(crate) struct RingUp {
    pub(crate) id: SaleId,
    pub(crate) register_session_id: RegisterSessionId,
    pub(crate) customer_id: Option<CustomerId>,
    pub(crate) coupons: Vec<String>,
    pub(crate) lines: Vec<WireLine>,
    pub(crate) payments: Vec<WirePayment>,
    pub(crate) expected_total: Option<Amount>,
    digest: [u8; 32],
}

impl RingUp {
    /// Of a body at an address.
    pub(crate) fn new(id: SaleId, mut body: RingUpBody) -> Result<Self, RingUpError> {
        if body.id.is_some_and(|named| named != id) {
            return Err(RingUpError::OtherId);
        }
        body.id = Some(id);
        if body.coupons.len() > MOST_COUPONS || body.coupons.iter().any(|code| code.len() > LONGEST_COUPON) {
            return Err(RingUpError::invalid(
                "/coupons".to_owned(),
                "too_many",
                format!("There are {MOST_COUPONS} coupons at most, of {LONGEST_COUPON} characters at most."),
            ));
        }
        for (at, line) in body.lines.iter().enumerate() {
            let ways = [line.variant_id.is_some(), line.sku.is_some(), line.barcode.is_some()];
            if ways.iter().filter(|is_given| **is_given).count() != 1 {
                return Err(RingUpError::invalid(
                    format!("/lines/{at}/variant_id"),
                    "one_of",
                    "A line has one of variant_id, sku and barcode.",
                ));
            }
            if line.quantity.is_some() == line.amount.is_some() {
                return Err(RingUpError::invalid(
                    format!("/lines/{at}/quantity"),
                    "one_of",
                    "A line has a quantity, or the amount that its label says.",
                ));
            }
        }
        for (at, payment) in body.payments.iter().enumerate() {
            if payment.tender_id.is_some() == payment.tender.is_some() {
                return Err(RingUpError::invalid(
                    format!("/payments/{at}/tender"),
                    "one_of",
                    "A payment has one of tender_id and tender.",
                ));
            }
        }
        // Of the fields as they were understood, so that spaces and the order of keys make no other body.
        let bytes = serde_json::to_vec(&body)?;
        Ok(Self {
            id,
            register_session_id: body.register_session_id,
            customer_id: body.customer_id,
            coupons: body.coupons,
            lines: body.lines,
            payments: body.payments,
            expected_total: body.expected_total,
            digest: Sha256::digest(&bytes).into(),
        })
    }
}

/// Why there is no sale.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RingUpError {
    #[error("the id in the body is another than in the address")]
    OtherId,
    #[error("{detail}")]
    Invalid { pointer: String, code: &'static str, detail: String },
    #[error("the sale is known with another body")]
    OtherBody,
    #[error("the sale was rung up by another request at the same moment")]
    RungUpMeanwhile,
    #[error("there is no such sale")]
    NotRungUp,
    #[error("there is no such register session")]
    NoSession,
    #[error("the register session is closed")]
    SessionClosed,
    #[error("it is {today}, and the session was opened on {business_date}")]
    OtherClock { today: NaiveDate, business_date: NaiveDate },
    #[error("the register is leased to a device")]
    RegisterLeased,
    #[error(transparent)]
    Refused(#[from] checkout::Refusals),
    #[error("the total is {total}, not {expected}")]
    TotalDiffers { total: Amount, expected: Amount },
    #[error("the session's figures would not hold the sale")]
    SessionFull,
    #[error("there is not enough of {sku}")]
    InsufficientStock { sku: String, pointer: String, missing: Decimal },
    #[error("the sale does not prove")]
    Unproven(#[from] checkout::ProofError),
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error("the facts cannot be written")]
    Facts(#[from] facts::FactsError),
    #[error("the journal cannot be written")]
    Journal(#[from] JournalError),
    #[error("the request cannot be read again")]
    Json(#[from] serde_json::Error),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl RingUpError {
    /// Whether it is the cart that is refused, and nothing was written yet.
    const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Invalid { .. }
                | Self::NoSession
                | Self::SessionClosed
                | Self::OtherClock { .. }
                | Self::RegisterLeased
                | Self::Refused(_)
                | Self::TotalDiffers { .. }
                | Self::SessionFull
        )
    }

    fn invalid(pointer: String, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { pointer, code, detail: detail.into() }
    }
}

impl From<RingUpError> for Problem {
    fn from(error: RingUpError) -> Self {
        match error {
            RingUpError::OtherId => {
                Self::invalid("/id", "differs", "The id in the body is not the one in the address.")
            }
            RingUpError::Invalid { pointer, code, detail } => Self::invalid(pointer, code, detail),
            RingUpError::OtherBody => Self::conflict("different-body", "This id is that of another sale"),
            RingUpError::NoSession => Self::invalid(
                "/register_session_id",
                "unknown",
                "There is no such register session in this store.",
            ),
            RingUpError::SessionClosed => Self::conflict("session-closed", "The register session is closed"),
            RingUpError::SessionFull => Self::conflict("session-full", "The session cannot take this sale")
                .detail("It has moved as much money as its figures can hold. Close it, and open another."),
            RingUpError::OtherClock { today, business_date } => {
                Self::conflict("session-of-another-clock", "The session was opened under another clock").detail(format!(
                    "Its sales count for {business_date}, and the clock of the store's server says {today}. If the clock is right now, \
                     close the session and open a new one; if it is not, set it."
                ))
            }
            RingUpError::RegisterLeased => Self::conflict(
                "register-leased",
                "A device holds this register's lease and numbers its sales itself",
            ),
            RingUpError::Refused(refusals) => refused(&refusals),
            RingUpError::TotalDiffers { total, expected } => {
                Self::conflict("total-differs", "The sale comes to another total")
                    .detail(format!("The total is {total}; {expected} was expected."))
                    .with("total", total.to_string())
                    .with("expected_total", expected.to_string())
            }
            RingUpError::InsufficientStock { sku, pointer, missing } => {
                Self::conflict("insufficient-stock", "There is not enough in stock")
                    .detail(format!("{missing} of {sku} are missing."))
                    .field(pointer, "insufficient_stock", format!("{missing} of {sku} are missing."))
            }
            RingUpError::NotReady(error) => error.into(),
            RingUpError::Facts(facts::FactsError::IdTaken { table }) => {
                let (pointer, what) =
                    if table == "payment" { ("/payments", "payment") } else { ("/lines", "line") };
                Self::conflict("id-taken", "An id is that of something else").field(
                    pointer,
                    "id_taken",
                    format!("The id of a {what} is used twice."),
                )
            }
            RingUpError::Facts(facts::FactsError::OutOfBounds) => {
                Self::invalid("/lines", "out_of_bounds", "A number is beyond what a sale can hold.")
            }
            RingUpError::Facts(facts::FactsError::Database(error))
            | RingUpError::Journal(JournalError::Database(error))
            | RingUpError::Database(error) => error.into(),
            RingUpError::Journal(JournalError::TooLarge) => {
                Self::invalid("/lines", "too_many", "The sale is larger than the journal takes.")
            }
            // Ours to mend, whatever the cart: the log has the rule and where in the sale it is broken.
            error @ RingUpError::Unproven(_) => Self::internal(error).detail(
                "The sale was worked out, and its proof found that it does not add up. Nothing of it was kept. Until this \
                 is mended, the same cart paid in another way, or rung up in two sales, may do.",
            ),
            error @ (RingUpError::RungUpMeanwhile
            | RingUpError::NotRungUp
            | RingUpError::Facts(_)
            | RingUpError::Journal(_)
            | RingUpError::Json(_)) => Self::internal(error),
        }
    }
}

/// What `checkout` refuses, each with its pointer and code.
fn refused(refusals: &checkout::Refusals) -> Problem {
    Problem::invalid_fields(
        refusals
            .iter()
            .map(|refusal| server_kit::FieldError {
                pointer: refusal.pointer.clone(),
                code: refusal.reason.code().into(),
                detail: refusal.reason.to_string(),
            })
            .collect(),
    )
}

/// Rings up. Three round trips and the commit where the goods were sold before: the register's row, the journal, the facts. Stock
/// comes last, as its rows are what registers wait for each other at.
pub(crate) async fn ring_up(
    tx: &mut Tx,
    cx: &Context,
    shelf: &Shelf,
    command: &RingUp,
) -> Result<RawJson, RingUpError> {
    match computed(tx, cx, shelf, command).await {
        Ok(Some(ready)) => write(tx, cx, command, ready).await,
        Ok(None) => answer(tx, command).await,
        Err(error) if error.is_refusal() => {
            // Another request of the same sale may have gone first while this one waited for the register.
            match answer(tx, command).await {
                Err(RingUpError::NotRungUp) => Err(error),
                answer => answer,
            }
        }
        Err(error) => Err(error),
    }
}

/// A sale that is ready to be written.
struct Ready {
    series: locks::Series,
    picked: Picked,
    sale: SaleCompleted,
}

/// Computes the sale; none where it is rung up already.
async fn computed(
    tx: &mut Tx,
    cx: &Context,
    shelf: &Shelf,
    command: &RingUp,
) -> Result<Option<Ready>, RingUpError> {
    let begun = locks::series_of_sale(tx, command.register_session_id.uuid(), command.id.uuid()).await?;
    let Some(begun) = begun else { return Err(without_open_session(tx, command).await?) };
    if begun.digest.is_some() {
        return Ok(None);
    }
    let mut series = begun.series;
    if series.leased_to.is_some() {
        return Err(RingUpError::RegisterLeased);
    }
    amounts_are_theirs_to_key(cx, command)?;
    if let Some(customer) = command.customer_id {
        // What a customer may have once, two registers must not both give.
        locks::customer(tx, customer.uuid()).await?;
    }
    let called: Vec<Called<'_>> = command.lines.iter().filter_map(WireLine::called).collect();
    let picked = shelf.pick(tx, begun.version, &called, command.customer_id, cx.now).await?;
    let standing = picked.standing();
    let store = &standing.store;
    store.check_clock(cx.now)?;
    let business_date = begun.business_date.ok_or(RingUpError::NoSession)?;
    if !is_near_its_day(cx.now, business_date) {
        return Err(RingUpError::OtherClock { today: store.business_date(cx.now), business_date });
    }

    let computed = checkout::compute(
        &cart(command, &picked, store.currency)?,
        &picked.catalogue,
        &Rules {
            store_id: store.place.store_id,
            currency: store.currency,
            price_level_id: store.price_level_id,
            tax_rounding: store.tax_rounding,
            rounding_mode: store.rounding_mode,
            at: store.local(cx.now),
            limits: limits(cx)?,
        }
        .in_area(standing.tax_area.as_ref()),
    )?;
    no_card_is_used(&computed)?;
    if let Some(expected) = command.expected_total
        && expected != computed.total
    {
        return Err(RingUpError::TotalDiffers { total: computed.total, expected });
    }
    let settlement = checkout::settle(&computed, &payments(command, &standing.tenders)?, &standing.tenders)?;

    let number = series.next_number;
    let cashier = cx.actor.person();
    let mut sale = checkout::complete(
        ReceiptHead {
            id: command.id,
            register_session_id: command.register_session_id,
            register_id: RegisterId::new(series.register_id),
            register_code: series.register_code.clone(),
            series: series.series.clone(),
            number,
            receipt_number: format!("{}-{}-{number:06}", store.code, series.series),
            business_date,
            completed_at: cx.now,
            local_hour: store.hour(cx.now),
            cashier_id: UserId::new(cashier.map(|person| person.user_id).unwrap_or_default()),
            cashier_name: cashier.map(|person| person.name.to_string()).unwrap_or_default(),
            customer_id: command.customer_id,
            feed_position: store.position,
        },
        computed,
        settlement,
        || MovementId::new(cx.new_id()),
    );
    in_decimals(&mut sale, store.currency.exponent()).map_err(facts::FactsError::from)?;
    checkout::prove(&sale)?;
    series.session_size = size_with(series.session_size, &sale)?;
    Ok(Some(Ready { series, picked, sale }))
}

/// What the session has moved with this sale. None of its figures is larger: they are sums of these, signs and all.
fn size_with(before: Decimal, sale: &SaleCompleted) -> Result<Decimal, RingUpError> {
    let size = sale.lines.iter().try_fold(before, |sum, line| {
        sum.checked_add(line.net.abs().decimal())?.checked_add(line.tax.abs().decimal())
    });
    size.filter(|size| *size < MOST_IN_A_SESSION).ok_or(RingUpError::SessionFull)
}

/// Writes it: the journal, then the facts.
async fn write(tx: &mut Tx, cx: &Context, command: &RingUp, ready: Ready) -> Result<RawJson, RingUpError> {
    let Ready { mut series, picked, sale } = ready;
    let store = &picked.standing().store;
    series.next_number = sale.number.checked_add(1).ok_or(facts::FactsError::OutOfBounds)?;
    // The journal's bytes are the answer's too.
    let payload = journal::payload(&sale)?;
    let fact = Fact {
        event_id: cx.new_id(),
        kind: KIND,
        version: 1,
        occurred_at: cx.now,
        business_date: sale.business_date,
        feed_position: store.position,
        payload: &payload,
    };
    journal::append(tx, &series, &fact, Some((command.id.uuid(), &command.digest)))
        .await
        .map_err(in_another_request)?;
    let on_hand = facts::sales::write(tx, store.place, std::slice::from_ref(&sale)).await?;
    // The write holds the rows' locks, so this is what they are.
    for variant in &picked.blocked {
        if let Some(left) = on_hand.get(variant)
            && left.is_sign_negative()
            && !left.is_zero()
            && let Some((at, line)) = sale.lines.iter().enumerate().find(|(_, line)| {
                let is_part = |part: &KitPartSold| part.line_id == line.id && part.variant_id == *variant;
                line.variant_id == *variant || sale.kit_parts.iter().any(is_part)
            })
        {
            return Err(RingUpError::InsufficientStock {
                sku: line.sku.clone(),
                pointer: format!("/lines/{at}/quantity"),
                missing: left.abs(),
            });
        }
    }
    Ok(payload)
}

/// The same sale, asked for at another register at the same moment, has waited for the other one to commit.
fn in_another_request(error: JournalError) -> RingUpError {
    match &error {
        JournalError::Database(sqlx::Error::Database(refusal))
            if refusal.constraint() == Some("sale_request_pkey") =>
        {
            RingUpError::RungUpMeanwhile
        }
        _ => error.into(),
    }
}

/// A label's amount that a script types is a price like any other: for who may key any. (One that a barcode bears is read
/// out of the code.) What comes back (empties with their deposit) takes money out of the drawer: likewise.
fn amounts_are_theirs_to_key(cx: &Context, command: &RingUp) -> Result<(), RingUpError> {
    if cx.actor.may("sale.override_price") && cx.actor.limit(crate::people::REDUCTION_PERCENT).is_none() {
        return Ok(());
    }
    for (at, line) in command.lines.iter().enumerate() {
        if line.amount.is_some() {
            return Err(RingUpError::invalid(
                format!("/lines/{at}/amount"),
                "may_not_override_price",
                "This person may not key an amount.",
            ));
        }
        if line.quantity.is_some_and(Quantity::is_negative) {
            return Err(RingUpError::invalid(
                format!("/lines/{at}/quantity"),
                "may_not_take_back",
                "This person may not take goods back.",
            ));
        }
    }
    Ok(())
}

/// Writes amounts of nothing with the currency's decimals too, so that the answer is the one that the books give later.
fn in_decimals(sale: &mut SaleCompleted, decimals: u32) -> Result<(), MoneyError> {
    sale.change = sale.change.with_decimals(decimals)?;
    sale.rounding = sale.rounding.with_decimals(decimals)?;
    for line in &mut sale.lines {
        line.reduction = line.reduction.with_decimals(decimals)?;
    }
    for payment in &mut sale.payments {
        payment.amount = payment.amount.with_decimals(decimals)?;
        payment.change = payment.change.with_decimals(decimals)?;
    }
    Ok(())
}

/// No session of this id is open: it is closed, or unknown.
async fn without_open_session(tx: &mut Tx, command: &RingUp) -> Result<RingUpError, RingUpError> {
    let is_known = sqlx::query_scalar!(
        r#"select exists (select from register_session where id = $1) as "known!""#,
        command.register_session_id.uuid()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(if is_known { RingUpError::SessionClosed } else { RingUpError::NoSession })
}

/// The answer of a sale that is rung up already: the same request gets the same answer.
pub(crate) async fn answer(tx: &mut Tx, command: &RingUp) -> Result<RawJson, RingUpError> {
    let digest = sqlx::query_scalar!("select digest from sale_request where sale_id = $1", command.id.uuid())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(RingUpError::NotRungUp)?;
    if digest != command.digest {
        return Err(RingUpError::OtherBody);
    }
    let store = this_store::load(tx).await?;
    let sale = facts::sales::read(tx, store.place, command.id).await?.ok_or(RingUpError::OtherBody)?;
    Ok(RawJson::of(&sale)?)
}

fn cart(command: &RingUp, picked: &Picked, currency: Currency) -> Result<Cart, RingUpError> {
    let mut lines = Vec::with_capacity(command.lines.len());
    for (at, line) in command.lines.iter().enumerate() {
        let by_code = line.called().and_then(|called| picked.variant(called));
        // A code that stands for a variant by itself is no label.
        let label =
            line.barcode.as_ref().filter(|_| by_code.is_none()).and_then(|code| picked.labels.get(code));
        let by_label = || label.and_then(|label| picked.variant(Called::Barcode(&label.item)));
        let Some(variant_id) = by_code.or_else(by_label) else {
            let field = if line.sku.is_some() { "sku" } else { "barcode" };
            return Err(RingUpError::invalid(
                format!("/lines/{at}/{field}"),
                "unknown_variant",
                format!("Nothing of this {field} is sold here."),
            ));
        };
        if label.is_some() && line.quantity != Some(Quantity::ONE) {
            return Err(RingUpError::invalid(
                format!("/lines/{at}/quantity"),
                "not_one",
                "A label is that of one pack: its line has the quantity 1, and what the label says counts.",
            ));
        }
        if line.sales_rep_id.is_some_and(|id| !picked.standing().people.contains(&id.uuid())) {
            return Err(RingUpError::invalid(
                format!("/lines/{at}/sales_rep_id"),
                "unknown_sales_rep",
                "Nobody of this id works in this store.",
            ));
        }
        let cart_line = CartLine {
            unit_price: line.unit_price.map(|price| checkout::written(price, currency)),
            unit_price_reason: line.unit_price_reason.clone().unwrap_or_default(),
            reduction: line.reduction.as_ref().map(|reduction| Reduction {
                percent: reduction.percent,
                amount: reduction.amount,
                reason: reduction.reason.clone(),
            }),
            sales_rep_id: line.sales_rep_id,
            scanned_code: line.barcode.clone(),
            label_amount: line.amount,
            // Of a label's amount, `checkout` derives it.
            ..CartLine::new(line.id, variant_id, line.quantity.unwrap_or_default().normalized())
        };
        lines.push(match label {
            Some(label) => label.on(cart_line),
            None => cart_line,
        });
    }
    if command.customer_id.is_some() && picked.customer.is_none() {
        return Err(RingUpError::invalid(
            "/customer_id".to_owned(),
            "unknown_customer",
            "This store knows no such customer.",
        ));
    }
    Ok(Cart { lines, customer: picked.customer.clone(), coupons: command.coupons.clone(), ..Cart::default() })
}

fn payments(command: &RingUp, tenders: &[TenderRecord]) -> Result<Vec<Tendered>, RingUpError> {
    let mut payments = Vec::with_capacity(command.payments.len());
    for (at, payment) in command.payments.iter().enumerate() {
        let by_code = |code: &String| tenders.iter().find(|tender| tender.code == *code && !tender.archived);
        let tender_id =
            payment.tender_id.or_else(|| payment.tender.as_ref().and_then(by_code).map(|tender| tender.id));
        let Some(tender_id) = tender_id else {
            return Err(RingUpError::invalid(
                format!("/payments/{at}/tender"),
                "unknown_tender",
                "There is no tender of this code.",
            ));
        };
        let tender = tenders.iter().find(|tender| tender.id == tender_id);
        if let Some(tender) = tender.filter(|tender| is_drawn_from_a_balance(tender.kind)) {
            return Err(RingUpError::invalid(
                format!("/payments/{at}/tender"),
                "balance_unknown",
                format!("What is left on {} is not known in this store: it is not taken.", tender.name),
            ));
        }
        payments.push(Tendered {
            id: payment.id,
            tender_id,
            amount: payment.amount,
            reference: payment.reference.clone(),
        });
    }
    Ok(payments)
}

/// Gift cards, credit and accounts pay with what HQ's ledgers say is there. No store knows of any yet, and a card that anybody
/// may name is money for nothing.
const fn is_drawn_from_a_balance(tender: TenderKind) -> bool {
    matches!(tender, TenderKind::GiftCard | TenderKind::StoreCredit | TenderKind::OnAccount)
}

/// A single-purpose card that is used is a line of negative quantity: likewise.
fn no_card_is_used(sale: &checkout::ComputedSale) -> Result<(), RingUpError> {
    let is_used =
        |line: &SoldLine| line.line_kind == LineKind::SinglePurposeCard && line.quantity.is_negative();
    match sale.lines.iter().position(is_used) {
        None => Ok(()),
        Some(at) => Err(RingUpError::invalid(
            format!("/lines/{at}/quantity"),
            "balance_unknown",
            "What is left on a card is not known in this store: it is not taken.",
        )),
    }
}

/// What the person may take off by hand.
fn limits(cx: &Context) -> Result<Limits, RingUpError> {
    let max_reduction_percent = cx
        .actor
        .limit(crate::people::REDUCTION_PERCENT)
        .map(Percent::new)
        .transpose()
        .map_err(|_| facts::FactsError::OutOfBounds)?;
    Ok(Limits {
        may_reduce: cx.actor.may("sale.reduce"),
        may_override_price: cx.actor.may("sale.override_price"),
        max_reduction_percent,
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_sale_that_does_not_prove_is_told_in_words_and_its_rule_to_the_log() {
        let error = checkout::ProofError {
            pointer: "/rounding".to_owned(),
            reason: checkout::ProofReason::Impossible("no coin is as large"),
        };
        let problem = Problem::from(RingUpError::from(error));
        assert_eq!(problem.status(), 500);
        let rule =
            problem.source().and_then(|error| error.source()).map(ToString::to_string).unwrap_or_default();
        assert!(rule.starts_with("/rounding: ") && rule.ends_with("no coin is as large"), "{rule}");
        assert!(format!("{problem:?}").contains("Nothing of it was kept"), "{problem:?}");
    }
}
