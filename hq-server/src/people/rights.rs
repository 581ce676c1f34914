//! Nobody gives away more than they have, and somebody who may give out roles always remains.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use rust_decimal::Decimal;
use server_kit::{Actor, Context, Problem, Tx};
use uuid::Uuid;

/// What a role allows.
#[derive(Clone, Debug)]
pub(super) struct Rights {
    pub(super) permissions: BTreeSet<String>,
    /// None: no limit.
    pub(super) max_reduction_percent: Option<Decimal>,
    pub(super) max_refund: Option<Decimal>,
}

impl Rights {
    /// Whether these are no more than those of `other`.
    pub(super) fn are_within(&self, other: &Self) -> bool {
        let within = |mine: Option<Decimal>, theirs: Option<Decimal>| match (mine, theirs) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine <= theirs,
        };
        self.permissions.is_subset(&other.permissions)
            && within(self.max_reduction_percent, other.max_reduction_percent)
            && within(self.max_refund, other.max_refund)
    }
}

struct Row {
    permissions: Vec<String>,
    max_reduction_percent: Option<Decimal>,
    max_refund: Option<Decimal>,
}

impl From<Row> for Rights {
    fn from(row: Row) -> Self {
        Self {
            permissions: row.permissions.into_iter().collect(),
            max_reduction_percent: row.max_reduction_percent,
            max_refund: row.max_refund,
        }
    }
}

/// What the person who acts may do at HQ; none: the server itself, which may do everything.
async fn own(tx: &mut Tx, cx: &Context) -> Result<Option<Rights>, Problem> {
    if matches!(cx.actor, Actor::System { .. }) {
        return Ok(None);
    }
    let row = sqlx::query_as!(
        Row,
        "select r.permissions, r.max_reduction_percent, r.max_refund
         from app_user u join role r on r.company_id = u.company_id and r.id = u.role_id
         where u.id = $1 and u.active and u.archived_at is null and r.archived_at is null",
        cx.actor.user_id()
    )
    .fetch_optional(&mut **tx)
    .await?;
    let nothing = Row {
        permissions: Vec::new(),
        max_reduction_percent: Some(Decimal::ZERO),
        max_refund: Some(Decimal::ZERO),
    };
    Ok(Some(row.unwrap_or(nothing).into()))
}

/// Refuses rights that are more than those of whoever acts.
pub(super) async fn refuse_beyond_own(
    tx: &mut Tx,
    cx: &Context,
    rights: &Rights,
    pointer: &str,
) -> Result<(), Problem> {
    match own(tx, cx).await? {
        Some(own) if !rights.are_within(&own) => Err(beyond_own(pointer)),
        _ => Ok(()),
    }
}

/// Refuses to touch a person who may do more than whoever acts: a new password would lend all their rights.
pub(super) async fn refuse_above_own(tx: &mut Tx, cx: &Context, user: Uuid) -> Result<(), Problem> {
    let roles = sqlx::query_scalar!(
        r#"select role_id as "role_id!" from app_user where id = $1 and role_id is not null
           union select role_id from user_store where user_id = $1"#,
        user
    )
    .fetch_all(&mut **tx)
    .await?;
    refuse_roles_beyond_own(tx, cx, &roles, "").await
}

/// Refuses roles that allow more than whoever acts may do. Roles that do not exist are for the foreign keys to refuse.
pub(super) async fn refuse_roles_beyond_own(
    tx: &mut Tx,
    cx: &Context,
    roles: &[Uuid],
    pointer: &str,
) -> Result<(), Problem> {
    let Some(own) = own(tx, cx).await? else { return Ok(()) };
    let rows = sqlx::query_as!(
        Row,
        "select permissions, max_reduction_percent, max_refund from role where id = any($1) and archived_at is null",
        roles
    )
    .fetch_all(&mut **tx)
    .await?;
    if rows.into_iter().all(|row| Rights::from(row).are_within(&own)) {
        Ok(())
    } else {
        Err(beyond_own(pointer))
    }
}

fn beyond_own(pointer: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "beyond-own-rights", "This goes beyond what you may do yourself")
        .field(
            pointer,
            "beyond_own_rights",
            "Nobody can give, or take over, permissions or limits that they do not have.",
        )
}

/// Refuses a state in which nobody is left who may give out roles. The people are locked.
pub(super) async fn refuse_without_admin(tx: &mut Tx) -> Result<(), Problem> {
    let remains = sqlx::query_scalar!(
        r#"select exists (
               select from app_user u join role r on r.company_id = u.company_id and r.id = u.role_id
               where u.active and u.archived_at is null and r.archived_at is null
                 and r.permissions @> '{user.write,role.write}'
           ) as "remains!""#
    )
    .fetch_one(&mut **tx)
    .await?;
    if remains {
        return Ok(());
    }
    Err(Problem::conflict("last-admin", "Nobody would be left who may manage people")
        .detail("Give another person a role with user.write and role.write first."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(permissions: &[&str], percent: Option<i64>) -> Rights {
        Rights {
            permissions: permissions.iter().map(|word| (*word).to_owned()).collect(),
            max_reduction_percent: percent.map(Decimal::from),
            max_refund: None,
        }
    }

    #[test]
    fn no_limit_is_more_than_any_limit() {
        assert!(rights(&["a"], Some(10)).are_within(&rights(&["a", "b"], Some(10))));
        assert!(rights(&["a"], Some(10)).are_within(&rights(&["a"], None)));
        assert!(!rights(&["a"], None).are_within(&rights(&["a"], Some(100))));
        assert!(!rights(&["a", "c"], Some(1)).are_within(&rights(&["a", "b"], Some(10))));
    }
}
