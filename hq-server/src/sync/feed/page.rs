//! One page of the feed: everything that has changed for a store since its cursor, as it is now, in one snapshot.

use std::collections::HashMap;
use std::time::Duration;

use server_kit::{Actor, AppState, Context, Patience, Problem, Tx, read_within};
use sync_protocol::Hash;
use sync_protocol::judge::{CursorVerdict, judge_cursor};
use sync_protocol::wire::{
    Cursor, FEED_SCHEMA, FeedHead, FeedTail, PAGE_BYTES, PAGE_ROWS, RecordPlace, Tag, Watermark, write_line,
    write_record,
};
use uuid::Uuid;

use super::entities::{ENTITIES, STAFF};
use super::staff;
use crate::sync::token::Caller;

/// A page takes as long as its rows do; a slow database must not hold a snapshot open for ever.
const PATIENCE: Patience = Patience::long(Duration::from_secs(30));

/// What a store that asks for a page gets.
#[derive(Debug)]
pub(crate) enum Served {
    /// The lines.
    Page(Vec<u8>),
    /// The cursor is of a history that this HQ does not have.
    Rewound {
        /// Where the feed is.
        head: i64,
        /// Its tag.
        tag: Tag,
    },
    /// The store's release is too old.
    TooOld {
        /// The version of the records that it must ask for at least.
        needed: u32,
    },
}

/// What may end a page early, so that tests can make many small ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageLimits {
    /// The most records.
    pub(crate) rows: i64,
    /// At how many bytes it ends.
    pub(crate) bytes: usize,
}

impl PageLimits {
    /// What every store gets.
    pub(crate) const USUAL: Self = Self { rows: PAGE_ROWS, bytes: PAGE_BYTES };
}

/// Builds the page after `cursor` for the store that asks.
pub(crate) async fn page(
    state: &AppState,
    caller: &Caller,
    cursor: Option<Cursor>,
    schema: u32,
    limits: PageLimits,
) -> Result<Served, Problem> {
    let actor = Actor::Store { company_id: caller.company_id, store_id: caller.store_id };
    let caller = caller.clone();
    let keys = state.keys.clone();
    let served = read_within(state, &actor, PATIENCE, move |tx, cx| {
        Box::pin(async move { build(tx, cx, &keys, &caller, cursor, schema, limits).await })
    })
    .await?;
    Ok(served)
}

async fn build(
    tx: &mut Tx,
    _cx: &Context,
    keys: &server_kit::Keys,
    caller: &Caller,
    cursor: Option<Cursor>,
    schema: u32,
    limits: PageLimits,
) -> Result<Served, Problem> {
    let store = caller.store_id;
    let cursor_position = cursor.as_ref().map_or(0, |cursor| cursor.position);
    let here = sqlx::query!(
        r#"select coalesce((select position from feed_head where company_id = current_company()), 0) as "position!",
            coalesce((select tag from feed_head where company_id = current_company()), '00000000-0000-0000-0000-000000000000') as "tag!",
            (select tag from feed_commit where company_id = current_company() and position = $1) as cursor_tag,
            (select sequence from journal_watermark where company_id = current_company() and store_id = $2 and incarnation = $3) as sequence,
            (select hash from journal_watermark where company_id = current_company() and store_id = $2 and incarnation = $3) as hash"#,
        cursor_position,
        store,
        caller.incarnation,
    )
    .fetch_one(&mut **tx)
    .await?;
    let tag = Tag(here.tag);
    let after = match judge_cursor(here.position, here.cursor_tag.map(Tag), cursor.as_ref(), schema) {
        CursorVerdict::Serve { after } => after,
        CursorVerdict::Rewound => return Ok(Served::Rewound { head: here.position, tag }),
        CursorVerdict::TooOld { needed } => return Ok(Served::TooOld { needed }),
    };
    let watermark = Watermark {
        incarnation: caller.incarnation,
        sequence: here.sequence.unwrap_or(0),
        hash: here.hash.as_deref().and_then(Hash::from_slice).unwrap_or(Hash::ZERO),
    };
    let head = FeedHead { position: here.position, tag, schema: FEED_SCHEMA, watermark };

    let touched = touched_after(tx, store, &after, limits.rows).await?;
    let has_more_rows = touched.len() > usize::try_from(limits.rows).unwrap_or(usize::MAX);
    let touched = touched.get(..touched.len() - usize::from(has_more_rows)).unwrap_or(&[]);
    let mut records = records_of(tx, store, touched).await?;
    if let Some(staff) = records.get_mut(STAFF) {
        staff::seal_pins(keys, caller, staff)?;
    }

    let mut out = Vec::with_capacity(64 * 1024);
    write_line(&mut out, &head).map_err(Problem::internal)?;
    let (mut count, mut last, mut was_cut) = (0, None, false);
    for row in touched {
        let record =
            records.get(row.entity.as_str()).and_then(|of_kind| of_kind.get(&row.id)).map(String::as_str);
        // Whoever began with nothing need not hear of what was gone by then.
        let is_told = record.is_some() || row.position > after.tombstones_after;
        if is_told {
            write_record(&mut out, &row.entity, row.id, row.position, record);
            count += 1;
        }
        last = Some(row);
        if out.len() >= limits.bytes {
            was_cut = true;
            break;
        }
    }
    let is_last_row = last.map(|row| (row.position, &row.entity, row.id))
        == touched.last().map(|row| (row.position, &row.entity, row.id));
    let complete = !has_more_rows && (!was_cut || is_last_row);
    let next = if complete {
        Cursor { tombstones_after: 0, ..Cursor::at(head.position, head.tag) }
    } else if let Some(row) = last {
        let record = Some(RecordPlace { position: row.position, entity: row.entity.clone(), id: row.id });
        Cursor { position: head.position, tag: head.tag, record, tombstones_after: after.tombstones_after }
    } else {
        after
    };
    // Nothing is folded yet, so the records contain all that a store's journal could have changed in them.
    let tail = FeedTail { next, complete, count, folded: watermark.sequence };
    write_line(&mut out, &tail).map_err(Problem::internal)?;
    Ok(Served::Page(out))
}

/// A record that has changed.
struct Touched {
    position: i64,
    entity: String,
    id: Uuid,
}

/// The next records after a cursor, one more than `rows` where there are more.
async fn touched_after(
    tx: &mut Tx,
    store: Uuid,
    after: &Cursor,
    rows: i64,
) -> Result<Vec<Touched>, sqlx::Error> {
    // A record that is for all stores and for this one may occur twice; it then says the same twice.
    match &after.record {
        None => {
            sqlx::query_as!(
                Touched,
                r#"select position, entity, entity_id as id from feed_entry
                   where company_id = current_company() and (store_id is null or store_id = $1) and position > $2
                   order by position, entity, entity_id limit $3"#,
                store,
                after.position,
                rows + 1,
            )
            .fetch_all(&mut **tx)
            .await
        }
        Some(place) => {
            sqlx::query_as!(
                Touched,
                r#"select position, entity, entity_id as id from feed_entry
                   where company_id = current_company() and (store_id is null or store_id = $1)
                     and (position, entity, entity_id) > ($2, $3, $4)
                   order by position, entity, entity_id limit $5"#,
                store,
                place.position,
                place.entity,
                place.id,
                rows + 1,
            )
            .fetch_all(&mut **tx)
            .await
        }
    }
}

/// The records that hold for the store now, by kind and id.
async fn records_of(
    tx: &mut Tx,
    store: Uuid,
    touched: &[Touched],
) -> Result<HashMap<&'static str, HashMap<Uuid, String>>, sqlx::Error> {
    let mut ids: HashMap<&str, Vec<Uuid>> = HashMap::new();
    for row in touched {
        ids.entry(&row.entity).or_default().push(row.id);
    }
    let mut records = HashMap::with_capacity(ids.len());
    for entity in ENTITIES {
        let Some(ids) = ids.get(entity.name) else { continue };
        let rows: Vec<(Uuid, String)> =
            sqlx::query_as(entity.sql).bind(ids).bind(store).fetch_all(&mut **tx).await?;
        records.insert(entity.name, rows.into_iter().collect());
    }
    Ok(records)
}
