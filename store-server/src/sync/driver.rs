//! Does what the machine says: one task that decides, one that pulls, one that pushes, and the bell.
//!
//! Pulling and pushing are each done over one connection that holds an advisory lock for as long as it lives. Staging,
//! apply and numbering are written over that very connection, so whoever has lost the lock can no longer commit:
//! with two processes on one database, staged pages never mix and no number is given twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use server_kit::AppState;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};
use sync_protocol::store_sync::{Action, Event, Failure, PushRefusal, Report, Settings, StoreSync, Timer};
use sync_protocol::wire::{FEED_SCHEMA, FeedRecord, StoreMessage, StoreStatus, Versions, write_record};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::hq::{Hq, Pulled, Pushed};
use super::identity::Identity;
use super::keys::StoreKeys;
use super::outbox::Floor;
use super::{SyncEnd, View, apply, bell, identity, outbox};
use crate::locks;

/// How often a process that is not the active one asks whether it may be.
const STANDBY_PAUSE: Duration = Duration::from_millis(500);
/// Where a process that is not the active one says that it has committed something.
const COMMITTED_ELSEWHERE: &str = "store_committed";
/// How long commits gather before the active process is told of the next.
const TELL_PAUSE: Duration = Duration::from_millis(50);
/// How many records HQ is offered at once after it has lost them.
const OFFERED_AT_ONCE: usize = 2_000;
/// How often what HQ has had for long is pruned.
const PRUNE_PAUSE: Duration = Duration::from_hours(1);

/// Runs until `stop`. Waits for the enrolment, takes over when another process of this store ends, and begins anew when
/// the database has gone and come back.
pub async fn run(
    state: AppState,
    hq_url: Option<String>,
    interval_ms: u64,
    mut end: SyncEnd,
    stop: CancellationToken,
) {
    let mut machine = StoreSync::new(Settings::every(interval_ms));
    let mut floor = Floor::default();
    let mut commits = state.wake.listen();
    while !stop.is_cancelled() {
        let life = async {
            let Some(mut identity) = identity::load(&state.pool).await? else {
                return Ok(());
            };
            // HQ may have moved since; who it is, its key says, and that was pinned then.
            identity.hq_url = hq_url.clone().unwrap_or(identity.hq_url);
            let (Some(feed), Some(journal)) =
                (take(&state.pool, Role::Puller).await?, take(&state.pool, Role::Pusher).await?)
            else {
                return Ok(());
            };
            live(&state, &identity, &mut machine, &mut floor, feed, journal, &mut end).await
        };
        let ended: Result<(), Ended> = tokio::select! {
            ended = life => ended,
            () = stop.cancelled() => return,
        };
        end.view.send_modify(|view| view.is_active = false);
        if let Err(error) = ended {
            tracing::warn!(%error, "sync begins anew");
        }
        // What was asked of nobody is forgotten: a new life pulls and pushes first of all.
        while end.asks.try_recv().is_ok() {}
        let stands_by = async {
            while commits.changed().await.is_ok() {
                tell(&state.pool).await;
                sleep(TELL_PAUSE).await;
            }
        };
        tokio::select! {
            _ = timeout(STANDBY_PAUSE, stands_by) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Tells the active process that something was committed here: in a transaction of its own, as the selling one would wait for
/// the lock that a notice takes.
async fn tell(pool: &PgPool) {
    if let Err(error) = sqlx::query!("select pg_notify($1, '')", COMMITTED_ELSEWHERE).execute(pool).await {
        tracing::debug!(%error, "the active process cannot be told of a commit; its timer finds it");
    }
}

/// Passes on what the store's other processes say that they have committed.
async fn hear_others(pool: &PgPool, events: &mpsc::Sender<Event>) -> sqlx::Result<()> {
    // A connection beside the pool: it is held for as long as this process is the active one.
    let own = PgPoolOptions::new().max_connections(1).connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(COMMITTED_ELSEWHERE).await?;
    while listener.recv().await.is_ok() {
        if events.send(Event::Committed).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the database is away: {0}")]
    Database(#[from] sqlx::Error),
    #[error("HQ's address cannot be used: {0}")]
    Address(#[from] super::BadAddress),
    #[error("the store's keys cannot be read: {0}")]
    Keys(#[from] std::io::Error),
    #[error("a worker of sync has ended")]
    Worker,
}

#[derive(Clone, Copy)]
enum Role {
    Puller,
    Pusher,
}

async fn take(pool: &PgPool, role: Role) -> sqlx::Result<Option<PgConnection>> {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    let has_it = match role {
        Role::Puller => locks::become_puller(&mut connection).await?,
        Role::Pusher => locks::become_pusher(&mut connection).await?,
    };
    if has_it {
        // A bootstrap takes longer than a request of a person may.
        sqlx::query(
            "select set_config('statement_timeout', '20min', false), set_config('idle_in_transaction_session_timeout', '1min', false)"
        )
        .execute(&mut connection)
        .await?;
        return Ok(Some(connection));
    }
    connection.close().await?;
    Ok(None)
}

/// One life of the machine: from the locks until they or the database are lost.
async fn live(
    state: &AppState,
    identity: &Identity,
    machine: &mut StoreSync,
    floor: &mut Floor,
    mut feed: PgConnection,
    journal: PgConnection,
    end: &mut SyncEnd,
) -> Result<(), Ended> {
    let keys = StoreKeys::open(&state.keys)?;
    let hq = Arc::new(Hq::new(identity, keys, state.clock.clone(), state.ids.clone())?);
    let shape = apply::Shape::load(&mut feed).await?;
    let start = apply::start(&mut feed, identity, &shape).await?;
    let (events, mut happened) = mpsc::channel(256);
    let (to_feed, feed_work) = mpsc::channel(8);
    let (to_journal, journal_work) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    let puller = Puller {
        connection: feed,
        hq: Arc::clone(&hq),
        events: events.clone(),
        state: state.clone(),
        shape,
        page: None,
    };
    tasks.spawn(puller.work(feed_work));
    let pusher = Pusher {
        connection: journal,
        hq: Arc::clone(&hq),
        events: events.clone(),
        state: state.clone(),
        identity: identity.clone(),
        // A floor that this process found is good whoever pushed meanwhile.
        floor: std::mem::take(floor),
    };
    tasks.spawn(pusher.work(journal_work));
    let pool = state.pool.clone();
    tasks.spawn(async move {
        prune(&pool).await;
        Ok(())
    });
    let (pool, told) = (state.pool.clone(), events.clone());
    tasks.spawn(async move {
        loop {
            if let Err(error) = hear_others(&pool, &told).await {
                tracing::debug!(%error, "other processes of this store are not heard; the timer finds what they commit");
            }
            sleep(STANDBY_PAUSE).await;
        }
    });
    let mut commits = state.wake.listen();
    let mut driver = Driver {
        state,
        identity,
        hq,
        events,
        to_feed,
        to_journal,
        to_bell: None,
        timers: HashMap::new(),
        tasks,
    };
    driver.handle(machine, Event::Started(start), end).await?;
    loop {
        let event = tokio::select! {
            Some(event) = happened.recv() => event,
            Some(event) = end.asks.recv() => event,
            Ok(()) = commits.changed() => Event::Committed,
            Some(ended) = driver.tasks.join_next() => match ended {
                Ok(Ok(())) => continue,
                // A timer that was replaced.
                Err(error) if error.is_cancelled() => continue,
                _ => return Err(Ended::Worker),
            },
        };
        driver.handle(machine, event, end).await?;
    }
}

struct Driver<'a> {
    state: &'a AppState,
    identity: &'a Identity,
    hq: Arc<Hq>,
    events: mpsc::Sender<Event>,
    to_feed: mpsc::Sender<FeedWork>,
    to_journal: mpsc::Sender<JournalWork>,
    to_bell: Option<mpsc::Sender<StoreMessage>>,
    timers: HashMap<Timer, AbortHandle>,
    /// Everything that runs for this life; ends with it.
    tasks: JoinSet<Result<(), Ended>>,
}

impl Driver<'_> {
    async fn handle(&mut self, machine: &mut StoreSync, event: Event, end: &SyncEnd) -> Result<(), Ended> {
        for action in machine.handle(event, rand::random()) {
            self.carry_out(action, machine).await?;
        }
        let view =
            View { line: machine.line(), head: machine.head(), halted: machine.halted(), is_active: true };
        end.view.send_if_modified(|shown| {
            let is_news = *shown != view;
            *shown = view;
            is_news
        });
        Ok(())
    }

    async fn carry_out(&mut self, action: Action, machine: &StoreSync) -> Result<(), Ended> {
        match action {
            Action::Pull { attempt, after } => self.feed(FeedWork::Pull { attempt, after }).await,
            Action::Stage { attempt, fresh, staging } => {
                self.feed(FeedWork::Stage { attempt, fresh, staging }).await
            }
            Action::Apply { attempt, .. } => self.feed(FeedWork::Apply { attempt }).await,
            Action::Offer { attempt, beyond } => self.feed(FeedWork::Offer { attempt, beyond }).await,
            Action::Push { attempt, from, limit } => {
                self.journal(JournalWork::Push { attempt, from, limit }).await
            }
            Action::KeepAcknowledged { watermark } => self.journal(JournalWork::Keep { watermark }).await,
            Action::CheckWatermark { check, watermark } => {
                let (pool, events) = (self.state.pool.clone(), self.events.clone());
                self.tasks.spawn(async move {
                    let event = match outbox::check(&pool, watermark).await {
                        Ok(verdict) => Event::WatermarkChecked { check, verdict },
                        Err(error) => {
                            tracing::warn!(%error, "the journal cannot be compared with HQ's watermark");
                            Event::CheckFailed { check }
                        }
                    };
                    let _ = events.send(event).await;
                    Ok(())
                });
                Ok(())
            }
            Action::Arm { timer, after_ms } => {
                let events = self.events.clone();
                let armed = self.tasks.spawn(async move {
                    sleep(Duration::from_millis(after_ms)).await;
                    let _ = events.send(Event::TimerFired(timer)).await;
                    Ok(())
                });
                if let Some(former) = self.timers.insert(timer, armed) {
                    former.abort();
                }
                Ok(())
            }
            Action::OpenBell => {
                let (sender, outgoing) = mpsc::channel(8);
                // The former bell's end is dropped with it, and closes it.
                self.to_bell = Some(sender);
                let hello =
                    StoreMessage::Hello { versions: versions(), incarnation: self.identity.incarnation };
                let (hq, events) = (Arc::clone(&self.hq), self.events.clone());
                self.tasks.spawn(async move {
                    bell::listen(hq, hello, outgoing, events).await;
                    Ok(())
                });
                Ok(())
            }
            Action::SendStatus => {
                let Some(to_bell) = self.to_bell.clone() else { return Ok(()) };
                let (pool, position, clock) =
                    (self.state.pool.clone(), machine.position(), self.state.clock.now());
                self.tasks.spawn(async move {
                    match status(&pool, position, clock).await {
                        Ok(status) => {
                            let _ = to_bell.try_send(StoreMessage::Status(status));
                        }
                        Err(error) => tracing::warn!(%error, "the store's status cannot be read"),
                    }
                    Ok(())
                });
                Ok(())
            }
            Action::AskTime => {
                let (hq, events) = (Arc::clone(&self.hq), self.events.clone());
                self.tasks.spawn(async move {
                    if hq.correct_time().await {
                        let _ = events.send(Event::TimeCorrected).await;
                    }
                    Ok(())
                });
                Ok(())
            }
            Action::Report(report) => {
                say(&report);
                Ok(())
            }
        }
    }

    async fn feed(&self, work: FeedWork) -> Result<(), Ended> {
        self.to_feed.send(work).await.map_err(|_| Ended::Worker)
    }

    async fn journal(&self, work: JournalWork) -> Result<(), Ended> {
        self.to_journal.send(work).await.map_err(|_| Ended::Worker)
    }
}

fn versions() -> Versions {
    Versions { software: env!("CARGO_PKG_VERSION").to_owned(), feed_schema: FEED_SCHEMA }
}

/// How the store is, in HQ's eyes.
async fn status(pool: &PgPool, position: i64, clock: DateTime<Utc>) -> sqlx::Result<StoreStatus> {
    let waiting = crate::sync_status::waiting(pool).await?;
    let registers = sqlx::query_scalar!(
        r#"select count(*) as "count!" from receipt_series where open_session is not null"#
    )
    .fetch_one(pool)
    .await?;
    Ok(StoreStatus {
        position,
        pending: waiting.pending,
        oldest_pending_at: waiting.oldest_pending_at,
        clock: Some(clock),
        registers,
        disk: None,
        versions: versions(),
    })
}

fn say(report: &Report) {
    match report {
        Report::LineUp => tracing::info!("HQ answers"),
        Report::LineDown => tracing::info!("HQ does not answer; the store goes on by itself"),
        Report::FeedRewound { from, to } => tracing::warn!(from, to, "HQ's master data has gone back"),
        Report::HqWentBack { from, to } => {
            tracing::warn!(from, to, "HQ has lost entries and gets them again");
        }
        report => tracing::error!(?report, "sync needs a person"),
    }
}

async fn prune(pool: &PgPool) {
    loop {
        match sqlx::query_scalar!("select prune_journal(10000)").fetch_one(pool).await {
            Ok(Some(pruned)) if pruned >= 10_000 => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the journal cannot be pruned"),
        }
        sleep(PRUNE_PAUSE).await;
    }
}

enum FeedWork {
    Pull { attempt: u64, after: Option<sync_protocol::Cursor> },
    Stage { attempt: u64, fresh: bool, staging: sync_protocol::store_sync::Staging },
    Apply { attempt: u64 },
    Offer { attempt: u64, beyond: i64 },
}

/// Pulls, stages and applies.
struct Puller {
    connection: PgConnection,
    hq: Arc<Hq>,
    events: mpsc::Sender<Event>,
    state: AppState,
    shape: apply::Shape,
    /// The page that came last, until it is staged.
    page: Option<(u64, Vec<FeedRecord>)>,
}

impl Puller {
    async fn work(mut self, mut work: mpsc::Receiver<FeedWork>) -> Result<(), Ended> {
        while let Some(work) = work.recv().await {
            let event = match work {
                FeedWork::Pull { attempt, after } => match self.hq.pull(after.as_ref()).await {
                    Pulled::Page(page) => {
                        self.page = Some((attempt, page.records));
                        Event::PageArrived { attempt, head: page.head, tail: page.tail }
                    }
                    Pulled::Failed(failure) => Event::PageFailed { attempt, failure },
                    Pulled::Rewound(head) => Event::Rewound { attempt, head },
                    Pulled::TooOld(needed) => Event::TooOld { attempt, needed },
                },
                FeedWork::Stage { attempt, fresh, staging } => {
                    let staged = match self.page.take() {
                        Some((arrived, records)) if arrived == attempt => {
                            apply::stage(&mut self.connection, &self.shape, fresh, &staging, records).await
                        }
                        _ => Err(sqlx::Error::Protocol("no page of that number has come".into())),
                    };
                    match staged {
                        Ok(()) => Event::Staged { attempt },
                        Err(error) => {
                            tracing::error!(%error, "a page cannot be staged");
                            still_there(&mut self.connection).await?;
                            Event::StageFailed { attempt }
                        }
                    }
                }
                FeedWork::Apply { attempt } => {
                    match apply::apply(&mut self.connection, self.state.clock.now()).await {
                        Ok(()) => {
                            self.state.wake.ring();
                            Event::Applied { attempt }
                        }
                        Err(error) => {
                            tracing::error!(%error, "a checkpoint cannot be applied");
                            still_there(&mut self.connection).await?;
                            // An upgrade beside this process may have changed the tables.
                            self.shape = apply::Shape::load(&mut self.connection).await?;
                            Event::ApplyFailed {
                                attempt,
                                is_poison: apply::is_poison(&error),
                                reason: error.to_string(),
                            }
                        }
                    }
                }
                FeedWork::Offer { attempt, beyond } => match self.offer(beyond).await {
                    Ok(()) => Event::Offered { attempt },
                    Err(failure) => Event::OfferFailed { attempt, failure },
                },
            };
            if self.events.send(event).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends HQ what it has lost: the records that the store got after HQ's restored position.
    async fn offer(&mut self, beyond: i64) -> Result<(), Failure> {
        let rows = sqlx::query!(
            r#"select entity as "entity!", id as "id!", position as "position!", record from newer_than($1)"#,
            beyond
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(|error| {
            tracing::error!(%error, "the records that HQ has lost cannot be read");
            Failure::Storage
        })?;
        // In parts that HQ takes whatever their records say.
        for part in rows.chunks(OFFERED_AT_ONCE) {
            let mut lines = Vec::new();
            for row in part {
                write_record(&mut lines, &row.entity, row.id, row.position, row.record.as_deref());
            }
            match self.hq.offer(lines).await {
                // Refused, not unheard: HQ's data is followed all the same, for the people who were switched off meanwhile.
                Err(Failure::Garbled) => {
                    tracing::warn!(
                        records = part.len(),
                        "HQ does not take back the records that it has lost"
                    );
                }
                done => done?,
            }
        }
        Ok(())
    }
}

enum JournalWork {
    Push { attempt: u64, from: i64, limit: usize },
    Keep { watermark: sync_protocol::Watermark },
}

/// Numbers and pushes.
struct Pusher {
    connection: PgConnection,
    hq: Arc<Hq>,
    events: mpsc::Sender<Event>,
    state: AppState,
    identity: Identity,
    floor: Floor,
}

impl Pusher {
    async fn work(mut self, mut work: mpsc::Receiver<JournalWork>) -> Result<(), Ended> {
        while let Some(work) = work.recv().await {
            match work {
                JournalWork::Push { attempt, from, limit } => {
                    let event = self.push(attempt, from, limit).await?;
                    if self.events.send(event).await.is_err() {
                        return Ok(());
                    }
                }
                JournalWork::Keep { watermark } => {
                    outbox::keep_acknowledged(&mut self.connection, watermark, self.state.clock.now())
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn push(&mut self, attempt: u64, from: i64, limit: usize) -> Result<Event, Ended> {
        let incarnation = self.identity.incarnation;
        let batch = async {
            outbox::number(&mut self.connection, incarnation, &mut self.floor).await?;
            outbox::batch(&mut self.connection, incarnation, from, limit).await
        };
        let batch = match batch.await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "the journal cannot be read");
                still_there(&mut self.connection).await?;
                return Ok(Event::PushFailed { attempt, failure: Failure::Storage });
            }
        };
        let Some((request, more)) = batch else { return Ok(Event::NothingToPush { attempt }) };
        Ok(match self.hq.push(&request).await {
            Pushed::Taken(answer) => Event::Acknowledged { attempt, watermark: answer.watermark, more },
            Pushed::Refused(refusal) => {
                if let PushRefusal::Invalid { detail } = &refusal {
                    tracing::error!(first = request.first, detail, "HQ cannot read a batch");
                }
                Event::PushRefused { attempt, refusal }
            }
            Pushed::Failed(failure) => Event::PushFailed { attempt, failure },
        })
    }
}

/// After an error: ends the life when the connection, and its lock with it, has gone.
async fn still_there(connection: &mut PgConnection) -> Result<(), Ended> {
    timeout(Duration::from_secs(5), connection.ping())
        .await
        .map_err(|_| Ended::Worker)?
        .map_err(Ended::Database)
}
