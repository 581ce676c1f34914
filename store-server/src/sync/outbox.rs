//! The journal's way up: numbering what was committed, batches, and HQ's watermark.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use sync_protocol::Hash;
use sync_protocol::store_sync::WatermarkVerdict;
use sync_protocol::wire::{BATCH_BYTES, JournalEntry, PushRequest, RawJson, Watermark};
use uuid::Uuid;

/// How many entries are numbered at once.
const NUMBERED_AT_ONCE: i64 = 20_000;

/// Up to which `journal.id` every entry has its number, so that the rest of a long journal is not searched. Ids are
/// drawn before they are committed, so the highest numbered one says nothing: a floor is sure only once every
/// transaction that ran when it was seen has ended.
#[derive(Debug, Default)]
pub(super) struct Floor {
    sure: i64,
    seen: Option<(i64, i64)>,
}

/// Numbers the committed entries of one snapshot in order of their ids, without holes. Only the pusher calls it.
pub(super) async fn number(
    connection: &mut PgConnection,
    incarnation: Uuid,
    floor: &mut Floor,
) -> sqlx::Result<i64> {
    let done = sqlx::query!(
        r#"with fresh as (
             select j.id, row_number() over (order by j.id) as place from journal j
             where j.id > $2 and j.incarnation = $1 and not exists (select from journal_number n where n.journal_id = j.id)
             order by j.id limit $3),
         numbered as (
             insert into journal_number (incarnation, number, journal_id)
             select $1, greatest((select max(number) from journal_number where incarnation = $1),
                 (select acknowledged from delivery where incarnation = $1), 0) + place, id from fresh
             returning journal_id)
         select (select count(*) from numbered) as "count!",
             (select coalesce(max(id), 0) from journal) as "newest!",
             pg_snapshot_xmin(pg_current_snapshot())::text::bigint as "oldest_running!",
             pg_snapshot_xmax(pg_current_snapshot())::text::bigint as "next!""#,
        incarnation,
        floor.sure,
        NUMBERED_AT_ONCE
    )
    .fetch_one(connection)
    .await?;
    if let Some((newest, next)) = floor.seen
        && done.oldest_running >= next
    {
        floor.sure = newest;
        floor.seen = None;
    }
    if floor.seen.is_none() && done.count < NUMBERED_AT_ONCE && done.newest > floor.sure {
        floor.seen = Some((done.newest, done.next));
    }
    Ok(done.count)
}

/// The entries from number `from` on, bounded in number and bytes; none when there are none. Says whether there are more.
pub(super) async fn batch(
    connection: &mut PgConnection,
    incarnation: Uuid,
    from: i64,
    limit: usize,
) -> sqlx::Result<Option<(PushRequest, bool)>> {
    let rows = sqlx::query!(
        "select n.number, j.event_id, j.stream, j.stream_sequence, j.kind, j.version, j.occurred_at, j.business_date, j.feed_position,
             j.payload, j.previous_hash, j.hash
         from journal_number n join journal j on j.id = n.journal_id
         where n.incarnation = $1 and n.number >= $2 order by n.number limit $3",
        incarnation,
        from,
        i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
    )
    .fetch_all(&mut *connection)
    .await?;
    let (mut entries, mut bytes, mut more) = (Vec::with_capacity(rows.len()), 0, false);
    for (number, row) in (from..).zip(rows) {
        if entries.len() == limit || (bytes > 0 && bytes + row.payload.len() > BATCH_BYTES) {
            more = true;
            break;
        }
        if row.number != number {
            return Err(sqlx::Error::Protocol(format!(
                "journal number {number} is missing, {} follows",
                row.number
            )));
        }
        bytes += row.payload.len();
        entries.push(JournalEntry {
            event_id: row.event_id,
            stream: row.stream,
            stream_sequence: row.stream_sequence,
            kind: row.kind,
            version: row.version,
            occurred_at: row.occurred_at,
            business_date: row.business_date,
            feed_position: row.feed_position,
            payload: RawJson::new(row.payload).map_err(|error| sqlx::Error::Decode(error.into()))?,
            previous_hash: hash(&row.previous_hash)?,
            hash: hash(&row.hash)?,
        });
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let previous =
        if from <= 1 { Some(Hash::ZERO) } else { hash_of(connection, incarnation, from - 1).await? };
    let previous = previous
        .ok_or_else(|| sqlx::Error::Protocol(format!("the hash of journal number {} is gone", from - 1)))?;
    Ok(Some((PushRequest { incarnation, first: from, previous, entries }, more)))
}

/// The hash of the entry with this number; after it was pruned, while HQ's last word was about it.
async fn hash_of(
    connection: &mut PgConnection,
    incarnation: Uuid,
    number: i64,
) -> sqlx::Result<Option<Hash>> {
    let bytes = sqlx::query_scalar!(
        r#"select j.hash as "hash!" from journal_number n join journal j on j.id = n.journal_id where n.incarnation = $1 and n.number = $2
         union all select hash from delivery where incarnation = $1 and acknowledged = $2 limit 1"#,
        incarnation,
        number
    )
    .fetch_optional(connection)
    .await?;
    bytes.map(|bytes| hash(&bytes)).transpose()
}

fn hash(bytes: &[u8]) -> sqlx::Result<Hash> {
    Hash::from_slice(bytes).ok_or_else(|| sqlx::Error::Protocol("a hash has 32 bytes".into()))
}

/// Whether the journal has what HQ's watermark says.
pub(super) async fn check(pool: &PgPool, watermark: Watermark) -> sqlx::Result<WatermarkVerdict> {
    if watermark.sequence == 0 {
        let is_none = watermark.hash == Hash::ZERO;
        return Ok(if is_none { WatermarkVerdict::Matches } else { WatermarkVerdict::Differs });
    }
    let mut connection = pool.acquire().await?;
    if let Some(hash) = hash_of(&mut connection, watermark.incarnation, watermark.sequence).await? {
        return Ok(if hash == watermark.hash {
            WatermarkVerdict::Matches
        } else {
            WatermarkVerdict::Differs
        });
    }
    let oldest = sqlx::query_scalar!(
        "select min(number) from journal_number where incarnation = $1",
        watermark.incarnation
    )
    .fetch_one(&mut *connection)
    .await?;
    // Below what is kept it was there once; above, it never was.
    let was_pruned = oldest.is_some_and(|oldest| watermark.sequence < oldest);
    Ok(if was_pruned { WatermarkVerdict::Pruned } else { WatermarkVerdict::Differs })
}

/// Keeps that HQ has the journal up to here.
pub(super) async fn keep_acknowledged(
    connection: &mut PgConnection,
    watermark: Watermark,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into delivery (incarnation, acknowledged, hash, acknowledged_at) values ($1, $2, $3, $4)
         on conflict (single) do update set incarnation = excluded.incarnation, acknowledged = excluded.acknowledged,
             hash = excluded.hash, acknowledged_at = excluded.acknowledged_at",
        watermark.incarnation,
        watermark.sequence,
        watermark.hash.as_bytes(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}
