-- The tax of the store's area on each line.
insert into sale_line_tax (company_id, store_id, sale_id, sale_line_id, tax_id, tax_code, tax_name, rate, price_included, base,
    amount, business_date)
select company_id, store_id, sale_id, id, ('00000000-0000-7000-c000-00000000000' || area)::uuid, 'vat' || area, 'VAT ' || area, 20,
    true, net, tax, business_date
from sale_line, lateral (select get_byte(uuid_send(store_id), 15) % 3 as area) as there
