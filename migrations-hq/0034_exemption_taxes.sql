-- Why: a certificate may exempt from some taxes only (a duty, and not VAT). Null: from all of them.
alter table customer add column exemption_taxes uuid[] check (exemption_taxes is null or exemption_certificate <> '');
