-- What happens once although it is asked for twice: the identity that the client gave, and the answer that it got.
create table kept_answer (
    company_id uuid not null,
    key uuid not null,
    request_hash bytea not null check (length(request_hash) = 32),
    status smallint, -- both null only while the first request's transaction is open
    body text,
    kept_at timestamptz not null,
    primary key (company_id, key)
);
grant select, insert, update, delete on kept_answer to tradepost_app;
