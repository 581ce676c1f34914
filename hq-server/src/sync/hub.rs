//! What this process knows of the stores that talk to it: who is on the bell, where each company's feed is, when a store
//! was last heard. All of it may be lost; the database and the next exchange bring it back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use server_kit::Problem;
use sync_protocol::wire::{BELL_COALESCE_MS, StoreStatus, Tag, Versions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use uuid::Uuid;

use super::token::Caller;

/// Pages that are built and sent at the same time.
const PAGES_AT_ONCE: usize = 24;
/// How long a store waits for its turn before it is sent away.
const WAIT_FOR_PAGE: Duration = Duration::from_secs(5);
/// Batches that are taken at the same time: each holds a connection and a batch in memory.
const BATCHES_AT_ONCE: usize = 8;
/// Tokens that are remembered as used; each for two minutes.
const MOST_TOKENS: usize = 500_000;
/// Enrolments that may fail in a minute, from one source.
const FAILED_ENROLMENTS_A_MINUTE: usize = 10;
/// Sources of failed enrolments that are remembered; beyond it all others share one count.
const MOST_SOURCES: usize = 10_000;
/// Bells that a store may have up at a time: its own, and one that its end has not noticed to be dead.
const BELLS_OF_A_STORE: usize = 2;
/// After each change, a bell is quiet this much longer for each bell that is up: a change that goes to few is told at
/// once, and one that sends thousands of stores to the feed is told to them ten times a second at most.
const QUIET_PER_BELL: Duration = Duration::from_micros(500);
/// A bell is quiet this long after each change, however few are up.
const LEAST_QUIET: Duration = Duration::from_millis(5);
/// How long a store counts as online after the last word that this process has written down.
const ONLINE_FOR_SECONDS: i64 = 75;

/// Where a company's feed is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its last position.
    pub(crate) position: i64,
    /// Its tag.
    pub(crate) tag: Tag,
}

/// What a person asks of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Pull now.
    Pull,
    /// Push now.
    Push,
    /// Pull everything again.
    Resync,
    /// The key has ended: hang up.
    HangUp,
}

/// What was heard of a store since it was last written down.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// When, last.
    pub(crate) at: DateTime<Utc>,
    /// Since when its bell is up; `None`: it is not, here.
    pub(crate) online_since: Option<DateTime<Utc>>,
    /// Until when it counts as online; `None` where nothing was heard of its bell.
    pub(crate) online_until: Option<DateTime<Utc>>,
    /// How far its clock is ahead.
    pub(crate) clock_skew_ms: Option<i64>,
    /// The checkpoint that it asked for more from.
    pub(crate) position: Option<i64>,
    /// How it said it was.
    pub(crate) status: Option<StoreStatus>,
    /// What it said that it runs.
    pub(crate) versions: Option<Versions>,
}

struct Connection {
    number: u64,
    since: DateTime<Utc>,
    asks: mpsc::Sender<Ask>,
}

struct Inner {
    pages: Arc<Semaphore>,
    batches: Arc<Semaphore>,
    heads: Mutex<HashMap<Uuid, watch::Sender<Head>>>,
    looking: tokio::sync::Mutex<()>,
    connections: Mutex<HashMap<(Uuid, Uuid), Vec<Connection>>>,
    heard: Mutex<HashMap<(Uuid, Uuid), Heard>>,
    tokens: Mutex<HashMap<Uuid, i64>>,
    failed_enrolments: Mutex<HashMap<Option<IpAddr>, Vec<DateTime<Utc>>>>,
    numbers: AtomicU64,
    bells: AtomicUsize,
}

/// The hub of one process. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

impl std::fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Hub")
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            pages: Arc::new(Semaphore::new(PAGES_AT_ONCE)),
            batches: Arc::new(Semaphore::new(BATCHES_AT_ONCE)),
            heads: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            connections: Mutex::default(),
            heard: Mutex::default(),
            tokens: Mutex::default(),
            failed_enrolments: Mutex::default(),
            numbers: AtomicU64::new(1),
            bells: AtomicUsize::new(0),
        }))
    }

    /// A turn to build a page.
    pub(crate) async fn page_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        turn(&self.0.pages).await
    }

    /// A turn to take a batch.
    pub(crate) async fn batch_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        turn(&self.0.batches).await
    }

    /// Where the company's feed is, and every change of it.
    pub(crate) fn watch_head(&self, company_id: Uuid) -> watch::Receiver<Head> {
        lock(&self.0.heads)
            .entry(company_id)
            .or_insert_with(|| watch::Sender::new(Head::default()))
            .subscribe()
    }

    /// A turn to look where the feeds are. Two who look at once could say what they found the other way round, and a head
    /// that is there already would not be told before the next look.
    pub(crate) async fn look_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.looking.lock().await
    }

    /// Says where the companies' feeds are; whether any of them has moved.
    pub(crate) fn set_heads(&self, found: impl IntoIterator<Item = (Uuid, Head)>) -> bool {
        let mut heads = lock(&self.0.heads);
        let mut moved = false;
        for (company_id, head) in found {
            let known = heads.entry(company_id).or_insert_with(|| watch::Sender::new(Head::default()));
            moved |= known.send_if_modified(|before| std::mem::replace(before, head) != head);
        }
        moved
    }

    /// Adds a store's bell. What is asked of the store comes out of the receiver; the number takes it off again. The
    /// oldest beyond a store's share are hung up: its channel ends.
    pub(crate) fn connect(&self, caller: &Caller, now: DateTime<Utc>) -> (u64, mpsc::Receiver<Ask>) {
        let (asks, receiver) = mpsc::channel(4);
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        {
            let mut connections = lock(&self.0.connections);
            let of_store = connections.entry((caller.company_id, caller.store_id)).or_default();
            of_store.push(Connection { number, since: now, asks });
            let too_many = of_store.len().saturating_sub(BELLS_OF_A_STORE);
            of_store.drain(..too_many);
            self.0.bells.fetch_add(1, Ordering::Relaxed);
            self.0.bells.fetch_sub(too_many, Ordering::Relaxed);
        }
        self.note_bell((caller.company_id, caller.store_id), now);
        (number, receiver)
    }

    /// Takes a store's bell off.
    pub(crate) fn disconnect(&self, caller: &Caller, number: u64, now: DateTime<Utc>) {
        let store = (caller.company_id, caller.store_id);
        {
            let mut connections = lock(&self.0.connections);
            if let Some(of_store) = connections.get_mut(&store) {
                let before = of_store.len();
                of_store.retain(|connection| connection.number != number);
                self.0.bells.fetch_sub(before - of_store.len(), Ordering::Relaxed);
                if of_store.is_empty() {
                    connections.remove(&store);
                }
            }
        }
        self.note_bell(store, now);
    }

    /// How many bells are up here.
    pub(crate) fn connected(&self) -> usize {
        self.0.bells.load(Ordering::Relaxed)
    }

    /// How long a bell is quiet after it has told of a change. What comes meanwhile is told together at its end.
    pub(crate) fn quiet(&self) -> Duration {
        let bells = u32::try_from(self.connected()).unwrap_or(u32::MAX);
        QUIET_PER_BELL.saturating_mul(bells).clamp(LEAST_QUIET, Duration::from_millis(BELL_COALESCE_MS))
    }

    /// Asks something of a store, where its bell is up here.
    pub(crate) fn ask(&self, company_id: Uuid, store_id: Uuid, ask: Ask) {
        let connections = lock(&self.0.connections);
        for connection in connections.get(&(company_id, store_id)).into_iter().flatten() {
            // A full channel has the same asked of the store already, or its line is dead and will be found so.
            let _ = connection.asks.try_send(ask);
        }
    }

    /// Notes that a store was heard.
    pub(crate) fn heard(&self, caller: &Caller, now: DateTime<Utc>, clock_skew_ms: Option<i64>) {
        self.note((caller.company_id, caller.store_id), now, |heard| {
            heard.clock_skew_ms = clock_skew_ms.or(heard.clock_skew_ms);
        });
    }

    /// Notes the checkpoint that a store has, as its request for more says: the bell may be down.
    pub(crate) fn heard_position(&self, caller: &Caller, now: DateTime<Utc>, position: i64) {
        self.note((caller.company_id, caller.store_id), now, |heard| heard.position = Some(position));
    }

    /// Notes what a store said of itself over the bell.
    pub(crate) fn heard_status(&self, caller: &Caller, now: DateTime<Utc>, status: StoreStatus) {
        let store = (caller.company_id, caller.store_id);
        self.note_bell(store, now);
        self.note(store, now, |heard| {
            if let Some(clock) = status.clock {
                heard.clock_skew_ms = Some((clock - now).num_milliseconds());
            }
            heard.position = Some(status.position);
            heard.status = Some(status);
        });
    }

    /// Notes what a store says that it runs.
    pub(crate) fn heard_versions(&self, caller: &Caller, now: DateTime<Utc>, versions: Versions) {
        self.note((caller.company_id, caller.store_id), now, |heard| heard.versions = Some(versions));
    }

    /// Notes that the bells which are up are up still.
    pub(crate) fn heard_all_bells(&self, now: DateTime<Utc>) {
        let stores: Vec<_> = lock(&self.0.connections).keys().copied().collect();
        for store in stores {
            self.note_bell(store, now);
        }
    }

    /// What was heard since this was last asked, to be written down.
    pub(crate) fn take_heard(&self) -> HashMap<(Uuid, Uuid), Heard> {
        std::mem::take(&mut *lock(&self.0.heard))
    }

    fn note_bell(&self, store: (Uuid, Uuid), now: DateTime<Utc>) {
        let since = lock(&self.0.connections)
            .get(&store)
            .and_then(|of_store| of_store.iter().map(|connection| connection.since).min());
        let until = if since.is_some() { now + TimeDelta::seconds(ONLINE_FOR_SECONDS) } else { now };
        self.note(store, now, |heard| {
            heard.online_since = since;
            heard.online_until = Some(until);
        });
    }

    fn note(&self, store: (Uuid, Uuid), now: DateTime<Utc>, change: impl FnOnce(&mut Heard)) {
        let mut all = lock(&self.0.heard);
        let heard = all.entry(store).or_insert(Heard {
            at: now,
            online_since: None,
            online_until: None,
            clock_skew_ms: None,
            position: None,
            status: None,
            versions: None,
        });
        heard.at = heard.at.max(now);
        change(heard);
    }

    /// Whether a token is used for the first time, as far as this process knows.
    pub(crate) fn is_first_use(&self, token: Uuid, expires_at: i64, now: DateTime<Utc>) -> bool {
        let mut tokens = lock(&self.0.tokens);
        if tokens.len() >= MOST_TOKENS {
            let now = now.timestamp();
            tokens.retain(|_, expires_at| expires_at.saturating_add(60) >= now);
            if tokens.len() >= MOST_TOKENS {
                // Better to forget than to fail: what is sent again by itself changes nothing.
                tokens.clear();
            }
        }
        tokens.insert(token, expires_at).is_none()
    }

    /// Whether a code may be tried from there now. One who guesses stops nobody else.
    pub(crate) fn may_enrol(&self, source: IpAddr, now: DateTime<Utc>) -> bool {
        let mut failed = lock(&self.0.failed_enrolments);
        let since = now - TimeDelta::minutes(1);
        let count = |of: Option<&Vec<DateTime<Utc>>>| {
            of.map_or(0, |times| times.iter().filter(|at| **at > since).count())
        };
        if failed.len() > MOST_SOURCES {
            failed.retain(|_, times| times.iter().any(|at| *at > since));
        }
        let of_source = failed.get(&Some(source));
        let shares = of_source.is_none() && failed.len() >= MOST_SOURCES;
        count(if shares { failed.get(&None) } else { of_source }) < FAILED_ENROLMENTS_A_MINUTE
    }

    /// Notes that a code from there was wrong.
    pub(crate) fn failed_to_enrol(&self, source: IpAddr, now: DateTime<Utc>) {
        let mut failed = lock(&self.0.failed_enrolments);
        let is_known = failed.contains_key(&Some(source)) || failed.len() < MOST_SOURCES;
        let times = failed.entry(is_known.then_some(source)).or_default();
        times.retain(|at| *at > now - TimeDelta::minutes(1));
        times.push(now);
    }
}

async fn turn(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    match tokio::time::timeout(WAIT_FOR_PAGE, semaphore.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(Problem::unavailable("busy", "Too many stores at once", 5)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(number: u128) -> Caller {
        Caller {
            company_id: Uuid::from_u128(1),
            store_id: Uuid::from_u128(number),
            incarnation: Uuid::from_u128(2),
            key_id: Uuid::from_u128(3),
        }
    }

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_store_has_two_bells_at_most_and_the_oldest_is_hung_up() {
        let hub = Hub::new();
        let (first, mut oldest) = hub.connect(&store(1), noon());
        let (_, mut second) = hub.connect(&store(1), noon());
        let (_, mut third) = hub.connect(&store(1), noon());
        let (_, mut of_another) = hub.connect(&store(2), noon());
        assert_eq!(oldest.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
        for up in [&mut second, &mut third, &mut of_another] {
            assert_eq!(up.try_recv(), Err(mpsc::error::TryRecvError::Empty));
        }
        assert_eq!(hub.connected(), 3);
        hub.disconnect(&store(1), first, noon());
        assert_eq!(hub.connected(), 3, "the one that was hung up counts once");
    }

    #[test]
    fn few_bells_are_quiet_for_a_moment_and_many_for_a_tenth_of_a_second() {
        let hub = Hub::new();
        assert_eq!(hub.quiet(), Duration::from_millis(5));
        let up: Vec<_> = (0..2000).map(|number| hub.connect(&store(number), noon())).collect();
        assert_eq!(hub.quiet(), Duration::from_millis(100));
        for (number, (connection, _)) in (0..).zip(&up) {
            hub.disconnect(&store(number), *connection, noon());
        }
        assert_eq!((hub.connected(), hub.quiet()), (0, Duration::from_millis(5)));
    }

    #[test]
    fn who_guesses_codes_stops_himself_and_nobody_else() {
        let hub = Hub::new();
        let (guesser, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..FAILED_ENROLMENTS_A_MINUTE {
            assert!(hub.may_enrol(guesser, noon()));
            hub.failed_to_enrol(guesser, noon());
        }
        assert!(!hub.may_enrol(guesser, noon()));
        assert!(hub.may_enrol(other, noon()));
        assert!(hub.may_enrol(guesser, noon() + TimeDelta::seconds(61)));
    }

    #[test]
    fn guesses_from_everywhere_are_bounded_too() {
        let hub = Hub::new();
        let source = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..20_000 {
            hub.failed_to_enrol(source(number), noon());
        }
        assert!(lock(&hub.0.failed_enrolments).len() <= MOST_SOURCES + 1);
        assert!(!hub.may_enrol(source(30_000), noon()), "the rest share one count");
        assert!(hub.may_enrol(source(30_000), noon() + TimeDelta::seconds(61)));
    }
}
