-- Who said which total for a sale of a session that is open, as its receipt says it, and had no right to see what is expected in its
-- drawer: right, and the sale is theirs to see; wrong, and it counts, so that nobody finds it by trying.
create table sale_total_said (
    id bigint generated always as identity primary key,
    register_session_id uuid not null,
    user_id uuid not null,
    sale_id uuid not null,
    user_name text not null,
    total numeric not null,
    was_right boolean not null,
    said_at timestamptz not null
);
create index sale_total_said_by_person on sale_total_said (register_session_id, user_id) where not was_right;
grant select, insert on sale_total_said to tradepost_app;
create trigger refuse_change before update or delete on sale_total_said for each statement execute function refuse_change();
