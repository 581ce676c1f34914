//! The locks of enrolment, in the order in which they may be taken: the code, then the store's keys.

use chrono::{DateTime, Utc};
use server_kit::Tx;
use uuid::Uuid;

/// A code, locked.
pub(crate) struct LockedCode {
    pub(crate) store_id: Uuid,
    pub(crate) expires_at: DateTime<Utc>,
    /// What it led to; `None` while it is unused.
    pub(crate) key_id: Option<Uuid>,
}

/// A code is used by one transaction at a time.
pub(crate) async fn enrol_code(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<LockedCode>, sqlx::Error> {
    sqlx::query_as!(
        LockedCode,
        "select store_id, expires_at, key_id from enrol_code where company_id = current_company() and hash = $1 for update",
        &hash[..]
    )
    .fetch_optional(&mut **tx)
    .await
}

/// A store's keys are ended and begun by one transaction at a time.
pub(crate) async fn store_keys(tx: &mut Tx, store_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('store keys' || current_company()::text || $1::uuid::text, 0))",
        store_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
