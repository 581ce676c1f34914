-- Who buys, where they are known: at which level, in which group, and whether they bear tax.

create table customer (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    code text not null,
    name text not null,
    phone text not null default '',
    email text not null default '',
    price_level_id uuid, -- null: the store's
    customer_group text, -- what promotions know them by; null: none
    tax_number text not null default '',
    exemption_certificate text not null default '', -- why they bear no tax; empty: they bear it
    exemption_expires_on date, -- the last day that it holds
    archived_at timestamptz,
    version bigint not null default 1,
    primary key (company_id, id),
    unique (company_id, code),
    check ((exemption_certificate = '') = (exemption_expires_on is null)),
    foreign key (company_id, price_level_id) references price_level (company_id, id)
);
create index customer_by_name on customer (company_id, name, id);
create index customer_by_group on customer (company_id, customer_group);
create index customer_by_price_level on customer (company_id, price_level_id);
create index customer_search on customer using gin ((code || ' ' || name || ' ' || phone || ' ' || email) gin_trgm_ops);

call wall_in(array['customer']);
grant select, insert, update, delete on customer to tradepost_app;
grant select on customer to lookup;

-- The customers of this transaction's company in whose code, name, phone or e-mail every word occurs. As for products: a
-- policy would hide the index, so a definer function names the company itself.
create function search_customers(words text) returns setof uuid
    language plpgsql stable rows 100 security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    word text;
    every_word text := '';
begin
    for word in select part from regexp_split_to_table(left(words, 200), '\s+') with ordinality as parts (part, place)
            where part <> '' order by place limit 8 loop
        every_word := every_word || format(' and (code || '' '' || name || '' '' || phone || '' '' || email) ilike %L',
            '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%');
    end loop;
    if every_word = '' then
        return;
    end if;
    return query execute format('select id from customer where company_id = %L%s', current_company(), every_word);
end
$$;

grant create on schema public to lookup;
alter function search_customers(text) owner to lookup;
revoke create on schema public from lookup;
revoke execute on function search_customers(text) from public;
grant execute on function search_customers(text) to tradepost_app;

call feed_watch('customer', 'customer', 'select company_id, id as entity_id, null::uuid as store_id from changed');

-- How often somebody has had a promotion is counted from their sales.
create index sale_by_customer on sale (company_id, store_id, customer_id) where customer_id is not null;
