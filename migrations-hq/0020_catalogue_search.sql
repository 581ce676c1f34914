-- Finding products among 100,000. LIKE and trigrams lose their index under a row-level policy, so that text is looked for by a
-- definer function, which names the company itself.

create extension if not exists pg_trgm;

create index product_by_name on product (company_id, name, id);
create index product_name_search on product using gin (name gin_trgm_ops);
create index variant_sku_search on variant using gin (sku gin_trgm_ops);
create index product_by_tax_group on product (company_id, tax_group_id);
create index department_by_parent on department (company_id, parent_id);

-- The products of this transaction's company whose name has every word of `words`, or one of whose SKUs begins with it, or one of whose
-- barcodes it is. The text is built so that the planner sees the words: it then knows a rare one from a common one.
create function search_products(words text) returns setof uuid
    language plpgsql stable rows 500 security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    company uuid := current_company();
    word text;
    every_word text := '';
begin
    for word in select part from regexp_split_to_table(left(words, 200), '\s+') with ordinality as parts (part, place)
            where part <> '' order by place limit 8 loop
        every_word := every_word || format(' and p.name ilike %L', '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%');
    end loop;
    if every_word = '' then
        return;
    end if;
    return query execute format(
        'select p.id from product p where p.company_id = %1$L%2$s
         union
         select v.product_id from variant v where v.company_id = %1$L and v.sku ilike %3$L
         union
         select v.product_id from barcode b join variant v on v.company_id = b.company_id and v.id = b.variant_id
         where b.company_id = %1$L and b.code = %4$L',
        company, every_word, regexp_replace(trim(words), '([\\%_])', '\\\1', 'g') || '%', trim(words));
end
$$;

grant create on schema public to lookup;
alter function search_products(text) owner to lookup;
revoke create on schema public from lookup;
revoke execute on function search_products(text) from public;
grant execute on function search_products(text) to tradepost_app;
