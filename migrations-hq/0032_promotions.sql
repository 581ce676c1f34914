-- Promotions and standing price rules. What each says is pricing-engine's to read: it is kept as that reads it.

create table promotion (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    name text not null,
    priority int not null default 0,
    exclusive boolean not null default false,
    "when" jsonb not null, -- from, until, weekdays, hours, stores, customer_groups, coupon, conditions
    limit_per_sale int check (limit_per_sale > 0),
    limit_per_customer int check (limit_per_customer > 0),
    offer jsonb not null,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id)
);

create table price_rule (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    name text not null,
    sequence int not null default 0,
    "of" jsonb not null, -- which goods
    conditions jsonb not null default '[]',
    effect jsonb not null,
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id)
);

call wall_in(array['promotion', 'price_rule']);
grant select, insert, update, delete on promotion, price_rule to tradepost_app;
grant select on promotion, price_rule to lookup;

-- A promotion of some stores is those stores' alone; one that names none is everybody's.
call feed_watch('promotion', 'promotion', 'select company_id, id as entity_id, named.store::uuid as store_id
    from changed left join lateral jsonb_array_elements_text(
        case when jsonb_typeof("when" -> ''stores'') = ''array'' then "when" -> ''stores'' end) as named (store) on true');
call feed_watch('price_rule', 'price_rule', 'select company_id, id as entity_id, null::uuid as store_id from changed');
