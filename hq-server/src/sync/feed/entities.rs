//! What a store is sent of each kind of record: one statement each, which yields the records that hold for a store.

/// One kind of record that goes down.
pub(crate) struct Entity {
    /// Its name: HQ's table and the store's.
    pub(crate) name: &'static str,
    /// From ids (`$1`) and a store (`$2`) to `(id, record)`, in the transaction's company. What it does not yield is gone
    /// for that store.
    pub(crate) sql: &'static str,
}

/// Every kind of record that goes down. Amounts are texts, as everywhere in JSON. Of what there are many, rows are turned
/// into JSON as a whole, which is a quarter faster than naming each member.
pub(crate) const ENTITIES: &[Entity] = &[
    Entity {
        name: "company",
        sql: "select company_id as id, json_build_object('id', company_id, 'code', code, 'name', name, 'legal_name', legal_name,
                'address', address, 'tax_number', tax_number, 'currency', currency)::text as record
              from company where company_id = any($1) and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "price_level",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name)::text as record
              from price_level where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "store",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name, 'time_zone', time_zone, 'currency', currency,
                'price_level_id', price_level_id, 'tax_area_id', tax_area_id, 'tax_rounding', tax_rounding, 'rounding_mode', rounding_mode, 'stock_policy', stock_policy,
                'legal_name', legal_name, 'address', address, 'tax_number', tax_number, 'archived', archived_at is not null)::text as record
              from store where id = any($1) and id = $2 and company_id = current_company()",
    },
    Entity {
        name: "register",
        sql: "select id, json_build_object('id', id, 'store_id', store_id, 'code', code, 'name', name,
                'archived', archived_at is not null)::text as record
              from register where id = any($1) and store_id = $2 and company_id = current_company()",
    },
    Entity {
        name: "tax",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name, 'kind', kind, 'rate', trim_scale(rate)::text,
                'price_included', price_included, 'include_base_amount', include_base_amount, 'is_base_affected', is_base_affected,
                'sequence', sequence, 'exempt_below', trim_scale(exempt_below)::text, 'part_above', trim_scale(part_above)::text,
                'part_up_to', trim_scale(part_up_to)::text, 'valid_from', valid_from, 'valid_until', valid_until)::text as record
              from tax where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "tax_group",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name)::text as record
              from tax_group where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "tax_group_tax",
        sql: "select id, json_build_object('id', id, 'tax_group_id', tax_group_id, 'tax_id', tax_id)::text as record
              from tax_group_tax where id = any($1) and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "department",
        sql: "select id, json_build_object('id', id, 'parent_id', parent_id, 'code', code, 'name', name, 'tax_group_id', tax_group_id,
                'archived', archived_at is not null)::text as record
              from department where id = any($1) and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "product",
        sql: "select r.id, row_to_json(r)::text as record from (
                select id, department_id, name, description, tax_group_id, unit, quantity_decimals, discountable, stock_policy, kind,
                    weighed, minimum_age, serial_required, open_price, trim_scale(open_price_min)::text as open_price_min,
                    trim_scale(open_price_max)::text as open_price_max, archived_at is not null as archived
                from product where id = any($1) and company_id = current_company() and $2::uuid is not null
              ) as r",
    },
    Entity {
        name: "variant",
        sql: "select r.id, row_to_json(r)::text as record from (
                select id, product_id, sku, name, position, archived_at is not null as archived
                from variant where id = any($1) and company_id = current_company() and $2::uuid is not null
              ) as r",
    },
    Entity {
        name: "barcode",
        sql: "select r.id, row_to_json(r)::text as record from (
                select id, variant_id, code from barcode where id = any($1) and company_id = current_company() and $2::uuid is not null
              ) as r",
    },
    Entity {
        name: "kit_part",
        sql: "select id, json_build_object('id', id, 'kit_id', kit_id, 'part_id', part_id,
                'quantity', trim_scale(quantity)::text)::text as record
              from kit_part where id = any($1) and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "barcode_rule",
        sql: "select id, json_build_object('id', id, 'prefix', prefix, 'bears', bears, 'item_digits', item_digits,
                'value_digits', value_digits, 'value_decimals', value_decimals, 'value_check_digit', value_check_digit)::text as record
              from barcode_rule where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "customer",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name, 'phone', phone, 'email', email,
                'price_level_id', price_level_id, 'customer_group', customer_group, 'tax_number', tax_number,
                'exemption_certificate', exemption_certificate, 'exemption_expires_on', exemption_expires_on,
                'exemption_taxes', exemption_taxes)::text as record
              from customer where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null",
    },
    // A promotion that names stores is theirs alone.
    Entity {
        name: "promotion",
        sql: r#"select id, json_build_object('id', id, 'name', name, 'priority', priority, 'exclusive', exclusive, 'when', "when",
                'limit_per_sale', limit_per_sale, 'limit_per_customer', limit_per_customer, 'offer', offer)::text as record
              from promotion where id = any($1) and archived_at is null and company_id = current_company()
                and (jsonb_typeof("when" -> 'stores') is distinct from 'array' or "when" -> 'stores' ? $2::uuid::text)"#,
    },
    Entity {
        name: "price_rule",
        sql: r#"select id, json_build_object('id', id, 'name', name, 'sequence', sequence, 'of', "of", 'conditions', conditions,
                'effect', effect)::text as record
              from price_rule where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null"#,
    },
    Entity {
        name: "tax_area",
        sql: "select a.id, json_build_object('id', a.id, 'code', a.code, 'name', a.name, 'country', a.country,
                'tax_rounding', a.tax_rounding, 'rounding_mode', a.rounding_mode, 'mapping', (
                    select coalesce(json_agg(json_build_object('tax_id', m.tax_id, 'becomes', m.becomes) order by m.tax_id), '[]')
                    from (select x.tax_id, coalesce(json_agg(x.becomes_id order by x.becomes_id) filter (where x.becomes_id is not null),
                              '[]') as becomes
                          from tax_area_mapping x where x.company_id = a.company_id and x.tax_area_id = a.id group by x.tax_id) m))::text
                as record
              from tax_area a where a.id = any($1) and a.archived_at is null and a.company_id = current_company()
                and $2::uuid is not null",
    },
    Entity {
        name: "price",
        sql: "select r.id, row_to_json(r)::text as record from (
                select id, variant_id, price_level_id, store_id, kind, trim_scale(min_quantity)::text as min_quantity,
                    valid_from, valid_until, trim_scale(amount)::text as amount, reason
                from price where id = any($1) and (store_id is null or store_id = $2) and company_id = current_company()
              ) as r",
    },
    Entity {
        name: "tender",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name, 'kind', kind, 'allows_change', allows_change,
                'cash_rounding', trim_scale(cash_rounding)::text, 'position', position, 'archived', archived_at is not null)::text as record
              from tender where id = any($1) and company_id = current_company() and $2::uuid is not null",
    },
    Entity {
        name: "role",
        sql: "select id, json_build_object('id', id, 'code', code, 'name', name, 'permissions', permissions,
                'max_reduction_percent', trim_scale(max_reduction_percent)::text, 'max_refund', trim_scale(max_refund)::text)::text as record
              from role where id = any($1) and archived_at is null and company_id = current_company() and $2::uuid is not null",
    },
    // The PIN in it is HQ's (hex of what HQ sealed): `page` seals it for the store.
    Entity {
        name: STAFF,
        sql: "select u.id, json_build_object('id', u.id, 'login', u.login, 'name', u.name, 'language', u.language,
                'role_id', place.role_id, 'pin', encode(u.pin, 'hex'), 'active', u.active)::text as record
              from user_store as place join app_user as u on u.company_id = place.company_id and u.id = place.user_id
              where u.id = any($1) and place.store_id = $2 and u.archived_at is null and place.company_id = current_company()",
    },
];

/// The people who work in a store.
pub(crate) const STAFF: &str = "staff";
