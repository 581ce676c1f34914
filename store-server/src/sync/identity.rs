//! Who this store is.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

/// What an enrolment gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The company.
    pub company_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// Its code, the head of its receipt numbers.
    pub store_code: String,
    /// Its name, as it was then.
    pub store_name: String,
    /// The life of this database.
    pub incarnation: Uuid,
    /// Its letter in receipt series; empty for the first.
    pub letter: String,
    /// Names the key that the store signs with.
    pub key_id: Uuid,
    /// HQ's Ed25519 key.
    pub hq_key: Vec<u8>,
    /// Where HQ is.
    pub hq_url: String,
}

/// Reads it; none before the enrolment.
pub async fn load(database: impl PgExecutor<'_>) -> sqlx::Result<Option<Identity>> {
    sqlx::query_as!(
        Identity,
        "select company_id, store_id, store_code, store_name, incarnation, letter, key_id, hq_key, hq_url from identity"
    )
    .fetch_optional(database)
    .await
}

/// Keeps it, once. Whether it is the one that is kept: another may have come first.
pub(super) async fn keep(
    database: impl PgExecutor<'_>,
    identity: &Identity,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let kept = sqlx::query!(
        "insert into identity (company_id, store_id, store_code, store_name, incarnation, letter, key_id, hq_key, hq_url, enrolled_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (single) do nothing",
        identity.company_id,
        identity.store_id,
        identity.store_code,
        identity.store_name,
        identity.incarnation,
        identity.letter,
        identity.key_id,
        identity.hq_key,
        identity.hq_url,
        now
    )
    .execute(database)
    .await?;
    Ok(kept.rows_affected() == 1)
}
