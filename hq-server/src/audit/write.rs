//! Writing the audit. An entry is only added; the database refuses all else.

use serde::Serialize;
use serde_json::Value;
use server_kit::{Context, Problem, Tx};
use uuid::Uuid;

/// Notes that something was made.
pub(crate) async fn created(
    tx: &mut Tx,
    cx: &Context,
    entity: &str,
    id: Uuid,
    after: &impl Serialize,
) -> Result<(), Problem> {
    let after = serde_json::to_value(after).map_err(Problem::internal)?;
    write(tx, cx, entity, "create", Some(id), None, Some(after)).await
}

/// Notes that something was changed, and from what to what.
pub(crate) async fn changed(
    tx: &mut Tx,
    cx: &Context,
    entity: &str,
    action: &str,
    id: Uuid,
    before: &impl Serialize,
    after: &impl Serialize,
) -> Result<(), Problem> {
    let before = serde_json::to_value(before).map_err(Problem::internal)?;
    let after = serde_json::to_value(after).map_err(Problem::internal)?;
    write(tx, cx, entity, action, Some(id), Some(before), Some(after)).await
}

/// Notes that something was done which has no before and after to show, such as a new password.
pub(crate) async fn noted(
    tx: &mut Tx,
    cx: &Context,
    entity: &str,
    action: &str,
    id: Uuid,
    about: Option<Value>,
) -> Result<(), Problem> {
    write(tx, cx, entity, action, Some(id), None, about).await
}

async fn write(
    tx: &mut Tx,
    cx: &Context,
    entity: &str,
    action: &str,
    id: Option<Uuid>,
    before: Option<Value>,
    after: Option<Value>,
) -> Result<(), Problem> {
    let actor_name = cx.actor.person().map_or("", |person| &*person.name);
    sqlx::query!(
        r#"insert into audit (id, at, actor_id, actor_name, action, entity, entity_id, before, after, request_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#,
        cx.new_id(),
        cx.now,
        cx.actor.user_id(),
        actor_name,
        format!("{entity}.{action}"),
        entity,
        id,
        before,
        after,
        cx.request_id,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
