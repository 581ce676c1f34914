//! The fact of a sale, of its parts.

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::ids::{CustomerId, MovementId, RegisterId, RegisterSessionId, SaleId, UserId};
use shared_model::selling::{KitPartSold, LineKind, SaleCompleted};

use crate::compute::ComputedSale;
use crate::settle::Settlement;

/// What a receipt says beside goods and money: who, where, when, and its number. All of it comes from the caller: this
/// crate has no clock and counts no numbers. What must fit together, [`prove`](crate::prove) checks: the receipt number
/// ends with series and number, the series begins with the register's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptHead {
    /// The sale.
    pub id: SaleId,
    /// The session that it happens in.
    pub register_session_id: RegisterSessionId,
    /// The register.
    pub register_id: RegisterId,
    /// Its code.
    pub register_code: String,
    /// The receipt series.
    pub series: String,
    /// The number in the series, from 1, without gaps.
    pub number: i32,
    /// What people see: `ST01-R02-000123`.
    pub receipt_number: String,
    /// The session's business date.
    pub business_date: NaiveDate,
    /// When.
    pub completed_at: DateTime<Utc>,
    /// The hour of that in the store's zone, 0 to 23.
    pub local_hour: i16,
    /// Who rings it up.
    pub cashier_id: UserId,
    /// Their name.
    pub cashier_name: String,
    /// Who buys, where known.
    pub customer_id: Option<CustomerId>,
    /// The checkpoint that it was computed at.
    pub feed_position: i64,
}

/// The sale as it is kept, printed and sent. Each line of goods gets a stock movement with an id of `movement_id`,
/// but for kits, whose parts move, and for what comes back and does not go to stock.
///
/// Nothing is checked here: [`prove`](crate::prove) does. Whoever voids a sale sets [`SaleCompleted::voids`] after this.
///
/// ```
/// use checkout::worlds::{World, head};
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "items": [{"sku": "COLA", "price": "1.20"}, {"sku": "EMPTY", "price": "0.25", "kind": "deposit"}],
///     "lines": [{"sku": "COLA"}, {"sku": "EMPTY"}],
///     "payments": [{"tender": "card", "amount": "1.45"}],
/// }));
/// let sale = world.compute()?;
/// let settlement = world.settle(&sale)?;
/// let sold = checkout::complete(head(), sale, settlement, || uuid::Uuid::from_u128(7).into());
/// assert_eq!(sold.receipt_number, "ST01-R01-000001");
/// // Goods leave the stock, a deposit does not.
/// assert!(sold.lines[0].movement_id.is_some() && sold.lines[1].movement_id.is_none());
/// # Ok::<(), checkout::Refusals>(())
/// ```
#[must_use]
pub fn complete(
    head: ReceiptHead,
    sale: ComputedSale,
    settlement: Settlement,
    mut movement_id: impl FnMut() -> MovementId,
) -> SaleCompleted {
    let mut lines = sale.lines;
    for line in &mut lines {
        let is_kit = sale.kit_parts.iter().any(|part| part.line_id == line.id);
        if line.line_kind == LineKind::Goods && !is_kit && !sale.unstocked.contains(&line.id) {
            line.movement_id = Some(movement_id());
        }
    }
    let kit_parts = sale
        .kit_parts
        .into_iter()
        .map(|part| KitPartSold {
            line_id: part.line_id,
            variant_id: part.variant_id,
            quantity: part.quantity,
            movement_id: (!sale.unstocked.contains(&part.line_id)).then(&mut movement_id),
        })
        .collect();
    SaleCompleted {
        id: head.id,
        register_session_id: head.register_session_id,
        register_id: head.register_id,
        register_code: head.register_code,
        series: head.series,
        number: head.number,
        receipt_number: head.receipt_number,
        business_date: head.business_date,
        completed_at: head.completed_at,
        local_hour: head.local_hour,
        cashier_id: head.cashier_id,
        cashier_name: head.cashier_name,
        customer_id: head.customer_id,
        currency: sale.currency,
        lines,
        taxes: sale.taxes,
        payments: settlement.payments,
        net: sale.net,
        tax: sale.tax,
        total: sale.total,
        rounding: settlement.rounding,
        change: settlement.change,
        feed_position: head.feed_position,
        promotions: sale.promotions,
        voids: None,
        kit_parts,
        exemption_certificate: sale.exemption_certificate,
    }
}
