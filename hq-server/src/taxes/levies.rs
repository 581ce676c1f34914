//! One levy: how much, of what, and since when.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::taxes::TaxKind;
use shared_model::{Amount, Percent, UnitPrice};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// One levy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tax {
    /// Its short code, on receipts.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// How it is computed.
    pub(crate) kind: TaxKind,
    /// Percent (to 4 decimals), or an amount per unit for `fixed`.
    pub(crate) rate: Amount,
    /// Whether prices have it inside.
    pub(crate) price_included: bool,
    /// Whether later taxes are computed on base plus this tax.
    #[serde(default)]
    pub(crate) include_base_amount: bool,
    /// Whether this tax listens to earlier ones that say so.
    #[serde(default = "yes")]
    pub(crate) is_base_affected: bool,
    /// Its place in the order.
    #[serde(default = "first")]
    pub(crate) sequence: i32,
    /// Units below this price bear nothing.
    #[serde(default)]
    pub(crate) exempt_below: Option<UnitPrice>,
    /// Only the part of a unit's price above this bears it.
    #[serde(default)]
    pub(crate) part_above: Option<UnitPrice>,
    /// Only the part of a unit's price up to this bears it.
    #[serde(default)]
    pub(crate) part_up_to: Option<UnitPrice>,
    /// The first day.
    #[serde(default)]
    pub(crate) valid_from: Option<NaiveDate>,
    /// The day after the last.
    #[serde(default)]
    pub(crate) valid_until: Option<NaiveDate>,
}

const fn yes() -> bool {
    true
}

const fn first() -> i32 {
    1
}

impl Master for Tax {
    const ENTITY: &'static str = "tax";
    const PATH: &'static str = "/taxes";
    const TABLE: &'static str = "tax";
    const COLUMNS: &'static str = "t.code, t.name, t.kind, trim_scale(t.rate) as rate, t.price_included, t.include_base_amount, \
        t.is_base_affected, t.sequence, trim_scale(t.exempt_below) as exempt_below, trim_scale(t.part_above) as part_above, \
        trim_scale(t.part_up_to) as part_up_to, t.valid_from, t.valid_until";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "tax.write";
    const SORTS: &'static [Sort] =
        &[Sort::CODE, Sort::NAME, Sort { name: "sequence", by: "t.sequence", of_type: "int4" }, Sort::ID];
    const FILTERS: &'static [Filter] =
        &[Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" }];
    const CONSTRAINTS: &'static [Constraint] = &[Constraint {
        name: "tax_company_id_code_key",
        pointer: "/code",
        code: "taken",
        detail: "Another tax has this code.",
    }];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
        checks.ensure(!self.rate.is_negative(), "/rate", "out_of_range", "It may not be negative.");
        match self.kind {
            TaxKind::Fixed => {
                let within = self.rate.decimal() < rust_decimal::Decimal::from(100_000_000);
                checks.ensure(within, "/rate", "out_of_range", "It is below 100000000.");
            }
            TaxKind::Percent | TaxKind::Division => {
                let percent = Percent::new(self.rate.decimal());
                checks.ensure(
                    percent.is_ok(),
                    "/rate",
                    "out_of_range",
                    "A percentage has 4 decimals at most.",
                );
                let most = if self.kind == TaxKind::Division { 100 } else { 1000 };
                checks.ensure(
                    percent.is_ok_and(|percent| percent.decimal() < rust_decimal::Decimal::from(most)),
                    "/rate",
                    "out_of_range",
                    format!("It is below {most}."),
                );
            }
        }
        checks.ensure(
            (0..=10_000).contains(&self.sequence),
            "/sequence",
            "out_of_range",
            "It is a number from 0 to 10000.",
        );
        for (pointer, limit) in [
            ("/exempt_below", self.exempt_below),
            ("/part_above", self.part_above),
            ("/part_up_to", self.part_up_to),
        ] {
            checks.ensure(
                limit.is_none_or(UnitPrice::is_positive),
                pointer,
                "out_of_range",
                "It is above zero, or left out.",
            );
        }
        for (pointer, part) in [("/part_above", self.part_above), ("/part_up_to", self.part_up_to)] {
            checks.ensure(
                self.kind != TaxKind::Fixed || part.is_none(),
                pointer,
                "part_of_fixed",
                "A fixed tax is no part of a price.",
            );
        }
        if let (Some(above), Some(up_to)) = (self.part_above, self.part_up_to) {
            checks.ensure(above < up_to, "/part_up_to", "out_of_range", "It is above `part_above`.");
        }
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until) {
            checks.ensure(from < until, "/valid_until", "out_of_range", "It is after `valid_from`.");
        }
        for (pointer, day) in [("/valid_from", self.valid_from), ("/valid_until", self.valid_until)] {
            checks.day(pointer, day);
        }
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into tax (id, code, name, kind, rate, price_included, include_base_amount, is_base_affected, sequence,
                 exempt_below, part_above, part_up_to, valid_from, valid_until)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            id,
            self.code,
            self.name,
            self.kind as TaxKind,
            self.rate as Amount,
            self.price_included,
            self.include_base_amount,
            self.is_base_affected,
            self.sequence,
            self.exempt_below as Option<UnitPrice>,
            self.part_above as Option<UnitPrice>,
            self.part_up_to as Option<UnitPrice>,
            self.valid_from,
            self.valid_until,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        sqlx::query!(
            "update tax set code = $2, name = $3, kind = $4, rate = $5, price_included = $6, include_base_amount = $7,
                 is_base_affected = $8, sequence = $9, exempt_below = $10, part_above = $11, part_up_to = $12, valid_from = $13,
                 valid_until = $14
             where id = $1",
            id,
            self.code,
            self.name,
            self.kind as TaxKind,
            self.rate as Amount,
            self.price_included,
            self.include_base_amount,
            self.is_base_affected,
            self.sequence,
            self.exempt_below as Option<UnitPrice>,
            self.part_above as Option<UnitPrice>,
            self.part_up_to as Option<UnitPrice>,
            self.valid_from,
            self.valid_until,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn may_archive(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        let groups = sqlx::query_scalar!(
            r#"select g.code from tax_group_tax m join tax_group g on g.company_id = m.company_id and g.id = m.tax_group_id
               where m.tax_id = $1 and g.archived_at is null order by g.code limit 10"#,
            id
        )
        .fetch_all(&mut **tx)
        .await?;
        let areas = sqlx::query_scalar!(
            "select a.code from tax_area a
             where a.archived_at is null and exists (select from tax_area_mapping m
                 where m.company_id = a.company_id and m.tax_area_id = a.id and m.becomes_id = $1)
             order by a.code limit 10",
            id
        )
        .fetch_all(&mut **tx)
        .await?;
        if groups.is_empty() && areas.is_empty() {
            return Ok(());
        }
        Err(Problem::conflict("in-use", "It is still in use").detail(format!(
            "These tax groups and areas still have it: {}.",
            [groups, areas].concat().join(", ")
        )))
    }
}
