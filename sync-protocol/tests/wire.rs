//! What travels comes back as it was, or not at all.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use proptest::prelude::*;
use sync_protocol::wire::{
    Cursor, FEED_SCHEMA, FeedHead, FeedTail, HqMessage, PageError, RecordPlace, Tag, is_within_depth,
    read_page, write_line, write_record,
};
use sync_protocol::{Hash, RawJson, Watermark};
use uuid::Uuid;

fn page(records: u128) -> Vec<u8> {
    let tag = Tag(Uuid::from_u128(7));
    let head =
        FeedHead { position: 9, tag, schema: FEED_SCHEMA, watermark: Watermark::none(Uuid::from_u128(1)) };
    let mut out = Vec::new();
    write_line(&mut out, &head).unwrap();
    for number in 0..records {
        let record = (number % 3 != 0).then_some(r#"{"name":"a \"b\" {c","rate":"1.50"}"#);
        write_record(&mut out, "product", Uuid::from_u128(number), 9, record);
    }
    let tail = FeedTail {
        next: Cursor::at(9, tag),
        complete: true,
        count: u64::try_from(records).unwrap(),
        folded: 3,
    };
    write_line(&mut out, &tail).unwrap();
    out
}

#[test]
fn a_page_is_read_as_it_was_written() {
    let read = read_page(&page(10)).unwrap();
    assert_eq!(read.records.len(), 10);
    assert!(read.records[0].deleted && read.records[0].record.is_none());
    assert_eq!(read.records[1].record.as_ref().unwrap().get(), r#"{"name":"a \"b\" {c","rate":"1.50"}"#);
    assert!(read.tail.complete);
}

#[test]
fn a_page_that_was_cut_anywhere_is_no_page() {
    let whole = page(4);
    for end in 0..whole.len() {
        assert!(read_page(&whole[..end]).is_err(), "cut at {end} of {}", whole.len());
    }
}

#[test]
fn a_page_that_lost_or_doubled_a_line_is_no_page() {
    let whole = page(4);
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for index in 1..lines.len() - 1 {
        let mut lost = lines.clone();
        lost.remove(index);
        assert!(matches!(read_page(&lost.concat()), Err(PageError::Count { .. })));
        let mut doubled = lines.clone();
        doubled.insert(index, lines[index]);
        assert!(matches!(read_page(&doubled.concat()), Err(PageError::Count { .. })));
    }
}

#[test]
fn a_record_is_there_or_gone_and_never_both() {
    let both =
        String::from_utf8(page(2)).unwrap().replace("\"deleted\":true", "\"deleted\":true,\"record\":{}");
    assert!(matches!(read_page(both.as_bytes()), Err(PageError::Verdict { line: 2 })));
}

#[test]
fn a_record_nested_too_deep_is_refused_before_it_is_parsed() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!is_within_depth(deep.as_bytes(), 32));
    assert!(is_within_depth(br#"{"text":"[[[[[\"[[[["}"#, 1));
    let page =
        String::from_utf8(page(2)).unwrap().replace(r#""deleted":true"#, &format!(r#""record":{deep}"#));
    assert!(matches!(read_page(page.as_bytes()), Err(PageError::TooDeep { line: 2 })));
}

#[test]
fn raw_json_keeps_the_bytes_of_its_writer_through_any_number_of_hops() {
    let text = r#"{"b": 1.50,"a":[ 1,2 ],"é":"\u00e9"}"#;
    let once = serde_json::to_string(&RawJson::new(format!(" {text}\n")).unwrap()).unwrap();
    let twice: RawJson = serde_json::from_str(&once).unwrap();
    assert_eq!(twice.get(), text);
    assert!(RawJson::new("{").is_err());
}

#[test]
fn a_start_has_no_tag_and_stands_before_everything() {
    assert!(Cursor::START.is_start());
    assert_eq!(Cursor::decode(&Cursor::START.encode()).unwrap(), Cursor::START);
}

#[test]
fn messages_of_the_bell_look_as_documented() {
    let message = HqMessage::Feed { head: 8123 };
    assert_eq!(serde_json::to_string(&message).unwrap(), r#"{"type":"feed","head":8123}"#);
    let hello = r#"{"type":"hello","head":1,"tag":"00000000-0000-0000-0000-000000000000","watermark":{"incarnation":"00000000-0000-0000-0000-000000000000","sequence":0,"hash":"0000000000000000000000000000000000000000000000000000000000000000"},"now":"2026-01-01T00:00:00Z","more":"ignored"}"#;
    assert!(matches!(serde_json::from_str(hello).unwrap(), HqMessage::Hello { head: 1, .. }));
}

proptest! {
    #[test]
    fn a_cursor_comes_back_as_it_was(position in 1_i64.., tag: u128, place in proptest::option::of((1_i64.., any::<u128>(), "[a-z_]{1,64}")), tombstones in 0_i64..) {
        let record = place.map(|(at, id, entity)| RecordPlace {
            position: at.min(position), entity, id: Uuid::from_u128(id),
        });
        let cursor = Cursor { position, tag: Tag(Uuid::from_u128(tag)), record, tombstones_after: tombstones };
        prop_assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
    }

    #[test]
    fn no_text_makes_the_cursors_reader_panic(text in ".{0,300}") {
        let _ = Cursor::decode(&text);
    }

    #[test]
    fn no_bytes_make_the_pages_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read_page(&bytes);
    }

    #[test]
    fn a_page_with_one_byte_changed_is_read_whole_or_not_at_all(at in 0_usize..1000, to: u8) {
        let mut bytes = page(6);
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(read) = read_page(&bytes) {
            prop_assert_eq!(read.records.len(), 6);
        }
    }

    #[test]
    fn a_hash_comes_back_as_it_was(bytes: [u8; 32]) {
        let hash = Hash(bytes);
        prop_assert_eq!(Hash::from_hex(&hash.to_string()), Some(hash));
        prop_assert_eq!(serde_json::from_str::<Hash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
    }
}
