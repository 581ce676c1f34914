//! The hash chain of a journal stream: each entry's hash is of its own fields and of the hash before it, so that an
//! entry that is missing, changed or in another place shows at either end.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::wire::JournalEntry;

/// A SHA-256; travels as 64 hex digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first entry of a stream.
    pub const ZERO: Self = Self([0; 32]);

    /// From a column's bytes; `None` when they are not 32.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For a column.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From 64 hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("a hash has 64 hex digits"))
    }
}

/// What an entry's hash is of, but for what stands before it.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The life of the store's database.
    pub incarnation: Uuid,
    /// See [`JournalEntry::stream`].
    pub stream: &'a str,
    /// See [`JournalEntry::stream_sequence`].
    pub stream_sequence: i64,
    /// See [`JournalEntry::event_id`].
    pub event_id: Uuid,
    /// See [`JournalEntry::kind`].
    pub kind: &'a str,
    /// See [`JournalEntry::version`].
    pub version: i32,
    /// See [`JournalEntry::occurred_at`]; counts to the microsecond, as the database keeps it.
    pub occurred_at: DateTime<Utc>,
    /// See [`JournalEntry::business_date`].
    pub business_date: NaiveDate,
    /// See [`JournalEntry::feed_position`].
    pub feed_position: i64,
    /// See [`JournalEntry::payload`].
    pub payload: &'a str,
}

impl<'a> Link<'a> {
    /// Of an entry that `incarnation` wrote.
    #[must_use]
    pub fn of(incarnation: Uuid, entry: &'a JournalEntry) -> Self {
        Self {
            incarnation,
            stream: &entry.stream,
            stream_sequence: entry.stream_sequence,
            event_id: entry.event_id,
            kind: &entry.kind,
            version: entry.version,
            occurred_at: entry.occurred_at,
            business_date: entry.business_date,
            feed_position: entry.feed_position,
            payload: entry.payload.get(),
        }
    }
}

/// The hash of an entry after the entry with the hash `previous`.
///
/// SHA-256 over the fields in the order of [`Link`] and then `previous`, each after its length as four big-endian
/// bytes: ids are their 16 bytes, texts their UTF-8, numbers big-endian (8 bytes; the version 4), the time is its
/// microseconds since 1970 as such a number, the date is `YYYY-MM-DD`.
#[must_use]
pub fn hash(link: &Link<'_>, previous: Hash) -> Hash {
    let mut sha = Sha256::new();
    let mut field = |bytes: &[u8]| {
        // A payload is at most a megabyte, all else is shorter.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        sha.update(length.to_be_bytes());
        sha.update(bytes);
    };
    field(link.incarnation.as_bytes());
    field(link.stream.as_bytes());
    field(&link.stream_sequence.to_be_bytes());
    field(link.event_id.as_bytes());
    field(link.kind.as_bytes());
    field(&link.version.to_be_bytes());
    field(&link.occurred_at.timestamp_micros().to_be_bytes());
    field(link.business_date.format("%Y-%m-%d").to_string().as_bytes());
    field(&link.feed_position.to_be_bytes());
    field(link.payload.as_bytes());
    field(previous.as_bytes());
    Hash(sha.finalize().into())
}

/// The last entry of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    /// Its number in the stream; 0 when there is none.
    pub sequence: i64,
    /// Its hash; [`Hash::ZERO`] when there is none.
    pub hash: Hash,
}

/// How an entry does not follow from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It has another number than the next.
    #[error("entry {found} comes where {expected} should")]
    Sequence {
        /// The next number.
        expected: i64,
        /// Its number.
        found: i64,
    },
    /// It follows another entry than the head.
    #[error("entry {sequence} follows another entry than the one before it")]
    Previous {
        /// Its number.
        sequence: i64,
    },
    /// Its hash is not that of its fields.
    #[error("entry {sequence} has another hash than its content")]
    Hash {
        /// Its number.
        sequence: i64,
    },
}

/// Whether `entry` follows `head` in its stream; the stream's head after it.
pub fn follow(incarnation: Uuid, head: StreamHead, entry: &JournalEntry) -> Result<StreamHead, Broken> {
    let expected = head.sequence.saturating_add(1);
    if entry.stream_sequence != expected {
        return Err(Broken::Sequence { expected, found: entry.stream_sequence });
    }
    let sequence = entry.stream_sequence;
    if entry.previous_hash != head.hash {
        return Err(Broken::Previous { sequence });
    }
    if hash(&Link::of(incarnation, entry), entry.previous_hash) != entry.hash {
        return Err(Broken::Hash { sequence });
    }
    Ok(StreamHead { sequence, hash: entry.hash })
}

/// Whether `entries`, all of one stream, follow each other and `head`; the stream's head after them.
pub fn verify<'a>(
    incarnation: Uuid,
    head: StreamHead,
    entries: impl IntoIterator<Item = &'a JournalEntry>,
) -> Result<StreamHead, Broken> {
    entries.into_iter().try_fold(head, |head, entry| follow(incarnation, head, entry))
}
