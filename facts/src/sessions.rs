//! Register sessions: opened, counted and closed.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use shared_model::registers::{RegisterSessionClosed, RegisterSessionOpened};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{FactsError, Place};

/// Writes opened sessions.
pub async fn open(
    conn: &mut PgConnection,
    place: Place,
    opened: &[RegisterSessionOpened],
) -> Result<(), FactsError> {
    if opened.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = opened.iter().map(|session| session.id.uuid()).collect();
    let registers: Vec<Uuid> = opened.iter().map(|session| session.register_id.uuid()).collect();
    let codes: Vec<&str> = opened.iter().map(|session| session.register_code.as_str()).collect();
    let series: Vec<&str> = opened.iter().map(|session| session.series.as_str()).collect();
    let dates: Vec<NaiveDate> = opened.iter().map(|session| session.business_date).collect();
    let currencies: Vec<&str> = opened.iter().map(|session| session.currency.code()).collect();
    let times: Vec<DateTime<Utc>> = opened.iter().map(|session| session.opened_at).collect();
    let people: Vec<Uuid> = opened.iter().map(|session| session.opened_by.uuid()).collect();
    let names: Vec<&str> = opened.iter().map(|session| session.opened_by_name.as_str()).collect();
    let floats: Vec<Decimal> = opened.iter().map(|session| session.opening_float.decimal()).collect();
    sqlx::query!(
        "insert into register_session (company_id, store_id, id, register_id, register_code, series, business_date,
             currency, opened_at, opened_by, opened_by_name, opening_float)
         select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::date[], $8::text[],
             $9::timestamptz[], $10::uuid[], $11::text[], $12::numeric[])",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &ids,
        &registers,
        &codes as _,
        &series as _,
        &dates,
        &currencies as _,
        &times,
        &people,
        &names as _,
        &floats,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes closed sessions with the count of each tender.
pub async fn close(
    conn: &mut PgConnection,
    place: Place,
    closed: &[RegisterSessionClosed],
) -> Result<(), FactsError> {
    if closed.is_empty() {
        return Ok(());
    }
    let sessions: Vec<Uuid> = closed.iter().map(|close| close.register_session_id.uuid()).collect();
    let series: Vec<&str> = closed.iter().map(|close| close.series.as_str()).collect();
    let numbers: Vec<i32> = closed.iter().map(|close| close.z_number).collect();
    let times: Vec<DateTime<Utc>> = closed.iter().map(|close| close.closed_at).collect();
    let people: Vec<Uuid> = closed.iter().map(|close| close.closed_by.uuid()).collect();
    let names: Vec<&str> = closed.iter().map(|close| close.closed_by_name.as_str()).collect();
    let sales: Vec<i32> = closed.iter().map(|close| close.sales).collect();
    let nets: Vec<Decimal> = closed.iter().map(|close| close.net.decimal()).collect();
    let taxes: Vec<Decimal> = closed.iter().map(|close| close.tax.decimal()).collect();
    let grosses: Vec<Decimal> = closed.iter().map(|close| close.gross.decimal()).collect();
    let roundings: Vec<Decimal> = closed.iter().map(|close| close.rounding.decimal()).collect();

    let counts = || closed.iter().flat_map(|close| close.tenders.iter().map(move |tender| (close, tender)));
    let tender_sessions: Vec<Uuid> = counts().map(|(close, _)| close.register_session_id.uuid()).collect();
    let tenders: Vec<Uuid> = counts().map(|(_, tender)| tender.tender_id.uuid()).collect();
    let tender_codes: Vec<&str> = counts().map(|(_, tender)| tender.tender_code.as_str()).collect();
    let tender_names: Vec<&str> = counts().map(|(_, tender)| tender.tender_name.as_str()).collect();
    let payments: Vec<i32> = counts().map(|(_, tender)| tender.payments).collect();
    let expected: Vec<Decimal> = counts().map(|(_, tender)| tender.expected.decimal()).collect();
    let counted: Vec<Option<Decimal>> =
        counts().map(|(_, tender)| tender.counted.map(shared_model::Amount::decimal)).collect();
    sqlx::query!(
        "with closed as (
             insert into register_session_close (company_id, store_id, register_session_id, series, z_number,
                 closed_at, closed_by, closed_by_name, sales, net, tax, gross, rounding)
             select $1, $2, * from unnest($3::uuid[], $4::text[], $5::int[], $6::timestamptz[], $7::uuid[],
                 $8::text[], $9::int[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[])
         )
         insert into register_session_tender (company_id, store_id, register_session_id, tender_id, tender_code,
             tender_name, payments, expected, counted)
         select $1, $2, * from unnest($14::uuid[], $15::uuid[], $16::text[], $17::text[], $18::int[],
             $19::numeric[], $20::numeric[])",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &sessions,
        &series as _,
        &numbers,
        &times,
        &people,
        &names as _,
        &sales,
        &nets,
        &taxes,
        &grosses,
        &roundings,
        &tender_sessions,
        &tenders,
        &tender_codes as _,
        &tender_names as _,
        &payments,
        &expected,
        &counted as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
