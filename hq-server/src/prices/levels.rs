//! A named list of prices.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// A named list of prices (trade, members).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceLevel {
    /// Its short code.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
}

impl Master for PriceLevel {
    const ENTITY: &'static str = "price_level";
    const PATH: &'static str = "/price-levels";
    const TABLE: &'static str = "price_level";
    const COLUMNS: &'static str = "t.code, t.name";
    const READ: &'static str = "price.read";
    const WRITE: &'static str = "price.publish";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] =
        &[Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" }];
    const CONSTRAINTS: &'static [Constraint] = &[Constraint {
        name: "price_level_company_id_code_key",
        pointer: "/code",
        code: "taken",
        detail: "Another price level has this code.",
    }];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into price_level (id, code, name) values ($1, $2, $3)",
            id,
            self.code,
            self.name
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        sqlx::query!("update price_level set code = $2, name = $3 where id = $1", id, self.code, self.name)
            .execute(&mut **tx)
            .await
            .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn may_archive(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        let users = sqlx::query!(
            r#"select array(select code from store where price_level_id = $1 and archived_at is null order by code limit 10) as "stores!",
                      (select count(*) from customer where price_level_id = $1 and archived_at is null) as "customers!""#,
            id
        )
        .fetch_one(&mut **tx)
        .await?;
        if users.stores.is_empty() && users.customers == 0 {
            return Ok(());
        }
        Err(Problem::conflict("in-use", "It is still in use").detail(format!(
            "{} customers still have it, and these stores sell at it: {}.",
            users.customers,
            users.stores.join(", ")
        )))
    }
}
