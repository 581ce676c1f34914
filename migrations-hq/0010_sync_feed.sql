-- The feed: which record was last touched at which commit, and for whom. Positions are assigned at commit, so that a
-- reader that sees one has seen all before it: statement triggers note what a transaction touches, and one deferred
-- trigger per transaction takes the lock of the company's head, raises it by one and stamps what was noted. Editors
-- hold that lock only for the tail of their commit.

create table feed_head (
    company_id uuid primary key references company,
    position bigint not null,
    tag uuid not null
);

-- Tags tell two histories apart that reached the same position (a restored backup, a standby that was behind).
create table feed_commit (
    company_id uuid not null,
    position bigint not null,
    tag uuid not null,
    at timestamptz not null,
    primary key (company_id, position)
);

-- One row per record and audience.
create table feed_entry (
    company_id uuid not null,
    entity text not null,
    entity_id uuid not null,
    store_id uuid, -- null: every store
    position bigint not null,
    unique nulls not distinct (company_id, entity, entity_id, store_id)
);
-- The order in which pages are read.
create index feed_entry_by_position on feed_entry (company_id, position, entity, entity_id);

-- What open transactions have touched. Nothing in it outlives its transaction, so it need not survive a crash.
create unlogged table feed_touched (
    company_id uuid not null,
    xact xid8 not null,
    entity text not null,
    entity_id uuid not null,
    store_id uuid
);
create index feed_touched_by_xact on feed_touched (xact);
-- One row per transaction and company: what the deferred trigger hangs on.
create unlogged table feed_pending (
    company_id uuid not null,
    xact xid8 not null,
    primary key (company_id, xact)
);

call wall_in(array['feed_head', 'feed_commit', 'feed_entry', 'feed_touched', 'feed_pending']);
-- The triggers run as the tables' owner, whom forced row-level security binds as well; each row names its company.
do $$
declare name text;
begin
    foreach name in array array['feed_head', 'feed_commit', 'feed_entry', 'feed_touched', 'feed_pending'] loop
        execute format('create policy keeper on %I to current_user using (true) with check (true)', name);
    end loop;
end
$$;
create policy feed_keeper on user_store for select to current_user using (true);
grant select on feed_head, feed_commit, feed_entry to tradepost_app;
grant select on feed_head to lookup;

create function feed_stamp() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    reached bigint;
    drawn uuid := gen_random_uuid();
begin
    insert into feed_head as head (company_id, position, tag) values (new.company_id, 1, drawn)
        on conflict (company_id) do update set position = head.position + 1, tag = drawn
        returning head.position into reached;
    insert into feed_entry (company_id, entity, entity_id, store_id, position)
        select distinct company_id, entity, entity_id, store_id, reached
        from feed_touched where xact = new.xact and company_id = new.company_id
        on conflict (company_id, entity, entity_id, store_id) do update set position = reached;
    insert into feed_commit (company_id, position, tag, at) values (new.company_id, reached, drawn, clock_timestamp());
    delete from feed_touched where xact = new.xact and company_id = new.company_id;
    delete from feed_pending where xact = new.xact and company_id = new.company_id;
    return null;
end
$$;
create constraint trigger stamp after insert on feed_pending deferrable initially deferred
    for each row execute function feed_stamp();

-- Watches a master table: `touched` selects (company_id, entity_id, store_id) from `changed`, the rows of one statement,
-- old and new, so that an audience that loses a record is told as well as one that gets it.
create procedure feed_watch(watched text, entity text, touched text) language plpgsql as $$
declare
    event text;
    changed text;
    referencing_clause text;
begin
    foreach event in array array['insert', 'update', 'delete'] loop
        changed := case event
            when 'insert' then format('select * from new_rows')
            when 'update' then format('select * from old_rows union all select * from new_rows')
            else format('select * from old_rows')
        end;
        referencing_clause := case event
            when 'insert' then 'new table as new_rows'
            when 'update' then 'old table as old_rows new table as new_rows'
            else 'old table as old_rows'
        end;
        execute format($body$
            create function %1$I() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $f$
            begin
                with changed as (%2$s),
                    noted as (
                        insert into feed_touched (company_id, xact, entity, entity_id, store_id)
                            select distinct company_id, pg_current_xact_id(), %3$L, entity_id, store_id from (%4$s) as touched
                            returning company_id, xact
                    )
                insert into feed_pending (company_id, xact) select distinct company_id, xact from noted
                    on conflict (company_id, xact) do nothing;
                return null;
            end
            $f$
        $body$, 'feed_' || entity || '_by_' || watched || '_' || event, changed, entity, touched);
        execute format('create trigger %1$I after %2$s on %3$I referencing %4$s for each statement execute function %1$I()',
            'feed_' || entity || '_by_' || watched || '_' || event, event, watched, referencing_clause);
    end loop;
end
$$;

call feed_watch('company', 'company', 'select company_id, company_id as entity_id, null::uuid as store_id from changed');
call feed_watch('price_level', 'price_level', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('store', 'store', 'select company_id, id as entity_id, id as store_id from changed');
call feed_watch('register', 'register', 'select company_id, id as entity_id, store_id from changed');
call feed_watch('tax', 'tax', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('tax_group', 'tax_group', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('tax_group_tax', 'tax_group_tax', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('department', 'department', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('product', 'product', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('variant', 'variant', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('barcode', 'barcode', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('price', 'price', 'select company_id, id as entity_id, store_id from changed');
call feed_watch('tender', 'tender', 'select company_id, id as entity_id, null::uuid as store_id from changed');
call feed_watch('role', 'role', 'select company_id, id as entity_id, null::uuid as store_id from changed');
-- A member of staff is a person in a store: both tables make the record, which bears the person's id.
call feed_watch('user_store', 'staff', 'select company_id, user_id as entity_id, store_id from changed');
call feed_watch('app_user', 'staff', 'select place.company_id, place.user_id as entity_id, place.store_id
    from changed join user_store as place on place.company_id = changed.company_id and place.user_id = changed.id');
