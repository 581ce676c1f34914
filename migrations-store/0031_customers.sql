-- The customers whom HQ knows.

create table from_hq.customer (
    id uuid primary key,
    code text not null,
    name text not null,
    phone text not null,
    email text not null,
    price_level_id uuid,
    customer_group text,
    tax_number text not null,
    exemption_certificate text not null,
    exemption_expires_on date,
    deleted boolean not null default false
);
create index customer_by_code on from_hq.customer (code);

grant select on from_hq.customer to tradepost_app;

-- How often somebody has had a promotion is counted from their sales.
create index sale_by_customer on sale (customer_id) where customer_id is not null;
