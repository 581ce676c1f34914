-- What ingest would have kept by day and product; every line is of one piece for 10 + 2.
insert into daily_sales (company_id, store_id, dimension, business_date, key, label, sales, quantity, net, tax, gross)
select company_id, store_id, 'product', business_date, product_id::text, name, lines, lines, 10 * lines, 2 * lines, 12 * lines
from (
    select company_id, store_id, business_date, product_id, name, count(*) as lines
    from sale_line group by business_date, store_id, company_id, product_id, name
    order by business_date, store_id, product_id) as sold
