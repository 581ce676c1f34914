//! Everything that a cart needs of the database, in one round trip.

use std::collections::BTreeMap;

use checkout::{Catalogue, Item, TaxGroup};
use chrono::NaiveDate;
use serde::Deserialize;
use shared_model::catalogue::{DepartmentRecord, ProductRecord, StockPolicy, VariantRecord};
use shared_model::ids::{TaxGroupId, VariantId};
use shared_model::prices::PriceRecord;
use shared_model::taxes::TaxRecord;
use shared_model::tenders::TenderRecord;
use shared_model::{Currency, UnitPrice};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::this_store::ThisStore;

/// What is looked for.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    /// The sale that may be there already.
    pub(crate) sale_id: Uuid,
    /// Its session.
    pub(crate) register_session_id: Uuid,
    /// Goods by id.
    pub(crate) variants: Vec<Uuid>,
    /// Goods by SKU.
    pub(crate) skus: Vec<&'a str>,
    /// Goods by barcode.
    pub(crate) barcodes: Vec<&'a str>,
}

/// What came of it.
pub(crate) struct Loaded {
    /// What the sale's request said before, where it was made before.
    pub(crate) digest: Option<Vec<u8>>,
    /// The session's date.
    pub(crate) business_date: Option<NaiveDate>,
    /// The goods and their rules.
    pub(crate) catalogue: Catalogue,
    /// Those whose stock may not go below zero.
    pub(crate) blocked: Vec<VariantId>,
    /// Which variant a line's SKU or barcode stands for.
    pub(crate) by_code: BTreeMap<String, VariantId>,
    /// The tenders.
    pub(crate) tenders: Vec<TenderRecord>,
}

#[derive(Debug, Deserialize)]
struct LoadedItem {
    codes: Vec<String>,
    variant: VariantRecord,
    product: ProductRecord,
    gone: bool,
    prices: Vec<PriceRecord>,
}

#[derive(Debug, Deserialize)]
struct LoadedGroup {
    id: TaxGroupId,
    code: String,
    tax_ids: Vec<shared_model::ids::TaxId>,
}

/// Loads it. The checkpoint is held.
pub(crate) async fn load(
    connection: &mut PgConnection,
    wanted: &Wanted<'_>,
    store: &ThisStore,
) -> sqlx::Result<Loaded> {
    let row = sqlx::query!(
        r#"with wanted as (
             select v.id, null::text as code from from_hq.variant v where v.id = any ($2)
             union all select v.id, v.sku from from_hq.variant v where v.sku = any ($3) and not v.deleted
             union all select b.variant_id, b.code from from_hq.barcode b where b.code = any ($4) and not b.deleted),
         goods as (select id, coalesce(array_agg(code) filter (where code is not null), '{}') as codes from wanted group by id)
         select
           (select digest from sale_request where sale_id = $1) as digest,
           (select business_date from register_session where id = $5) as business_date,
           (select json_agg(json_build_object('codes', g.codes, 'gone', v.deleted or p.deleted,
               'variant', json_build_object('id', v.id, 'product_id', v.product_id, 'sku', v.sku, 'name', v.name, 'position', v.position,
                   'archived', v.archived),
               'product', json_build_object('id', p.id, 'department_id', p.department_id, 'name', p.name, 'description', '',
                   'tax_group_id', p.tax_group_id, 'unit', p.unit, 'quantity_decimals', p.quantity_decimals,
                   'discountable', p.discountable, 'stock_policy', p.stock_policy, 'archived', p.archived),
               'prices', coalesce((select json_agg(json_build_object('id', r.id, 'variant_id', r.variant_id,
                       'price_level_id', r.price_level_id, 'store_id', r.store_id, 'kind', r.kind,
                       'min_quantity', trim_scale(r.min_quantity)::text, 'valid_from', r.valid_from, 'valid_until', r.valid_until,
                       'amount', trim_scale(r.amount)::text, 'reason', r.reason))
                   from from_hq.price r
                   where r.variant_id = v.id and not r.deleted and (r.store_id is null or r.store_id = $6)), '[]')))
            from goods g join from_hq.variant v on v.id = g.id join from_hq.product p on p.id = v.product_id)
               as "items: Json<Vec<LoadedItem>>",
           (select json_agg(json_build_object('id', d.id, 'parent_id', d.parent_id, 'code', d.code, 'name', d.name,
               'tax_group_id', d.tax_group_id, 'archived', d.archived)) from from_hq.department d)
               as "departments: Json<Vec<DepartmentRecord>>",
           (select json_agg(json_build_object('id', t.id, 'code', t.code, 'name', t.name, 'kind', t.kind, 'rate', trim_scale(t.rate)::text,
               'price_included', t.price_included, 'include_base_amount', t.include_base_amount,
               'is_base_affected', t.is_base_affected, 'sequence', t.sequence, 'exempt_below', trim_scale(t.exempt_below)::text,
               'part_above', trim_scale(t.part_above)::text, 'part_up_to', trim_scale(t.part_up_to)::text, 'valid_from', t.valid_from,
               'valid_until', t.valid_until)) from from_hq.tax t where not t.deleted)
               as "taxes: Json<Vec<TaxRecord>>",
           (select json_agg(json_build_object('id', g.id, 'code', g.code, 'tax_ids', coalesce(
                   (select json_agg(x.tax_id) from from_hq.tax_group_tax x join from_hq.tax t on t.id = x.tax_id and not t.deleted
                    where x.tax_group_id = g.id and not x.deleted), '[]')))
            from from_hq.tax_group g where not g.deleted)
               as "groups: Json<Vec<LoadedGroup>>",
           (select json_agg(json_build_object('id', t.id, 'code', t.code, 'name', t.name, 'kind', t.kind,
               'allows_change', t.allows_change, 'cash_rounding', trim_scale(t.cash_rounding)::text, 'position', t.position,
               'archived', t.archived or t.deleted)) from from_hq.tender t)
               as "tenders: Json<Vec<TenderRecord>>""#,
        wanted.sale_id,
        &wanted.variants,
        &wanted.skus as _,
        &wanted.barcodes as _,
        wanted.register_session_id,
        store.place.store_id.uuid()
    )
    .fetch_one(connection)
    .await?;
    let departments: BTreeMap<_, _> =
        row.departments.map(|Json(rows)| rows).unwrap_or_default().into_iter().map(|d| (d.id, d)).collect();
    let mut loaded = Loaded {
        digest: row.digest,
        business_date: row.business_date,
        catalogue: Catalogue::default(),
        blocked: Vec::new(),
        by_code: BTreeMap::new(),
        tenders: row.tenders.map(|Json(rows)| rows).unwrap_or_default(),
    };
    for mut item in row.items.map(|Json(rows)| rows).unwrap_or_default() {
        for price in &mut item.prices {
            price.amount = written(price.amount, store.currency);
        }
        for code in item.codes {
            loaded.by_code.insert(code, item.variant.id);
        }
        // The product's own department and those above it; a tree as deep as this is a ring.
        let mut above = Vec::new();
        let mut next = Some(item.product.department_id);
        while let Some(department) = next.and_then(|id| departments.get(&id)) {
            if above.len() == 32 {
                break;
            }
            above.push(department.clone());
            next = department.parent_id;
        }
        if item.product.stock_policy.unwrap_or(store.stock_policy) == StockPolicy::Block {
            loaded.blocked.push(item.variant.id);
        }
        let mut goods = Item::new(&item.variant, &item.product, &above, item.prices);
        goods.archived |= item.gone;
        loaded.catalogue.items.insert(goods.variant_id, goods);
    }
    loaded.catalogue.taxes = row.taxes.map(|Json(rows)| rows).unwrap_or_default();
    for group in row.groups.map(|Json(rows)| rows).unwrap_or_default() {
        loaded.catalogue.tax_groups.insert(group.id, TaxGroup { code: group.code, tax_ids: group.tax_ids });
    }
    Ok(loaded)
}

/// The price as it is written everywhere: with the currency's decimals, or with the more that it has.
pub(crate) fn written(price: UnitPrice, currency: Currency) -> UnitPrice {
    let price = price.normalized();
    if price.decimals() < currency.exponent() {
        price.with_decimals(currency.exponent()).unwrap_or(price)
    } else {
        price
    }
}
