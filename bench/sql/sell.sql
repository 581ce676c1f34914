-- The rows of a sale of five lines by one call: as little as the database can be asked to do for it.
create function bench_sell(register_series text, session uuid, variants uuid[], payload text) returns int
language plpgsql as $$
declare
    company constant uuid := '00000000-0000-7000-8000-000000000001';
    store constant uuid := '00000000-0000-7000-8000-000000000002';
    sale constant uuid := gen_random_uuid();
    today constant date := current_date;
    receipt int;
    sequence bigint;
    line uuid;
    place int := 0;
    variant uuid;
begin
    update receipt_series
        set next_number = next_number + 1, stream_sequence = stream_sequence + 1, stream_hash = sha256(payload::bytea)
        where series = register_series
        returning next_number - 1, stream_sequence into receipt, sequence;
    insert into sale_request (sale_id, digest) values (sale, sha256(sale::text::bytea));
    insert into sale (company_id, store_id, id, register_session_id, register_id, register_code, series, number,
            receipt_number, business_date, completed_at, local_hour, cashier_id, cashier_name, customer_id, currency,
            line_count, quantity, net, tax, gross, rounding, change, feed_position)
        values (company, store, sale, session, session, register_series, register_series, receipt,
            'ST01-' || register_series || '-' || lpad(receipt::text, 6, '0'), today, now(), 14, session, 'Ana', null, 'GBP',
            5, 5, 50.00, 10.00, 60.00, 0, 0, 17);
    foreach variant in array variants loop
        place := place + 1;
        line := gen_random_uuid();
        insert into sale_line (company_id, store_id, sale_id, id, position, variant_id, product_id, department_id,
                department_name, sku, name, quantity, unit, regular_unit_price, unit_price, reduction, net, tax, gross,
                sales_rep_id, business_date, detail)
            values (company, store, sale, line, place, variant, variant, session, 'Candles and lights', 'SKU00001',
                'White hanging heart t-light holder', 1, 'each', 12.00, 12.00, 0, 10.00, 2.00, 12.00, null, today,
                '{"price": {"kind": "listed", "price_id": "00000000-0000-7000-8000-000000000003", "price_kind": "regular", "reason": ""}}');
        insert into sale_line_tax (company_id, store_id, sale_id, sale_line_id, tax_id, tax_code, tax_name, rate,
                price_included, base, amount, business_date)
            values (company, store, sale, line, session, 'vat20', 'VAT 20 %', 20, true, 10.00, 2.00, today);
        insert into stock_movement (company_id, store_id, id, variant_id, quantity, reason, document_kind, document_id,
                document_line_id, occurred_at, business_date)
            values (company, store, gen_random_uuid(), variant, -1, 'SALE', 'sale', sale, line, now(), today);
        insert into stock (company_id, store_id, variant_id, on_hand) values (company, store, variant, -1)
            on conflict (company_id, store_id, variant_id) do update set on_hand = stock.on_hand + excluded.on_hand;
    end loop;
    insert into payment (company_id, store_id, sale_id, id, register_session_id, tender_id, tender_code, tender_name,
            tender_kind, amount, change, reference, business_date)
        values (company, store, sale, gen_random_uuid(), session, session, 'card', 'Card', 'card_standalone', 60.00, 0,
            null, today);
    insert into journal (event_id, incarnation, stream, stream_sequence, kind, version, occurred_at, business_date,
            feed_position, payload, previous_hash, hash)
        values (gen_random_uuid(), store, register_series, sequence, 'sale_completed', 1, now(), today, 17, payload,
            sha256('before'), sha256(payload::bytea));
    return receipt;
end
$$;
