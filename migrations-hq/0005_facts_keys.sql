-- Why: while a table has no statistics yet, PostgreSQL takes the youngest of several indexes that look alike, and all of
-- sale's begin with company and store. Each line's and payment's foreign key then walked through every sale of the store,
-- so a fresh database slowed with each sale until its first analyze. The primary key is made the youngest.
alter table sale drop constraint sale_pkey cascade;
alter table sale add primary key (company_id, store_id, id);
alter table sale_line add foreign key (company_id, store_id, sale_id) references sale (company_id, store_id, id);
alter table payment add foreign key (company_id, store_id, sale_id) references sale (company_id, store_id, id);
