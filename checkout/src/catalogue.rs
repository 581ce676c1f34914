//! What a cart is computed against: the goods, their prices and taxes; the place, the moment and the person's limits.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use pricing_engine::{PriceRule, Promotion};
use serde::{Deserialize, Serialize};
use shared_model::catalogue::{DepartmentRecord, ProductRecord, VariantRecord};
use shared_model::ids::{DepartmentId, PriceLevelId, ProductId, StoreId, TaxGroupId, TaxId, VariantId};
use shared_model::prices::PriceRecord;
use shared_model::selling::LineKind;
use shared_model::taxes::{TaxRecord, TaxRounding};
use shared_model::{Currency, Percent, Quantity, Rounding, UnitPrice};

/// The goods that a cart may hold, and the rules about them. More than the cart needs does no harm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catalogue {
    /// Variants with all that a line keeps of them.
    pub items: BTreeMap<VariantId, Item>,
    /// The taxes that the tax groups name.
    pub taxes: Vec<TaxRecord>,
    /// The tax groups that the items name.
    pub tax_groups: BTreeMap<TaxGroupId, TaxGroup>,
    /// What kits are made of; a kit takes its parts' stock.
    #[serde(default)]
    pub kits: BTreeMap<VariantId, Vec<KitPart>>,
    /// Whether tips are taken; off unless the chain says otherwise.
    #[serde(default)]
    pub takes_tips: bool,
    /// Standing price rules.
    #[serde(default)]
    pub price_rules: Vec<PriceRule>,
    /// Promotions, those that are not on too.
    #[serde(default)]
    pub promotions: Vec<Promotion>,
}

/// A part of a kit.
///
/// ```
/// use checkout::{KitPart, PartTaken};
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let mut world = World::of(json!({
///     "items": [{"sku": "HAMPER", "price": "25.00"}, {"sku": "JAM", "price": "4.00"}],
///     "lines": [{"sku": "HAMPER", "quantity": "2"}],
/// }));
/// let ids: Vec<_> = world.catalogue.items.keys().copied().collect();
/// let jam = KitPart { variant_id: ids[1], quantity: "3".parse()? };
/// world.catalogue.kits.insert(ids[0], vec![jam]);
/// // Two hampers take six jars, and no hamper.
/// let PartTaken { variant_id, quantity, .. } = world.compute()?.kit_parts[0];
/// assert_eq!((variant_id, quantity), (ids[1], "6".parse()?));
/// assert!(world.completed().lines[0].movement_id.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KitPart {
    /// What; it may be a kit itself.
    pub variant_id: VariantId,
    /// How many of it in one kit.
    pub quantity: Quantity,
}

/// A variant with what its product and department say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item {
    /// The variant.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// The department that it hangs in.
    pub department_id: DepartmentId,
    /// That department's name.
    pub department_name: String,
    /// That department and those above it.
    #[serde(default)]
    pub departments: Vec<DepartmentId>,
    /// Its SKU.
    pub sku: String,
    /// The product's name, the variant's behind it.
    pub name: String,
    /// What a quantity of one is.
    pub unit: String,
    /// How many decimals a quantity may have, 0 to 3.
    pub quantity_decimals: u32,
    /// Whether promotions and reductions may touch it.
    pub discountable: bool,
    /// No longer sold.
    pub archived: bool,
    /// Its taxes: the product's, else, for goods, those of the nearest department that names any; none: it bears none. Gift
    /// cards for everything and tips bear none whatever this says.
    pub tax_group_id: Option<TaxGroupId>,
    /// What a line of it is about.
    #[serde(default)]
    pub kind: LineKind,
    /// Whether its price is keyed, and between what; none: it has prices.
    #[serde(default)]
    pub open_price: Option<OpenPrice>,
    /// Its prices; those of other stores, levels and times do no harm.
    pub prices: Vec<PriceRecord>,
}

impl Item {
    /// The variant as its records say. `departments` are the product's own and those above it, the nearest first: the taxes
    /// of a product that names none are those of the nearest department that does. [`Records`](crate::Records) calls this
    /// for whole catalogues.
    ///
    /// ```
    /// use checkout::Item;
    /// use serde_json::{from_value, json};
    ///
    /// let ids: Vec<_> = (0..5).map(uuid::Uuid::from_u128).collect();
    /// let variant = from_value(json!({
    ///     "id": ids[0], "product_id": ids[1], "sku": "MUG-RED", "name": "red", "position": 1, "archived": false,
    /// }))?;
    /// let product = from_value(json!({
    ///     "id": ids[1], "department_id": ids[2], "name": "Mug", "description": "", "tax_group_id": null, "unit": "each",
    ///     "quantity_decimals": 0, "discountable": true, "stock_policy": null, "archived": false,
    /// }))?;
    /// let kitchen = from_value(json!({
    ///     "id": ids[2], "parent_id": ids[3], "code": "K", "name": "Kitchen", "tax_group_id": null, "archived": false,
    /// }))?;
    /// let household = from_value(json!({
    ///     "id": ids[3], "parent_id": null, "code": "H", "name": "Household", "tax_group_id": ids[4], "archived": false,
    /// }))?;
    /// let item = Item::new(&variant, &product, &[kitchen, household], Vec::new());
    /// assert_eq!((item.name.as_str(), item.department_name.as_str()), ("Mug red", "Kitchen"));
    /// assert_eq!(item.tax_group_id, Some(ids[4].into()));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn new(
        variant: &VariantRecord,
        product: &ProductRecord,
        departments: &[DepartmentRecord],
        prices: Vec<PriceRecord>,
    ) -> Self {
        let name = if variant.name.is_empty() {
            product.name.clone()
        } else {
            format!("{} {}", product.name, variant.name)
        };
        Self {
            variant_id: variant.id,
            product_id: product.id,
            department_id: product.department_id,
            department_name: departments
                .first()
                .map(|department| department.name.clone())
                .unwrap_or_default(),
            departments: departments.iter().map(|department| department.id).collect(),
            sku: variant.sku.clone(),
            name,
            unit: product.unit.clone(),
            quantity_decimals: product.quantity_decimals.clamp(0, 3).unsigned_abs().into(),
            discountable: product.discountable,
            archived: product.archived || variant.archived,
            // A deposit is no sale of its department: it bears the taxes that it names itself, if any.
            tax_group_id: match product.kind {
                LineKind::Goods | LineKind::SinglePurposeCard => product
                    .tax_group_id
                    .or_else(|| departments.iter().find_map(|department| department.tax_group_id)),
                LineKind::Deposit | LineKind::GiftCard | LineKind::Tip => product.tax_group_id,
            },
            kind: product.kind,
            open_price: product
                .open_price
                .then_some(OpenPrice { min: product.open_price_min, max: product.open_price_max }),
            prices,
        }
    }
}

/// Between what the price of an open-price product is keyed.
///
/// ```
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let keyed = |price: &str| World::of(json!({
///     "items": [{"sku": "VARIOUS", "open_price": {"min": "0.50", "max": "20"}}],
///     "lines": [{"sku": "VARIOUS", "unit_price": price}],
/// }));
/// assert_eq!(keyed("12.30").compute()?.total, "12.30".parse()?);
/// let refusals = keyed("123.00").compute().unwrap_err();
/// assert_eq!(refusals.to_string(), "/lines/0/unit_price: the price of this product is keyed between 0.50 and 20");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenPrice {
    /// At least; none: from nothing on.
    pub min: Option<UnitPrice>,
    /// At most; none: as much as there is.
    pub max: Option<UnitPrice>,
}

/// A set of taxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxGroup {
    /// Its short code; ties of shared cents go by it.
    pub code: String,
    /// Its taxes.
    pub tax_ids: Vec<TaxId>,
}

/// Where and when a cart is computed, and what the person at the till may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rules {
    /// The store.
    pub store_id: StoreId,
    /// The currency of its till.
    pub currency: Currency,
    /// Its price level; none: the default.
    pub price_level_id: Option<PriceLevelId>,
    /// Where its tax is rounded.
    pub tax_rounding: TaxRounding,
    /// How extensions and tax are rounded there.
    pub rounding_mode: Rounding,
    /// The moment, in the store's time zone.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub at: NaiveDateTime,
    /// What the person may take off.
    pub limits: Limits,
}

/// What a person may take off by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Whether they may take off anything.
    pub may_reduce: bool,
    /// Whether they may key another price.
    pub may_override_price: bool,
    /// How much of a line's price after promotions they may take off in all, override included; none: all of it.
    pub max_reduction_percent: Option<Percent>,
}

impl Limits {
    /// No limits: somebody who may take off everything and key any price.
    ///
    /// ```
    /// use checkout::Limits;
    /// use checkout::worlds::World;
    /// use serde_json::json;
    ///
    /// let mut world = World::of(json!({
    ///     "items": [{"sku": "MUG", "price": "6.00"}],
    ///     "lines": [{"sku": "MUG", "reduction": {"percent": "20", "reason": "dented"}}],
    /// }));
    /// world.rules.limits = Limits { max_reduction_percent: Some("10".parse()?), ..Limits::NONE };
    /// let refusals = world.compute().unwrap_err();
    /// let said = "/lines/0/reduction: this person may take off at most 10 %, that is 0.60; this takes off 1.20";
    /// assert_eq!(refusals.to_string(), said);
    /// world.rules.limits = Limits::NONE;
    /// assert_eq!(world.compute()?.total, "4.80".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const NONE: Self = Self { may_reduce: true, may_override_price: true, max_reduction_percent: None };
}
