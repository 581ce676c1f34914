-- How much money the open session of a series has moved, each way counted: a sale that its figures could not hold is refused before
-- it is rung up, so that a session can always be closed.
alter table receipt_series add column session_size numeric(19, 6) not null default 0;
grant update (session_size) on receipt_series to tradepost_app;
