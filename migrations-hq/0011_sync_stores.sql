-- What HQ keeps of each store's side: its keys, its journal as it came, how far that is, what does not apply, and how the
-- store said it was.

-- One life of a store's database and the key that it signs with.
create table store_key (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    store_id uuid not null,
    incarnation uuid not null,
    letter text not null, -- in receipt numbers; '' for the first life
    signing_key bytea not null check (length(signing_key) = 32),
    sealing_key bytea not null check (length(sealing_key) = 32),
    enrolled_at timestamptz not null,
    ended_at timestamptz,
    ended_because text check (ended_because in ('replaced', 'revoked')),
    primary key (company_id, id),
    unique (company_id, store_id, incarnation),
    unique (company_id, store_id, letter),
    foreign key (company_id, store_id) references store (company_id, id),
    check ((ended_at is null) = (ended_because is null))
);
create unique index store_key_in_force on store_key (company_id, store_id) where ended_at is null;

-- One-time codes. The hash is keyed by a secret outside the database.
create table enrol_code (
    company_id uuid not null default current_company() references company,
    hash bytea not null check (length(hash) = 32),
    store_id uuid not null,
    made_by uuid,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    key_id uuid, -- what it led to
    primary key (company_id, hash),
    foreign key (company_id, store_id) references store (company_id, id),
    foreign key (company_id, key_id) references store_key (company_id, id),
    check ((used_at is null) = (key_id is null))
);
create index enrol_code_by_store on enrol_code (company_id, store_id);

-- How far a journal has arrived. Its row is the lock of that journal.
create table journal_watermark (
    company_id uuid not null default current_company() references company,
    store_id uuid not null,
    incarnation uuid not null,
    sequence bigint not null default 0,
    hash bytea not null check (length(hash) = 32),
    last_event_at timestamptz,
    received_at timestamptz,
    forked_at timestamptz, -- nothing more is taken
    primary key (company_id, store_id, incarnation)
);

create table journal_stream (
    company_id uuid not null default current_company() references company,
    store_id uuid not null,
    incarnation uuid not null,
    stream text not null,
    sequence bigint not null,
    hash bytea not null check (length(hash) = 32),
    primary key (company_id, store_id, incarnation, stream)
);

-- Every entry as it came: the chain's evidence, what waits is replayed from, and what a replaced box recalls.
create table received_entry (
    company_id uuid not null default current_company() references company,
    store_id uuid not null,
    incarnation uuid not null,
    sequence bigint not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    kind text not null,
    version int not null,
    occurred_at timestamptz not null,
    business_date date not null,
    feed_position bigint not null,
    payload text not null, -- the writer's bytes
    hash bytea not null check (length(hash) = 32),
    received_at timestamptz not null,
    primary key (company_id, store_id, incarnation, sequence)
);
-- An event that was journalled again under a new incarnation has its effect once.
create index received_entry_by_event on received_entry (company_id, store_id, event_id);

-- What needs a person's answer.
create table incident (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    store_id uuid not null,
    kind text not null check (kind in ('poison', 'unknown_kind', 'forked', 'feed_offered', 'apply_failed')),
    state text not null default 'open' check (state in ('open', 'replayed', 'dropped')),
    reason text not null,
    incarnation uuid,
    sequence bigint, -- of the entry that it is about
    event_id uuid,
    entry_kind text,
    detail jsonb not null default '{}',
    opened_at timestamptz not null,
    closed_at timestamptz,
    closed_by uuid,
    primary key (company_id, id),
    foreign key (company_id, store_id) references store (company_id, id),
    check ((state = 'open') = (closed_at is null))
);
create unique index incident_by_entry on incident (company_id, store_id, incarnation, sequence)
    where kind in ('poison', 'unknown_kind');
create index incident_open on incident (company_id, store_id, incarnation, sequence) where state = 'open';
create index incident_by_time on incident (company_id, opened_at desc, id desc);

-- How a store said it was, and when it was heard.
create table store_status (
    company_id uuid not null default current_company() references company,
    store_id uuid not null,
    last_seen_at timestamptz not null,
    online_since timestamptz, -- null: its bell is down
    online_until timestamptz, -- the bell's owner moves it on; past it the store is not online, whoever crashed
    position bigint not null default 0,
    pending bigint not null default 0,
    oldest_pending_at timestamptz,
    clock_skew_ms bigint,
    registers bigint not null default 0,
    disk bigint,
    versions jsonb,
    status_at timestamptz,
    primary key (company_id, store_id),
    foreign key (company_id, store_id) references store (company_id, id)
);

call wall_in(array['store_key', 'enrol_code', 'journal_watermark', 'journal_stream', 'received_entry', 'incident', 'store_status']);
grant select, insert, update on store_key, enrol_code, journal_watermark, journal_stream, incident, store_status to tradepost_app;
grant select, insert on received_entry to tradepost_app;
grant select on store_key, enrol_code, received_entry, incident to lookup;
create trigger refuse_change before update or delete on received_entry for each statement execute function refuse_change();

-- Before a token is believed: the key that it says it was signed with. Ended ones too, so that an answer can say why.
create function store_key_named(key uuid, store uuid)
    returns table (company_id uuid, incarnation uuid, signing_key bytea, ended_because text)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select k.company_id, k.incarnation, k.signing_key, k.ended_because from store_key k where k.id = key and k.store_id = store
$$;
create index store_key_by_id on store_key (id);

-- Before anybody is known: whose code this is.
create function enrol_code_named(said bytea) returns table (company_id uuid, store_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.company_id, c.store_id from enrol_code c where c.hash = said
$$;
create index enrol_code_by_hash on enrol_code (hash);

-- For the worker that replays what waited, after an upgrade: which stores have something open.
create function stores_with_waiting_entries() returns table (company_id uuid, store_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select distinct i.company_id, i.store_id from incident i where i.state = 'open' and i.kind in ('poison', 'unknown_kind')
$$;

-- For the bell: where each company's feed is.
create function feed_heads() returns table (company_id uuid, feed_position bigint, tag uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select h.company_id, h.position, h.tag from feed_head h
$$;

grant create on schema public to lookup;
alter function store_key_named(uuid, uuid) owner to lookup;
alter function enrol_code_named(bytea) owner to lookup;
alter function stores_with_waiting_entries() owner to lookup;
alter function feed_heads() owner to lookup;
revoke create on schema public from lookup;
revoke execute on function store_key_named(uuid, uuid), enrol_code_named(bytea), stores_with_waiting_entries(), feed_heads() from public;
grant execute on function store_key_named(uuid, uuid), enrol_code_named(bytea), stores_with_waiting_entries(), feed_heads() to tradepost_app;
