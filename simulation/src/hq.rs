//! HQ with its rows in memory. It can be put back to an earlier copy of itself, as a backup would.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::chain::StreamHead;
use sync_protocol::judge::{BatchVerdict, CursorVerdict, Known, judge_batch, judge_cursor};
use sync_protocol::wire::{
    Cursor, FEED_SCHEMA, FeedHead, FeedTail, RecordPlace, Tag, write_line, write_record,
};
use sync_protocol::{Hash, PushAnswer, PushRequest, Watermark};
use uuid::Uuid;

/// Master data: a record's value.
pub(crate) type Master = BTreeMap<Uuid, u64>;

/// One life of a store, as HQ knows it.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) store: usize,
    pub(crate) watermark: Watermark,
    pub(crate) heads: BTreeMap<String, StreamHead>,
    /// Everything that came, in order.
    pub(crate) entries: Vec<(String, i64, Uuid, Hash)>,
    pub(crate) is_forked: bool,
    pub(crate) has_ended: bool,
}

/// HQ's rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hq {
    pub(crate) master: Master,
    /// Where each record was touched last.
    touched: BTreeMap<Uuid, i64>,
    /// Every commit's tag, from position 1 on.
    tags: Vec<Tag>,
    pub(crate) lives: BTreeMap<Uuid, Life>,
    /// The facts that have had their effect, and how often.
    pub(crate) effects: BTreeMap<Uuid, u32>,
}

/// What HQ says to a request for a page.
pub(crate) enum PageAnswer {
    Page(Vec<u8>),
    Rewound { head: i64 },
    Unknown,
}

/// What HQ says to a push.
pub(crate) enum PushReply {
    Taken(PushAnswer),
    Gap { expected: i64, watermark: Watermark },
    Forked,
    Unknown,
    Invalid(String),
}

impl Hq {
    pub(crate) fn head(&self) -> (i64, Tag) {
        (i64::try_from(self.tags.len()).unwrap_or(i64::MAX), self.tags.last().copied().unwrap_or_default())
    }

    fn tag_at(&self, position: i64) -> Option<Tag> {
        usize::try_from(position - 1).ok().and_then(|index| self.tags.get(index)).copied()
    }

    /// One transaction of an editor: all of these records, or none.
    pub(crate) fn commit(&mut self, changes: &[(Uuid, Option<u64>)], tag: Tag) {
        self.tags.push(tag);
        let (position, _) = self.head();
        for (id, value) in changes {
            match value {
                Some(value) => self.master.insert(*id, *value),
                None => self.master.remove(id),
            };
            self.touched.insert(*id, position);
        }
    }

    /// A person has given a box a code: the store's former life ends, unless there is another box that lives it on.
    pub(crate) fn enrol(&mut self, store: usize, incarnation: Uuid) {
        for life in self.lives.values_mut().filter(|life| life.store == store) {
            life.has_ended = true;
        }
        let life = Life {
            store,
            watermark: Watermark::none(incarnation),
            heads: BTreeMap::new(),
            entries: Vec::new(),
            is_forked: false,
            has_ended: false,
        };
        self.lives.insert(incarnation, life);
    }

    pub(crate) fn watermark(&self, incarnation: Uuid) -> Option<Watermark> {
        self.lives.get(&incarnation).filter(|life| !life.has_ended).map(|life| life.watermark)
    }

    /// A page of at most `rows` records.
    pub(crate) fn page(&self, incarnation: Uuid, after: Option<&Cursor>, rows: usize) -> PageAnswer {
        let Some(watermark) = self.watermark(incarnation) else { return PageAnswer::Unknown };
        let (position, tag) = self.head();
        let tag_there = after.and_then(|cursor| self.tag_at(cursor.position));
        let after = match judge_cursor(position, tag_there, after, FEED_SCHEMA) {
            CursorVerdict::Serve { after } => after,
            CursorVerdict::Rewound | CursorVerdict::TooOld { .. } => {
                return PageAnswer::Rewound { head: position };
            }
        };
        let mut touched: Vec<(i64, Uuid)> = self
            .touched
            .iter()
            .map(|(id, position)| (*position, *id))
            .filter(|(position, id)| match &after.record {
                Some(place) => (*position, *id) > (place.position, place.id),
                None => *position > after.position,
            })
            .collect();
        touched.sort_unstable();
        let complete = touched.len() <= rows;
        touched.truncate(rows);
        let mut out = Vec::new();
        let mut count = 0;
        for (position, id) in &touched {
            let record = self.master.get(id).map(ToString::to_string);
            if record.is_some() || *position > after.tombstones_after {
                write_record(&mut out, "thing", *id, *position, record.as_deref());
                count += 1;
            }
        }
        let next = match touched.last() {
            Some((at, id)) if !complete => Cursor {
                position,
                tag,
                record: Some(RecordPlace { position: *at, entity: "thing".to_owned(), id: *id }),
                tombstones_after: after.tombstones_after,
            },
            _ => Cursor::at(position, tag),
        };
        let head = FeedHead { position, tag, schema: FEED_SCHEMA, watermark };
        let tail = FeedTail { next, complete, count, folded: watermark.sequence };
        let mut page = Vec::new();
        // Writing into memory does not fail.
        let _ = write_line(&mut page, &head);
        page.extend_from_slice(&out);
        let _ = write_line(&mut page, &tail);
        PageAnswer::Page(page)
    }

    /// Takes a batch, in one transaction.
    pub(crate) fn push(&mut self, request: &PushRequest) -> PushReply {
        let Some(life) = self.lives.get_mut(&request.incarnation).filter(|life| !life.has_ended) else {
            return PushReply::Unknown;
        };
        if life.is_forked {
            return PushReply::Forked;
        }
        // Entries are kept in the order of their numbers.
        let skip = usize::try_from(request.first.saturating_sub(1)).unwrap_or(0);
        let stored = life
            .entries
            .iter()
            .skip(skip)
            .take(request.entries.len())
            .map(|(stream, sequence, _, hash)| ((stream.clone(), *sequence), *hash))
            .collect();
        let known = Known { watermark: life.watermark, heads: life.heads.clone(), stored };
        match judge_batch(&known, request) {
            BatchVerdict::Accept(accepted) => {
                for index in accepted.new {
                    let Some(entry) = request.entries.get(index) else { continue };
                    let place = (entry.stream.clone(), entry.stream_sequence, entry.event_id, entry.hash);
                    life.entries.push(place);
                    // Journalled again under another life, it has had its effect.
                    self.effects.entry(entry.event_id).or_insert(1);
                }
                life.heads.extend(accepted.heads);
                life.watermark = accepted.watermark;
                PushReply::Taken(PushAnswer {
                    accepted_through: accepted.watermark.sequence,
                    watermark: accepted.watermark,
                })
            }
            BatchVerdict::Gap { expected } => PushReply::Gap { expected, watermark: life.watermark },
            BatchVerdict::Forked { .. } => {
                life.is_forked = true;
                PushReply::Forked
            }
            BatchVerdict::Invalid { why, .. } => PushReply::Invalid(why.to_string()),
        }
    }

    /// What has had an effect.
    pub(crate) fn facts(&self) -> BTreeSet<Uuid> {
        self.effects.keys().copied().collect()
    }

    /// Whether every stream that came runs from 1 without a gap, and no event came twice in one life.
    pub(crate) fn check_chains(&self) -> Result<(), String> {
        for (incarnation, life) in &self.lives {
            let mut next: BTreeMap<&str, i64> = BTreeMap::new();
            let mut events = BTreeSet::new();
            for (stream, sequence, event, _) in &life.entries {
                let expected = next.entry(stream).or_insert(1);
                if sequence != expected {
                    return Err(format!(
                        "HQ has entry {sequence} of {stream} in {incarnation} where {expected} belongs"
                    ));
                }
                *expected += 1;
                if !events.insert(event) {
                    return Err(format!("HQ has {event} twice in {incarnation}"));
                }
            }
        }
        Ok(())
    }
}
