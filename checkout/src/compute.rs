//! A cart priced, reduced and taxed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use pricing_engine::{Asked, Goods, Outcome, Promoted, Situation, by_rules, price, promote};
use serde::{Deserialize, Serialize};
use shared_model::ids::{PriceLevelId, PromotionId, SaleLineId, VariantId};
use shared_model::selling::{
    AppliedPromotion, AppliedReduction, DocumentTax, LineKind, PriceReason, SoldLine,
};
use shared_model::{Amount, Currency, MoneyError, Quantity, Rounding, UnitPrice, divide};

use crate::cart::{Cart, CartLine};
use crate::catalogue::{Catalogue, Item, Rules};
use crate::kits::{self, PartTaken};
use crate::refusal::{Refusal, RefusalReason, Refusals};
use crate::{MAX_LINES, MAX_ROUNDED_AWAY, MAX_TEXT, reductions, tax};

/// A cart with every amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComputedSale {
    /// The currency of every amount in it.
    pub currency: Currency,
    /// The lines, in the order of the cart.
    pub lines: Vec<SoldLine>,
    /// Each tax: the sums of the lines'.
    pub taxes: Vec<DocumentTax>,
    /// The promotions that took something off.
    pub promotions: Vec<AppliedPromotion>,
    /// What became of each promotion of the catalogue, and why.
    #[serde(default)]
    pub considered: Vec<ConsideredPromotion>,
    /// Whether the search for the best combination of promotions was cut short by its bound.
    #[serde(default)]
    pub bound_was_hit: bool,
    /// Lines that come back and do not go to saleable stock.
    #[serde(default)]
    pub unstocked: BTreeSet<SaleLineId>,
    /// What stock the kits among the lines take: their parts'.
    #[serde(default)]
    pub kit_parts: Vec<PartTaken>,
    /// The number of the certificate by which the customer is spared a tax here; none: they are spared none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_certificate: Option<String>,
    /// Sum of the lines' net.
    pub net: Amount,
    /// Sum of the lines' tax.
    pub tax: Amount,
    /// What is owed: net + tax.
    pub total: Amount,
}

/// What became of a promotion.
///
/// ```
/// use checkout::Outcome;
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "items": [{"sku": "MUG", "price": "6.00"}],
///     "lines": [{"sku": "MUG"}],
///     "promotions": [{
///         "when": {"coupon": "SPRING"},
///         "offer": {"kind": "each", "of": "all", "effect": {"percent": "10"}},
///     }],
/// }));
/// assert_eq!(world.compute()?.considered[0].outcome, Outcome::NoCoupon);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsideredPromotion {
    /// The promotion.
    pub promotion_id: PromotionId,
    /// What became of it.
    pub outcome: Outcome,
}

/// A line on its way: what it is, and what it costs so far.
pub(crate) struct Draft<'a> {
    /// Its place in the cart.
    pub(crate) at: usize,
    pub(crate) line: &'a CartLine,
    pub(crate) item: &'a Item,
    /// How much of it: as the cart says, or as a label's amount works out.
    pub(crate) quantity: Quantity,
    pub(crate) regular: UnitPrice,
    pub(crate) unit_price: UnitPrice,
    pub(crate) price_reason: PriceReason,
    /// What the line is worth at its regular price: what savings are shared by.
    pub(crate) regular_value: Amount,
    /// What the line costs by price rules, before anything is taken off.
    pub(crate) value: Amount,
    /// What was taken off so far, in order.
    pub(crate) reductions: Vec<AppliedReduction>,
    /// What the line costs now.
    pub(crate) amount: Amount,
    /// How many of its pieces cost how much after promotions, where they are not alike.
    pub(crate) pieces: Vec<(u32, Amount)>,
}

/// By what equal remainders of shared cents are told apart: the larger amount first, then tax group, SKU and line id,
/// never the position.
pub(crate) type Tie<'a> = (Reverse<Amount>, &'a str, &'a str, SaleLineId);

impl Draft<'_> {
    pub(crate) fn take_off(&mut self, reduction: AppliedReduction) -> Result<(), MoneyError> {
        self.amount = self.amount.minus(reduction.amount())?;
        self.reductions.push(reduction);
        Ok(())
    }
}

/// Prices a cart: price rules, promotions, reductions by hand within the person's limits, taxes, sums.
///
/// The same cart gives the same answer, whatever the order of its lines, of the catalogue and of the promotions; ties of
/// shared cents go by the larger amount, then by tax group, SKU and line id.
///
/// 1. Each line has its price: regular, sale, quantity break, price rules; or what its label bears; or what was keyed for
///    an open price.
/// 2. Promotions, by class ([`Promotion`](crate::Promotion)), shared by the lines that earned them.
/// 3. Reductions by hand, held against [`Limits`](crate::Limits) all together, an override included.
/// 4. Taxes of what is left, as [`Rules`] say.
///
/// ```
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "taxes": [{"code": "vat", "rate": "20", "included": true}],
///     "items": [{"sku": "MUG", "price": "6.00", "taxes": ["vat"]}],
///     "lines": [{"sku": "MUG", "quantity": "3"}],
///     "promotions": [{"offer": {"kind": "mix_and_match", "of": ["MUG"], "quantity": 3, "effect": {"cheapest_free": 1}}}],
/// }));
/// let sale = checkout::compute(&world.cart, &world.catalogue, &world.rules)?;
/// assert_eq!(sale.total, "12.00".parse()?);
/// assert_eq!(sale.promotions[0].times, 1);
/// assert_eq!(sale.lines[0].reduction, "6.00".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Every reason that is found, each with a pointer to its field. Lines that are wrong are told all at once; what is wrong
/// with reductions and taxes, once the lines are right.
///
/// ```
/// # use checkout::worlds::World;
/// # use serde_json::json;
/// let world = World::of(json!({
///     "items": [{"sku": "MUG", "price": "6.00"}, {"sku": "OLD", "price": "1.00", "archived": true}],
///     "lines": [{"sku": "MUG", "quantity": "0.5"}, {"sku": "OLD"}],
/// }));
/// let refusals = checkout::compute(&world.cart, &world.catalogue, &world.rules).unwrap_err();
/// let told: Vec<_> = refusals.iter().map(|refusal| (refusal.pointer.as_str(), refusal.reason.code())).collect();
/// assert_eq!(told, [("/lines/0/quantity", "too_many_decimals"), ("/lines/1/variant_id", "no_longer_sold")]);
/// ```
pub fn compute(cart: &Cart, catalogue: &Catalogue, rules: &Rules) -> Result<ComputedSale, Refusals> {
    let situation = situation(cart, rules);
    let mut drafts = price_lines(cart, catalogue, rules, &situation)?;
    let promoted = take_promotions(catalogue, rules, &situation, &mut drafts)
        .map_err(|error| Refusal::new("/lines", error.into()))?;
    reductions::by_hand(cart, catalogue, rules, &mut drafts)?;
    let exemption = cart.customer.as_ref().and_then(|customer| customer.exemption.as_ref());
    let taxed = tax::of_lines(&drafts, catalogue, rules, exemption)?;
    let is_spared = taxed.iter().any(|taxed| taxed.is_spared);
    let certificate = exemption.filter(|_| is_spared).map(|exemption| exemption.certificate.clone());
    if certificate.as_ref().is_some_and(|certificate| certificate.len() > MAX_TEXT) {
        let reason = RefusalReason::TextTooLong { most: MAX_TEXT };
        return Err(Refusal::new("/customer/exemption/certificate", reason).into());
    }
    let mut lines = Vec::with_capacity(drafts.len());
    for (draft, taxed) in drafts.into_iter().zip(taxed) {
        let reduction = Amount::sum(draft.reductions.iter().map(AppliedReduction::amount))
            .map_err(|error| Refusal::line(draft.at, "reduction", error))?;
        let Draft { line, item, .. } = draft;
        if taxed.goes_another_way(draft.quantity.is_negative()) {
            let field = if draft.reductions.is_empty() { "quantity" } else { "reduction" };
            return Err(Refusal::line(draft.at, field, RefusalReason::BelowItsTaxes).into());
        }
        lines.push(SoldLine {
            id: line.id,
            variant_id: item.variant_id,
            product_id: item.product_id,
            department_id: item.department_id,
            department_name: item.department_name.clone(),
            sku: item.sku.clone(),
            name: item.name.clone(),
            quantity: draft.quantity,
            unit: item.unit.clone(),
            regular_unit_price: draft.regular,
            unit_price: draft.unit_price,
            price_reason: draft.price_reason,
            reductions: draft.reductions,
            reduction,
            net: taxed.net,
            tax: taxed.tax,
            gross: taxed.gross,
            taxes: taxed.taxes,
            sales_rep_id: line.sales_rep_id,
            movement_id: None,
            line_kind: item.kind,
            label_amount: line.label_amount,
            refunds: None,
            tax_relief: taxed.relief,
            scanned_code: line.scanned_code.clone(),
        });
    }
    let number = |error: MoneyError| Refusal::new("/lines", error.into());
    let promotions = applied(&promoted, catalogue, &lines).map_err(number)?;
    let sale = total(rules.currency, lines, promotions).map_err(number)?;
    let considered = catalogue.promotions.iter().zip(promoted.outcomes);
    Ok(ComputedSale {
        considered: considered
            .map(|(promotion, outcome)| ConsideredPromotion { promotion_id: promotion.id, outcome })
            .collect(),
        bound_was_hit: promoted.bound_was_hit,
        kit_parts: kits::parts_taken(&sale.lines, catalogue)?,
        exemption_certificate: certificate,
        ..sale
    })
}

/// What is known of the sale while it is priced.
fn situation<'a>(cart: &'a Cart, rules: &Rules) -> Situation<'a> {
    static NONE: BTreeMap<PromotionId, u32> = BTreeMap::new();
    let customer = cart.customer.as_ref();
    Situation {
        store_id: rules.store_id,
        at: rules.at,
        customer_id: customer.map(|customer| customer.id),
        customer_group: customer.and_then(|customer| customer.group.as_deref()),
        promotion_uses: customer.map_or(&NONE, |customer| &customer.promotion_uses),
        coupons: &cart.coupons,
        facts: &cart.facts,
    }
}

/// Takes off what promotions save.
fn take_promotions(
    catalogue: &Catalogue,
    rules: &Rules,
    situation: &Situation<'_>,
    drafts: &mut [Draft<'_>],
) -> Result<Promoted, MoneyError> {
    if catalogue.promotions.is_empty() {
        return Ok(Promoted::default());
    }
    let lines: Vec<pricing_engine::Line<'_>> = drafts
        .iter()
        .map(|draft| pricing_engine::Line {
            id: draft.line.id,
            tax_group: reductions::group_code(draft, catalogue),
            sku: &draft.item.sku,
            goods: goods(draft.item),
            quantity: draft.quantity,
            is_counted: draft.item.quantity_decimals == 0 && draft.line.label_amount.is_none(),
            amount: draft.amount,
            regular_value: draft.regular_value,
            takes_promotions: reductions::takes_reductions(draft),
        })
        .collect();
    let promoted =
        promote(&catalogue.promotions, &lines, situation, rules.currency.exponent(), rules.rounding_mode)?;
    for saving in &promoted.savings {
        let promotion = catalogue.promotions.get(saving.promotion);
        if let (Some(draft), Some(promotion)) = (drafts.get_mut(saving.line), promotion) {
            draft.take_off(AppliedReduction::Promotion {
                promotion_id: promotion.id,
                name: promotion.name.clone(),
                amount: saving.amount,
            })?;
        }
    }
    for pieces in &promoted.pieces {
        if let Some(draft) = drafts.get_mut(pieces.line) {
            draft.pieces.push((pieces.count, pieces.amount));
        }
    }
    Ok(promoted)
}

fn goods(item: &Item) -> Goods<'_> {
    Goods { variant_id: item.variant_id, product_id: item.product_id, departments: &item.departments }
}

/// The promotions that still take something off: an override puts an end to what its line had.
fn applied(
    promoted: &Promoted,
    catalogue: &Catalogue,
    lines: &[SoldLine],
) -> Result<Vec<AppliedPromotion>, MoneyError> {
    let mut sums: BTreeMap<PromotionId, Amount> = BTreeMap::new();
    for reduction in lines.iter().flat_map(|line| &line.reductions) {
        if let AppliedReduction::Promotion { promotion_id, amount, .. } = reduction {
            let sum = sums.entry(*promotion_id).or_default();
            *sum = sum.plus(*amount)?;
        }
    }
    let mut result = Vec::with_capacity(promoted.applied.len());
    for applied in &promoted.applied {
        let Some(promotion) = catalogue.promotions.get(applied.promotion) else { continue };
        if let Some(amount) = sums.remove(&promotion.id) {
            result.push(AppliedPromotion {
                promotion_id: promotion.id,
                name: promotion.name.clone(),
                times: applied.times,
                amount,
            });
        }
    }
    Ok(result)
}

/// The document of these lines: its taxes and sums.
pub(crate) fn total(
    currency: Currency,
    lines: Vec<SoldLine>,
    promotions: Vec<AppliedPromotion>,
) -> Result<ComputedSale, MoneyError> {
    let zero = Amount::from_units(0, currency.exponent())?;
    let mut sums = (zero, zero, zero);
    // Without signs: what is bought and what comes back do not hide one another.
    let mut sizes = (Amount::ZERO, Amount::ZERO);
    for line in &lines {
        sums = (sums.0.plus(line.net)?, sums.1.plus(line.tax)?, sums.2.plus(line.gross)?);
        let (before, after) = sizes_of(line)?;
        sizes = (sizes.0.plus(before)?.in_document()?, sizes.1.plus(after)?.in_document()?);
    }
    Quantity::sum(lines.iter().map(|line| line.quantity))?;
    let taxes = tax::of_document(&lines)?;
    Ok(ComputedSale {
        currency,
        lines,
        taxes,
        promotions,
        considered: Vec::new(),
        bound_was_hit: false,
        unstocked: BTreeSet::new(),
        kit_parts: Vec::new(),
        exemption_certificate: None,
        net: sums.0,
        tax: sums.1,
        total: sums.2,
    })
}

/// What a line came to before reductions, with its tax, and after them, without signs.
pub(crate) fn sizes_of(line: &SoldLine) -> Result<(Amount, Amount), MoneyError> {
    Ok((line.gross.plus(line.reduction)?.plus(line.tax_relief)?.abs(), line.gross.abs()))
}

/// Every line with its price by the rules, or every reason why not.
fn price_lines<'a>(
    cart: &'a Cart,
    catalogue: &'a Catalogue,
    rules: &Rules,
    situation: &Situation<'_>,
) -> Result<Vec<Draft<'a>>, Refusals> {
    if cart.lines.is_empty() {
        return Err(Refusal::new("/lines", RefusalReason::NoLines).into());
    }
    if cart.lines.len() > MAX_LINES {
        return Err(Refusal::new("/lines", RefusalReason::TooMany { most: MAX_LINES }).into());
    }
    let bought = bought_together(cart)?;
    let asked = asked(cart, rules);
    let mut ids = BTreeSet::new();
    let mut drafts = Vec::with_capacity(cart.lines.len());
    let mut refusals = Vec::new();
    for (at, line) in cart.lines.iter().enumerate() {
        if !ids.insert(line.id) {
            refusals.push(Refusal::line(at, "id", RefusalReason::DuplicateId));
        }
        let together = bought.get(&line.variant_id).copied().unwrap_or(line.quantity.abs());
        match price_line(at, line, catalogue, rules, situation, &asked, together) {
            Ok(draft) => drafts.push(draft),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Refusals::unless_empty(refusals)?;
    // Each line is rounded by less than a unit: few of one variant need no look.
    if drafts.len().saturating_sub(bought.len()) >= MAX_ROUNDED_AWAY.unsigned_abs() as usize {
        round_together(&mut drafts, rules)?;
    }
    Ok(drafts)
}

/// Lines of one variant at one price that, each rounded by itself, come to something else than together by more than
/// [`MAX_ROUNDED_AWAY`] are rounded together: each down, and the units that are left to the largest remainders.
fn round_together(drafts: &mut [Draft<'_>], rules: &Rules) -> Result<(), Refusal> {
    let decimals = rules.currency.exponent();
    let mut alike: BTreeMap<(VariantId, UnitPrice, bool), Vec<usize>> = BTreeMap::new();
    for (nth, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.line.label_amount.is_none()) {
        let key = (draft.item.variant_id, draft.unit_price, draft.quantity.is_negative());
        alike.entry(key).or_default().push(nth);
    }
    for ((_, price, _), places) in alike {
        let of = |nth: &usize| {
            drafts.get(*nth).map_or((Quantity::ZERO, Amount::ZERO), |draft| (draft.quantity, draft.value))
        };
        let Some(first) = places.first().and_then(|nth| drafts.get(*nth)) else { continue };
        let at = first.at;
        let here = |error: MoneyError| Refusal::line(at, "quantity", error);
        let quantity = Quantity::sum(places.iter().map(|nth| of(nth).0)).map_err(here)?;
        let apart = Amount::sum(places.iter().map(|nth| of(nth).1)).map_err(here)?;
        let whole = price.extend(quantity, decimals, rules.rounding_mode).map_err(here)?;
        let rounded_away = whole.minus(apart).and_then(|away| away.units(decimals)).map_err(here)?;
        if rounded_away.abs() <= MAX_ROUNDED_AWAY {
            continue;
        }
        let mut exact = Vec::with_capacity(places.len());
        for nth in &places {
            exact.push((*nth, exact_units(price, of(nth).0, decimals).map_err(here)?));
        }
        let floors: i128 = exact.iter().map(|(_, (floor, _))| floor).sum();
        let mut left = whole.abs().units(decimals).map_err(here)? - floors;
        exact.sort_by_key(|(nth, (floor, rest))| {
            (Reverse(*rest), Reverse(*floor), drafts.get(*nth).map(|draft| draft.line.id))
        });
        for (nth, (floor, rest)) in exact {
            let Some(draft) = drafts.get_mut(nth) else { continue };
            let one_more = i128::from(left > 0 && rest > 0);
            left -= one_more;
            let size = Amount::from_units(floor + one_more, decimals).map_err(here)?;
            draft.value = if draft.quantity.is_negative() { size.negate() } else { size };
            draft.amount = draft.value;
            if draft.regular == price {
                draft.regular_value = draft.value;
            }
        }
    }
    Ok(())
}

/// What so many come to, without sign: whole smallest units, and what is left in 10⁻⁹ of the currency.
fn exact_units(price: UnitPrice, quantity: Quantity, decimals: u32) -> Result<(i128, i128), MoneyError> {
    let product = price.units(6)?.checked_mul(quantity.abs().units(3)?).ok_or(MoneyError::OutOfBounds)?;
    let unit = 10_i128.checked_pow(9_u32.saturating_sub(decimals)).ok_or(MoneyError::OutOfBounds)?;
    Ok((product / unit, product % unit))
}

fn asked(cart: &Cart, rules: &Rules) -> Asked {
    let customer_level: Option<PriceLevelId> =
        cart.customer.as_ref().and_then(|customer| customer.price_level_id);
    Asked { store_id: rules.store_id, at: rules.at, customer_level, store_level: rules.price_level_id }
}

/// How much of each variant is bought in all its lines together; what labels bear is not priced by quantity.
fn bought_together(cart: &Cart) -> Result<BTreeMap<VariantId, Quantity>, Refusal> {
    let mut bought: BTreeMap<VariantId, Quantity> = BTreeMap::new();
    for (at, line) in cart.lines.iter().enumerate() {
        if line.label_amount.is_none() && line.quantity.is_positive() {
            let sum = bought.entry(line.variant_id).or_default();
            *sum = sum.plus(line.quantity).map_err(|error| Refusal::line(at, "quantity", error))?;
        }
    }
    Ok(bought)
}

fn price_line<'a>(
    at: usize,
    line: &'a CartLine,
    catalogue: &'a Catalogue,
    rules: &Rules,
    situation: &Situation<'_>,
    asked: &Asked,
    together: Quantity,
) -> Result<Draft<'a>, Refusal> {
    let decimals = rules.currency.exponent();
    let item = catalogue
        .items
        .get(&line.variant_id)
        .ok_or_else(|| Refusal::line(at, "variant_id", RefusalReason::UnknownVariant(line.variant_id)))?;
    if item.archived {
        let reason = RefusalReason::NoLongerSold { sku: item.sku.clone() };
        return Err(Refusal::line(at, "variant_id", reason));
    }
    if item.kind == LineKind::Tip && !catalogue.takes_tips {
        return Err(Refusal::line(at, "variant_id", RefusalReason::NoTips));
    }
    // Empties come back, and a single-purpose card is used up, without a receipt.
    let may_come_back = matches!(item.kind, LineKind::Deposit | LineKind::SinglePurposeCard);
    let is_derived = line.label_amount.is_some() && line.quantity.is_zero();
    let is_wrong_way = line.quantity.is_negative() && !may_come_back;
    if is_wrong_way || (line.quantity.is_zero() && !is_derived) {
        return Err(Refusal::line(at, "quantity", RefusalReason::QuantityNotPositive));
    }
    // What a label bears is owed whatever was weighed: its quantity is derived.
    let quantity_decimals = if line.label_amount.is_some() { 3 } else { item.quantity_decimals };
    line.quantity.in_precision(quantity_decimals).map_err(|error| Refusal::line(at, "quantity", error))?;
    for (field, text) in
        [("unit_price_reason", Some(&line.unit_price_reason)), ("scanned_code", line.scanned_code.as_ref())]
    {
        if text.is_some_and(|text| text.len() > MAX_TEXT) {
            return Err(Refusal::line(at, field, RefusalReason::TextTooLong { most: MAX_TEXT }));
        }
    }
    if line.unit_price.is_some_and(UnitPrice::is_negative) {
        return Err(Refusal::line(at, "unit_price", RefusalReason::NegativePrice));
    }
    let mut quantity = line.quantity;
    let (regular, unit_price, price_reason) = if let Some(amount) = line.label_amount {
        let (price, derived) = label_price(at, line, item, amount, asked, decimals)?;
        quantity = derived;
        (price, price, PriceReason::Label)
    } else {
        let (regular, price, reason) = unit_price(at, line, item, asked, together)?;
        let (price, held) = by_rules(price, &catalogue.price_rules, &goods(item), together, situation)
            .map_err(|error| Refusal::line(at, "quantity", error))?;
        match held.last() {
            Some(held) if reason != PriceReason::Keyed => {
                let instead_of = regular;
                let (rule_id, name) = (held.rule.id, held.rule.name.clone());
                (regular, price, PriceReason::Rule { rule_id, name, instead_of })
            }
            _ => (regular, price, reason),
        }
    };
    let extend = |price: UnitPrice| {
        price
            .extend(quantity, decimals, rules.rounding_mode)
            .map_err(|error| Refusal::line(at, "quantity", error))
    };
    let value = match line.label_amount {
        Some(amount) => {
            amount.with_decimals(decimals).map_err(|error| Refusal::line(at, "label_amount", error))?
        }
        None => extend(unit_price)?,
    };
    let regular_value = if line.label_amount.is_some() { value } else { extend(regular)? };
    // Named by what a person can change of it.
    let field = match (line.label_amount, line.unit_price) {
        (Some(_), _) => "label_amount",
        (None, Some(_)) => "unit_price",
        (None, None) => "quantity",
    };
    for amount in [value, regular_value] {
        amount.in_document().map_err(|error| Refusal::line(at, field, error))?;
    }
    Ok(Draft {
        at,
        line,
        item,
        quantity,
        regular,
        unit_price,
        price_reason,
        regular_value,
        value,
        reductions: Vec::new(),
        amount: value,
        pieces: Vec::new(),
    })
}

/// The price of one by the rules, or as keyed for an open-price product. An override comes later, by hand.
fn unit_price(
    at: usize,
    line: &CartLine,
    item: &Item,
    asked: &Asked,
    together: Quantity,
) -> Result<(UnitPrice, UnitPrice, PriceReason), Refusal> {
    if let (Some(open), Some(keyed)) = (item.open_price, line.unit_price) {
        if open.min.is_some_and(|min| keyed < min) || open.max.is_some_and(|max| keyed > max) {
            let reason = RefusalReason::OutsideOpenPrice { min: open.min, max: open.max };
            return Err(Refusal::line(at, "unit_price", reason));
        }
        return Ok((keyed, keyed, PriceReason::Keyed));
    }
    let Some(priced) = price(&item.prices, asked, together) else {
        let field = if item.open_price.is_some() { "unit_price" } else { "variant_id" };
        return Err(Refusal::line(at, field, RefusalReason::NoPrice { sku: item.sku.clone() }));
    };
    let reason = PriceReason::Listed {
        price_id: priced.price.id,
        price_kind: priced.price.kind,
        reason: priced.price.reason.clone(),
    };
    Ok((priced.regular.amount, priced.price.amount, reason))
}

/// A label's amount is what is owed. The price of one is shown as the list has it, or as the label works out; so is the
/// quantity, where the label does not say it.
fn label_price(
    at: usize,
    line: &CartLine,
    item: &Item,
    amount: Amount,
    asked: &Asked,
    decimals: u32,
) -> Result<(UnitPrice, Quantity), Refusal> {
    if line.unit_price.is_some() {
        return Err(Refusal::line(at, "unit_price", RefusalReason::LabelWithPrice));
    }
    if !amount.is_positive() {
        return Err(Refusal::line(at, "label_amount", RefusalReason::LabelOfNothing));
    }
    if line.quantity.is_negative() {
        return Err(Refusal::line(at, "quantity", RefusalReason::QuantityNotPositive));
    }
    let here = |error: MoneyError| Refusal::line(at, "label_amount", error);
    amount.units(decimals).map_err(here)?;
    let listed = price(&item.prices, asked, line.quantity).map(|priced| priced.regular.amount);
    let listed = listed.filter(|price| price.is_positive());
    let quantity = match (line.quantity.is_zero(), listed) {
        (false, _) => line.quantity,
        (true, Some(price)) => quantity_of_label(amount, price).map_err(here)?,
        (true, None) => Quantity::ONE,
    };
    // A scale that was told another price says another quantity: then one costs what the label works out.
    let fits = |price| quantity_of_label(amount, price).is_ok_and(|bought| bought == quantity.normalized());
    match listed.filter(|price| fits(*price)) {
        Some(price) => Ok((price, quantity)),
        None => Ok((reductions::per_unit(amount, quantity).map_err(here)?, quantity)),
    }
}

/// How much of something a label's amount buys, to 3 decimals; a thousandth at least.
fn quantity_of_label(amount: Amount, price: UnitPrice) -> Result<Quantity, MoneyError> {
    let thousandths = amount.units(6)?.checked_mul(1_000).ok_or(MoneyError::OutOfBounds)?;
    let quantity = divide(thousandths, price.units(6)?, Rounding::HalfUp)?;
    Ok(Quantity::from_units(quantity.max(1), 3)?.normalized())
}
