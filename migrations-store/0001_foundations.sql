-- A store's own database: what comes from HQ lives in `from_hq`, which the application's role may only read.

do $$
begin
    if not exists (select from pg_roles where rolname = 'tradepost_app') then
        create role tradepost_app nologin nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$;

grant usage on schema public to tradepost_app;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are only added, never changed', tg_table_name using errcode = 'restrict_violation';
end
$$;

-- HQ's records as they stand at one checkpoint. The record's id is the only key: two records may swap what is unique at
-- HQ in one transaction. Nothing is deleted, as facts may speak of it: a tombstone marks.
create schema from_hq;
grant usage on schema from_hq to tradepost_app;

create table from_hq.company (
    id uuid primary key,
    code text not null,
    name text not null,
    legal_name text not null,
    address text not null,
    tax_number text not null,
    currency text not null,
    deleted boolean not null default false
);

create table from_hq.price_level (
    id uuid primary key,
    code text not null,
    name text not null,
    deleted boolean not null default false
);

create table from_hq.store (
    id uuid primary key,
    code text not null,
    name text not null,
    time_zone text not null,
    currency text not null,
    price_level_id uuid,
    tax_rounding text not null,
    rounding_mode text not null,
    stock_policy text not null,
    legal_name text not null,
    address text not null,
    tax_number text not null,
    archived boolean not null,
    deleted boolean not null default false
);

create table from_hq.register (
    id uuid primary key,
    store_id uuid not null,
    code text not null,
    name text not null,
    archived boolean not null,
    deleted boolean not null default false
);

create table from_hq.tax (
    id uuid primary key,
    code text not null,
    name text not null,
    kind text not null,
    rate numeric(14, 6) not null,
    price_included boolean not null,
    include_base_amount boolean not null,
    is_base_affected boolean not null,
    sequence int not null,
    exempt_below numeric(19, 6),
    part_above numeric(19, 6),
    part_up_to numeric(19, 6),
    valid_from date,
    valid_until date,
    deleted boolean not null default false
);

create table from_hq.tax_group (
    id uuid primary key,
    code text not null,
    name text not null,
    deleted boolean not null default false
);

create table from_hq.tax_group_tax (
    id uuid primary key,
    tax_group_id uuid not null,
    tax_id uuid not null,
    deleted boolean not null default false
);
create index tax_group_tax_by_group on from_hq.tax_group_tax (tax_group_id);

create table from_hq.department (
    id uuid primary key,
    parent_id uuid,
    code text not null,
    name text not null,
    tax_group_id uuid,
    archived boolean not null,
    deleted boolean not null default false
);

create table from_hq.product (
    id uuid primary key,
    department_id uuid not null,
    name text not null,
    description text not null,
    tax_group_id uuid,
    unit text not null,
    quantity_decimals smallint not null,
    discountable boolean not null,
    stock_policy text,
    archived boolean not null,
    deleted boolean not null default false
);

create table from_hq.variant (
    id uuid primary key,
    product_id uuid not null,
    sku text not null,
    name text not null,
    position int not null,
    archived boolean not null,
    deleted boolean not null default false
);
create index variant_by_product on from_hq.variant (product_id);
create index variant_by_sku on from_hq.variant (sku text_pattern_ops);

create table from_hq.barcode (
    id uuid primary key,
    variant_id uuid not null,
    code text not null,
    deleted boolean not null default false
);
create index barcode_by_code on from_hq.barcode (code text_pattern_ops);
create index barcode_by_variant on from_hq.barcode (variant_id);

create table from_hq.price (
    id uuid primary key,
    variant_id uuid not null,
    price_level_id uuid,
    store_id uuid,
    kind text not null,
    min_quantity numeric(12, 3) not null,
    valid_from timestamp, -- in the store's zone
    valid_until timestamp,
    amount numeric(19, 6) not null,
    reason text not null,
    deleted boolean not null default false
);
create index price_by_variant on from_hq.price (variant_id);

create table from_hq.tender (
    id uuid primary key,
    code text not null,
    name text not null,
    kind text not null,
    allows_change boolean not null,
    cash_rounding numeric(19, 6),
    position int not null,
    archived boolean not null,
    deleted boolean not null default false
);

create table from_hq.role (
    id uuid primary key,
    code text not null,
    name text not null,
    permissions text[] not null,
    max_reduction_percent numeric(7, 4),
    max_refund numeric(19, 6),
    deleted boolean not null default false
);

-- The people of this store; `id` is the user's.
create table from_hq.staff (
    id uuid primary key,
    login text not null,
    name text not null,
    language text not null,
    role_id uuid not null,
    pin text, -- base64: argon2id(PIN), sealed by HQ under this store's pepper
    active boolean not null,
    deleted boolean not null default false
);
create index staff_by_login on from_hq.staff (login);

grant select on all tables in schema from_hq to tradepost_app;
