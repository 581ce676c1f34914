//! Taking an entity out of use, and putting it back. Nothing that facts may refer to is deleted.

use server_kit::{Context, Problem, Tx};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::references::may_restore;
use super::{Master, Record, load};
use crate::{audit, locks};

/// Archives an entity, or restores it. Doing it twice is doing it once.
pub(crate) async fn set_archived<T: Master>(
    tx: &mut Tx,
    cx: &Context,
    id: Uuid,
    archived: bool,
    read_version: Option<i64>,
) -> Result<Record<T>, Problem> {
    let version =
        locks::master_record(tx, T::TABLE, id).await?.ok_or_else(|| Problem::not_found(T::ENTITY))?;
    let before = load::<T>(tx, id).await?;
    if before.archived == archived {
        return Ok(before);
    }
    if read_version.is_some_and(|read| read != version) {
        return Err(Problem::stale());
    }
    if archived {
        before.fields.may_archive(tx, cx, id).await?;
    } else {
        may_restore(tx, &before.fields).await?;
    }
    let statement = format!("update {} set archived_at = $2, version = version + 1 where id = $1", T::TABLE);
    sqlx::query(AssertSqlSafe(statement))
        .bind(id)
        .bind(archived.then_some(cx.now))
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, T::CONSTRAINTS))?;
    before.fields.archived(tx, cx, id, archived).await?;
    let after = load::<T>(tx, id).await?;
    let action = if archived { "archive" } else { "restore" };
    audit::changed(tx, cx, T::ENTITY, action, id, &before, &after).await?;
    Ok(after)
}
