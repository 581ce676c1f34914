-- One payment by one of three tenders for each receipt.
insert into payment (company_id, store_id, sale_id, id, register_session_id, tender_id, tender_code, tender_name, tender_kind,
    amount, change, business_date)
select company_id, store_id, id, ('01a' || right(id::text, 33))::uuid, register_session_id,
    ('00000000-0000-7000-d000-00000000000' || number % 3)::uuid, 'T' || number % 3, 'Tender ' || number % 3, 'cash', gross + number % 3,
    number % 3, business_date
from sale
