-- Who looked up which sale of a session that was open, and had no right to see what is expected in its drawer.
create table sale_look_up (
    register_session_id uuid not null,
    user_id uuid not null,
    sale_id uuid not null,
    user_name text not null,
    looked_up_at timestamptz not null,
    primary key (register_session_id, user_id, sale_id)
);
grant select, insert on sale_look_up to tradepost_app;
create trigger refuse_change before update or delete on sale_look_up for each statement execute function refuse_change();

-- A sign-in ends with what it was made by: who is switched off and on again, is taken out of the store and comes back, or gets
-- another PIN, signs in anew. A PIN that travels again is the same text as before.
create function end_sign_ins() returns trigger language plpgsql as $$
begin
    update public.sign_in set ended_at = now(), ended_because = 'revoked' where user_id = new.id and ended_at is null;
    return null;
end
$$;
create trigger end_sign_ins after update on from_hq.staff for each row
    when ((old.active and not new.active) or (new.deleted and not old.deleted) or old.pin is distinct from new.pin)
    execute function end_sign_ins();

-- Nothing has ever kept an answer: what happens once is told by its own id.
drop table kept_answer;
