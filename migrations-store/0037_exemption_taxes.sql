-- The taxes that a certificate spares; none named: all of them.
alter table from_hq.customer add column exemption_taxes uuid[];
