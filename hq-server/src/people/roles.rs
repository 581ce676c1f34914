//! A set of permissions with limits.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::{Amount, Percent};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::KNOWN;
use super::rights::{Rights, refuse_beyond_own, refuse_without_admin};
use crate::locks;
use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// A set of permissions with limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    /// Its short code: `cashier`.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// What it may do: words like `sale.reduce`.
    #[schema(max_items = 200)]
    pub(crate) permissions: Vec<String>,
    /// The most that it may take off a line by hand, in percent; null: no limit.
    #[serde(default)]
    pub(crate) max_reduction_percent: Option<Percent>,
    /// The most that it may give back; null: no limit.
    #[serde(default)]
    pub(crate) max_refund: Option<Amount>,
}

impl Role {
    fn rights(&self) -> Rights {
        Rights {
            permissions: self.permissions.iter().cloned().collect(),
            max_reduction_percent: self.max_reduction_percent.map(Percent::decimal),
            max_refund: self.max_refund.map(Amount::decimal),
        }
    }
}

impl Master for Role {
    const ENTITY: &'static str = "role";
    const PATH: &'static str = "/roles";
    const TABLE: &'static str = "role";
    const COLUMNS: &'static str = "t.code, t.name, t.permissions, trim_scale(t.max_reduction_percent) as max_reduction_percent, \
        round(t.max_refund, greatest(2, min_scale(t.max_refund))) as max_refund";
    const READ: &'static str = "user.read";
    const WRITE: &'static str = "role.write";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] =
        &[Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" }];
    const CONSTRAINTS: &'static [Constraint] = &[Constraint {
        name: "role_company_id_code_key",
        pointer: "/code",
        code: "taken",
        detail: "Another role has this code.",
    }];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
        for (place, word) in self.permissions.iter().enumerate().take(1000) {
            checks.ensure(
                KNOWN.contains(&word.as_str()),
                format!("/permissions/{place}"),
                "unknown",
                "There is no such permission.",
            );
            checks.ensure(
                !self.permissions.iter().take(place).any(|earlier| earlier == word),
                format!("/permissions/{place}"),
                "duplicate",
                "This permission stands here twice.",
            );
        }
        checks.ensure(
            self.permissions.len() <= KNOWN.len(),
            "/permissions",
            "too_many",
            "There are not so many permissions.",
        );
        checks.ensure(
            self.max_reduction_percent.is_none_or(|most| !most.is_negative() && most <= Percent::HUNDRED),
            "/max_reduction_percent",
            "out_of_range",
            "It is from 0 to 100.",
        );
        checks.ensure(
            self.max_refund.is_none_or(|most| !most.is_negative()),
            "/max_refund",
            "out_of_range",
            "It may not be negative.",
        );
    }

    async fn insert(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        refuse_beyond_own(tx, cx, &self.rights(), "/permissions").await?;
        sqlx::query!(
            "insert into role (id, code, name, permissions, max_reduction_percent, max_refund) values ($1, $2, $3, $4, $5, $6)",
            id,
            self.code,
            self.name,
            &self.permissions,
            self.max_reduction_percent as Option<Percent>,
            self.max_refund as Option<Amount>,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        locks::people(tx).await?;
        refuse_beyond_own(tx, cx, &before.rights(), "").await?;
        refuse_beyond_own(tx, cx, &self.rights(), "/permissions").await?;
        sqlx::query!(
            "update role set code = $2, name = $3, permissions = $4, max_reduction_percent = $5, max_refund = $6 where id = $1",
            id,
            self.code,
            self.name,
            &self.permissions,
            self.max_reduction_percent as Option<Percent>,
            self.max_refund as Option<Amount>,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        refuse_without_admin(tx).await
    }

    async fn may_archive(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        locks::people(tx).await?;
        refuse_beyond_own(tx, cx, &self.rights(), "").await?;
        let used = sqlx::query_scalar!(
            r#"select count(*) as "used!" from app_user u
               where u.archived_at is null
                 and (u.role_id = $1 or exists (select from user_store s where s.user_id = u.id and s.role_id = $1))"#,
            id
        )
        .fetch_one(&mut **tx)
        .await?;
        if used == 0 {
            return Ok(());
        }
        Err(Problem::conflict("in-use", "It is still in use").detail(format!("{used} people still have it.")))
    }

    async fn archived(&self, tx: &mut Tx, cx: &Context, _id: Uuid, archived: bool) -> Result<(), Problem> {
        if archived { Ok(()) } else { refuse_beyond_own(tx, cx, &self.rights(), "").await }
    }
}
