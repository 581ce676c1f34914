//! Stock beside its movements: whether the two agree, and putting it right.

use rust_decimal::Decimal;
use shared_model::ids::VariantId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{FactsError, Place, locks};

/// Stock that is not the sum of its movements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockDifference {
    /// The variant.
    pub variant_id: VariantId,
    /// What is kept.
    pub kept: Decimal,
    /// What the movements come to.
    pub recomputed: Decimal,
}

/// Every variant of the store whose stock is not the sum of its movements.
pub async fn differences(conn: &mut PgConnection, place: Place) -> Result<Vec<StockDifference>, FactsError> {
    let rows = sqlx::query!(
        r#"select coalesce(kept.variant_id, moved.variant_id) as "variant_id!",
             coalesce(kept.on_hand, 0) as "kept!", coalesce(moved.quantity, 0) as "recomputed!"
         from (select variant_id, on_hand from stock where company_id = $1 and store_id = $2) as kept
         full outer join (select variant_id, sum(quantity) as quantity from stock_movement
                          where company_id = $1 and store_id = $2 group by variant_id) as moved using (variant_id)
         where coalesce(kept.on_hand, 0) <> coalesce(moved.quantity, 0)
         order by 1"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StockDifference {
            variant_id: VariantId::new(row.variant_id),
            kept: row.kept,
            recomputed: row.recomputed,
        })
        .collect())
}

/// Adds what is missing from the stock of every variant, and says how many there were. It adds instead of setting,
/// so that a sale committed in between is not lost.
pub async fn recompute(conn: &mut PgConnection, place: Place) -> Result<u64, FactsError> {
    locks::putting_right(conn, place).await?;
    let differences = differences(conn, place).await?;
    if differences.is_empty() {
        return Ok(0);
    }
    let variants: Vec<Uuid> = differences.iter().map(|difference| difference.variant_id.uuid()).collect();
    let missing: Vec<Decimal> =
        differences.iter().map(|difference| difference.recomputed - difference.kept).collect();
    let done = sqlx::query!(
        "insert into stock (company_id, store_id, variant_id, on_hand)
         select $1, $2, variant_id, missing from unnest($3::uuid[], $4::numeric[]) as put (variant_id, missing)
         order by variant_id
         on conflict (company_id, store_id, variant_id) do update set on_hand = stock.on_hand + excluded.on_hand",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &variants,
        &missing,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
