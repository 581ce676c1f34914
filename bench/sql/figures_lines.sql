-- The lines of every second receipt ($1: which half), over 3,996 products in 18 departments, of which few are most of the trade.
-- Neither a product nor a department is twice on one receipt, which has one sales rep or none: so the rollups below need no
-- distinct count, which whoever asks the facts cannot know.
insert into sale_line (company_id, store_id, sale_id, id, position, variant_id, product_id, department_id, department_name, sku,
    name, quantity, unit, regular_unit_price, unit_price, reduction, net, tax, gross, sales_rep_id, business_date, detail)
select company_id, store_id, sale.id, ('0190000' || place || right(sale.id::text, 28))::uuid, place, product_id, product_id,
    ('00000000-0000-7000-a000-' || lpad(to_hex(product % 18), 12, '0'))::uuid, 'Department ' || product % 18, 'SKU' || product,
    'Product ' || product, 1, 'each', 12, 12, 0, 10, 2, 12, sales_rep, business_date, '{}'
from sale,
    lateral (select case when number % 3 = 0 then ('00000000-0000-7000-b000-' || lpad(to_hex(number % 16), 12, '0'))::uuid end
        as sales_rep) as seller,
    generate_series(1, line_count) as place,
    lateral (select hashint8extended(number, place + 10) as chance) as dice,
    lateral (select 9 * floor(444 * power((chance & 1048575) / 1048576.0::float8, 4))::int + place - 1 as product) as chosen,
    lateral (select ('00000000-0000-7000-9000-' || lpad(to_hex(product), 12, '0'))::uuid as product_id) as named
where number % 2 = $1
