//! Writing to the journal: an entry chained to its register's stream, together with the numbers that it used up.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use sync_protocol::chain::{self, Link};
use sync_protocol::{Hash, RawJson};
use uuid::Uuid;

use crate::locks::Series;

/// A fact, before it is in its chain.
pub(crate) struct Fact<'a> {
    pub(crate) event_id: Uuid,
    pub(crate) kind: &'static str,
    pub(crate) version: i32,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) business_date: NaiveDate,
    pub(crate) feed_position: i64,
    pub(crate) payload: &'a RawJson,
}

/// Why an entry was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the stream's head is no hash")]
    BadHead,
    #[error("a fact cannot be written as JSON")]
    Payload(#[from] serde_json::Error),
    #[error("a fact is larger than the journal takes")]
    TooLarge,
}

/// A fact's bytes, written once and for all.
pub(crate) fn payload(fact: &impl Serialize) -> Result<RawJson, JournalError> {
    let payload = RawJson::of(fact)?;
    if payload.get().len() > sync_protocol::wire::MAX_PAYLOAD_BYTES {
        return Err(JournalError::TooLarge);
    }
    Ok(payload)
}

/// Adds an entry to the locked series' stream and keeps what the series is after it (its numbers and its open session):
/// one statement. A sale's request is kept with it, so that it is the same sale for ever.
pub(crate) async fn append(
    connection: &mut PgConnection,
    series: &Series,
    fact: &Fact<'_>,
    request: Option<(Uuid, &[u8; 32])>,
) -> Result<(), JournalError> {
    let previous = Hash::from_slice(&series.stream_hash).ok_or(JournalError::BadHead)?;
    let sequence = series.stream_sequence + 1;
    let hash = chain::hash(
        &Link {
            incarnation: series.incarnation,
            stream: &series.series,
            stream_sequence: sequence,
            event_id: fact.event_id,
            kind: fact.kind,
            version: fact.version,
            occurred_at: fact.occurred_at,
            business_date: fact.business_date,
            feed_position: fact.feed_position,
            payload: fact.payload.get(),
        },
        previous,
    );
    sqlx::query!(
        "with entry as (
             insert into journal (event_id, incarnation, stream, stream_sequence, kind, version, occurred_at, business_date,
                 feed_position, payload, previous_hash, hash)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)),
         request as (
             insert into sale_request (sale_id, digest) select $16::uuid, $17::bytea where $16::uuid is not null)
         update receipt_series set next_number = $13, next_z = $14, open_session = $15, stream_sequence = $4, stream_hash = $12,
             session_size = $18
         where series = $3",
        fact.event_id,
        series.incarnation,
        series.series,
        sequence,
        fact.kind,
        fact.version,
        fact.occurred_at,
        fact.business_date,
        fact.feed_position,
        fact.payload.get(),
        previous.as_bytes(),
        hash.as_bytes(),
        series.next_number,
        series.next_z,
        series.open_session,
        request.map(|(id, _)| id),
        request.map(|(_, digest)| digest.as_slice()),
        series.session_size
    )
    .execute(connection)
    .await?;
    Ok(())
}
