//! X and Z: a session's figures so far, and those that it was closed with.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use server_kit::{Context, Tx};
use shared_model::ids::{RegisterSessionId, TaxId, TenderId};
use shared_model::{Amount, Currency};
use utoipa::ToSchema;

use super::SessionError;
use super::count;
use super::session;
use crate::this_store;

/// The figures of a session. Everything from which one could reckon what is expected in the drawer is there for those who
/// may see that, and for nobody else.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionReport {
    /// The session.
    pub register_session_id: RegisterSessionId,
    /// The register's code.
    pub register: String,
    /// The receipt series.
    pub series: String,
    /// The day.
    pub business_date: NaiveDate,
    /// The currency.
    pub currency: Currency,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was closed; none for an X.
    pub closed_at: Option<DateTime<Utc>>,
    /// The Z; none for an X.
    pub z_number: Option<i32>,
    /// How many receipts.
    pub sales: i32,
    /// Each tender.
    pub tenders: Vec<TenderReport>,
    /// What was sold, with `session.see_expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
}

/// A tender in a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenderReport {
    /// The tender.
    pub tender_id: TenderId,
    /// Its code, as first used in the session.
    pub tender: String,
    /// Its name, likewise.
    pub name: String,
    /// What was counted.
    pub counted: Option<Amount>,
    /// How many payments, with `session.see_expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments: Option<i32>,
    /// What should be there, the float included, with `session.see_expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Amount>,
    /// Counted − expected, with `session.see_expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Amount>,
}

/// What was sold in a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Figures {
    /// What lay in the drawer.
    pub opening_float: Amount,
    /// Without tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// With tax.
    pub gross: Amount,
    /// Rounding of cash.
    pub rounding: Amount,
    /// Each tax.
    pub taxes: Vec<TaxReport>,
}

/// A tax in a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaxReport {
    /// The tax.
    pub tax_id: TaxId,
    /// Its code, as it was.
    pub code: String,
    /// Its name, as it was.
    pub name: String,
    /// Its rate, as it was.
    #[schema(value_type = String)]
    pub rate: Decimal,
    /// The sum of its bases.
    pub base: Amount,
    /// The sum of its amounts.
    pub amount: Amount,
}

/// The figures so far.
pub(crate) async fn x(
    tx: &mut Tx,
    cx: &Context,
    id: RegisterSessionId,
) -> Result<SessionReport, SessionError> {
    let store = this_store::load(tx).await?;
    let session = session::one(tx, &store, id, cx).await?;
    if !session.is_open {
        return Err(SessionError::Closed);
    }
    of(tx, cx, &session).await
}

/// The figures that it was closed with.
pub(crate) async fn z(
    tx: &mut Tx,
    cx: &Context,
    id: RegisterSessionId,
) -> Result<SessionReport, SessionError> {
    let store = this_store::load(tx).await?;
    let session = session::one(tx, &store, id, cx).await?;
    if session.is_open {
        return Err(SessionError::invalid("/id", "not_closed", "The session is open; close it first."));
    }
    of(tx, cx, &session).await
}

async fn of(tx: &mut Tx, cx: &Context, session: &session::Session) -> Result<SessionReport, SessionError> {
    let store = this_store::load(tx).await?;
    let sees_expected = cx.actor.may("session.see_expected");
    let figures = count::figures(tx, &store, session.id).await?;
    let decimals = session.currency.exponent();
    // A closed session's tenders are what the Z says, whatever they are called today.
    let kept = sqlx::query!(
        r#"select tender_id, tender_code, tender_name, payments, expected as "expected: Amount", counted as "counted: Amount"
           from register_session_tender where company_id = $1 and store_id = $2 and register_session_id = $3 order by tender_code, tender_id"#,
        store.place.company_id.uuid(),
        store.place.store_id.uuid(),
        session.id.uuid()
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut tenders = Vec::new();
    let mut add = |tender_id: TenderId,
                   tender: &str,
                   name: &str,
                   payments: i32,
                   expected: Amount,
                   counted: Option<Amount>| {
        let expected = expected.with_decimals(decimals)?;
        let counted = counted.map(|counted| counted.with_decimals(decimals)).transpose()?;
        let difference = counted.map(|counted| counted.minus(expected)).transpose()?;
        tenders.push(TenderReport {
            tender_id,
            tender: tender.to_owned(),
            name: name.to_owned(),
            counted,
            payments: sees_expected.then_some(payments),
            expected: sees_expected.then_some(expected),
            difference: if sees_expected { difference } else { None },
        });
        Ok::<(), SessionError>(())
    };
    if session.is_open {
        for tender in &figures.tenders {
            add(
                tender.tender_id,
                &tender.tender_code,
                &tender.tender_name,
                tender.payments,
                tender.expected,
                None,
            )?;
        }
    } else {
        for row in &kept {
            add(
                row.tender_id.into(),
                &row.tender_code,
                &row.tender_name,
                row.payments,
                row.expected,
                row.counted,
            )?;
        }
    }
    Ok(SessionReport {
        register_session_id: session.id,
        register: session.register.clone(),
        series: session.series.clone(),
        business_date: session.business_date,
        currency: session.currency,
        opened_at: session.opened_at,
        closed_at: session.closed_at,
        z_number: session.z_number,
        sales: figures.sales,
        tenders,
        figures: sees_expected.then(|| Figures {
            opening_float: figures.opening_float,
            net: figures.net,
            tax: figures.tax,
            gross: figures.gross,
            rounding: figures.rounding,
            taxes: figures
                .taxes
                .into_iter()
                .map(|tax| TaxReport {
                    tax_id: tax.tax_id,
                    code: tax.code,
                    name: tax.name,
                    rate: tax.rate,
                    base: tax.base,
                    amount: tax.amount,
                })
                .collect(),
        }),
    })
}
