-- Companies, master data and the facts of their stores. Every key begins with the company: PostgreSQL checks keys past
-- row-level security, so that a key without it would tell one company about another.

-- The roles are the cluster's: several databases of one cluster share them.
do $$
begin
    if not exists (select from pg_roles where rolname = 'tradepost_app') then
        create role tradepost_app nologin nobypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'lookup') then
        create role lookup nologin nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$;

grant usage on schema public to tradepost_app, lookup;

-- The company of this transaction; null when none is set, which then sees no row and writes none.
create function current_company() returns uuid language sql stable parallel safe as $$
    select nullif(current_setting('app.company_id', true), '')::uuid
$$;

-- Walls a table in: forced row-level security for the application's role, whole sight for `lookup`, whose definer
-- functions name the company themselves.
create procedure wall_in(tables text[]) language plpgsql as $$
declare name text;
begin
    foreach name in array tables loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy own_company on %I to tradepost_app using (company_id = current_company()) with check (company_id = current_company())', name);
        execute format('create policy look_up on %I for select to lookup using (true)', name);
    end loop;
end
$$;

-- What happened is never changed afterwards: the application's role may only add, and a trigger refuses everybody.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are only added, never changed', tg_table_name using errcode = 'restrict_violation';
end
$$;

create table company (
    company_id uuid primary key,
    code text not null unique check (code ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    name text not null,
    legal_name text not null default '',
    address text not null default '',
    tax_number text not null default '',
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz not null default now()
);

create table price_level (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code)
);

create table store (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null check (code ~ '^[A-Z0-9]{1,12}$'),
    name text not null,
    time_zone text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    price_level_id uuid,
    tax_rounding text not null default 'per_line' check (tax_rounding in ('per_line', 'per_document')),
    rounding_mode text not null default 'half_up' check (rounding_mode in ('half_up', 'half_even', 'down', 'up')),
    stock_policy text not null default 'allow' check (stock_policy in ('allow', 'block')),
    legal_name text not null default '',
    address text not null default '',
    tax_number text not null default '',
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code),
    foreign key (company_id, price_level_id) references price_level (company_id, id)
);

create table register (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    store_id uuid not null,
    code text not null check (code ~ '^R[0-9]{2,3}$'),
    name text not null default '',
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, store_id, code),
    foreign key (company_id, store_id) references store (company_id, id)
);

create table tax (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    kind text not null check (kind in ('percent', 'fixed', 'division')),
    rate numeric(14, 6) not null check (rate >= 0),
    price_included boolean not null,
    include_base_amount boolean not null default false,
    is_base_affected boolean not null default true,
    sequence int not null default 1,
    exempt_below numeric(19, 6),
    part_above numeric(19, 6),
    part_up_to numeric(19, 6),
    valid_from date,
    valid_until date,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code)
);

create table tax_group (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code)
);

create table tax_group_tax (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    tax_group_id uuid not null,
    tax_id uuid not null,
    primary key (company_id, id),
    unique (company_id, tax_group_id, tax_id),
    foreign key (company_id, tax_group_id) references tax_group (company_id, id),
    foreign key (company_id, tax_id) references tax (company_id, id)
);

create table department (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    parent_id uuid,
    code text not null,
    name text not null,
    tax_group_id uuid,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code),
    foreign key (company_id, parent_id) references department (company_id, id),
    foreign key (company_id, tax_group_id) references tax_group (company_id, id)
);

create table product (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    department_id uuid not null,
    name text not null,
    description text not null default '',
    tax_group_id uuid, -- null: the department's
    unit text not null default 'each',
    quantity_decimals smallint not null default 0 check (quantity_decimals between 0 and 3),
    discountable boolean not null default true,
    stock_policy text check (stock_policy in ('allow', 'block')), -- null: the store's
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    foreign key (company_id, department_id) references department (company_id, id),
    foreign key (company_id, tax_group_id) references tax_group (company_id, id)
);
create index product_by_department on product (company_id, department_id);

create table variant (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    product_id uuid not null,
    sku text not null,
    name text not null default '', -- what tells it from its siblings: colour, size
    position int not null default 0,
    archived_at timestamptz,
    primary key (company_id, id),
    unique (company_id, sku),
    foreign key (company_id, product_id) references product (company_id, id)
);
create index variant_by_product on variant (company_id, product_id);

create table barcode (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    variant_id uuid not null,
    code text not null,
    primary key (company_id, id),
    unique (company_id, code),
    foreign key (company_id, variant_id) references variant (company_id, id)
);
create index barcode_by_variant on barcode (company_id, variant_id);

create table price (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    variant_id uuid not null,
    price_level_id uuid, -- null: every level
    store_id uuid, -- null: every store
    kind text not null check (kind in ('regular', 'sale', 'break')),
    min_quantity numeric(12, 3) not null default 0 check (min_quantity >= 0),
    valid_from timestamp, -- in the store's zone; null: always was
    valid_until timestamp, -- null: until further notice
    amount numeric(19, 6) not null check (amount >= 0),
    reason text not null default '',
    version bigint not null default 1,
    primary key (company_id, id),
    unique nulls not distinct (company_id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from),
    check (valid_from < valid_until),
    foreign key (company_id, variant_id) references variant (company_id, id),
    foreign key (company_id, price_level_id) references price_level (company_id, id),
    foreign key (company_id, store_id) references store (company_id, id)
);

create table tender (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    kind text not null check (kind in ('cash', 'card_terminal', 'card_standalone', 'gift_card', 'store_credit', 'on_account', 'foreign_cash', 'other')),
    allows_change boolean not null default false,
    cash_rounding numeric(19, 6) check (cash_rounding > 0), -- the smallest coin; null: exact
    position int not null default 0,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code)
);

create table role (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    permissions text[] not null default '{}',
    max_reduction_percent numeric(7, 4) check (max_reduction_percent between 0 and 100), -- null: no limit
    max_refund numeric(19, 6) check (max_refund >= 0),
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code)
);

create table app_user (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    login text not null,
    name text not null,
    language text not null default 'en',
    role_id uuid, -- what they may at HQ; null: nothing
    pin bytea, -- argon2id(PIN), encrypted by a key outside the database
    active boolean not null default true,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, login),
    foreign key (company_id, role_id) references role (company_id, id)
);

-- Who works in which store, as what.
create table user_store (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    user_id uuid not null,
    store_id uuid not null,
    role_id uuid not null,
    primary key (company_id, id),
    unique (company_id, user_id, store_id),
    foreign key (company_id, user_id) references app_user (company_id, id),
    foreign key (company_id, store_id) references store (company_id, id),
    foreign key (company_id, role_id) references role (company_id, id)
);

create table audit (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    at timestamptz not null,
    actor_id uuid, -- null: the system
    actor_name text not null default '',
    action text not null, -- 'product.create'
    entity text not null,
    entity_id uuid,
    before jsonb,
    after jsonb,
    request_id text,
    primary key (company_id, id)
);
create index audit_by_entity on audit (company_id, entity, entity_id, at);

-- company has no company_id default: the owner's tools found companies.
call wall_in(array['company', 'price_level', 'store', 'register', 'tax', 'tax_group', 'tax_group_tax', 'department', 'product', 'variant', 'barcode',
    'price', 'tender', 'role', 'app_user', 'user_store', 'audit']);

grant select on company to tradepost_app, lookup;
grant select, insert, update, delete on price_level, store, register, tax, tax_group, tax_group_tax, department, product, variant, barcode, price,
    tender, role, app_user, user_store to tradepost_app;
grant select, insert on audit to tradepost_app;
grant select on price_level, store, register, tax, tax_group, department, product, variant, barcode, price, tender, role, app_user, user_store to lookup;
create trigger refuse_change before update or delete on audit for each statement execute function refuse_change();
