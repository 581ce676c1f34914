-- Why: a report over years read every day of every store. Whole months come from rows of their own now, kept in the
-- transaction that takes the facts, and days only at the edges of a period. Products are too many for that: a batch touches
-- as many of them as it has lines. Theirs are added up for the whole chain, a month at a time, after the month is over.

-- A store's month: what was sold by register, hour, department, tender, tax and sales rep.
create table monthly_sales (
    company_id uuid not null,
    store_id uuid not null,
    dimension text not null check (dimension in ('register', 'hour', 'department', 'tender', 'tax', 'sales_rep')),
    month date not null check (extract(day from month) = 1),
    key text not null, -- the register's code, the hour as two digits, or the id as text; '' = none
    label text not null, -- as heard of the latest business date
    labelled_on date not null, -- that date
    sales bigint not null, -- receipts that touch the row
    quantity numeric(19, 3) not null,
    net numeric(22, 6) not null,
    tax numeric(22, 6) not null,
    gross numeric(22, 6) not null,
    rounding numeric(22, 6) not null, -- of cash; zero where the row is not of whole receipts
    primary key (company_id, dimension, store_id, month, key)
);

-- A store's day, all registers and hours together.
create table daily_totals (
    company_id uuid not null,
    store_id uuid not null,
    business_date date not null,
    sales bigint not null,
    quantity numeric(19, 3) not null,
    net numeric(22, 6) not null,
    tax numeric(22, 6) not null,
    gross numeric(22, 6) not null,
    rounding numeric(22, 6) not null,
    primary key (company_id, store_id, business_date)
);

-- A month of the chain whose products are added up. It holds as long as its stores' receipts are still as many as they
-- were then: receipts are never taken back, so that the number says whether one came since.
create table chain_month (
    company_id uuid not null,
    month date not null check (extract(day from month) = 1),
    sales bigint not null,
    primary key (company_id, month)
);

create table chain_month_product (
    company_id uuid not null,
    month date not null,
    product_id uuid not null,
    label text not null,
    sales bigint not null,
    quantity numeric(19, 3) not null,
    net numeric(22, 6) not null,
    tax numeric(22, 6) not null,
    gross numeric(22, 6) not null,
    primary key (company_id, month, product_id)
);

-- Filled from what is kept already. (An older server that still takes facts meanwhile adds nothing here: `doctor --mend`
-- afterwards does.) The wall keeps a table's owner out as well; for the filling it is let in.
alter table hourly_sales no force row level security;
alter table daily_sales no force row level security;

insert into monthly_sales (company_id, store_id, dimension, month, key, label, labelled_on, sales, quantity, net, tax, gross,
    rounding)
select company_id, store_id, dimension, date_trunc('month', business_date)::date, key, max(label), max(business_date), sum(sales),
    sum(quantity), sum(net), sum(tax), sum(gross), sum(rounding)
from hourly_sales, lateral (values
    ('register', register_code, register_code),
    ('hour', lpad(local_hour::text, 2, '0'), lpad(local_hour::text, 2, '0') || ':00')) as each (dimension, key, label)
group by 1, 2, 3, 4, 5
union all
select company_id, store_id, dimension, date_trunc('month', business_date)::date, key,
    (max(array[business_date::text, label]))[2], max(business_date), sum(sales), sum(quantity), sum(net), sum(tax), sum(gross), 0
from daily_sales where dimension <> 'product'
group by 1, 2, 3, 4, 5;

insert into daily_totals (company_id, store_id, business_date, sales, quantity, net, tax, gross, rounding)
select company_id, store_id, business_date, sum(sales), sum(quantity), sum(net), sum(tax), sum(gross), sum(rounding)
from hourly_sales group by 1, 2, 3;

alter table hourly_sales force row level security;
alter table daily_sales force row level security;

call wall_in(array['monthly_sales', 'daily_totals', 'chain_month', 'chain_month_product']);
grant select, insert, update on monthly_sales, daily_totals to tradepost_app;
grant select, insert, delete on chain_month, chain_month_product to tradepost_app;
