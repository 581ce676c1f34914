//! Changing an entity, over the version that was read.

use server_kit::{Context, Problem, Tx};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::record::Patch;
use super::references::refuse_unusable;
use super::{Checks, Master, Record, load};
use crate::{audit, locks};

/// Changes an entity, if it still is in the version that whoever changes it has read.
pub(crate) async fn change<T: Master>(
    tx: &mut Tx,
    cx: &Context,
    id: Uuid,
    read_version: i64,
    patch: &Patch<T>,
) -> Result<Record<T>, Problem> {
    let version =
        locks::master_record(tx, T::TABLE, id).await?.ok_or_else(|| Problem::not_found(T::ENTITY))?;
    if version != read_version {
        return Err(Problem::stale());
    }
    let before = load::<T>(tx, id).await?;
    let fields = patch.apply(&before.fields)?;
    let mut checks = Checks::default();
    fields.check(&mut checks);
    checks.done()?;
    if fields == before.fields {
        return Ok(before);
    }
    refuse_unusable(tx, &fields, Some(&before.fields)).await?;
    fields.update(tx, cx, id, &before.fields).await?;
    raise_version::<T>(tx, id).await?;
    let after = load::<T>(tx, id).await?;
    audit::changed(tx, cx, T::ENTITY, "change", id, &before, &after).await?;
    Ok(after)
}

/// Raises the version of an entity that was written beside its fields.
pub(crate) async fn raise_version<T: Master>(tx: &mut Tx, id: Uuid) -> Result<(), Problem> {
    let statement = format!("update {} set version = version + 1 where id = $1", T::TABLE);
    sqlx::query(AssertSqlSafe(statement)).bind(id).execute(&mut **tx).await?;
    Ok(())
}
