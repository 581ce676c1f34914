-- Tax areas, each with what the taxes of home become in it. Which one the store lies in, its own record says.

create table from_hq.tax_area (
    id uuid primary key,
    code text not null,
    name text not null,
    country text not null,
    tax_rounding text not null,
    rounding_mode text not null,
    mapping jsonb not null, -- [{tax_id, becomes: [tax_id…]}]
    deleted boolean not null default false
);

alter table from_hq.store add column tax_area_id uuid;

grant select on from_hq.tax_area to tradepost_app;
