//! A register session's figures, from its facts: what X, close and Z say.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared_model::ids::{RegisterSessionId, TaxId, TenderId};
use shared_model::{Amount, Currency};
use sqlx::PgConnection;

use crate::numbers::in_currency;
use crate::{FactsError, Place};

/// The tender that the opening float lies in: the first of the cash tenders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloatTender {
    /// The tender.
    pub id: TenderId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// What a register session comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionFigures {
    /// The session.
    pub register_session_id: RegisterSessionId,
    /// The register's code.
    pub register_code: String,
    /// The receipt series.
    pub series: String,
    /// The day that it counts for.
    pub business_date: NaiveDate,
    /// The currency of every amount.
    pub currency: Currency,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// What lay in the drawer.
    pub opening_float: Amount,
    /// How many receipts.
    pub sales: i32,
    /// How many units.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Without tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// With tax.
    pub gross: Amount,
    /// Rounding of cash.
    pub rounding: Amount,
    /// Each tender that was used, and the one that the float lies in; by code.
    pub tenders: Vec<TenderFigures>,
    /// Each tax, by code and rate.
    pub taxes: Vec<TaxFigures>,
}

/// What a session took of one tender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TenderFigures {
    /// The tender.
    pub tender_id: TenderId,
    /// Its code, as first used in the session.
    pub tender_code: String,
    /// Its name, likewise.
    pub tender_name: String,
    /// How many payments.
    pub payments: i32,
    /// Handed over, less change.
    pub kept: Amount,
    /// What should be there: `kept`, and the float in the tender that it lies in.
    pub expected: Amount,
}

/// What a session's sales bore of one tax at one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaxFigures {
    /// The tax.
    pub tax_id: TaxId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its rate, as it was.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub rate: Decimal,
    /// Whether prices had it inside.
    pub price_included: bool,
    /// The sum of what it was computed on.
    pub base: Amount,
    /// The sum of what it came to.
    pub amount: Amount,
}

/// The figures of a session; none when it was never opened.
pub async fn session(
    conn: &mut PgConnection,
    place: Place,
    id: RegisterSessionId,
    float_tender: Option<&FloatTender>,
) -> Result<Option<SessionFigures>, FactsError> {
    let Some(session) = sqlx::query!(
        r#"select session.register_code, session.series, session.business_date, session.currency as "currency: Currency",
               session.opened_at, session.opening_float, sold.sales as "sales!", sold.quantity as "quantity!",
               sold.net as "net!", sold.tax as "tax!", sold.gross as "gross!", sold.rounding as "rounding!"
           from register_session as session, lateral (
               select count(*)::int as sales, coalesce(sum(quantity), 0) as quantity, coalesce(sum(net), 0) as net,
                   coalesce(sum(tax), 0) as tax, coalesce(sum(gross), 0) as gross,
                   coalesce(sum(rounding), 0) as rounding
               from sale where company_id = $1 and store_id = $2 and register_session_id = $3) as sold
           where session.company_id = $1 and session.store_id = $2 and session.id = $3"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        id.uuid(),
    )
    .fetch_optional(&mut *conn)
    .await?
    else {
        return Ok(None);
    };
    let amount = |value: Decimal| in_currency(value, session.currency);
    let opening_float = amount(session.opening_float)?;

    let used = sqlx::query!(
        r#"select payment.tender_id, count(*)::int as "payments!",
               (array_agg(tender_code order by sale.number, payment.id))[1] as "code!",
               (array_agg(tender_name order by sale.number, payment.id))[1] as "name!",
               sum(payment.amount - payment.change) as "kept!"
           from payment
           join sale on sale.company_id = payment.company_id and sale.store_id = payment.store_id
               and sale.id = payment.sale_id
           where payment.company_id = $1 and payment.store_id = $2 and payment.register_session_id = $3
           group by payment.tender_id"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        id.uuid(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut tenders = Vec::with_capacity(used.len() + 1);
    for row in used {
        let kept = amount(row.kept)?;
        tenders.push(TenderFigures {
            tender_id: TenderId::new(row.tender_id),
            tender_code: row.code,
            tender_name: row.name,
            payments: row.payments,
            kept,
            expected: kept,
        });
    }
    if let Some(drawer) = float_tender {
        match tenders.iter_mut().find(|tender| tender.tender_id == drawer.id) {
            Some(tender) => tender.expected = tender.expected.plus(opening_float)?,
            None => tenders.push(TenderFigures {
                tender_id: drawer.id,
                tender_code: drawer.code.clone(),
                tender_name: drawer.name.clone(),
                payments: 0,
                kept: amount(Decimal::ZERO)?,
                expected: opening_float,
            }),
        }
    }
    tenders
        .sort_by(|one, other| (&one.tender_code, one.tender_id).cmp(&(&other.tender_code, other.tender_id)));

    let levied = sqlx::query!(
        r#"select tax.tax_id, tax.tax_code, max(tax.tax_name) as "name!", tax.rate, tax.price_included,
               sum(tax.base) as "base!", sum(tax.amount) as "amount!"
           from sale_line_tax as tax
           where tax.company_id = $1 and tax.store_id = $2 and tax.sale_id = any (array(
               select id from sale where company_id = $1 and store_id = $2 and register_session_id = $3))
           group by tax.tax_id, tax.tax_code, tax.rate, tax.price_included
           order by tax.tax_code, tax.rate, tax.tax_id"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    let mut taxes = Vec::with_capacity(levied.len());
    for row in levied {
        taxes.push(TaxFigures {
            tax_id: TaxId::new(row.tax_id),
            code: row.tax_code,
            name: row.name,
            rate: row.rate.normalize(),
            price_included: row.price_included,
            base: amount(row.base)?,
            amount: amount(row.amount)?,
        });
    }

    Ok(Some(SessionFigures {
        register_session_id: id,
        register_code: session.register_code,
        series: session.series,
        business_date: session.business_date,
        currency: session.currency,
        opened_at: session.opened_at,
        opening_float,
        sales: session.sales,
        quantity: session.quantity.normalize(),
        net: amount(session.net)?,
        tax: amount(session.tax)?,
        gross: amount(session.gross)?,
        rounding: amount(session.rounding)?,
        tenders,
        taxes,
    }))
}
