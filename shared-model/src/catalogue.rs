//! Products and the departments that they hang on, as HQ sends them down.
//!
//! A [`ProductRecord`] is what its [`VariantRecord`]s have in common; stock, prices and barcodes hang on variants. A kit is
//! a variant with [`KitPartRecord`]s. [`BarcodeRuleRecord`]s say what the labels of scales bear (GS1 General
//! Specifications, section 2.1: restricted circulation numbers are the company's own to define).
//!
//! What a record of an older HQ does not have takes its default, so a store may be newer than its HQ:
//!
//! ```
//! use shared_model::catalogue::{KitPartRecord, ProductRecord, VariantRecord};
//! use shared_model::selling::LineKind;
//!
//! let cheese: ProductRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "department_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12",
//!     "name": "Gouda", "description": "", "tax_group_id": null, "unit": "kg", "quantity_decimals": 3,
//!     "discountable": true, "stock_policy": null, "archived": false
//! }"#)?;
//! assert_eq!(cheese.kind, LineKind::Goods);
//! assert!(!cheese.open_price && cheese.minimum_age.is_none());
//!
//! // A hamper with two jars in it.
//! let hamper: VariantRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13", "product_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b14",
//!     "sku": "HAMPER", "name": "", "position": 1, "archived": false
//! }"#)?;
//! let jars: KitPartRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b15", "kit_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13",
//!     "part_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b16", "quantity": "2"
//! }"#)?;
//! assert_eq!(jars.kit_id, hamper.id);
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::ids::{BarcodeRuleId, DepartmentId, KitPartId, ProductId, TaxGroupId, VariantId};
use crate::money::UnitPrice;
use crate::quantity::Quantity;
use crate::selling::LineKind;

/// What a store does when a product is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum StockPolicy {
    /// Sells and flags.
    Allow,
    /// Refuses at the hold.
    Block,
}

/// A node of the tree that reports and tax defaults hang on.
///
/// ```
/// use shared_model::catalogue::DepartmentRecord;
///
/// let root: DepartmentRecord = serde_json::from_str(r#"{
///     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "parent_id": null, "code": "FOOD", "name": "Food",
///     "tax_group_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13", "archived": false
/// }"#)?;
/// assert!(root.parent_id.is_none() && root.tax_group_id.is_some());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DepartmentRecord {
    /// The department.
    pub id: DepartmentId,
    /// The one above; none for a root.
    pub parent_id: Option<DepartmentId>,
    /// Its short code, unique in the company.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The taxes of products that name none of their own.
    pub tax_group_id: Option<TaxGroupId>,
    /// No longer in use.
    pub archived: bool,
}

/// What is sold, apart from colour and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductRecord {
    /// The product.
    pub id: ProductId,
    /// Where it hangs in the tree.
    pub department_id: DepartmentId,
    /// Its name.
    pub name: String,
    /// More about it.
    pub description: String,
    /// Its taxes; none: the department's.
    pub tax_group_id: Option<TaxGroupId>,
    /// What a quantity of one is: `each`, `kg`, `m`.
    pub unit: String,
    /// How many decimals a quantity may have, 0 to 3.
    pub quantity_decimals: i16,
    /// Whether promotions and reductions may touch it.
    pub discountable: bool,
    /// What happens when it is not available; none: the store's policy.
    pub stock_policy: Option<StockPolicy>,
    /// What a line of it is about: goods, a deposit, a gift card, a tip.
    #[serde(default)]
    pub kind: LineKind,
    /// Whether a scale says how much of it is sold.
    #[serde(default)]
    pub weighed: bool,
    /// How old a customer must be, in years; none: anybody may buy it.
    #[serde(default)]
    pub minimum_age: Option<i16>,
    /// Whether the serial number of each is asked for.
    #[serde(default)]
    pub serial_required: bool,
    /// Whether its price is keyed.
    #[serde(default)]
    pub open_price: bool,
    /// The least that may be keyed; none: nothing.
    #[serde(default)]
    pub open_price_min: Option<UnitPrice>,
    /// The most that may be keyed; none: as much as there is.
    #[serde(default)]
    pub open_price_max: Option<UnitPrice>,
    /// No longer sold.
    pub archived: bool,
}

/// One colour or size of a product; stock, price and barcode hang on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariantRecord {
    /// The variant.
    pub id: VariantId,
    /// What it is a variant of.
    pub product_id: ProductId,
    /// Its stock-keeping unit, unique in the company.
    pub sku: String,
    /// What tells it from its siblings; empty for the only one.
    pub name: String,
    /// Its place among its siblings.
    pub position: i32,
    /// No longer sold.
    pub archived: bool,
}

/// A part of a kit: selling the kit takes the part's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KitPartRecord {
    /// The part's record.
    pub id: KitPartId,
    /// The kit.
    pub kit_id: VariantId,
    /// What it is made of; it may be a kit itself.
    pub part_id: VariantId,
    /// How many of it are in one kit, in the part's unit.
    pub quantity: Quantity,
}

/// What a label bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum LabelBears {
    /// The price of all of it.
    Price,
    /// Its weight, or another quantity.
    Weight,
}

/// What 13-digit codes with a prefix bear: prefix, item, value and check digit.
///
/// ```
/// use shared_model::catalogue::{BarcodeRuleRecord, LabelBears};
///
/// // 2P IIIII VVVVV C: item and a price in cents.
/// let deli: BarcodeRuleRecord = serde_json::from_str(r#"{
///     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "prefix": "22", "bears": "price", "item_digits": 5,
///     "value_digits": 5, "value_decimals": 2, "value_check_digit": false
/// }"#)?;
/// assert_eq!(deli.bears, LabelBears::Price);
/// assert_eq!(2 + deli.item_digits + deli.value_digits, 12, "and the check digit");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BarcodeRuleRecord {
    /// The rule.
    pub id: BarcodeRuleId,
    /// The first digits: `21`, `02`.
    pub prefix: String,
    /// What is embedded.
    pub bears: LabelBears,
    /// How many digits the item has.
    pub item_digits: i16,
    /// How many digits the value has.
    pub value_digits: i16,
    /// How many of those stand behind the point.
    pub value_decimals: i16,
    /// Whether a digit before the value proves it.
    pub value_check_digit: bool,
}
