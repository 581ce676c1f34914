//! What a cart needs of the database. What no cart changes is read once for each checkpoint (`shelf` keeps it); what a cart
//! asks for beyond that, in one round trip each.

use std::collections::{BTreeMap, BTreeSet};

use checkout::{Catalogue, Customer, ItemRecords, KitPart, PriceRule, Promotion, Records, TaxGroupRecords};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_model::catalogue::{BarcodeRuleRecord, DepartmentRecord, KitPartRecord, StockPolicy};
use shared_model::customers::CustomerRecord;
use shared_model::ids::{CustomerId, PromotionId, TaxAreaId, VariantId};
use shared_model::tax_areas::TaxAreaRecord;
use shared_model::taxes::TaxRecord;
use shared_model::tenders::TenderRecord;
use shared_model::{Amount, Currency};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::this_store::{self, NotReady, ThisStore};

/// What holds for every cart at one checkpoint.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The store.
    pub(crate) store: ThisStore,
    /// Taxes, tax groups and price rules; no goods and no promotions.
    pub(crate) catalogue: Catalogue,
    /// The tax area that the store lies in.
    pub(crate) tax_area: Option<TaxAreaRecord>,
    /// Every promotion, those that are not on too.
    pub(crate) promotions: Vec<Promotion>,
    /// The tenders.
    pub(crate) tenders: Vec<TenderRecord>,
    /// How labels of scales are read.
    pub(crate) barcode_rules: Vec<BarcodeRuleRecord>,
    /// Who works here: any of them may get the credit for a line.
    pub(crate) people: BTreeSet<Uuid>,
    departments: Vec<DepartmentRecord>,
}

/// A variant as it is sold.
#[derive(Debug)]
pub(crate) struct Good {
    /// With its prices.
    pub(crate) item: checkout::Item,
    /// What it is made of, where it is a kit.
    pub(crate) parts: Vec<KitPart>,
    /// Whether its stock may not go below zero.
    pub(crate) is_blocked: bool,
}

/// Goods by what a line calls them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// By id.
    pub(crate) variants: Vec<Uuid>,
    /// By SKU.
    pub(crate) skus: Vec<String>,
    /// By barcode.
    pub(crate) barcodes: Vec<String>,
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.variants.is_empty() && self.skus.is_empty() && self.barcodes.is_empty()
    }
}

/// Goods that were found, with the parts of the kits among them and the codes that they were found by.
#[derive(Debug, Default)]
pub(crate) struct Goods {
    /// The goods.
    pub(crate) goods: Vec<Good>,
    /// By `sku 85123A` and `barcode 5012345678900`: one text may be both.
    pub(crate) codes: Vec<(String, VariantId)>,
}

#[derive(Debug, Deserialize)]
struct LoadedItem {
    codes: Vec<String>,
    #[serde(flatten)]
    records: ItemRecords,
}

/// The checkpoint that is seen; none before the first.
pub(crate) async fn version(connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
    let version = sqlx::query_scalar!(
        "select c.xmin::text || ' ' || c.position || ' ' || c.applied_at from checkpoint c"
    );
    Ok(version.fetch_optional(connection).await?.flatten())
}

/// Reads what holds for every cart. The checkpoint is held.
///
/// Taxes, their groups and the tax area are taken as they were last known, taken away or not: what goods and store still name is
/// owed, and must never vanish from a sale because two people changed things at HQ at once.
pub(crate) async fn standing(connection: &mut PgConnection) -> Result<(String, Standing), NotReady> {
    let store = this_store::load(connection).await?;
    let row = sqlx::query!(
        r#"select
           (select c.xmin::text || ' ' || c.position || ' ' || c.applied_at from checkpoint c) as version,
           (select json_agg(json_build_object('id', d.id, 'parent_id', d.parent_id, 'code', d.code, 'name', d.name,
               'tax_group_id', d.tax_group_id, 'archived', d.archived)) from from_hq.department d)
               as "departments: Json<Vec<DepartmentRecord>>",
           (select json_agg(json_build_object('id', t.id, 'code', t.code, 'name', t.name, 'kind', t.kind, 'rate', trim_scale(t.rate)::text,
               'price_included', t.price_included, 'include_base_amount', t.include_base_amount,
               'is_base_affected', t.is_base_affected, 'sequence', t.sequence, 'exempt_below', trim_scale(t.exempt_below)::text,
               'part_above', trim_scale(t.part_above)::text, 'part_up_to', trim_scale(t.part_up_to)::text, 'valid_from', t.valid_from,
               'valid_until', t.valid_until)) from from_hq.tax t)
               as "taxes: Json<Vec<TaxRecord>>",
           (select json_agg(json_build_object('id', g.id, 'code', g.code, 'tax_ids', coalesce(
                   (select json_agg(x.tax_id) from from_hq.tax_group_tax x
                    where x.tax_group_id = g.id and not x.deleted), '[]')))
            from from_hq.tax_group g)
               as "groups: Json<Vec<TaxGroupRecords>>",
           (select json_build_object('id', a.id, 'code', a.code, 'name', a.name, 'country', a.country, 'tax_rounding', a.tax_rounding,
               'rounding_mode', a.rounding_mode, 'mapping', a.mapping)
            from from_hq.tax_area a where a.id = $1)
               as "tax_area: Json<TaxAreaRecord>",
           (select json_agg(json_build_object('id', p.id, 'name', p.name, 'priority', p.priority, 'exclusive', p.exclusive,
               'when', p."when", 'limit_per_sale', p.limit_per_sale, 'limit_per_customer', p.limit_per_customer, 'offer', p.offer)
               order by p.id)
            from from_hq.promotion p where not p.deleted)
               as "promotions: Json<Vec<Value>>",
           (select json_agg(json_build_object('id', r.id, 'name', r.name, 'sequence', r.sequence, 'of', r."of", 'conditions', r.conditions,
               'effect', r.effect) order by r.id) from from_hq.price_rule r where not r.deleted)
               as "price_rules: Json<Vec<Value>>",
           (select json_agg(json_build_object('id', t.id, 'code', t.code, 'name', t.name, 'kind', t.kind,
               'allows_change', t.allows_change, 'cash_rounding', trim_scale(t.cash_rounding)::text, 'position', t.position,
               'archived', t.archived or t.deleted)) from from_hq.tender t)
               as "tenders: Json<Vec<TenderRecord>>",
           (select json_agg(json_build_object('id', id, 'prefix', prefix, 'bears', bears, 'item_digits', item_digits,
               'value_digits', value_digits, 'value_decimals', value_decimals, 'value_check_digit', value_check_digit))
            from from_hq.barcode_rule where not deleted)
               as "barcode_rules: Json<Vec<BarcodeRuleRecord>>",
           (select array_agg(id) from from_hq.staff where not deleted) as people"#,
        store.tax_area_id.map(TaxAreaId::uuid)
    )
    .fetch_one(connection)
    .await?;
    let tax_area = row.tax_area.map(|Json(area)| area);
    let records = Records {
        taxes: all(row.taxes),
        tax_groups: all(row.groups),
        tax_area: tax_area.clone(),
        price_rules: understood::<PriceRule>("price rule", row.price_rules),
        ..Records::default()
    };
    let standing = Standing {
        catalogue: records.catalogue(store.currency),
        tax_area,
        promotions: understood("promotion", row.promotions),
        tenders: all(row.tenders).into_iter().map(|tender| with_coins_of(store.currency, tender)).collect(),
        barcode_rules: all(row.barcode_rules),
        people: row.people.unwrap_or_default().into_iter().collect(),
        departments: all(row.departments),
        store,
    };
    Ok((row.version.unwrap_or_default(), standing))
}

impl Standing {
    /// Reads goods, and says at which checkpoint they are: all of it in one statement, so that they are of one.
    pub(crate) async fn goods(
        &self,
        connection: &mut PgConnection,
        wanted: &Wanted,
    ) -> sqlx::Result<(String, Goods)> {
        let row = sqlx::query!(
            r#"with recursive wanted as (
                 select v.id, null::text as code from from_hq.variant v where v.id = any ($1)
                 union all select v.id, 'sku ' || v.sku from from_hq.variant v where v.sku = any ($2) and not v.deleted
                 union all select b.variant_id, 'barcode ' || b.code from from_hq.barcode b where b.code = any ($3) and not b.deleted),
             kits as (
                 select k.id, k.kit_id, k.part_id, k.quantity from from_hq.kit_part k join wanted w on w.id = k.kit_id where not k.deleted
                 union select k.id, k.kit_id, k.part_id, k.quantity from from_hq.kit_part k join kits on kits.part_id = k.kit_id
                     where not k.deleted),
             goods as (
                 select id, coalesce(array_agg(code) filter (where code is not null), '{}') as codes
                 from (select id, code from wanted union all select part_id, null from kits) as gathered group by id)
             select
               (select c.xmin::text || ' ' || c.position || ' ' || c.applied_at from checkpoint c) as version,
               (select json_agg(json_build_object('codes', g.codes, 'gone', v.deleted or p.deleted,
                   'variant', json_build_object('id', v.id, 'product_id', v.product_id, 'sku', v.sku, 'name', v.name, 'position', v.position,
                       'archived', v.archived),
                   'product', json_build_object('id', p.id, 'department_id', p.department_id, 'name', p.name, 'description', '',
                       'tax_group_id', p.tax_group_id, 'unit', p.unit, 'quantity_decimals', p.quantity_decimals,
                       'discountable', p.discountable, 'stock_policy', p.stock_policy, 'kind', coalesce(p.kind, 'goods'),
                       'weighed', coalesce(p.weighed, false), 'minimum_age', p.minimum_age,
                       'serial_required', coalesce(p.serial_required, false), 'open_price', coalesce(p.open_price, false),
                       'open_price_min', trim_scale(p.open_price_min)::text, 'open_price_max', trim_scale(p.open_price_max)::text,
                       'archived', p.archived),
                   'prices', coalesce((select json_agg(json_build_object('id', r.id, 'variant_id', r.variant_id,
                           'price_level_id', r.price_level_id, 'store_id', r.store_id, 'kind', r.kind,
                           'min_quantity', trim_scale(r.min_quantity)::text, 'valid_from', r.valid_from, 'valid_until', r.valid_until,
                           'amount', trim_scale(r.amount)::text, 'reason', r.reason))
                       from from_hq.price r
                       where r.variant_id = v.id and not r.deleted and (r.store_id is null or r.store_id = $4)), '[]'))
                   order by v.archived desc, v.id)
                from goods g join from_hq.variant v on v.id = g.id join from_hq.product p on p.id = v.product_id)
                   as "items: Json<Vec<LoadedItem>>",
               (select json_agg(json_build_object('id', k.id, 'kit_id', k.kit_id, 'part_id', k.part_id,
                   'quantity', trim_scale(k.quantity)::text) order by k.id) from kits k)
                   as "kit_parts: Json<Vec<KitPartRecord>>""#,
            &wanted.variants,
            &wanted.skus,
            &wanted.barcodes,
            self.store.place.store_id.uuid()
        )
        .fetch_one(connection)
        .await?;
        let mut codes = Vec::new();
        let mut blocked = BTreeMap::new();
        let mut items = Vec::new();
        for LoadedItem { codes: by, records } in all(row.items) {
            let variant = records.variant.id;
            codes.extend(by.into_iter().map(|code| (code, variant)));
            let policy = records.product.stock_policy.unwrap_or(self.store.stock_policy);
            blocked.insert(variant, policy == StockPolicy::Block);
            items.push(records);
        }
        let records = Records {
            items,
            departments: self.departments.clone(),
            kit_parts: all(row.kit_parts),
            ..Records::default()
        };
        let Catalogue { items, mut kits, .. } = records.catalogue(self.store.currency);
        let goods = items.into_values().map(|item| Good {
            parts: kits.remove(&item.variant_id).unwrap_or_default(),
            is_blocked: blocked.get(&item.variant_id).copied().unwrap_or_default(),
            item,
        });
        Ok((row.version.unwrap_or_default(), Goods { goods: goods.collect(), codes }))
    }
}

/// Who buys, with how often they had each promotion, and the checkpoint that they are of.
pub(crate) async fn customer(
    connection: &mut PgConnection,
    customer: CustomerId,
) -> sqlx::Result<(String, Option<Customer>)> {
    let row = sqlx::query!(
        r#"select (select c.xmin::text || ' ' || c.position || ' ' || c.applied_at from checkpoint c) as version,
           (select json_build_object('id', c.id, 'code', c.code, 'name', c.name, 'phone', c.phone, 'email', c.email,
               'price_level_id', c.price_level_id, 'customer_group', c.customer_group, 'tax_number', c.tax_number,
               'exemption_certificate', c.exemption_certificate, 'exemption_expires_on', c.exemption_expires_on,
               'exemption_taxes', c.exemption_taxes)
            from from_hq.customer c where c.id = $1 and not c.deleted)
               as "customer: Json<CustomerRecord>",
           (select json_object_agg(u.promotion_id, u.times)
            from (select p ->> 'promotion_id' as promotion_id, sum((p ->> 'times')::bigint) as times
                  from sale s cross join lateral jsonb_array_elements(s.detail -> 'promotions') as p
                  where s.customer_id = $1 group by 1) u)
               as "uses: Json<BTreeMap<PromotionId, u32>>""#,
        customer.uuid()
    )
    .fetch_one(connection)
    .await?;
    let customer = row.customer.map(|Json(record)| Customer {
        promotion_uses: row.uses.map(|Json(uses)| uses).unwrap_or_default(),
        ..record.into()
    });
    Ok((row.version.unwrap_or_default(), customer))
}

/// The tender with its coin only where the store's currency can have it. One that is coarser, or finer than the currency's smallest
/// unit, was meant for the chain's stores in another currency and says nothing of this one: here, cash is not rounded.
fn with_coins_of(currency: Currency, tender: TenderRecord) -> TenderRecord {
    let is_one = |coin: &Amount| {
        coin.is_positive()
            && *coin <= currency.coarsest_coin()
            && coin.with_decimals(currency.exponent()).is_ok()
    };
    let cash_rounding = tender.cash_rounding.filter(is_one);
    if cash_rounding != tender.cash_rounding {
        tracing::warn!(tender = tender.code, %currency, coin = ?tender.cash_rounding, "cash is not rounded: no coin of this currency");
    }
    TenderRecord { cash_rounding, ..tender }
}

fn all<T>(rows: Option<Json<Vec<T>>>) -> Vec<T> {
    rows.map(|Json(rows)| rows).unwrap_or_default()
}

/// Those that this release can read. A newer HQ may write what it cannot: that one is left out and told of, and selling goes
/// on.
fn understood<T: DeserializeOwned>(what: &str, rows: Option<Json<Vec<Value>>>) -> Vec<T> {
    let read = |row: Value| match T::deserialize(&row) {
        Ok(read) => Some(read),
        Err(error) => {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
            tracing::warn!(what, id, %error, "left out of sales: written by a newer HQ");
            None
        }
    };
    all(rows).into_iter().filter_map(read).collect()
}
