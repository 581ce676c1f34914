-- And by month, as the migration that made these tables filled them.
insert into monthly_sales (company_id, store_id, dimension, month, key, label, labelled_on, sales, quantity, net, tax, gross,
    rounding)
select company_id, store_id, dimension, date_trunc('month', business_date)::date, key, max(label), max(business_date), sum(sales),
    sum(quantity), sum(net), sum(tax), sum(gross), sum(rounding)
from hourly_sales, lateral (values
    ('register', register_code, register_code),
    ('hour', lpad(local_hour::text, 2, '0'), lpad(local_hour::text, 2, '0') || ':00')) as each (dimension, key, label)
group by 1, 2, 3, 4, 5
union all
select company_id, store_id, dimension, date_trunc('month', business_date)::date, key, max(label), max(business_date), sum(sales),
    sum(quantity), sum(net), sum(tax), sum(gross), 0
from daily_sales where dimension <> 'product'
group by 1, 2, 3, 4, 5;

insert into daily_totals (company_id, store_id, business_date, sales, quantity, net, tax, gross, rounding)
select company_id, store_id, business_date, sum(sales), sum(quantity), sum(net), sum(tax), sum(gross), sum(rounding)
from hourly_sales group by 1, 2, 3
