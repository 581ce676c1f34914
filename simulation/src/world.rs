//! The run: what happens when, and whether the invariants hold.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt::Write as _;

use sync_protocol::store_sync::{Action, Checkpoint, Event, Failure, PushRefusal, Settings, Staging, Timer};
use sync_protocol::wire::{Cursor, PageError, Tag, read_page};
use sync_protocol::{PushRequest, Watermark};
use uuid::Uuid;

use crate::chance::Chance;
use crate::hq::{Hq, Master, PageAnswer, PushReply};
use crate::store::{Disk, Store};

/// How large a run is and how bad.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What everything follows from.
    pub seed: u64,
    /// How many stores.
    pub stores: usize,
    /// How many events before the lines are mended.
    pub steps: u64,
    /// Whether boxes go back to images of themselves, and HQ to backups.
    pub restores: bool,
}

/// What a run was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Facts that stores committed.
    pub facts: u64,
    /// Checkpoints that stores applied.
    pub checkpoints: u64,
    /// Crashes of stores.
    pub crashes: u64,
    /// Requests or answers that were lost or broken.
    pub lost: u64,
    /// Boxes that went back, or ran twice.
    pub box_restores: u64,
    /// Times that HQ went back.
    pub hq_restores: u64,
    /// Boxes that got a new code.
    pub new_lives: u64,
    /// Simulated milliseconds.
    pub ended_at_ms: u64,
}

/// How long the mended world may take to agree.
const HEALED_WITHIN_MS: u64 = 3_600_000;
/// How many records the master data has.
const RECORDS: usize = 24;

enum What {
    /// Something that the store's machine hears.
    Hears(Event),
    /// A timer, unless it was armed anew.
    Timer(Timer, u64),
    /// A request is at HQ; `heard` tells whether its answer finds the way back.
    Pull {
        attempt: u64,
        after: Option<Cursor>,
        heard: bool,
    },
    Push {
        attempt: u64,
        request: Box<PushRequest>,
        heard: bool,
        more: bool,
    },
    Bell,
    /// The store's disk is done with something.
    Stage {
        attempt: u64,
        fresh: bool,
        staging: Box<Staging>,
    },
    Apply {
        attempt: u64,
        checkpoint: Checkpoint,
        resync: bool,
    },
    Check {
        check: u64,
        watermark: Watermark,
    },
    Keep {
        watermark: Watermark,
    },
    Restart,
}

struct Due {
    at: u64,
    order: u64,
    store: usize,
    run: u64,
    what: What,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

struct World {
    chance: Chance,
    now: u64,
    order: u64,
    due: BinaryHeap<Reverse<Due>>,
    hq: Hq,
    backup: Option<Hq>,
    stores: Vec<Store>,
    settings: Settings,
    /// Master data as it was at every checkpoint that HQ ever had.
    checkpoints: BTreeMap<(i64, Tag), Master>,
    records: Vec<Uuid>,
    made: BTreeSet<Uuid>,
    store_numbers: usize,
    is_healed: bool,
    scenario: Scenario,
    report: Report,
}

/// Runs a scenario to its end. The error says which invariant does not hold.
pub fn run(scenario: Scenario) -> Result<Report, String> {
    let mut world = World::new(scenario);
    for _ in 0..scenario.steps {
        world.misfortune();
        world.step()?;
    }
    world.heal();
    let limit = world.now + HEALED_WITHIN_MS;
    loop {
        // Looking at every store after every event would make a thousand stores slow.
        for _ in 0..=scenario.stores {
            world.step()?;
        }
        if world.is_agreed() {
            break;
        }
        if world.now > limit {
            return Err(format!("no agreement an hour after everything was mended: {}", world.differences()));
        }
        world.second_codes();
    }
    world.check()?;
    world.report.ended_at_ms = world.now;
    Ok(world.report)
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let mut chance = Chance::new(scenario.seed);
        let settings = Settings { batch_entries: 4, ..Settings::every(2_000) };
        let records = (0..RECORDS).map(|_| chance.uuid()).collect();
        let mut world = Self {
            chance,
            now: 0,
            order: 0,
            due: BinaryHeap::new(),
            hq: Hq::default(),
            backup: None,
            stores: Vec::new(),
            settings,
            checkpoints: BTreeMap::new(),
            records,
            made: BTreeSet::new(),
            store_numbers: scenario.stores,
            is_healed: false,
            scenario,
            report: Report::default(),
        };
        world.checkpoints.insert((0, Tag::default()), Master::new());
        for number in 0..scenario.stores {
            let incarnation = world.chance.uuid();
            world.hq.enrol(number, incarnation);
            world.stores.push(Store::new(number, Disk::new(incarnation), settings));
            world.boot(number);
        }
        world
    }

    fn plan(&mut self, after: u64, store: usize, what: What) {
        self.order += 1;
        let run = self.stores.get(store).map_or(0, |store| store.run);
        self.due.push(Reverse(Due { at: self.now + after, order: self.order, store, run, what }));
    }

    /// How long something on a disk takes.
    fn disk_time(&mut self) -> u64 {
        self.chance.between(1, 20)
    }

    /// How long a message is on its way.
    fn way(&mut self) -> u64 {
        if !self.is_healed && self.chance.happens(50) {
            self.chance.between(500, 8_000)
        } else {
            self.chance.between(2, 80)
        }
    }

    fn boot(&mut self, at: usize) {
        let Some(store) = self.stores.get_mut(at) else { return };
        store.run += 1;
        store.timers.clear();
        store.pages.clear();
        store.is_bell_up = false;
        store.machine = sync_protocol::store_sync::StoreSync::new(self.settings);
        let start = store.disk.start();
        self.hears(at, Event::Started(start));
    }

    fn crash(&mut self, at: usize) {
        let Some(store) = self.stores.get_mut(at) else { return };
        store.run += 1;
        store.timers.clear();
        store.pages.clear();
        store.is_bell_up = false;
        self.report.crashes += 1;
        let after = self.chance.between(10, 3_000);
        self.plan(after, at, What::Restart);
    }

    /// The machine hears something, and what it says is carried out.
    fn hears(&mut self, at: usize, event: Event) {
        let random = self.chance.next();
        let Some(store) = self.stores.get_mut(at) else { return };
        let actions = store.machine.handle(event, random);
        for action in actions {
            self.carry_out(at, action);
        }
    }

    fn carry_out(&mut self, at: usize, action: Action) {
        let is_cut = self.stores.get(at).is_some_and(|store| store.is_line_down);
        let is_lost = is_cut || (!self.is_healed && self.chance.happens(60));
        let answer_is_lost = !self.is_healed && self.chance.happens(60);
        match action {
            Action::Pull { attempt, after } => {
                if is_lost {
                    self.lose(at, Event::PageFailed { attempt, failure: Failure::Unreachable });
                } else {
                    let way = self.way();
                    self.plan(way, at, What::Pull { attempt, after, heard: !answer_is_lost });
                }
            }
            Action::Stage { attempt, fresh, staging } => {
                let time = self.disk_time();
                self.plan(time, at, What::Stage { attempt, fresh, staging: Box::new(staging) });
            }
            Action::Apply { attempt, checkpoint, resync, .. } => {
                let time = self.disk_time();
                self.plan(time, at, What::Apply { attempt, checkpoint, resync });
            }
            Action::Offer { attempt, .. } => {
                let way = self.way();
                let event = if is_lost {
                    Event::OfferFailed { attempt, failure: Failure::Unreachable }
                } else {
                    Event::Offered { attempt }
                };
                self.plan(way, at, What::Hears(event));
            }
            Action::Push { attempt, from, limit } => {
                let Some(store) = self.stores.get(at) else { return };
                let Some(request) = store.disk.batch(from, limit) else {
                    let time = self.disk_time();
                    self.plan(time, at, What::Hears(Event::NothingToPush { attempt }));
                    return;
                };
                let last = from + i64::try_from(request.entries.len()).unwrap_or(0) - 1;
                let more = usize::try_from(last).is_ok_and(|last| last < store.disk.journal.len());
                if is_lost {
                    self.lose(at, Event::PushFailed { attempt, failure: Failure::Unreachable });
                    return;
                }
                let way = self.way();
                if !self.is_healed && self.chance.happens(40) {
                    // The line delivers it twice; the second time nobody listens to the answer.
                    let later = way + self.way();
                    let request = Box::new(request.clone());
                    self.plan(later, at, What::Push { attempt: 0, request, heard: false, more });
                }
                let request = Box::new(request);
                self.plan(way, at, What::Push { attempt, request, heard: !answer_is_lost, more });
            }
            Action::CheckWatermark { check, watermark } => {
                let time = self.disk_time();
                self.plan(time, at, What::Check { check, watermark });
            }
            Action::KeepAcknowledged { watermark } => {
                let time = self.disk_time();
                self.plan(time, at, What::Keep { watermark });
            }
            Action::Arm { timer, after_ms } => {
                self.order += 1;
                let number = self.order;
                if let Some(store) = self.stores.get_mut(at) {
                    store.timers.insert(timer, number);
                }
                self.plan(after_ms, at, What::Timer(timer, number));
            }
            Action::OpenBell => {
                let way = self.way();
                let what = if is_lost {
                    What::Hears(Event::BellDown { failure: Failure::Unreachable })
                } else {
                    What::Bell
                };
                self.plan(way, at, what);
            }
            Action::AskTime => {
                let way = self.way();
                if !is_lost {
                    self.plan(way, at, What::Hears(Event::TimeCorrected));
                }
            }
            Action::SendStatus | Action::Report(_) => {}
        }
    }

    /// A request or its answer does not arrive: the store waits until its patience ends.
    fn lose(&mut self, at: usize, event: Event) {
        self.report.lost += 1;
        let patience = self.chance.between(50, 5_000);
        self.plan(patience, at, What::Hears(event));
    }

    fn step(&mut self) -> Result<(), String> {
        let Some(Reverse(due)) = self.due.pop() else {
            // Timers always run; with no store there is nothing to do.
            self.now += 1_000;
            return Ok(());
        };
        self.now = self.now.max(due.at);
        let at = due.store;
        let is_current = self.stores.get(at).is_some_and(|store| store.run == due.run);
        match due.what {
            // What has reached HQ has its effect, whatever became of the store.
            What::Pull { attempt, after, heard } => {
                self.at_hq_pull(at, due.run, attempt, after.as_ref(), heard);
            }
            What::Push { attempt, request, heard, more } => {
                self.at_hq_push(at, due.run, attempt, &request, heard, more);
            }
            What::Restart => {
                if is_current {
                    self.boot(at);
                }
            }
            _ if !is_current => {}
            What::Hears(event) => self.hears(at, event),
            What::Timer(timer, number) => {
                let is_armed =
                    self.stores.get(at).is_some_and(|store| store.timers.get(&timer) == Some(&number));
                if is_armed {
                    self.hears(at, Event::TimerFired(timer));
                }
            }
            What::Bell => {
                let (head, tag) = self.hq.head();
                let Some(store) = self.stores.get_mut(at) else { return Ok(()) };
                match self.hq.watermark(store.disk.incarnation) {
                    Some(watermark) if !store.is_line_down => {
                        store.is_bell_up = true;
                        self.hears(at, Event::BellUp { head, tag, watermark });
                    }
                    Some(_) => self.hears(at, Event::BellDown { failure: Failure::Unreachable }),
                    None => self.hears(at, Event::BellDown { failure: Failure::Unauthorised }),
                }
            }
            What::Stage { attempt, fresh, staging } => {
                if self.fails() {
                    self.hears(at, Event::StageFailed { attempt });
                    return Ok(());
                }
                let Some(store) = self.stores.get_mut(at) else { return Ok(()) };
                let records = store.pages.remove(&attempt).ok_or("a page was staged that never came")?;
                store.disk.stage(&records, fresh, *staging);
                self.hears_unless_crashed(at, Event::Staged { attempt });
            }
            What::Apply { attempt, checkpoint, resync } => {
                if self.fails() {
                    let is_poison = self.chance.happens(300);
                    let reason = "simulated".to_owned();
                    self.hears(at, Event::ApplyFailed { attempt, is_poison, reason });
                    return Ok(());
                }
                self.apply(at, checkpoint, resync)?;
                self.hears_unless_crashed(at, Event::Applied { attempt });
            }
            What::Check { check, watermark } => {
                if self.fails() {
                    self.hears(at, Event::CheckFailed { check });
                    return Ok(());
                }
                let Some(store) = self.stores.get(at) else { return Ok(()) };
                let verdict = store.disk.check(watermark);
                self.hears(at, Event::WatermarkChecked { check, verdict });
            }
            What::Keep { watermark } => {
                let Some(store) = self.stores.get_mut(at) else { return Ok(()) };
                if watermark.incarnation == store.disk.incarnation {
                    store.disk.acknowledged = watermark.sequence;
                }
            }
        }
        Ok(())
    }

    /// Whether a store's own disk refuses, for once.
    fn fails(&mut self) -> bool {
        !self.is_healed && self.chance.happens(15)
    }

    fn hears_unless_crashed(&mut self, at: usize, event: Event) {
        if !self.is_healed && self.chance.happens(15) {
            self.crash(at);
        } else {
            self.hears(at, event);
        }
    }

    /// Invariants 4 and 5, at the moment that they could break.
    fn apply(&mut self, at: usize, checkpoint: Checkpoint, resync: bool) -> Result<(), String> {
        let Some(store) = self.stores.get_mut(at) else { return Ok(()) };
        let before = store.disk.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.cursor.position);
        let (position, tag) = (checkpoint.cursor.position, checkpoint.cursor.tag);
        if position < before && !resync {
            return Err(format!("store {at} went back from {before} to {position} without a resync"));
        }
        store.disk.apply(checkpoint, resync);
        self.report.checkpoints += 1;
        match self.checkpoints.get(&(position, tag)) {
            None => Err(format!("store {at} is at {position}, which HQ never was")),
            Some(master) if *master == store.disk.master => Ok(()),
            Some(_) => Err(format!("store {at} does not have what HQ had at {position}")),
        }
    }

    fn at_hq_pull(&mut self, at: usize, run: u64, attempt: u64, after: Option<&Cursor>, heard: bool) {
        let rows = self.chance.between(1, 6);
        let Some(store) = self.stores.get_mut(at) else { return };
        if store.run != run {
            return;
        }
        let incarnation = store.disk.incarnation;
        if !heard {
            self.lose(at, Event::PageFailed { attempt, failure: Failure::TimedOut });
            return;
        }
        if !self.is_healed && self.chance.happens(20) {
            let failure = Failure::Busy { retry_after_ms: Some(self.chance.between(1, 3_000)) };
            let way = self.way();
            self.plan(way, at, What::Hears(Event::PageFailed { attempt, failure }));
            return;
        }
        let answer = self.hq.page(incarnation, after, usize::try_from(rows).unwrap_or(1));
        let way = self.way();
        let event = match answer {
            PageAnswer::Rewound { head } => Event::Rewound { attempt, head },
            PageAnswer::Unknown => {
                if let Some(store) = self.stores.get_mut(at) {
                    store.is_locked_out = true;
                }
                Event::PageFailed { attempt, failure: Failure::Unauthorised }
            }
            PageAnswer::Page(mut bytes) => {
                if !self.is_healed && self.chance.happens(30) {
                    self.report.lost += 1;
                    let cut = self.chance.below(bytes.len());
                    bytes.truncate(cut);
                }
                match read_page(&bytes) {
                    Ok(page) => {
                        if let Some(store) = self.stores.get_mut(at) {
                            store.pages.insert(attempt, page.records);
                        }
                        Event::PageArrived { attempt, head: page.head, tail: page.tail }
                    }
                    Err(PageError::Truncated) => Event::PageFailed { attempt, failure: Failure::Unreachable },
                    Err(_) => Event::PageFailed { attempt, failure: Failure::Garbled },
                }
            }
        };
        self.plan(way, at, What::Hears(event));
    }

    fn at_hq_push(
        &mut self,
        at: usize,
        run: u64,
        attempt: u64,
        request: &PushRequest,
        heard: bool,
        more: bool,
    ) {
        if !self.is_healed && self.chance.happens(20) && heard {
            let failure = Failure::Busy { retry_after_ms: None };
            let way = self.way();
            self.plan(way, at, What::Hears(Event::PushFailed { attempt, failure }));
            return;
        }
        // On the wire it is bytes, and HQ reads them.
        let read = serde_json::to_vec(request).and_then(|bytes| serde_json::from_slice(&bytes));
        let reply = match read {
            Ok(request) => self.hq.push(&request),
            Err(error) => PushReply::Invalid(error.to_string()),
        };
        if self.stores.get(at).is_none_or(|store| store.run != run) || attempt == 0 {
            return;
        }
        if !heard {
            self.lose(at, Event::PushFailed { attempt, failure: Failure::TimedOut });
            return;
        }
        let way = self.way();
        let event = match reply {
            PushReply::Taken(answer) => Event::Acknowledged { attempt, watermark: answer.watermark, more },
            PushReply::Gap { expected, watermark } => {
                Event::PushRefused { attempt, refusal: PushRefusal::Expected { expected, watermark } }
            }
            PushReply::Forked => Event::PushRefused { attempt, refusal: PushRefusal::Forked },
            PushReply::Invalid(detail) => {
                Event::PushRefused { attempt, refusal: PushRefusal::Invalid { detail } }
            }
            PushReply::Unknown => {
                if let Some(store) = self.stores.get_mut(at) {
                    store.is_locked_out = true;
                }
                Event::PushFailed { attempt, failure: Failure::Unauthorised }
            }
        };
        self.plan(way, at, What::Hears(event));
    }

    /// What people and misfortune do between two events.
    fn misfortune(&mut self) {
        if self.stores.is_empty() {
            return;
        }
        let at = self.chance.below(self.stores.len());
        if self.chance.happens(150) {
            self.fact(at);
        }
        if self.chance.happens(60) {
            self.edit();
        }
        if self.chance.happens(8) {
            self.crash(at);
        }
        if self.chance.happens(8)
            && let Some(store) = self.stores.get_mut(at)
        {
            store.is_line_down = !store.is_line_down;
            if store.is_line_down && store.is_bell_up {
                store.is_bell_up = false;
                self.hears(at, Event::BellDown { failure: Failure::Unreachable });
            }
        }
        if self.chance.happens(3) {
            self.hears(at, Event::ResyncAsked);
        }
        if self.chance.happens(3) {
            self.hears(at, Event::PulledByHand);
        }
        if self.chance.happens(40) {
            self.second_codes();
        }
        if self.scenario.restores {
            self.restores(at);
        }
    }

    fn fact(&mut self, at: usize) {
        let event_id = self.chance.uuid();
        let stream = if self.chance.happens(300) { "store" } else { "R01" };
        let now = self.now;
        let Some(store) = self.stores.get_mut(at) else { return };
        store.disk.commit_fact(event_id, stream, now);
        self.made.insert(event_id);
        self.report.facts += 1;
        self.hears(at, Event::Committed);
    }

    /// One transaction of an editor at HQ; the bell rings where it is up.
    fn edit(&mut self) {
        let many = self.chance.between(1, 5);
        let mut changes = Vec::new();
        for _ in 0..many {
            let index = self.chance.below(self.records.len());
            let Some(id) = self.records.get(index).copied() else { continue };
            let value = if self.chance.happens(200) { None } else { Some(self.chance.next()) };
            changes.push((id, value));
        }
        let tag = Tag(self.chance.uuid());
        self.hq.commit(&changes, tag);
        let (head, tag) = self.hq.head();
        self.checkpoints.insert((head, tag), self.hq.master.clone());
        for at in 0..self.stores.len() {
            let hears = self.stores.get(at).is_some_and(|store| store.is_bell_up && !store.is_line_down);
            if hears && (self.is_healed || !self.chance.happens(200)) {
                let way = self.way();
                self.plan(way, at, What::Hears(Event::FeedMoved { head }));
            }
        }
    }

    fn restores(&mut self, at: usize) {
        if self.chance.happens(4)
            && let Some(store) = self.stores.get_mut(at)
        {
            store.image = Some(store.disk.clone());
        }
        if self.chance.happens(1)
            && let Some(store) = self.stores.get_mut(at)
            && let Some(image) = store.image.take()
        {
            // A snapshot is put back, and nobody says so.
            store.disk = image;
            self.report.box_restores += 1;
            self.boot(at);
        }
        if self.chance.happens(1)
            && self.stores.len() < self.scenario.stores + 2
            && let Some(store) = self.stores.get(at)
        {
            // The box runs twice.
            let clone = Store::new(store.number, store.disk.clone(), self.settings);
            self.stores.push(clone);
            self.report.box_restores += 1;
            self.boot(self.stores.len() - 1);
        }
        if self.chance.happens(3) {
            self.backup = Some(self.hq.clone());
        }
        if self.chance.happens(1)
            && let Some(backup) = self.backup.take()
        {
            self.hq = backup;
            self.report.hq_restores += 1;
            for at in 0..self.stores.len() {
                if let Some(store) = self.stores.get_mut(at)
                    && std::mem::take(&mut store.is_bell_up)
                {
                    self.hears(at, Event::BellDown { failure: Failure::Unreachable });
                }
            }
        }
    }

    /// People give codes to boxes that deliver nothing any more. Of two boxes of one store the second becomes a store of
    /// its own.
    fn second_codes(&mut self) {
        for at in 0..self.stores.len() {
            let now = self.now;
            let Some(store) = self.stores.get_mut(at) else { continue };
            if store.machine.halted().is_none() && !store.is_locked_out {
                continue;
            }
            let incarnation = self.chance.uuid();
            store.is_locked_out = false;
            store.disk.begin_life(incarnation, now);
            let number = store.number;
            let has_twin =
                self.stores.iter().enumerate().any(|(other, store)| other < at && store.number == number);
            let number = if has_twin {
                self.store_numbers += 1;
                self.store_numbers
            } else {
                number
            };
            if let Some(store) = self.stores.get_mut(at) {
                store.number = number;
            }
            self.hq.enrol(number, incarnation);
            self.report.new_lives += 1;
            self.boot(at);
        }
    }

    fn heal(&mut self) {
        self.is_healed = true;
        for at in 0..self.stores.len() {
            if let Some(store) = self.stores.get_mut(at) {
                store.is_line_down = false;
            }
        }
        // A last change, so that even a store that heard nothing for long has something to get.
        self.edit();
    }

    fn is_agreed(&self) -> bool {
        let head = self.hq.head();
        self.stores.iter().all(|store| {
            let is_at_head = store
                .disk
                .checkpoint
                .as_ref()
                .is_some_and(|checkpoint| (checkpoint.cursor.position, checkpoint.cursor.tag) == head);
            let sent = self.hq.watermark(store.disk.incarnation).map_or(-1, |watermark| watermark.sequence);
            let has_all = usize::try_from(sent).is_ok_and(|sent| sent == store.disk.journal.len());
            is_at_head && has_all && store.disk.acknowledged == sent
        })
    }

    fn differences(&self) -> String {
        let (head, _) = self.hq.head();
        let mut text = format!("HQ at {head}");
        for (at, store) in self.stores.iter().enumerate() {
            let sent = self.hq.watermark(store.disk.incarnation).map_or(-1, |watermark| watermark.sequence);
            // Writing into memory does not fail.
            let _ = write!(
                text,
                "; store {at} at {}, {sent} of {} entries, acknowledged {}, halted {:?}",
                store.machine.position(),
                store.disk.journal.len(),
                store.disk.acknowledged,
                store.machine.halted(),
            );
        }
        text
    }

    /// What must hold when everybody agrees.
    fn check(&self) -> Result<(), String> {
        let arrived = self.hq.facts();
        for (at, store) in self.stores.iter().enumerate() {
            store.disk.check_chains().map_err(|broken| format!("store {at}: {broken}"))?;
            if store.disk.master != self.hq.master {
                return Err(format!("store {at} has other master data than HQ"));
            }
            if let Some(fact) = store.disk.facts.iter().find(|fact| !arrived.contains(fact)) {
                return Err(format!("store {at} has {fact}, and HQ does not"));
            }
        }
        if let Some(fact) = arrived.iter().find(|fact| !self.made.contains(fact)) {
            return Err(format!("HQ has {fact}, which nobody made"));
        }
        if let Some((fact, times)) = self.hq.effects.iter().find(|(_, times)| **times != 1) {
            return Err(format!("{fact} has had its effect {times} times"));
        }
        self.hq.check_chains()
    }
}
