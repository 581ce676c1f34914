-- What ingest would have kept by hour.
insert into hourly_sales (company_id, store_id, business_date, local_hour, register_id, register_code, sales, quantity, net, tax,
    gross, rounding)
select company_id, store_id, business_date, local_hour, register_id, max(register_code), count(*), sum(quantity), sum(net), sum(tax),
    sum(gross), sum(rounding)
from sale group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
