//! What waits is tried again: entries of a kind that this release has learnt, and those that a person has had put right.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use server_kit::{Actor, AppState, Context, Patience, Problem, Tx, read, transact_within};
use uuid::Uuid;

use super::apply::{Received, apply};
use super::locks;

/// How many waiting entries are tried at a time.
const AT_ONCE: i64 = 500;

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
    payload: String,
}

/// What came of trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Replayed {
    /// Entries that have had their effect now.
    pub(crate) replayed: u64,
    /// Entries that wait still.
    pub(crate) waiting: u64,
}

/// Tries the store's waiting entries again, in the order in which the store wrote them: one may need another's effect, so
/// they go round until nothing more applies.
pub(crate) async fn replay(tx: &mut Tx, cx: &Context, store_id: Uuid) -> Result<Replayed, Problem> {
    for incarnation in incarnations(tx, store_id).await? {
        // Nobody drops or tries an entry meanwhile, and no batch is taken between.
        locks::journal(tx, store_id, incarnation).await?;
    }
    let mut replayed = 0;
    loop {
        let applied = round(tx, cx, store_id).await?;
        replayed += applied;
        if applied == 0 {
            break;
        }
    }
    let waiting = sqlx::query_scalar!(
        r#"select count(*) as "count!" from incident
           where company_id = current_company() and store_id = $1 and state = 'open' and kind in ('poison', 'unknown_kind')"#,
        store_id
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Replayed { replayed, waiting: u64::try_from(waiting).unwrap_or(0) })
}

/// Tries every waiting entry once; how many had their effect.
async fn round(tx: &mut Tx, cx: &Context, store_id: Uuid) -> Result<u64, Problem> {
    let mut applied = 0;
    let mut after = (Uuid::nil(), 0);
    loop {
        let waiting = waiting_after(tx, store_id, after).await?;
        let Some(last) = waiting.last() else { return Ok(applied) };
        after = (last.incarnation, last.sequence);
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
                    payload: &entry.payload,
                })
                .collect();
            let aside = apply(tx, cx.company_id(), store_id, &received).await?;
            let fine: Vec<Uuid> = of_life
                .iter()
                .filter(|entry| aside.iter().all(|set_aside| set_aside.sequence != entry.sequence))
                .map(|entry| entry.incident_id)
                .collect();
            for set_aside in &aside {
                let Some(entry) = of_life.iter().find(|entry| entry.sequence == set_aside.sequence) else {
                    continue;
                };
                keep_reason(tx, entry.incident_id, &set_aside.reason).await?;
            }
            close(tx, cx, &fine).await?;
            applied += fine.len() as u64;
        }
    }
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
    (incarnation, sequence): (Uuid, i64),
) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as!(
        Waiting,
        r#"select i.id as incident_id, e.incarnation, e.sequence, e.kind, e.version, e.stream, e.occurred_at, e.business_date, e.payload
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

async fn close(tx: &mut Tx, cx: &Context, incidents: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update incident set state = 'replayed', closed_at = $2, closed_by = $3
         where company_id = current_company() and id = any($1)",
        incidents,
        cx.now,
        cx.actor.user_id(),
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
        let tried = transact_within(state, &actor, Patience::long(Duration::from_mins(2)), move |tx, cx| {
            Box::pin(async move { replay(tx, cx, store_id).await })
        })
        .await;
        match tried {
            Ok(done) if done.replayed > 0 => {
                tracing::info!(%store_id, replayed = done.replayed, waiting = done.waiting, "waiting entries were replayed");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%store_id, %error, "waiting entries could not be tried"),
        }
    }
    Ok(())
}
