-- Five lines for each receipt, over 20 departments and 2,000 products.
insert into sale_line (company_id, store_id, sale_id, id, position, variant_id, product_id, department_id, department_name, sku,
    name, quantity, unit, regular_unit_price, unit_price, reduction, net, tax, gross, sales_rep_id, business_date, detail)
select company_id, store_id, sale.id, ('00000000-0000-7000-800' || k || right(sale.id::text, 13))::uuid, k,
    ('00000000-0000-7000-9000-' || lpad(to_hex(p), 12, '0'))::uuid, ('00000000-0000-7000-9000-' || lpad(to_hex(p), 12, '0'))::uuid,
    ('00000000-0000-7000-a000-' || lpad(to_hex(p % 20), 12, '0'))::uuid, 'Department ' || p % 20, 'SKU' || p, 'Product ' || p, 1,
    'each', 12, 12, 0, 10, 2, 12, null, business_date, '{}'
from sale, generate_series(1, 5) as k, lateral (select (number * 13 + local_hour * 7 + k * 101) % 2000 as p) as product
