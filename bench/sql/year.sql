-- Receipts of a year, spread over days, hours and four registers; their sums are put right by their lines' constants.
insert into sale (company_id, store_id, id, register_session_id, register_id, register_code, series, number, receipt_number,
    business_date, completed_at, local_hour, cashier_id, cashier_name, customer_id, currency, line_count, quantity, net, tax,
    gross, rounding, change, feed_position)
select '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002',
    ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-7000-8000-000000000003',
    ('00000000-0000-7000-8000-00000000001' || n % 4)::uuid, 'R0' || n % 4 + 1, 'R0' || n % 4 + 1, n / 4 + 1,
    'ST01-R0' || n % 4 + 1 || '-' || lpad((n / 4 + 1)::text, 6, '0'), date '2025-01-01' + n % 365, timestamptz '2025-01-01 12:00Z',
    8 + n % 12, '00000000-0000-7000-8000-000000000004', 'Ana', null, 'GBP', 5, 5, 50, 10, 60, 0, 0, 1
from generate_series(1, $1) as n
