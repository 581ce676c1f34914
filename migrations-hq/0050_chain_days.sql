-- Why: a report by day over years read each store's row of each day. With its products, a month that is over has the chain's days
-- added up too.

-- A day of the chain in a month that is added up (chain_month).
create table chain_day (
    company_id uuid not null,
    business_date date not null,
    sales bigint not null,
    quantity numeric(19, 3) not null,
    net numeric(22, 6) not null,
    tax numeric(22, 6) not null,
    gross numeric(22, 6) not null,
    rounding numeric(22, 6) not null,
    primary key (company_id, business_date)
);
call wall_in(array['chain_day']);
grant select, insert, delete on chain_day to tradepost_app;

-- Months that were added up have no days yet: they are added up anew.
truncate chain_month, chain_month_product;
