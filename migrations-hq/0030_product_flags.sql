-- How a till treats a product, what kits are made of, and what the labels of scales bear.

alter table product
    add column kind text not null default 'goods' check (kind in ('goods', 'deposit', 'gift_card', 'single_purpose_card', 'tip')),
    add column weighed boolean not null default false,
    add column minimum_age smallint check (minimum_age between 1 and 120), -- null: anybody
    add column serial_required boolean not null default false,
    add column open_price boolean not null default false, -- its price is keyed
    add column open_price_min numeric(19, 6) check (open_price_min >= 0),
    add column open_price_max numeric(19, 6) check (open_price_max >= 0),
    add check (open_price or (open_price_min is null and open_price_max is null)),
    add check (open_price_min <= open_price_max);

-- What a kit is made of: selling one takes its parts' stock.
create table kit_part (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    kit_id uuid not null, -- a variant
    part_id uuid not null, -- a variant, which may be a kit itself
    quantity numeric(12, 3) not null check (quantity > 0),
    primary key (company_id, id),
    unique (company_id, kit_id, part_id),
    check (kit_id <> part_id),
    foreign key (company_id, kit_id) references variant (company_id, id),
    foreign key (company_id, part_id) references variant (company_id, id)
);
create index kit_part_by_part on kit_part (company_id, part_id);

-- What codes with a prefix bear: the price or the weight of what was weighed.
create table barcode_rule (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    prefix text not null check (prefix ~ '^[0-9]{1,11}$'),
    name text not null default '',
    bears text not null check (bears in ('price', 'weight')),
    item_digits smallint not null check (item_digits between 1 and 10),
    value_digits smallint not null check (value_digits between 1 and 10),
    value_decimals smallint not null check (value_decimals between 0 and 6 and value_decimals <= value_digits),
    value_check_digit boolean not null default false,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, prefix),
    check (length(prefix) + item_digits + value_digits + value_check_digit::int = 12)
);

call wall_in(array['kit_part', 'barcode_rule']);
grant select, insert, update, delete on kit_part, barcode_rule to tradepost_app;
grant select on kit_part, barcode_rule to lookup;

call feed_watch('kit_part', 'kit_part', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('barcode_rule', 'barcode_rule', 'select company_id, id as entity_id, null::uuid as store_id from changed');
