-- Who can sign in with what, and who is signed in. The functions have the same names and answers as a store's: sign-in is one crate.

-- argon2id, as a PHC string. Passwords never go down to a store.
create table password (
    company_id uuid not null default current_company() references company,
    user_id uuid not null,
    hash text not null check (hash like '$argon2id$%'),
    changed_at timestamptz not null,
    primary key (company_id, user_id),
    foreign key (company_id, user_id) references app_user (company_id, id)
);

-- One sign-in of one person: the family of its refresh tokens.
create table sign_in (
    company_id uuid not null default current_company() references company,
    id uuid not null,
    user_id uuid not null,
    device_id uuid, -- the paired device, where there was one
    signed_in_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_because text check (ended_because in ('signed_out', 'token_reused', 'password_changed', 'revoked')),
    primary key (company_id, id),
    foreign key (company_id, user_id) references app_user (company_id, id),
    check ((ended_at is null) = (ended_because is null))
);
create index sign_in_by_user on sign_in (company_id, user_id) where ended_at is null;
create index sign_in_by_expiry on sign_in (company_id, expires_at);

-- Each refresh token is good once; only its hash is kept.
create table refresh_token (
    company_id uuid not null default current_company() references company,
    hash bytea not null check (length(hash) = 32),
    sign_in_id uuid not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (company_id, hash),
    foreign key (company_id, sign_in_id) references sign_in (company_id, id) on delete cascade
);
create index refresh_token_by_sign_in on refresh_token (company_id, sign_in_id);

call wall_in(array['password', 'sign_in', 'refresh_token']);
grant select, insert, update, delete on password, sign_in, refresh_token to tradepost_app;
grant select on password, sign_in to lookup;

-- Failed attempts by what was typed and where from, both hashed. Of no company: it is kept before one is known, and alike for
-- logins that do not exist. It tells nothing to whoever reads it.
create table sign_in_attempt (
    login_hash bytea not null check (length(login_hash) = 32),
    source_hash bytea not null check (length(source_hash) = 32),
    failures int not null check (failures > 0),
    last_at timestamptz not null,
    primary key (login_hash, source_hash)
);
create index sign_in_attempt_by_age on sign_in_attempt (last_at);
grant select, insert, update, delete on sign_in_attempt to tradepost_app;

-- Before a token: who signs in as `name@company`. Nobody who is switched off.
create function sign_in_candidate(said text)
    returns table (company_id uuid, user_id uuid, password_hash text, sealed_pin text)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select u.company_id, u.id, p.hash, null::text
    from company c
    join app_user u on u.company_id = c.company_id
    left join password p on p.company_id = u.company_id and p.user_id = u.id
    where c.code = lower(substring(said from '[^@]*$'))
        and u.login = lower(regexp_replace(said, '@[^@]*$', ''))
        and said like '%@%'
        and u.active and u.archived_at is null
$$;

-- With a token: who is signed in and what they may, as it stands now. No row: the sign-in has ended, or the person was switched off.
create function signed_in(company uuid, session uuid, at timestamptz)
    returns table (user_id uuid, login text, name text, language text, permissions text[], max_reduction_percent numeric,
        max_refund numeric, store_id uuid, device_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select u.id, u.login, u.name, u.language, coalesce(r.permissions, '{}'), r.max_reduction_percent, r.max_refund,
        null::uuid, s.device_id
    from sign_in s
    join app_user u on u.company_id = s.company_id and u.id = s.user_id
    left join role r on r.company_id = u.company_id and r.id = u.role_id and r.archived_at is null
    where s.company_id = company and s.id = session and s.ended_at is null and s.expires_at > at
        and u.active and u.archived_at is null
$$;

do $$
begin
    -- Whoever is no superuser must belong to the role that a function is given to.
    if not pg_has_role(current_user, 'lookup', 'member') then
        execute format('grant lookup to %I', current_user);
    end if;
end
$$;
grant create on schema public to lookup;
alter function sign_in_candidate(text) owner to lookup;
alter function signed_in(uuid, uuid, timestamptz) owner to lookup;
revoke create on schema public from lookup;
revoke execute on function sign_in_candidate(text), signed_in(uuid, uuid, timestamptz) from public;
grant execute on function sign_in_candidate(text), signed_in(uuid, uuid, timestamptz) to tradepost_app;
