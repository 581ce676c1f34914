//! The only place that begins and commits a transaction.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use rand::RngExt;
use sqlx::postgres::PgDatabaseError;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument;
use uuid::Uuid;

use crate::{Actor, AppState, Ids, metrics, request};

/// An open transaction. Operations take `&mut Tx`, never a pool, and cannot end it. For sqlx it is `&mut **tx`.
pub struct Tx(sqlx::Transaction<'static, Postgres>);

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// What an operation is told besides its command.
#[derive(Clone, Debug)]
pub struct Context {
    /// What time it is, for the whole operation.
    pub now: DateTime<Utc>,
    /// Where identities come from.
    pub ids: Ids,
    /// On whose behalf.
    pub actor: Actor,
    /// The request that asked for it, as logs and audit name it.
    pub request_id: Option<String>,
}

impl Context {
    /// A new identity, made now.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        self.ids.at(self.now)
    }

    /// The company that is acted for. Nil before somebody is known, which no row has.
    #[must_use]
    pub fn company_id(&self) -> Uuid {
        self.actor.company_id().unwrap_or_default()
    }
}

/// How long an operation may take, and how often it is tried.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first attempt to the commit, all attempts together.
    pub deadline: Duration,
    /// One statement.
    pub statement: Duration,
    /// Waiting for one lock.
    pub lock: Duration,
    /// How often it is tried, where a deadlock or a lost connection undid an attempt.
    pub attempts: u32,
}

impl Patience {
    /// What a request of a person gets.
    pub const REQUEST: Self = Self {
        deadline: Duration::from_secs(10),
        statement: Duration::from_secs(8),
        lock: Duration::from_secs(4),
        attempts: 5,
    };

    /// What a long piece of work gets, such as an import: this long, and each statement too.
    #[must_use]
    pub const fn long(deadline: Duration) -> Self {
        Self { deadline, statement: deadline, lock: Duration::from_secs(10), attempts: 3 }
    }
}

/// Does `work` in one transaction: all of it or nothing.
///
/// The transaction knows the company (`app.company_id`) and who acts (`app.actor`). A deadlock, a serialization failure, or a
/// connection that broke before the commit was asked for undoes the attempt, and `work` (a clone of it) is tried again, a
/// few times. After the commit, listeners are woken. The work is a task of its own: a caller that goes away in the middle
/// neither leaves a transaction open nor keeps the listeners from being told.
///
/// ```ignore
/// let sale = transact(&state, &actor, move |tx, cx| Box::pin(async move { ring_up(tx, cx, &command).await })).await?;
/// ```
pub async fn transact<T, E, F>(state: &AppState, actor: &Actor, work: F) -> Result<T, E>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<T, E>> + Clone + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + StdError + Send + 'static,
{
    transact_within(state, actor, Patience::REQUEST, work).await
}

/// `transact` with another patience, for what takes longer than a request of a person may.
pub async fn transact_within<T, E, F>(
    state: &AppState,
    actor: &Actor,
    patience: Patience,
    work: F,
) -> Result<T, E>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<T, E>> + Clone + Send + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + StdError + Send + 'static,
{
    let state = state.clone();
    let context = context(&state, actor);
    let mut begin = begin_statement("begin", actor, patience);
    if request::pretended_time().is_some() {
        // Whoever loads past days can load them again; waiting for the disk at each sale of a year would take all day. What is
        // committed afterwards as usual takes these along to the disk.
        begin.push_str("; set local synchronous_commit = off");
    }
    let info = request::current();
    let span = tracing::Span::current();
    let task = async move {
        let done = attempts(&state.pool, &context, begin, patience, work).await;
        if done.is_ok() {
            state.wake.ring();
        }
        done
    };
    match tokio::spawn(request::in_this_request(info, task).instrument(span)).await {
        Ok(done) => done,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        // The runtime is shutting down; nothing was committed by a task that it cancelled.
        Err(_) => Err(sqlx::Error::PoolClosed.into()),
    }
}

/// Reads in one snapshot: everything that `work` sees was committed at one instant, and it can change nothing.
pub async fn read<T, E, F>(state: &AppState, actor: &Actor, work: F) -> Result<T, E>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<T, E>> + Clone + Send,
    T: Send,
    E: From<sqlx::Error> + StdError + Send + 'static,
{
    read_within(state, actor, Patience::REQUEST, work).await
}

/// `read` with another patience.
pub async fn read_within<T, E, F>(
    state: &AppState,
    actor: &Actor,
    patience: Patience,
    work: F,
) -> Result<T, E>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<T, E>> + Clone + Send,
    T: Send,
    E: From<sqlx::Error> + StdError + Send + 'static,
{
    let context = context(state, actor);
    let begin = begin_statement("begin isolation level repeatable read, read only", actor, patience);
    attempts(&state.pool, &context, begin, patience, work).await
}

fn context(state: &AppState, actor: &Actor) -> Context {
    Context {
        // Where the server was told to listen to it, a request says when its operation happened: past days are loaded so.
        now: request::pretended_time().unwrap_or_else(|| state.clock.now()),
        ids: state.ids.clone(),
        actor: actor.clone(),
        request_id: request::request_id(),
    }
}

/// Everything that a transaction is told at its beginning, in one round trip.
fn begin_statement(begin: &str, actor: &Actor, patience: Patience) -> String {
    let mut statement = begin.to_owned();
    // Writing to a String cannot fail. Identities and numbers need no quoting.
    if let Some(company_id) = actor.company_id() {
        let _ = write!(statement, "; set local app.company_id = '{company_id}'");
    }
    let _ = write!(statement, "; set local app.actor = '{}'", actor.tag());
    if patience.statement != Patience::REQUEST.statement || patience.lock != Patience::REQUEST.lock {
        let _ = write!(
            statement,
            "; set local statement_timeout = {}; set local lock_timeout = {}; set local idle_in_transaction_session_timeout = {}",
            patience.statement.as_millis(),
            patience.lock.as_millis(),
            patience.deadline.as_millis()
        );
    }
    statement
}

async fn attempts<T, E, F>(
    pool: &PgPool,
    context: &Context,
    begin: String,
    patience: Patience,
    work: F,
) -> Result<T, E>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<T, E>> + Clone + Send,
    T: Send,
    E: From<sqlx::Error> + StdError + Send + 'static,
{
    let deadline = Instant::now() + patience.deadline;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (error, undone) = match timeout_at(deadline, once(pool, context, &begin, work.clone())).await {
            Err(_) => {
                metrics::count("database_transactions_total", &[("outcome", "deadline")]);
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            Ok(Ok(done)) => {
                metrics::count("database_transactions_total", &[("outcome", "committed")]);
                return Ok(done);
            }
            Ok(Err(Failed::Undone(error))) => (error, true),
            Ok(Err(Failed::Unknown(error))) => (error, false),
        };
        let pause = match what_undid(&error) {
            // Whether the commit came through is not known: the caller repeats the request under the same identity.
            _ if !undone => None,
            Some(Undid::Contention) => Some(pause_before(attempt, Duration::from_millis(8))),
            Some(Undid::LostConnection) => Some(pause_before(attempt, Duration::from_millis(120))),
            None => None,
        };
        match pause {
            Some(pause) if attempt < patience.attempts && Instant::now() + pause < deadline => {
                metrics::count("database_transactions_total", &[("outcome", "retried")]);
                sleep(pause).await;
            }
            _ => {
                metrics::count("database_transactions_total", &[("outcome", "failed")]);
                return Err(error);
            }
        }
    }
}

enum Failed<E> {
    /// Nothing of it was kept.
    Undone(E),
    /// The commit was sent and not answered.
    Unknown(E),
}

async fn once<T, E, F>(pool: &PgPool, context: &Context, begin: &str, work: F) -> Result<T, Failed<E>>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<T, E>> + Send,
    E: From<sqlx::Error>,
{
    let transaction = pool
        .begin_with(AssertSqlSafe(begin.to_owned()))
        .await
        .map_err(|error| Failed::Undone(error.into()))?;
    let mut tx = Tx(transaction);
    match work(&mut tx, context).await {
        Ok(done) => match tx.0.commit().await {
            Ok(()) => Ok(done),
            // PostgreSQL answered, so it said no: deferred constraints and triggers speak here. But for a shutdown, which it may
            // tell of between the commit that it made and the word that it did.
            Err(error) if said_no(&error) => Err(Failed::Undone(error.into())),
            Err(error) => Err(Failed::Unknown(error.into())),
        },
        Err(error) => {
            // Dropping would roll back too, but later, and the next attempt may wait for this one's locks.
            let _ = tx.0.rollback().await;
            Err(Failed::Undone(error))
        }
    }
}

/// Whether an error at COMMIT is the database's word that nothing was kept.
fn said_no(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => !refusal.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

enum Undid {
    Contention,
    LostConnection,
}

/// Looks through an error's chain for what the database said.
fn what_undid(error: &(dyn StdError + 'static)) -> Option<Undid> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<sqlx::Error>() {
            return match error {
                sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => {
                    Some(Undid::LostConnection)
                }
                sqlx::Error::Database(refusal) => by_code(refusal.code().as_deref()),
                _ => None,
            };
        }
        if let Some(refusal) = error.downcast_ref::<PgDatabaseError>() {
            return by_code(Some(refusal.code()));
        }
        if let Some(refusal) = error.downcast_ref::<Box<dyn sqlx::error::DatabaseError>>() {
            return by_code(refusal.code().as_deref());
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            // Only reached through a transparent wrapper around sqlx's own I/O error.
            let _ = error;
            return Some(Undid::LostConnection);
        }
        next = error.source();
    }
    None
}

fn by_code(code: Option<&str>) -> Option<Undid> {
    match code {
        Some("40P01" | "40001") => Some(Undid::Contention),
        // The server is going down, has crashed, or is coming up.
        Some("57P01" | "57P02" | "57P03") => Some(Undid::LostConnection),
        _ => None,
    }
}

/// Twice as long each time, with full jitter.
fn pause_before(attempt: u32, base: Duration) -> Duration {
    let most = base * 2u32.saturating_pow(attempt.min(6));
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(2);
    Duration::from_micros(rand::rng().random_range(micros / 2..micros))
}
