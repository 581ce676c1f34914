//! A store's box: what is on its disk, and the machine that runs over it until it crashes.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use sync_protocol::chain::{self, Link, StreamHead};
use sync_protocol::store_sync::{Checkpoint, Settings, Staging, Start, StoreSync, Timer, WatermarkVerdict};
use sync_protocol::wire::{FEED_SCHEMA, FeedRecord};
use sync_protocol::{Hash, JournalEntry, PushRequest, RawJson, Watermark};
use uuid::Uuid;

use crate::hq::Master;

/// What survives a crash.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) incarnation: Uuid,
    pub(crate) master: Master,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) staged: BTreeMap<Uuid, Option<u64>>,
    pub(crate) staging: Option<Staging>,
    /// The facts that the store has, whatever life they were journalled in.
    pub(crate) facts: Vec<Uuid>,
    /// This life's journal, in the order of its numbers.
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) heads: BTreeMap<String, StreamHead>,
    pub(crate) acknowledged: i64,
}

impl Disk {
    pub(crate) fn new(incarnation: Uuid) -> Self {
        Self {
            incarnation,
            master: Master::new(),
            checkpoint: None,
            staged: BTreeMap::new(),
            staging: None,
            facts: Vec::new(),
            journal: Vec::new(),
            heads: BTreeMap::new(),
            acknowledged: 0,
        }
    }

    pub(crate) fn start(&self) -> Start {
        Start {
            incarnation: self.incarnation,
            checkpoint: self.checkpoint.clone(),
            staging: self.staging.clone(),
            schema: FEED_SCHEMA,
            acknowledged: self.acknowledged,
        }
    }

    /// A fact and its journal entry, in one transaction.
    pub(crate) fn commit_fact(&mut self, event_id: Uuid, stream: &str, now_ms: u64) {
        self.facts.push(event_id);
        self.journal_fact(event_id, stream, now_ms);
    }

    fn journal_fact(&mut self, event_id: Uuid, stream: &str, now_ms: u64) {
        let head = self.heads.get(stream).copied().unwrap_or_default();
        let Ok(payload) = RawJson::new(format!(r#"{{ "event" : "{event_id}","n":1.50 }}"#)) else { return };
        let occurred_at =
            DateTime::from_timestamp_millis(1_800_000_000_000 + i64::try_from(now_ms).unwrap_or_default())
                .unwrap_or_default();
        let mut entry = JournalEntry {
            event_id,
            stream: stream.to_owned(),
            stream_sequence: head.sequence + 1,
            kind: "thing_happened".to_owned(),
            version: 1,
            occurred_at,
            business_date: NaiveDate::from_ymd_opt(2027, 1, 15).unwrap_or_default(),
            feed_position: self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.cursor.position),
            payload,
            previous_hash: head.hash,
            hash: Hash::ZERO,
        };
        entry.hash = chain::hash(&Link::of(self.incarnation, &entry), head.hash);
        self.heads
            .insert(stream.to_owned(), StreamHead { sequence: entry.stream_sequence, hash: entry.hash });
        self.journal.push(entry);
    }

    /// A person has given the box a code: a new life, under which its facts are journalled again.
    pub(crate) fn begin_life(&mut self, incarnation: Uuid, now_ms: u64) {
        self.incarnation = incarnation;
        self.journal.clear();
        self.heads.clear();
        self.acknowledged = 0;
        self.staging = None;
        self.staged.clear();
        for event_id in self.facts.clone() {
            self.journal_fact(event_id, "store", now_ms);
        }
    }

    pub(crate) fn stage(&mut self, records: &[FeedRecord], fresh: bool, staging: Staging) {
        if fresh {
            self.staged.clear();
        }
        for record in records {
            let value = record.record.as_ref().and_then(|record| record.get().parse().ok());
            self.staged.insert(record.id, value);
        }
        self.staging = Some(staging);
    }

    pub(crate) fn apply(&mut self, checkpoint: Checkpoint, resync: bool) {
        if resync {
            let staged = &self.staged;
            self.master.retain(|id, _| staged.contains_key(id));
        }
        for (id, value) in std::mem::take(&mut self.staged) {
            match value {
                Some(value) => self.master.insert(id, value),
                None => self.master.remove(&id),
            };
        }
        self.staging = None;
        self.checkpoint = Some(checkpoint);
    }

    pub(crate) fn check(&self, watermark: Watermark) -> WatermarkVerdict {
        if self.hash_of(watermark.sequence) == Some(watermark.hash) {
            WatermarkVerdict::Matches
        } else {
            WatermarkVerdict::Differs
        }
    }

    fn hash_of(&self, number: i64) -> Option<Hash> {
        if number == 0 {
            return Some(Hash::ZERO);
        }
        usize::try_from(number - 1).ok().and_then(|index| self.journal.get(index)).map(|entry| entry.hash)
    }

    /// The batch that begins with entry `from`; `None` when there is none.
    pub(crate) fn batch(&self, from: i64, limit: usize) -> Option<PushRequest> {
        let skip = usize::try_from(from - 1).ok()?;
        let entries: Vec<JournalEntry> = self.journal.iter().skip(skip).take(limit).cloned().collect();
        if entries.is_empty() {
            return None;
        }
        let previous = self.hash_of(from - 1)?;
        Some(PushRequest { incarnation: self.incarnation, first: from, previous, entries })
    }

    pub(crate) fn check_chains(&self) -> Result<(), String> {
        let mut heads: BTreeMap<&str, StreamHead> = BTreeMap::new();
        for entry in &self.journal {
            let head = heads.entry(&entry.stream).or_default();
            *head = chain::follow(self.incarnation, *head, entry).map_err(|broken| broken.to_string())?;
        }
        Ok(())
    }
}

/// A box.
#[derive(Debug)]
pub(crate) struct Store {
    /// Which store it is to HQ.
    pub(crate) number: usize,
    pub(crate) disk: Disk,
    /// An image of the disk that somebody made.
    pub(crate) image: Option<Disk>,
    pub(crate) machine: StoreSync,
    /// What belongs to an earlier run of the machine is ignored.
    pub(crate) run: u64,
    pub(crate) timers: BTreeMap<Timer, u64>,
    pub(crate) is_line_down: bool,
    pub(crate) is_bell_up: bool,
    /// Pages that have come and wait for the machine's word, by attempt.
    pub(crate) pages: BTreeMap<u64, Vec<FeedRecord>>,
    /// HQ does not know its key any more.
    pub(crate) is_locked_out: bool,
}

impl Store {
    pub(crate) fn new(number: usize, disk: Disk, settings: Settings) -> Self {
        Self {
            number,
            disk,
            image: None,
            machine: StoreSync::new(settings),
            run: 0,
            timers: BTreeMap::new(),
            is_line_down: false,
            is_bell_up: false,
            pages: BTreeMap::new(),
            is_locked_out: false,
        }
    }
}
