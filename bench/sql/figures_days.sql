-- What ingest would have kept by day and department, sales rep, tax and tender.
insert into daily_sales (company_id, store_id, dimension, business_date, key, label, sales, quantity, net, tax, gross)
select company_id, store_id, dimension, business_date, key, label, count(*), sum(quantity), sum(net), sum(tax), sum(gross)
from (
    select company_id, store_id, 'sales_rep' as dimension, business_date,
        case when number % 3 = 0 then '00000000-0000-7000-b000-' || lpad(to_hex(number % 16), 12, '0') else '' end as key, '' as label,
        quantity, net, tax, gross
    from sale
    union all
    select company_id, store_id, 'tax', business_date, '00000000-0000-7000-c000-00000000000' || get_byte(uuid_send(store_id), 15) % 3,
        'VAT ' || get_byte(uuid_send(store_id), 15) % 3, quantity, net, tax, gross
    from sale
    union all
    select company_id, store_id, 'tender', business_date, tender_id::text, tender_name, 0, 0, 0, amount - change
    from payment) as touched
group by 1, 2, 3, 4, 5, 6 order by 4, 2, 3, 5;

insert into daily_sales (company_id, store_id, dimension, business_date, key, label, sales, quantity, net, tax, gross)
select company_id, store_id, 'department', business_date, department_id::text, department_name, lines, lines, 10 * lines, 2 * lines,
    12 * lines
from (
    select company_id, store_id, business_date, department_id, department_name, count(*) as lines
    from sale_line group by business_date, store_id, company_id, department_id, department_name
    order by business_date, store_id, department_id) as sold
