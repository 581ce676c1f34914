//! A cart, computed as a store would.

use std::collections::BTreeMap;

use checkout::{Cart, CartLine, Customer, Label, Limits, Reduction, Rules};
use chrono::{Datelike, NaiveDateTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use server_kit::{Context, FieldError, Problem, StoreScope, Tx};
use shared_model::ids::{CustomerId, PromotionId, SaleLineId, TaxAreaId, VariantId};
use shared_model::selling::{AppliedPromotion, DocumentTax, SoldLine};
use shared_model::{Amount, Currency, Percent, Quantity, UnitPrice};
use utoipa::ToSchema;

use super::load::{self, Loaded, Shop};
use crate::master::Checks;

const LONGEST: usize = 200;
const MOST_COUPONS: usize = 50;
const MOST_FACTS: usize = 50;

/// A cart to try, where and when, and for whom.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartToTry {
    /// The store, by its code.
    #[schema(max_length = 12)]
    store: String,
    /// The moment, in the store's time zone; left out: now.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2026-03-02T06:00:00")]
    at: Option<NaiveDateTime>,
    /// Who buys; null: nobody who is known.
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// The coupon codes that are shown.
    #[serde(default)]
    #[schema(max_items = 50)]
    coupons: Vec<String>,
    /// What else is known of the sale, by name: what conditions ask for.
    #[serde(default)]
    facts: BTreeMap<String, String>,
    /// What is bought.
    #[schema(min_items = 1, max_items = 2000)]
    lines: Vec<LineToTry>,
    /// What a person takes off the whole sale.
    #[serde(default)]
    reduction: Option<ReductionToTry>,
    /// The most that this person may take off by hand, in percent; null: everything.
    #[serde(default)]
    max_reduction_percent: Option<Percent>,
}

/// A line to try: a variant by its id, its SKU or a barcode.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LineToTry {
    /// The line; left out: one is made.
    #[serde(default)]
    id: Option<SaleLineId>,
    /// What, by id.
    #[serde(default)]
    variant_id: Option<VariantId>,
    /// Or by SKU.
    #[serde(default)]
    #[schema(max_length = 64)]
    sku: Option<String>,
    /// Or by what is scanned.
    #[serde(default)]
    #[schema(max_length = 64)]
    barcode: Option<String>,
    /// How many.
    #[serde(default)]
    quantity: Option<Quantity>,
    /// Or what a label with a price says is owed.
    #[serde(default)]
    amount: Option<Amount>,
    /// Another price of one.
    #[serde(default)]
    unit_price: Option<UnitPrice>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 200)]
    unit_price_reason: String,
    /// What a person takes off the line.
    #[serde(default)]
    reduction: Option<ReductionToTry>,
}

/// A percentage or an amount, one of the two.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReductionToTry {
    /// So much of what it costs.
    #[serde(default)]
    percent: Option<Percent>,
    /// This amount.
    #[serde(default)]
    amount: Option<Amount>,
    /// Why.
    #[schema(max_length = 200)]
    reason: String,
}

impl From<&ReductionToTry> for Reduction {
    fn from(reduction: &ReductionToTry) -> Self {
        Self { percent: reduction.percent, amount: reduction.amount, reason: reduction.reason.clone() }
    }
}

/// A cart with every amount, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TriedCart {
    /// The store.
    store: String,
    /// The moment, in the store's time zone.
    #[schema(value_type = String)]
    at: NaiveDateTime,
    /// The tax area that the store lies in; null: none.
    tax_area_id: Option<TaxAreaId>,
    /// The currency of every amount.
    currency: Currency,
    /// The lines, each with why its price is what it is and what was taken off.
    lines: Vec<SoldLine>,
    /// Each tax: the sums of the lines'.
    taxes: Vec<DocumentTax>,
    /// The promotions that took something off.
    promotions: Vec<AppliedPromotion>,
    /// What became of each promotion that is on, and why.
    considered: Vec<TriedPromotion>,
    /// Whether the search for the best combination of promotions was cut short by its bound.
    bound_was_hit: bool,
    /// What stock the kits among the lines would take.
    kit_parts: Vec<TriedPart>,
    /// Sum of the lines' net.
    net: Amount,
    /// Sum of the lines' tax.
    tax: Amount,
    /// What is owed.
    total: Amount,
}

/// What became of a promotion.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TriedPromotion {
    /// The promotion.
    promotion_id: PromotionId,
    /// Its name.
    name: String,
    /// What became of it: `earned`, or why not.
    #[schema(value_type = String)]
    outcome: checkout::Outcome,
}

/// What a line takes of the stock of a part.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TriedPart {
    /// The kit's line.
    line_id: SaleLineId,
    /// The part.
    variant_id: VariantId,
    /// How much of it.
    quantity: Quantity,
}

impl CartToTry {
    /// Looks at what was asked, without the database; what is in a line is for `checkout` to refuse.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let mut checks = Checks::default();
        checks.code("/store", &self.store, 12);
        checks.ensure(
            self.at.is_none_or(|at| (1900..=2200).contains(&at.year())),
            "/at",
            "out_of_range",
            "It is between the years 1900 and 2200.",
        );
        let few = |count: usize, most: usize| (count <= most, format!("There are {most} at most."));
        for (pointer, (holds, detail)) in [
            ("/lines", few(self.lines.len(), checkout::MAX_LINES)),
            ("/coupons", few(self.coupons.len(), MOST_COUPONS)),
            ("/facts", few(self.facts.len(), MOST_FACTS)),
        ] {
            checks.ensure(holds, pointer, "too_many", detail);
        }
        for (at, coupon) in self.coupons.iter().enumerate().take(MOST_COUPONS) {
            checks.text(format!("/coupons/{at}"), coupon, LONGEST);
        }
        for (name, value) in self.facts.iter().take(MOST_FACTS) {
            checks.text("/facts", name, LONGEST);
            checks.text("/facts", value, LONGEST);
        }
        for (at, line) in self.lines.iter().enumerate().take(checkout::MAX_LINES) {
            let ways = [line.variant_id.is_some(), line.sku.is_some(), line.barcode.is_some()];
            checks.ensure(
                ways.iter().filter(|is_given| **is_given).count() == 1,
                format!("/lines/{at}/variant_id"),
                "one_of",
                "A line has one of variant_id, sku and barcode.",
            );
            checks.ensure(
                line.quantity.is_some() || line.amount.is_some(),
                format!("/lines/{at}/quantity"),
                "missing_field",
                "A line has a quantity, or the amount of its label.",
            );
            for (name, code) in [("sku", &line.sku), ("barcode", &line.barcode)] {
                if let Some(code) = code {
                    checks.code(format!("/lines/{at}/{name}"), code, 64);
                }
            }
        }
        checks.done()
    }
}

/// Computes it.
pub(super) async fn compute(tx: &mut Tx, cx: &Context, asked: &CartToTry) -> Result<TriedCart, Problem> {
    let shop = load::shop(tx, &asked.store).await?.filter(|shop| {
        match cx.actor.person().map(|person| &person.stores) {
            Some(StoreScope::Only(stores)) => stores.contains(&shop.id.uuid()),
            Some(StoreScope::All) | None => true,
        }
    });
    let shop = shop.ok_or_else(|| Problem::invalid("/store", "unknown", "There is no such store."))?;
    let zone: Tz = shop.time_zone.parse().map_err(Problem::internal)?;
    let at = asked.at.unwrap_or_else(|| cx.now.with_timezone(&zone).naive_local());
    let mut barcodes: Vec<String> = asked.lines.iter().filter_map(|line| line.barcode.clone()).collect();
    let labels = load::labels(tx, &barcodes).await?;
    barcodes.extend(labels.values().map(|label| label.item.clone()));
    let wanted = load::Wanted {
        variants: asked.lines.iter().filter_map(|line| line.variant_id).map(VariantId::uuid).collect(),
        skus: asked.lines.iter().filter_map(|line| line.sku.clone()).collect(),
        barcodes,
        customer: asked.customer_id,
        at,
    };
    let loaded = load::load(tx, &shop, &wanted).await?;
    let cart = cart(cx, asked, &loaded, &labels)?;
    let rules = rules(asked, &shop, at).in_area(loaded.records.tax_area.as_ref());
    let tax_area_id = loaded.records.tax_area.as_ref().map(|area| area.id);
    let catalogue = loaded.records.catalogue(shop.currency);
    let sale = checkout::compute(&cart, &catalogue, &rules).map_err(|refusals| refused(&refusals))?;
    let names: BTreeMap<PromotionId, &str> =
        catalogue.promotions.iter().map(|promotion| (promotion.id, promotion.name.as_str())).collect();
    Ok(TriedCart {
        store: shop.code,
        at,
        tax_area_id,
        currency: sale.currency,
        lines: sale.lines,
        taxes: sale.taxes,
        promotions: sale.promotions,
        considered: sale
            .considered
            .into_iter()
            .map(|considered| TriedPromotion {
                promotion_id: considered.promotion_id,
                name: names.get(&considered.promotion_id).copied().unwrap_or_default().to_owned(),
                outcome: considered.outcome,
            })
            .collect(),
        bound_was_hit: sale.bound_was_hit,
        kit_parts: sale
            .kit_parts
            .into_iter()
            .map(|part| TriedPart {
                line_id: part.line_id,
                variant_id: part.variant_id,
                quantity: part.quantity,
            })
            .collect(),
        net: sale.net,
        tax: sale.tax,
        total: sale.total,
    })
}

fn rules(asked: &CartToTry, shop: &Shop, at: NaiveDateTime) -> Rules {
    Rules {
        store_id: shop.id,
        currency: shop.currency,
        price_level_id: shop.price_level_id,
        tax_rounding: shop.tax_rounding,
        rounding_mode: shop.rounding_mode,
        at,
        limits: Limits { max_reduction_percent: asked.max_reduction_percent, ..Limits::NONE },
    }
}

fn cart(
    cx: &Context,
    asked: &CartToTry,
    loaded: &Loaded,
    labels: &BTreeMap<String, Label>,
) -> Result<Cart, Problem> {
    let mut checks = Checks::default();
    let mut lines = Vec::with_capacity(asked.lines.len());
    for (at, line) in asked.lines.iter().enumerate() {
        let sku = line.sku.as_ref().map(|sku| format!("sku {sku}"));
        let code = sku.or_else(|| line.barcode.as_ref().map(|code| format!("barcode {code}")));
        let by_code = code.and_then(|code| loaded.by_code.get(&code).copied());
        // A code that stands for a variant by itself is no label.
        let label = line.barcode.as_ref().filter(|_| by_code.is_none()).and_then(|code| labels.get(code));
        let by_label =
            || label.and_then(|label| loaded.by_code.get(&format!("barcode {}", label.item)).copied());
        let Some(variant_id) = line.variant_id.or(by_code).or_else(by_label) else {
            let field = if line.sku.is_some() { "sku" } else { "barcode" };
            let detail = format!("Nothing of this {field} is sold.");
            checks.fail(format!("/lines/{at}/{field}"), "unknown_variant", detail);
            continue;
        };
        if label.is_some() && line.quantity != Some(Quantity::ONE) {
            let detail =
                "A label is that of one pack: its line has the quantity 1, and what the label says counts.";
            checks.fail(format!("/lines/{at}/quantity"), "not_one", detail);
            continue;
        }
        let id = line.id.unwrap_or_else(|| SaleLineId::new(cx.new_id()));
        let cart_line = CartLine {
            label_amount: line.amount,
            unit_price: line.unit_price.map(|price| checkout::written(price, loaded.currency)),
            unit_price_reason: line.unit_price_reason.clone(),
            reduction: line.reduction.as_ref().map(Into::into),
            scanned_code: line.barcode.clone(),
            ..CartLine::new(id, variant_id, line.quantity.map(Quantity::normalized).unwrap_or_default())
        };
        lines.push(match label {
            Some(label) => label.on(cart_line),
            None => cart_line,
        });
    }
    let customer: Option<Customer> = match (asked.customer_id, &loaded.customer) {
        (Some(_), None) => {
            checks.fail("/customer_id", "unknown", "There is no such customer.");
            None
        }
        (_, known) => known.clone(),
    };
    checks.done()?;
    Ok(Cart {
        lines,
        customer,
        coupons: asked.coupons.clone(),
        facts: asked.facts.clone(),
        reduction: asked.reduction.as_ref().map(Into::into),
    })
}

/// What `checkout` refuses, each with its pointer and code.
fn refused(refusals: &checkout::Refusals) -> Problem {
    Problem::invalid_fields(
        refusals
            .iter()
            .map(|refusal| FieldError {
                pointer: refusal.pointer.clone(),
                code: refusal.reason.code().into(),
                detail: refusal.reason.to_string(),
            })
            .collect(),
    )
}
