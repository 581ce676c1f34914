//! One promotion.

use chrono::Datelike;
use pricing_engine::{Offer, When};
use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::PromotionId;
use sqlx::FromRow;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::selected::{self, Named};
use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// The most that a limit allows.
const MOST_TIMES: i32 = 1_000_000;

/// A dated rule over a cart. `when` and `offer` are replaced whole in a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promotion {
    /// Its name, on receipts.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Promotions of one priority are a class; higher classes are settled first, and within a class the customer gets the
    /// best combination.
    #[serde(default)]
    pub(crate) priority: i32,
    /// Whether its goods take no other promotion.
    #[serde(default)]
    pub(crate) exclusive: bool,
    /// When, where and for whom. A promotion that names stores is sent to those only.
    #[sqlx(json)]
    pub(crate) when: When,
    /// How often it may be earned in one sale; null: as often as it is.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(crate) limit_per_sale: Option<i32>,
    /// How often one customer may earn it in all; such a promotion needs a known customer.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(crate) limit_per_customer: Option<i32>,
    /// What is offered.
    #[sqlx(json)]
    pub(crate) offer: Offer,
}

impl Promotion {
    /// As the engine knows it.
    fn as_engine_sees_it(&self) -> pricing_engine::Promotion {
        let limit = |limit: Option<i32>| limit.map(|times| u32::try_from(times).unwrap_or_default());
        pricing_engine::Promotion {
            id: PromotionId::new(Uuid::nil()),
            name: self.name.clone(),
            priority: self.priority,
            exclusive: self.exclusive,
            when: self.when.clone(),
            limit_per_sale: limit(self.limit_per_sale),
            limit_per_customer: limit(self.limit_per_customer),
            offer: self.offer.clone(),
        }
    }

    /// What it names, and where.
    fn named(&self) -> Named {
        let mut named = Named::default();
        if let Some(stores) = &self.when.stores {
            named.stores("/when/stores", stores);
        }
        match &self.offer {
            Offer::Each { of, .. } | Offer::MixAndMatch { of, .. } | Offer::Threshold { of, .. } => {
                named.selection("/offer/of", of);
            }
            Offer::BuyGet { buy, get, .. } => {
                named.selection("/offer/buy", buy);
                named.selection("/offer/get", get);
            }
            Offer::Bundle { parts, .. } => {
                for (at, part) in parts.iter().enumerate() {
                    named.selection(&format!("/offer/parts/{at}/of"), &part.of);
                }
            }
        }
        named
    }
}

impl Master for Promotion {
    const ENTITY: &'static str = "promotion";
    const PATH: &'static str = "/promotions";
    const TABLE: &'static str = "promotion";
    const COLUMNS: &'static str =
        "t.name, t.priority, t.exclusive, t.\"when\", t.limit_per_sale, t.limit_per_customer, t.offer";
    const READ: &'static str = "promotion.read";
    const WRITE: &'static str = "promotion.write";
    const SORTS: &'static [Sort] =
        &[Sort::NAME, Sort { name: "priority", by: "t.priority", of_type: "int4" }, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter {
            name: "store_id",
            kind: FilterKind::Id,
            condition: "(jsonb_typeof(t.\"when\" -> 'stores') is distinct from 'array' or t.\"when\" -> 'stores' ? $$::text)",
        },
        Filter {
            name: "on",
            kind: FilterKind::LocalTime,
            condition: "(select m.at >= (t.\"when\" ->> 'from')::timestamp and m.at < (t.\"when\" ->> 'until')::timestamp \
                from (select $$::timestamp as at) m)",
        },
    ];
    const SEARCH: &'static str = "t.name ilike '%' || $$ || '%'";
    const CONSTRAINTS: &'static [Constraint] = &[];

    fn check(&self, checks: &mut Checks) {
        checks.name("/name", &self.name, 200);
        for (pointer, limit) in
            [("/limit_per_sale", self.limit_per_sale), ("/limit_per_customer", self.limit_per_customer)]
        {
            checks.ensure(
                limit.is_none_or(|times| (1..=MOST_TIMES).contains(&times)),
                pointer,
                "out_of_range",
                format!("It is a number from 1 to {MOST_TIMES}, or null."),
            );
        }
        let times = [("/when/from", Some(self.when.from)), ("/when/until", self.when.until)];
        for (pointer, time) in times {
            checks.ensure(
                time.is_none_or(|time| (1900..=2200).contains(&time.year())),
                pointer,
                "out_of_range",
                "It is between the years 1900 and 2200.",
            );
        }
        if let Some(coupon) = &self.when.coupon {
            checks.text("/when/coupon", coupon, 64);
        }
        for group in self.when.customer_groups.iter().flatten() {
            checks.text("/when/customer_groups", group, 64);
        }
        selected::check_conditions(checks, "/when/conditions", &self.when.conditions);
        self.named().check_size(checks, "/offer");
        if let Err(invalid) = self.as_engine_sees_it().validate() {
            // The engine's words for what is said above already are left out.
            let known = ["/name", "/limit_per_sale", "/limit_per_customer"];
            for wrong in invalid.iter().filter(|wrong| !known.contains(&wrong.pointer.as_str())) {
                checks.fail(wrong.pointer.clone(), wrong.reason.code(), format!("{}.", wrong.reason));
            }
        }
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        self.named().refuse_unknown(tx).await?;
        sqlx::query!(
            r#"insert into promotion (id, name, priority, exclusive, "when", limit_per_sale, limit_per_customer, offer)
               values ($1, $2, $3, $4, $5, $6, $7, $8)"#,
            id,
            self.name,
            self.priority,
            self.exclusive,
            Json(&self.when) as _,
            self.limit_per_sale,
            self.limit_per_customer,
            Json(&self.offer) as _,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        self.named().refuse_unknown(tx).await?;
        sqlx::query!(
            r#"update promotion set name = $2, priority = $3, exclusive = $4, "when" = $5, limit_per_sale = $6,
                   limit_per_customer = $7, offer = $8
               where id = $1"#,
            id,
            self.name,
            self.priority,
            self.exclusive,
            Json(&self.when) as _,
            self.limit_per_sale,
            self.limit_per_customer,
            Json(&self.offer) as _,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}
