//! The store's end of the conversation. [`StoreSync`] takes what happened ([`Event`]) and says what to do next
//! ([`Action`]); a driver does it and comes back with what happened. It decides everything and does nothing.
//!
//! Three things run beside each other and never wait for one another: the feed (pull → check HQ's watermark → stage →
//! … → apply), the journal (push → check → push …) and the bell. Each has at most one action under way, and waits
//! after a failure by itself.
//!
//! **What a driver owes.** It calls [`StoreSync::handle`] for one event at a time and carries out the actions in the
//! order given. Every [`Action::Pull`], [`Action::Stage`], [`Action::Apply`], [`Action::Offer`], [`Action::Push`] and
//! [`Action::CheckWatermark`] is answered by exactly one event that bears its number; an answer that is late or
//! doubled is ignored here. [`Action::Arm`] replaces the timer of that name. The machine keeps nothing: after a
//! restart it is told what the database holds ([`Start`]).

use uuid::Uuid;

use crate::wire::{Cursor, FeedHead, FeedTail, MAX_BATCH_ENTRIES, Tag, Watermark};

/// How often and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often to pull without the bell; spread by ±20 %.
    pub interval_ms: u64,
    /// The longest first pause after a failure.
    pub backoff_floor_ms: u64,
    /// The longest pause after many.
    pub backoff_cap_ms: u64,
    /// How often to say over the bell how the store is.
    pub status_ms: u64,
    /// The most entries of one push.
    pub batch_entries: usize,
}

impl Settings {
    /// For a store that pulls every `interval_ms`. Pauses after failures end at two intervals, at most a minute.
    #[must_use]
    pub fn every(interval_ms: u64) -> Self {
        let interval_ms = interval_ms.clamp(100, 24 * 3_600_000);
        Self {
            interval_ms,
            backoff_floor_ms: 1_000,
            backoff_cap_ms: (interval_ms.saturating_mul(2)).clamp(1_000, 60_000),
            status_ms: 30_000,
            batch_entries: MAX_BATCH_ENTRIES,
        }
    }
}

/// What the store's database holds when the machine starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The life of the store's database.
    pub incarnation: Uuid,
    /// The checkpoint that the store sells at; `None` before the first.
    pub checkpoint: Option<Checkpoint>,
    /// What of the next one is staged.
    pub staging: Option<Staging>,
    /// The version of the records that this release asks for.
    pub schema: u32,
    /// Up to which entry HQ has said that it has the journal.
    pub acknowledged: i64,
}

/// A checkpoint that a store has applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where it is in the feed.
    pub cursor: Cursor,
    /// The version of the records that it was pulled with.
    pub schema: u32,
}

/// What is staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    /// Where the next page begins.
    pub next: Cursor,
    /// Whether it is a whole checkpoint, and may be applied.
    pub complete: bool,
    /// Whether it names everything: what it does not name is gone.
    pub resync: bool,
    /// Whether HQ's history has gone back, which is why it names everything: nobody who was switched off comes back
    /// by it.
    pub rewound: bool,
    /// The version of its records.
    pub schema: u32,
    /// Up to which entry of this store's journal its records contain its effects.
    pub folded: i64,
}

/// A timer's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// For the next pull.
    Pull,
    /// For the next push.
    Push,
    /// For the next try to open the bell.
    Bell,
    /// For the next word on how the store is.
    Status,
}

/// Why an exchange with HQ came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer, or half of one: no connection, a line that broke, a 5xx of something in between.
    Unreachable,
    /// The request went out and no answer came in time: the line is dead, or HQ is at it for too long.
    TimedOut,
    /// HQ asks to come later (429, 503).
    Busy {
        /// `Retry-After`.
        retry_after_ms: Option<u64>,
    },
    /// HQ does not know the key, or has ended it (401, 403).
    Unauthorised,
    /// Only dates were wrong, the token's or the certificate's.
    Clock,
    /// An answer that cannot be what HQ meant.
    Garbled,
    /// Not HQ: the store's own database did not do its part.
    Storage,
}

/// How HQ refuses a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushRefusal {
    /// Entries are missing before it: go on from `expected`.
    Expected {
        /// The number of the entry that HQ waits for.
        expected: i64,
        /// HQ's watermark.
        watermark: Watermark,
    },
    /// It does not continue the journal that HQ has.
    Forked,
    /// The incarnation has ended: another box has taken the store over.
    Superseded,
    /// Too many bytes: send fewer entries.
    TooLarge,
    /// HQ cannot read it.
    Invalid {
        /// HQ's words.
        detail: String,
    },
}

/// Whether the journal has what HQ's watermark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatermarkVerdict {
    /// The entry with that number has that hash. (So it is for number 0 with [`crate::Hash::ZERO`].)
    Matches,
    /// It has another hash, or there is none with that number yet.
    Differs,
    /// It has been pruned and its hash with it: HQ has lost more than the store keeps.
    Pruned,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The store has come up. The first event, and again after it was enrolled anew.
    Started(Start),
    /// A timer has run out.
    TimerFired(Timer),
    /// The bell says that the feed has moved.
    FeedMoved {
        /// Its last position.
        head: i64,
    },
    /// A whole page has come (`wire::read_page` has read it).
    PageArrived {
        /// Of the pull.
        attempt: u64,
        /// The page's first line.
        head: FeedHead,
        /// The page's last line.
        tail: FeedTail,
    },
    /// No page has come.
    PageFailed {
        /// Of the pull.
        attempt: u64,
        /// Why.
        failure: Failure,
    },
    /// HQ does not have the history that the cursor is of.
    Rewound {
        /// Of the pull.
        attempt: u64,
        /// HQ's last position.
        head: i64,
    },
    /// HQ no longer serves this release's records.
    TooOld {
        /// Of the pull.
        attempt: u64,
        /// The version of the records that HQ asks for at least.
        needed: u32,
    },
    /// The page is in staging, committed.
    Staged {
        /// Of the stage.
        attempt: u64,
    },
    /// The page is not in staging: the store's database refused.
    StageFailed {
        /// Of the stage.
        attempt: u64,
    },
    /// The staged checkpoint is the store's, committed.
    Applied {
        /// Of the apply.
        attempt: u64,
    },
    /// The staged checkpoint is not the store's.
    ApplyFailed {
        /// Of the apply.
        attempt: u64,
        /// Whether what was staged is to blame (a constraint, a record that the table refuses) and not the moment (a
        /// lost connection, a full disk).
        is_poison: bool,
        /// In words, for HQ.
        reason: String,
    },
    /// HQ has the records that it had lost.
    Offered {
        /// Of the offer.
        attempt: u64,
    },
    /// HQ has not taken them.
    OfferFailed {
        /// Of the offer.
        attempt: u64,
        /// Why.
        failure: Failure,
    },
    /// A transaction with a journal entry was committed.
    Committed,
    /// HQ has taken a batch.
    Acknowledged {
        /// Of the push.
        attempt: u64,
        /// HQ's watermark after it.
        watermark: Watermark,
        /// Whether the store has more entries than were in the batch.
        more: bool,
    },
    /// There was nothing to push.
    NothingToPush {
        /// Of the push.
        attempt: u64,
    },
    /// HQ has refused a batch.
    PushRefused {
        /// Of the push.
        attempt: u64,
        /// How.
        refusal: PushRefusal,
    },
    /// A batch has no answer.
    PushFailed {
        /// Of the push.
        attempt: u64,
        /// Why.
        failure: Failure,
    },
    /// The journal was compared with HQ's watermark.
    WatermarkChecked {
        /// Of the check.
        check: u64,
        /// The result.
        verdict: WatermarkVerdict,
    },
    /// The journal could not be read.
    CheckFailed {
        /// Of the check.
        check: u64,
    },
    /// The bell is connected and HQ has said hello.
    BellUp {
        /// The feed's last position.
        head: i64,
        /// Its tag.
        tag: Tag,
        /// How far HQ has the journal.
        watermark: Watermark,
    },
    /// The bell has gone, or did not connect.
    BellDown {
        /// Why.
        failure: Failure,
    },
    /// The offset to HQ's time is known now.
    TimeCorrected,
    /// A person asks to pull and push now.
    PulledByHand,
    /// HQ asks to push now.
    PushAsked,
    /// A person asks to pull everything again.
    ResyncAsked,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Get the page after `after` → `PageArrived`, `PageFailed`, `Rewound` or `TooOld`.
    Pull {
        /// To be named in the answer.
        attempt: u64,
        /// `None`: from the start.
        after: Option<Cursor>,
    },
    /// Put the page that came with `attempt` into staging, in one transaction with `staging` → `Staged` or
    /// `StageFailed`.
    Stage {
        /// The page's, to be named in the answer.
        attempt: u64,
        /// Empty the staging first.
        fresh: bool,
        /// What the staging is after it.
        staging: Staging,
    },
    /// Make the staged checkpoint the store's, in one transaction → `Applied` or `ApplyFailed`.
    Apply {
        /// To be named in the answer.
        attempt: u64,
        /// Where the store is in the feed after it.
        checkpoint: Checkpoint,
        /// Mark what is not staged as gone.
        resync: bool,
        /// HQ's history has gone back: re-admit nobody who was switched off.
        rewound: bool,
        /// Up to which entry of this store's journal its records contain its effects.
        folded: i64,
    },
    /// Send HQ the records that are newer than its restored history → `Offered` or `OfferFailed`.
    Offer {
        /// To be named in the answer.
        attempt: u64,
        /// HQ's last position.
        beyond: i64,
    },
    /// Number what was committed, and send what comes from `from` on → `Acknowledged`, `NothingToPush`,
    /// `PushRefused` or `PushFailed`.
    Push {
        /// To be named in the answer.
        attempt: u64,
        /// The number of the first entry.
        from: i64,
        /// How many at most.
        limit: usize,
    },
    /// Look whether the entry with that number has that hash → `WatermarkChecked` or `CheckFailed`.
    CheckWatermark {
        /// To be named in the answer.
        check: u64,
        /// HQ's.
        watermark: Watermark,
    },
    /// Keep that HQ has the journal up to here. It may be lower than before: HQ has lost its last hours.
    KeepAcknowledged {
        /// HQ's watermark, which matches the journal.
        watermark: Watermark,
    },
    /// Send `TimerFired` after that long. A timer of the same name that runs is replaced.
    Arm {
        /// Its name.
        timer: Timer,
        /// After that long.
        after_ms: u64,
    },
    /// Connect the bell → `BellUp` or `BellDown`; `BellDown` again when it ends.
    OpenBell,
    /// Say over the bell how the store is.
    SendStatus,
    /// Ask HQ for its time, signed over a nonce → `TimeCorrected`, or nothing.
    AskTime,
    /// Tell people: in the log, on the sync page, at HQ where it is reached.
    Report(Report),
}

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// HQ answers again.
    LineUp,
    /// HQ does not answer.
    LineDown,
    /// The journal and HQ's are of different lives; nothing is pushed until the store is enrolled anew.
    Forked,
    /// Another box has taken the store over; nothing is pushed.
    Superseded,
    /// HQ has lost entries and gets them again.
    HqWentBack {
        /// What it had said.
        from: i64,
        /// What it has.
        to: i64,
    },
    /// HQ has lost more than the store keeps.
    CannotGoBack {
        /// What HQ has.
        sequence: i64,
    },
    /// HQ's master data has gone back; the store takes it over anew.
    FeedRewound {
        /// Where the store was.
        from: i64,
        /// Where HQ is.
        to: i64,
    },
    /// A checkpoint could not be applied; it is pulled anew.
    ApplyFailed {
        /// In words.
        reason: String,
    },
    /// HQ no longer serves this release.
    TooOld {
        /// The version of the records needed.
        needed: u32,
    },
    /// HQ has ended the store's key.
    Unauthorised,
    /// HQ cannot read a batch.
    BatchRefused {
        /// HQ's words.
        detail: String,
    },
}

/// Why nothing is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// See [`Report::Forked`].
    Forked,
    /// See [`Report::Superseded`].
    Superseded,
    /// See [`Report::CannotGoBack`].
    CannotGoBack,
}

/// Whether HQ answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Not heard yet.
    Unknown,
    /// The last exchange had an answer.
    Up,
    /// It had none.
    Down,
}

/// A page that came, between its arrival and the staging.
#[derive(Clone, Debug)]
struct Arrived {
    head: FeedHead,
    tail: FeedTail,
}

#[derive(Clone, Debug)]
enum FeedStep {
    Idle,
    Pulling,
    Checking { check: u64, page: Arrived },
    Staging { staging: Staging },
    Applying { staging: Staging },
    Offering,
    Waiting { failure: Failure },
}

#[derive(Clone, Debug)]
struct Feed {
    step: FeedStep,
    attempt: u64,
    checkpoint: Option<Checkpoint>,
    staging: Option<Staging>,
    /// What is being pulled names everything.
    resync: bool,
    /// It does so because HQ's history has gone back.
    rewound: bool,
    /// Begin anew as soon as the step under way has ended.
    resync_asked: bool,
    /// A head that was heard of while a pull was under way.
    wanted: i64,
    /// A person has asked while a pull was under way.
    again: bool,
    /// HQ's last position that was heard of.
    head: i64,
    /// HQ's restored position, while the records beyond it have not been offered yet.
    offer: Option<i64>,
    failures: u32,
    /// What was acknowledged when the pull began: HQ had it committed before it read the page's watermark.
    acknowledged_before: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PushStep {
    Idle,
    Pushing,
    Checking { check: u64, watermark: Watermark, more: bool, refused: bool },
    Waiting { failure: Failure },
    Halted(Halt),
}

#[derive(Clone, Debug)]
struct Push {
    step: PushStep,
    attempt: u64,
    acknowledged: i64,
    /// Something was committed since the last push was begun.
    dirty: bool,
    limit: usize,
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BellStep {
    Opening,
    Up,
    Waiting,
}

/// What a watermark check was for.
#[derive(Clone, Copy, Debug)]
struct HelloCheck {
    check: u64,
    watermark: Watermark,
    acknowledged_before: i64,
}

/// The store's end. See the module's text.
#[derive(Clone, Debug)]
pub struct StoreSync {
    settings: Settings,
    incarnation: Uuid,
    schema: u32,
    line: Line,
    feed: Feed,
    push: Push,
    bell: BellStep,
    bell_failures: u32,
    /// What was acknowledged when the bell was opened.
    bell_acknowledged_before: i64,
    hello: Option<HelloCheck>,
    /// The last watermark that matched the journal, so that it is not compared again.
    matched: Option<Watermark>,
    checks: u64,
    attempts: u64,
    /// A word on how the store is will be sent soon.
    status_soon: bool,
    has_started: bool,
}

/// Randomness for one event, from the number that the driver drew.
struct Dice(u64);

impl Dice {
    /// Between 0 and `most`, both included.
    fn up_to(&mut self, most: u64) -> u64 {
        // SplitMix64: one drawn number spreads over all that one event needs.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match most.checked_add(1) {
            Some(sides) => mixed % sides,
            None => mixed,
        }
    }
}

/// `Retry-After` is obeyed up to here: a proxy's typing error must not cut a store off for a week.
const LONGEST_RETRY_AFTER_MS: u64 = 3_600_000;
/// The shortest pause after a failure, so that no dice make a loop hot.
const SHORTEST_PAUSE_MS: u64 = 50;
/// A batch is not made smaller than this because HQ is busy.
const SMALLEST_BATCH: usize = 16;
/// How many bells in a row that do not open are taken for a line that is down.
const BELLS_BELIEVED: u32 = 2;
/// How long changes gather before the next word on how the store is.
const STATUS_SOON_MS: u64 = 500;

impl StoreSync {
    /// A machine that waits for [`Event::Started`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            incarnation: Uuid::nil(),
            schema: 0,
            line: Line::Unknown,
            feed: Feed {
                step: FeedStep::Idle,
                attempt: 0,
                checkpoint: None,
                staging: None,
                resync: false,
                rewound: false,
                resync_asked: false,
                wanted: 0,
                again: false,
                head: 0,
                offer: None,
                failures: 0,
                acknowledged_before: 0,
            },
            push: Push {
                step: PushStep::Idle,
                attempt: 0,
                acknowledged: 0,
                dirty: false,
                limit: settings.batch_entries,
                failures: 0,
            },
            bell: BellStep::Waiting,
            bell_failures: 0,
            bell_acknowledged_before: 0,
            hello: None,
            matched: None,
            checks: 0,
            attempts: 0,
            status_soon: false,
            has_started: false,
        }
    }

    /// Whether HQ answers.
    #[must_use]
    pub fn line(&self) -> Line {
        self.line
    }

    /// The position that the store sells at; 0 before the first checkpoint.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.feed.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.cursor.position)
    }

    /// HQ's last position that the store has heard of.
    #[must_use]
    pub fn head(&self) -> i64 {
        self.feed.head
    }

    /// Up to which entry HQ has the journal.
    #[must_use]
    pub fn acknowledged(&self) -> i64 {
        self.push.acknowledged
    }

    /// Why nothing is pushed, when that is so.
    #[must_use]
    pub fn halted(&self) -> Option<Halt> {
        match self.push.step {
            PushStep::Halted(halt) => Some(halt),
            _ => None,
        }
    }

    /// Takes what happened, and says what to do next. `random` is drawn anew for every event.
    #[must_use]
    pub fn handle(&mut self, event: Event, random: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        let out = &mut actions;
        let dice = &mut Dice(random);
        if let Event::Started(start) = event {
            self.start(start, out);
            return actions;
        }
        if !self.has_started {
            return actions;
        }
        let event = self.without_time_out(event);
        match event {
            Event::Started(_) => {}
            Event::TimerFired(timer) => self.timer_fired(timer, out, dice),
            Event::FeedMoved { head } => self.feed_moved(head, out),
            Event::PageArrived { attempt, head, tail } => self.page_arrived(attempt, head, tail, out, dice),
            Event::PageFailed { attempt, failure } => {
                if attempt == self.feed.attempt && matches!(self.feed.step, FeedStep::Pulling) {
                    self.feed_failed(failure, out, dice);
                }
            }
            Event::Rewound { attempt, head } => self.rewound(attempt, head, out, dice),
            Event::TooOld { attempt, needed } => {
                if attempt == self.feed.attempt && matches!(self.feed.step, FeedStep::Pulling) {
                    self.answered(out);
                    out.push(Action::Report(Report::TooOld { needed }));
                    // Nothing will change soon: HQ or the store must be upgraded.
                    self.feed.step = FeedStep::Waiting { failure: Failure::Garbled };
                    let after_ms = self.settings.backoff_cap_ms + dice.up_to(self.settings.backoff_cap_ms);
                    out.push(Action::Arm { timer: Timer::Pull, after_ms });
                }
            }
            Event::Staged { attempt } => self.staged(attempt, out),
            Event::StageFailed { attempt } => {
                if attempt == self.feed.attempt && matches!(self.feed.step, FeedStep::Staging { .. }) {
                    self.feed_failed(Failure::Storage, out, dice);
                }
            }
            Event::Applied { attempt } => self.applied(attempt, out, dice),
            Event::ApplyFailed { attempt, is_poison, reason } => {
                self.apply_failed(attempt, is_poison, reason, out, dice);
            }
            Event::Offered { attempt } => {
                if attempt == self.feed.attempt && matches!(self.feed.step, FeedStep::Offering) {
                    self.answered(out);
                    self.feed.offer = None;
                    self.feed.rewound = true;
                    self.begin_resync(out);
                }
            }
            Event::OfferFailed { attempt, failure } => {
                if attempt == self.feed.attempt && matches!(self.feed.step, FeedStep::Offering) {
                    if failure == Failure::Garbled {
                        // HQ answers and does not want it: what it refuses once it refuses always, and prices and
                        // people must not wait for that.
                        self.answered(out);
                        self.feed.offer = None;
                        self.feed.rewound = true;
                        self.begin_resync(out);
                    } else {
                        self.feed_failed(failure, out, dice);
                    }
                }
            }
            Event::Committed => {
                self.push.dirty = true;
                self.status_changed(out);
                if self.push.step == PushStep::Idle {
                    self.begin_push(out);
                }
            }
            Event::Acknowledged { attempt, watermark, more } => {
                if attempt == self.push.attempt && self.push.step == PushStep::Pushing {
                    self.answered(out);
                    self.check_push(watermark, more, false, out, dice);
                }
            }
            Event::NothingToPush { attempt } => {
                if attempt == self.push.attempt && self.push.step == PushStep::Pushing {
                    self.push.failures = 0;
                    self.push_done(false, out, dice);
                }
            }
            Event::PushRefused { attempt, refusal } => self.push_refused(attempt, refusal, out, dice),
            Event::PushFailed { attempt, failure } => {
                if attempt == self.push.attempt && self.push.step == PushStep::Pushing {
                    if matches!(failure, Failure::Busy { .. }) && self.push.failures >= 2 {
                        // HQ may be too slow for so many at once.
                        self.push.limit = (self.push.limit / 2).max(SMALLEST_BATCH.min(self.push.limit));
                    }
                    self.push_failed(failure, out, dice);
                }
            }
            Event::WatermarkChecked { check, verdict } => self.watermark_checked(check, verdict, out, dice),
            Event::CheckFailed { check } => self.check_failed(check, out, dice),
            Event::BellUp { head, tag, watermark } => self.bell_up(head, tag, watermark, out, dice),
            Event::BellDown { failure } => self.bell_down(failure, out, dice),
            Event::TimeCorrected => {
                if matches!(self.feed.step, FeedStep::Waiting { failure: Failure::Clock }) {
                    self.begin_pull(out);
                }
                if matches!(self.push.step, PushStep::Waiting { failure: Failure::Clock }) {
                    self.begin_push(out);
                }
                if self.bell == BellStep::Waiting {
                    self.open_bell(out);
                }
            }
            Event::PulledByHand => {
                match self.feed.step {
                    FeedStep::Idle | FeedStep::Waiting { .. } => self.begin_pull(out),
                    _ => self.feed.again = true,
                }
                self.push_asked(out);
                if self.bell == BellStep::Waiting {
                    self.open_bell(out);
                }
            }
            Event::PushAsked => self.push_asked(out),
            Event::ResyncAsked => match self.feed.step {
                FeedStep::Idle | FeedStep::Waiting { .. } | FeedStep::Pulling | FeedStep::Checking { .. } => {
                    self.begin_resync(out);
                }
                FeedStep::Staging { .. } | FeedStep::Applying { .. } | FeedStep::Offering => {
                    self.feed.resync_asked = true;
                }
            },
        }
        actions
    }

    /// A time-out says no more of the line than any other silence. Of a batch it may say that HQ needs longer for so many
    /// entries than the store waits: the same again would be the same again, so the next is half as large.
    fn without_time_out(&mut self, event: Event) -> Event {
        let failure = Failure::Unreachable;
        match event {
            Event::PushFailed { attempt, failure: Failure::TimedOut } => {
                if attempt == self.push.attempt && self.push.step == PushStep::Pushing {
                    self.push.limit = (self.push.limit / 2).max(SMALLEST_BATCH.min(self.push.limit));
                }
                Event::PushFailed { attempt, failure }
            }
            Event::PageFailed { attempt, failure: Failure::TimedOut } => {
                Event::PageFailed { attempt, failure }
            }
            Event::OfferFailed { attempt, failure: Failure::TimedOut } => {
                Event::OfferFailed { attempt, failure }
            }
            Event::BellDown { failure: Failure::TimedOut } => Event::BellDown { failure },
            event => event,
        }
    }

    fn start(&mut self, start: Start, out: &mut Vec<Action>) {
        let settings = self.settings;
        let (attempts, checks) = (self.attempts, self.checks);
        // What an earlier life of the machine has under way is answered to numbers that are not drawn again.
        *self = Self::new(settings);
        self.attempts = attempts;
        self.checks = checks;
        self.has_started = true;
        self.incarnation = start.incarnation;
        self.schema = start.schema;
        self.push.acknowledged = start.acknowledged;
        // Records of another version are pulled again, all of them: what this release adds was left out then.
        let is_current =
            start.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.schema == start.schema);
        self.feed.resync = !is_current;
        self.feed.head = start.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.cursor.position);
        self.feed.checkpoint = start.checkpoint;
        self.feed.staging =
            start.staging.filter(|staging| staging.schema == start.schema && (staging.resync || is_current));
        if let Some(staging) = &self.feed.staging {
            self.feed.resync = staging.resync;
            self.feed.rewound = staging.rewound;
        }
        self.begin_pull(out);
        self.begin_push(out);
        self.open_bell(out);
        out.push(Action::Arm { timer: Timer::Status, after_ms: settings.status_ms });
    }

    fn timer_fired(&mut self, timer: Timer, out: &mut Vec<Action>, dice: &mut Dice) {
        match timer {
            Timer::Pull => {
                if matches!(self.feed.step, FeedStep::Idle | FeedStep::Waiting { .. }) {
                    self.begin_pull(out);
                }
            }
            Timer::Push => {
                if matches!(self.push.step, PushStep::Idle | PushStep::Waiting { .. }) {
                    self.begin_push(out);
                }
            }
            Timer::Bell => {
                if self.bell == BellStep::Waiting {
                    self.open_bell(out);
                }
            }
            Timer::Status => {
                self.status_soon = false;
                if self.bell == BellStep::Up {
                    out.push(Action::SendStatus);
                }
                let after_ms = spread(self.settings.status_ms, dice);
                out.push(Action::Arm { timer: Timer::Status, after_ms });
            }
        }
    }

    // The feed.

    fn begin_pull(&mut self, out: &mut Vec<Action>) {
        self.feed.attempt = self.next_attempt();
        let attempt = self.feed.attempt;
        if let Some(beyond) = self.feed.offer {
            self.feed.step = FeedStep::Offering;
            out.push(Action::Offer { attempt, beyond });
            return;
        }
        if let Some(staging) = self.feed.staging.clone().filter(|staging| staging.complete) {
            self.begin_apply(staging, out);
            return;
        }
        let after = match (&self.feed.staging, &self.feed.checkpoint) {
            (Some(staging), _) => Some(staging.next.clone()),
            (None, Some(checkpoint)) if !self.feed.resync => Some(checkpoint.cursor.clone()),
            _ => None,
        };
        self.feed.step = FeedStep::Pulling;
        self.feed.again = false;
        self.feed.acknowledged_before = self.push.acknowledged;
        out.push(Action::Pull { attempt, after });
    }

    fn begin_resync(&mut self, out: &mut Vec<Action>) {
        self.feed.resync = true;
        self.feed.resync_asked = false;
        self.feed.staging = None;
        self.begin_pull(out);
    }

    fn begin_apply(&mut self, staging: Staging, out: &mut Vec<Action>) {
        let checkpoint = Checkpoint { cursor: staging.next.clone(), schema: staging.schema };
        out.push(Action::Apply {
            attempt: self.feed.attempt,
            checkpoint,
            resync: staging.resync,
            rewound: staging.rewound,
            folded: staging.folded,
        });
        self.feed.step = FeedStep::Applying { staging };
    }

    fn feed_moved(&mut self, head: i64, out: &mut Vec<Action>) {
        self.feed.head = self.feed.head.max(head);
        if head <= self.position() {
            return;
        }
        match self.feed.step {
            FeedStep::Idle => self.begin_pull(out),
            // After a failure the timer decides: a thousand stores hear the same bell.
            FeedStep::Waiting { .. } => {}
            _ => self.feed.wanted = self.feed.wanted.max(head),
        }
    }

    fn page_arrived(
        &mut self,
        attempt: u64,
        head: FeedHead,
        tail: FeedTail,
        out: &mut Vec<Action>,
        dice: &mut Dice,
    ) {
        if attempt != self.feed.attempt || !matches!(self.feed.step, FeedStep::Pulling) {
            return;
        }
        self.answered(out);
        if !self.is_sound(&head, &tail) {
            self.feed_failed(Failure::Garbled, out, dice);
            return;
        }
        self.feed.head = head.position;
        if self.feed.wanted <= head.position {
            self.feed.wanted = 0;
        }
        let page = Arrived { head, tail };
        if head.watermark.incarnation != self.incarnation {
            self.halt(Halt::Superseded, out);
            self.stage(page, out, dice);
        } else if self.matched == Some(head.watermark) {
            self.heed_watermark(head.watermark, self.feed.acknowledged_before, out);
            self.stage(page, out, dice);
        } else {
            let check = self.next_check();
            out.push(Action::CheckWatermark { check, watermark: head.watermark });
            self.feed.step = FeedStep::Checking { check, page };
        }
    }

    /// Whether a page can follow what the store has: anything else would loop, skip or go back.
    fn is_sound(&self, head: &FeedHead, tail: &FeedTail) -> bool {
        let before = match (&self.feed.staging, &self.feed.checkpoint) {
            (Some(staging), _) => Some(&staging.next),
            (None, Some(checkpoint)) if !self.feed.resync => Some(&checkpoint.cursor),
            _ => None,
        };
        let next = &tail.next;
        let moves_on = match before {
            Some(before) => {
                next.progress() > before.progress() || (tail.complete && next.progress() == before.progress())
            }
            None => tail.complete || !next.is_start(),
        };
        let is_of_this_page = next.position == head.position && next.tag == head.tag;
        head.schema == self.schema && is_of_this_page && tail.complete == next.record.is_none() && moves_on
    }

    fn stage(&mut self, page: Arrived, out: &mut Vec<Action>, dice: &mut Dice) {
        let staging = Staging {
            next: page.tail.next,
            complete: page.tail.complete,
            resync: self.feed.resync,
            rewound: self.feed.rewound,
            schema: page.head.schema,
            folded: page.tail.folded,
        };
        let has_nothing_new = page.tail.count == 0
            && self.feed.staging.is_none()
            && !self.feed.resync
            && self
                .feed
                .checkpoint
                .as_ref()
                .is_some_and(|checkpoint| checkpoint.cursor.position == staging.next.position);
        if has_nothing_new && staging.complete {
            // The store is where HQ is: no transaction for nothing.
            self.feed.failures = 0;
            self.feed.step = FeedStep::Idle;
            self.feed.attempt = self.next_attempt();
            self.feed_done(out, dice);
            return;
        }
        out.push(Action::Stage {
            attempt: self.feed.attempt,
            fresh: self.feed.staging.is_none(),
            staging: staging.clone(),
        });
        self.feed.step = FeedStep::Staging { staging };
    }

    fn staged(&mut self, attempt: u64, out: &mut Vec<Action>) {
        if attempt != self.feed.attempt {
            return;
        }
        let FeedStep::Staging { staging } = &self.feed.step else { return };
        let staging = staging.clone();
        self.feed.failures = 0;
        self.feed.staging = Some(staging);
        if self.feed.resync_asked {
            self.begin_resync(out);
        } else {
            self.begin_pull(out);
        }
    }

    fn applied(&mut self, attempt: u64, out: &mut Vec<Action>, dice: &mut Dice) {
        if attempt != self.feed.attempt {
            return;
        }
        let FeedStep::Applying { staging } = &self.feed.step else { return };
        let checkpoint = Checkpoint { cursor: staging.next.clone(), schema: staging.schema };
        self.feed.checkpoint = Some(checkpoint);
        self.feed.staging = None;
        self.feed.resync = false;
        self.feed.rewound = false;
        self.feed.failures = 0;
        self.feed.step = FeedStep::Idle;
        self.status_changed(out);
        if self.feed.resync_asked {
            self.begin_resync(out);
        } else {
            self.feed_done(out, dice);
        }
    }

    /// The store is at a checkpoint: pull again when more was heard of meanwhile, else later.
    fn feed_done(&mut self, out: &mut Vec<Action>, dice: &mut Dice) {
        let wanted = std::mem::take(&mut self.feed.wanted);
        if wanted > self.position() || self.feed.again {
            self.begin_pull(out);
        } else {
            out.push(Action::Arm { timer: Timer::Pull, after_ms: spread(self.settings.interval_ms, dice) });
        }
    }

    fn apply_failed(
        &mut self,
        attempt: u64,
        is_poison: bool,
        reason: String,
        out: &mut Vec<Action>,
        dice: &mut Dice,
    ) {
        if attempt != self.feed.attempt || !matches!(self.feed.step, FeedStep::Applying { .. }) {
            return;
        }
        if is_poison {
            out.push(Action::Report(Report::ApplyFailed { reason }));
            self.feed.staging = None;
            self.feed.resync = true;
        }
        // A resync that fails as well must not pull everything in a loop.
        self.feed_failed(Failure::Storage, out, dice);
    }

    fn rewound(&mut self, attempt: u64, head: i64, out: &mut Vec<Action>, dice: &mut Dice) {
        if attempt != self.feed.attempt || !matches!(self.feed.step, FeedStep::Pulling) {
            return;
        }
        self.answered(out);
        self.feed.head = head;
        self.feed.wanted = 0;
        if self.feed.staging.take().is_some() {
            // Only what was staged may be of the lost history: the checkpoint has the next word.
            self.begin_pull(out);
            return;
        }
        if self.feed.resync || self.feed.checkpoint.is_none() {
            // A start is never of another history.
            self.feed_failed(Failure::Garbled, out, dice);
            return;
        }
        out.push(Action::Report(Report::FeedRewound { from: self.position(), to: head }));
        self.feed.offer = Some(head);
        self.begin_pull(out);
    }

    fn feed_failed(&mut self, failure: Failure, out: &mut Vec<Action>, dice: &mut Dice) {
        let after_ms = self.pause(self.feed.failures, failure, dice);
        self.feed.failures = self.feed.failures.saturating_add(1);
        self.feed.step = FeedStep::Waiting { failure };
        // What is answered from now on to the former number is late.
        self.feed.attempt = self.next_attempt();
        self.failed(failure, out);
        if std::mem::take(&mut self.feed.resync_asked) {
            self.feed.resync = true;
            self.feed.staging = None;
        }
        out.push(Action::Arm { timer: Timer::Pull, after_ms });
    }

    // The journal.

    fn begin_push(&mut self, out: &mut Vec<Action>) {
        self.push.dirty = false;
        self.push.attempt = self.next_attempt();
        self.push.step = PushStep::Pushing;
        out.push(Action::Push {
            attempt: self.push.attempt,
            from: self.push.acknowledged + 1,
            limit: self.push.limit,
        });
    }

    fn push_asked(&mut self, out: &mut Vec<Action>) {
        match self.push.step {
            PushStep::Idle | PushStep::Waiting { .. } => self.begin_push(out),
            PushStep::Pushing | PushStep::Checking { .. } => self.push.dirty = true,
            PushStep::Halted(_) => {}
        }
    }

    fn check_push(
        &mut self,
        watermark: Watermark,
        more: bool,
        refused: bool,
        out: &mut Vec<Action>,
        dice: &mut Dice,
    ) {
        if watermark.incarnation != self.incarnation {
            self.halt(Halt::Superseded, out);
        } else if self.matched == Some(watermark) {
            self.push_matched(watermark, more, refused, out, dice);
        } else {
            let check = self.next_check();
            self.push.step = PushStep::Checking { check, watermark, more, refused };
            out.push(Action::CheckWatermark { check, watermark });
        }
    }

    fn push_matched(
        &mut self,
        watermark: Watermark,
        more: bool,
        refused: bool,
        out: &mut Vec<Action>,
        dice: &mut Dice,
    ) {
        let before = self.push.acknowledged;
        if watermark.sequence < before {
            out.push(Action::Report(Report::HqWentBack { from: before, to: watermark.sequence }));
        }
        if watermark.sequence != before {
            self.push.acknowledged = watermark.sequence;
            out.push(Action::KeepAcknowledged { watermark });
            self.status_changed(out);
        }
        if watermark.sequence == before {
            // Taken and yet no further: nothing that repeating at once would change.
            self.push_failed(Failure::Garbled, out, dice);
            return;
        }
        self.push.failures = 0;
        if !refused {
            self.push.limit = self.push.limit.saturating_mul(2).min(self.settings.batch_entries);
        }
        self.push_done(more || refused, out, dice);
    }

    fn push_done(&mut self, more: bool, out: &mut Vec<Action>, dice: &mut Dice) {
        if more || self.push.dirty {
            self.begin_push(out);
        } else {
            self.push.step = PushStep::Idle;
            out.push(Action::Arm { timer: Timer::Push, after_ms: spread(self.settings.interval_ms, dice) });
        }
    }

    fn push_refused(&mut self, attempt: u64, refusal: PushRefusal, out: &mut Vec<Action>, dice: &mut Dice) {
        if attempt != self.push.attempt || self.push.step != PushStep::Pushing {
            return;
        }
        self.answered(out);
        match refusal {
            PushRefusal::Expected { expected, watermark } => {
                if watermark.sequence.checked_add(1) == Some(expected) {
                    self.check_push(watermark, true, true, out, dice);
                } else {
                    self.push_failed(Failure::Garbled, out, dice);
                }
            }
            PushRefusal::Forked => self.halt(Halt::Forked, out),
            PushRefusal::Superseded => self.halt(Halt::Superseded, out),
            PushRefusal::TooLarge => {
                self.push.limit = (self.push.limit / 2).max(1);
                self.push_failed(Failure::Busy { retry_after_ms: None }, out, dice);
            }
            PushRefusal::Invalid { detail } => {
                out.push(Action::Report(Report::BatchRefused { detail }));
                // One by one, so that what HQ can read is not held up by what it cannot.
                self.push.limit = 1;
                self.push_failed(Failure::Garbled, out, dice);
            }
        }
    }

    fn push_failed(&mut self, failure: Failure, out: &mut Vec<Action>, dice: &mut Dice) {
        let after_ms = self.pause(self.push.failures, failure, dice);
        self.push.failures = self.push.failures.saturating_add(1);
        self.push.step = PushStep::Waiting { failure };
        self.push.attempt = self.next_attempt();
        self.failed(failure, out);
        out.push(Action::Arm { timer: Timer::Push, after_ms });
    }

    fn halt(&mut self, halt: Halt, out: &mut Vec<Action>) {
        if self.push.step == PushStep::Halted(halt) {
            return;
        }
        self.push.step = PushStep::Halted(halt);
        self.push.attempt = self.next_attempt();
        out.push(Action::Report(match halt {
            Halt::Forked => Report::Forked,
            Halt::Superseded => Report::Superseded,
            Halt::CannotGoBack => Report::CannotGoBack { sequence: self.push.acknowledged },
        }));
        self.status_changed(out);
    }

    // HQ's watermark.

    /// A watermark that matches came by another way than a push's answer. `floor` was acknowledged before HQ read it,
    /// so a lower one means that HQ has lost entries; one that is only older than the latest push means nothing.
    fn heed_watermark(&mut self, watermark: Watermark, floor: i64, out: &mut Vec<Action>) {
        if !matches!(self.push.step, PushStep::Idle | PushStep::Waiting { .. }) {
            // The push under way hears it by itself.
            return;
        }
        let before = self.push.acknowledged;
        if watermark.sequence < floor {
            out.push(Action::Report(Report::HqWentBack { from: before, to: watermark.sequence }));
        } else if watermark.sequence <= before {
            return;
        }
        self.push.acknowledged = watermark.sequence;
        out.push(Action::KeepAcknowledged { watermark });
        self.status_changed(out);
        if watermark.sequence < floor {
            self.begin_push(out);
        }
    }

    fn watermark_checked(
        &mut self,
        check: u64,
        verdict: WatermarkVerdict,
        out: &mut Vec<Action>,
        dice: &mut Dice,
    ) {
        let halt = match verdict {
            WatermarkVerdict::Matches => None,
            WatermarkVerdict::Differs => Some(Halt::Forked),
            WatermarkVerdict::Pruned => Some(Halt::CannotGoBack),
        };
        match &self.feed.step {
            FeedStep::Checking { check: asked, page } if *asked == check => {
                let page = page.clone();
                let watermark = page.head.watermark;
                match halt {
                    None => {
                        self.matched = Some(watermark);
                        self.heed_watermark(watermark, self.feed.acknowledged_before, out);
                    }
                    Some(halt) => self.halt(halt, out),
                }
                // Prices go on coming: a fork is about what the store writes, and it goes on selling.
                self.stage(page, out, dice);
                return;
            }
            _ => {}
        }
        if let PushStep::Checking { check: asked, watermark, more, refused } = self.push.step
            && asked == check
        {
            match halt {
                None => {
                    self.matched = Some(watermark);
                    self.push_matched(watermark, more, refused, out, dice);
                }
                Some(halt) => self.halt(halt, out),
            }
            return;
        }
        if let Some(hello) = self.hello
            && hello.check == check
        {
            self.hello = None;
            match halt {
                None => {
                    self.matched = Some(hello.watermark);
                    self.heed_watermark(hello.watermark, hello.acknowledged_before, out);
                }
                Some(halt) => self.halt(halt, out),
            }
        }
    }

    fn check_failed(&mut self, check: u64, out: &mut Vec<Action>, dice: &mut Dice) {
        if matches!(&self.feed.step, FeedStep::Checking { check: asked, .. } if *asked == check) {
            self.feed_failed(Failure::Storage, out, dice);
        } else if matches!(self.push.step, PushStep::Checking { check: asked, .. } if asked == check) {
            self.push_failed(Failure::Storage, out, dice);
        } else if self.hello.is_some_and(|hello| hello.check == check) {
            // The next page or push brings the watermark again.
            self.hello = None;
        }
    }

    // The bell.

    fn open_bell(&mut self, out: &mut Vec<Action>) {
        self.bell = BellStep::Opening;
        self.bell_acknowledged_before = self.push.acknowledged;
        out.push(Action::OpenBell);
    }

    fn bell_up(&mut self, head: i64, tag: Tag, watermark: Watermark, out: &mut Vec<Action>, dice: &mut Dice) {
        if self.bell != BellStep::Opening {
            return;
        }
        self.bell = BellStep::Up;
        self.bell_failures = 0;
        self.answered(out);
        out.push(Action::SendStatus);
        let after_ms = spread(self.settings.status_ms, dice);
        out.push(Action::Arm { timer: Timer::Status, after_ms });
        if watermark.incarnation != self.incarnation {
            self.halt(Halt::Superseded, out);
        } else if self.matched == Some(watermark) {
            self.heed_watermark(watermark, self.bell_acknowledged_before, out);
        } else {
            let check = self.next_check();
            self.hello =
                Some(HelloCheck { check, watermark, acknowledged_before: self.bell_acknowledged_before });
            out.push(Action::CheckWatermark { check, watermark });
        }
        self.feed.head = head;
        let is_here = self
            .feed
            .checkpoint
            .as_ref()
            .is_some_and(|checkpoint| checkpoint.cursor.position == head && checkpoint.cursor.tag == tag);
        match self.feed.step {
            FeedStep::Idle if !is_here => self.begin_pull(out),
            FeedStep::Waiting { failure: Failure::Unreachable } => self.begin_pull(out),
            FeedStep::Idle | FeedStep::Waiting { .. } => {}
            _ => self.feed.wanted = self.feed.wanted.max(head),
        }
        if matches!(self.push.step, PushStep::Waiting { failure: Failure::Unreachable }) {
            self.begin_push(out);
        }
    }

    fn bell_down(&mut self, failure: Failure, out: &mut Vec<Action>, dice: &mut Dice) {
        if self.bell == BellStep::Waiting {
            return;
        }
        let did_not_open = self.bell == BellStep::Opening;
        self.bell = BellStep::Waiting;
        let after_ms = self.pause(self.bell_failures, failure, dice);
        // HQ does not answer: said at once, and not only when the next pull is due. Of a bell that never opens, as something on
        // the way lets no such thing pass, no more is said: pulls go through there.
        if did_not_open && failure == Failure::Unreachable && self.bell_failures < BELLS_BELIEVED {
            self.failed(failure, out);
        }
        self.bell_failures = self.bell_failures.saturating_add(1);
        if failure == Failure::Clock {
            out.push(Action::AskTime);
        }
        // A bell that ends says nothing yet about whether HQ answers: a pull does, soon, but not from every store at the
        // same instant.
        if failure == Failure::Unreachable && matches!(self.feed.step, FeedStep::Idle) {
            let soon = self.pause(0, failure, dice);
            out.push(Action::Arm { timer: Timer::Pull, after_ms: soon });
        }
        out.push(Action::Arm { timer: Timer::Bell, after_ms });
    }

    // The line, and pauses.

    /// HQ has answered. What waits only because it did not is tried now.
    fn answered(&mut self, out: &mut Vec<Action>) {
        if self.line == Line::Up {
            return;
        }
        let was_down = self.line == Line::Down;
        self.line = Line::Up;
        out.push(Action::Report(Report::LineUp));
        if !was_down {
            return;
        }
        if matches!(self.feed.step, FeedStep::Waiting { failure: Failure::Unreachable }) {
            self.begin_pull(out);
        }
        if matches!(self.push.step, PushStep::Waiting { failure: Failure::Unreachable }) {
            self.begin_push(out);
        }
        if self.bell == BellStep::Waiting {
            self.open_bell(out);
        }
    }

    fn failed(&mut self, failure: Failure, out: &mut Vec<Action>) {
        match failure {
            Failure::Unreachable | Failure::TimedOut => {
                if self.line != Line::Down {
                    self.line = Line::Down;
                    out.push(Action::Report(Report::LineDown));
                }
            }
            Failure::Unauthorised => {
                self.answered(out);
                out.push(Action::Report(Report::Unauthorised));
            }
            Failure::Clock => {
                self.answered(out);
                out.push(Action::AskTime);
            }
            Failure::Busy { .. } | Failure::Garbled => self.answered(out),
            Failure::Storage => {}
        }
    }

    fn status_changed(&mut self, out: &mut Vec<Action>) {
        if self.bell == BellStep::Up && !self.status_soon {
            self.status_soon = true;
            out.push(Action::Arm { timer: Timer::Status, after_ms: STATUS_SOON_MS });
        }
    }

    /// The pause after the failure number `failures`, counted from 0: any length up to a bound that doubles, so that
    /// stores which failed together do not come back together.
    fn pause(&self, failures: u32, failure: Failure, dice: &mut Dice) -> u64 {
        let doubled =
            1_u64.checked_shl(failures).and_then(|times| self.settings.backoff_floor_ms.checked_mul(times));
        let bound = doubled.unwrap_or(u64::MAX).min(self.settings.backoff_cap_ms);
        let pause = dice.up_to(bound).max(SHORTEST_PAUSE_MS);
        match failure {
            Failure::Busy { retry_after_ms: Some(asked) } => asked.min(LONGEST_RETRY_AFTER_MS) + pause,
            // A person has to do something first.
            Failure::Unauthorised => pause.max(self.settings.backoff_cap_ms / 2),
            _ => pause,
        }
    }

    fn next_attempt(&mut self) -> u64 {
        self.attempts += 1;
        self.attempts
    }

    fn next_check(&mut self) -> u64 {
        self.checks += 1;
        self.checks
    }
}

/// `milliseconds` ± 20 %.
fn spread(milliseconds: u64, dice: &mut Dice) -> u64 {
    let fifth = milliseconds / 5;
    milliseconds - fifth + dice.up_to(2 * fifth)
}
