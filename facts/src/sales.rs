//! Sales: receipt, lines, taxes, payments, stock movements and stock, in one statement.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared_model::ids::{MovementId, PaymentId, SaleId, TaxId, VariantId};
use shared_model::selling::{
    AppliedPromotion, AppliedReduction, DocumentTax, KitPartSold, LineKind, LineTax, Payment, PriceReason,
    RefundedLine, SaleCompleted, SoldLine,
};
use shared_model::taxes::TaxKind;
use shared_model::tenders::TenderKind;
use shared_model::{Amount, Currency, Quantity, UnitPrice};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::numbers::in_currency;
use crate::{FactsError, Place};

/// What a receipt says beyond its columns, as it is kept in `sale.detail`.
#[derive(Debug, Serialize, Deserialize)]
struct ReceiptDetail {
    /// The document's taxes in their order.
    taxes: Vec<TaxDetail>,
    /// The payments in their order.
    payments: Vec<PaymentDetail>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    promotions: Vec<AppliedPromotion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voids: Option<SaleId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kit_parts: Vec<KitPartSold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exemption_certificate: Option<String>,
}

/// What a tax says beyond its columns.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct TaxDetail {
    id: TaxId,
    kind: TaxKind,
}

/// What a payment says beyond its columns.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PaymentDetail {
    id: PaymentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refunds: Option<PaymentId>,
}

/// Why a line costs what it costs, as it is kept in `sale_line.detail`.
#[derive(Debug, Serialize, Deserialize)]
struct LineDetail {
    price: PriceReason,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reductions: Vec<AppliedReduction>,
    /// The line's taxes in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<TaxDetail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    movement_id: Option<MovementId>,
    #[serde(default)]
    line_kind: LineKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label_amount: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refunds: Option<RefundedLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tax_relief: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scanned_code: Option<String>,
}

impl ReceiptDetail {
    fn of(sale: &SaleCompleted) -> Self {
        Self {
            taxes: sale.taxes.iter().map(|tax| TaxDetail { id: tax.tax_id, kind: tax.kind }).collect(),
            payments: sale
                .payments
                .iter()
                .map(|payment| PaymentDetail { id: payment.id, refunds: payment.refunds })
                .collect(),
            promotions: sale.promotions.clone(),
            voids: sale.voids,
            kit_parts: sale.kit_parts.clone(),
            exemption_certificate: sale.exemption_certificate.clone(),
        }
    }
}

impl LineDetail {
    fn of(line: &SoldLine) -> Self {
        Self {
            price: line.price_reason.clone(),
            reductions: line.reductions.clone(),
            taxes: line.taxes.iter().map(|tax| TaxDetail { id: tax.tax_id, kind: tax.kind }).collect(),
            movement_id: line.movement_id,
            line_kind: line.line_kind,
            label_amount: line.label_amount,
            refunds: line.refunds,
            tax_relief: (!line.tax_relief.is_zero()).then_some(line.tax_relief),
            scanned_code: line.scanned_code.clone(),
        }
    }
}

/// Stock after a write, by variant.
pub type OnHand = HashMap<VariantId, Decimal>;

/// Writes completed sales. They are written as they are: who calls has proved that they add up.
///
/// One statement, whatever the number of sales: a register waits for one round trip, and HQ parses one batch.
/// Only rows of `stock` are contended; they are locked in the order of their ids. Answers what is on hand after it of
/// each variant that moved.
pub async fn write(
    conn: &mut PgConnection,
    place: Place,
    sales: &[SaleCompleted],
) -> Result<OnHand, FactsError> {
    if sales.is_empty() {
        return Ok(OnHand::new());
    }
    let receipts = Receipts::of(sales)?;
    let lines = Lines::of(sales);
    let taxes = Taxes::of(sales);
    let payments = Payments::of(sales);
    let movements = Movements::of(sales);
    let moved = sqlx::query!(
        "with receipts as (
             insert into sale (company_id, store_id, id, register_session_id, register_id, register_code, series,
                 number, receipt_number, business_date, completed_at, local_hour, cashier_id, cashier_name,
                 customer_id, currency, line_count, quantity, net, tax, gross, rounding, change, feed_position, detail)
             select $1, $2, * from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::int[],
                 $9::text[], $10::date[], $11::timestamptz[], $12::smallint[], $13::uuid[], $14::text[],
                 $15::uuid[], $16::text[], $17::int[], $18::numeric[], $19::numeric[], $20::numeric[],
                 $21::numeric[], $22::numeric[], $23::numeric[], $24::bigint[], $25::jsonb[])
         ), lines as (
             insert into sale_line (company_id, store_id, sale_id, id, position, variant_id, product_id,
                 department_id, department_name, sku, name, quantity, unit, regular_unit_price, unit_price,
                 reduction, net, tax, gross, sales_rep_id, business_date, detail)
             select $1, $2, * from unnest($26::uuid[], $27::uuid[], $28::int[], $29::uuid[], $30::uuid[],
                 $31::uuid[], $32::text[], $33::text[], $34::text[], $35::numeric[], $36::text[], $37::numeric[],
                 $38::numeric[], $39::numeric[], $40::numeric[], $41::numeric[], $42::numeric[], $43::uuid[],
                 $44::date[], $45::jsonb[])
         ), taxes as (
             insert into sale_line_tax (company_id, store_id, sale_id, sale_line_id, tax_id, tax_code, tax_name,
                 rate, price_included, base, amount, business_date)
             select $1, $2, * from unnest($46::uuid[], $47::uuid[], $48::uuid[], $49::text[], $50::text[],
                 $51::numeric[], $52::boolean[], $53::numeric[], $54::numeric[], $55::date[])
         ), payments as (
             insert into payment (company_id, store_id, sale_id, id, register_session_id, tender_id, tender_code,
                 tender_name, tender_kind, amount, change, reference, business_date)
             select $1, $2, * from unnest($56::uuid[], $57::uuid[], $58::uuid[], $59::uuid[], $60::text[],
                 $61::text[], $62::text[], $63::numeric[], $64::numeric[], $65::text[], $66::date[])
         ), moved as (
             select * from unnest($67::uuid[], $68::uuid[], $69::numeric[], $70::uuid[], $71::uuid[],
                 $72::timestamptz[], $73::date[])
                 as moved (id, variant_id, quantity, sale_id, sale_line_id, occurred_at, business_date)
         ), movements as (
             insert into stock_movement (company_id, store_id, id, variant_id, quantity, reason, document_kind,
                 document_id, document_line_id, occurred_at, business_date)
             select $1, $2, id, variant_id, quantity,
                 case when quantity < 0 then 'SALE' else 'RETURN_FROM_CUSTOMER' end, 'sale', sale_id, sale_line_id, occurred_at,
                 business_date
             from moved
         )
         insert into stock (company_id, store_id, variant_id, on_hand)
         select $1, $2, variant_id, sum(quantity) from moved group by variant_id order by variant_id
         on conflict (company_id, store_id, variant_id) do update set on_hand = stock.on_hand + excluded.on_hand
         returning variant_id, on_hand",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &receipts.ids,
        &receipts.sessions,
        &receipts.registers,
        &receipts.register_codes as _,
        &receipts.series as _,
        &receipts.numbers,
        &receipts.receipt_numbers as _,
        &receipts.business_dates,
        &receipts.completed_at,
        &receipts.local_hours,
        &receipts.cashiers,
        &receipts.cashier_names as _,
        &receipts.customers as _,
        &receipts.currencies as _,
        &receipts.line_counts,
        &receipts.quantities,
        &receipts.nets,
        &receipts.taxes,
        &receipts.grosses,
        &receipts.roundings,
        &receipts.changes,
        &receipts.feed_positions,
        &receipts.details as _,
        &lines.sales,
        &lines.ids,
        &lines.positions,
        &lines.variants,
        &lines.products,
        &lines.departments,
        &lines.department_names as _,
        &lines.skus as _,
        &lines.names as _,
        &lines.quantities,
        &lines.units as _,
        &lines.regular_unit_prices,
        &lines.unit_prices,
        &lines.reductions,
        &lines.nets,
        &lines.taxes,
        &lines.grosses,
        &lines.sales_reps as _,
        &lines.business_dates,
        &lines.details as _,
        &taxes.sales,
        &taxes.lines,
        &taxes.ids,
        &taxes.codes as _,
        &taxes.names as _,
        &taxes.rates,
        &taxes.price_included,
        &taxes.bases,
        &taxes.amounts,
        &taxes.business_dates,
        &payments.sales,
        &payments.ids,
        &payments.sessions,
        &payments.tenders,
        &payments.codes as _,
        &payments.names as _,
        &payments.kinds as _,
        &payments.amounts,
        &payments.changes,
        &payments.references as _,
        &payments.business_dates,
        &movements.ids,
        &movements.variants,
        &movements.quantities,
        &movements.sales,
        &movements.lines,
        &movements.occurred_at,
        &movements.business_dates,
    )
    .fetch_all(conn)
    .await?;
    Ok(moved.into_iter().map(|row| (VariantId::new(row.variant_id), row.on_hand.normalize())).collect())
}

/// A sale as it was written; none when there is none of this id.
pub async fn read(
    conn: &mut PgConnection,
    place: Place,
    id: SaleId,
) -> Result<Option<SaleCompleted>, FactsError> {
    let Some(receipt) = sqlx::query!(
        r#"select register_session_id, register_id, register_code, series, number, receipt_number, business_date,
               completed_at, local_hour, cashier_id, cashier_name, customer_id, currency as "currency: Currency",
               net, tax, gross, rounding, change, feed_position, detail as "detail: Json<ReceiptDetail>"
           from sale where company_id = $1 and store_id = $2 and id = $3"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        id.uuid(),
    )
    .fetch_optional(&mut *conn)
    .await?
    else {
        return Ok(None);
    };
    let currency = receipt.currency;
    let amount = |value: Decimal| in_currency(value, currency);
    let Json(detail) = receipt.detail;
    let lines = read_lines(conn, place, id, currency).await?;
    let payments = read_payments(conn, place, id, currency, &detail.payments).await?;
    let taxes = document_taxes(&lines, &detail.taxes, currency)?;
    Ok(Some(SaleCompleted {
        id,
        register_session_id: receipt.register_session_id.into(),
        register_id: receipt.register_id.into(),
        register_code: receipt.register_code,
        series: receipt.series,
        number: receipt.number,
        receipt_number: receipt.receipt_number,
        business_date: receipt.business_date,
        completed_at: receipt.completed_at,
        local_hour: receipt.local_hour,
        cashier_id: receipt.cashier_id.into(),
        cashier_name: receipt.cashier_name,
        customer_id: receipt.customer_id.map(Into::into),
        currency,
        lines,
        taxes,
        payments,
        net: amount(receipt.net)?,
        tax: amount(receipt.tax)?,
        total: amount(receipt.gross)?,
        rounding: amount(receipt.rounding)?,
        change: amount(receipt.change)?,
        feed_position: receipt.feed_position,
        promotions: detail.promotions,
        voids: detail.voids,
        kit_parts: detail.kit_parts,
        exemption_certificate: detail.exemption_certificate,
    }))
}

async fn read_lines(
    conn: &mut PgConnection,
    place: Place,
    sale: SaleId,
    currency: Currency,
) -> Result<Vec<SoldLine>, FactsError> {
    let amount = |value: Decimal| in_currency(value, currency);
    let price = |value: Decimal| Ok::<_, FactsError>(UnitPrice::from(in_currency(value, currency)?));
    let levied = sqlx::query!(
        "select sale_line_id, tax_id, tax_code, tax_name, rate, price_included, base, amount
         from sale_line_tax where company_id = $1 and store_id = $2 and sale_id = $3",
        place.company_id.uuid(),
        place.store_id.uuid(),
        sale.uuid(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut taxes: HashMap<Uuid, Vec<LineTax>> = HashMap::new();
    for tax in levied {
        taxes.entry(tax.sale_line_id).or_default().push(LineTax {
            tax_id: tax.tax_id.into(),
            code: tax.tax_code,
            name: tax.tax_name,
            kind: TaxKind::Percent,
            rate: tax.rate.normalize(),
            price_included: tax.price_included,
            base: amount(tax.base)?,
            amount: amount(tax.amount)?,
        });
    }
    let sold = sqlx::query!(
        r#"select id, variant_id, product_id, department_id, department_name, sku, name,
               quantity as "quantity: Quantity", unit, regular_unit_price, unit_price, reduction, net, tax, gross,
               sales_rep_id, detail as "detail: Json<LineDetail>"
           from sale_line where company_id = $1 and store_id = $2 and sale_id = $3 order by position"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        sale.uuid(),
    )
    .fetch_all(conn)
    .await?;
    let mut lines = Vec::with_capacity(sold.len());
    for line in sold {
        let Json(detail) = line.detail;
        let mut taxes = taxes.remove(&line.id).unwrap_or_default();
        let place_of = |tax: TaxId| detail.taxes.iter().position(|detail| detail.id == tax);
        taxes.sort_by_key(|tax| place_of(tax.tax_id));
        for tax in &mut taxes {
            if let Some(detail) = detail.taxes.iter().find(|detail| detail.id == tax.tax_id) {
                tax.kind = detail.kind;
            }
        }
        lines.push(SoldLine {
            id: line.id.into(),
            variant_id: line.variant_id.into(),
            product_id: line.product_id.into(),
            department_id: line.department_id.into(),
            department_name: line.department_name,
            sku: line.sku,
            name: line.name,
            quantity: line.quantity.normalized(),
            unit: line.unit,
            regular_unit_price: price(line.regular_unit_price)?,
            unit_price: price(line.unit_price)?,
            price_reason: detail.price,
            reductions: detail.reductions,
            reduction: amount(line.reduction)?,
            net: amount(line.net)?,
            tax: amount(line.tax)?,
            gross: amount(line.gross)?,
            taxes,
            sales_rep_id: line.sales_rep_id.map(Into::into),
            movement_id: detail.movement_id,
            line_kind: detail.line_kind,
            label_amount: detail.label_amount,
            refunds: detail.refunds,
            tax_relief: detail.tax_relief.unwrap_or_default(),
            scanned_code: detail.scanned_code,
        });
    }
    Ok(lines)
}

async fn read_payments(
    conn: &mut PgConnection,
    place: Place,
    sale: SaleId,
    currency: Currency,
    details: &[PaymentDetail],
) -> Result<Vec<Payment>, FactsError> {
    let paid = sqlx::query!(
        r#"select id, tender_id, tender_code, tender_name, tender_kind as "tender_kind: TenderKind", amount, change,
               reference
           from payment where company_id = $1 and store_id = $2 and sale_id = $3"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        sale.uuid(),
    )
    .fetch_all(conn)
    .await?;
    let mut payments = Vec::with_capacity(paid.len());
    for payment in paid {
        let id = PaymentId::new(payment.id);
        payments.push(Payment {
            id,
            tender_id: payment.tender_id.into(),
            tender_code: payment.tender_code,
            tender_name: payment.tender_name,
            tender_kind: payment.tender_kind,
            amount: in_currency(payment.amount, currency)?,
            change: in_currency(payment.change, currency)?,
            reference: payment.reference,
            refunds: details.iter().find(|detail| detail.id == id).and_then(|detail| detail.refunds),
        });
    }
    payments.sort_by_key(|payment| details.iter().position(|detail| detail.id == payment.id));
    Ok(payments)
}

/// The document's taxes, which are the sums of its lines'.
fn document_taxes(
    lines: &[SoldLine],
    order: &[TaxDetail],
    currency: Currency,
) -> Result<Vec<DocumentTax>, FactsError> {
    let mut taxes: Vec<DocumentTax> = Vec::with_capacity(order.len());
    for tax in lines.iter().flat_map(|line| &line.taxes) {
        match taxes.iter_mut().find(|document| document.tax_id == tax.tax_id) {
            Some(document) => {
                document.base = document.base.plus(tax.base)?;
                document.amount = document.amount.plus(tax.amount)?;
            }
            None => taxes.push(DocumentTax {
                tax_id: tax.tax_id,
                code: tax.code.clone(),
                name: tax.name.clone(),
                kind: tax.kind,
                rate: tax.rate,
                price_included: tax.price_included,
                base: in_currency(tax.base.decimal(), currency)?,
                amount: in_currency(tax.amount.decimal(), currency)?,
            }),
        }
    }
    taxes.sort_by_key(|tax| order.iter().position(|detail| detail.id == tax.tax_id));
    Ok(taxes)
}

/// Each line with its receipt, in the receipts' order.
fn lines_of(sales: &[SaleCompleted]) -> impl Iterator<Item = (&SaleCompleted, &SoldLine)> {
    sales.iter().flat_map(|sale| sale.lines.iter().map(move |line| (sale, line)))
}

struct Receipts<'a> {
    ids: Vec<Uuid>,
    sessions: Vec<Uuid>,
    registers: Vec<Uuid>,
    register_codes: Vec<&'a str>,
    series: Vec<&'a str>,
    numbers: Vec<i32>,
    receipt_numbers: Vec<&'a str>,
    business_dates: Vec<NaiveDate>,
    completed_at: Vec<DateTime<Utc>>,
    local_hours: Vec<i16>,
    cashiers: Vec<Uuid>,
    cashier_names: Vec<&'a str>,
    customers: Vec<Option<Uuid>>,
    currencies: Vec<&'static str>,
    line_counts: Vec<i32>,
    quantities: Vec<Decimal>,
    nets: Vec<Decimal>,
    taxes: Vec<Decimal>,
    grosses: Vec<Decimal>,
    roundings: Vec<Decimal>,
    changes: Vec<Decimal>,
    feed_positions: Vec<i64>,
    details: Vec<Json<ReceiptDetail>>,
}

impl<'a> Receipts<'a> {
    fn of(sales: &'a [SaleCompleted]) -> Result<Self, FactsError> {
        Ok(Self {
            ids: sales.iter().map(|sale| sale.id.uuid()).collect(),
            sessions: sales.iter().map(|sale| sale.register_session_id.uuid()).collect(),
            registers: sales.iter().map(|sale| sale.register_id.uuid()).collect(),
            register_codes: sales.iter().map(|sale| sale.register_code.as_str()).collect(),
            series: sales.iter().map(|sale| sale.series.as_str()).collect(),
            numbers: sales.iter().map(|sale| sale.number).collect(),
            receipt_numbers: sales.iter().map(|sale| sale.receipt_number.as_str()).collect(),
            business_dates: sales.iter().map(|sale| sale.business_date).collect(),
            completed_at: sales.iter().map(|sale| sale.completed_at).collect(),
            local_hours: sales.iter().map(|sale| sale.local_hour).collect(),
            cashiers: sales.iter().map(|sale| sale.cashier_id.uuid()).collect(),
            cashier_names: sales.iter().map(|sale| sale.cashier_name.as_str()).collect(),
            customers: sales.iter().map(|sale| sale.customer_id.map(Uuid::from)).collect(),
            currencies: sales.iter().map(|sale| sale.currency.code()).collect(),
            line_counts: sales
                .iter()
                .map(|sale| i32::try_from(sale.lines.len()).map_err(|_| FactsError::OutOfBounds))
                .collect::<Result<_, _>>()?,
            quantities: sales.iter().map(quantity_of).collect::<Result<_, _>>()?,
            nets: sales.iter().map(|sale| sale.net.decimal()).collect(),
            taxes: sales.iter().map(|sale| sale.tax.decimal()).collect(),
            grosses: sales.iter().map(|sale| sale.total.decimal()).collect(),
            roundings: sales.iter().map(|sale| sale.rounding.decimal()).collect(),
            changes: sales.iter().map(|sale| sale.change.decimal()).collect(),
            feed_positions: sales.iter().map(|sale| sale.feed_position).collect(),
            details: sales.iter().map(|sale| Json(ReceiptDetail::of(sale))).collect(),
        })
    }
}

/// How many units a receipt has, all its lines together.
pub(crate) fn quantity_of(sale: &SaleCompleted) -> Result<Decimal, FactsError> {
    sale.lines
        .iter()
        .map(|line| line.quantity.decimal())
        .try_fold(Decimal::ZERO, Decimal::checked_add)
        .ok_or(FactsError::OutOfBounds)
}

struct Lines<'a> {
    sales: Vec<Uuid>,
    ids: Vec<Uuid>,
    positions: Vec<i32>,
    variants: Vec<Uuid>,
    products: Vec<Uuid>,
    departments: Vec<Uuid>,
    department_names: Vec<&'a str>,
    skus: Vec<&'a str>,
    names: Vec<&'a str>,
    quantities: Vec<Decimal>,
    units: Vec<&'a str>,
    regular_unit_prices: Vec<Decimal>,
    unit_prices: Vec<Decimal>,
    reductions: Vec<Decimal>,
    nets: Vec<Decimal>,
    taxes: Vec<Decimal>,
    grosses: Vec<Decimal>,
    sales_reps: Vec<Option<Uuid>>,
    business_dates: Vec<NaiveDate>,
    details: Vec<Json<LineDetail>>,
}

impl<'a> Lines<'a> {
    fn of(sales: &'a [SaleCompleted]) -> Self {
        Self {
            sales: lines_of(sales).map(|(sale, _)| sale.id.uuid()).collect(),
            ids: lines_of(sales).map(|(_, line)| line.id.uuid()).collect(),
            positions: sales
                .iter()
                .flat_map(|sale| (1..).zip(&sale.lines).map(|(position, _)| position))
                .collect(),
            variants: lines_of(sales).map(|(_, line)| line.variant_id.uuid()).collect(),
            products: lines_of(sales).map(|(_, line)| line.product_id.uuid()).collect(),
            departments: lines_of(sales).map(|(_, line)| line.department_id.uuid()).collect(),
            department_names: lines_of(sales).map(|(_, line)| line.department_name.as_str()).collect(),
            skus: lines_of(sales).map(|(_, line)| line.sku.as_str()).collect(),
            names: lines_of(sales).map(|(_, line)| line.name.as_str()).collect(),
            quantities: lines_of(sales).map(|(_, line)| line.quantity.decimal()).collect(),
            units: lines_of(sales).map(|(_, line)| line.unit.as_str()).collect(),
            regular_unit_prices: lines_of(sales).map(|(_, line)| line.regular_unit_price.decimal()).collect(),
            unit_prices: lines_of(sales).map(|(_, line)| line.unit_price.decimal()).collect(),
            reductions: lines_of(sales).map(|(_, line)| line.reduction.decimal()).collect(),
            nets: lines_of(sales).map(|(_, line)| line.net.decimal()).collect(),
            taxes: lines_of(sales).map(|(_, line)| line.tax.decimal()).collect(),
            grosses: lines_of(sales).map(|(_, line)| line.gross.decimal()).collect(),
            sales_reps: lines_of(sales).map(|(_, line)| line.sales_rep_id.map(Uuid::from)).collect(),
            business_dates: lines_of(sales).map(|(sale, _)| sale.business_date).collect(),
            details: lines_of(sales).map(|(_, line)| Json(LineDetail::of(line))).collect(),
        }
    }
}

struct Taxes<'a> {
    sales: Vec<Uuid>,
    lines: Vec<Uuid>,
    ids: Vec<Uuid>,
    codes: Vec<&'a str>,
    names: Vec<&'a str>,
    rates: Vec<Decimal>,
    price_included: Vec<bool>,
    bases: Vec<Decimal>,
    amounts: Vec<Decimal>,
    business_dates: Vec<NaiveDate>,
}

impl<'a> Taxes<'a> {
    fn of(sales: &'a [SaleCompleted]) -> Self {
        let taxes = || -> Box<dyn Iterator<Item = (&'a SaleCompleted, &'a SoldLine, &'a LineTax)> + 'a> {
            Box::new(
                lines_of(sales).flat_map(|(sale, line)| line.taxes.iter().map(move |tax| (sale, line, tax))),
            )
        };
        Self {
            sales: taxes().map(|(sale, _, _)| sale.id.uuid()).collect(),
            lines: taxes().map(|(_, line, _)| line.id.uuid()).collect(),
            ids: taxes().map(|(_, _, tax)| tax.tax_id.uuid()).collect(),
            codes: taxes().map(|(_, _, tax)| tax.code.as_str()).collect(),
            names: taxes().map(|(_, _, tax)| tax.name.as_str()).collect(),
            rates: taxes().map(|(_, _, tax)| tax.rate).collect(),
            price_included: taxes().map(|(_, _, tax)| tax.price_included).collect(),
            bases: taxes().map(|(_, _, tax)| tax.base.decimal()).collect(),
            amounts: taxes().map(|(_, _, tax)| tax.amount.decimal()).collect(),
            business_dates: taxes().map(|(sale, _, _)| sale.business_date).collect(),
        }
    }
}

struct Payments<'a> {
    sales: Vec<Uuid>,
    ids: Vec<Uuid>,
    sessions: Vec<Uuid>,
    tenders: Vec<Uuid>,
    codes: Vec<&'a str>,
    names: Vec<&'a str>,
    kinds: Vec<TenderKind>,
    amounts: Vec<Decimal>,
    changes: Vec<Decimal>,
    references: Vec<Option<&'a str>>,
    business_dates: Vec<NaiveDate>,
}

impl<'a> Payments<'a> {
    fn of(sales: &'a [SaleCompleted]) -> Self {
        let payments = || -> Box<dyn Iterator<Item = (&'a SaleCompleted, &'a Payment)> + 'a> {
            Box::new(sales.iter().flat_map(|sale| sale.payments.iter().map(move |payment| (sale, payment))))
        };
        Self {
            sales: payments().map(|(sale, _)| sale.id.uuid()).collect(),
            ids: payments().map(|(_, payment)| payment.id.uuid()).collect(),
            sessions: payments().map(|(sale, _)| sale.register_session_id.uuid()).collect(),
            tenders: payments().map(|(_, payment)| payment.tender_id.uuid()).collect(),
            codes: payments().map(|(_, payment)| payment.tender_code.as_str()).collect(),
            names: payments().map(|(_, payment)| payment.tender_name.as_str()).collect(),
            kinds: payments().map(|(_, payment)| payment.tender_kind).collect(),
            amounts: payments().map(|(_, payment)| payment.amount.decimal()).collect(),
            changes: payments().map(|(_, payment)| payment.change.decimal()).collect(),
            references: payments().map(|(_, payment)| payment.reference.as_deref()).collect(),
            business_dates: payments().map(|(sale, _)| sale.business_date).collect(),
        }
    }
}

struct Movements {
    ids: Vec<Uuid>,
    variants: Vec<Uuid>,
    quantities: Vec<Decimal>,
    sales: Vec<Uuid>,
    lines: Vec<Uuid>,
    occurred_at: Vec<DateTime<Utc>>,
    business_dates: Vec<NaiveDate>,
}

impl Movements {
    fn of(sales: &[SaleCompleted]) -> Self {
        let of_lines = lines_of(sales).filter_map(|(sale, line)| {
            line.movement_id.map(|movement| (sale, line.id, line.variant_id, line.quantity, movement))
        });
        // A kit's line moves nothing of its own: its parts do.
        let parts = sales.iter().flat_map(|sale| sale.kit_parts.iter().map(move |part| (sale, part)));
        let of_parts = parts.filter_map(|(sale, part)| {
            part.movement_id.map(|movement| (sale, part.line_id, part.variant_id, part.quantity, movement))
        });
        let moved: Vec<_> = of_lines.chain(of_parts).collect();
        Self {
            ids: moved.iter().map(|(.., movement)| movement.uuid()).collect(),
            variants: moved.iter().map(|(_, _, variant, _, _)| variant.uuid()).collect(),
            quantities: moved
                .iter()
                .map(|(_, _, _, quantity, _)| Quantity::negate(*quantity).decimal())
                .collect(),
            sales: moved.iter().map(|(sale, ..)| sale.id.uuid()).collect(),
            lines: moved.iter().map(|(_, line, ..)| line.uuid()).collect(),
            occurred_at: moved.iter().map(|(sale, ..)| sale.completed_at).collect(),
            business_dates: moved.iter().map(|(sale, ..)| sale.business_date).collect(),
        }
    }
}
