-- This store's promotions, and the standing price rules, as pricing-engine reads them.

create table from_hq.promotion (
    id uuid primary key,
    name text not null,
    priority int not null,
    exclusive boolean not null,
    "when" jsonb not null,
    limit_per_sale int,
    limit_per_customer int,
    offer jsonb not null,
    deleted boolean not null default false
);

create table from_hq.price_rule (
    id uuid primary key,
    name text not null,
    sequence int not null,
    "of" jsonb not null,
    conditions jsonb not null,
    effect jsonb not null,
    deleted boolean not null default false
);

grant select on from_hq.promotion, from_hq.price_rule to tradepost_app;
