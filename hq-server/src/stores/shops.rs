//! One shop.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::catalogue::StockPolicy;
use shared_model::ids::{PriceLevelId, TaxAreaId};
use shared_model::taxes::TaxRounding;
use shared_model::{Currency, Rounding};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Reference, Sort};

/// One shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// Its short code, the head of its receipt numbers. It never changes.
    #[schema(pattern = "^[A-Z0-9]{1,12}$")]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Its IANA time zone, such as `Europe/London`.
    #[schema(max_length = 64)]
    pub(crate) time_zone: String,
    /// The currency that it sells in. It never changes.
    pub(crate) currency: Currency,
    /// Its price level; null: the default.
    #[serde(default)]
    pub(crate) price_level_id: Option<PriceLevelId>,
    /// The tax area that it lies in, whose rounding goes before its own; null: taxes are as they are.
    #[serde(default)]
    pub(crate) tax_area_id: Option<TaxAreaId>,
    /// Where its tax is rounded.
    #[serde(default = "per_line")]
    pub(crate) tax_rounding: TaxRounding,
    /// How its tax is rounded.
    #[serde(default)]
    pub(crate) rounding_mode: Rounding,
    /// What it does when goods are not available.
    #[serde(default = "allow")]
    pub(crate) stock_policy: StockPolicy,
    /// Its name in law, on receipts; empty: the company's.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) legal_name: String,
    /// Its address, on receipts.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub(crate) address: String,
    /// Its tax number, on receipts; empty: the company's.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) tax_number: String,
}

const fn per_line() -> TaxRounding {
    TaxRounding::PerLine
}

const fn allow() -> StockPolicy {
    StockPolicy::Allow
}

impl Master for Store {
    const ENTITY: &'static str = "store";
    const PATH: &'static str = "/stores";
    const TABLE: &'static str = "store";
    const COLUMNS: &'static str = "t.code, t.name, t.time_zone, t.currency, t.price_level_id, t.tax_area_id, t.tax_rounding, \
        t.rounding_mode, t.stock_policy, t.legal_name, t.address, t.tax_number";
    const READ: &'static str = "store.read";
    const WRITE: &'static str = "store.write";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] =
        &[Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" }];
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "store_company_id_code_key",
            pointer: "/code",
            code: "taken",
            detail: "Another store has this code.",
        },
        Constraint {
            name: "store_company_id_price_level_id_fkey",
            pointer: "/price_level_id",
            code: "unknown",
            detail: "There is no such price level.",
        },
        Constraint {
            name: "store_company_id_tax_area_id_fkey",
            pointer: "/tax_area_id",
            code: "unknown",
            detail: "There is no such tax area.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        let is_code = (1..=12).contains(&self.code.len())
            && self.code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        checks.ensure(is_code, "/code", "malformed", "It is 1 to 12 capital letters and digits.");
        checks.name("/name", &self.name, 200);
        checks.ensure(
            self.time_zone.parse::<chrono_tz::Tz>().is_ok(),
            "/time_zone",
            "unknown_value",
            "It is a time zone of the IANA database, such as Europe/London.",
        );
        checks.text("/legal_name", &self.legal_name, 200);
        checks.lines("/address", &self.address, 1000);
        checks.text("/tax_number", &self.tax_number, 64);
    }

    fn references(&self) -> Vec<Reference> {
        [
            Reference::of("/price_level_id", "price_level", self.price_level_id),
            Reference::of("/tax_area_id", "tax_area", self.tax_area_id),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into store (id, code, name, time_zone, currency, price_level_id, tax_rounding, rounding_mode, stock_policy,
                 legal_name, address, tax_number, tax_area_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            id,
            self.code,
            self.name,
            self.time_zone,
            self.currency.code(),
            self.price_level_id.map(Uuid::from),
            self.tax_rounding as TaxRounding,
            self.rounding_mode as Rounding,
            self.stock_policy as StockPolicy,
            self.legal_name,
            self.address,
            self.tax_number,
            self.tax_area_id.map(Uuid::from),
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        let mut checks = Checks::default();
        checks.ensure(
            self.code == before.code,
            "/code",
            "fixed",
            "It is on receipts already, and cannot be changed.",
        );
        checks.ensure(
            self.currency == before.currency,
            "/currency",
            "fixed",
            "A store's currency cannot be changed.",
        );
        checks.done()?;
        sqlx::query!(
            "update store set name = $2, time_zone = $3, price_level_id = $4, tax_rounding = $5, rounding_mode = $6,
                 stock_policy = $7, legal_name = $8, address = $9, tax_number = $10, tax_area_id = $11
             where id = $1",
            id,
            self.name,
            self.time_zone,
            self.price_level_id.map(Uuid::from),
            self.tax_rounding as TaxRounding,
            self.rounding_mode as Rounding,
            self.stock_policy as StockPolicy,
            self.legal_name,
            self.address,
            self.tax_number,
            self.tax_area_id.map(Uuid::from),
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }
}
