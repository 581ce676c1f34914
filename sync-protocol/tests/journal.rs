//! Chains and batches: what follows is taken, once; what does not is found.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use sha2::Digest as _;
use sync_protocol::chain::{self, Broken, Link, StreamHead};
use sync_protocol::judge::{BatchVerdict, CursorVerdict, Fork, Invalid, Known, judge_batch, judge_cursor};
use sync_protocol::wire::{Cursor, FEED_SCHEMA, Tag};
use sync_protocol::{Hash, JournalEntry, PushRequest, RawJson, Watermark};
use uuid::Uuid;

const LIFE: Uuid = Uuid::from_u128(1);

/// A journal of two streams, in the order of its numbers.
fn journal(length: usize, salt: u128) -> Vec<JournalEntry> {
    let mut heads: BTreeMap<&str, StreamHead> = BTreeMap::new();
    (0..length)
        .map(|index| {
            let stream = if index % 3 == 0 { "R02" } else { "R01" };
            let head = heads.entry(stream).or_default();
            let mut entry = JournalEntry {
                event_id: Uuid::from_u128(salt * 1000 + u128::try_from(index).unwrap()),
                stream: stream.to_owned(),
                stream_sequence: head.sequence + 1,
                kind: "sale_completed".to_owned(),
                version: 1,
                occurred_at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
                business_date: NaiveDate::from_ymd_opt(2027, 1, 15).unwrap(),
                feed_position: 12,
                payload: RawJson::new(format!(r#"{{"n": {index}.50}}"#)).unwrap(),
                previous_hash: head.hash,
                hash: Hash::ZERO,
            };
            entry.hash = chain::hash(&Link::of(LIFE, &entry), head.hash);
            *head = StreamHead { sequence: entry.stream_sequence, hash: entry.hash };
            entry
        })
        .collect()
}

fn nothing() -> Known {
    Known { watermark: Watermark::none(LIFE), heads: BTreeMap::new(), stored: BTreeMap::new() }
}

fn batch(journal: &[JournalEntry], first: usize, length: usize) -> PushRequest {
    let previous = if first == 1 { Hash::ZERO } else { journal[first - 2].hash };
    PushRequest {
        incarnation: LIFE,
        first: i64::try_from(first).unwrap(),
        previous,
        entries: journal[first - 1..first - 1 + length].to_vec(),
    }
}

/// Takes a batch as HQ does; how many were new.
fn take(known: &mut Known, request: &PushRequest) -> Result<usize, BatchVerdict> {
    match judge_batch(known, request) {
        BatchVerdict::Accept(accepted) => {
            for &index in &accepted.new {
                let entry = &request.entries[index];
                known.stored.insert((entry.stream.clone(), entry.stream_sequence), entry.hash);
            }
            known.heads.extend(accepted.heads);
            known.watermark = accepted.watermark;
            Ok(accepted.new.len())
        }
        other => Err(other),
    }
}

#[test]
fn the_hash_is_of_each_field_and_of_what_stands_before() {
    let entry = journal(1, 1).remove(0);
    let base = chain::hash(&Link::of(LIFE, &entry), Hash::ZERO);
    assert_eq!(base, entry.hash);
    let changed = [
        chain::hash(&Link::of(Uuid::from_u128(2), &entry), Hash::ZERO),
        chain::hash(&Link { stream: "R03", ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { stream_sequence: 2, ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { event_id: Uuid::nil(), ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { kind: "sale_complete", ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { version: 2, ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { occurred_at: DateTime::UNIX_EPOCH, ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { business_date: NaiveDate::MIN, ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { feed_position: 13, ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link { payload: r#"{"n":0.50}"#, ..Link::of(LIFE, &entry) }, Hash::ZERO),
        chain::hash(&Link::of(LIFE, &entry), Hash([1; 32])),
    ];
    assert!(changed.iter().all(|hash| *hash != base));
}

#[test]
fn the_hash_is_the_one_that_is_written_down() {
    // Computed once from the definition; a release that computes another breaks every chain there is.
    let link = Link {
        incarnation: Uuid::from_u128(1),
        stream: "R01",
        stream_sequence: 1,
        event_id: Uuid::from_u128(2),
        kind: "k",
        version: 1,
        occurred_at: DateTime::from_timestamp_micros(3).unwrap(),
        business_date: NaiveDate::from_ymd_opt(2026, 1, 2).unwrap(),
        feed_position: 4,
        payload: "{}",
    };
    let mut bytes = Vec::new();
    for field in [
        Uuid::from_u128(1).as_bytes().as_slice(),
        b"R01",
        &[0, 0, 0, 0, 0, 0, 0, 1],
        Uuid::from_u128(2).as_bytes(),
        b"k",
        &[0, 0, 0, 1],
        &[0, 0, 0, 0, 0, 0, 0, 3],
        b"2026-01-02",
        &[0, 0, 0, 0, 0, 0, 0, 4],
        b"{}",
        &[0; 32],
    ] {
        bytes.extend_from_slice(&u32::try_from(field.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(field);
    }
    let by_hand: [u8; 32] = sha2::Sha256::digest(&bytes).into();
    assert_eq!(chain::hash(&link, Hash::ZERO), Hash(by_hand));
}

#[test]
fn a_missing_changed_or_moved_entry_shows() {
    let all: Vec<JournalEntry> = journal(9, 1).into_iter().filter(|entry| entry.stream == "R01").collect();
    assert!(chain::verify(LIFE, StreamHead::default(), &all).is_ok());
    let mut missing = all.clone();
    missing.remove(2);
    assert_eq!(
        chain::verify(LIFE, StreamHead::default(), &missing),
        Err(Broken::Sequence { expected: 3, found: 4 })
    );
    let mut changed = all.clone();
    changed[2].feed_position = 13;
    assert_eq!(chain::verify(LIFE, StreamHead::default(), &changed), Err(Broken::Hash { sequence: 3 }));
    let mut moved = all.clone();
    moved.swap(1, 2);
    assert!(chain::verify(LIFE, StreamHead::default(), &moved).is_err());
}

#[test]
fn the_same_batch_twice_and_its_halves_twice_change_nothing() {
    let journal = journal(10, 1);
    let mut known = nothing();
    assert_eq!(take(&mut known, &batch(&journal, 1, 10)), Ok(10));
    for (first, length) in [(1, 10), (1, 5), (6, 5), (1, 5), (6, 5), (10, 1)] {
        assert_eq!(take(&mut known, &batch(&journal, first, length)), Ok(0));
        assert_eq!(known.watermark, Watermark { incarnation: LIFE, sequence: 10, hash: journal[9].hash });
    }
}

#[test]
fn a_batch_that_overlaps_is_taken_from_where_it_is_new() {
    let journal = journal(10, 1);
    let mut known = nothing();
    assert_eq!(take(&mut known, &batch(&journal, 1, 6)), Ok(6));
    assert_eq!(take(&mut known, &batch(&journal, 4, 7)), Ok(4));
}

#[test]
fn a_gap_is_refused_with_the_number_that_comes_next() {
    let journal = journal(10, 1);
    let mut known = nothing();
    take(&mut known, &batch(&journal, 1, 3)).unwrap();
    assert_eq!(take(&mut known, &batch(&journal, 6, 2)), Err(BatchVerdict::Gap { expected: 4 }));
}

#[test]
fn a_clone_that_goes_on_with_other_entries_has_forked_wherever_it_begins() {
    let (ours, theirs) = (journal(10, 1), journal(10, 2));
    let mut known = nothing();
    take(&mut known, &batch(&ours, 1, 6)).unwrap();
    let forked = |request: &PushRequest| matches!(judge_batch(&known, request), BatchVerdict::Forked { .. });
    assert!(forked(&batch(&theirs, 7, 2)), "behind the watermark, by what it follows");
    assert!(forked(&batch(&theirs, 5, 2)), "up to the watermark");
    assert!(forked(&batch(&theirs, 2, 3)), "below the watermark");
    let mut mixed = batch(&ours, 7, 2);
    mixed.entries[0].payload = RawJson::new("{}").unwrap();
    assert!(matches!(
        judge_batch(&known, &mixed),
        BatchVerdict::Forked { sequence: 7, why: Fork::Chain(Broken::Hash { .. }) }
    ));
}

#[test]
fn what_no_store_writes_is_refused_and_said() {
    let journal = journal(4, 1);
    let invalid = |change: fn(&mut PushRequest)| {
        let mut request = batch(&journal, 1, 4);
        change(&mut request);
        match judge_batch(&nothing(), &request) {
            BatchVerdict::Invalid { why, .. } => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(invalid(|request| request.entries.clear()), Invalid::Empty);
    assert_eq!(invalid(|request| request.incarnation = Uuid::from_u128(9)), Invalid::Incarnation);
    assert_eq!(invalid(|request| request.first = 0), Invalid::First);
    assert_eq!(invalid(|request| request.first = i64::MAX), Invalid::First);
    assert_eq!(invalid(|request| request.entries[1].event_id = request.entries[0].event_id), Invalid::Twice);
    assert_eq!(invalid(|request| request.entries[1].kind = String::new()), Invalid::Name);
    assert_eq!(invalid(|request| request.entries[1].stream = "x".repeat(65)), Invalid::Name);
    assert_eq!(invalid(|request| request.entries[1].stream_sequence = -1), Invalid::Range);
    assert_eq!(
        invalid(|request| request.entries[1].payload =
            RawJson::new(format!("{}{}", "[".repeat(40), "]".repeat(40))).unwrap()),
        Invalid::PayloadTooDeep
    );
    assert_eq!(
        invalid(|request| request.entries[1].payload =
            RawJson::new(format!("\"{}\"", "x".repeat(2_000_000))).unwrap()),
        Invalid::PayloadTooLong
    );
}

#[test]
fn an_entry_of_a_box_whose_clock_said_1970_is_taken() {
    let mut entry = journal(1, 1).remove(0);
    entry.occurred_at = DateTime::UNIX_EPOCH;
    entry.business_date = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    entry.hash = chain::hash(&Link::of(LIFE, &entry), Hash::ZERO);
    assert_eq!(take(&mut nothing(), &batch(&[entry], 1, 1)), Ok(1));
}

#[test]
fn a_cursor_of_another_history_is_rewound() {
    let (tag, other) = (Tag(Uuid::from_u128(1)), Tag(Uuid::from_u128(2)));
    let cursor = Cursor::at(10, tag);
    assert!(matches!(judge_cursor(12, Some(tag), Some(&cursor), FEED_SCHEMA), CursorVerdict::Serve { .. }));
    assert_eq!(judge_cursor(9, None, Some(&cursor), FEED_SCHEMA), CursorVerdict::Rewound);
    assert_eq!(judge_cursor(12, Some(other), Some(&cursor), FEED_SCHEMA), CursorVerdict::Rewound);
    assert_eq!(judge_cursor(12, None, Some(&cursor), FEED_SCHEMA), CursorVerdict::Rewound);
    assert!(matches!(judge_cursor(12, None, Some(&cursor), 99), CursorVerdict::TooOld { .. }));
    let CursorVerdict::Serve { after } = judge_cursor(12, None, None, FEED_SCHEMA) else { panic!() };
    assert_eq!((after.position, after.tombstones_after), (0, 12));
}

proptest! {
    /// However a journal is cut into batches that are lost, doubled and reordered: HQ ends with each entry once.
    #[test]
    fn any_delivery_ends_with_each_entry_once(length in 1_usize..60, deliveries in proptest::collection::vec((0_usize..60, 1_usize..20), 0..60)) {
        let journal = journal(length, 1);
        let mut known = nothing();
        let mut new = 0;
        for (first, many) in deliveries {
            let first = first % length + 1;
            let many = many.min(length + 1 - first);
            match take(&mut known, &batch(&journal, first, many)) {
                Ok(count) => new += count,
                Err(BatchVerdict::Gap { expected }) => prop_assert_eq!(expected, known.watermark.sequence + 1),
                Err(other) => prop_assert!(false, "{:?}", other),
            }
        }
        let next = usize::try_from(known.watermark.sequence).unwrap() + 1;
        if next <= length {
            new += take(&mut known, &batch(&journal, next, length + 1 - next)).unwrap();
        }
        prop_assert_eq!(new, length);
        prop_assert_eq!(known.stored.len(), length);
    }
}
