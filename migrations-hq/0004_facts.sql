-- What happened in stores. The same columns at a store and at HQ: one crate writes both (facts).
--
-- Keys begin with the company; other indexes do not. Before a table has statistics, PostgreSQL takes any index that
-- begins with the same two columns to be as good as the key, and keeps the plan of a foreign key's check: each line sold
-- then reads every line of the store (tried: 20 times slower after a thousand sales).

create table register_session (
    company_id uuid not null,
    store_id uuid not null,
    id uuid not null,
    register_id uuid not null,
    register_code text not null,
    series text not null, -- 'R01', 'R01B' after a replaced box
    business_date date not null,
    currency text not null,
    opened_at timestamptz not null,
    opened_by uuid not null,
    opened_by_name text not null,
    opening_float numeric(19, 6) not null check (opening_float >= 0),
    primary key (company_id, store_id, id)
);

create table register_session_close (
    company_id uuid not null,
    store_id uuid not null,
    register_session_id uuid not null,
    series text not null,
    z_number int not null check (z_number > 0),
    closed_at timestamptz not null,
    closed_by uuid not null,
    closed_by_name text not null,
    sales int not null,
    net numeric(19, 6) not null,
    tax numeric(19, 6) not null,
    gross numeric(19, 6) not null,
    rounding numeric(19, 6) not null,
    primary key (company_id, store_id, register_session_id),
    unique (company_id, store_id, series, z_number)
);

create table register_session_tender (
    company_id uuid not null,
    store_id uuid not null,
    register_session_id uuid not null,
    tender_id uuid not null,
    tender_code text not null,
    tender_name text not null,
    payments int not null,
    expected numeric(19, 6) not null, -- float included, for the tender that it lies in
    counted numeric(19, 6), -- null: not counted
    primary key (company_id, store_id, register_session_id, tender_id)
);

create table sale (
    company_id uuid not null,
    store_id uuid not null,
    id uuid not null,
    register_session_id uuid not null,
    register_id uuid not null,
    register_code text not null,
    series text not null,
    number int not null check (number > 0),
    receipt_number text not null, -- 'ST01-R02-000123'
    business_date date not null,
    completed_at timestamptz not null,
    local_hour smallint not null check (local_hour between 0 and 23), -- in the store's zone
    cashier_id uuid not null,
    cashier_name text not null,
    customer_id uuid,
    currency text not null,
    line_count int not null,
    quantity numeric(16, 3) not null,
    net numeric(19, 6) not null,
    tax numeric(19, 6) not null,
    gross numeric(19, 6) not null, -- net + tax: what is owed
    rounding numeric(19, 6) not null, -- of cash: paid − change = gross + rounding
    change numeric(19, 6) not null,
    feed_position bigint not null,
    detail jsonb not null default '{}', -- what later kinds of sale add
    primary key (company_id, store_id, id),
    unique (company_id, store_id, series, number)
);
create index sale_by_session on sale (register_session_id, company_id, store_id);
create index sale_by_date on sale (business_date, company_id, store_id);

create table sale_line (
    company_id uuid not null,
    store_id uuid not null,
    sale_id uuid not null,
    id uuid not null,
    position int not null,
    variant_id uuid not null,
    product_id uuid not null,
    department_id uuid not null,
    department_name text not null,
    sku text not null,
    name text not null,
    quantity numeric(12, 3) not null,
    unit text not null,
    regular_unit_price numeric(19, 6) not null,
    unit_price numeric(19, 6) not null, -- after price rules, before reductions
    reduction numeric(19, 6) not null, -- taken off this line, promotions and by hand
    net numeric(19, 6) not null,
    tax numeric(19, 6) not null,
    gross numeric(19, 6) not null,
    sales_rep_id uuid,
    business_date date not null,
    detail jsonb not null default '{}', -- why it costs what it costs: price, promotions, reductions
    primary key (company_id, store_id, sale_id, id),
    foreign key (company_id, store_id, sale_id) references sale (company_id, store_id, id)
);
create index sale_line_by_date on sale_line (business_date, company_id, store_id);

create table sale_line_tax (
    company_id uuid not null,
    store_id uuid not null,
    sale_id uuid not null,
    sale_line_id uuid not null,
    tax_id uuid not null,
    tax_code text not null,
    tax_name text not null,
    rate numeric(14, 6) not null,
    price_included boolean not null,
    base numeric(19, 6) not null,
    amount numeric(19, 6) not null,
    business_date date not null,
    primary key (company_id, store_id, sale_id, sale_line_id, tax_id),
    foreign key (company_id, store_id, sale_id, sale_line_id) references sale_line (company_id, store_id, sale_id, id)
);
create index sale_line_tax_by_date on sale_line_tax (business_date, company_id, store_id);

create table payment (
    company_id uuid not null,
    store_id uuid not null,
    sale_id uuid not null,
    id uuid not null,
    register_session_id uuid not null,
    tender_id uuid not null,
    tender_code text not null,
    tender_name text not null,
    tender_kind text not null,
    amount numeric(19, 6) not null, -- handed over
    change numeric(19, 6) not null, -- given back of it; kept = amount − change
    reference text,
    business_date date not null,
    primary key (company_id, store_id, sale_id, id),
    foreign key (company_id, store_id, sale_id) references sale (company_id, store_id, id)
);
create index payment_by_session on payment (register_session_id, company_id, store_id);
create index payment_by_date on payment (business_date, company_id, store_id);

create table stock_movement (
    company_id uuid not null,
    store_id uuid not null,
    id uuid not null,
    variant_id uuid not null,
    quantity numeric(16, 3) not null check (quantity <> 0),
    reason text not null check (reason in ('SALE', 'RETURN_FROM_CUSTOMER', 'PURCHASE', 'RETURN_TO_VENDOR', 'TRANSFER_OUT', 'TRANSFER_IN',
        'ADJUSTMENT_IN', 'ADJUSTMENT_OUT', 'COUNT', 'DAMAGED', 'LOST', 'EXPIRED', 'FOUND', 'PRODUCTION_IN', 'PRODUCTION_OUT', 'OPENING')),
    document_kind text not null, -- 'sale'
    document_id uuid not null,
    document_line_id uuid,
    occurred_at timestamptz not null,
    business_date date not null,
    primary key (company_id, store_id, id)
);
create index stock_movement_by_variant on stock_movement (variant_id, company_id, store_id, occurred_at);

-- Kept beside the movements, in the same transaction; `doctor` recomputes it.
create table stock (
    company_id uuid not null,
    store_id uuid not null,
    variant_id uuid not null,
    on_hand numeric(16, 3) not null,
    reserved numeric(16, 3) not null default 0,
    primary key (company_id, store_id, variant_id)
);

-- HQ's figures, kept in the transaction that takes the facts. Rows are locked in key order.
create table hourly_sales (
    company_id uuid not null,
    store_id uuid not null,
    business_date date not null,
    local_hour smallint not null,
    register_id uuid not null,
    register_code text not null,
    sales bigint not null,
    quantity numeric(19, 3) not null,
    net numeric(22, 6) not null,
    tax numeric(22, 6) not null,
    gross numeric(22, 6) not null,
    rounding numeric(22, 6) not null,
    primary key (company_id, store_id, business_date, local_hour, register_id)
);

create table daily_sales (
    company_id uuid not null,
    store_id uuid not null,
    business_date date not null,
    dimension text not null check (dimension in ('department', 'product', 'tender', 'tax', 'sales_rep')),
    key text not null, -- the id as text; '' = none
    label text not null, -- as last heard
    sales bigint not null, -- receipts that touch the row
    quantity numeric(19, 3) not null,
    net numeric(22, 6) not null,
    tax numeric(22, 6) not null,
    gross numeric(22, 6) not null,
    primary key (company_id, dimension, store_id, business_date, key)
);

call wall_in(array['register_session', 'register_session_close', 'register_session_tender', 'sale', 'sale_line', 'sale_line_tax', 'payment',
    'stock_movement', 'stock', 'hourly_sales', 'daily_sales']);
grant select, insert on register_session, register_session_close, register_session_tender, sale, sale_line, sale_line_tax, payment, stock_movement
    to tradepost_app;
grant select, insert, update on stock, hourly_sales, daily_sales to tradepost_app;

do $$
declare name text;
begin
    foreach name in array array['register_session', 'register_session_close', 'register_session_tender', 'sale', 'sale_line', 'sale_line_tax',
        'payment', 'stock_movement'] loop
        execute format('create trigger refuse_change before update or delete on %I for each statement execute function refuse_change()', name);
    end loop;
end
$$;
