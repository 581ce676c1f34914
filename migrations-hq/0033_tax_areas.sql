-- Places with their tax rules: what the taxes of home become there, and how tax is rounded.

create table tax_area (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    country text not null check (country ~ '^[A-Z]{2}$'), -- ISO 3166-1
    tax_rounding text not null default 'per_line' check (tax_rounding in ('per_line', 'per_document')),
    rounding_mode text not null default 'half_up' check (rounding_mode in ('half_up', 'half_even', 'down', 'up')),
    one_rounding_per_rate boolean not null default false, -- the law knows one rounding per rate and document
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code),
    check (not one_rounding_per_rate or tax_rounding = 'per_document')
);

-- "This tax there is that tax here": a row for each tax that it becomes, or one with null where it becomes none.
create table tax_area_mapping (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    tax_area_id uuid not null,
    tax_id uuid not null,
    becomes_id uuid,
    primary key (company_id, id),
    unique nulls not distinct (company_id, tax_area_id, tax_id, becomes_id),
    foreign key (company_id, tax_area_id) references tax_area (company_id, id),
    foreign key (company_id, tax_id) references tax (company_id, id),
    foreign key (company_id, becomes_id) references tax (company_id, id)
);
create index tax_area_mapping_by_tax on tax_area_mapping (company_id, tax_id);
create index tax_area_mapping_by_becomes on tax_area_mapping (company_id, becomes_id);

alter table store
    add column tax_area_id uuid, -- null: its own rounding, and taxes as they are
    add foreign key (company_id, tax_area_id) references tax_area (company_id, id);
create index store_by_tax_area on store (company_id, tax_area_id);

call wall_in(array['tax_area', 'tax_area_mapping']);
grant select, insert, update, delete on tax_area, tax_area_mapping to tradepost_app;
grant select on tax_area, tax_area_mapping to lookup;

call feed_watch('tax_area', 'tax_area', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('tax_area_mapping', 'tax_area', 'select company_id, tax_area_id as entity_id, null::uuid as store_id from changed');
