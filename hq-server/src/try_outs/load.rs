//! What a cart needs of HQ's master data, as the store would have it, in a few statements.

use std::collections::BTreeMap;

use checkout::{Customer, ItemRecords, Label, PriceRule, Promotion, Records, TaxGroupRecords};
use chrono::NaiveDateTime;
use serde::Deserialize;
use server_kit::{Problem, Tx};
use shared_model::catalogue::{BarcodeRuleRecord, DepartmentRecord, KitPartRecord};
use shared_model::customers::CustomerRecord;
use shared_model::ids::{CustomerId, PriceLevelId, PromotionId, StoreId, TaxAreaId, VariantId};
use shared_model::tax_areas::TaxAreaRecord;
use shared_model::taxes::{TaxRecord, TaxRounding};
use shared_model::{Currency, Rounding};
use sqlx::types::Json;
use uuid::Uuid;

/// The store.
pub(super) struct Shop {
    pub(super) id: StoreId,
    pub(super) code: String,
    pub(super) time_zone: String,
    pub(super) currency: Currency,
    pub(super) price_level_id: Option<PriceLevelId>,
    pub(super) tax_area_id: Option<TaxAreaId>,
    pub(super) tax_rounding: TaxRounding,
    pub(super) rounding_mode: Rounding,
}

/// What is looked for.
pub(super) struct Wanted {
    pub(super) variants: Vec<Uuid>,
    pub(super) skus: Vec<String>,
    pub(super) barcodes: Vec<String>,
    pub(super) customer: Option<CustomerId>,
    pub(super) at: NaiveDateTime,
}

/// What came of it.
pub(super) struct Loaded {
    pub(super) records: Records,
    pub(super) currency: Currency,
    /// Which variant a line's code stands for: `sku 85123A`, `barcode 5012345678900`. One text may be both.
    pub(super) by_code: BTreeMap<String, VariantId>,
    pub(super) customer: Option<Customer>,
}

#[derive(Debug, Deserialize)]
struct LoadedItem {
    codes: Vec<String>,
    #[serde(flatten)]
    records: ItemRecords,
}

/// The store of this code.
pub(super) async fn shop(tx: &mut Tx, code: &str) -> Result<Option<Shop>, Problem> {
    let shop = sqlx::query_as!(
        Shop,
        r#"select id as "id: StoreId", code, time_zone, currency as "currency: Currency",
               price_level_id as "price_level_id: PriceLevelId", tax_area_id as "tax_area_id: TaxAreaId",
               tax_rounding as "tax_rounding: TaxRounding", rounding_mode as "rounding_mode: Rounding"
           from store where code = $1 and archived_at is null"#,
        code
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(shop)
}

/// Those of the barcodes that are labels by the chain's rules.
pub(super) async fn labels(tx: &mut Tx, barcodes: &[String]) -> Result<BTreeMap<String, Label>, Problem> {
    let rules = sqlx::query_scalar!(
        r#"select json_agg(json_build_object('id', id, 'prefix', prefix, 'bears', bears, 'item_digits', item_digits,
               'value_digits', value_digits, 'value_decimals', value_decimals, 'value_check_digit', value_check_digit))
               as "rules: Json<Vec<BarcodeRuleRecord>>"
           from barcode_rule where archived_at is null"#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(checkout::labels(barcodes.iter().map(String::as_str), all(rules)))
}

/// Loads it: only what that store is sent, and of the promotions only those that are on. Taxes, groups and areas that are out
/// of use are still owed where something names them, as in the store.
pub(super) async fn load(tx: &mut Tx, shop: &Shop, wanted: &Wanted) -> Result<Loaded, Problem> {
    let row = sqlx::query!(
        r#"with recursive wanted as (
             select v.id, null::text as code from variant v where v.id = any ($1)
             union all select v.id, 'sku ' || v.sku from variant v where v.sku = any ($2)
             union all select b.variant_id, 'barcode ' || b.code from barcode b where b.code = any ($3)),
         goods as (select id, coalesce(array_agg(code) filter (where code is not null), '{}') as codes from wanted group by id),
         kits as (
             select k.id, k.kit_id, k.part_id, k.quantity from kit_part k join goods g on g.id = k.kit_id
             union select k.id, k.kit_id, k.part_id, k.quantity from kit_part k join kits on kits.part_id = k.kit_id)
         select
           (select json_agg(json_build_object('codes', g.codes, 'gone', false,
               'variant', json_build_object('id', v.id, 'product_id', v.product_id, 'sku', v.sku, 'name', v.name, 'position', v.position,
                   'archived', v.archived_at is not null),
               'product', json_build_object('id', p.id, 'department_id', p.department_id, 'name', p.name, 'description', '',
                   'tax_group_id', p.tax_group_id, 'unit', p.unit, 'quantity_decimals', p.quantity_decimals,
                   'discountable', p.discountable, 'stock_policy', p.stock_policy, 'kind', p.kind, 'weighed', p.weighed,
                   'minimum_age', p.minimum_age, 'serial_required', p.serial_required, 'open_price', p.open_price,
                   'open_price_min', trim_scale(p.open_price_min)::text, 'open_price_max', trim_scale(p.open_price_max)::text,
                   'archived', p.archived_at is not null),
               'prices', coalesce((select json_agg(json_build_object('id', r.id, 'variant_id', r.variant_id,
                       'price_level_id', r.price_level_id, 'store_id', r.store_id, 'kind', r.kind,
                       'min_quantity', trim_scale(r.min_quantity)::text, 'valid_from', r.valid_from, 'valid_until', r.valid_until,
                       'amount', trim_scale(r.amount)::text, 'reason', r.reason))
                   from price r where r.variant_id = v.id and (r.store_id is null or r.store_id = $4)), '[]')))
            from goods g join variant v on v.id = g.id join product p on p.id = v.product_id)
               as "items: Json<Vec<LoadedItem>>",
           (select json_agg(json_build_object('id', d.id, 'parent_id', d.parent_id, 'code', d.code, 'name', d.name,
               'tax_group_id', d.tax_group_id, 'archived', d.archived_at is not null)) from department d)
               as "departments: Json<Vec<DepartmentRecord>>",
           (select json_agg(json_build_object('id', t.id, 'code', t.code, 'name', t.name, 'kind', t.kind, 'rate', trim_scale(t.rate)::text,
               'price_included', t.price_included, 'include_base_amount', t.include_base_amount,
               'is_base_affected', t.is_base_affected, 'sequence', t.sequence, 'exempt_below', trim_scale(t.exempt_below)::text,
               'part_above', trim_scale(t.part_above)::text, 'part_up_to', trim_scale(t.part_up_to)::text, 'valid_from', t.valid_from,
               'valid_until', t.valid_until)) from tax t)
               as "taxes: Json<Vec<TaxRecord>>",
           (select json_agg(json_build_object('id', g.id, 'code', g.code, 'tax_ids', coalesce(
                   (select json_agg(x.tax_id) from tax_group_tax x
                    where x.tax_group_id = g.id), '[]')))
            from tax_group g)
               as "groups: Json<Vec<TaxGroupRecords>>",
           (select json_build_object('id', a.id, 'code', a.code, 'name', a.name, 'country', a.country, 'tax_rounding', a.tax_rounding,
               'rounding_mode', a.rounding_mode, 'mapping', (
                   select coalesce(json_agg(json_build_object('tax_id', m.tax_id, 'becomes', m.becomes)), '[]')
                   from (select x.tax_id, coalesce(json_agg(x.becomes_id order by x.becomes_id) filter (where x.becomes_id is not null),
                             '[]') as becomes
                         from tax_area_mapping x where x.tax_area_id = a.id group by x.tax_id) m))
            from tax_area a where a.id = $5)
               as "tax_area: Json<TaxAreaRecord>",
           (select json_agg(json_build_object('id', k.id, 'kit_id', k.kit_id, 'part_id', k.part_id,
               'quantity', trim_scale(k.quantity)::text) order by k.id) from kits k)
               as "kit_parts: Json<Vec<KitPartRecord>>",
           (select json_agg(json_build_object('id', p.id, 'name', p.name, 'priority', p.priority, 'exclusive', p.exclusive,
               'when', p."when", 'limit_per_sale', p.limit_per_sale, 'limit_per_customer', p.limit_per_customer, 'offer', p.offer)
               order by p.id)
            from promotion p
            where p.archived_at is null and (jsonb_typeof(p."when" -> 'stores') is distinct from 'array' or p."when" -> 'stores' ? $4::uuid::text)
              and (p."when" ->> 'from')::timestamp <= $6 and (p."when" ->> 'until')::timestamp > $6)
               as "promotions: Json<Vec<Promotion>>",
           (select json_agg(json_build_object('id', r.id, 'name', r.name, 'sequence', r.sequence, 'of', r."of", 'conditions', r.conditions,
               'effect', r.effect) order by r.id) from price_rule r where r.archived_at is null)
               as "price_rules: Json<Vec<PriceRule>>",
           (select json_build_object('id', c.id, 'code', c.code, 'name', c.name, 'phone', c.phone, 'email', c.email,
               'price_level_id', c.price_level_id, 'customer_group', c.customer_group, 'tax_number', c.tax_number,
               'exemption_certificate', c.exemption_certificate, 'exemption_expires_on', c.exemption_expires_on,
               'exemption_taxes', c.exemption_taxes)
            from customer c where c.id = $7 and c.archived_at is null)
               as "customer: Json<CustomerRecord>",
           (select json_object_agg(u.promotion_id, u.times)
            from (select p ->> 'promotion_id' as promotion_id, sum((p ->> 'times')::bigint) as times
                  from sale s cross join lateral jsonb_array_elements(s.detail -> 'promotions') as p
                  where s.company_id = current_company() and s.store_id = $4 and s.customer_id = $7 group by 1) u)
               as "uses: Json<BTreeMap<PromotionId, u32>>""#,
        &wanted.variants,
        &wanted.skus,
        &wanted.barcodes,
        shop.id.uuid(),
        shop.tax_area_id.map(TaxAreaId::uuid),
        wanted.at,
        wanted.customer.map(CustomerId::uuid),
    )
    .fetch_one(&mut **tx)
    .await?;
    let mut by_code = BTreeMap::new();
    let mut items = Vec::new();
    for item in all(row.items) {
        for code in item.codes {
            by_code.insert(code, item.records.variant.id);
        }
        items.push(item.records);
    }
    let customer = row.customer.map(|Json(record)| Customer {
        promotion_uses: row.uses.map(|Json(uses)| uses).unwrap_or_default(),
        ..record.into()
    });
    Ok(Loaded {
        records: Records {
            items,
            departments: all(row.departments),
            taxes: all(row.taxes),
            tax_groups: all(row.groups),
            tax_area: row.tax_area.map(|Json(area)| area),
            kit_parts: all(row.kit_parts),
            promotions: all(row.promotions),
            price_rules: all(row.price_rules),
        },
        currency: shop.currency,
        by_code,
        customer,
    })
}

fn all<T>(rows: Option<Json<Vec<T>>>) -> Vec<T> {
    rows.map(|Json(rows)| rows).unwrap_or_default()
}
