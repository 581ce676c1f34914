//! What travels between a store and HQ. Every type here is a format that an older or newer release reads: fields are
//! only ever added, and a reader ignores those that it does not know.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::chain::Hash;

/// The version of the records that this release sends and asks for. It grows when an entity or a field is added.
pub const FEED_SCHEMA: u32 = 1;
/// The oldest version of the records that HQ still serves: the current one and the one before.
pub const OLDEST_FEED_SCHEMA: u32 = 1;

/// The most entries of one push.
pub const MAX_BATCH_ENTRIES: usize = 2_000;
/// The most bytes of one push, after decompression.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of one push as it arrives.
pub const MAX_BATCH_BYTES_COMPRESSED: usize = 8 * 1024 * 1024;
/// At how many bytes of payload a store ends a batch. Leaves room for the envelopes under [`MAX_BATCH_BYTES`].
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of one entry's payload.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// How deep a payload or record may be nested.
pub const MAX_DEPTH: usize = 32;
/// The most records of one page of the feed.
pub const PAGE_ROWS: i64 = 10_000;
/// At how many bytes HQ ends a page of the feed.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of one page that a store reads, after decompression: a page, and its last record whole.
pub const MAX_PAGE_BYTES: usize = PAGE_BYTES + 2 * MAX_PAYLOAD_BYTES;
/// The longest message of the bell.
pub const MAX_BELL_BYTES: usize = 64 * 1024;
/// How often both ends of the bell ping; two unanswered pings and the line is taken for dead.
pub const BELL_PING_MS: u64 = 20_000;
/// The longest that a change waits to be told together with those after it, where thousands of bells are up; with few up
/// it is told sooner.
pub const BELL_COALESCE_MS: u64 = 100;
/// How long a store's token is good for.
pub const TOKEN_SECONDS: i64 = 60;
/// The audience of a store's token.
pub const TOKEN_AUDIENCE: &str = "tradepost-hq";
/// The `typ` in the header of a store's token.
pub const TOKEN_TYPE: &str = "store+jwt";
/// The longest cursor, as text.
pub const MAX_CURSOR: usize = 256;
/// The longest name of an entity, a kind or a stream.
pub const MAX_NAME: usize = 64;
/// How many days what is sold may be from the business date that it counts for. A register session may stay open for long, and
/// its sales keep its date; further apart, one of the two was said by a wrong clock. HQ takes no such sale, so a store makes none.
pub const MOST_DAYS_APART: i64 = 400;

/// Whether something may have happened then and count for that day: the same question at the store that writes it and at HQ.
///
/// ```
/// let morning = "2026-11-25T08:00:00Z".parse()?;
/// assert!(sync_protocol::wire::is_near_its_day(morning, "2026-11-24".parse()?));
/// // The session was opened while the clock said 2025.
/// assert!(!sync_protocol::wire::is_near_its_day(morning, "2025-01-01".parse()?));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn is_near_its_day(occurred_at: DateTime<Utc>, business_date: NaiveDate) -> bool {
    (occurred_at.date_naive() - business_date).abs() <= TimeDelta::days(MOST_DAYS_APART)
}

/// JSON that is kept as the bytes it was written with: parsing and printing it again could change the order of keys
/// or the spelling of numbers, and then its hash.
///
/// The bytes survive because `serde_json` copies a raw value verbatim, both ways. White space around the value does
/// not, so a writer keeps none there ([`RawJson::new`] trims it).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Keeps `text`, which must be one JSON value.
    pub fn new(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let text: String = text.into();
        let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
        let text = if trimmed.len() == text.len() { text } else { trimmed.to_owned() };
        RawValue::from_string(text).map(Self)
    }

    /// Writes `value` as JSON, once and for all.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// The bytes as they were written.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}
impl Eq for RawJson {}

/// Whether no value in `json` is nested deeper than `limit`. Looks at brackets outside of strings only, so it is
/// asked before anything is parsed.
#[must_use]
pub fn is_within_depth(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// The random mark of one commit of the feed: two histories of HQ that reached the same position differ in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(pub Uuid);

/// How far a store's journal has arrived: the entry with this number has this hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The life of the store's database that it is about.
    pub incarnation: Uuid,
    /// The number of the last entry that arrived; 0 when none has.
    pub sequence: i64,
    /// That entry's hash; [`Hash::ZERO`] when none has.
    pub hash: Hash,
}

impl Watermark {
    /// Of a journal of which nothing has arrived.
    #[must_use]
    pub fn none(incarnation: Uuid) -> Self {
        Self { incarnation, sequence: 0, hash: Hash::ZERO }
    }
}

/// Where a store is in the feed. Opaque to it but for the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// HQ's head when it was read. A cursor is good where HQ has this commit still: a page that was cut in the middle has
    /// left out what had moved behind it by then, so that its own place alone would not do.
    pub position: i64,
    /// HQ's tag of that position.
    pub tag: Tag,
    /// How far has been read; `None` when everything up to `position` has been.
    pub record: Option<RecordPlace>,
    /// Tombstones up to this position are left out: the store began with nothing when HQ's head was here.
    pub tombstones_after: i64,
}

/// A record's place in the feed: by position, then in order of the entities' names' bytes, then of ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    /// The commit that last touched it.
    pub position: i64,
    /// The kind of record.
    pub entity: String,
    /// The record.
    pub id: Uuid,
}

/// A cursor that no HQ of this protocol wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this server gave out")]
pub struct BadCursor;

impl Cursor {
    /// Before the first commit of a feed that no store has read from yet: the tag of position 0 is all zeroes.
    pub const START: Self = Self { position: 0, tag: Tag(Uuid::nil()), record: None, tombstones_after: 0 };
    const VERSION: u8 = 1;

    /// At a whole commit.
    #[must_use]
    pub fn at(position: i64, tag: Tag) -> Self {
        Self { position, tag, record: None, tombstones_after: 0 }
    }

    /// Whether it stands before everything.
    #[must_use]
    pub fn is_start(&self) -> bool {
        self.position == 0 && self.record.is_none()
    }

    /// How far has been read: later cursors of one pull are greater.
    #[must_use]
    pub fn progress(&self) -> (i64, bool, Option<&RecordPlace>) {
        match &self.record {
            Some(place) => (place.position, false, Some(place)),
            None => (self.position, true, None),
        }
    }

    /// The text that travels.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(Self::VERSION);
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(self.tag.0.as_bytes());
        bytes.extend_from_slice(&self.tombstones_after.to_be_bytes());
        if let Some(place) = &self.record {
            bytes.extend_from_slice(&place.position.to_be_bytes());
            bytes.extend_from_slice(place.id.as_bytes());
            bytes.extend_from_slice(place.entity.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        if text.len() > MAX_CURSOR {
            return Err(BadCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let mut rest = bytes.as_slice();
        if take::<1>(&mut rest)? != [Self::VERSION] {
            return Err(BadCursor);
        }
        let position = i64::from_be_bytes(take(&mut rest)?);
        let tag = Tag(Uuid::from_bytes(take(&mut rest)?));
        let tombstones_after = i64::from_be_bytes(take(&mut rest)?);
        let record = if rest.is_empty() {
            None
        } else {
            let place_position = i64::from_be_bytes(take(&mut rest)?);
            let id = Uuid::from_bytes(take(&mut rest)?);
            let entity = str::from_utf8(rest).map_err(|_| BadCursor)?;
            let is_place = (1..=position).contains(&place_position) && (1..=MAX_NAME).contains(&entity.len());
            if !is_place {
                return Err(BadCursor);
            }
            Some(RecordPlace { position: place_position, entity: entity.to_owned(), id })
        };
        if position < 0 || tombstones_after < 0 {
            return Err(BadCursor);
        }
        Ok(Self { position, tag, record, tombstones_after })
    }
}

/// Takes the first `N` bytes of `rest`.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BadCursor> {
    let (first, others) = rest.split_first_chunk::<N>().ok_or(BadCursor)?;
    *rest = others;
    Ok(*first)
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::decode(&text).map_err(serde::de::Error::custom)
    }
}

/// The first line of a page of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHead {
    /// The last commit of the feed in the page's snapshot.
    pub position: i64,
    /// Its tag.
    pub tag: Tag,
    /// The version of the records.
    pub schema: u32,
    /// How far HQ has this store's journal, in the same snapshot.
    pub watermark: Watermark,
}

/// One record of a page: as it is for this store in the page's snapshot, or gone for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRecord {
    /// The kind of record.
    pub entity: String,
    /// Which one.
    pub id: Uuid,
    /// The commit that last touched it.
    pub position: i64,
    /// The record whole; `None` exactly when `deleted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RawJson>,
    /// Whether it is gone for this store.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// The last line of a page of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedTail {
    /// Where the next page begins.
    pub next: Cursor,
    /// Whether nothing after this page existed in this page's snapshot: what is staged is a whole checkpoint, the
    /// head's.
    pub complete: bool,
    /// How many records the page has.
    pub count: u64,
    /// Up to which entry of this store's journal the records of this page contain its effects.
    pub folded: i64,
}

/// A whole page of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its first line.
    pub head: FeedHead,
    /// What it brings.
    pub records: Vec<FeedRecord>,
    /// Its last line.
    pub tail: FeedTail,
}

/// Why bytes are not a whole page. All of these are a broken transfer or a broken HQ: the page is asked for again.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// No tail came: the line broke in between.
    #[error("the page ends before its last line")]
    Truncated,
    /// The tail counts other records than came.
    #[error("the page has {found} records and says {said}")]
    Count {
        /// How many came.
        found: u64,
        /// How many the tail says.
        said: u64,
    },
    /// A line is not what its place asks for.
    #[error("line {line} of the page is not readable: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A record that is both there and gone, or neither.
    #[error("line {line} of the page has a record without exactly one of record and deleted")]
    Verdict {
        /// Counted from 1.
        line: usize,
    },
    /// More bytes than a page may have.
    #[error("the page is larger than {MAX_PAGE_BYTES} bytes")]
    TooLarge,
    /// A record nested too deep.
    #[error("line {line} of the page is nested too deep")]
    TooDeep {
        /// Counted from 1.
        line: usize,
    },
}

/// Reads a page from its bytes (after decompression), whole or not at all.
pub fn read_page(bytes: &[u8]) -> Result<Page, PageError> {
    if bytes.len() > MAX_PAGE_BYTES {
        return Err(PageError::TooLarge);
    }
    // A last line without its end may be cut in a number and still be readable.
    let bytes = bytes.strip_suffix(b"\n").ok_or(PageError::Truncated)?;
    let mut lines = bytes.split(|&byte| byte == b'\n').enumerate();
    let (_, first) = lines.next().ok_or(PageError::Truncated)?;
    let head: FeedHead =
        serde_json::from_slice(first).map_err(|source| PageError::Line { line: 1, source })?;
    let mut records = Vec::new();
    let mut last: Option<(usize, &[u8])> = None;
    for (index, line) in lines {
        if let Some((number, line)) = last.replace((index + 1, line)) {
            records.push(read_record(number, line)?);
        }
    }
    let (line, bytes) = last.ok_or(PageError::Truncated)?;
    let tail: FeedTail = match serde_json::from_slice(bytes) {
        Ok(tail) => tail,
        Err(_) if read_record(line, bytes).is_ok() => return Err(PageError::Truncated),
        Err(source) => return Err(PageError::Line { line, source }),
    };
    let found = records.len() as u64;
    if found != tail.count {
        return Err(PageError::Count { found, said: tail.count });
    }
    Ok(Page { head, records, tail })
}

fn read_record(line: usize, bytes: &[u8]) -> Result<FeedRecord, PageError> {
    if !is_within_depth(bytes, MAX_DEPTH) {
        return Err(PageError::TooDeep { line });
    }
    let record: FeedRecord =
        serde_json::from_slice(bytes).map_err(|source| PageError::Line { line, source })?;
    if record.record.is_some() == record.deleted {
        return Err(PageError::Verdict { line });
    }
    Ok(record)
}

/// Writes a head, a tail or any other single line of a page to the end of `out`.
pub fn write_line<T: Serialize>(out: &mut Vec<u8>, line: &T) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *out, line)?;
    out.push(b'\n');
    Ok(())
}

/// Writes a record's line to the end of `out` without parsing it: `record` is JSON on one line, or `None` when the
/// record is gone. `entity` is one of HQ's own names.
pub fn write_record(out: &mut Vec<u8>, entity: &str, id: Uuid, position: i64, record: Option<&str>) {
    out.extend_from_slice(b"{\"entity\":\"");
    out.extend_from_slice(entity.as_bytes());
    out.extend_from_slice(b"\",\"id\":\"");
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
    out.extend_from_slice(b"\",\"position\":");
    out.extend_from_slice(position.to_string().as_bytes());
    match record {
        Some(record) => {
            out.extend_from_slice(b",\"record\":");
            out.extend_from_slice(record.as_bytes());
        }
        None => out.extend_from_slice(b",\"deleted\":true"),
    }
    out.extend_from_slice(b"}\n");
}

/// One entry of a store's journal: a fact's envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The fact. Exactly once in effect means: once by this id.
    pub event_id: Uuid,
    /// The chain that it belongs to: a register's id, or `store` for the back office.
    pub stream: String,
    /// Its place in that chain, from 1.
    pub stream_sequence: i64,
    /// What kind of fact it is.
    pub kind: String,
    /// The version of the payload's format.
    pub version: i32,
    /// When it happened, to the microsecond.
    pub occurred_at: DateTime<Utc>,
    /// The store's business date of it.
    pub business_date: NaiveDate,
    /// The checkpoint that it was computed at.
    pub feed_position: i64,
    /// The fact, as the bytes that its writer wrote.
    pub payload: RawJson,
    /// The hash of the entry before it in its stream; [`Hash::ZERO`] for the first.
    pub previous_hash: Hash,
    /// Its own hash ([`crate::chain::hash`]).
    pub hash: Hash,
}

/// `POST /sync/v1/journal`: the entries numbered `first`, `first + 1`, … of one incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRequest {
    /// The life of the store's database that wrote them.
    pub incarnation: Uuid,
    /// The number of the first one, from 1.
    pub first: i64,
    /// The hash of entry `first − 1`; [`Hash::ZERO`] when `first` is 1.
    pub previous: Hash,
    /// In order, without holes.
    pub entries: Vec<JournalEntry>,
}

/// The answer to a push that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAnswer {
    /// Every entry up to this number is at HQ for good.
    pub accepted_through: i64,
    /// HQ's watermark after it.
    pub watermark: Watermark,
}

/// `type` of the problem when entries are missing before the batch (409, with `expected` and `watermark`).
pub const PROBLEM_GAP: &str = "/problems/journal-gap";
/// `type` of the problem when the journal does not continue the one that HQ has (409, with `watermark`).
pub const PROBLEM_FORKED: &str = "/problems/journal-forked";
/// `type` of the problem when the store signs for an incarnation that has ended (409).
pub const PROBLEM_SUPERSEDED: &str = "/problems/incarnation-ended";
/// `type` of the problem when a batch breaks a limit or is not readable (400 or 413).
pub const PROBLEM_BATCH: &str = "/problems/journal-batch";
/// `type` of the problem when the cursor is of a history that HQ no longer has (409, with `head` and `tag`).
pub const PROBLEM_REWOUND: &str = "/problems/feed-rewound";
/// `type` of the problem when the store's release is too old for HQ (426, with `needed`).
pub const PROBLEM_TOO_OLD: &str = "/problems/release-too-old";
/// `type` of the problem when a token's times are off (401, with `now`): ask for the time and sign again.
pub const PROBLEM_CLOCK: &str = "/problems/clock-skew";

/// What a store reads in a problem+json of HQ's: its `type` and the members that the protocol adds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// One of the `PROBLEM_…` names, or another.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What HQ says in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The number of the entry that HQ waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<i64>,
    /// HQ's watermark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Watermark>,
    /// HQ's position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<i64>,
    /// Its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The version of the records that HQ asks for at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<u32>,
    /// HQ's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<DateTime<Utc>>,
}

/// What runs at one end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The release of the software.
    #[serde(default)]
    pub software: String,
    /// The version of the records that it asks for.
    #[serde(default)]
    pub feed_schema: u32,
}

/// What HQ says over the bell. Each of them may be lost; a timer does the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HqMessage {
    /// First of all.
    Hello {
        /// The last commit of the feed.
        head: i64,
        /// Its tag.
        tag: Tag,
        /// How far HQ has this store's journal.
        watermark: Watermark,
        /// HQ's time.
        now: DateTime<Utc>,
    },
    /// The feed has moved.
    Feed {
        /// The last commit of it.
        head: i64,
    },
    /// A person asks the store to pull now.
    Pull,
    /// A person asks the store to push now.
    Push,
    /// A person asks the store to pull everything again.
    Resync,
}

/// What a store says over the bell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StoreMessage {
    /// First of all.
    Hello {
        /// What it runs.
        versions: Versions,
        /// The life of its database.
        incarnation: Uuid,
    },
    /// Every 30 s, and on change.
    Status(StoreStatus),
}

/// How a store is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// The checkpoint that it sells at.
    pub position: i64,
    /// How many entries wait for HQ.
    pub pending: i64,
    /// Since when the oldest of them waits.
    #[serde(default)]
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// Its clock.
    #[serde(default)]
    pub clock: Option<DateTime<Utc>>,
    /// How many of its registers have an open session.
    #[serde(default)]
    pub registers: i64,
    /// Free bytes where its data is.
    #[serde(default)]
    pub disk: Option<i64>,
    /// What it runs.
    #[serde(default)]
    pub versions: Versions,
}

/// Bytes that travel as base64url without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    /// The length only: some of them are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

/// `POST /sync/v1/enrol`. Sent again unchanged when the answer was lost: the same code with the same keys gets the
/// same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// What a person at HQ read out.
    pub code: String,
    /// The life of the store's database that begins: drawn by the store.
    pub incarnation: Uuid,
    /// The public Ed25519 key that the store signs with (32 bytes).
    pub signing_key: Bytes,
    /// The public X25519 key that the store opens with (32 bytes).
    pub sealing_key: Bytes,
    /// The letters of its lives that stand in receipt numbers of this box, where it knows of any: HQ may have been put
    /// back to a backup from before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub letters: Vec<String>,
    /// What it runs.
    #[serde(default)]
    pub versions: Versions,
}

/// The answer to an enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// The company that the store belongs to.
    pub company_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// Its code, as people say it.
    pub store_code: String,
    /// Its name.
    pub store_name: String,
    /// The life that has begun.
    pub incarnation: Uuid,
    /// Its letter in receipt numbers; empty for the first life.
    pub letter: String,
    /// Names the key that was enrolled: the `kid` of the store's tokens.
    pub key_id: Uuid,
    /// HQ's public Ed25519 key (32 bytes), to be kept: HQ's time is signed with it.
    pub hq_key: Bytes,
    /// The store's PIN pepper, sealed to its X25519 key ([`SEAL_INFO`] says how).
    pub sealed_pepper: Bytes,
    /// HQ's time.
    pub now: DateTime<Utc>,
}

/// How the pepper is sealed: an ephemeral X25519 public key (32 bytes), then AES-256-GCM of the pepper with a nonce
/// of zeroes under HKDF-SHA-256 (no salt; input the shared secret; info this text, the ephemeral and the store's
/// public key). The key is used once, so the nonce may be fixed.
pub const SEAL_INFO: &[u8] = b"tradepost pepper v1";

/// `GET /sync/v1/time?nonce=`: HQ's time, signed over the nonce, for a store whose clock is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeAnswer {
    /// HQ's time.
    pub now: DateTime<Utc>,
    /// What the store sent.
    pub nonce: String,
    /// Ed25519 over [`time_message`].
    pub signature: Bytes,
}

/// The bytes that HQ signs to say the time.
#[must_use]
pub fn time_message(now: DateTime<Utc>, nonce: &str) -> Vec<u8> {
    let mut message = b"tradepost time v1\n".to_vec();
    message.extend_from_slice(&now.timestamp_micros().to_be_bytes());
    message.extend_from_slice(nonce.as_bytes());
    message
}

/// What a store signs for each request: the claims of its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenClaims {
    /// The store's id.
    pub iss: Uuid,
    /// [`TOKEN_AUDIENCE`].
    pub aud: String,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds: [`TOKEN_SECONDS`] later.
    pub exp: i64,
    /// Once per token.
    pub jti: Uuid,
}
