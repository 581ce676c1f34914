//! What is being rung up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_model::ids::{CustomerId, PriceLevelId, PromotionId, SaleLineId, SalesRepId, VariantId};
use shared_model::{Amount, Percent, Quantity, UnitPrice};
use tax_engine::Exemption;

/// What is being rung up, before it is a sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Cart {
    /// What is bought, at least one line.
    pub lines: Vec<CartLine>,
    /// Who buys, where known.
    #[serde(default)]
    pub customer: Option<Customer>,
    /// The coupon codes that were shown.
    #[serde(default)]
    pub coupons: Vec<String>,
    /// What else is known of the sale, by name: what conditions of rules and promotions ask for.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// What a person takes off the whole sale; spread over its discountable lines.
    #[serde(default)]
    pub reduction: Option<Reduction>,
}

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CartLine {
    /// The line.
    pub id: SaleLineId,
    /// What is bought.
    pub variant_id: VariantId,
    /// How much of it, in the product's unit; above zero, but for deposits that come back and single-purpose cards that
    /// are used up. Zero for a label that bears a price: it is derived.
    #[serde(default)]
    pub quantity: Quantity,
    /// What a label that bears its price says is owed; such a line costs that, whatever the prices are.
    #[serde(default)]
    pub label_amount: Option<Amount>,
    /// The price of one as keyed: an override, or the price of an open-price product.
    #[serde(default)]
    pub unit_price: Option<UnitPrice>,
    /// Why it was overridden.
    #[serde(default)]
    pub unit_price_reason: String,
    /// What a person takes off the line.
    #[serde(default)]
    pub reduction: Option<Reduction>,
    /// Who gets the credit.
    #[serde(default)]
    pub sales_rep_id: Option<SalesRepId>,
    /// The code that was scanned, where the line keeps it.
    #[serde(default)]
    pub scanned_code: Option<String>,
}

impl CartLine {
    /// A line of so many of a variant, at its price: what a scan makes. Everything else is set on it.
    ///
    /// ```
    /// use checkout::{Cart, CartLine, Reduction};
    /// use shared_model::Quantity;
    /// use uuid::Uuid;
    ///
    /// let (line, mug) = (Uuid::from_u128(1), Uuid::from_u128(2));
    /// let dented = Reduction { percent: Some("10".parse()?), reason: "dented".to_owned(), ..Reduction::default() };
    /// let cart = Cart {
    ///     lines: vec![CartLine {
    ///         reduction: Some(dented),
    ///         ..CartLine::new(line.into(), mug.into(), Quantity::ONE)
    ///     }],
    ///     ..Cart::default()
    /// };
    /// // The same in JSON, where what is not said may be left out.
    /// let read: Cart = serde_json::from_value(serde_json::json!({"lines": [{
    ///     "id": line, "variant_id": mug, "quantity": "1", "reduction": {"percent": "10", "reason": "dented"},
    /// }]}))?;
    /// assert_eq!(read, cart);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn new(id: SaleLineId, variant_id: VariantId, quantity: Quantity) -> Self {
        Self {
            id,
            variant_id,
            quantity,
            label_amount: None,
            unit_price: None,
            unit_price_reason: String::new(),
            reduction: None,
            sales_rep_id: None,
            scanned_code: None,
        }
    }
}

/// What a person takes off by hand: a percentage or an amount, one of the two.
///
/// ```
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// // Half off, and 0.50 off, at once: which was meant?
/// let world = World::of(json!({
///     "items": [{"sku": "MUG", "price": "6.00"}],
///     "lines": [{"sku": "MUG", "reduction": {"percent": "50", "amount": "0.50", "reason": "dented"}}],
/// }));
/// let refusals = world.compute().unwrap_err();
/// assert_eq!(refusals.iter().next().map(|refusal| refusal.reason.code()), Some("reduction_unclear"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reduction {
    /// So much of what the line (or sale) costs, in percent: above 0, at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// This amount, in the store's currency: above zero, at most what it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Why.
    pub reason: String,
}

/// Who buys.
///
/// ```
/// use checkout::Customer;
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let shop = |customer: serde_json::Value| World::of(json!({
///     "taxes": [{"code": "vat", "rate": "20", "included": true}],
///     "items": [{"sku": "CHAIR", "price": "60.00", "taxes": ["vat"]}],
///     "lines": [{"sku": "CHAIR"}],
///     "customer": customer,
/// }));
/// let id = uuid::Uuid::from_u128(1);
/// assert_eq!(shop(json!({"id": id})).compute()?.total, "60.00".parse()?);
/// // Spared the tax, they pay what the price is without it.
/// let embassy = json!({"id": id, "exemption": {"certificate": "15.10/4711", "expires_on": "2026-12-31"}});
/// let sale = shop(embassy).compute()?;
/// assert_eq!((sale.total, sale.lines[0].tax_relief), ("50.00".parse()?, "10.00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The customer.
    pub id: CustomerId,
    /// Their price level, which goes before the store's.
    #[serde(default)]
    pub price_level_id: Option<PriceLevelId>,
    /// The group that promotions know them by.
    #[serde(default)]
    pub group: Option<String>,
    /// How often they have had each promotion before.
    #[serde(default)]
    pub promotion_uses: BTreeMap<PromotionId, u32>,
    /// Why they bear no tax, or not all of it; none: they bear it.
    #[serde(default)]
    pub exemption: Option<Exemption>,
}
