//! One standing price rule.

use pricing_engine::{Condition, RuleEffect, Selection};
use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::{Percent, UnitPrice};
use sqlx::FromRow;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::selected::{self, Named};
use crate::master::{Checks, Filter, Master, Sort};

/// A standing rule about the price of one unit, applied before promotions. `of`, `conditions` and `effect` are replaced
/// whole in a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceRule {
    /// Its name; the line says it.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Rules are applied in this order, lowest first.
    #[serde(default)]
    pub(crate) sequence: i32,
    /// What it is about.
    #[sqlx(json)]
    pub(crate) of: Selection,
    /// What must be so, all of it.
    #[serde(default)]
    #[sqlx(json)]
    pub(crate) conditions: Vec<Condition>,
    /// What it does to the price.
    #[sqlx(json)]
    pub(crate) effect: RuleEffect,
}

impl PriceRule {
    fn named(&self) -> Named {
        let mut named = Named::default();
        named.selection("/of", &self.of);
        named
    }
}

impl Master for PriceRule {
    const ENTITY: &'static str = "price_rule";
    const PATH: &'static str = "/price-rules";
    const TABLE: &'static str = "price_rule";
    const COLUMNS: &'static str = "t.name, t.sequence, t.\"of\", t.conditions, t.effect";
    const READ: &'static str = "promotion.read";
    const WRITE: &'static str = "promotion.write";
    const SORTS: &'static [Sort] =
        &[Sort { name: "sequence", by: "t.sequence", of_type: "int4" }, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[];
    const SEARCH: &'static str = "t.name ilike '%' || $$ || '%'";
    const CONSTRAINTS: &'static [Constraint] = &[];

    fn check(&self, checks: &mut Checks) {
        checks.name("/name", &self.name, 200);
        let named = self.named();
        checks.ensure(
            self.of.everything || !named.is_empty(),
            "/of",
            "empty_set",
            "Nothing is selected here.",
        );
        named.check_size(checks, "/of");
        selected::check_conditions(checks, "/conditions", &self.conditions);
        for (at, condition) in self.conditions.iter().enumerate() {
            checks.ensure(
                condition.is_complete(),
                format!("/conditions/{at}"),
                "incomplete_condition",
                "A condition names a fact, and has one value, or some for IN and NIN.",
            );
        }
        match self.effect {
            RuleEffect::Override(price) => checks.ensure(
                price >= UnitPrice::ZERO,
                "/effect/override",
                "negative_price",
                "A price is not below zero.",
            ),
            RuleEffect::Discount(percent) => checks.ensure(
                percent.is_positive() && percent <= Percent::HUNDRED,
                "/effect/discount",
                "percent_out_of_range",
                "A percentage taken off is above 0 and at most 100.",
            ),
            RuleEffect::Markup(percent) => checks.ensure(
                percent.is_positive() && percent.decimal() <= rust_decimal::Decimal::from(1_000),
                "/effect/markup",
                "percent_out_of_range",
                "A percentage put on is above 0 and at most 1000.",
            ),
        }
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        self.named().refuse_unknown(tx).await?;
        sqlx::query!(
            r#"insert into price_rule (id, name, sequence, "of", conditions, effect) values ($1, $2, $3, $4, $5, $6)"#,
            id,
            self.name,
            self.sequence,
            Json(&self.of) as _,
            Json(&self.conditions) as _,
            Json(&self.effect) as _,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        self.named().refuse_unknown(tx).await?;
        sqlx::query!(
            r#"update price_rule set name = $2, sequence = $3, "of" = $4, conditions = $5, effect = $6 where id = $1"#,
            id,
            self.name,
            self.sequence,
            Json(&self.of) as _,
            Json(&self.conditions) as _,
            Json(&self.effect) as _,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}
