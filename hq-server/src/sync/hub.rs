//! What this process knows of the stores that talk to it: who is on the bell, where each company's feed is, when a store
//! was last heard. All of it may be lost; the database and the next exchange bring it back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use server_kit::Problem;
use sync_protocol::wire::{StoreStatus, Tag, Versions};
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
/// Enrolments that may fail in a minute, whoever tries.
const FAILED_ENROLMENTS_A_MINUTE: usize = 30;
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
    connections: Mutex<HashMap<(Uuid, Uuid), Vec<Connection>>>,
    heard: Mutex<HashMap<(Uuid, Uuid), Heard>>,
    tokens: Mutex<HashMap<Uuid, i64>>,
    failed_enrolments: Mutex<Vec<DateTime<Utc>>>,
    numbers: AtomicU64,
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
            connections: Mutex::default(),
            heard: Mutex::default(),
            tokens: Mutex::default(),
            failed_enrolments: Mutex::default(),
            numbers: AtomicU64::new(1),
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

    /// Adds a store's bell. What is asked of the store comes out of the receiver; the number takes it off again.
    pub(crate) fn connect(&self, caller: &Caller, now: DateTime<Utc>) -> (u64, mpsc::Receiver<Ask>) {
        let (asks, receiver) = mpsc::channel(4);
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        lock(&self.0.connections).entry((caller.company_id, caller.store_id)).or_default().push(Connection {
            number,
            since: now,
            asks,
        });
        self.note_bell((caller.company_id, caller.store_id), now);
        (number, receiver)
    }

    /// Takes a store's bell off.
    pub(crate) fn disconnect(&self, caller: &Caller, number: u64, now: DateTime<Utc>) {
        let store = (caller.company_id, caller.store_id);
        {
            let mut connections = lock(&self.0.connections);
            if let Some(of_store) = connections.get_mut(&store) {
                of_store.retain(|connection| connection.number != number);
                if of_store.is_empty() {
                    connections.remove(&store);
                }
            }
        }
        self.note_bell(store, now);
    }

    /// How many bells are up here.
    pub(crate) fn connected(&self) -> usize {
        lock(&self.0.connections).values().map(Vec::len).sum()
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

    /// Whether anybody may try a code now.
    pub(crate) fn may_enrol(&self, now: DateTime<Utc>) -> bool {
        let mut failed = lock(&self.0.failed_enrolments);
        failed.retain(|at| *at > now - TimeDelta::minutes(1));
        failed.len() < FAILED_ENROLMENTS_A_MINUTE
    }

    /// Notes that a code was wrong.
    pub(crate) fn failed_to_enrol(&self, now: DateTime<Utc>) {
        lock(&self.0.failed_enrolments).push(now);
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
