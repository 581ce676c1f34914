-- Who this store is, how it follows HQ's feed, and its journal.

-- One row: given once, by an enrolment. Keys and the PIN pepper are files beside the database, never in it.
create table identity (
    single boolean primary key default true check (single),
    company_id uuid not null,
    store_id uuid not null,
    store_code text not null,
    store_name text not null,
    incarnation uuid not null,
    letter text not null, -- '' for the first life, then 'B', 'C' …
    key_id uuid not null,
    hq_key bytea not null, -- HQ's Ed25519 key, pinned
    hq_url text not null,
    enrolled_at timestamptz not null
);
grant select, insert on identity to tradepost_app;

-- The checkpoint of HQ's feed that from_hq shows. Written by apply_staged() alone.
create table checkpoint (
    single boolean primary key default true check (single),
    cursor text not null,
    position bigint not null check (position >= 0),
    tag uuid not null,
    schema int not null,
    folded bigint not null,
    applied_at timestamptz not null
);
grant select on checkpoint to tradepost_app;

-- Pages as they come. Unlogged: after a crash of the database both are empty together, and the pull begins again at the checkpoint.
create unlogged table staging (
    single boolean primary key default true check (single),
    cursor text not null, -- where the next page begins; once complete: the checkpoint's
    position bigint not null,
    tag uuid not null,
    schema int not null,
    folded bigint not null,
    resync boolean not null, -- what is not named is marked deleted
    rewound boolean not null, -- HQ went back in time: nobody who was switched off comes in again
    complete boolean not null
);
create unlogged table staged_record (
    entity text not null,
    id uuid not null,
    position bigint not null,
    record jsonb, -- null: gone for this store
    primary key (entity, id)
);
grant select, insert, update, delete on staging, staged_record to tradepost_app;
grant truncate on staged_record to tradepost_app;

-- Where in the feed a record was last touched, for those that HQ could lose: should HQ come back from a backup, it is offered them.
-- Written by apply_staged() alone.
create table record_position (
    entity text not null,
    id uuid not null,
    position bigint not null,
    primary key (entity, id)
);
create index record_position_by_position on record_position (position);
grant select on record_position to tradepost_app;

-- Moves from_hq to the checkpoint that is staged whole: entity by entity, each as a set. The caller then takes the
-- checkpoint lock and commits. An entity without a table here is of a later release and is left out; a column without a
-- key in the record stays null, so a record may grow.
create function apply_staged(applied_at timestamptz) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    staged public.staging;
    entity record;
    switched_off uuid[];
    records bigint;
begin
    select * into staged from public.staging where complete for update;
    if not found then
        raise exception 'no whole checkpoint is staged' using errcode = 'object_not_in_prerequisite_state';
    end if;
    if staged.rewound then
        select array_agg(id) into switched_off from from_hq.staff where deleted or not active;
    end if;
    for entity in
        select c.relname as name,
            string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
            string_agg('r.' || quote_ident(a.attname), ', ' order by a.attnum) as fields,
            string_agg(format('%1$I = excluded.%1$I', a.attname), ', ') filter (where a.attname <> 'id') as changes
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'from_hq'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        group by c.relname order by c.relname
    loop
        execute format('insert into from_hq.%1$I as t (%2$s)
            select %3$s from public.staged_record s
            cross join lateral jsonb_populate_record(null::from_hq.%1$I, s.record || ''{"deleted": false}'') r
            where s.entity = %4$L and s.record is not null
            on conflict (id) do update set %5$s where t.* is distinct from excluded.*',
            entity.name, entity.columns, entity.fields, entity.name, entity.changes);
        if staged.resync then
            execute format('update from_hq.%1$I t set deleted = true where not t.deleted
                and not exists (select from public.staged_record s where s.entity = %2$L and s.id = t.id and s.record is not null)',
                entity.name, entity.name);
        else
            execute format('update from_hq.%1$I t set deleted = true from public.staged_record s
                where s.entity = %2$L and s.id = t.id and s.record is null and not t.deleted',
                entity.name, entity.name);
        end if;
    end loop;
    -- A backup is hours old, not thousands of commits; what a bootstrap brought, another store has too.
    if staged.resync then
        delete from public.record_position;
    else
        insert into public.record_position as known (entity, id, position)
            select s.entity, s.id, s.position from public.staged_record s where s.record is not null
            on conflict on constraint record_position_pkey do update set position = excluded.position;
    end if;
    delete from public.record_position where position <= staged.position - 10000;
    update from_hq.staff set active = false where active and id = any (switched_off);
    insert into public.checkpoint as c (cursor, position, tag, schema, folded, applied_at)
        values (staged.cursor, staged.position, staged.tag, staged.schema, staged.folded, apply_staged.applied_at)
        on conflict (single) do update set cursor = excluded.cursor, position = excluded.position, tag = excluded.tag,
            schema = excluded.schema, folded = excluded.folded, applied_at = excluded.applied_at;
    select count(*) into records from (select from public.staged_record limit 10000) as some_of_them;
    -- A truncated table gets a new file: worth it for a bootstrap only.
    if records < 10000 then
        delete from public.staged_record;
    else
        truncate public.staged_record;
        -- Before the first till asks: else a search goes by what was true of empty tables.
        for entity in select c.relname as name from pg_class c where c.relnamespace = 'from_hq'::regnamespace and c.relkind = 'r' loop
            execute format('analyze from_hq.%I', entity.name);
        end loop;
    end if;
    delete from public.staging;
    return staged.position;
end
$$;
revoke execute on function apply_staged(timestamptz) from public;
grant execute on function apply_staged(timestamptz) to tradepost_app;

-- The records that this store has from beyond a position of HQ's, as they travel (amounts as texts).
create function newer_than(beyond bigint) returns table (entity text, id uuid, "position" bigint, record text)
    language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
declare
    kind record;
begin
    for kind in
        select c.relname as name, string_agg(format(case when a.atttypid = 'numeric'::regtype then '%1$L, t.%1$I::text' else '%1$L, t.%1$I' end,
            a.attname), ', ' order by a.attnum) as fields
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'from_hq'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
            and a.attname not in ('deleted', 'pin') -- a PIN, even sealed, is for nobody else to see
        group by c.relname order by c.relname
    loop
        return query execute format('select p.entity, p.id, p.position, case when t.deleted then null else jsonb_build_object(%1$s)::text end
            from public.record_position p join from_hq.%2$I t on t.id = p.id where p.entity = %2$L and p.position > $1', kind.fields, kind.name)
            using beyond;
    end loop;
end
$$;

-- A register's receipt series in this incarnation, with its journal stream's head: the one row that the register's
-- operations lock, so that numbers and chain have no gap and registers do not wait for each other.
create table receipt_series (
    series text primary key, -- 'R01', 'R01B' after a replaced box
    register_id uuid not null,
    register_code text not null,
    incarnation uuid not null,
    next_number int not null default 1 check (next_number > 0),
    next_z int not null default 1 check (next_z > 0),
    open_session uuid,
    leased_to uuid, -- the device that holds the register's lease
    stream_sequence bigint not null default 0 check (stream_sequence >= 0),
    stream_hash bytea not null check (length(stream_hash) = 32)
);
create unique index receipt_series_by_register on receipt_series (register_id, incarnation);
grant select, insert on receipt_series to tradepost_app;
grant update (next_number, next_z, open_session, leased_to, stream_sequence, stream_hash) on receipt_series to tradepost_app;

-- What happened here, in each stream a hash chain. The payload is the writer's very bytes.
create table journal (
    id bigint generated always as identity primary key, -- drawn while the stream's row is locked
    event_id uuid not null unique,
    incarnation uuid not null,
    stream text not null,
    stream_sequence bigint not null check (stream_sequence > 0),
    kind text not null,
    version int not null check (version > 0),
    occurred_at timestamptz not null,
    business_date date not null,
    feed_position bigint not null,
    payload text not null,
    previous_hash bytea not null check (length(previous_hash) = 32),
    hash bytea not null check (length(hash) = 32),
    unique (incarnation, stream, stream_sequence)
);
grant select, insert on journal to tradepost_app;

-- The number under which HQ knows an entry: given by the one pusher to committed entries, without holes.
create table journal_number (
    incarnation uuid not null,
    number bigint not null check (number > 0),
    journal_id bigint not null unique references journal (id),
    primary key (incarnation, number)
);
grant select, insert on journal_number to tradepost_app;

-- How far HQ has said that it has the journal.
create table delivery (
    single boolean primary key default true check (single),
    incarnation uuid not null,
    acknowledged bigint not null check (acknowledged >= 0),
    hash bytea not null check (length(hash) = 32),
    acknowledged_at timestamptz not null
);
grant select, insert, update on delivery to tradepost_app;

-- Entries are only added; those that HQ has had for 90 days may be pruned, and nothing else may. The 90 days are counted back from the newest
-- entry: neither a wrong clock nor a winter without a sale empties a journal. The last one that HQ has stays, for its number and its hash.
create function may_be_pruned(entry journal) returns boolean
    language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select entry.occurred_at < least(now(), (select newest.occurred_at from public.journal newest order by newest.id desc limit 1)) - interval '90 days'
        and exists (
        select from public.journal_number n join public.delivery d on d.incarnation = n.incarnation and d.acknowledged > n.number
        where n.journal_id = entry.id)
$$;
create function refuse_journal_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and public.may_be_pruned(old) then
        return old;
    end if;
    raise exception 'entries of the journal are only added, never changed' using errcode = 'restrict_violation';
end
$$;
create trigger refuse_change before update or delete on journal for each row execute function refuse_journal_change();
create trigger refuse_truncate before truncate on journal for each statement execute function refuse_change();
create trigger refuse_change before update or truncate on journal_number for each statement execute function refuse_change();

-- Prunes at most so many entries; says how many.
create function prune_journal(most int) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    chosen bigint[];
begin
    select array_agg(id) into chosen from (
        select j.id from public.journal j join public.journal_number n on n.journal_id = j.id
            join public.delivery d on d.incarnation = n.incarnation and d.acknowledged > n.number
        where j.occurred_at < least(now(), (select newest.occurred_at from public.journal newest order by newest.id desc limit 1)) - interval '90 days'
        order by j.id limit least(greatest(most, 0), 10000)) old;
    -- The trigger on journal asks for the number, so the entry goes first; the key between them is checked at the end.
    set constraints journal_number_journal_id_fkey deferred;
    delete from public.journal where id = any (chosen);
    delete from public.journal_number where journal_id = any (chosen);
    return coalesce(array_length(chosen, 1), 0);
end
$$;
alter table journal_number alter constraint journal_number_journal_id_fkey deferrable;
revoke execute on function prune_journal(int) from public;
grant execute on function prune_journal(int) to tradepost_app;
