//! From HQ's records to what a cart is computed against: a store and HQ's try-out keep them in other tables, and read the
//! same out of them.

use std::collections::BTreeMap;

use pricing_engine::{PriceRule, Promotion};
use serde::Deserialize;
use shared_model::catalogue::{
    BarcodeRuleRecord, DepartmentRecord, KitPartRecord, LabelBears, ProductRecord, VariantRecord,
};
use shared_model::customers::CustomerRecord;
use shared_model::ids::{DepartmentId, TaxGroupId, TaxId};
use shared_model::prices::PriceRecord;
use shared_model::tax_areas::TaxAreaRecord;
use shared_model::taxes::TaxRecord;
use shared_model::{Amount, Currency, Quantity, UnitPrice};
use tax_engine::{Exemption, FiscalMapping};

use crate::barcode::{Bears, PrefixRule, Scanned, read};
use crate::cart::{CartLine, Customer};
use crate::catalogue::{Catalogue, Item, KitPart, Rules, TaxGroup};

/// A tree of departments as deep as this is a ring.
const DEEPEST_TREE: usize = 32;

/// What HQ says of the goods of a cart. More than the cart needs does no harm.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The goods, each with its prices.
    pub items: Vec<ItemRecords>,
    /// Every department.
    pub departments: Vec<DepartmentRecord>,
    /// Every tax.
    pub taxes: Vec<TaxRecord>,
    /// Every tax group.
    pub tax_groups: Vec<TaxGroupRecords>,
    /// The tax area that the store lies in; none: taxes are as they are.
    pub tax_area: Option<TaxAreaRecord>,
    /// What the kits among the goods are made of, and the kits that those are made of.
    pub kit_parts: Vec<KitPartRecord>,
    /// The promotions of the store.
    pub promotions: Vec<Promotion>,
    /// The standing price rules.
    pub price_rules: Vec<PriceRule>,
}

/// A variant with what hangs on it.
#[derive(Debug, Clone, Deserialize)]
pub struct ItemRecords {
    /// The variant.
    pub variant: VariantRecord,
    /// Its product.
    pub product: ProductRecord,
    /// Whether HQ has taken either away.
    pub gone: bool,
    /// Its prices.
    pub prices: Vec<PriceRecord>,
}

/// A tax group with its members.
#[derive(Debug, Clone, Deserialize)]
pub struct TaxGroupRecords {
    /// The group.
    pub id: TaxGroupId,
    /// Its short code.
    pub code: String,
    /// Its taxes.
    pub tax_ids: Vec<TaxId>,
}

impl Records {
    /// What a cart in this currency is computed against. The taxes of the groups are those of the area.
    ///
    /// ```
    /// use checkout::{ItemRecords, Records, TaxGroupRecords};
    /// use serde_json::{from_value, json};
    ///
    /// let ids: Vec<_> = (0..6).map(uuid::Uuid::from_u128).collect();
    /// let mug: ItemRecords = from_value(json!({
    ///     "variant": {"id": ids[0], "product_id": ids[1], "sku": "MUG", "name": "", "position": 1, "archived": false},
    ///     "product": {
    ///         "id": ids[1], "department_id": ids[2], "name": "Mug", "description": "", "tax_group_id": ids[3],
    ///         "unit": "each", "quantity_decimals": 0, "discountable": true, "stock_policy": null, "archived": false,
    ///     },
    ///     "gone": false, "prices": [],
    /// }))?;
    /// let standard: TaxGroupRecords = from_value(json!({"id": ids[3], "code": "standard", "tax_ids": [ids[4]]}))?;
    /// // In this place the standard rate is another tax.
    /// let islands = from_value(json!({
    ///     "id": ids[5], "code": "IS", "name": "Islands", "country": "ES", "tax_rounding": "per_line",
    ///     "rounding_mode": "half_up", "mapping": [{"tax_id": ids[4], "becomes": [ids[5]]}],
    /// }))?;
    /// let records = Records {
    ///     items: vec![mug],
    ///     tax_groups: vec![standard],
    ///     tax_area: Some(islands),
    ///     ..Records::default()
    /// };
    /// let catalogue = records.catalogue("EUR".parse()?);
    /// assert_eq!(catalogue.items[&ids[0].into()].sku, "MUG");
    /// assert_eq!(catalogue.tax_groups[&ids[3].into()].tax_ids, [ids[5].into()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn catalogue(self, currency: Currency) -> Catalogue {
        let departments: BTreeMap<DepartmentId, DepartmentRecord> =
            self.departments.into_iter().map(|department| (department.id, department)).collect();
        let mut catalogue = Catalogue {
            taxes: self.taxes,
            promotions: self.promotions,
            price_rules: self.price_rules,
            ..Catalogue::default()
        };
        for mut item in self.items {
            for price in &mut item.prices {
                price.amount = written(price.amount, currency);
            }
            let mut above = Vec::new();
            let mut next = Some(item.product.department_id);
            while let Some(department) = next.and_then(|id| departments.get(&id)) {
                if above.len() == DEEPEST_TREE {
                    break;
                }
                above.push(department.clone());
                next = department.parent_id;
            }
            let mut goods = Item::new(&item.variant, &item.product, &above, item.prices);
            goods.archived |= item.gone;
            catalogue.items.insert(goods.variant_id, goods);
        }
        let mapping = FiscalMapping::new(
            self.tax_area
                .into_iter()
                .flat_map(|area| area.mapping)
                .map(|mapped| (mapped.tax_id, mapped.becomes)),
        );
        for group in self.tax_groups {
            let group_here = TaxGroup { code: group.code, tax_ids: mapping.map(&group.tax_ids) };
            catalogue.tax_groups.insert(group.id, group_here);
        }
        for part in self.kit_parts {
            let parts = catalogue.kits.entry(part.kit_id).or_default();
            parts.push(KitPart { variant_id: part.part_id, quantity: part.quantity });
        }
        catalogue
    }
}

impl Rules {
    /// The rules in this tax area, whose rounding goes before the store's own.
    ///
    /// ```
    /// use checkout::worlds::World;
    /// use serde_json::json;
    /// use shared_model::Rounding;
    ///
    /// let rules = World::of(json!({"items": [], "lines": []})).rules;
    /// let japan = serde_json::from_value(json!({
    ///     "id": uuid::Uuid::from_u128(1), "code": "JP", "name": "Japan", "country": "JP",
    ///     "tax_rounding": "per_document", "rounding_mode": "down", "mapping": [],
    /// }))?;
    /// assert_eq!(rules.clone().in_area(Some(&japan)).rounding_mode, Rounding::Down);
    /// assert_eq!(rules.clone().in_area(None), rules);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn in_area(mut self, area: Option<&TaxAreaRecord>) -> Self {
        if let Some(area) = area {
            self.tax_rounding = area.tax_rounding;
            self.rounding_mode = area.rounding_mode;
        }
        self
    }
}

impl From<CustomerRecord> for Customer {
    /// The customer as HQ knows them, with no promotion had before.
    fn from(record: CustomerRecord) -> Self {
        let certificate = Some(record.exemption_certificate).filter(|number| !number.trim().is_empty());
        Self {
            id: record.id,
            price_level_id: record.price_level_id,
            group: record.customer_group,
            promotion_uses: BTreeMap::new(),
            exemption: certificate.zip(record.exemption_expires_on).map(|(certificate, expires_on)| {
                Exemption {
                    certificate,
                    expires_on: Some(expires_on),
                    taxes: record.exemption_taxes.map(|taxes| taxes.into_iter().collect()),
                }
            }),
        }
    }
}

impl From<BarcodeRuleRecord> for PrefixRule {
    fn from(record: BarcodeRuleRecord) -> Self {
        let digits = |count: i16| usize::try_from(count).unwrap_or_default();
        Self {
            prefix: record.prefix,
            bears: match record.bears {
                LabelBears::Price => Bears::Price,
                LabelBears::Weight => Bears::Weight,
            },
            item_digits: digits(record.item_digits),
            value_digits: digits(record.value_digits),
            value_decimals: u32::try_from(record.value_decimals).unwrap_or_default(),
            value_check_digit: record.value_check_digit,
        }
    }
}

/// What the label of a scale says of one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The code by which its variant is known: prefix and item, zeros behind.
    pub item: String,
    value: LabelValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LabelValue {
    Price(Amount),
    Weight(Quantity),
}

impl Label {
    /// The line with what the label bears: the amount that is owed, its quantity then being derived, or the quantity.
    ///
    /// ```
    /// use checkout::{CartLine, labels};
    /// use shared_model::Quantity;
    /// use shared_model::catalogue::{BarcodeRuleRecord, LabelBears};
    /// use uuid::Uuid;
    ///
    /// let rule = BarcodeRuleRecord {
    ///     id: Uuid::from_u128(1).into(), prefix: "22".to_owned(), bears: LabelBears::Price, item_digits: 5,
    ///     value_digits: 5, value_decimals: 2, value_check_digit: false,
    /// };
    /// let line = CartLine::new(Uuid::from_u128(2).into(), Uuid::from_u128(3).into(), Quantity::ONE);
    /// let line = labels(["2212345004461"], [rule])["2212345004461"].on(line);
    /// assert_eq!(line.label_amount, Some("4.46".parse()?));
    /// assert!(line.quantity.is_zero());
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    #[must_use]
    pub fn on(&self, line: CartLine) -> CartLine {
        match self.value {
            LabelValue::Price(amount) => {
                CartLine { label_amount: Some(amount), quantity: Quantity::ZERO, ..line }
            }
            LabelValue::Weight(quantity) => CartLine { quantity, ..line },
        }
    }
}

/// Those of the codes that are labels by the chain's rules, with what they say. A code that is misread, or that stands for
/// a variant by itself, is none.
///
/// ```
/// use checkout::{Label, labels};
/// use shared_model::catalogue::{BarcodeRuleRecord, LabelBears};
/// use shared_model::ids::BarcodeRuleId;
///
/// let cheese = BarcodeRuleRecord {
///     id: BarcodeRuleId::new(uuid::Uuid::nil()),
///     prefix: "22".to_owned(),
///     bears: LabelBears::Price,
///     item_digits: 5,
///     value_digits: 5,
///     value_decimals: 2,
///     value_check_digit: false,
/// };
/// let labels = labels(["2212345004461", "2212345004462", "MUG"], [cheese]);
/// assert_eq!(labels.len(), 1);
/// let pack: &Label = &labels["2212345004461"];
/// assert_eq!(pack.item, "2212345000005");
/// ```
#[must_use]
pub fn labels<'a>(
    codes: impl IntoIterator<Item = &'a str>,
    rules: impl IntoIterator<Item = BarcodeRuleRecord>,
) -> BTreeMap<String, Label> {
    let rules: Vec<PrefixRule> = rules.into_iter().map(Into::into).collect();
    let label = |code: &str| match read(code, &rules) {
        Ok(Scanned::Price { item, amount }) => Some(Label { item, value: LabelValue::Price(amount) }),
        Ok(Scanned::Weight { item, quantity }) => Some(Label { item, value: LabelValue::Weight(quantity) }),
        Ok(Scanned::Code { .. }) | Err(_) => None,
    };
    codes.into_iter().filter_map(|code| Some((code.to_owned(), label(code)?))).collect()
}

/// The price as it is written everywhere: with the currency's decimals, or with the more that it has.
///
/// ```
/// use checkout::written;
///
/// let euro = "EUR".parse()?;
/// assert_eq!(written("2.5".parse()?, euro).to_string(), "2.50");
/// assert_eq!(written("0.437500".parse()?, euro).to_string(), "0.4375");
/// # Ok::<(), shared_model::MoneyError>(())
/// ```
#[must_use]
pub fn written(price: UnitPrice, currency: Currency) -> UnitPrice {
    let price = price.normalized();
    if price.decimals() < currency.exponent() {
        price.with_decimals(currency.exponent()).unwrap_or(price)
    } else {
        price
    }
}
