//! The locks on what facts keep, in the order in which they may be taken: putting right; stock, by variant; the chain's
//! months.

use std::collections::HashMap;

use rust_decimal::Decimal;
use shared_model::ids::{CompanyId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{FactsError, Place};

/// What there is of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// The sum of its movements.
    pub on_hand: Decimal,
    /// Promised to holds.
    pub reserved: Decimal,
}

/// What is kept beside a store's facts is put right by one transaction at a time: two that find the same missing would each
/// add it.
pub async fn putting_right(conn: &mut PgConnection, place: Place) -> Result<(), FactsError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('putting right' || $1::uuid::text || $2::uuid::text, 0))",
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the stock of these variants until the transaction ends, in the order of their ids, and says what there is.
/// A variant that never moved has no row, and so no lock and no entry.
pub async fn stock(
    conn: &mut PgConnection,
    place: Place,
    variants: &[VariantId],
) -> Result<HashMap<VariantId, Stock>, FactsError> {
    let variants: Vec<Uuid> = variants.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select variant_id, on_hand, reserved from stock
         where company_id = $1 and store_id = $2 and variant_id = any($3)
         order by variant_id
         for update",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &variants,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (VariantId::new(row.variant_id), Stock { on_hand: row.on_hand, reserved: row.reserved }))
        .collect())
}

/// The months of a chain are added up, or forgotten, by one transaction at a time: one that adds up what another puts
/// right would otherwise keep figures from before, with the number of receipts from after.
pub async fn chain_months(conn: &mut PgConnection, company: CompanyId) -> Result<(), FactsError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('chain months' || $1::uuid::text, 0))",
        company.uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}
