//! Price rules with conditions: another price, or a part more or less, where they hold.

use serde::{Deserialize, Serialize};
use shared_model::{Amount, MoneyError, Percent, Quantity, Rounding, UnitPrice};
use uuid::Uuid;

use crate::conditions::{Condition, Situation};
use crate::promotion::{Goods, Selection};

/// A standing rule about the price of one unit; applied after sale prices and quantity breaks, before promotions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceRule {
    /// The rule.
    pub id: Uuid,
    /// Its name; the line says it.
    pub name: String,
    /// The rules of one cart are applied in this order, lowest first, then by id.
    pub sequence: i32,
    /// What it is about.
    pub of: Selection,
    /// What must be so, all of it.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// What it does to the price.
    pub effect: RuleEffect,
}

/// What a price rule does to the price of one unit.
///
/// ```
/// use pricing_engine::RuleEffect;
///
/// assert_eq!(serde_json::from_str::<RuleEffect>(r#"{"markup": "12.5"}"#)?, RuleEffect::Markup("12.5".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// This is the price.
    Override(UnitPrice),
    /// So much less, in percent of the price.
    Discount(Percent),
    /// So much more, in percent of the price.
    Markup(Percent),
}

/// A rule that held, for the line to say why it costs what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleHeld<'a> {
    /// The rule.
    pub rule: &'a PriceRule,
    /// The price of one after it, in the store's currency.
    pub price: UnitPrice,
}

/// The price of one unit after all rules that hold, and each of them in order. Unit prices keep 6 decimals, rounded half
/// away from zero; a price does not go below zero. `quantity` is what is bought of the variant in all its lines together.
///
/// Each rule works on the price that the one before it left:
///
/// ```
/// use std::collections::BTreeMap;
///
/// use pricing_engine::{Goods, PriceRule, RuleEffect, RuleHeld, Selection, Situation, by_rules};
/// use uuid::Uuid;
///
/// let rule = |id, sequence, effect| PriceRule {
///     id: Uuid::from_u128(id),
///     name: format!("rule {id}"),
///     sequence,
///     of: Selection::everything(),
///     conditions: Vec::new(),
///     effect,
/// };
/// // Listed out of order: the half comes after the markup.
/// let rules = [rule(1, 20, RuleEffect::Discount("50".parse()?)), rule(2, 10, RuleEffect::Markup("10".parse()?))];
/// let goods = Goods {
///     variant_id: Uuid::from_u128(3).into(),
///     product_id: Uuid::from_u128(4).into(),
///     departments: &[],
/// };
/// # let (uses, facts) = (BTreeMap::new(), BTreeMap::new());
/// # let situation = Situation {
/// #     store_id: Uuid::from_u128(1).into(), at: "2026-11-27T18:30:00".parse()?, customer_id: None,
/// #     customer_group: None, promotion_uses: &uses, coupons: &[], facts: &facts,
/// # };
/// let (price, held) = by_rules("20.00".parse()?, &rules, &goods, "1".parse()?, &situation)?;
/// assert_eq!(price, "11".parse()?);
/// let RuleHeld { rule, price } = held[0];
/// assert_eq!((rule.id, price), (Uuid::from_u128(2), "22".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MoneyError::OutOfBounds`] when a markup goes beyond what a price can be.
pub fn by_rules<'a>(
    price: UnitPrice,
    rules: &'a [PriceRule],
    goods: &Goods<'_>,
    quantity: Quantity,
    situation: &Situation<'_>,
) -> Result<(UnitPrice, Vec<RuleHeld<'a>>), MoneyError> {
    let mut holding: Vec<&PriceRule> = rules
        .iter()
        .filter(|rule| rule.of.takes(goods))
        .filter(|rule| rule.conditions.iter().all(|condition| condition.holds(situation, quantity)))
        .collect();
    holding.sort_by_key(|rule| (rule.sequence, rule.id));
    let mut now = price;
    let mut held = Vec::with_capacity(holding.len());
    for rule in holding {
        let part = |percent: Percent| -> Result<UnitPrice, MoneyError> {
            Ok(percent.of(Amount::from(now), 6, Rounding::HalfUp)?.normalized().into())
        };
        now = match rule.effect {
            RuleEffect::Override(price) => price,
            RuleEffect::Discount(percent) => now.minus(part(percent)?)?,
            RuleEffect::Markup(percent) => now.plus(part(percent)?)?,
        };
        if now.is_negative() {
            now = UnitPrice::ZERO;
        }
        held.push(RuleHeld { rule, price: now });
    }
    Ok((now, held))
}
