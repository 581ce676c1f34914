//! Ways of paying.

use serde::{Deserialize, Serialize};
use server_kit::{Capability, Constraint, Context, Problem, Tx};
use shared_model::tenders::TenderKind;
use shared_model::{Amount, Currency};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{self, Checks, Filter, FilterKind, Master, Sort};

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "tenders",
        routes: master::routes::<Tender>(),
        permissions: &["catalogue.read", "tender.write"],
        entities: &[],
        facts: &[],
    }
}

/// A way of paying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tender {
    /// Its short code: `cash`, `card`.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: TenderKind,
    /// Whether change is given on it.
    #[serde(default)]
    pub(crate) allows_change: bool,
    /// The smallest coin that what is paid with it is rounded to; null: exact.
    #[serde(default)]
    pub(crate) cash_rounding: Option<Amount>,
    /// Its place on the screen.
    #[serde(default)]
    pub(crate) position: i32,
}

impl Master for Tender {
    const ENTITY: &'static str = "tender";
    const PATH: &'static str = "/tenders";
    const TABLE: &'static str = "tender";
    const COLUMNS: &'static str = "t.code, t.name, t.kind, t.allows_change, \
        round(t.cash_rounding, greatest(2, min_scale(t.cash_rounding))) as cash_rounding, t.position";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "tender.write";
    const SORTS: &'static [Sort] =
        &[Sort { name: "position", by: "t.position", of_type: "int4" }, Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" },
        Filter { name: "kind", kind: FilterKind::Text, condition: "t.kind = $$" },
    ];
    const CONSTRAINTS: &'static [Constraint] = &[Constraint {
        name: "tender_company_id_code_key",
        pointer: "/code",
        code: "taken",
        detail: "Another tender has this code.",
    }];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
        checks.ensure(
            (0..=10_000).contains(&self.position),
            "/position",
            "out_of_range",
            "It is a number from 0 to 10000.",
        );
        if let Some(coin) = self.cash_rounding {
            checks.ensure(
                coin.is_positive(),
                "/cash_rounding",
                "out_of_range",
                "It is above zero, or left out.",
            );
            checks.ensure(
                matches!(self.kind, TenderKind::Cash),
                "/cash_rounding",
                "not_cash",
                "Only what is paid in cash is rounded.",
            );
        }
        checks.ensure(
            !self.allows_change || self.kind.may_give_change(),
            "/allows_change",
            "not_cash",
            "No change is given on a card or an account.",
        );
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        self.refuse_no_coin(tx).await?;
        sqlx::query!(
            "insert into tender (id, code, name, kind, allows_change, cash_rounding, position) values ($1, $2, $3, $4, $5, $6, $7)",
            id,
            self.code,
            self.name,
            self.kind as TenderKind,
            self.allows_change,
            self.cash_rounding as Option<Amount>,
            self.position,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        if self.kind != before.kind {
            return Err(Problem::invalid(
                "/kind",
                "fixed",
                "What a tender is cannot be changed. Make another one.",
            ));
        }
        // One that is kept as it is stays possible, whatever was known of coins when it was set.
        if self.cash_rounding != before.cash_rounding {
            self.refuse_no_coin(tx).await?;
        }
        sqlx::query!(
            "update tender set code = $2, name = $3, allows_change = $4, cash_rounding = $5, position = $6 where id = $1",
            id,
            self.code,
            self.name,
            self.allows_change,
            self.cash_rounding as Option<Amount>,
            self.position,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }
}

impl Tender {
    /// Refuses a coin that no currency of the chain has. Where one has it and another has not, a store rounds by it in the one
    /// alone.
    async fn refuse_no_coin(&self, tx: &mut Tx) -> Result<(), Problem> {
        let Some(coin) = self.cash_rounding else { return Ok(()) };
        let currencies = sqlx::query_scalar!(
            r#"select currency as "currency!: Currency" from company union select currency from store"#
        )
        .fetch_all(&mut **tx)
        .await?;
        let most = currencies.into_iter().map(Currency::coarsest_coin).max();
        match most {
            Some(most) if coin > most => {
                let detail = format!("Cash of this company is rounded to {most} at most.");
                Err(Problem::invalid("/cash_rounding", "out_of_range", &detail))
            }
            _ => Ok(()),
        }
    }
}
