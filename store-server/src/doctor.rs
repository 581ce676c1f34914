//! Recomputes what is kept beside the facts, and compares: stock, chains, numbers, sessions.

use facts::Place;
use futures_util::TryStreamExt as _;
use shared_model::ids::{CompanyId, StoreId};
use sqlx::PgPool;
use sync_protocol::Hash;
use sync_protocol::chain::{self, Link, StreamHead};

use crate::sync::identity;

/// What does not agree, each in a sentence; none: all is well.
pub async fn examine(pool: &PgPool) -> anyhow::Result<Vec<String>> {
    let Some(identity) = identity::load(pool).await? else {
        return Ok(vec!["The store is not enrolled.".to_owned()]);
    };
    let place =
        Place { company_id: CompanyId::new(identity.company_id), store_id: StoreId::new(identity.store_id) };
    let mut found = Vec::new();
    // One snapshot: what is sold meanwhile is in all of it or in none.
    let mut tx = pool.begin_with("begin isolation level repeatable read read only").await?;
    sqlx::query("select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)")
        .execute(&mut *tx)
        .await?;

    for difference in facts::stock::differences(&mut tx, place).await? {
        found.push(format!(
            "Stock of variant {} is kept as {}, its movements come to {}.",
            difference.variant_id, difference.kept, difference.recomputed
        ));
    }

    let gaps = sqlx::query!(
        r#"select s.series, s.next_number, s.next_z, s.open_session,
               (select count(*) from sale where sale.series = s.series) as "sales!",
               (select coalesce(max(number), 0) from sale where sale.series = s.series) as "last!",
               (select count(*) from register_session_close c where c.series = s.series) as "closes!",
               (select coalesce(max(z_number), 0) from register_session_close c where c.series = s.series) as "last_z!",
               (select count(*) from register_session o where o.series = s.series and not exists (
                   select from register_session_close c where c.register_session_id = o.id)) as "open!"
           from receipt_series s order by s.series"#
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in gaps {
        if row.sales != i64::from(row.last) || row.next_number != row.last + 1 {
            found.push(format!(
                "Series {} has {} sales, the last number is {}, the next would be {}.",
                row.series, row.sales, row.last, row.next_number
            ));
        }
        if row.closes != i64::from(row.last_z) || row.next_z != row.last_z + 1 {
            found.push(format!(
                "Series {} has {} closed sessions, the last Z is {}, the next would be {}.",
                row.series, row.closes, row.last_z, row.next_z
            ));
        }
        if row.open != i64::from(row.open_session.is_some()) {
            found.push(format!("Series {} has {} sessions that are not closed.", row.series, row.open));
        }
    }

    for misfit in facts::proof::misfits(&mut tx, place).await? {
        found.push(format!(
            "Sale or session {} does not agree with the others: {}.",
            misfit.id, misfit.reason
        ));
    }

    let unwritten = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sale where not exists (select from sale_request r where r.sale_id = sale.id)"#
    )
    .fetch_one(&mut *tx)
    .await?;
    if unwritten > 0 {
        found.push(format!("{unwritten} sales have no request."));
    }

    found.extend(chains(&mut tx).await?);
    tx.rollback().await?;
    Ok(found)
}

/// Every stream's entries follow each other, and end at the head that is kept.
async fn chains(connection: &mut sqlx::PgConnection) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut heads: Vec<(uuid::Uuid, String, StreamHead)> = Vec::new();
    let mut rows = sqlx::query!(
        "select incarnation, stream, stream_sequence, event_id, kind, version, occurred_at, business_date, feed_position, payload,
             previous_hash, hash
         from journal order by incarnation, stream, stream_sequence"
    )
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let (Some(previous), Some(hash)) =
            (Hash::from_slice(&row.previous_hash), Hash::from_slice(&row.hash))
        else {
            found.push(format!("Entry {} of stream {} has no hash.", row.stream_sequence, row.stream));
            continue;
        };
        let is_same = heads
            .last()
            .is_some_and(|(incarnation, stream, _)| *incarnation == row.incarnation && *stream == row.stream);
        if !is_same {
            // What HQ has had for long is pruned: a chain begins where it is kept from.
            let kept_from = StreamHead { sequence: row.stream_sequence - 1, hash: previous };
            if kept_from.sequence == 0 && previous != Hash::ZERO {
                found.push(format!("Stream {} does not begin at nothing.", row.stream));
            }
            heads.push((row.incarnation, row.stream.clone(), kept_from));
        }
        let Some((_, _, head)) = heads.last_mut() else { continue };
        let link = Link {
            incarnation: row.incarnation,
            stream: &row.stream,
            stream_sequence: row.stream_sequence,
            event_id: row.event_id,
            kind: &row.kind,
            version: row.version,
            occurred_at: row.occurred_at,
            business_date: row.business_date,
            feed_position: row.feed_position,
            payload: &row.payload,
        };
        if row.stream_sequence != head.sequence + 1
            || previous != head.hash
            || chain::hash(&link, previous) != hash
        {
            found.push(format!(
                "Entry {} of stream {} does not follow the one before.",
                row.stream_sequence, row.stream
            ));
        }
        *head = StreamHead { sequence: row.stream_sequence, hash };
    }
    drop(rows);
    let kept = sqlx::query!("select series, incarnation, stream_sequence, stream_hash from receipt_series")
        .fetch_all(connection)
        .await?;
    for series in kept {
        let head = heads
            .iter()
            .find(|(incarnation, stream, _)| *incarnation == series.incarnation && *stream == series.series)
            .map(|(_, _, head)| *head);
        let is_kept = match head {
            Some(head) => {
                head.sequence == series.stream_sequence
                    && head.hash.as_bytes() == series.stream_hash.as_slice()
            }
            // Never used, or pruned whole.
            None => true,
        };
        if !is_kept {
            found.push(format!("Stream {} ends elsewhere than its series says.", series.series));
        }
    }
    Ok(found)
}
