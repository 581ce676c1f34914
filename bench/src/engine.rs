//! The pure part alone: a basket of 20 lines, priced, taxed and settled whole.

use std::hint::black_box;

use anyhow::{Context, Result};
use checkout::{Cart, CartLine, Catalogue, Item, Limits, Rules, TaxGroup, Tendered, compute, settle};
use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};
use shared_model::prices::{PriceKind, PriceRecord};
use shared_model::selling::LineKind;
use shared_model::taxes::{TaxKind, TaxRecord, TaxRounding};
use shared_model::tenders::{TenderKind, TenderRecord};
use shared_model::{Quantity, Rounding, UnitPrice};
use uuid::Uuid;

use crate::measure::best_of;
use crate::table::Table;

const LINES: u128 = 20;

pub(crate) fn whole_basket(table: &mut Table) -> Result<()> {
    let (cart, catalogue, rules) = basket()?;
    let sale = compute(&cart, &catalogue, &rules).context("the basket does not compute")?;
    let tender = TenderRecord {
        id: Uuid::from_u128(9).into(),
        code: "cash".to_owned(),
        name: "Cash".to_owned(),
        kind: TenderKind::Cash,
        allows_change: true,
        cash_rounding: None,
        position: 0,
        archived: false,
    };
    let payment = Tendered {
        id: Uuid::from_u128(10).into(),
        tender_id: tender.id,
        amount: "10000.00".parse()?,
        reference: None,
    };
    let tenders = [tender];
    settle(&sale, std::slice::from_ref(&payment), &tenders).context("the basket does not settle")?;

    let ours = best_of(5, 2_000, || {
        let computed = compute(black_box(&cart), &catalogue, &rules);
        if let Ok(sale) = &computed {
            let _ = black_box(settle(sale, std::slice::from_ref(&payment), &tenders));
        }
        let _ = black_box(computed);
    });
    let prices: Vec<(Decimal, Decimal)> = (1..=LINES)
        .map(|n| (Decimal::from(n), price_of(n).map_or(Decimal::ONE, UnitPrice::decimal)))
        .collect();
    let bare = best_of(5, 2_000, || {
        let mut totals = (Decimal::ZERO, Decimal::ZERO);
        for (quantity, price) in black_box(&prices) {
            let nearest = RoundingStrategy::MidpointAwayFromZero;
            let gross = (quantity * price).round_dp_with_strategy(2, nearest);
            let net = (gross / Decimal::new(12, 1)).round_dp_with_strategy(2, nearest);
            totals = (totals.0 + net, totals.1 + gross - net);
        }
        black_box(totals);
    });
    table.against(
        "20-line basket computed and settled",
        ours / 1_000.0,
        "us",
        (bare / 1_000.0, "its bare arithmetic: price x quantity, tax, sums"),
        None,
    );
    Ok(())
}

fn price_of(n: u128) -> Result<UnitPrice> {
    Ok(UnitPrice::from_units(i128::try_from(n)? * 137 + 99, 2)?)
}

fn basket() -> Result<(Cart, Catalogue, Rules)> {
    let tax_id = Uuid::from_u128(1).into();
    let group = Uuid::from_u128(2).into();
    let mut catalogue = Catalogue::default();
    catalogue.taxes.push(TaxRecord {
        id: tax_id,
        code: "vat20".to_owned(),
        name: "VAT 20 %".to_owned(),
        kind: TaxKind::Percent,
        rate: Decimal::from(20),
        price_included: true,
        include_base_amount: false,
        is_base_affected: true,
        sequence: 1,
        exempt_below: None,
        part_above: None,
        part_up_to: None,
        valid_from: None,
        valid_until: None,
    });
    catalogue.tax_groups.insert(group, TaxGroup { code: "standard".to_owned(), tax_ids: vec![tax_id] });
    let mut cart = Cart::default();
    for n in 1..=LINES {
        let variant_id = Uuid::from_u128(100 + n).into();
        catalogue.items.insert(
            variant_id,
            Item {
                variant_id,
                product_id: Uuid::from_u128(200 + n).into(),
                department_id: Uuid::from_u128(3).into(),
                department_name: "Home".to_owned(),
                departments: vec![Uuid::from_u128(3).into()],
                sku: format!("SKU{n:03}"),
                name: format!("Thing number {n}"),
                unit: "each".to_owned(),
                quantity_decimals: 0,
                discountable: true,
                archived: false,
                tax_group_id: Some(group),
                kind: LineKind::Goods,
                open_price: None,
                prices: vec![PriceRecord {
                    id: Uuid::from_u128(300 + n).into(),
                    variant_id,
                    price_level_id: None,
                    store_id: None,
                    kind: PriceKind::Regular,
                    min_quantity: Quantity::ZERO,
                    valid_from: None,
                    valid_until: None,
                    amount: price_of(n)?,
                    reason: String::new(),
                }],
            },
        );
        let quantity = Quantity::from_units(i128::try_from(n)?, 0)?;
        cart.lines.push(CartLine::new(Uuid::from_u128(400 + n).into(), variant_id, quantity));
    }
    let rules = Rules {
        store_id: Uuid::from_u128(4).into(),
        currency: "GBP".parse()?,
        price_level_id: None,
        tax_rounding: TaxRounding::PerLine,
        rounding_mode: Rounding::HalfUp,
        at: NaiveDate::from_ymd_opt(2026, 11, 25)
            .and_then(|day| day.and_hms_opt(14, 0, 0))
            .context("a date")?,
        limits: Limits::NONE,
    };
    Ok((cart, catalogue, rules))
}
