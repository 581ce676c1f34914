//! The tills of a shop.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::StoreId;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// A till.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// Where it stands. It never changes.
    pub(crate) store_id: StoreId,
    /// Its code in the store, the head of its receipt series. It never changes.
    #[schema(pattern = "^R[0-9]{2,3}$")]
    pub(crate) code: String,
    /// Its name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) name: String,
}

impl Master for Register {
    const ENTITY: &'static str = "register";
    const PATH: &'static str = "/registers";
    const TABLE: &'static str = "register";
    const COLUMNS: &'static str = "t.store_id, t.code, t.name";
    const READ: &'static str = "store.read";
    const WRITE: &'static str = "store.write";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "store_id", kind: FilterKind::Id, condition: "t.store_id = $$" },
        Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" },
    ];
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "register_company_id_store_id_code_key",
            pointer: "/code",
            code: "taken",
            detail: "Another register of the store has this code.",
        },
        Constraint {
            name: "register_company_id_store_id_fkey",
            pointer: "/store_id",
            code: "unknown",
            detail: "There is no such store.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        let is_code = self.code.strip_prefix('R').is_some_and(|number| {
            (2..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        checks.ensure(is_code, "/code", "malformed", "It is R and two or three digits, such as R01.");
        checks.text("/name", &self.name, 200);
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into register (id, store_id, code, name) values ($1, $2, $3, $4)",
            id,
            Uuid::from(self.store_id),
            self.code,
            self.name,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        let mut checks = Checks::default();
        checks.ensure(
            self.store_id == before.store_id,
            "/store_id",
            "fixed",
            "A register stays in its store.",
        );
        checks.ensure(
            self.code == before.code,
            "/code",
            "fixed",
            "It is on receipts already, and cannot be changed.",
        );
        checks.done()?;
        sqlx::query!("update register set name = $2 where id = $1", id, self.name).execute(&mut **tx).await?;
        Ok(())
    }
}
