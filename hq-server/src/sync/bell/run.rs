//! The worker beside the bells: it notices that feeds have moved, here or in another process, writes down what was heard
//! of stores, and lets go what waited for this release.

use std::collections::HashMap;
use std::time::Duration;

use server_kit::{Actor, AppState, Problem, metrics, read, transact};
use sqlx::postgres::PgListener;
use sync_protocol::wire::Tag;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::sync::hub::{Ask, Head, Heard, Hub};
use crate::sync::ingest::replay::replay_all;

/// The channel that the processes of one database speak on.
const CHANNEL: &str = "tradepost_bell";
/// How often to look at the feeds although nobody said that one has moved.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often what waits is tried again.
const TRY_AGAIN_EVERY: Duration = Duration::from_mins(5);
/// How often what was heard of stores is written down.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How often bells that are up are noted as such.
const NOTE_EVERY: u32 = 30;

/// What processes say to each other.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    /// A feed has moved.
    Feed,
    /// A person asks something of a store.
    Ask { company: Uuid, store: Uuid, ask: Ask },
}

/// Asks something of a store, whichever process has its bell.
pub(crate) async fn ask_everywhere(state: &AppState, hub: &Hub, company: Uuid, store: Uuid, ask: Ask) {
    if let Err(error) = say(state, &Word::Ask { company, store, ask }).await {
        tracing::warn!(%error, "other processes could not be told");
        hub.ask(company, store, ask);
    }
}

/// In a transaction of its own: at its commit NOTIFY takes a lock of the whole cluster.
async fn say(state: &AppState, word: &Word) -> Result<(), sqlx::Error> {
    let text = serde_json::to_string(word).map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, text).execute(&state.pool).await?;
    Ok(())
}

/// Works until `stop`. Everything it does is tried again later when it fails.
pub async fn run(state: AppState, hub: Hub, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        _ = async { tokio::join!(follow_feeds(&state, &hub), listen(&state, &hub), write_down(&state, &hub), try_again(&state)) } => {}
    }
    // The last words: who hangs up now is not online any more.
    let _ = tokio::time::timeout(Duration::from_secs(2), write_heard(&state, &hub)).await;
}

/// Looks where the feeds are after each commit of this process, and tells the other processes: at once after the first,
/// and of those that follow it closely once.
async fn follow_feeds(state: &AppState, hub: &Hub) {
    let mut commits = state.wake.listen();
    loop {
        let looked_at = Instant::now();
        match look(state, hub).await {
            Ok(true) => {
                if let Err(error) = say(state, &Word::Feed).await {
                    tracing::warn!(%error, "other processes could not be told");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the feeds could not be looked at"),
        }
        sleep_until(looked_at + hub.quiet() / 2).await;
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return },
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// Lets go what waited for this release: at the start, and while an older process may still set entries aside.
async fn try_again(state: &AppState) {
    loop {
        if let Err(error) = replay_all(state).await {
            tracing::error!(%error, "what waits could not be looked for");
        }
        sleep(TRY_AGAIN_EVERY).await;
    }
}

/// Whether a feed has moved.
async fn look(state: &AppState, hub: &Hub) -> Result<bool, Problem> {
    let _turn = hub.look_turn().await;
    let heads = read(state, &Actor::Nobody, |tx, _| {
        Box::pin(async move {
            sqlx::query!(
                r#"select company_id as "company_id!", feed_position as "position!", tag as "tag!" from feed_heads()"#
            )
            .fetch_all(&mut **tx)
            .await
        })
    })
    .await?;
    Ok(hub.set_heads(
        heads.into_iter().map(|row| (row.company_id, Head { position: row.position, tag: Tag(row.tag) })),
    ))
}

/// Hears what the other processes say.
async fn listen(state: &AppState, hub: &Hub) {
    loop {
        let heard = async {
            let mut listener = PgListener::connect_with(&state.pool).await?;
            listener.listen(CHANNEL).await?;
            loop {
                let word = listener.recv().await?;
                match serde_json::from_str(word.payload()) {
                    Ok(Word::Feed) => {
                        if let Err(error) = look(state, hub).await {
                            tracing::warn!(%error, "the feeds could not be looked at");
                        }
                    }
                    Ok(Word::Ask { company, store, ask }) => hub.ask(company, store, ask),
                    Err(error) => tracing::debug!(%error, "a word of another process was not understood"),
                }
            }
        };
        let ended: Result<(), sqlx::Error> = heard.await;
        if let Err(error) = ended {
            tracing::warn!(%error, "listening to the other processes ended");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn write_down(state: &AppState, hub: &Hub) {
    let mut ticks = interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count: u32 = 0;
    loop {
        ticks.tick().await;
        count = count.wrapping_add(1);
        if count.is_multiple_of(NOTE_EVERY) {
            hub.heard_all_bells(state.clock.now());
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge of thousands")]
        metrics::gauge("bells_up", &[], hub.connected() as f64);
        write_heard(state, hub).await;
    }
}

/// Writes what was heard since the last time, company by company, in one statement each.
async fn write_heard(state: &AppState, hub: &Hub) {
    let mut by_company: HashMap<Uuid, Vec<(Uuid, Heard)>> = HashMap::new();
    for ((company_id, store_id), heard) in hub.take_heard() {
        by_company.entry(company_id).or_default().push((store_id, heard));
    }
    for (company_id, mut stores) in by_company {
        // In one order, so that two processes do not wait for each other.
        stores.sort_by_key(|(store_id, _)| *store_id);
        let actor = Actor::System { company_id };
        let rows =
            serde_json::Value::Array(stores.iter().map(|(store_id, heard)| row(*store_id, heard)).collect());
        let written = transact(state, &actor, move |tx, _| {
            Box::pin(async move {
                sqlx::query!(
                    r#"insert into store_status as known (store_id, last_seen_at, online_since, online_until, position, pending,
                           oldest_pending_at, clock_skew_ms, registers, disk, versions, status_at)
                       select h.store_id, h.at, case when h.is_bell then h.online_since end, case when h.is_bell then h.online_until end,
                           coalesce(h.position, before.position, 0), coalesce(h.pending, 0), h.oldest_pending_at, h.clock_skew_ms,
                           coalesce(h.registers, 0), h.disk, h.versions, case when h.is_status then h.at end
                       from jsonb_to_recordset($1) as h (store_id uuid, at timestamptz, is_bell boolean, online_since timestamptz,
                           online_until timestamptz, is_status boolean, position bigint, pending bigint, oldest_pending_at timestamptz,
                           clock_skew_ms bigint, registers bigint, disk bigint, versions jsonb)
                       join store s on s.company_id = current_company() and s.id = h.store_id
                       left join store_status before on before.company_id = current_company() and before.store_id = h.store_id
                       order by h.store_id
                       on conflict (company_id, store_id) do update set
                           last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
                           online_since = case when excluded.online_until is null then known.online_since else excluded.online_since end,
                           online_until = coalesce(excluded.online_until, known.online_until),
                           position = excluded.position,
                           pending = case when excluded.status_at is null then known.pending else excluded.pending end,
                           oldest_pending_at = case when excluded.status_at is null then known.oldest_pending_at else excluded.oldest_pending_at end,
                           clock_skew_ms = coalesce(excluded.clock_skew_ms, known.clock_skew_ms),
                           registers = case when excluded.status_at is null then known.registers else excluded.registers end,
                           disk = case when excluded.status_at is null then known.disk else excluded.disk end,
                           versions = coalesce(excluded.versions, known.versions),
                           status_at = coalesce(excluded.status_at, known.status_at)"#,
                    rows
                )
                .execute(&mut **tx)
                .await
            })
        })
        .await;
        if let Err(error) = written {
            tracing::warn!(%company_id, %error, "what was heard of stores could not be written down");
        }
    }
}

fn row(store_id: Uuid, heard: &Heard) -> serde_json::Value {
    let status = heard.status.as_ref();
    let versions = heard
        .versions
        .as_ref()
        .or_else(|| status.map(|status| &status.versions).filter(|versions| !versions.software.is_empty()));
    serde_json::json!({
        "store_id": store_id,
        "at": heard.at,
        "is_bell": heard.online_until.is_some(),
        "online_since": heard.online_since,
        "online_until": heard.online_until,
        "is_status": status.is_some(),
        "position": heard.position,
        "pending": status.map(|status| status.pending),
        "oldest_pending_at": status.and_then(|status| status.oldest_pending_at),
        "clock_skew_ms": heard.clock_skew_ms,
        "registers": status.map(|status| status.registers),
        "disk": status.and_then(|status| status.disk),
        "versions": versions,
    })
}
