//! The locks of a store, one function each, in the order in which they may be taken: the checkpoint, a register's
//! series, a customer, stock (`facts::locks::stock`). Sync's own are held by its two connections for as long as they live.

use std::time::Duration;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Shared by every operation that reads master data, exclusive for the moment in which apply commits.
const CHECKPOINT: i64 = 0x5450_0001;
/// Held by the one process that pulls.
const PULLER: i64 = 0x5450_0002;
/// Held by the one process that pushes.
const PUSHER: i64 = 0x5450_0003;

/// The first of two keys; the second is the customer's.
const CUSTOMER: i32 = 1;
/// Likewise; the second is a person's.
const LOOK_UPS: i32 = 2;

/// How long apply only tries.
const TRIES: Duration = Duration::from_millis(200);

/// A register's series, locked: what its operations number by and chain to.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "a series is called by its series")]
pub(crate) struct Series {
    pub(crate) series: String,
    pub(crate) register_id: Uuid,
    pub(crate) register_code: String,
    pub(crate) incarnation: Uuid,
    pub(crate) next_number: i32,
    pub(crate) next_z: i32,
    pub(crate) open_session: Option<Uuid>,
    pub(crate) leased_to: Option<Uuid>,
    pub(crate) stream_sequence: i64,
    pub(crate) stream_hash: Vec<u8>,
    /// How much the open session has moved, each way counted.
    pub(crate) session_size: Decimal,
}

/// Holds the checkpoint until the transaction ends: what is read after this is of one.
pub(crate) async fn hold_checkpoint(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock_shared($1)", CHECKPOINT).execute(connection).await?;
    Ok(())
}

/// The series in which this session is open, with the checkpoint held, in one round trip.
pub(crate) async fn series_of_session(
    connection: &mut PgConnection,
    register_session_id: Uuid,
) -> sqlx::Result<Option<Series>> {
    sqlx::query_as!(
        Series,
        "select series, register_id, register_code, incarnation, next_number, next_z, open_session, leased_to, stream_sequence,
             stream_hash, session_size
         from receipt_series
         where open_session = $1 and (select pg_advisory_xact_lock_shared($2)) is not null
         for update",
        register_session_id,
        CHECKPOINT
    )
    .fetch_optional(connection)
    .await
}

/// What a sale finds where it begins.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The locked series.
    pub(crate) series: Series,
    /// The day that the session counts for.
    pub(crate) business_date: Option<NaiveDate>,
    /// The checkpoint, as it was when the statement began: a wait for the lock may have made it the one before.
    pub(crate) version: Option<String>,
    /// What the sale's request said before, where it was rung up before the statement began.
    pub(crate) digest: Option<Vec<u8>>,
}

/// `series_of_session` for a sale, with what else it needs to begin.
pub(crate) async fn series_of_sale(
    connection: &mut PgConnection,
    register_session_id: Uuid,
    sale_id: Uuid,
) -> sqlx::Result<Option<Begun>> {
    let row = sqlx::query!(
        r#"select s.series, s.register_id, s.register_code, s.incarnation, s.next_number, s.next_z, s.open_session, s.leased_to,
             s.stream_sequence, s.stream_hash, s.session_size,
             (select r.business_date from identity i join register_session r on r.company_id = i.company_id and r.store_id = i.store_id
              where r.id = $1) as business_date,
             (select c.xmin::text || ' ' || c.position || ' ' || c.applied_at from checkpoint c) as version,
             (select q.digest from sale_request q where q.sale_id = $2) as digest
         from receipt_series s
         where s.open_session = $1 and (select pg_advisory_xact_lock_shared($3)) is not null
         for update of s"#,
        register_session_id,
        sale_id,
        CHECKPOINT
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Begun {
        series: Series {
            series: row.series,
            register_id: row.register_id,
            register_code: row.register_code,
            incarnation: row.incarnation,
            next_number: row.next_number,
            next_z: row.next_z,
            open_session: row.open_session,
            leased_to: row.leased_to,
            stream_sequence: row.stream_sequence,
            stream_hash: row.stream_hash,
            session_size: row.session_size,
        },
        business_date: row.business_date,
        version: row.version,
        digest: row.digest,
    }))
}

/// A register's series of this life.
pub(crate) async fn series_of_register(
    connection: &mut PgConnection,
    register_id: Uuid,
    incarnation: Uuid,
) -> sqlx::Result<Option<Series>> {
    sqlx::query_as!(
        Series,
        "select series, register_id, register_code, incarnation, next_number, next_z, open_session, leased_to, stream_sequence,
             stream_hash, session_size
         from receipt_series where register_id = $1 and incarnation = $2
         for update",
        register_id,
        incarnation
    )
    .fetch_optional(connection)
    .await
}

/// A customer of whom a sale counts what they had before.
pub(crate) async fn customer(connection: &mut PgConnection, customer_id: Uuid) -> sqlx::Result<()> {
    // The two-key space of advisory locks: the others are in the one-key space.
    sqlx::query!("select pg_advisory_xact_lock($1, hashtext($2))", CUSTOMER, customer_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// What somebody has looked up of open sessions: counted one at a time. Taken alone.
pub(crate) async fn look_ups(connection: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock($1, hashtext($2))", LOOK_UPS, user_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the checkpoint for apply, as the last thing before its commit. It tries first, so that no sale waits behind it;
/// then it queues, for 50 ms at a time, so that sale after sale cannot starve it.
pub(crate) async fn take_checkpoint(transaction: &mut PgConnection) -> sqlx::Result<()> {
    let until = Instant::now() + TRIES;
    while Instant::now() < until {
        let taken = sqlx::query_scalar!("select pg_try_advisory_xact_lock($1)", CHECKPOINT)
            .fetch_one(&mut *transaction)
            .await?
            .unwrap_or_default();
        if taken {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
    loop {
        let mut savepoint = transaction.begin().await?;
        sqlx::query("select set_config('lock_timeout', '50ms', true)").execute(&mut *savepoint).await?;
        match sqlx::query!("select pg_advisory_xact_lock($1)", CHECKPOINT).execute(&mut *savepoint).await {
            Ok(_) => return savepoint.commit().await,
            Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some("55P03") => {
                savepoint.rollback().await?;
                sleep(Duration::from_millis(25)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes this connection the puller's, if there is none.
pub(crate) async fn become_puller(connection: &mut PgConnection) -> sqlx::Result<bool> {
    hold(connection, PULLER).await
}

/// Makes this connection the pusher's, if there is none.
pub(crate) async fn become_pusher(connection: &mut PgConnection) -> sqlx::Result<bool> {
    hold(connection, PUSHER).await
}

async fn hold(connection: &mut PgConnection, key: i64) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!("select pg_try_advisory_lock($1)", key).fetch_one(connection).await?;
    Ok(held.unwrap_or_default())
}
