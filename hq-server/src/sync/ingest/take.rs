//! Taking a batch of a store's journal: all of it in one transaction, with the watermark.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use server_kit::{AppState, Context, Patience, Problem, Tx, metrics, transact_within};
use sync_protocol::chain::StreamHead;
use sync_protocol::judge::{Accepted, BatchVerdict, Fork, Invalid, Known, judge_batch};
use sync_protocol::{Hash, JournalEntry, PushRequest, Watermark};
use uuid::Uuid;

use super::apply::{Received, SetAside, apply};
use super::locks::{self, LockedJournal};
use crate::sync::token::{Caller, still_in_force};

/// A batch takes as long as its rows do.
const PATIENCE: Patience = Patience::long(Duration::from_mins(1));

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is here for good.
    Accepted {
        /// How far the journal is now.
        watermark: Watermark,
    },
    /// Entries are missing before it.
    Gap {
        /// The number that comes next.
        expected: i64,
        /// How far the journal is.
        watermark: Watermark,
    },
    /// It is of another journal than the one that is here.
    Forked {
        /// How far the journal is.
        watermark: Watermark,
        /// In words.
        why: String,
    },
    /// No store writes such a batch.
    Invalid {
        /// Which entry, counted from 0.
        entry: Option<usize>,
        /// How.
        why: Invalid,
    },
}

/// Takes a batch of the store that has signed for it.
pub(crate) async fn take(state: &AppState, caller: &Caller, request: PushRequest) -> Result<Taken, Problem> {
    let (caller, request) = (caller.clone(), Arc::new(request));
    let actor = caller.actor();
    transact_within(state, &actor, PATIENCE, move |tx, cx| {
        Box::pin(async move { take_in(tx, cx, &caller, &request).await })
    })
    .await
}

async fn take_in(
    tx: &mut Tx,
    cx: &Context,
    caller: &Caller,
    request: &PushRequest,
) -> Result<Taken, Problem> {
    let LockedJournal { watermark, is_forked } =
        locks::journal(tx, caller.store_id, caller.incarnation).await?;
    // While this batch waited for the one before it, a person may have ended the key.
    still_in_force(tx, caller).await?;
    if is_forked {
        let why = "This journal has forked; the store needs a new enrolment code.".to_owned();
        return Ok(Taken::Forked { watermark, why });
    }
    let known = known(tx, caller, watermark, request).await?;
    match judge_batch(&known, request) {
        BatchVerdict::Accept(accepted) => {
            let watermark = accepted.watermark;
            keep(tx, cx, caller, request, accepted).await?;
            Ok(Taken::Accepted { watermark })
        }
        BatchVerdict::Gap { expected } => Ok(Taken::Gap { expected, watermark }),
        BatchVerdict::Forked { sequence, why } => {
            note_fork(tx, cx, caller, watermark, sequence, why).await?;
            Ok(Taken::Forked { watermark, why: why.to_string() })
        }
        BatchVerdict::Invalid { entry, why } => Ok(Taken::Invalid { entry, why }),
    }
}

/// What is here already of the journal that the batch is of.
async fn known(
    tx: &mut Tx,
    caller: &Caller,
    watermark: Watermark,
    request: &PushRequest,
) -> Result<Known, sqlx::Error> {
    let heads = sqlx::query!(
        "select stream, sequence, hash from journal_stream
         where company_id = current_company() and store_id = $1 and incarnation = $2",
        caller.store_id,
        caller.incarnation,
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(|row| {
        let hash = Hash::from_slice(&row.hash).unwrap_or(Hash::ZERO);
        (row.stream, StreamHead { sequence: row.sequence, hash })
    })
    .collect();
    let mut stored = BTreeMap::new();
    if request.first <= watermark.sequence {
        let batch = i64::try_from(request.entries.len()).unwrap_or(i64::MAX);
        let rows = sqlx::query!(
            "select stream, stream_sequence, hash from received_entry
             where company_id = current_company() and store_id = $1 and incarnation = $2 and sequence >= $3 and sequence < $4",
            caller.store_id,
            caller.incarnation,
            request.first,
            request.first.saturating_add(batch),
        )
        .fetch_all(&mut **tx)
        .await?;
        for row in rows {
            let hash = Hash::from_slice(&row.hash).unwrap_or(Hash::ZERO);
            stored.insert((row.stream, row.stream_sequence), hash);
        }
    }
    Ok(Known { watermark, heads, stored })
}

/// Keeps the new entries as they came, writes what they say, and moves the journal on.
async fn keep(
    tx: &mut Tx,
    cx: &Context,
    caller: &Caller,
    request: &PushRequest,
    accepted: Accepted,
) -> Result<(), Problem> {
    let entries: Vec<(i64, &JournalEntry)> = (request.first..).zip(&request.entries).collect();
    let new: Vec<(i64, &JournalEntry)> =
        accepted.new.iter().filter_map(|&index| entries.get(index).copied()).collect();
    if new.is_empty() {
        return Ok(());
    }
    let known_elsewhere = journalled_before(tx, caller, &new).await?;
    keep_raw(tx, cx, caller, &new).await?;
    let received: Vec<Received<'_>> = new
        .iter()
        .filter(|(_, entry)| !known_elsewhere.contains(&entry.event_id))
        .map(|(sequence, entry)| Received {
            sequence: *sequence,
            kind: &entry.kind,
            version: entry.version,
            stream: &entry.stream,
            occurred_at: entry.occurred_at,
            business_date: entry.business_date,
            arrived_at: cx.now,
            dates_are_accepted: false,
            payload: entry.payload.get(),
        })
        .collect();
    let aside = apply(tx, caller.company_id, caller.store_id, &received).await?;
    open_incidents(tx, cx, caller, &new, &aside).await?;
    move_on(tx, cx, caller, &new, &accepted).await?;
    metrics::count_by("journal_entries_received_total", &[], new.len() as u64);
    if !aside.is_empty() {
        metrics::count_by("journal_entries_set_aside_total", &[], aside.len() as u64);
        tracing::warn!(store_id = %caller.store_id, entries = aside.len(), "entries do not apply and wait for a person");
    }
    Ok(())
}

/// Events that came under another incarnation: after a fork a store journals again what it wrote behind it. They have had
/// their effect.
async fn journalled_before(
    tx: &mut Tx,
    caller: &Caller,
    new: &[(i64, &JournalEntry)],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let events: Vec<Uuid> = new.iter().map(|(_, entry)| entry.event_id).collect();
    let known = sqlx::query_scalar!(
        "select event_id from received_entry where company_id = current_company() and store_id = $1 and event_id = any($2)",
        caller.store_id,
        &events,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(known.into_iter().collect())
}

async fn keep_raw(
    tx: &mut Tx,
    cx: &Context,
    caller: &Caller,
    new: &[(i64, &JournalEntry)],
) -> Result<(), sqlx::Error> {
    let mut columns = Columns::default();
    for (sequence, entry) in new {
        columns.push(*sequence, entry);
    }
    sqlx::query!(
        "insert into received_entry (store_id, incarnation, sequence, event_id, stream, stream_sequence, kind, version,
            occurred_at, business_date, feed_position, payload, hash, received_at)
         select $1, $2, e.sequence, e.event_id, e.stream, e.stream_sequence, e.kind, e.version,
            e.occurred_at, e.business_date, e.feed_position, e.payload, e.hash, $3
         from unnest($4::bigint[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::int[],
            $10::timestamptz[], $11::date[], $12::bigint[], $13::text[], $14::bytea[])
            as e (sequence, event_id, stream, stream_sequence, kind, version,
                occurred_at, business_date, feed_position, payload, hash)",
        caller.store_id,
        caller.incarnation,
        cx.now,
        &columns.sequences,
        &columns.events,
        &columns.streams as &[&str],
        &columns.stream_sequences,
        &columns.kinds as &[&str],
        &columns.versions,
        &columns.occurred_at,
        &columns.business_dates,
        &columns.feed_positions,
        &columns.payloads as &[&str],
        &columns.hashes as &[&[u8]],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Entries turned on their side, as PostgreSQL takes sets.
#[derive(Default)]
struct Columns<'a> {
    sequences: Vec<i64>,
    events: Vec<Uuid>,
    streams: Vec<&'a str>,
    stream_sequences: Vec<i64>,
    kinds: Vec<&'a str>,
    versions: Vec<i32>,
    occurred_at: Vec<DateTime<Utc>>,
    business_dates: Vec<NaiveDate>,
    feed_positions: Vec<i64>,
    payloads: Vec<&'a str>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, sequence: i64, entry: &'a JournalEntry) {
        self.sequences.push(sequence);
        self.events.push(entry.event_id);
        self.streams.push(&entry.stream);
        self.stream_sequences.push(entry.stream_sequence);
        self.kinds.push(&entry.kind);
        self.versions.push(entry.version);
        self.occurred_at.push(entry.occurred_at);
        self.business_dates.push(entry.business_date);
        self.feed_positions.push(entry.feed_position);
        self.payloads.push(entry.payload.get());
        self.hashes.push(entry.hash.as_bytes());
    }
}

async fn open_incidents(
    tx: &mut Tx,
    cx: &Context,
    caller: &Caller,
    new: &[(i64, &JournalEntry)],
    aside: &[SetAside],
) -> Result<(), sqlx::Error> {
    if aside.is_empty() {
        return Ok(());
    }
    let entries: BTreeMap<i64, &JournalEntry> = new.iter().copied().collect();
    let (mut ids, mut kinds, mut reasons, mut sequences, mut events, mut entry_kinds) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for set_aside in aside {
        let Some(entry) = entries.get(&set_aside.sequence) else { continue };
        ids.push(cx.new_id());
        kinds.push(if set_aside.is_unknown_kind { "unknown_kind" } else { "poison" });
        // PostgreSQL keeps no NUL, and a parser may quote one.
        reasons.push(set_aside.reason.replace('\0', "\u{fffd}"));
        sequences.push(set_aside.sequence);
        events.push(entry.event_id);
        entry_kinds.push(entry.kind.as_str());
    }
    alarm_where_others_have_the_same(tx, caller, &reasons).await?;
    sqlx::query!(
        "insert into incident (id, store_id, kind, reason, incarnation, sequence, event_id, entry_kind, opened_at)
         select i.id, $1, i.kind, i.reason, $2, i.sequence, i.event_id, i.entry_kind, $3
         from unnest($4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::uuid[], $9::text[])
            as i (id, kind, reason, sequence, event_id, entry_kind)
         on conflict (company_id, store_id, incarnation, sequence) where kind in ('poison', 'unknown_kind') do nothing",
        caller.store_id,
        caller.incarnation,
        cx.now,
        &ids,
        &kinds as &[&str],
        &reasons,
        &sequences,
        &events,
        &entry_kinds as &[&str],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The same reason from two stores is likely this server's own fault, and somebody should be woken for it.
async fn alarm_where_others_have_the_same(
    tx: &mut Tx,
    caller: &Caller,
    reasons: &[String],
) -> Result<(), sqlx::Error> {
    let shared = sqlx::query_scalar!(
        "select distinct reason from incident
         where company_id = current_company() and state = 'open' and store_id <> $1 and reason = any($2)",
        caller.store_id,
        reasons,
    )
    .fetch_all(&mut **tx)
    .await?;
    for reason in shared {
        metrics::count("entries_set_aside_in_several_stores_total", &[]);
        tracing::error!(store_id = %caller.store_id, reason, "entries of several stores are set aside for the same reason");
    }
    Ok(())
}

async fn move_on(
    tx: &mut Tx,
    cx: &Context,
    caller: &Caller,
    new: &[(i64, &JournalEntry)],
    accepted: &Accepted,
) -> Result<(), sqlx::Error> {
    let streams: Vec<&str> = accepted.heads.keys().map(String::as_str).collect();
    let sequences: Vec<i64> = accepted.heads.values().map(|head| head.sequence).collect();
    let hashes: Vec<&[u8]> = accepted.heads.values().map(|head| head.hash.as_bytes()).collect();
    sqlx::query!(
        "insert into journal_stream (store_id, incarnation, stream, sequence, hash)
         select $1, $2, s.stream, s.sequence, s.hash from unnest($3::text[], $4::bigint[], $5::bytea[]) as s (stream, sequence, hash)
         on conflict (company_id, store_id, incarnation, stream) do update set sequence = excluded.sequence, hash = excluded.hash",
        caller.store_id,
        caller.incarnation,
        &streams as &[&str],
        &sequences,
        &hashes as &[&[u8]],
    )
    .execute(&mut **tx)
    .await?;
    // A clock that is ahead must not hide what is heard after it.
    let last_event_at = new.iter().map(|(_, entry)| entry.occurred_at.min(cx.now)).max();
    sqlx::query!(
        "update journal_watermark set sequence = $3, hash = $4, last_event_at = greatest(last_event_at, $5), received_at = $6
         where company_id = current_company() and store_id = $1 and incarnation = $2",
        caller.store_id,
        caller.incarnation,
        accepted.watermark.sequence,
        accepted.watermark.hash.as_bytes(),
        last_event_at,
        cx.now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn note_fork(
    tx: &mut Tx,
    cx: &Context,
    caller: &Caller,
    watermark: Watermark,
    sequence: i64,
    why: Fork,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update journal_watermark set forked_at = $3 where company_id = current_company() and store_id = $1 and incarnation = $2",
        caller.store_id,
        caller.incarnation,
        cx.now,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into incident (id, store_id, kind, reason, incarnation, sequence, detail, opened_at)
         values ($1, $2, 'forked', $3, $4, $5, jsonb_build_object('watermark', $6::bigint, 'hash', encode($7, 'hex')), $8)",
        cx.new_id(),
        caller.store_id,
        why.to_string(),
        caller.incarnation,
        sequence,
        watermark.sequence,
        watermark.hash.as_bytes(),
        cx.now,
    )
    .execute(&mut **tx)
    .await?;
    metrics::count("journals_forked_total", &[]);
    tracing::error!(store_id = %caller.store_id, sequence, %why, "a store's journal has forked");
    Ok(())
}
