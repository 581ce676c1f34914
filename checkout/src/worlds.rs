//! Worlds from a few words of JSON: for the tests of this crate and of those that call it. What the words are is told in
//! `examples-data/README.md`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a world that cannot be is a mistake in a test"
)]

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::Deserialize;
use serde_json::{Value, json};
use shared_model::ids::{
    DepartmentId, MovementId, PaymentId, PriceId, ProductId, RegisterId, RegisterSessionId, SaleId,
    SaleLineId, StoreId, TaxGroupId, TaxId, TenderId, UserId, VariantId,
};
use shared_model::prices::{PriceKind, PriceRecord};
use shared_model::selling::{LineKind, SaleCompleted};
use shared_model::taxes::{TaxKind, TaxRecord, TaxRounding};
use shared_model::tenders::{TenderKind, TenderRecord};
use shared_model::{Amount, Percent, Quantity, Rounding, UnitPrice};
use uuid::Uuid;

use crate::{
    Cart, CartLine, Catalogue, ComputedSale, Customer, Item, Limits, OpenPrice, ReceiptHead, Reduction,
    Refusals, Rules, Settlement, TaxGroup, Tendered, complete, compute, prove, settle,
};

/// What a world is made of; see `examples-data/README.md`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    #[serde(default = "pounds")]
    currency: String,
    #[serde(default = "per_line")]
    rounding: TaxRounding,
    #[serde(default)]
    rounding_mode: Rounding,
    #[serde(default = "a_monday")]
    at: NaiveDateTime,
    #[serde(default)]
    cash_rounding: Option<Amount>,
    #[serde(default)]
    max_reduction_percent: Option<Percent>,
    #[serde(default)]
    taxes: Vec<TaxSpec>,
    items: Vec<ItemSpec>,
    lines: Vec<LineSpec>,
    #[serde(default)]
    reduction: Option<Reduction>,
    #[serde(default)]
    promotions: Vec<Value>,
    #[serde(default)]
    price_rules: Vec<Value>,
    #[serde(default)]
    coupons: Vec<String>,
    #[serde(default)]
    facts: BTreeMap<String, String>,
    #[serde(default)]
    customer: Option<Customer>,
    #[serde(default)]
    payments: Vec<PaymentSpec>,
}

fn pounds() -> String {
    "GBP".to_owned()
}

fn per_line() -> TaxRounding {
    TaxRounding::PerLine
}

fn a_monday() -> NaiveDateTime {
    "2026-11-23T10:00:00".parse().unwrap()
}

fn yes() -> bool {
    true
}

fn one() -> Quantity {
    Quantity::ONE
}

fn first() -> i32 {
    1
}

fn percent() -> TaxKind {
    TaxKind::Percent
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxSpec {
    code: String,
    #[serde(default = "percent")]
    kind: TaxKind,
    rate: String,
    #[serde(default)]
    included: bool,
    #[serde(default)]
    include_base_amount: bool,
    #[serde(default = "yes")]
    is_base_affected: bool,
    #[serde(default = "first")]
    sequence: i32,
    #[serde(default)]
    exempt_below: Option<UnitPrice>,
    #[serde(default)]
    part_above: Option<UnitPrice>,
    #[serde(default)]
    part_up_to: Option<UnitPrice>,
    #[serde(default)]
    from: Option<chrono::NaiveDate>,
    #[serde(default)]
    until: Option<chrono::NaiveDate>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemSpec {
    sku: String,
    #[serde(default)]
    price: Option<UnitPrice>,
    #[serde(default)]
    sale_price: Option<UnitPrice>,
    #[serde(default)]
    breaks: BTreeMap<String, UnitPrice>,
    #[serde(default)]
    taxes: Vec<String>,
    #[serde(default)]
    decimals: u32,
    #[serde(default = "yes")]
    discountable: bool,
    #[serde(default)]
    department: u128,
    #[serde(default)]
    kind: LineKind,
    #[serde(default)]
    open_price: Option<OpenPrice>,
    #[serde(default)]
    archived: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineSpec {
    sku: String,
    #[serde(default = "one")]
    quantity: Quantity,
    #[serde(default)]
    label_amount: Option<Amount>,
    #[serde(default)]
    unit_price: Option<UnitPrice>,
    #[serde(default)]
    reduction: Option<Reduction>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentSpec {
    tender: String,
    amount: Amount,
}

/// A cart, what it is computed against, and the tenders of the place.
#[derive(Debug, Clone)]
pub struct World {
    /// What is bought.
    pub cart: Cart,
    /// The goods.
    pub catalogue: Catalogue,
    /// The place and the moment.
    pub rules: Rules,
    /// Cash, card, voucher and gift card.
    pub tenders: Vec<TenderRecord>,
    /// What is handed over.
    pub payments: Vec<Tendered>,
}

/// The amount that the text says.
pub fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// The id of the cart's line at this place.
pub fn line_id(at: usize) -> SaleLineId {
    SaleLineId::new(Uuid::from_u128(0x11_0000 + at as u128))
}

/// The id of the payment at this place.
pub fn payment_id(at: usize) -> PaymentId {
    PaymentId::new(Uuid::from_u128(0x22_0000 + at as u128))
}

fn variant_id(at: usize) -> VariantId {
    VariantId::new(Uuid::from_u128(0x33_0000 + at as u128))
}

/// The id of the tender of this code.
pub fn tender_id(code: &str) -> TenderId {
    let at = ["cash", "card", "voucher", "gift_card"].iter().position(|known| *known == code).unwrap();
    TenderId::new(Uuid::from_u128(0x44_0000 + at as u128))
}

impl World {
    /// The world that the JSON describes.
    pub fn of(spec: Value) -> Self {
        Self::new(serde_json::from_value(spec).unwrap())
    }

    /// A basket as large as one is at Christmas: 20 lines, and 200 promotions of every kind about three of the goods each.
    pub fn large() -> Self {
        let sku = |at: usize| format!("S{:02}", at % 20);
        let items: Vec<Value> = (0..20)
            .map(|at| json!({"sku": sku(at), "price": format!("{}.{:02}", 1 + at * 7 % 23, at * 31 % 100), "taxes": ["vat"]}))
            .collect();
        let lines: Vec<Value> =
            (0..20).map(|at| json!({"sku": sku(at), "quantity": (1 + at % 3).to_string()})).collect();
        let promotions: Vec<Value> = (0..200)
            .map(|at| {
                let of = json!([sku(at), sku(at * 3 + 1), sku(at * 7 + 2)]);
                let offer = match at % 5 {
                    0 => json!({"kind": "each", "of": of, "effect": {"percent": (1 + at % 30).to_string()}}),
                    1 => json!({"kind": "each", "of": of, "effect": {"amount": "0.25"}}),
                    2 => json!({"kind": "mix_and_match", "of": of, "quantity": 3, "effect": {"cheapest_free": 1}}),
                    3 => json!({"kind": "bundle", "parts": [{"of": [sku(at)], "quantity": 1}, {"of": of, "quantity": 1}],
                        "effect": {"amount": "0.50"}}),
                    _ => json!({"kind": "threshold", "of": of, "at_least": "10.00", "effect": {"percent": "3"}}),
                };
                json!({"name": format!("offer {at}"), "priority": at % 4, "offer": offer})
            })
            .collect();
        Self::of(json!({
            "taxes": [{"code": "vat", "rate": "20", "included": true}],
            "items": items, "lines": lines, "promotions": promotions,
        }))
    }

    /// The world that is described.
    pub fn new(spec: Spec) -> Self {
        let tax_id = |code: &str| {
            let at =
                spec.taxes.iter().position(|tax| tax.code == code).unwrap_or_else(|| panic!("no tax {code}"));
            TaxId::new(Uuid::from_u128(0x55_0000 + at as u128))
        };
        let taxes = spec.taxes.iter().map(|tax| TaxRecord {
            id: tax_id(&tax.code),
            code: tax.code.clone(),
            name: tax.code.to_uppercase(),
            kind: tax.kind,
            rate: tax.rate.parse().unwrap(),
            price_included: tax.included,
            include_base_amount: tax.include_base_amount,
            is_base_affected: tax.is_base_affected,
            sequence: tax.sequence,
            exempt_below: tax.exempt_below,
            part_above: tax.part_above,
            part_up_to: tax.part_up_to,
            valid_from: tax.from,
            valid_until: tax.until,
        });
        let mut groups: BTreeMap<String, TaxGroupId> = BTreeMap::new();
        let mut catalogue = Catalogue { taxes: taxes.collect(), ..Catalogue::default() };
        for (at, item) in spec.items.iter().enumerate() {
            let code = item.taxes.join("+");
            let next = TaxGroupId::new(Uuid::from_u128(0x66_0000 + groups.len() as u128));
            let group = *groups.entry(code.clone()).or_insert(next);
            let tax_ids = item.taxes.iter().map(|code| tax_id(code)).collect();
            catalogue.tax_groups.insert(group, TaxGroup { code, tax_ids });
            catalogue.items.insert(variant_id(at), item_of(at, item, group));
        }
        catalogue.promotions =
            spec.promotions.iter().enumerate().map(|(at, said)| promotion(at, said, &spec.items)).collect();
        catalogue.price_rules =
            spec.price_rules.iter().enumerate().map(|(at, said)| price_rule(at, said, &spec.items)).collect();
        let lines = spec.lines.iter().enumerate().map(|(at, line)| {
            let item = spec.items.iter().position(|item| item.sku == line.sku);
            CartLine {
                label_amount: line.label_amount,
                unit_price: line.unit_price,
                unit_price_reason: if line.unit_price.is_some() { "asked".to_owned() } else { String::new() },
                reduction: line.reduction.clone(),
                ..CartLine::new(line_id(at), variant_id(item.unwrap_or(99_999)), line.quantity)
            }
        });
        Self {
            cart: Cart {
                lines: lines.collect(),
                customer: spec.customer,
                coupons: spec.coupons,
                facts: spec.facts,
                reduction: spec.reduction,
            },
            catalogue,
            rules: Rules {
                store_id: StoreId::new(Uuid::from_u128(1)),
                currency: spec.currency.parse().unwrap(),
                price_level_id: None,
                tax_rounding: spec.rounding,
                rounding_mode: spec.rounding_mode,
                at: spec.at,
                limits: Limits { max_reduction_percent: spec.max_reduction_percent, ..Limits::NONE },
            },
            tenders: tenders(spec.cash_rounding),
            payments: spec
                .payments
                .iter()
                .enumerate()
                .map(|(at, payment)| Tendered {
                    id: payment_id(at),
                    tender_id: tender_id(&payment.tender),
                    amount: payment.amount,
                    reference: None,
                })
                .collect(),
        }
    }

    /// Its cart computed, or why not.
    pub fn compute(&self) -> Result<ComputedSale, Refusals> {
        compute(&self.cart, &self.catalogue, &self.rules)
    }

    /// Its cart computed.
    pub fn computed(&self) -> ComputedSale {
        self.compute().unwrap()
    }

    /// The sale settled with its payments.
    pub fn settle(&self, sale: &ComputedSale) -> Result<Settlement, Refusals> {
        settle(sale, &self.payments, &self.tenders)
    }

    /// Its cart settled with one payment.
    pub fn pay(&self, tender: &str, paid: &str) -> Result<Settlement, Refusals> {
        let payment = Tendered {
            id: payment_id(0),
            tender_id: tender_id(tender),
            amount: amount(paid),
            reference: None,
        };
        settle(&self.computed(), &[payment], &self.tenders)
    }

    /// The sale, paid exactly by card, and proved.
    pub fn completed(&self) -> SaleCompleted {
        let sale = self.computed();
        let payment =
            Tendered { id: payment_id(0), tender_id: tender_id("card"), amount: sale.total, reference: None };
        let payments: &[Tendered] = if sale.total.is_zero() { &[] } else { &[payment] };
        let settlement = settle(&sale, payments, &self.tenders).unwrap();
        let customer_id = self.cart.customer.as_ref().map(|customer| customer.id);
        completed_by(ReceiptHead { customer_id, ..head() }, sale, settlement)
    }
}

/// A promotion in few words: always on unless `when` says otherwise; selections name SKUs, departments or "all".
fn promotion(at: usize, said: &Value, items: &[ItemSpec]) -> pricing_engine::Promotion {
    let mut said = said.clone();
    let fields = said.as_object_mut().unwrap();
    fields.entry("id").or_insert_with(|| Uuid::from_u128(0xcc_0000 + at as u128).to_string().into());
    fields.entry("name").or_insert_with(|| format!("promotion {at}").into());
    let when = fields.entry("when").or_insert_with(|| serde_json::json!({}));
    let when = when.as_object_mut().unwrap();
    when.entry("from").or_insert_with(|| "2026-01-01T00:00:00".into());
    when.entry("until").or_insert_with(|| "2027-01-01T00:00:00".into());
    select(&mut said, items);
    serde_json::from_value(said).unwrap()
}

fn price_rule(at: usize, said: &Value, items: &[ItemSpec]) -> pricing_engine::PriceRule {
    let mut said = said.clone();
    let fields = said.as_object_mut().unwrap();
    fields.entry("id").or_insert_with(|| Uuid::from_u128(0xdd_0000 + at as u128).to_string().into());
    fields.entry("name").or_insert_with(|| format!("rule {at}").into());
    fields.entry("sequence").or_insert_with(|| at.into());
    select(&mut said, items);
    serde_json::from_value(said).unwrap()
}

/// Turns `"of": ["SKU", …]`, `"of": "all"` and `"of": 3` (a department) into selections, wherever they are.
fn select(said: &mut Value, items: &[ItemSpec]) {
    match said {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if ["of", "buy", "get"].contains(&name.as_str()) {
                    *value = match &*value {
                        Value::String(_) => serde_json::json!({"everything": true}),
                        Value::Number(department) => {
                            let department = u128::from(department.as_u64().unwrap());
                            serde_json::json!({"departments": [Uuid::from_u128(0x88_0000 + department)]})
                        }
                        Value::Array(skus) => {
                            let place = |sku: &Value| items.iter().position(|item| *sku == item.sku).unwrap();
                            let ids: Vec<VariantId> = skus.iter().map(|sku| variant_id(place(sku))).collect();
                            serde_json::json!({"variants": ids})
                        }
                        other => other.clone(),
                    };
                } else {
                    select(value, items);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| select(value, items)),
        _ => {}
    }
}

fn item_of(at: usize, item: &ItemSpec, group: TaxGroupId) -> Item {
    let mut prices = Vec::new();
    let mut add = |kind, min: &str, amount: UnitPrice| {
        prices.push(PriceRecord {
            id: PriceId::new(Uuid::from_u128(0x77_0000 + (at * 100 + prices.len()) as u128)),
            variant_id: variant_id(at),
            price_level_id: None,
            store_id: None,
            kind,
            min_quantity: min.parse().unwrap(),
            valid_from: None,
            valid_until: None,
            amount,
            reason: String::new(),
        });
    };
    if let Some(price) = item.price {
        add(PriceKind::Regular, "0", price);
    }
    if let Some(price) = item.sale_price {
        add(PriceKind::Sale, "0", price);
    }
    for (min, price) in &item.breaks {
        add(PriceKind::Break, min, *price);
    }
    let department = DepartmentId::new(Uuid::from_u128(0x88_0000 + item.department));
    Item {
        variant_id: variant_id(at),
        product_id: ProductId::new(Uuid::from_u128(0x99_0000 + at as u128)),
        department_id: department,
        department_name: "Goods".to_owned(),
        departments: vec![department],
        sku: item.sku.clone(),
        name: item.sku.clone(),
        unit: "each".to_owned(),
        quantity_decimals: item.decimals,
        discountable: item.discountable,
        archived: item.archived,
        tax_group_id: Some(group),
        kind: item.kind,
        open_price: item.open_price,
        prices,
    }
}

fn tenders(cash_rounding: Option<Amount>) -> Vec<TenderRecord> {
    let tender = |code: &str, kind, allows_change, cash_rounding| TenderRecord {
        id: tender_id(code),
        code: code.to_owned(),
        name: code.to_owned(),
        kind,
        allows_change,
        cash_rounding,
        position: 0,
        archived: false,
    };
    vec![
        tender("cash", TenderKind::Cash, true, cash_rounding),
        tender("card", TenderKind::CardStandalone, false, None),
        tender("voucher", TenderKind::Other, true, None),
        tender("gift_card", TenderKind::GiftCard, false, None),
    ]
}

/// The fact of a settled sale to nobody who is known, proved.
pub fn completed(sale: ComputedSale, settlement: Settlement) -> SaleCompleted {
    completed_by(head(), sale, settlement)
}

/// The fact of a settled sale with this head, proved.
pub fn completed_by(head: ReceiptHead, sale: ComputedSale, settlement: Settlement) -> SaleCompleted {
    let mut movement = 0;
    let sale = complete(head, sale, settlement, || {
        movement += 1;
        MovementId::new(Uuid::from_u128(0xaa_0000 + movement))
    });
    prove(&sale).unwrap_or_else(|error| panic!("{error}\n{}", serde_json::to_string_pretty(&sale).unwrap()));
    sale
}

/// The head of a receipt.
pub fn head() -> ReceiptHead {
    ReceiptHead {
        id: SaleId::new(Uuid::from_u128(0xbb_0001)),
        register_session_id: RegisterSessionId::new(Uuid::from_u128(2)),
        register_id: RegisterId::new(Uuid::from_u128(3)),
        register_code: "R01".to_owned(),
        series: "R01".to_owned(),
        number: 1,
        receipt_number: "ST01-R01-000001".to_owned(),
        business_date: "2026-11-23".parse().unwrap(),
        completed_at: "2026-11-23T10:00:00Z".parse().unwrap(),
        local_hour: 10,
        cashier_id: UserId::new(Uuid::from_u128(4)),
        cashier_name: "ana".to_owned(),
        customer_id: None,
        feed_position: 1,
    }
}
