//! One price: an amount for a variant, for a time.

use chrono::{Datelike, NaiveDateTime};
use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::{PriceLevelId, StoreId, VariantId};
use shared_model::prices::PriceKind;
use shared_model::{Quantity, UnitPrice};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Sort};

pub(super) const LONGEST_REASON: usize = 200;

/// An amount for a variant, for a time. Nothing has to be done on the day: a store takes it up by its own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "a price level is called so")]
pub(crate) struct Price {
    /// What it is the price of.
    pub(crate) variant_id: VariantId,
    /// The level that it is for; null: every level.
    #[serde(default)]
    pub(crate) price_level_id: Option<PriceLevelId>,
    /// The store that it is for; null: every store.
    #[serde(default)]
    pub(crate) store_id: Option<StoreId>,
    /// What it is for.
    #[serde(default = "regular")]
    pub(crate) kind: PriceKind,
    /// From which quantity on, for breaks.
    #[serde(default)]
    pub(crate) min_quantity: Quantity,
    /// Since when (null: always was), in the store's time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-02T06:00:00")]
    pub(crate) valid_from: Option<NaiveDateTime>,
    /// Until when, not included (null: until further notice), in the store's time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-09T00:00:00")]
    pub(crate) valid_until: Option<NaiveDateTime>,
    /// The price of one unit.
    pub(crate) amount: UnitPrice,
    /// Why it is so.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) reason: String,
}

pub(super) const fn regular() -> PriceKind {
    PriceKind::Regular
}

pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint {
        name: "price_company_id_variant_id_price_level_id_store_id_kind_mi_key",
        pointer: "/valid_from",
        code: "taken",
        detail: "There is a price of this kind for the same variant, level, store and quantity from the same time on. Change that one.",
    },
    Constraint {
        name: "price_company_id_variant_id_fkey",
        pointer: "/variant_id",
        code: "unknown",
        detail: "There is no such variant.",
    },
    Constraint {
        name: "price_company_id_price_level_id_fkey",
        pointer: "/price_level_id",
        code: "unknown",
        detail: "There is no such price level.",
    },
    Constraint {
        name: "price_company_id_store_id_fkey",
        pointer: "/store_id",
        code: "unknown",
        detail: "There is no such store.",
    },
];

impl Price {
    /// Looks at a price that stands at `base` of the body.
    pub(super) fn check_at(&self, base: &str, checks: &mut Checks) {
        checks.ensure(
            !self.amount.is_negative(),
            format!("{base}/amount"),
            "out_of_range",
            "It may not be negative.",
        );
        if self.kind == PriceKind::Break {
            checks.ensure(
                self.min_quantity.is_positive(),
                format!("{base}/min_quantity"),
                "out_of_range",
                "A quantity break begins at more than zero.",
            );
        } else {
            checks.ensure(
                self.min_quantity.is_zero(),
                format!("{base}/min_quantity"),
                "not_a_break",
                "Only a price of the kind `break` has a quantity.",
            );
        }
        for (name, time) in [("valid_from", self.valid_from), ("valid_until", self.valid_until)] {
            checks.ensure(
                time.is_none_or(|time| (1900..=2200).contains(&time.year())),
                format!("{base}/{name}"),
                "out_of_range",
                "It is between the years 1900 and 2200.",
            );
        }
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until) {
            checks.ensure(
                from < until,
                format!("{base}/valid_until"),
                "out_of_range",
                "It is after `valid_from`.",
            );
        }
        checks.text(format!("{base}/reason"), &self.reason, LONGEST_REASON);
    }
}

impl Master for Price {
    const ENTITY: &'static str = "price";
    const PATH: &'static str = "/prices";
    const TABLE: &'static str = "price";
    const COLUMNS: &'static str = "t.variant_id, t.price_level_id, t.store_id, t.kind, trim_scale(t.min_quantity) as min_quantity, \
        t.valid_from, t.valid_until, round(t.amount, greatest(2, min_scale(t.amount))) as amount, t.reason";
    const ARCHIVES: bool = false;
    const READ: &'static str = "price.read";
    const WRITE: &'static str = "price.publish";
    const SORTS: &'static [Sort] = &[
        Sort::ID,
        Sort {
            name: "valid_from",
            by: "coalesce(t.valid_from, '-infinity'::timestamp)",
            of_type: "timestamp",
        },
    ];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "variant_id", kind: FilterKind::Id, condition: "t.variant_id = $$" },
        Filter { name: "price_level_id", kind: FilterKind::Id, condition: "t.price_level_id = $$" },
        Filter { name: "store_id", kind: FilterKind::Id, condition: "t.store_id = $$" },
        Filter { name: "kind", kind: FilterKind::Text, condition: "t.kind = $$" },
        Filter {
            name: "sku",
            kind: FilterKind::Text,
            condition: "t.variant_id in (select v.id from variant v where v.sku = $$)",
        },
        Filter {
            name: "at",
            kind: FilterKind::LocalTime,
            condition: "tsrange(t.valid_from, t.valid_until) @> $$::timestamp",
        },
    ];
    const SEARCH: &'static str = "";
    const CONSTRAINTS: &'static [Constraint] = CONSTRAINTS;

    fn check(&self, checks: &mut Checks) {
        self.check_at("", checks);
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into price (id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from, valid_until, amount, reason)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            id,
            Uuid::from(self.variant_id),
            self.price_level_id.map(Uuid::from),
            self.store_id.map(Uuid::from),
            self.kind as PriceKind,
            self.min_quantity as Quantity,
            self.valid_from,
            self.valid_until,
            self.amount as UnitPrice,
            self.reason,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        let mut checks = Checks::default();
        let fixed = "What a price is for cannot be changed. End it, and make another one.";
        checks.ensure(self.variant_id == before.variant_id, "/variant_id", "fixed", fixed);
        checks.ensure(self.price_level_id == before.price_level_id, "/price_level_id", "fixed", fixed);
        checks.ensure(self.store_id == before.store_id, "/store_id", "fixed", fixed);
        checks.ensure(self.kind == before.kind, "/kind", "fixed", fixed);
        checks.ensure(self.min_quantity == before.min_quantity, "/min_quantity", "fixed", fixed);
        checks.done()?;
        sqlx::query!(
            "update price set valid_from = $2, valid_until = $3, amount = $4, reason = $5 where id = $1",
            id,
            self.valid_from,
            self.valid_until,
            self.amount as UnitPrice,
            self.reason,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, CONSTRAINTS))?;
        Ok(())
    }
}
