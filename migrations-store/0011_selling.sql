-- Selling and finding.

-- What a sale's request said, so that the same id with another body is refused for ever.
create table sale_request (
    sale_id uuid primary key,
    digest bytea not null check (length(digest) = 32)
);
grant select, insert on sale_request to tradepost_app;

-- A count of a session that is not closed yet; the last one counts.
create table register_session_count (
    id uuid primary key,
    register_session_id uuid not null,
    sequence int not null check (sequence > 0),
    counted_at timestamptz not null,
    counted_by uuid not null,
    counted_by_name text not null,
    counted jsonb not null, -- [{tender_id, amount}]
    unique (register_session_id, sequence)
);
grant select, insert on register_session_count to tradepost_app;
create trigger refuse_change before update or delete on register_session_count for each statement execute function refuse_change();

-- Search by what people type: small letters, no accents. `lower` under collation C folds ASCII only, so both cases are here.
create function folded(said text) returns text language sql immutable strict parallel safe as $$
    select lower(translate(said,
        'ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŠšŽž',
        'AAAAAAaaaaaaCcEEEEeeeeIIIIiiiiNnOOOOOOooooooUUUUuuuuYyySsZz') collate "C")
$$;

create extension if not exists pg_trgm;
-- Kept, as folding 10,000 names anew takes longer than a cashier waits. The leading space makes the start of the name a start of a word.
alter table from_hq.product add column search_name text not null generated always as (' ' || folded(name)) stored;
create index product_by_words on from_hq.product using gin (search_name gin_trgm_ops) where not deleted and not archived;
create index product_by_name on from_hq.product (search_name collate "C", id) where not deleted and not archived;
create index variant_by_folded_sku on from_hq.variant ((folded(sku)) collate "C") where not deleted and not archived;
