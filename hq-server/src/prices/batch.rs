//! Many prices at once: a price change of the chain is one transaction, and so one step for every store.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use server_kit::{AppState, Context, Json, Patience, Problem, Tx, transact_within};
use shared_model::ids::{PriceId, PriceLevelId, StoreId, VariantId};
use shared_model::prices::PriceKind;
use shared_model::{Quantity, UnitPrice};
use sign_in::SignedIn;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::price::{CONSTRAINTS, Price, regular};
use crate::master::Checks;

/// The most prices in one batch.
const MOST: usize = 10_000;
/// The most that a body of so many is.
const BODY_LIMIT: usize = 8 << 20;
const PATIENCE: Patience = Patience::long(std::time::Duration::from_mins(1));

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(set_prices)).layer(axum::extract::DefaultBodyLimit::max(BODY_LIMIT))
}

/// A price change.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceBatch {
    /// The prices; each is made, or set where there is one for the same variant, level, store, kind, quantity and `valid_from`.
    #[schema(min_items = 1, max_items = 10000)]
    prices: Vec<BatchPrice>,
}

/// One price of a price change.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchPrice {
    /// Its identity where it is new; made by the server where it is missing.
    #[serde(default)]
    id: Option<PriceId>,
    /// What it is the price of. Either this or `sku`.
    #[serde(default)]
    variant_id: Option<VariantId>,
    /// What it is the price of, by its SKU.
    #[serde(default)]
    sku: Option<String>,
    /// The level that it is for; null: every level.
    #[serde(default)]
    price_level_id: Option<PriceLevelId>,
    /// The store that it is for; null: every store.
    #[serde(default)]
    store_id: Option<StoreId>,
    /// What it is for.
    #[serde(default = "regular")]
    kind: PriceKind,
    /// From which quantity on, for breaks.
    #[serde(default)]
    min_quantity: Quantity,
    /// Since when (null: always was), in the store's time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-02T06:00:00")]
    valid_from: Option<NaiveDateTime>,
    /// Until when, not included (null: until further notice), in the store's time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-09T00:00:00")]
    valid_until: Option<NaiveDateTime>,
    /// The price of one unit.
    amount: UnitPrice,
    /// Why it is so.
    #[serde(default)]
    reason: String,
}

/// What became of a price change.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct BatchAnswer {
    /// How many prices are new.
    created: i64,
    /// How many were changed.
    changed: i64,
    /// How many were so already.
    unchanged: i64,
}

/// Sets up to 10,000 prices in one step. Sent twice, it changes nothing the second time
#[utoipa::path(post, path = "/prices/batch", operation_id = "set_prices", request_body = PriceBatch,
    description = "Needs `price.publish`.",
    responses((status = 200, body = BatchAnswer)))]
async fn set_prices(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Json(batch): Json<PriceBatch>,
) -> Result<Json<BatchAnswer>, Problem> {
    actor.require("price.publish")?;
    transact_within(&state, &actor, PATIENCE, move |tx, cx| Box::pin(async move { set(tx, cx, batch).await }))
        .await
        .map(Json)
}

async fn set(tx: &mut Tx, cx: &Context, batch: PriceBatch) -> Result<BatchAnswer, Problem> {
    if batch.prices.is_empty() || batch.prices.len() > MOST {
        return Err(Problem::invalid("/prices", "out_of_range", format!("It has 1 to {MOST} prices.")));
    }
    let variants = variants_of(tx, &batch).await?;
    let mut checks = Checks::default();
    let mut columns = Columns::default();
    let mut keys = HashSet::with_capacity(batch.prices.len());
    for (place, given) in batch.prices.into_iter().enumerate() {
        let base = format!("/prices/{place}");
        let Some(variant_id) = variants.find(&given, &base, &mut checks) else { continue };
        let price = Price {
            variant_id,
            price_level_id: given.price_level_id,
            store_id: given.store_id,
            kind: given.kind,
            min_quantity: given.min_quantity.normalized(),
            valid_from: given.valid_from,
            valid_until: given.valid_until,
            amount: given.amount,
            reason: given.reason,
        };
        price.check_at(&base, &mut checks);
        let key = (
            variant_id,
            price.price_level_id,
            price.store_id,
            price.kind,
            price.min_quantity,
            price.valid_from,
        );
        checks.ensure(keys.insert(key), base, "duplicate", "Another price of this batch is for the same.");
        columns.push(given.id.map_or_else(|| cx.new_id(), Uuid::from), cx.new_id(), price);
    }
    checks.done()?;
    let given = i64::try_from(columns.ids.len()).unwrap_or(i64::MAX);
    let (created, changed) = write(tx, cx, &columns).await?;
    Ok(BatchAnswer { created, changed, unchanged: given - created - changed })
}

/// The variants that a batch names and that there are.
struct Variants {
    ids: HashSet<VariantId>,
    by_sku: HashMap<String, VariantId>,
}

impl Variants {
    fn find(&self, given: &BatchPrice, base: &str, checks: &mut Checks) -> Option<VariantId> {
        match (given.variant_id, &given.sku) {
            (Some(id), None) => {
                checks.ensure(
                    self.ids.contains(&id),
                    format!("{base}/variant_id"),
                    "unknown",
                    "There is no such variant.",
                );
                Some(id)
            }
            (None, Some(sku)) => {
                let id = self.by_sku.get(sku).copied();
                checks.ensure(id.is_some(), format!("{base}/sku"), "unknown", "No product has this SKU.");
                id
            }
            _ => {
                checks.fail(format!("{base}/variant_id"), "one_of", "Give either `variant_id` or `sku`.");
                None
            }
        }
    }
}

async fn variants_of(tx: &mut Tx, batch: &PriceBatch) -> Result<Variants, Problem> {
    let ids: Vec<Uuid> = batch.prices.iter().filter_map(|price| price.variant_id.map(Uuid::from)).collect();
    let skus: Vec<String> = batch.prices.iter().filter_map(|price| price.sku.clone()).collect();
    let rows = sqlx::query!("select id, sku from variant where id = any($1) or sku = any($2)", &ids, &skus)
        .fetch_all(&mut **tx)
        .await?;
    Ok(Variants {
        ids: rows.iter().map(|row| VariantId::new(row.id)).collect(),
        by_sku: rows.into_iter().map(|row| (row.sku, VariantId::new(row.id))).collect(),
    })
}

/// The prices of a batch, column by column.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    audit_ids: Vec<Uuid>,
    variants: Vec<Uuid>,
    levels: Vec<Option<Uuid>>,
    stores: Vec<Option<Uuid>>,
    kinds: Vec<String>,
    min_quantities: Vec<Quantity>,
    from: Vec<Option<NaiveDateTime>>,
    until: Vec<Option<NaiveDateTime>>,
    amounts: Vec<UnitPrice>,
    reasons: Vec<String>,
}

impl Columns {
    fn push(&mut self, id: Uuid, audit_id: Uuid, price: Price) {
        self.ids.push(id);
        self.audit_ids.push(audit_id);
        self.variants.push(price.variant_id.into());
        self.levels.push(price.price_level_id.map(Uuid::from));
        self.stores.push(price.store_id.map(Uuid::from));
        self.kinds.push(
            match price.kind {
                PriceKind::Regular => "regular",
                PriceKind::Sale => "sale",
                PriceKind::Break => "break",
            }
            .to_owned(),
        );
        self.min_quantities.push(price.min_quantity);
        self.from.push(price.valid_from);
        self.until.push(price.valid_until);
        self.amounts.push(price.amount);
        self.reasons.push(price.reason);
    }
}

/// Writes the prices and their audit in one statement; how many were made, and how many changed.
async fn write(tx: &mut Tx, cx: &Context, prices: &Columns) -> Result<(i64, i64), Problem> {
    let actor_name = cx.actor.person().map_or("", |person| &*person.name);
    let row = sqlx::query!(
        r#"with given as (
               select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::numeric[], $8::timestamp[],
                   $9::timestamp[], $10::numeric[], $11::text[])
                   as given (id, audit_id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from, valid_until, amount, reason)
           ), before as (
               select p.*, g.audit_id from given g join price p on p.variant_id = g.variant_id and p.kind = g.kind
                   and p.min_quantity = g.min_quantity and p.price_level_id is not distinct from g.price_level_id
                   and p.store_id is not distinct from g.store_id and p.valid_from is not distinct from g.valid_from
           ), written as (
               insert into price (id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from, valid_until, amount, reason)
               select id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from, valid_until, amount, reason
               from given order by variant_id, id
               on conflict (company_id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from) do update
               set amount = excluded.amount, valid_until = excluded.valid_until, reason = excluded.reason, version = price.version + 1
               where (price.amount, price.valid_until, price.reason)
                     is distinct from (excluded.amount, excluded.valid_until, excluded.reason)
               returning *
           ), audited as (
               insert into audit (id, at, actor_id, actor_name, action, entity, entity_id, before, after, request_id)
               select g.audit_id, $12, $13, $14, case when b.id is null then 'price.create' else 'price.change' end, 'price', w.id,
                   to_jsonb(b) - 'company_id' - 'audit_id' || jsonb_build_object('amount', b.amount::text, 'min_quantity', b.min_quantity::text),
                   to_jsonb(w) - 'company_id' || jsonb_build_object('amount', w.amount::text, 'min_quantity', w.min_quantity::text), $15
               from written w
               join given g on g.variant_id = w.variant_id and g.kind = w.kind and g.min_quantity = w.min_quantity
                   and g.price_level_id is not distinct from w.price_level_id and g.store_id is not distinct from w.store_id
                   and g.valid_from is not distinct from w.valid_from
               left join before b on b.audit_id = g.audit_id
               returning action
           )
           select count(*) filter (where action = 'price.create') as "created!",
                  count(*) filter (where action = 'price.change') as "changed!"
           from audited"#,
        &prices.ids,
        &prices.audit_ids,
        &prices.variants,
        &prices.levels as &[Option<Uuid>],
        &prices.stores as &[Option<Uuid>],
        &prices.kinds,
        &prices.min_quantities as &[Quantity],
        &prices.from as &[Option<NaiveDateTime>],
        &prices.until as &[Option<NaiveDateTime>],
        &prices.amounts as &[UnitPrice],
        &prices.reasons,
        cx.now,
        cx.actor.user_id(),
        actor_name,
        cx.request_id,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(|error| Problem::from_database(error, CONSTRAINTS))?;
    Ok((row.created, row.changed))
}
