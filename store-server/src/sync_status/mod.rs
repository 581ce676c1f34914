//! How this store and HQ stand: what people and monitors see, and asking to pull and push now.

mod routes;

use chrono::{DateTime, Utc};
use serde::Serialize;
use server_kit::Capability;
use server_kit::metrics::Sample;
use sqlx::{PgExecutor, PgPool};
use sync_protocol::store_sync::{Halt, Line};
use utoipa::ToSchema;

use crate::sync::SyncHandle;

/// The sync page's routes.
#[must_use]
pub fn capability(handle: &SyncHandle) -> Capability {
    Capability {
        name: "sync",
        routes: routes::routes(handle),
        permissions: &["sync.read", "sync.now"],
        entities: &[],
        facts: &[],
    }
}

/// How the store stands with HQ.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SyncStatus {
    /// `up` while HQ answers.
    pub line: LineState,
    /// What comes down.
    pub feed: FeedStatus,
    /// What goes up.
    pub journal: JournalStatus,
    /// Why nothing is pushed until a person has done something; none: nothing is the matter.
    pub halted: Option<Halted>,
}

/// Whether HQ answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// It does.
    Up,
    /// It does not, or has not yet.
    Down,
}

/// Why nothing is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Halted {
    /// The journal and HQ's are of different lives.
    Forked,
    /// Another box has taken the store over.
    Superseded,
    /// HQ has lost more than the store keeps.
    CannotGoBack,
}

/// HQ's data.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct FeedStatus {
    /// The checkpoint that the store sells at.
    pub position: i64,
    /// HQ's last position that was heard of.
    pub head: i64,
    /// When it was applied; none: there is no checkpoint yet.
    pub applied_at: Option<DateTime<Utc>>,
}

/// The store's journal.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct JournalStatus {
    /// How many entries there are.
    pub sequence: i64,
    /// How many of them HQ has.
    pub acknowledged: i64,
    /// How many wait.
    pub pending: i64,
    /// Since when the oldest of them waits.
    pub oldest_pending_at: Option<DateTime<Utc>>,
}

/// What waits for HQ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) acknowledged: i64,
    pub(crate) pending: i64,
    pub(crate) oldest_pending_at: Option<DateTime<Utc>>,
}

/// Counts what waits, without counting what HQ has.
pub(crate) async fn waiting(database: impl PgExecutor<'_>) -> sqlx::Result<Waiting> {
    let row = sqlx::query!(
        r#"with delivered as (
             select i.incarnation, coalesce(d.acknowledged, 0) as acknowledged
             from identity i left join delivery d on d.incarnation = i.incarnation),
         -- Entries get their ids before they are committed, so some with lower ids may have no number yet.
         floor as (
             select coalesce(min(n.journal_id), 0) as id from journal_number n join delivered d on d.incarnation = n.incarnation
             where n.number > d.acknowledged - 10000)
         select d.acknowledged as "acknowledged!", w.pending as "pending!", w.oldest_pending_at
         from delivered d, lateral (
             select count(*) as pending, min(j.occurred_at) as oldest_pending_at from journal j
             where j.incarnation = d.incarnation and j.id >= (select id from floor)
               and not exists (select from journal_number n where n.journal_id = j.id and n.number <= d.acknowledged)) w"#
    )
    .fetch_optional(database)
    .await?;
    Ok(row.map_or(Waiting { acknowledged: 0, pending: 0, oldest_pending_at: None }, |row| Waiting {
        acknowledged: row.acknowledged,
        pending: row.pending,
        oldest_pending_at: row.oldest_pending_at,
    }))
}

/// How the store stands.
pub(crate) async fn status(pool: &PgPool, handle: &SyncHandle) -> sqlx::Result<SyncStatus> {
    let view = handle.view();
    let waiting = waiting(pool).await?;
    let checkpoint = sqlx::query!("select position, applied_at from checkpoint").fetch_optional(pool).await?;
    let position = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.position);
    Ok(SyncStatus {
        line: if view.line == Line::Up { LineState::Up } else { LineState::Down },
        feed: FeedStatus {
            position,
            head: view.head.max(position),
            applied_at: checkpoint.map(|checkpoint| checkpoint.applied_at),
        },
        journal: JournalStatus {
            sequence: waiting.acknowledged + waiting.pending,
            acknowledged: waiting.acknowledged,
            pending: waiting.pending,
            oldest_pending_at: waiting.oldest_pending_at,
        },
        halted: view.halted.map(|halt| match halt {
            Halt::Forked => Halted::Forked,
            Halt::Superseded => Halted::Superseded,
            Halt::CannotGoBack => Halted::CannotGoBack,
        }),
    })
}

/// The same for Prometheus.
pub(crate) async fn samples(pool: PgPool, handle: SyncHandle, now: DateTime<Utc>) -> Vec<Sample> {
    let Ok(status) = status(&pool, &handle).await else { return Vec::new() };
    let sample = |name, value| Sample { name, labels: Vec::new(), value };
    #[expect(
        clippy::cast_precision_loss,
        reason = "positions and counts are far below where a float loses units"
    )]
    let whole = |value: i64| value as f64;
    vec![
        sample("sync_line_up", f64::from(u8::from(status.line == LineState::Up))),
        sample("sync_halted", f64::from(u8::from(status.halted.is_some()))),
        sample("sync_feed_position", whole(status.feed.position)),
        sample("sync_feed_head", whole(status.feed.head)),
        sample("sync_journal_acknowledged", whole(status.journal.acknowledged)),
        sample("sync_journal_pending", whole(status.journal.pending)),
        sample(
            "sync_journal_oldest_pending_seconds",
            status.journal.oldest_pending_at.map_or(0.0, |at| whole((now - at).num_seconds().max(0))),
        ),
    ]
}
