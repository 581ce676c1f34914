//! From pages to a checkpoint: staging what came, and making it the store's in one transaction.

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection};
use sync_protocol::store_sync::{Checkpoint, Staging, Start};
use sync_protocol::wire::{Cursor, FEED_SCHEMA, FeedRecord};

use super::identity::Identity;
pub use super::shape::Shape;
use crate::locks;

/// What the database holds, for the machine to start from.
pub(super) async fn start(
    connection: &mut PgConnection,
    identity: &Identity,
    shape: &Shape,
) -> sqlx::Result<Start> {
    // What was pulled for other tables, before an upgrade, lacks what is new in them: it is all pulled again.
    let checkpoint = sqlx::query!(
        r#"select cursor, case when shape = $1 then schema else 0 end as "schema!" from checkpoint"#,
        shape.fingerprint
    )
    .fetch_optional(&mut *connection)
    .await?;
    let staging = sqlx::query!(
        "select cursor, schema, folded, resync, rewound, complete from pull where shape = $1",
        shape.fingerprint
    )
    .fetch_optional(&mut *connection)
    .await?;
    let acknowledged =
        sqlx::query_scalar!("select acknowledged from delivery where incarnation = $1", identity.incarnation)
            .fetch_optional(&mut *connection)
            .await?;
    Ok(Start {
        incarnation: identity.incarnation,
        // A cursor that cannot be read is of another release: pulled again from the start.
        checkpoint: checkpoint.and_then(|row| {
            Some(Checkpoint {
                cursor: Cursor::decode(&row.cursor).ok()?,
                schema: u32::try_from(row.schema).ok()?,
            })
        }),
        staging: staging.and_then(|row| {
            Some(Staging {
                next: Cursor::decode(&row.cursor).ok()?,
                complete: row.complete,
                resync: row.resync,
                rewound: row.rewound,
                schema: u32::try_from(row.schema).ok()?,
                folded: row.folded,
            })
        }),
        schema: FEED_SCHEMA,
        acknowledged: acknowledged.unwrap_or_default(),
    })
}

/// Puts a page beside those that came before it, together with what the staging then is.
pub async fn stage(
    connection: &mut PgConnection,
    shape: &Shape,
    fresh: bool,
    staging: &Staging,
    records: Vec<FeedRecord>,
) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    if fresh {
        // Emptied by hand where there is little, as a truncated table gets a new file.
        let is_large = sqlx::query_scalar!("select exists (select from pulled offset 10000)")
            .fetch_one(&mut *tx)
            .await?;
        if is_large.unwrap_or_default() {
            sqlx::query!("truncate pulled").execute(&mut *tx).await?;
        } else {
            sqlx::query!("delete from pulled").execute(&mut *tx).await?;
        }
    }
    if !records.is_empty() {
        copy(&mut tx, shape, records).await?;
    }
    sqlx::query!(
        "insert into pull (cursor, position, tag, schema, folded, resync, rewound, complete, shape)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (single) do update set cursor = excluded.cursor, position = excluded.position, tag = excluded.tag,
             schema = excluded.schema, folded = excluded.folded, resync = excluded.resync, rewound = excluded.rewound,
             complete = excluded.complete, shape = excluded.shape",
        staging.next.encode(),
        staging.next.position,
        staging.next.tag.0,
        i32::try_from(staging.schema).unwrap_or(i32::MAX),
        staging.folded,
        staging.resync,
        staging.rewound,
        staging.complete,
        shape.fingerprint
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// How a binary COPY begins: its signature, no flags, no extension.
const COPY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// How it ends.
const COPY_END: [u8; 2] = (-1_i16).to_be_bytes();
/// How much of it is sent at once.
const COPY_BYTES: usize = 256 * 1024;

/// The records as rows: written one after the other, so that a page is never there twice.
async fn copy(connection: &mut PgConnection, shape: &Shape, records: Vec<FeedRecord>) -> sqlx::Result<()> {
    let mut copy =
        connection.copy_in_raw("copy pulled (entity, id, position, body) from stdin (format binary)").await?;
    let mut bytes = Vec::with_capacity(COPY_BYTES + 4096);
    bytes.extend_from_slice(COPY_HEAD);
    for record in records {
        let body = match &record.record {
            Some(record_text) => match shape.row(&record.entity, record_text.get()) {
                Some(row) => Some(row),
                // Of a later release.
                None => continue,
            },
            None if shape.knows(&record.entity) => None,
            None => continue,
        };
        bytes.extend_from_slice(&4_i16.to_be_bytes());
        field(&mut bytes, Some(record.entity.as_bytes()));
        field(&mut bytes, Some(record.id.as_bytes()));
        field(&mut bytes, Some(&record.position.to_be_bytes()));
        field(&mut bytes, body.as_deref().map(str::as_bytes));
        if bytes.len() >= COPY_BYTES {
            copy.send(bytes.as_slice()).await?;
            bytes.clear();
        }
    }
    bytes.extend_from_slice(&COPY_END);
    copy.send(bytes).await?;
    copy.finish().await?;
    Ok(())
}

fn field(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    // A record has 1 MiB at most.
    let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(i32::MAX));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value.unwrap_or_default());
}

/// Makes the staged checkpoint the store's: all of it or nothing, and no operation sees half of it.
pub async fn apply(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    let position = sqlx::query_scalar!("select apply_pulled($1)", now).fetch_one(&mut *tx).await?;
    locks::take_checkpoint(&mut tx).await?;
    tx.commit().await?;
    tracing::info!(position, "at a new checkpoint");
    Ok(())
}

/// Whether what was staged is to blame, and not the moment.
pub(super) fn is_poison(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => {
            let code = refusal.code().unwrap_or_default();
            // Data that does not fit, a constraint, a type: all else is the database's state.
            code.starts_with("22") || code.starts_with("23") || code.starts_with("42")
        }
        _ => false,
    }
}
