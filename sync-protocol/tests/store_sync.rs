//! The store's end, word by word: what it says when messages are lost, doubled, late or wrong.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use sync_protocol::store_sync::{
    Action, Checkpoint, Event, Failure, Halt, Line, PushRefusal, Report, Settings, Staging, Start, StoreSync,
    Timer, WatermarkVerdict,
};
use sync_protocol::wire::{Cursor, FEED_SCHEMA, FeedHead, FeedTail, RecordPlace, Tag};
use sync_protocol::{Hash, Watermark};
use uuid::Uuid;

const LIFE: Uuid = Uuid::from_u128(1);

fn tag(position: i64) -> Tag {
    Tag(Uuid::from_u128(u128::try_from(position).unwrap() + 1000))
}

fn watermark(sequence: i64) -> Watermark {
    let hash = if sequence == 0 { Hash::ZERO } else { Hash([u8::try_from(sequence).unwrap(); 32]) };
    Watermark { incarnation: LIFE, sequence, hash }
}

fn start() -> Start {
    Start {
        incarnation: LIFE,
        checkpoint: Some(Checkpoint { cursor: Cursor::at(10, tag(10)), schema: FEED_SCHEMA }),
        staging: None,
        schema: FEED_SCHEMA,
        acknowledged: 5,
    }
}

/// A machine that has been told `start`, with what it said.
fn begun(start: Start) -> (StoreSync, Vec<Action>) {
    let mut machine = StoreSync::new(Settings::every(30_000));
    let said = machine.handle(Event::Started(start), 1);
    (machine, said)
}

fn pull(said: &[Action]) -> Option<(u64, Option<Cursor>)> {
    said.iter().find_map(|action| match action {
        Action::Pull { attempt, after } => Some((*attempt, after.clone())),
        _ => None,
    })
}

fn push(said: &[Action]) -> Option<(u64, i64)> {
    said.iter().find_map(|action| match action {
        Action::Push { attempt, from, .. } => Some((*attempt, *from)),
        _ => None,
    })
}

fn check(said: &[Action]) -> Option<u64> {
    said.iter().find_map(|action| match action {
        Action::CheckWatermark { check, .. } => Some(*check),
        _ => None,
    })
}

fn armed(said: &[Action], name: Timer) -> Option<u64> {
    said.iter().find_map(|action| match action {
        Action::Arm { timer, after_ms } if *timer == name => Some(*after_ms),
        _ => None,
    })
}

fn page(attempt: u64, position: i64, complete: bool, count: u64, watermark: Watermark) -> Event {
    let first = FeedHead { position, tag: tag(position), schema: FEED_SCHEMA, watermark };
    let mut next = Cursor::at(position, tag(position));
    if !complete {
        next.record = Some(RecordPlace {
            position,
            entity: "product".to_owned(),
            id: Uuid::from_u128(u128::from(count)),
        });
    }
    Event::PageArrived { attempt, head: first, tail: FeedTail { next, complete, count, folded: 0 } }
}

/// Brings a page, and answers the check that it leads to.
fn bring(machine: &mut StoreSync, event: Event) -> Vec<Action> {
    let said = machine.handle(event, 2);
    match check(&said) {
        Some(check) => {
            machine.handle(Event::WatermarkChecked { check, verdict: WatermarkVerdict::Matches }, 3)
        }
        None => said,
    }
}

#[test]
fn it_begins_with_a_pull_a_push_and_the_bell() {
    let (_, said) = begun(start());
    assert_eq!(pull(&said).unwrap().1, Some(Cursor::at(10, tag(10))));
    assert_eq!(push(&said).unwrap().1, 6);
    assert!(said.contains(&Action::OpenBell));
}

#[test]
fn pages_are_staged_and_applied_only_when_complete() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let said = bring(&mut machine, page(attempt, 12, false, 3, watermark(5)));
    assert!(matches!(said[..], [Action::Stage { fresh: true, .. }]));
    let said = machine.handle(Event::Staged { attempt }, 4);
    let (attempt, after) = pull(&said).unwrap();
    assert!(after.unwrap().record.is_some(), "it goes on from the last page");
    let said = bring(&mut machine, page(attempt, 12, true, 1, watermark(5)));
    assert!(matches!(said[..], [Action::Stage { fresh: false, .. }]));
    let said = machine.handle(Event::Staged { attempt }, 5);
    let Some(Action::Apply { attempt, checkpoint, resync: false, .. }) = said.first().cloned() else {
        panic!("{said:?}")
    };
    assert_eq!(checkpoint.cursor, Cursor::at(12, tag(12)));
    assert_eq!(machine.position(), 10);
    let _ = machine.handle(Event::Applied { attempt }, 6);
    assert_eq!(machine.position(), 12);
}

#[test]
fn a_lost_page_goes_on_from_the_last_one() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    bring(&mut machine, page(attempt, 12, false, 3, watermark(5)));
    let said = machine.handle(Event::Staged { attempt }, 4);
    let (attempt, _) = pull(&said).unwrap();
    let said = machine.handle(Event::PageFailed { attempt, failure: Failure::Unreachable }, 5);
    assert!(armed(&said, Timer::Pull).is_some());
    let said = machine.handle(Event::TimerFired(Timer::Pull), 6);
    assert!(pull(&said).unwrap().1.unwrap().record.is_some());
}

#[test]
fn late_and_doubled_answers_are_ignored() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let (push_attempt, _) = push(&said).unwrap();
    let _ = machine.handle(Event::PageFailed { attempt, failure: Failure::Unreachable }, 5);
    assert!(machine.handle(page(attempt, 12, true, 1, watermark(5)), 6).is_empty());
    assert!(machine.handle(Event::Staged { attempt }, 7).is_empty());
    assert!(machine.handle(Event::Applied { attempt }, 7).is_empty());
    let _ = machine.handle(Event::NothingToPush { attempt: push_attempt }, 8);
    let late = Event::Acknowledged { attempt: push_attempt, watermark: watermark(9), more: false };
    assert!(machine.handle(late, 9).is_empty());
    assert_eq!(machine.acknowledged(), 5);
}

#[test]
fn after_a_crash_it_goes_on_with_what_is_staged() {
    let next = Cursor {
        record: Some(RecordPlace { position: 11, entity: "product".to_owned(), id: Uuid::nil() }),
        ..Cursor::at(12, tag(12))
    };
    let staging = Staging {
        next: next.clone(),
        complete: false,
        resync: false,
        rewound: false,
        schema: FEED_SCHEMA,
        folded: 0,
    };
    let (_, said) = begun(Start { staging: Some(staging.clone()), ..start() });
    assert_eq!(pull(&said).unwrap().1, Some(next));
    let whole = Staging { next: Cursor::at(12, tag(12)), complete: true, ..staging };
    let (_, said) = begun(Start { staging: Some(whole), ..start() });
    assert!(said.iter().any(|action| matches!(action, Action::Apply { .. })), "without a word to HQ");
}

#[test]
fn what_was_staged_with_another_schema_is_thrown_away_and_everything_pulled_again() {
    let mut before = start();
    before.checkpoint.as_mut().unwrap().schema = FEED_SCHEMA + 1;
    before.staging = Some(Staging {
        next: Cursor::at(12, tag(12)),
        complete: true,
        resync: false,
        rewound: false,
        schema: FEED_SCHEMA + 1,
        folded: 0,
    });
    let (mut machine, said) = begun(before);
    let (attempt, after) = pull(&said).unwrap();
    assert_eq!(after, None);
    let said = bring(&mut machine, page(attempt, 12, true, 1, watermark(5)));
    assert!(matches!(&said[..], [Action::Stage { fresh: true, staging, .. }] if staging.resync));
}

#[test]
fn a_page_that_would_loop_skip_or_go_back_is_not_believed() {
    for event in [
        |attempt| page(attempt, 9, true, 0, watermark(5)),
        |attempt| {
            let Event::PageArrived { attempt, head, mut tail } = page(attempt, 12, true, 0, watermark(5))
            else {
                unreachable!()
            };
            tail.next = Cursor::at(12, tag(99));
            Event::PageArrived { attempt, head, tail }
        },
        |attempt| {
            let Event::PageArrived { attempt, mut head, tail } = page(attempt, 12, true, 0, watermark(5))
            else {
                unreachable!()
            };
            head.schema += 1;
            Event::PageArrived { attempt, head, tail }
        },
    ] {
        let (mut machine, said) = begun(start());
        let (attempt, _) = pull(&said).unwrap();
        let said = machine.handle(event(attempt), 4);
        assert!(armed(&said, Timer::Pull).is_some(), "{said:?}");
        assert!(
            !said.iter().any(|action| matches!(action, Action::Stage { .. } | Action::CheckWatermark { .. }))
        );
    }
}

#[test]
fn a_slow_pull_never_delays_pushes() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = push(&said).unwrap();
    let _ = machine.handle(Event::NothingToPush { attempt }, 2);
    for sequence in 6..20 {
        let said = machine.handle(Event::Committed, 3);
        let (attempt, from) = push(&said).unwrap();
        assert_eq!(from, sequence);
        bring(&mut machine, Event::Acknowledged { attempt, watermark: watermark(sequence), more: false });
        assert_eq!(machine.acknowledged(), sequence);
    }
}

#[test]
fn what_is_committed_during_a_push_goes_with_the_next() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = push(&said).unwrap();
    assert!(push(&machine.handle(Event::Committed, 3)).is_none());
    let said = machine.handle(Event::NothingToPush { attempt }, 4);
    assert!(push(&said).is_some());
}

#[test]
fn a_lost_answer_is_sent_again_and_a_later_watermark_makes_up_for_it() {
    let (mut machine, said) = begun(start());
    let (attempt, from) = push(&said).unwrap();
    let (pulled, _) = pull(&said).unwrap();
    let _ = machine.handle(Event::PushFailed { attempt, failure: Failure::Busy { retry_after_ms: None } }, 4);
    let said = machine.handle(Event::TimerFired(Timer::Push), 5);
    assert_eq!(push(&said).unwrap().1, from, "the same entries again");
    let (attempt, _) = push(&said).unwrap();
    let _ = machine.handle(Event::PushFailed { attempt, failure: Failure::Busy { retry_after_ms: None } }, 6);
    // The feed's head says that they had arrived.
    let _ = bring(&mut machine, page(pulled, 12, true, 1, watermark(7)));
    assert_eq!(machine.acknowledged(), 7);
    let said = machine.handle(Event::TimerFired(Timer::Push), 8);
    assert_eq!(push(&said).unwrap().1, 8);
}

#[test]
fn hq_that_lost_its_last_hours_gets_them_back() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = push(&said).unwrap();
    let refusal = PushRefusal::Expected { expected: 3, watermark: watermark(2) };
    let said = machine.handle(Event::PushRefused { attempt, refusal }, 4);
    let check = check(&said).unwrap();
    let said = machine.handle(Event::WatermarkChecked { check, verdict: WatermarkVerdict::Matches }, 5);
    assert!(said.contains(&Action::Report(Report::HqWentBack { from: 5, to: 2 })));
    assert!(said.contains(&Action::KeepAcknowledged { watermark: watermark(2) }));
    assert_eq!(push(&said).unwrap().1, 3);
}

#[test]
fn the_feeds_head_tells_of_lost_hours_too_but_an_older_word_means_nothing() {
    let (mut machine, said) = begun(start());
    let (push_attempt, _) = push(&said).unwrap();
    let (attempt, _) = pull(&said).unwrap();
    // A push is acknowledged while the pull is on its way; the page was read before that.
    bring(&mut machine, Event::Acknowledged { attempt: push_attempt, watermark: watermark(8), more: false });
    let said = bring(&mut machine, page(attempt, 12, true, 1, watermark(5)));
    assert!(push(&said).is_none());
    assert_eq!(machine.acknowledged(), 8);
    let said = machine.handle(Event::Staged { attempt }, 4);
    let Some(Action::Apply { attempt, .. }) = said.first().cloned() else { panic!("{said:?}") };
    let _ = machine.handle(Event::Applied { attempt }, 5);
    // A pull that began after it hears less: HQ has gone back.
    let said = machine.handle(Event::TimerFired(Timer::Pull), 6);
    let (attempt, _) = pull(&said).unwrap();
    let said = bring(&mut machine, page(attempt, 13, true, 1, watermark(5)));
    assert!(said.contains(&Action::Report(Report::HqWentBack { from: 8, to: 5 })));
    assert_eq!(push(&said).unwrap().1, 6);
}

#[test]
fn a_watermark_that_does_not_fit_halts_pushes_and_leaves_pulls() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let said = machine.handle(page(attempt, 12, true, 1, watermark(9)), 4);
    let check = check(&said).unwrap();
    let said = machine.handle(Event::WatermarkChecked { check, verdict: WatermarkVerdict::Differs }, 5);
    assert!(said.contains(&Action::Report(Report::Forked)));
    assert!(said.iter().any(|action| matches!(action, Action::Stage { .. })));
    assert_eq!(machine.halted(), Some(Halt::Forked));
    for event in [Event::Committed, Event::TimerFired(Timer::Push), Event::PushAsked, Event::PulledByHand] {
        assert!(push(&machine.handle(event, 6)).is_none());
    }
    // A new code, a new life.
    let said = machine
        .handle(Event::Started(Start { incarnation: Uuid::from_u128(2), acknowledged: 0, ..start() }), 7);
    assert_eq!(push(&said).unwrap().1, 1);
}

#[test]
fn a_fork_that_hq_finds_halts_pushes() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = push(&said).unwrap();
    let _ = machine.handle(Event::PushRefused { attempt, refusal: PushRefusal::Forked }, 4);
    assert_eq!(machine.halted(), Some(Halt::Forked));
}

#[test]
fn a_rewound_feed_is_offered_what_it_lost_and_then_pulled_anew() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let said = machine.handle(Event::Rewound { attempt, head: 7 }, 4);
    assert!(said.contains(&Action::Report(Report::FeedRewound { from: 10, to: 7 })));
    let Some(Action::Offer { attempt, beyond: 7 }) = said.last().cloned() else { panic!("{said:?}") };
    let said = machine.handle(Event::OfferFailed { attempt, failure: Failure::Unreachable }, 5);
    assert!(armed(&said, Timer::Pull).is_some());
    let said = machine.handle(Event::TimerFired(Timer::Pull), 6);
    let Some(Action::Offer { attempt, .. }) = said.last().cloned() else { panic!("{said:?}") };
    let said = machine.handle(Event::Offered { attempt }, 7);
    let (attempt, after) = pull(&said).unwrap();
    assert_eq!(after, None);
    let said = bring(&mut machine, page(attempt, 7, true, 1, watermark(5)));
    let Some(Action::Stage { staging, .. }) = said.last() else { panic!("{said:?}") };
    assert!(staging.resync && staging.rewound);
    let said = machine.handle(Event::Staged { attempt }, 8);
    let Some(Action::Apply { attempt, resync: true, rewound: true, .. }) = said.first().cloned() else {
        panic!("{said:?}")
    };
    assert_eq!(machine.position(), 10, "it sells on its old checkpoint meanwhile");
    let _ = machine.handle(Event::Applied { attempt }, 9);
    assert_eq!(machine.position(), 7);
}

#[test]
fn an_offer_that_hq_does_not_want_holds_up_nothing() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let said = machine.handle(Event::Rewound { attempt, head: 7 }, 4);
    let Some(Action::Offer { attempt, .. }) = said.last().cloned() else { panic!("{said:?}") };
    let said = machine.handle(Event::OfferFailed { attempt, failure: Failure::Garbled }, 5);
    assert_eq!(pull(&said).unwrap().1, None, "everything is pulled anew");
}

#[test]
fn an_apply_that_is_at_fault_is_reported_and_pulled_anew() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    bring(&mut machine, page(attempt, 12, true, 1, watermark(5)));
    let said = machine.handle(Event::Staged { attempt }, 4);
    let Some(Action::Apply { attempt, .. }) = said.first().cloned() else { panic!("{said:?}") };
    let failed = Event::ApplyFailed { attempt, is_poison: true, reason: "a constraint".to_owned() };
    let said = machine.handle(failed, 5);
    assert!(matches!(said[0], Action::Report(Report::ApplyFailed { .. })));
    let said = machine.handle(Event::TimerFired(Timer::Pull), 6);
    assert_eq!(pull(&said).unwrap().1, None);
}

#[test]
fn an_apply_that_the_moment_failed_is_tried_again_from_staging() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    bring(&mut machine, page(attempt, 12, true, 1, watermark(5)));
    let said = machine.handle(Event::Staged { attempt }, 4);
    let Some(Action::Apply { attempt, .. }) = said.first().cloned() else { panic!("{said:?}") };
    let failed = Event::ApplyFailed { attempt, is_poison: false, reason: "no connection".to_owned() };
    let _ = machine.handle(failed, 5);
    let said = machine.handle(Event::TimerFired(Timer::Pull), 6);
    assert!(said.iter().any(|action| matches!(action, Action::Apply { .. })));
}

#[test]
fn pauses_double_are_spread_and_obey_hq() {
    let (mut machine, said) = begun(start());
    let (mut attempt, _) = pull(&said).unwrap();
    let mut longest = 0;
    for round in 0..30_u64 {
        let said = machine.handle(Event::PageFailed { attempt, failure: Failure::Unreachable }, round * 7919);
        let pause = armed(&said, Timer::Pull).unwrap();
        let bound = (1000_u64 << round.min(6)).min(60_000);
        assert!((50..=bound).contains(&pause), "round {round}: {pause}");
        longest = longest.max(pause);
        let said = machine.handle(Event::TimerFired(Timer::Pull), round);
        attempt = pull(&said).unwrap().0;
    }
    assert!(longest > 20_000);
    let busy = Failure::Busy { retry_after_ms: Some(90_000) };
    let said = machine.handle(Event::PageFailed { attempt, failure: busy }, 1);
    assert!(armed(&said, Timer::Pull).unwrap() >= 90_000);
}

#[test]
fn a_line_that_comes_back_ends_all_waiting() {
    let (mut machine, said) = begun(start());
    let (pulled, _) = pull(&said).unwrap();
    let (pushed, _) = push(&said).unwrap();
    let _ = machine.handle(Event::PageFailed { attempt: pulled, failure: Failure::Unreachable }, 1);
    let _ = machine.handle(Event::PushFailed { attempt: pushed, failure: Failure::Unreachable }, 2);
    let _ = machine.handle(Event::BellDown { failure: Failure::Unreachable }, 3);
    assert_eq!(machine.line(), Line::Down);
    let said = machine.handle(Event::TimerFired(Timer::Bell), 4);
    assert!(said.contains(&Action::OpenBell));
    let said = machine.handle(Event::BellUp { head: 10, tag: tag(10), watermark: watermark(5) }, 5);
    assert_eq!(machine.line(), Line::Up);
    assert!(pull(&said).is_some() && push(&said).is_some());
}

#[test]
fn the_bell_is_never_needed() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let _ = machine.handle(Event::BellDown { failure: Failure::Unreachable }, 3);
    let said = bring(&mut machine, page(attempt, 10, true, 0, watermark(5)));
    let after = armed(&said, Timer::Pull).unwrap();
    assert!((24_000..=36_000).contains(&after), "{after}");
    let said = machine.handle(Event::TimerFired(Timer::Pull), 4);
    assert!(pull(&said).is_some());
}

#[test]
fn a_bell_that_ends_leads_to_a_pull_that_tells_whether_the_line_is_down() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let _ = machine.handle(Event::BellUp { head: 10, tag: tag(10), watermark: watermark(5) }, 2);
    let _ = bring(&mut machine, page(attempt, 10, true, 0, watermark(5)));
    let said = machine.handle(Event::BellDown { failure: Failure::Unreachable }, 3);
    assert!(armed(&said, Timer::Pull).unwrap() <= 1_000 && armed(&said, Timer::Bell).unwrap() <= 1_000);
    assert_eq!(machine.line(), Line::Up);
    let said = machine.handle(Event::TimerFired(Timer::Pull), 4);
    let (attempt, _) = pull(&said).unwrap();
    let _ = machine.handle(Event::PageFailed { attempt, failure: Failure::Unreachable }, 5);
    assert_eq!(machine.line(), Line::Down);
}

#[test]
fn a_bell_that_does_not_open_says_that_the_line_is_down_while_the_store_is_idle() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let _ = machine.handle(Event::BellUp { head: 10, tag: tag(10), watermark: watermark(5) }, 2);
    let _ = bring(&mut machine, page(attempt, 10, true, 0, watermark(5)));
    let said = machine.handle(Event::BellDown { failure: Failure::Unreachable }, 3);
    assert!(armed(&said, Timer::Bell).unwrap() <= 1_000, "one that was up is opened again soon");
    assert_eq!(machine.line(), Line::Up);
    let said = machine.handle(Event::TimerFired(Timer::Bell), 4);
    assert!(said.contains(&Action::OpenBell));
    let said = machine.handle(Event::BellDown { failure: Failure::TimedOut }, 5);
    assert!(said.contains(&Action::Report(Report::LineDown)));
    assert_eq!(machine.line(), Line::Down);
}

#[test]
fn where_no_bell_passes_the_line_is_up_as_long_as_pulls_are_answered() {
    let (mut machine, said) = begun(start());
    let (mut attempt, _) = pull(&said).unwrap();
    let mut lines = Vec::new();
    for round in 0..8 {
        let _ = bring(&mut machine, page(attempt, 10, true, 0, watermark(5)));
        assert_eq!(machine.line(), Line::Up);
        // Opened again at the latest when its timer runs out.
        let _ = machine.handle(Event::TimerFired(Timer::Bell), round);
        let _ = machine.handle(Event::BellDown { failure: Failure::Unreachable }, round);
        lines.push(machine.line());
        let said = machine.handle(Event::TimerFired(Timer::Pull), round);
        attempt = pull(&said).unwrap().0;
    }
    assert_eq!(lines.iter().rposition(|line| *line == Line::Down), Some(1));
}

#[test]
fn a_batch_that_hq_is_too_slow_for_is_halved_until_it_goes_through() {
    let (mut machine, said) = begun(start());
    let (mut attempt, _) = push(&said).unwrap();
    let mut limits = Vec::new();
    for round in 0..9 {
        let _ = machine.handle(Event::PushFailed { attempt, failure: Failure::TimedOut }, round);
        assert_eq!(machine.line(), Line::Down);
        let said = machine.handle(Event::TimerFired(Timer::Push), round);
        let Some(Action::Push { attempt: next, limit, .. }) = said.last().cloned() else {
            panic!("{said:?}");
        };
        attempt = next;
        limits.push(limit);
    }
    assert_eq!(limits, [1000, 500, 250, 125, 62, 31, 16, 16, 16]);
    let _ = machine.handle(Event::Acknowledged { attempt, watermark: watermark(21), more: true }, 1);
    let said = machine.handle(Event::WatermarkChecked { check: 1, verdict: WatermarkVerdict::Matches }, 2);
    assert!(matches!(said.last(), Some(Action::Push { from: 22, limit: 32, .. })), "{said:?}");
    // A line that is down says nothing of how much HQ can take.
    let Some(Action::Push { attempt, .. }) = said.last().cloned() else { panic!("{said:?}") };
    let _ = machine.handle(Event::PushFailed { attempt, failure: Failure::Unreachable }, 3);
    let said = machine.handle(Event::TimerFired(Timer::Push), 4);
    assert!(matches!(said.last(), Some(Action::Push { from: 22, limit: 32, .. })), "{said:?}");
}

#[test]
fn a_bell_during_a_pull_leads_to_one_more_pull_and_not_to_a_loop() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    for _ in 0..5 {
        assert!(machine.handle(Event::FeedMoved { head: 14 }, 2).is_empty());
    }
    let _ = bring(&mut machine, page(attempt, 12, true, 1, watermark(5)));
    let said = machine.handle(Event::Staged { attempt }, 4);
    let Some(Action::Apply { attempt, .. }) = said.first().cloned() else { panic!("{said:?}") };
    let said = machine.handle(Event::Applied { attempt }, 5);
    let (attempt, _) = pull(&said).unwrap();
    // HQ was restored meanwhile and never gets to 14.
    let said = bring(&mut machine, page(attempt, 12, true, 0, watermark(5)));
    assert!(pull(&said).is_none());
}

#[test]
fn a_batch_that_is_too_large_is_halved() {
    let (mut machine, said) = begun(start());
    let (mut attempt, _) = push(&said).unwrap();
    for expected in [1000, 500, 250] {
        let _ = machine.handle(Event::PushRefused { attempt, refusal: PushRefusal::TooLarge }, 4);
        let said = machine.handle(Event::TimerFired(Timer::Push), 5);
        let Some(Action::Push { attempt: next, limit, .. }) = said.last().cloned() else {
            panic!("{said:?}")
        };
        assert_eq!(limit, expected);
        attempt = next;
    }
}

#[test]
fn a_wrong_clock_asks_for_the_time_and_goes_on() {
    let (mut machine, said) = begun(start());
    let (attempt, _) = pull(&said).unwrap();
    let said = machine.handle(Event::PageFailed { attempt, failure: Failure::Clock }, 4);
    assert!(said.contains(&Action::AskTime));
    assert!(pull(&machine.handle(Event::TimeCorrected, 5)).is_some());
}
