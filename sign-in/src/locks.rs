//! Every lock that signing in takes, in the order in which they may be taken: old attempts, then a person's credentials,
//! then old sign-ins (both old ones skip what somebody else holds), then one sign-in. `for update` occurs nowhere else in
//! this crate.

use chrono::{DateTime, Utc};
use server_kit::{Context, Tx};
use uuid::Uuid;

/// Clears a few old failures away, skipping what somebody else holds.
pub(crate) async fn forget_attempts(tx: &mut Tx, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from sign_in_attempt where (login_hash, source_hash) in (
            select login_hash, source_hash from sign_in_attempt where last_at < $1
            order by last_at limit 20 for update skip locked)",
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Clears a few sign-ins away that ended long ago, with their tokens.
pub(crate) async fn forget_sign_ins(
    tx: &mut Tx,
    cx: &Context,
    before: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from sign_in where company_id = $1 and id in (
            select id from sign_in where company_id = $1 and expires_at < $2
            order by expires_at limit 20 for update skip locked)",
        cx.company_id(),
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Held while somebody is signed in: what they showed is not changed meanwhile. A store's database takes the same lock
/// when HQ changes a PIN (`end_sign_ins` there).
pub(crate) async fn credentials_shared(tx: &mut Tx, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('credentials' || $1::uuid::text, 0))",
        user_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Held while somebody's password is changed: who signs in with the old one has done so before, or does not.
pub(crate) async fn credentials(tx: &mut Tx, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('credentials' || $1::uuid::text, 0))",
        user_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A sign-in as it stands while its tokens are exchanged or it is ended: a refresh and a sign-out wait for each other here.
pub(crate) struct LockedSignIn {
    pub(crate) user_id: Uuid,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

pub(crate) async fn sign_in(
    tx: &mut Tx,
    cx: &Context,
    sign_in_id: Uuid,
) -> Result<Option<LockedSignIn>, sqlx::Error> {
    sqlx::query_as!(
        LockedSignIn,
        "select user_id, expires_at, ended_at from sign_in where company_id = $1 and id = $2 for update",
        cx.company_id(),
        sign_in_id
    )
    .fetch_optional(&mut **tx)
    .await
}
