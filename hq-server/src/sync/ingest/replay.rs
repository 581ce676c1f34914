//! What waits is tried again: entries of a kind that this release has learnt, and those that a person has had put right.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use server_kit::{Actor, AppState, Context, Patience, Problem, Tx, read, transact_within};
use uuid::Uuid;

use super::apply::{Received, apply};
use super::locks;

/// How many waiting entries are tried at a time.
const AT_ONCE: i64 = 500;
/// How long so many may take, at the worst.
const STEP: Duration = Duration::from_secs(30);
/// How long a person waits for an answer; what has had its effect by then stays.
pub(crate) const A_PERSON_WAITS: Duration = Duration::from_secs(20);
/// How long one store may be tried before the others have their turn.
const A_STORE_IN_TURN: Duration = Duration::from_mins(10);

/// An entry that waits.
struct Waiting {
    incident_id: Uuid,
    incarnation: Uuid,
    sequence: i64,
    kind: String,
    version: i32,
    stream: String,
    occurred_at: DateTime<Utc>,
    business_date: NaiveDate,
    received_at: DateTime<Utc>,
    payload: String,
}

/// Where one is among the waiting entries: a life of the store's database, and a number in its journal.
pub(crate) type Place = (Uuid, i64);
/// Before all of them.
const START: Place = (Uuid::nil(), 0);

/// What a person asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The incident that they looked at.
    pub(crate) incident_id: Uuid,
    /// Where its entry is.
    pub(crate) place: Place,
    /// The business date whose entries' dates they accept, in that life of the store.
    pub(crate) accepted: Option<NaiveDate>,
}

/// What came of trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "its name in the API")]
pub(crate) struct Replayed {
    /// Entries that have had their effect now.
    pub(crate) replayed: u64,
    /// Entries that wait still.
    pub(crate) waiting: u64,
    /// Whether all that waits was tried; else there was no time for it.
    pub(crate) finished: bool,
}

/// Tries the store's waiting entries again, in the order in which the store wrote them: one may need another's effect, so
/// they go round until nothing more applies, or `patience` is over.
///
/// Each few are a transaction. What they have come to stays, and between them the store can push.
pub(crate) async fn replay(
    state: &AppState,
    actor: &Actor,
    store_id: Uuid,
    asked: Option<Asked>,
    patience: Duration,
) -> Result<Replayed, Problem> {
    let until = Instant::now() + patience;
    let mut done = Replayed::default();
    // What a person looked at comes first, whatever waits before it.
    let (mut after, mut is_whole) = match asked {
        Some(Asked { place: (incarnation, sequence), .. }) => ((incarnation, sequence - 1), false),
        None => (START, true),
    };
    let mut in_this_round = 0;
    loop {
        let step = transact_within(state, actor, Patience::long(STEP), move |tx, cx| {
            Box::pin(async move { step(tx, cx, store_id, after, asked).await })
        })
        .await?;
        done.replayed += step.applied;
        done.waiting = step.waiting;
        in_this_round += step.applied;
        match step.last {
            Some(last) => after = last,
            None if step.waiting == 0 || (is_whole && in_this_round == 0) => {
                done.finished = true;
                return Ok(done);
            }
            None => (after, is_whole, in_this_round) = (START, true, 0),
        }
        if Instant::now() >= until {
            return Ok(done);
        }
    }
}

/// What came of a few of them.
struct Step {
    applied: u64,
    waiting: u64,
    /// The last of those that were tried; none: there are no more behind.
    last: Option<Place>,
}

/// Tries the next few that wait.
async fn step(
    tx: &mut Tx,
    cx: &Context,
    store_id: Uuid,
    after: Place,
    asked: Option<Asked>,
) -> Result<Step, Problem> {
    for incarnation in incarnations(tx, store_id).await? {
        // Nobody drops or tries an entry meanwhile, and no batch is taken between.
        locks::journal(tx, store_id, incarnation).await?;
    }
    let waiting = waiting_after(tx, store_id, after).await?;
    let last = waiting.last().map(|entry| (entry.incarnation, entry.sequence));
    let is_accepted = |entry: &Waiting| {
        asked.is_some_and(|asked| {
            asked.accepted == Some(entry.business_date) && asked.place.0 == entry.incarnation
        })
    };
    let mut applied = 0;
    for of_life in waiting.chunk_by(|a, b| a.incarnation == b.incarnation) {
        let received: Vec<Received<'_>> = of_life
            .iter()
            .map(|entry| Received {
                sequence: entry.sequence,
                kind: &entry.kind,
                version: entry.version,
                stream: &entry.stream,
                occurred_at: entry.occurred_at,
                business_date: entry.business_date,
                arrived_at: entry.received_at,
                dates_are_accepted: is_accepted(entry),
                payload: &entry.payload,
            })
            .collect();
        let aside = apply(tx, cx.company_id(), store_id, &received).await?;
        let mut fine: Vec<&Waiting> = of_life.iter().collect();
        for set_aside in &aside {
            let Some(entry) = of_life.iter().find(|entry| entry.sequence == set_aside.sequence) else {
                continue;
            };
            keep_reason(tx, entry.incident_id, &set_aside.reason).await?;
            fine.retain(|fine| fine.sequence != set_aside.sequence);
        }
        applied += fine.len() as u64;
        let (accepted, others): (Vec<&Waiting>, Vec<&Waiting>) =
            fine.into_iter().partition(|entry| is_accepted(entry));
        close(tx, cx, &accepted, true).await?;
        close(tx, cx, &others, false).await?;
    }
    if let Some(asked) = asked.filter(|_| applied > 0) {
        let about = serde_json::json!({ "replayed": applied, "accepted_business_date": asked.accepted });
        crate::audit::noted(tx, cx, "incident", "replay", asked.incident_id, Some(about)).await?;
    }
    let waiting = sqlx::query_scalar!(
        r#"select count(*) as "count!" from incident
           where company_id = current_company() and store_id = $1 and state = 'open' and kind in ('poison', 'unknown_kind')"#,
        store_id
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Step { applied, waiting: u64::try_from(waiting).unwrap_or(0), last })
}

/// The lives that have something waiting, in one order for everybody.
async fn incarnations(tx: &mut Tx, store_id: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select distinct incarnation as "incarnation!" from incident
           where company_id = current_company() and store_id = $1 and state = 'open' and kind in ('poison', 'unknown_kind')
           order by 1"#,
        store_id
    )
    .fetch_all(&mut **tx)
    .await
}

async fn waiting_after(
    tx: &mut Tx,
    store_id: Uuid,
    (incarnation, sequence): Place,
) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as!(
        Waiting,
        r#"select i.id as incident_id, e.incarnation, e.sequence, e.kind, e.version, e.stream, e.occurred_at, e.business_date,
               e.received_at, e.payload
           from incident i join received_entry e on e.company_id = i.company_id and e.store_id = i.store_id
               and e.incarnation = i.incarnation and e.sequence = i.sequence
           where i.company_id = current_company() and i.store_id = $1 and i.state = 'open' and i.kind in ('poison', 'unknown_kind')
               and (i.incarnation, i.sequence) > ($2, $3)
           order by i.incarnation, i.sequence limit $4"#,
        store_id,
        incarnation,
        sequence,
        AT_ONCE,
    )
    .fetch_all(&mut **tx)
    .await
}

async fn keep_reason(tx: &mut Tx, incident_id: Uuid, reason: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update incident set reason = $2 where company_id = current_company() and id = $1 and reason <> $2",
        incident_id,
        reason.replace('\0', "\u{fffd}"),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn close(
    tx: &mut Tx,
    cx: &Context,
    entries: &[&Waiting],
    dates_are_accepted: bool,
) -> Result<(), sqlx::Error> {
    let incidents: Vec<Uuid> = entries.iter().map(|entry| entry.incident_id).collect();
    sqlx::query!(
        "update incident set state = 'replayed', closed_at = $2, closed_by = $3,
             detail = case when $4 then detail || '{\"dates_accepted\": true}' else detail end
         where company_id = current_company() and id = any($1)",
        &incidents,
        cx.now,
        cx.actor.user_id(),
        dates_are_accepted,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// After a start, and now and then: what waited for this release is tried, store by store.
pub(crate) async fn replay_all(state: &AppState) -> Result<(), Problem> {
    let stores = read(state, &Actor::Nobody, |tx, _| {
        Box::pin(async move {
            sqlx::query!(
                r#"select company_id as "company_id!", store_id as "store_id!" from stores_with_waiting_entries()"#
            )
            .fetch_all(&mut **tx)
            .await
        })
    })
    .await?;
    for store in stores {
        let actor = Actor::System { company_id: store.company_id };
        let store_id = store.store_id;
        match replay(state, &actor, store_id, None, A_STORE_IN_TURN).await {
            Ok(done) if done.replayed > 0 => {
                tracing::info!(%store_id, replayed = done.replayed, waiting = done.waiting, "waiting entries were replayed");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%store_id, %error, "waiting entries could not be tried"),
        }
    }
    Ok(())
}
