-- A release that is older than HQ leaves out of a record what it has no column for, and records that it has no table for. Once it
-- is upgraded it has both, and HQ would not send again what has not changed: a checkpoint is kept with the tables that it was pulled
-- for, and where they are others now, everything is pulled anew.

-- What from_hq's tables are made of, in the order of a row.
create function from_hq_shape() returns text language sql stable set search_path = pg_catalog, pg_temp as $$
    select encode(sha256(convert_to(string_agg(
            format('%s.%s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated),
            ', ' order by c.relname, a.attnum), 'UTF8')), 'hex')
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'from_hq'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
$$;
revoke execute on function from_hq_shape() from public;
grant execute on function from_hq_shape() to tradepost_app;

alter table checkpoint add column shape text; -- null: of a release that did not keep it

create or replace function apply_pulled(applied_at timestamptz) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp set work_mem = '24MB' as $$
declare
    whole public.pull;
    entity record;
    switched_off uuid[];
    is_first boolean;
    is_new boolean;
    indexes text[];
    definition text;
    index record;
begin
    select * into whole from public.pull where complete for update;
    if not found then
        raise exception 'no whole checkpoint is pulled' using errcode = 'object_not_in_prerequisite_state';
    end if;
    -- Both are told as what is pulled, which is then pulled anew, all of it.
    if whole.shape <> public.from_hq_shape() then
        raise exception 'the tables are no longer those that the checkpoint was pulled for' using errcode = 'data_exception';
    end if;
    if not whole.resync and exists (select from public.checkpoint where shape is distinct from whole.shape) then
        raise exception 'the checkpoint before it was pulled for other tables' using errcode = 'data_exception';
    end if;
    is_first := not exists (select from public.checkpoint);
    if whole.rewound then
        select array_agg(id) into switched_off from from_hq.staff where deleted or not active;
    end if;
    -- Read before a table is looked at, so that a bootstrap is planned by what it brings.
    if (select count(*) from (select from public.pulled limit 10000) as some_of_them) = 10000 then
        analyze public.pulled;
    end if;
    for entity in
        with named as (select p.entity, count(*) as rows from public.pulled p group by p.entity)
        select c.entity as name, coalesce(n.rows, 0) as rows,
            string_agg(quote_ident(c.name), ', ' order by c.place) as columns,
            string_agg('(r).' || quote_ident(c.name), ', ' order by c.place) as fields,
            string_agg(format('%1$I = excluded.%1$I', c.name), ', ') filter (where c.name <> 'id') as changes
        from public.from_hq_column c left join named n on n.entity = c.entity
        where not c.generated and (whole.resync or n.rows > 0)
        group by c.entity, n.rows order by c.entity = 'staff', c.entity -- who has another PIN waits for the rest of this only
    loop
        -- A store that begins: nobody reads the table yet, and its indexes are made in one go, after it.
        indexes := '{}';
        is_new := false;
        if is_first and entity.rows >= 1000 then
            execute format('select not exists (select from from_hq.%I)', entity.name) into is_new;
        end if;
        if is_new then
            for index in
                select i.indexrelid::regclass as name, pg_get_indexdef(i.indexrelid) as definition from pg_index i
                where i.indrelid = format('from_hq.%I', entity.name)::regclass and not i.indisunique
            loop
                indexes := indexes || index.definition;
                execute format('drop index %s', index.name);
            end loop;
        end if;
        if entity.rows > 0 then
            execute format('insert into from_hq.%1$I as t (%2$s)
                select %3$s from (
                    select p.body::from_hq.%1$I as r from (
                        select distinct on (id) body from public.pulled where entity = %4$L order by id, position desc) p
                    where p.body is not null offset 0) as rows
                %5$s',
                entity.name, entity.columns, entity.fields, entity.name,
                case when is_new then '' else format('on conflict (id) do update set %s where t.* is distinct from excluded.*', entity.changes) end);
        end if;
        if whole.resync then
            execute format('update from_hq.%1$I t set deleted = true where not t.deleted
                and not exists (select from public.pulled p where p.entity = %2$L and p.id = t.id and p.body is not null)',
                entity.name, entity.name);
        end if;
        -- The last verdict on it may be that it is gone.
        if not is_new then
            execute format('update from_hq.%1$I t set deleted = true from (
                    select distinct on (id) id, body from public.pulled where entity = %2$L order by id, position desc) p
                where p.id = t.id and p.body is null and not t.deleted',
                entity.name, entity.name);
        end if;
        foreach definition in array indexes loop
            execute definition;
        end loop;
        if entity.rows >= 1000 then
            -- Before the first till asks: else a search goes by what was true of an empty table.
            execute format('analyze from_hq.%I', entity.name);
        end if;
        -- What an index keeps for later, every search would read again.
        perform gin_clean_pending_list(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
            where i.indrelid = format('from_hq.%I', entity.name)::regclass and m.amname = 'gin';
    end loop;
    -- A backup is hours old, not thousands of commits; what a bootstrap brought, another store has too.
    if whole.resync then
        delete from public.record_position;
    else
        insert into public.record_position as known (entity, id, position)
            select last.entity, last.id, last.position from (
                select distinct on (p.entity, p.id) p.entity, p.id, p.position, p.body is not null as is_there from public.pulled p
                order by p.entity, p.id, p.position desc) last
            where last.is_there
            on conflict on constraint record_position_pkey do update set position = excluded.position;
    end if;
    delete from public.record_position where position <= whole.position - 10000;
    update from_hq.staff set active = false where active and id = any (switched_off);
    insert into public.checkpoint as c (cursor, position, tag, schema, folded, applied_at, shape)
        values (whole.cursor, whole.position, whole.tag, whole.schema, whole.folded, apply_pulled.applied_at, whole.shape)
        on conflict (single) do update set cursor = excluded.cursor, position = excluded.position, tag = excluded.tag,
            schema = excluded.schema, folded = excluded.folded, applied_at = excluded.applied_at, shape = excluded.shape;
    -- A truncated table gets a new file: worth it for a bootstrap only.
    if (select count(*) from (select from public.pulled limit 10000) as some_of_them) = 10000 then
        truncate public.pulled;
    else
        delete from public.pulled;
    end if;
    delete from public.pull;
    return whole.position;
end
$$;

-- Who is signing in with what is being changed: whoever is first, the other waits, and who signs in then looks again (see the locks of
-- signing in, which take the same lock shared).
create or replace function end_sign_ins() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('credentials' || new.id::text, 0));
    update public.sign_in set ended_at = now(), ended_because = 'revoked' where user_id = new.id and ended_at is null;
    return null;
end
$$;

-- What pages were staged in before they were kept as rows (0035).
drop function apply_staged(timestamptz);
drop table staging, staged_record;
