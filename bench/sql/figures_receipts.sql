-- $1 receipts of 12 stores and 30 months, in the order of time: busier stores, busier hours, one to nine lines, all from the
-- receipt's number, so that every run has the same.
insert into sale (company_id, store_id, id, register_session_id, register_id, register_code, series, number, receipt_number,
    business_date, completed_at, local_hour, cashier_id, cashier_name, customer_id, currency, line_count, quantity, net, tax,
    gross, rounding, change, feed_position)
select '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-1' || lpad(to_hex(shop), 11, '0'))::uuid,
    ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-7000-8000-000000000003',
    ('00000000-0000-7000-8000-2' || lpad(to_hex(shop * 4 + register), 11, '0'))::uuid, 'R0' || register + 1, 'R0' || register + 1,
    n, 'ST' || lpad((shop + 1)::text, 2, '0') || '-R0' || register + 1 || '-' || lpad(n::text, 6, '0'), day, day + time '12:00', hour,
    '00000000-0000-7000-8000-000000000004', 'Ana', null, 'GBP', lines, lines, 10 * lines, 2 * lines, 12 * lines, 0, 0, 1
from generate_series(1, $1) as n,
    lateral (select hashint8extended(n, 1) as chance) as dice,
    lateral (select
        floor(12 * power((chance & 1023) / 1024.0::float8, 1.5))::int as shop,
        ((chance >> 10) & 3)::int as register,
        8 + ((((chance >> 12) & 255) + ((chance >> 20) & 255)) * 12 / 512)::int as hour,
        1 + (((chance >> 30) & 255) * 9 / 256)::int as lines,
        date '2023-07-01' + (n::bigint * 915 / ($1 + 1))::int as day) as receipt
