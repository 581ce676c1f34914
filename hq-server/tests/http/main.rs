//! HQ over HTTP: the running router over a real database, always beside a second company.

mod bad_input;
mod customers;
mod imports;
mod master_data;
mod openapi;
mod people;
mod product_flags;
mod promotions;
mod reports;
mod roles;
mod support;
mod try_outs;
