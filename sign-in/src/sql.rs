//! The SQL of signing in. The same on both sides.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use server_kit::{Context, Tx};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::lockout::{Pace, Place};

/// Somebody who may sign in, before they have shown that it is them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) company_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) password_hash: Option<String>,
    pub(crate) sealed_pin: Option<String>,
}

pub(crate) async fn candidate(tx: &mut Tx, login: &str) -> Result<Option<Candidate>, sqlx::Error> {
    sqlx::query_as!(
        Candidate,
        r#"select company_id as "company_id!", user_id as "user_id!", password_hash, sealed_pin from sign_in_candidate($1)"#,
        login
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Who is signed in and what they may, now.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) user_id: Uuid,
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) max_reduction_percent: Option<Decimal>,
    pub(crate) max_refund: Option<Decimal>,
    pub(crate) store_id: Option<Uuid>,
    pub(crate) device_id: Option<Uuid>,
}

pub(crate) async fn signed_in(
    executor: impl PgExecutor<'_>,
    company_id: Uuid,
    sign_in_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Signed>, sqlx::Error> {
    sqlx::query_as!(
        Signed,
        r#"select user_id as "user_id!", login as "login!", name as "name!", language as "language!",
            permissions as "permissions!", max_reduction_percent, max_refund, store_id, device_id
        from signed_in($1, $2, $3)"#,
        company_id,
        sign_in_id,
        now
    )
    .fetch_optional(executor)
    .await
}

pub(crate) async fn keep_password(
    tx: &mut Tx,
    cx: &Context,
    user_id: Uuid,
    hash: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into password (company_id, user_id, hash, changed_at) values ($1, $2, $3, $4)
        on conflict (company_id, user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at",
        cx.company_id(),
        user_id,
        hash,
        cx.now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Counts an attempt, unless it comes before the wait is over that its place's failures have earned. Whoever tries at the
/// same time waits for this row and is judged after it. The wait is `Pace::wait_after`, said in SQL.
pub(crate) async fn count_attempt(
    tx: &mut Tx,
    place: Place,
    slowing: Pace,
    now: DateTime<Utc>,
    forgotten_before: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let counted = sqlx::query!(
        "insert into sign_in_attempt as known (login_hash, source_hash, failures, last_at) values ($1, $2, 1, $3)
        on conflict (login_hash, source_hash) do update
        set failures = case when known.last_at < $4 then 1 else known.failures + 1 end, last_at = excluded.last_at
        where known.last_at < $4 or known.failures < $5::int
            or known.last_at + make_interval(secs => least($7::int, $6::int * 2 ^ least(known.failures - $5::int, 20))) <= $3",
        place.login(),
        place.source(),
        now,
        forgotten_before,
        slowing.free,
        slowing.first,
        slowing.longest
    )
    .execute(&mut **tx)
    .await?;
    Ok(counted.rows_affected() == 1)
}

/// What was counted of failures.
pub(crate) struct Attempts {
    pub(crate) failures: i32,
    pub(crate) last_at: DateTime<Utc>,
}

pub(crate) async fn attempts(tx: &mut Tx, place: Place) -> Result<Attempts, sqlx::Error> {
    sqlx::query_as!(
        Attempts,
        "select failures, last_at from sign_in_attempt where login_hash = $1 and source_hash = $2",
        place.login(),
        place.source()
    )
    .fetch_one(&mut **tx)
    .await
}

pub(crate) async fn forget_login(tx: &mut Tx, place: Place) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from sign_in_attempt where login_hash = $1 and source_hash = $2",
        place.login(),
        place.source()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn uncount_attempt(tx: &mut Tx, place: Place) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sign_in_attempt set failures = failures - 1 where login_hash = $1 and source_hash = $2 and failures > 1",
        place.login(),
        place.source()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn add_sign_in(
    tx: &mut Tx,
    cx: &Context,
    id: Uuid,
    user_id: Uuid,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sign_in (company_id, id, user_id, signed_in_at, expires_at) values ($1, $2, $3, $4, $5)",
        cx.company_id(),
        id,
        user_id,
        now,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn add_refresh_token(
    tx: &mut Tx,
    cx: &Context,
    hash: &[u8],
    sign_in_id: Uuid,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refresh_token (company_id, hash, sign_in_id, issued_at, expires_at) values ($1, $2, $3, $4, $5)",
        cx.company_id(),
        hash,
        sign_in_id,
        now,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A refresh token as it is kept.
pub(crate) struct KeptToken {
    pub(crate) sign_in_id: Uuid,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) used_at: Option<DateTime<Utc>>,
}

pub(crate) async fn refresh_token(
    tx: &mut Tx,
    cx: &Context,
    hash: &[u8],
) -> Result<Option<KeptToken>, sqlx::Error> {
    sqlx::query_as!(
        KeptToken,
        "select sign_in_id, expires_at, used_at from refresh_token where company_id = $1 and hash = $2",
        cx.company_id(),
        hash
    )
    .fetch_optional(&mut **tx)
    .await
}

pub(crate) async fn use_refresh_token(
    tx: &mut Tx,
    cx: &Context,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refresh_token set used_at = $3 where company_id = $1 and hash = $2 and used_at is null",
        cx.company_id(),
        hash,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Tokens that were used long ago are of no use to whoever has them; what is not known any more opens nothing.
pub(crate) async fn forget_used_tokens(
    tx: &mut Tx,
    cx: &Context,
    sign_in_id: Uuid,
    before: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from refresh_token where company_id = $1 and sign_in_id = $2 and used_at < $3",
        cx.company_id(),
        sign_in_id,
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn end_sign_in(
    tx: &mut Tx,
    cx: &Context,
    sign_in_id: Uuid,
    because: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sign_in set ended_at = $4, ended_because = $3 where company_id = $1 and id = $2 and ended_at is null",
        cx.company_id(),
        sign_in_id,
        because,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn end_sign_ins_of(
    tx: &mut Tx,
    cx: &Context,
    user_id: Uuid,
    because: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sign_in set ended_at = $4, ended_because = $3 where company_id = $1 and user_id = $2 and ended_at is null",
        cx.company_id(),
        user_id,
        because,
        cx.now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
