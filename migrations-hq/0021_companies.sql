-- Founding a company. The application's role does it under the very id that it makes: the policy lets it write no other.
grant insert on company to tradepost_app;
grant update (name, legal_name, address, tax_number) on company to tradepost_app;

-- Before anything of a company is known: whether its code is taken, and by which.
create function company_by_code(said text) returns uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select company_id from company where code = said
$$;

-- For work over the whole database, such as `doctor`: which companies there are.
create function every_company() returns table (company_id uuid, code text)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select company_id, code from company order by code
$$;

grant create on schema public to lookup;
alter function company_by_code(text) owner to lookup;
alter function every_company() owner to lookup;
revoke create on schema public from lookup;
revoke execute on function company_by_code(text), every_company() from public;
grant execute on function company_by_code(text), every_company() to tradepost_app;
