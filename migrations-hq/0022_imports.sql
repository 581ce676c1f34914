-- Imports of products: how far one has come, and what became of it.
create table import_job (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    content_hash bytea not null check (length(content_hash) = 32), -- of the file: the same id with another file is refused
    dry_run boolean not null,
    state text not null check (state in ('checking', 'writing', 'done', 'refused')),
    rows_read bigint not null default 0,
    started_at timestamptz not null,
    started_by uuid,
    changed_at timestamptz not null,
    outcome jsonb, -- what was made and changed, or what is wrong where
    primary key (company_id, id)
);

call wall_in(array['import_job']);
grant select, insert, update on import_job to tradepost_app;
