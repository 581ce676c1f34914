-- How a till treats a product, what kits are made of, and what the labels of scales bear. A record of an older HQ lacks the
-- flags: they are null then, which is as good as off.

alter table from_hq.product
    add column kind text,
    add column weighed boolean,
    add column minimum_age smallint,
    add column serial_required boolean,
    add column open_price boolean,
    add column open_price_min numeric(19, 6),
    add column open_price_max numeric(19, 6);

create table from_hq.kit_part (
    id uuid primary key,
    kit_id uuid not null,
    part_id uuid not null,
    quantity numeric(12, 3) not null,
    deleted boolean not null default false
);
create index kit_part_by_kit on from_hq.kit_part (kit_id);

create table from_hq.barcode_rule (
    id uuid primary key,
    prefix text not null,
    bears text not null,
    item_digits smallint not null,
    value_digits smallint not null,
    value_decimals smallint not null,
    value_check_digit boolean not null,
    deleted boolean not null default false
);

grant select on from_hq.kit_part, from_hq.barcode_rule to tradepost_app;
