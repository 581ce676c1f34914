//! How far an import has come, for whoever waits for it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use server_kit::{Actor, AppState, Context, Problem, Tx, transact};
use utoipa::ToSchema;
use uuid::Uuid;

/// An import, as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ImportJob {
    /// The import.
    pub(super) id: Uuid,
    /// Whether the file is only looked at.
    pub(super) dry_run: bool,
    /// `checking`, `writing`, `done` or `refused`.
    pub(super) state: String,
    /// How many rows have been read.
    pub(super) rows_read: i64,
    /// When it began.
    pub(super) started_at: DateTime<Utc>,
    /// When it last came on.
    pub(super) changed_at: DateTime<Utc>,
    /// What was made and changed, or what is wrong where; null while it runs.
    pub(super) outcome: Option<Value>,
}

/// Begins a job under this id. What was done before under it is given back; the same id for another file is refused.
pub(super) async fn begin(
    tx: &mut Tx,
    cx: &Context,
    id: Uuid,
    hash: &[u8; 32],
    dry_run: bool,
) -> Result<Option<Value>, Problem> {
    let begun = sqlx::query!(
        "insert into import_job as job (id, content_hash, dry_run, state, started_at, started_by, changed_at)
         values ($1, $2, $3, 'checking', $4, $5, $4)
         on conflict (company_id, id) do update
         set state = case when job.state = 'done' then 'done' else 'checking' end,
             rows_read = case when job.state = 'done' then job.rows_read else 0 end,
             outcome = case when job.state = 'done' then job.outcome end,
             changed_at = excluded.changed_at
         where job.content_hash = excluded.content_hash and job.dry_run = excluded.dry_run
         returning outcome",
        id,
        hash,
        dry_run,
        cx.now,
        cx.actor.user_id(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    match begun {
        Some(job) => Ok(job.outcome),
        None => Err(Problem::conflict("id-taken", "Another import has this id").field(
            "/id",
            "taken",
            "There is an import with this id, of another file or of another kind.",
        )),
    }
}

/// Says how far a job has come, in a transaction of its own, so that others see it while the import is still open.
pub(super) async fn note_progress(
    state: &AppState,
    actor: &Actor,
    id: Uuid,
    step: &'static str,
    rows_read: i64,
) -> Result<(), Problem> {
    transact(state, actor, move |tx, cx| {
        Box::pin(async move {
            sqlx::query!(
                "update import_job set state = $2, rows_read = $3, changed_at = $4 where id = $1",
                id,
                step,
                rows_read,
                cx.now
            )
            .execute(&mut **tx)
            .await?;
            Ok(())
        })
    })
    .await
}

/// Keeps what became of a job.
pub(super) async fn end(
    tx: &mut Tx,
    cx: &Context,
    id: Uuid,
    state: &str,
    rows_read: i64,
    outcome: &Value,
) -> Result<(), Problem> {
    sqlx::query!(
        "update import_job set state = $2, rows_read = $3, changed_at = $4, outcome = $5 where id = $1",
        id,
        state,
        rows_read,
        cx.now,
        outcome,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A job as it stands.
pub(super) async fn load(tx: &mut Tx, id: Uuid) -> Result<ImportJob, Problem> {
    sqlx::query_as!(
        ImportJob,
        "select id, dry_run, state, rows_read, started_at, changed_at, outcome from import_job where id = $1",
        id
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| Problem::not_found("import"))
}
