//! People: who signs in, and in which stores they work, as what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::{RoleId, StoreId};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::credentials;
use super::rights::{refuse_above_own, refuse_roles_beyond_own, refuse_without_admin};
use crate::locks;
use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// The most stores that one person works in.
const MOST_STORES: usize = 5_000;

/// Somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// What they sign in with: `ana`, at HQ `ana@company`.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,31}$")]
    pub(crate) login: String,
    /// Their name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// The language they read: `en`, `es`.
    #[serde(default = "english")]
    #[schema(max_length = 8)]
    pub(crate) language: String,
    /// What they may do at HQ; null: nothing.
    #[serde(default)]
    pub(crate) role_id: Option<RoleId>,
    /// False: switched off, here at once and in stores at their next checkpoint.
    #[serde(default = "yes")]
    pub(crate) active: bool,
    /// The stores that they work in.
    #[serde(default)]
    #[sqlx(json)]
    #[schema(max_items = 5000)]
    pub(crate) stores: Vec<UserStore>,
}

/// A store that somebody works in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserStore {
    /// The store.
    pub(crate) store_id: StoreId,
    /// What they may do in it.
    pub(crate) role_id: RoleId,
}

fn english() -> String {
    "en".to_owned()
}

const fn yes() -> bool {
    true
}

impl User {
    fn roles(&self) -> Vec<Uuid> {
        let roles: BTreeSet<Uuid> = self
            .role_id
            .iter()
            .chain(self.stores.iter().map(|store| &store.role_id))
            .map(|id| id.uuid())
            .collect();
        roles.into_iter().collect()
    }
}

impl Master for User {
    const ENTITY: &'static str = "user";
    const PATH: &'static str = "/users";
    const TABLE: &'static str = "app_user";
    const COLUMNS: &'static str = "t.login, t.name, t.language, t.role_id, t.active, \
        (select coalesce(jsonb_agg(jsonb_build_object('store_id', s.store_id, 'role_id', s.role_id) order by s.store_id), '[]') \
         from user_store s where s.company_id = t.company_id and s.user_id = t.id) as stores";
    const READ: &'static str = "user.read";
    const WRITE: &'static str = "user.write";
    const SORTS: &'static [Sort] =
        &[Sort { name: "login", by: "t.login", of_type: "text" }, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "login", kind: FilterKind::Text, condition: "t.login = $$" },
        Filter { name: "active", kind: FilterKind::Boolean, condition: "t.active = $$" },
        Filter { name: "role_id", kind: FilterKind::Id, condition: "t.role_id = $$" },
        Filter {
            name: "store_id",
            kind: FilterKind::Id,
            condition: "exists (select from user_store s where s.user_id = t.id and s.store_id = $$)",
        },
    ];
    const SEARCH: &'static str = "(t.login ilike '%' || $$ || '%' or t.name ilike '%' || $$ || '%')";
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "app_user_company_id_login_key",
            pointer: "/login",
            code: "taken",
            detail: "Another person has this login.",
        },
        Constraint {
            name: "app_user_company_id_role_id_fkey",
            pointer: "/role_id",
            code: "unknown",
            detail: "There is no such role.",
        },
        Constraint {
            name: "user_store_company_id_store_id_fkey",
            pointer: "/stores",
            code: "unknown",
            detail: "There is no such store.",
        },
        Constraint {
            name: "user_store_company_id_role_id_fkey",
            pointer: "/stores",
            code: "unknown",
            detail: "There is no such role.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        let mut bytes = self.login.bytes();
        let is_login = self.login.len() <= 32
            && bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
        checks.ensure(
            is_login,
            "/login",
            "malformed",
            "It is 1 to 32 small letters, digits, and . _ - inside.",
        );
        checks.name("/name", &self.name, 200);
        let is_language = {
            let (language, region) = self.language.split_once('-').unwrap_or((&self.language, "XX"));
            language.len() == 2
                && language.bytes().all(|byte| byte.is_ascii_lowercase())
                && region.len() == 2
                && region.bytes().all(|byte| byte.is_ascii_uppercase())
        };
        checks.ensure(is_language, "/language", "malformed", "It is a language such as en or es-MX.");
        checks.ensure(
            self.stores.len() <= MOST_STORES,
            "/stores",
            "too_many",
            format!("It is {MOST_STORES} stores at most."),
        );
        let mut seen = BTreeSet::new();
        for (place, store) in self.stores.iter().enumerate() {
            checks.ensure(
                seen.insert(store.store_id),
                format!("/stores/{place}/store_id"),
                "duplicate",
                "This store stands here twice.",
            );
        }
    }

    /// Stores have no order.
    fn is_same_as(&self, stored: &Self) -> bool {
        let mut mine = self.clone();
        mine.stores.sort();
        mine == *stored
    }

    async fn insert(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        refuse_archived_role(tx, &self.roles()).await?;
        refuse_roles_beyond_own(tx, cx, &self.roles(), "/role_id").await?;
        sqlx::query!(
            "insert into app_user (id, login, name, language, role_id, active) values ($1, $2, $3, $4, $5, $6)",
            id,
            self.login,
            self.name,
            self.language,
            self.role_id.map(Uuid::from),
            self.active,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        write_stores(tx, cx, id, &self.stores).await
    }

    async fn update(&self, tx: &mut Tx, cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        locks::people(tx).await?;
        refuse_above_own(tx, cx, id).await?;
        refuse_roles_beyond_own(tx, cx, &self.roles(), "/role_id").await?;
        let earlier = before.roles();
        let given: Vec<Uuid> = self.roles().into_iter().filter(|role| !earlier.contains(role)).collect();
        refuse_archived_role(tx, &given).await?;
        sqlx::query!(
            "update app_user set login = $2, name = $3, language = $4, role_id = $5, active = $6 where id = $1",
            id,
            self.login,
            self.name,
            self.language,
            self.role_id.map(Uuid::from),
            self.active,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        if self.stores != before.stores {
            write_stores(tx, cx, id, &self.stores).await?;
        }
        if before.active && !self.active {
            credentials::end_sign_ins(tx, cx, id).await?;
        }
        refuse_without_admin(tx).await
    }

    async fn may_archive(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        locks::people(tx).await?;
        refuse_above_own(tx, cx, id).await
    }

    async fn archived(&self, tx: &mut Tx, cx: &Context, id: Uuid, archived: bool) -> Result<(), Problem> {
        if archived {
            credentials::end_sign_ins(tx, cx, id).await?;
            refuse_without_admin(tx).await
        } else {
            refuse_above_own(tx, cx, id).await
        }
    }
}

async fn refuse_archived_role(tx: &mut Tx, roles: &[Uuid]) -> Result<(), Problem> {
    let archived = sqlx::query_scalar!(
        "select code from role where id = any($1) and archived_at is not null limit 1",
        roles
    )
    .fetch_optional(&mut **tx)
    .await?;
    match archived {
        None => Ok(()),
        Some(code) => {
            Err(Problem::invalid("/role_id", "archived", format!("The role {code} is no longer in use.")))
        }
    }
}

/// Makes these the stores of a person.
async fn write_stores(tx: &mut Tx, cx: &Context, user: Uuid, stores: &[UserStore]) -> Result<(), Problem> {
    let ids: Vec<Uuid> = stores.iter().map(|_| cx.new_id()).collect();
    let store_ids: Vec<Uuid> = stores.iter().map(|store| store.store_id.into()).collect();
    let role_ids: Vec<Uuid> = stores.iter().map(|store| store.role_id.into()).collect();
    sqlx::query!("delete from user_store where user_id = $1 and not store_id = any($2)", user, &store_ids)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "insert into user_store (id, user_id, store_id, role_id)
         select given.id, $1, given.store_id, given.role_id
         from unnest($2::uuid[], $3::uuid[], $4::uuid[]) as given (id, store_id, role_id)
         on conflict (company_id, user_id, store_id) do update set role_id = excluded.role_id
         where user_store.role_id <> excluded.role_id",
        user,
        &ids,
        &store_ids,
        &role_ids,
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| Problem::from_database(error, User::CONSTRAINTS))?;
    Ok(())
}
