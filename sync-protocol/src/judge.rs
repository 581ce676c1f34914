//! HQ's end of the conversation: what a batch of a journal or a cursor of the feed is worth, given what HQ has.
//! Its state lives in rows, so these are pure functions over what was read from them.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use crate::chain::{self, Broken, Hash, StreamHead};
use crate::wire::{
    Cursor, FEED_SCHEMA, MAX_BATCH_ENTRIES, MAX_DEPTH, MAX_NAME, MAX_PAYLOAD_BYTES, OLDEST_FEED_SCHEMA,
    PushRequest, Tag, Watermark, is_within_depth,
};

/// What HQ has of a store's journal, locked by the transaction that asks.
#[derive(Clone, Debug)]
pub struct Known {
    /// How far it is, and of which incarnation.
    pub watermark: Watermark,
    /// The streams that have entries, by name.
    pub heads: BTreeMap<String, StreamHead>,
    /// The hash that HQ has for (stream, number in the stream), for every entry of the batch that HQ has.
    pub stored: BTreeMap<(String, i64), Hash>,
}

/// What to do with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchVerdict {
    /// It fits.
    Accept(Accepted),
    /// Entries are missing before it. Nothing is taken.
    Gap {
        /// The number of the entry that comes next.
        expected: i64,
    },
    /// It does not continue the journal that HQ has. Nothing is taken, from then on, until a person has decided.
    Forked {
        /// The number of the entry that does not fit; `first − 1` when it is what the batch claims to follow.
        sequence: i64,
        /// How.
        why: Fork,
    },
    /// No release of the store writes such a batch. Nothing is taken.
    Invalid {
        /// Which entry, counted from 0; `None` when it is the batch itself.
        entry: Option<usize>,
        /// How.
        why: Invalid,
    },
}

/// What a batch that fits leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which of the entries are new, as places in the batch, in order.
    pub new: Vec<usize>,
    /// The heads of the streams that the batch has moved.
    pub heads: BTreeMap<String, StreamHead>,
    /// The watermark after it.
    pub watermark: Watermark,
}

/// How a batch does not continue the journal that HQ has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fork {
    /// What HQ has under the number before the batch is another entry.
    #[error("the entry before the batch is another one at HQ")]
    Previous,
    /// HQ has another entry in that place.
    #[error("HQ has another entry in that place")]
    Other,
    /// The stream does not continue.
    #[error("its stream does not continue: {0}")]
    Chain(#[from] Broken),
}

/// What is wrong with a batch that no store writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is of another incarnation than the key that signed the request.
    #[error("it is of another incarnation")]
    Incarnation,
    /// It has no entries.
    #[error("it has no entries")]
    Empty,
    /// It has more than [`MAX_BATCH_ENTRIES`] entries.
    #[error("it has too many entries")]
    TooMany,
    /// `first` is not a number that an entry may have.
    #[error("`first` is out of range")]
    First,
    /// An event occurs twice.
    #[error("the same event occurs twice")]
    Twice,
    /// A stream or a kind is empty, too long or not plain text.
    #[error("a name is empty, longer than {MAX_NAME} bytes or not plain")]
    Name,
    /// A payload is longer than [`MAX_PAYLOAD_BYTES`].
    #[error("a payload is longer than {MAX_PAYLOAD_BYTES} bytes")]
    PayloadTooLong,
    /// A payload is nested deeper than [`MAX_DEPTH`].
    #[error("a payload is nested deeper than {MAX_DEPTH}")]
    PayloadTooDeep,
    /// A number or a time that no store writes.
    #[error("a number or a time is out of range")]
    Range,
}

/// What HQ does with `request`, given what it has.
///
/// The same batch twice, or two parts of it twice, accepts nothing new the second time. A batch may begin below the
/// watermark (its answer was lost): what HQ has is compared and dropped.
#[must_use]
pub fn judge_batch(known: &Known, request: &PushRequest) -> BatchVerdict {
    if let Err((entry, why)) = check_shape(known, request) {
        return BatchVerdict::Invalid { entry, why };
    }
    let watermark = known.watermark;
    if request.first > watermark.sequence + 1 {
        return BatchVerdict::Gap { expected: watermark.sequence + 1 };
    }
    if request.first - 1 == watermark.sequence && request.previous != watermark.hash {
        return BatchVerdict::Forked { sequence: watermark.sequence, why: Fork::Previous };
    }
    let mut heads: BTreeMap<String, StreamHead> = BTreeMap::new();
    let mut new = Vec::new();
    let mut last = watermark;
    for (index, (sequence, entry)) in (request.first..).zip(&request.entries).enumerate() {
        let head = match heads.get(&entry.stream) {
            Some(head) => *head,
            None => known.heads.get(&entry.stream).copied().unwrap_or_default(),
        };
        let forked = |why| BatchVerdict::Forked { sequence, why };
        if sequence == watermark.sequence && entry.hash != watermark.hash {
            return forked(Fork::Other);
        }
        if sequence <= watermark.sequence || entry.stream_sequence <= head.sequence {
            // HQ has this one, or another in its place.
            let place = (entry.stream.clone(), entry.stream_sequence);
            if known.stored.get(&place) != Some(&entry.hash) {
                return forked(Fork::Other);
            }
        } else {
            match chain::follow(request.incarnation, head, entry) {
                Ok(head) => _ = heads.insert(entry.stream.clone(), head),
                Err(broken) => return forked(Fork::Chain(broken)),
            }
            new.push(index);
        }
        if sequence > last.sequence {
            last = Watermark { sequence, hash: entry.hash, ..last };
        }
    }
    BatchVerdict::Accept(Accepted { new, heads, watermark: last })
}

fn check_shape(known: &Known, request: &PushRequest) -> Result<(), (Option<usize>, Invalid)> {
    let whole = |why| Err((None, why));
    if request.incarnation != known.watermark.incarnation {
        return whole(Invalid::Incarnation);
    }
    if request.entries.is_empty() {
        return whole(Invalid::Empty);
    }
    if request.entries.len() > MAX_BATCH_ENTRIES {
        return whole(Invalid::TooMany);
    }
    if !(1..=i64::MAX / 2).contains(&request.first) {
        return whole(Invalid::First);
    }
    let mut seen: HashSet<Uuid> = HashSet::with_capacity(request.entries.len());
    for (index, entry) in request.entries.iter().enumerate() {
        let wrong = |why| Err((Some(index), why));
        if !seen.insert(entry.event_id) {
            return wrong(Invalid::Twice);
        }
        if !is_name(&entry.stream) || !is_name(&entry.kind) {
            return wrong(Invalid::Name);
        }
        if entry.payload.get().len() > MAX_PAYLOAD_BYTES {
            return wrong(Invalid::PayloadTooLong);
        }
        if !is_within_depth(entry.payload.get().as_bytes(), MAX_DEPTH) {
            return wrong(Invalid::PayloadTooDeep);
        }
        // What the database's types hold, and no more is asked here: an entry of a box whose clock said 1970 cannot be
        // changed any more, and must not hold up what comes after it. Whether it has an effect is decided elsewhere.
        let years = 1..=9999;
        let in_range = entry.stream_sequence >= 1
            && entry.version >= 0
            && entry.feed_position >= 0
            && years.contains(&chrono::Datelike::year(&entry.occurred_at))
            && years.contains(&chrono::Datelike::year(&entry.business_date));
        if !in_range {
            return wrong(Invalid::Range);
        }
    }
    Ok(())
}

/// Lower-case words, digits and the few signs that ids and kinds have.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

/// What a cursor of the feed is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorVerdict {
    /// A page after it.
    Serve {
        /// What comes next is after this.
        after: Cursor,
    },
    /// It is of a history that this HQ does not have.
    Rewound,
    /// The store asks for records of a version that HQ no longer (or not yet) serves.
    TooOld {
        /// The version needed at least.
        needed: u32,
    },
}

/// What HQ answers to a store that asks for what comes after `cursor` (`None`: everything) in `schema`.
///
/// `head` is the feed's last position in the page's snapshot; `tag` is the tag that this HQ has for the cursor's
/// position, `None` when it has none. A store that begins with nothing is not told of what was gone by then.
#[must_use]
pub fn judge_cursor(head: i64, tag: Option<Tag>, cursor: Option<&Cursor>, schema: u32) -> CursorVerdict {
    if !(OLDEST_FEED_SCHEMA..=FEED_SCHEMA).contains(&schema) {
        return CursorVerdict::TooOld { needed: OLDEST_FEED_SCHEMA };
    }
    match cursor {
        Some(cursor) if !cursor.is_start() => {
            let is_known = cursor.position <= head && (tag == Some(cursor.tag) || cursor.position == 0);
            if is_known { CursorVerdict::Serve { after: cursor.clone() } } else { CursorVerdict::Rewound }
        }
        _ => CursorVerdict::Serve { after: Cursor { tombstones_after: head, ..Cursor::START } },
    }
}
