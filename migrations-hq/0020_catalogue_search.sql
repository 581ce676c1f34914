-- Finding products among 100,000. LIKE and trigrams lose their index under a row-level policy, so that text is looked for by a
-- definer function, which names the company itself.

create extension if not exists pg_trgm;

create index product_by_name on product (company_id, name, id);
create index product_name_search on product using gin (name gin_trgm_ops);
create index variant_sku_search on variant using gin (sku gin_trgm_ops);
create index product_by_tax_group on product (company_id, tax_group_id);
create index department_by_parent on department (company_id, parent_id);

-- What is asked of a product's name, built as text so that the planner sees the words: it then knows a rare one from a common one.
create function words_in_name(words text) returns text language sql immutable set search_path = pg_catalog, pg_temp as $$
    select coalesce(string_agg(format(' and p.name ilike %L', '%' || regexp_replace(part, '([\\%_])', '\\\1', 'g') || '%'), '' order by place), '')
    from (select part, place from regexp_split_to_table(left(words, 200), '\s+') with ordinality as parts (part, place)
          where part <> '' order by place limit 8) as few
$$;

-- The products of this transaction's company whose name has every word of `words`, or one of whose SKUs begins with it, or one of whose
-- barcodes it is.
create function search_products(words text) returns setof uuid
    language plpgsql stable rows 500 security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    every_word text := words_in_name(words);
begin
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
        current_company(), every_word, regexp_replace(trim(words), '([\\%_])', '\\\1', 'g') || '%', trim(words));
end
$$;

-- The same, for one page in the order of names: a word that half the products have is then found by walking the names, not by
-- collecting them all. It gives no fewer than the page needs, and no more than three times that.
create function search_products_page(words text, archived boolean, descending boolean, after_name text, after_id uuid, wanted bigint)
    returns setof uuid
    language plpgsql stable rows 100 security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    every_word text := words_in_name(words);
    narrowed text := case archived when true then ' and p.archived_at is not null' when false then ' and p.archived_at is null' else '' end
        || case when after_id is null then ''
                else format(' and (p.name, p.id) %s (%L, %L::uuid)', case when descending then '<' else '>' end, after_name, after_id) end
        || format(' order by p.name %1$s, p.id %1$s limit %2$s', case when descending then 'desc' else 'asc' end, wanted);
begin
    if every_word = '' then
        return;
    end if;
    return query execute format(
        '(select p.id from product p where p.company_id = %1$L%2$s%5$s)
         union
         (with found as materialized (select distinct v.product_id from variant v where v.company_id = %1$L and v.sku ilike %3$L)
          select p.id from found join product p on p.company_id = %1$L and p.id = found.product_id where true%5$s)
         union
         (select p.id from barcode b join variant v on v.company_id = b.company_id and v.id = b.variant_id
              join product p on p.company_id = v.company_id and p.id = v.product_id
              where b.company_id = %1$L and b.code = %4$L%5$s)',
        current_company(), every_word, regexp_replace(trim(words), '([\\%_])', '\\\1', 'g') || '%', trim(words), narrowed);
end
$$;

grant create on schema public to lookup;
alter function search_products(text) owner to lookup;
alter function search_products_page(text, boolean, boolean, text, uuid, bigint) owner to lookup;
revoke create on schema public from lookup;
revoke execute on function search_products(text), search_products_page(text, boolean, boolean, text, uuid, bigint) from public;
grant execute on function search_products(text), search_products_page(text, boolean, boolean, text, uuid, bigint) to tradepost_app;
