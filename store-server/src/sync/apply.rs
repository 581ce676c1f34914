//! From pages to a checkpoint: staging what came, and making it the store's in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection};
use sync_protocol::store_sync::{Checkpoint, Staging, Start};
use sync_protocol::wire::{Cursor, FEED_SCHEMA, FeedRecord};
use uuid::Uuid;

use super::identity::Identity;
use crate::locks;

/// What the database holds, for the machine to start from.
pub(super) async fn start(connection: &mut PgConnection, identity: &Identity) -> sqlx::Result<Start> {
    let checkpoint =
        sqlx::query!("select cursor, schema from checkpoint").fetch_optional(&mut *connection).await?;
    let staging = sqlx::query!("select cursor, schema, folded, resync, rewound, complete from staging")
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

/// Puts a page into staging, the last verdict on each record, together with what the staging then is.
pub(super) async fn stage(
    connection: &mut PgConnection,
    fresh: bool,
    staging: &Staging,
    records: &[FeedRecord],
) -> sqlx::Result<()> {
    let mut last: HashMap<(&str, Uuid), &FeedRecord> = HashMap::with_capacity(records.len());
    for record in records {
        last.insert((&record.entity, record.id), record);
    }
    let (mut entities, mut ids, mut positions, mut bodies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((entity, id), record) in last {
        entities.push(entity);
        ids.push(id);
        positions.push(record.position);
        bodies.push(record.record.as_ref().map(sync_protocol::RawJson::get));
    }
    let mut tx = connection.begin().await?;
    if fresh {
        // Emptied by hand where there is little, as a truncated table gets a new file.
        let is_large = sqlx::query_scalar!("select exists (select from staged_record offset 10000)")
            .fetch_one(&mut *tx)
            .await?;
        if is_large.unwrap_or_default() {
            sqlx::query!("truncate staged_record").execute(&mut *tx).await?;
        } else {
            sqlx::query!("delete from staged_record").execute(&mut *tx).await?;
        }
    }
    sqlx::query!(
        "insert into staged_record (entity, id, position, record)
         select entity, id, position, record::jsonb
         from unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[]) as page (entity, id, position, record)
         on conflict (entity, id) do update set position = excluded.position, record = excluded.record",
        &entities as &[&str],
        &ids,
        &positions,
        &bodies as &[Option<&str>]
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into staging (cursor, position, tag, schema, folded, resync, rewound, complete) values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (single) do update set cursor = excluded.cursor, position = excluded.position, tag = excluded.tag,
             schema = excluded.schema, folded = excluded.folded, resync = excluded.resync, rewound = excluded.rewound,
             complete = excluded.complete",
        staging.next.encode(),
        staging.next.position,
        staging.next.tag.0,
        i32::try_from(staging.schema).unwrap_or(i32::MAX),
        staging.folded,
        staging.resync,
        staging.rewound,
        staging.complete
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Makes the staged checkpoint the store's: all of it or nothing, and no operation sees half of it.
pub(super) async fn apply(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    let position = sqlx::query_scalar!("select apply_staged($1)", now).fetch_one(&mut *tx).await?;
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
