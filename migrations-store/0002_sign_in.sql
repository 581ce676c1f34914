-- Who can sign in here with what, and who is signed in. The people are HQ's (from_hq.staff); their passwords for this store are kept here.

-- argon2id, as a PHC string.
create table password (
    company_id uuid not null,
    user_id uuid not null,
    hash text not null check (hash like '$argon2id$%'),
    changed_at timestamptz not null,
    primary key (company_id, user_id)
);

-- One sign-in of one person: the family of its refresh tokens.
create table sign_in (
    company_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    device_id uuid, -- the paired device, where there was one
    signed_in_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_because text check (ended_because in ('signed_out', 'token_reused', 'password_changed', 'revoked')),
    primary key (company_id, id),
    check ((ended_at is null) = (ended_because is null))
);
create index sign_in_by_user on sign_in (company_id, user_id) where ended_at is null;
create index sign_in_by_expiry on sign_in (company_id, expires_at);

-- Each refresh token is good once; only its hash is kept.
create table refresh_token (
    company_id uuid not null,
    hash bytea not null check (length(hash) = 32),
    sign_in_id uuid not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (company_id, hash),
    foreign key (company_id, sign_in_id) references sign_in (company_id, id) on delete cascade
);
create index refresh_token_by_sign_in on refresh_token (company_id, sign_in_id);
grant select, insert, update, delete on password, sign_in, refresh_token to tradepost_app;

-- Failed attempts by what was typed and where from, both hashed; alike for logins that do not exist.
create table sign_in_attempt (
    login_hash bytea not null check (length(login_hash) = 32),
    source_hash bytea not null check (length(source_hash) = 32),
    failures int not null check (failures > 0),
    last_at timestamptz not null,
    primary key (login_hash, source_hash)
);
create index sign_in_attempt_by_age on sign_in_attempt (last_at);
grant select, insert, update, delete on sign_in_attempt to tradepost_app;

-- Before a token: who signs in as `name`, or as `name@company`. In PL/pgSQL, as `identity` comes in a later migration.
create function sign_in_candidate(said text)
    returns table (company_id uuid, user_id uuid, password_hash text, sealed_pin text)
    language plpgsql stable as $$
#variable_conflict use_column
declare
    me record;
    typed text := lower(said);
begin
    select i.company_id, c.code into me from identity i left join from_hq.company c on c.id = i.company_id and not c.deleted;
    if not found then return; end if;
    if typed like '%@' || me.code then
        typed := left(typed, -length(me.code) - 1);
    end if;
    return query
        select me.company_id, s.id, p.hash, s.pin
        from from_hq.staff s left join password p on p.company_id = me.company_id and p.user_id = s.id
        where s.login = typed and s.active and not s.deleted
        limit 1;
end
$$;

-- With a token: who is signed in and what they may, as it stands now. No row: the sign-in has ended, or the person was switched off.
create function signed_in(company uuid, session uuid, at timestamptz)
    returns table (user_id uuid, login text, name text, language text, permissions text[], max_reduction_percent numeric,
        max_refund numeric, store_id uuid, device_id uuid)
    language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
        select u.id, u.login, u.name, u.language, coalesce(r.permissions, '{}'), r.max_reduction_percent, r.max_refund,
            i.store_id, s.device_id
        from sign_in s
        join identity i on i.company_id = s.company_id
        join from_hq.staff u on u.id = s.user_id
        left join from_hq.role r on r.id = u.role_id and not r.deleted
        where s.company_id = company and s.id = session and s.ended_at is null and s.expires_at > at
            and u.active and not u.deleted;
end
$$;
revoke execute on function sign_in_candidate(text), signed_in(uuid, uuid, timestamptz) from public;
grant execute on function sign_in_candidate(text), signed_in(uuid, uuid, timestamptz) to tradepost_app;
