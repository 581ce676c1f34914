//! The engines alone: baskets priced, promoted, taxed and settled whole, native and in the browser's build.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use chain::departments::DEPARTMENTS;
use chain::goods::Goods;
use checkout::{
    Cart, CartLine, Catalogue, ComputedSale, Item, Limits, Outcome, Promotion, ReceiptHead, Refusals, Rules,
    TaxGroup, Tendered, complete, compute, prove, settle,
};
use chrono::{NaiveDate, NaiveDateTime};
use pricing_engine::MAX_STEPS;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use shared_model::ids::{DepartmentId, TaxGroupId, VariantId};
use shared_model::prices::{PriceKind, PriceRecord};
use shared_model::selling::LineKind;
use shared_model::taxes::{TaxKind, TaxRecord, TaxRounding};
use shared_model::tenders::{TenderKind, TenderRecord};
use shared_model::{Quantity, Rounding, UnitPrice};
use uuid::Uuid;

use crate::measure::best_of;
use crate::table::{Goal, Table};

/// Lines of a basket, and promotions that are on.
const LINES: usize = 20;
const PROMOTIONS: usize = 200;
/// Lines of the largest basket.
const MANY_LINES: usize = 1_000;
/// What a basket may take, in microseconds: native, and in WASM.
const NATIVE: Goal = Goal::AtMost(150.0);
const WASM: Goal = Goal::AtMost(1_500.0);

/// A cart and what it is computed against.
#[derive(Clone)]
struct Basket {
    cart: Cart,
    catalogue: Catalogue,
    rules: Rules,
}

/// Something on a shelf.
struct Ware<'a> {
    sku: &'a str,
    name: &'a str,
    price: Decimal,
    /// Its department's place in [`DEPARTMENTS`].
    department: usize,
}

pub(crate) fn whole_basket(table: &mut Table) -> Result<()> {
    let goods = Goods::read()?;
    let usual = Basket::of_the_shop(&goods, &usual_basket(&goods)?)?;
    let bare = usual.without_promotions();
    let bare_took = settled(table, &bare)?;

    let sale = usual.computed()?;
    let usual_took = usual.took(2_000)?;
    let name = format!("{LINES} lines of a shop, {}", said(&sale));
    table.alone(&name, usual_took, "us", Some(NATIVE));
    table.against("  the same", usual_took, "us", (bare_took, "without promotions"), None);
    let proof = proof(sale)?;
    table.against("  the same", usual_took, "us", (proof, "the proof of its receipt"), None);

    let tangled = Basket::tangled()?;
    let sale = tangled.computed()?;
    let tangled_took = tangled.took(500)?;
    let name = format!("{LINES} lines, {}", said(&sale));
    table.alone(&name, tangled_took, "us", Some(NATIVE));
    table.against("  the same", tangled_took, "us", (bare_took, "without promotions"), None);

    let large = Basket::of_the_shop(&goods, &large_basket(&goods))?;
    let sale = large.computed()?;
    let name = format!("{MANY_LINES} lines of a shop, {}", said(&sale));
    let many = usual_took * 50.0;
    table.against(&name, large.took(20)?, "us", (many, "50 baskets of 20 lines"), None);

    worst(table)?;
    in_wasm(
        table,
        &[
            ("  that basket of a shop in WASM", &usual, usual_took),
            ("  that of 200 in WASM", &tangled, tangled_took),
        ],
    )
}

/// Microseconds of one run of many, the best of many short goes: whatever else the machine does disturbs some of them.
fn best(runs: u32, run: impl FnMut()) -> f64 {
    best_of(100, (runs / 50).max(1), run) / 1_000.0
}

/// What the row is about, honestly: how many promotions the basket has to do with, and how many it earns.
fn said(sale: &ComputedSale) -> String {
    let count = |is: fn(Outcome) -> bool| sale.considered.iter().filter(|each| is(each.outcome)).count();
    // Those that are not on here, for this customer or without a coupon are told before goods are looked at.
    let touching = count(|outcome| {
        matches!(
            outcome,
            Outcome::Earned | Outcome::NotTheBest | Outcome::TooLittle | Outcome::ConditionFails
        )
    });
    format!(
        "{} promotions, {touching} touch it, {} apply{}",
        sale.considered.len(),
        count(|outcome| outcome == Outcome::Earned),
        if sale.bound_was_hit { ", bound hit" } else { "" }
    )
}

/// A basket without promotions, settled too, beside the arithmetic that it cannot do without.
fn settled(table: &mut Table, basket: &Basket) -> Result<f64> {
    let sale = basket.computed()?;
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
    let ours = best(2_000, || {
        let computed = basket.compute();
        if let Ok(sale) = &computed {
            let _ = black_box(settle(sale, std::slice::from_ref(&payment), &tenders));
        }
        let _ = black_box(computed);
    });
    let prices: Vec<(Decimal, Decimal)> =
        sale.lines.iter().map(|line| (line.quantity.decimal(), line.unit_price.decimal())).collect();
    let bare = best(20_000, || {
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
        "20 lines of a shop, computed and settled",
        ours,
        "us",
        (bare, "its bare arithmetic: price x quantity, tax, sums"),
        None,
    );
    basket.took(2_000)
}

/// How long the proof of a receipt takes, in microseconds.
fn proof(sale: ComputedSale) -> Result<f64> {
    let id = Uuid::from_u128(11);
    let payment = Tendered { id: id.into(), tender_id: id.into(), amount: sale.total, reference: None };
    let tender = TenderRecord {
        id: id.into(),
        code: "card".to_owned(),
        name: "Card".to_owned(),
        kind: TenderKind::CardStandalone,
        allows_change: false,
        cash_rounding: None,
        position: 0,
        archived: false,
    };
    let settlement = settle(&sale, &[payment], &[tender]).context("the basket does not settle")?;
    let head = ReceiptHead {
        id: id.into(),
        register_session_id: id.into(),
        register_id: id.into(),
        register_code: "R01".to_owned(),
        series: "R01".to_owned(),
        number: 1,
        receipt_number: "ST01-R01-000001".to_owned(),
        business_date: at()?.date(),
        completed_at: at()?.and_utc(),
        local_hour: 14,
        cashier_id: id.into(),
        cashier_name: "till".to_owned(),
        customer_id: None,
        feed_position: 1,
    };
    let mut movement = 0;
    let receipt = complete(head, sale, settlement, || {
        movement += 1;
        Uuid::from_u128(0xa000 + movement).into()
    });
    prove(&receipt).context("the receipt is not proved")?;
    Ok(best(2_000, || drop(black_box(prove(black_box(&receipt))))))
}

/// Offers of groups that all want the same few goods, as many as are still searched with all steps there are.
fn worst(table: &mut Table) -> Result<()> {
    let wares: Vec<(String, Decimal)> =
        (0..24).map(|at| (format!("W{at:02}"), Decimal::new(3_100 - 37 * at, 2))).collect();
    let wares: Vec<Ware<'_>> =
        wares.iter().map(|(sku, price)| Ware { sku, name: sku, price: *price, department: 0 }).collect();
    let lines: Vec<(usize, i64)> = (0..wares.len()).map(|at| (at, 1)).collect();
    let offers = (0..8_usize)
        .map(|at| {
            let of = variants((at..wares.len()).filter(|ware| ware % (at + 2) != 1));
            let (quantity, free) = (3 + at % 4, 1 + at % 2);
            json!({"kind": "mix_and_match", "of": of, "quantity": quantity, "effect": {"cheapest_free": free}})
        })
        .map(|offer| (0, offer, json!({})));
    let basket = Basket::new(&wares, &lines, offers)?;
    let sale = basket.computed()?;
    ensure!(sale.bound_was_hit, "the worst search that is thought of comes to its end");
    let bare = basket.without_promotions();
    ensure!(sale.total < bare.computed()?.total, "promotions took nothing off");
    let mut turned = basket.clone();
    turned.cart.lines.reverse();
    turned.catalogue.promotions.reverse();
    ensure!(turned.computed()?.total == sale.total, "another order of lines, another total");
    table.against(
        &format!("24 lines, {}: {MAX_STEPS} steps", said(&sale)),
        basket.took(50)?,
        "us",
        (bare.took(500)?, "without promotions"),
        None,
    );
    Ok(())
}

/// The browser's build in Node, where both are there: what a till's screen waits for, values in and out included.
fn in_wasm(table: &mut Table, baskets: &[(&str, &Basket, f64)]) -> Result<()> {
    let program = std::env::current_exe().context("finding this program's own place")?;
    let target = program.ancestors().nth(2).context("this program is not in a target folder")?;
    let core = target.join("browser-core/node/browser_core.js");
    if !core.exists() {
        eprintln!("WASM is not measured: {} is not there; scripts/build-wasm builds it", core.display());
        return Ok(());
    }
    let cases: Vec<Value> = baskets
        .iter()
        .map(|(_, basket, _)| json!({"catalogue": basket.catalogue, "rules": basket.rules, "cart": basket.cart}))
        .collect();
    let file = std::env::temp_dir().join(format!("tradepost-bench-{}.json", std::process::id()));
    std::fs::write(&file, serde_json::to_vec(&cases)?)?;
    let ran = Command::new("node")
        .args(["--input-type=module", "--eval", include_str!("engine.mjs")])
        .arg(&core)
        .arg(&file)
        .output();
    std::fs::remove_file(&file)?;
    let output = match ran {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("WASM is not measured: there is no node");
            return Ok(());
        }
        ran => ran.context("running node")?,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the browser's build in node: {said}");
    let answers: Vec<(f64, String)> = serde_json::from_slice(&output.stdout).context("node's answer")?;
    for ((name, basket, native), (took, total)) in baskets.iter().zip(answers) {
        ensure!(basket.computed()?.total.to_string() == total, "WASM comes to {total}");
        table.alone(name, took, "us", Some(WASM));
        table.against("    WASM", took, "us", (*native, "native"), None);
    }
    Ok(())
}

/// A basket of 20 different goods, as one was rung up.
fn usual_basket(goods: &Goods) -> Result<Vec<(usize, i64)>> {
    let is_usual = |lines: &[(usize, i64)]| {
        let mut wares: Vec<usize> = lines.iter().map(|(ware, _)| *ware).collect();
        wares.sort_unstable();
        wares.dedup();
        lines.len() == LINES && wares.len() == LINES && lines.iter().all(|(_, pieces)| *pieces <= 12)
    };
    let basket = goods.baskets.iter().find(|basket| is_usual(&basket.lines));
    Ok(basket.context("nobody has bought 20 things")?.lines.clone())
}

/// As many lines as baskets have until there are enough.
fn large_basket(goods: &Goods) -> Vec<(usize, i64)> {
    let lines = goods.baskets.iter().flat_map(|basket| &basket.lines);
    lines.filter(|(_, pieces)| *pieces <= 12).take(MANY_LINES).copied().collect()
}

fn variant(ware: usize) -> VariantId {
    Uuid::from_u128(0x1_0000 + ware as u128).into()
}

fn department(place: usize) -> DepartmentId {
    Uuid::from_u128(0x3_0000 + place as u128).into()
}

fn variants(wares: impl Iterator<Item = usize>) -> Value {
    json!({"variants": wares.map(variant).collect::<std::collections::BTreeSet<_>>()})
}

/// Promotions of every kind as a chain has them at one time: most about some of its goods, some about a department, few
/// about everything; some for other customers, other hours or with a coupon.
fn offers_of_the_shop(goods: &Goods) -> Vec<(i32, Value, Value)> {
    let all = goods.goods.len();
    (0..PROMOTIONS)
        .map(|at| {
            // A stride through the goods, another one for each promotion, so that offers overlap here and there.
            let some = |count: usize, from: usize| variants((0..count).map(|nth| (from * 97 + nth * (31 + at)) % all));
            let of = match at % 20 {
                0..=14 => some(5 + at % 25, at),
                19 if at % 40 == 19 => json!({"everything": true}),
                place => json!({"departments": [department((at / 20 * 5 + place) % DEPARTMENTS.len())]}),
            };
            let offer = match at % 7 {
                0 | 1 => json!({"kind": "each", "of": of, "effect": {"percent": (5 + at % 30).to_string()}}),
                2 => json!({"kind": "each", "of": of, "effect": {"amount": "0.20"}}),
                3 => json!({"kind": "mix_and_match", "of": of, "quantity": 3, "effect": {"cheapest_free": 1}}),
                4 => json!({"kind": "buy_get", "buy": of, "buy_quantity": 1, "get": some(8, at + 3), "get_quantity": 1,
                    "effect": {"percent": "50"}}),
                5 => json!({"kind": "bundle", "parts": [{"of": of, "quantity": 1}, {"of": some(6, at + 5), "quantity": 1}],
                    "effect": {"amount": "0.75"}}),
                _ => json!({"kind": "threshold", "of": of, "at_least": "25.00", "effect": {"percent": "5"}}),
            };
            let when = match at % 25 {
                7 => json!({"coupon": "WINTER"}),
                12 => json!({"customer_groups": ["staff"]}),
                17 => json!({"hours": ["17:00:00", "19:00:00"]}),
                22 => json!({"conditions": [{"fact": "quantity", "operator": "GTE", "value": "6"}]}),
                _ => json!({}),
            };
            (i32::try_from(at % 3).unwrap_or_default(), offer, when)
        })
        .collect()
}

fn at() -> Result<NaiveDateTime> {
    NaiveDate::from_ymd_opt(2026, 11, 25).and_then(|day| day.and_hms_opt(14, 0, 0)).context("a date")
}

impl Basket {
    fn of_the_shop(goods: &Goods, lines: &[(usize, i64)]) -> Result<Self> {
        let place = |code: &str| DEPARTMENTS.iter().position(|department| department.code == code);
        let wares: Vec<Ware<'_>> = goods
            .goods
            .iter()
            .map(|good| Ware {
                sku: &good.sku,
                name: &good.name,
                price: good.price,
                department: place(good.department).unwrap_or_default(),
            })
            .collect();
        Self::new(&wares, lines, offers_of_the_shop(goods).into_iter())
    }

    /// 20 goods, and 200 promotions of every kind that are each about three of them.
    fn tangled() -> Result<Self> {
        let skus: Vec<String> = (0..LINES).map(|at| format!("S{at:02}")).collect();
        let wares: Vec<Ware<'_>> = skus
            .iter()
            .zip(0_i64..)
            .map(|(sku, at)| Ware {
                sku,
                name: sku,
                price: Decimal::new((1 + at * 7 % 23) * 100 + at * 31 % 100, 2),
                department: 0,
            })
            .collect();
        let lines: Vec<(usize, i64)> = (0..LINES).zip(0_i64..).map(|(ware, at)| (ware, 1 + at % 3)).collect();
        let offers = (0..PROMOTIONS).map(|at| {
            let one = |at: usize| variants(std::iter::once(at % LINES));
            let of = variants([at, at * 3 + 1, at * 7 + 2].into_iter().map(|at| at % LINES));
            let offer = match at % 5 {
                0 => json!({"kind": "each", "of": of, "effect": {"percent": (1 + at % 30).to_string()}}),
                1 => json!({"kind": "each", "of": of, "effect": {"amount": "0.25"}}),
                2 => json!({"kind": "mix_and_match", "of": of, "quantity": 3, "effect": {"cheapest_free": 1}}),
                3 => json!({"kind": "bundle", "parts": [{"of": one(at), "quantity": 1}, {"of": of, "quantity": 1}],
                    "effect": {"amount": "0.50"}}),
                _ => json!({"kind": "threshold", "of": of, "at_least": "10.00", "effect": {"percent": "3"}}),
            };
            (i32::try_from(at % 4).unwrap_or_default(), offer, json!({}))
        });
        Self::new(&wares, &lines, offers)
    }

    /// A basket of these wares. Offers come with their priority, and with what they say besides from and until.
    fn new(
        wares: &[Ware<'_>],
        lines: &[(usize, i64)],
        offers: impl Iterator<Item = (i32, Value, Value)>,
    ) -> Result<Self> {
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
        for (at, (priority, offer, when)) in offers.enumerate() {
            let mut when = when;
            let said = when.as_object_mut().context("when it is on")?;
            said.insert("from".to_owned(), "2026-01-01T00:00:00".into());
            said.insert("until".to_owned(), "2027-01-01T00:00:00".into());
            let promotion = json!({
                "id": Uuid::from_u128(0x4_0000 + at as u128), "name": format!("Offer {at}"), "priority": priority,
                "when": when, "offer": offer,
            });
            let promotion: Promotion = serde_json::from_value(promotion).context("an offer")?;
            promotion.validate().map_err(|wrong| anyhow!("offer {at}: {wrong:?}"))?;
            catalogue.promotions.push(promotion);
        }
        let mut cart = Cart::default();
        for (at, (place, pieces)) in lines.iter().enumerate() {
            let ware = wares.get(*place).context("no such ware")?;
            catalogue.items.insert(variant(*place), item(ware, *place, group)?);
            let quantity = Quantity::from_units(i128::from(*pieces), 0)?;
            cart.lines.push(CartLine::new(
                Uuid::from_u128(0x5_0000 + at as u128).into(),
                variant(*place),
                quantity,
            ));
        }
        let rules = Rules {
            store_id: Uuid::from_u128(4).into(),
            currency: "GBP".parse()?,
            price_level_id: None,
            tax_rounding: TaxRounding::PerLine,
            rounding_mode: Rounding::HalfUp,
            at: at()?,
            limits: Limits::NONE,
        };
        Ok(Self { cart, catalogue, rules })
    }

    fn without_promotions(&self) -> Self {
        let mut bare = self.clone();
        bare.catalogue.promotions.clear();
        bare
    }

    fn compute(&self) -> Result<ComputedSale, Refusals> {
        compute(black_box(&self.cart), &self.catalogue, &self.rules)
    }

    fn computed(&self) -> Result<ComputedSale> {
        self.compute().context("the basket does not compute")
    }

    /// In microseconds, computed whole.
    fn took(&self, runs: u32) -> Result<f64> {
        self.computed()?;
        Ok(best(runs, || drop(black_box(self.compute()))))
    }
}

fn item(ware: &Ware<'_>, place: usize, group: TaxGroupId) -> Result<Item> {
    let own = DEPARTMENTS.get(ware.department).context("no such department")?;
    let above = DEPARTMENTS.iter().position(|other| Some(other.code) == own.parent);
    Ok(Item {
        variant_id: variant(place),
        product_id: Uuid::from_u128(0x2_0000 + place as u128).into(),
        department_id: department(ware.department),
        department_name: own.name.to_owned(),
        departments: std::iter::once(ware.department).chain(above).map(department).collect(),
        sku: ware.sku.to_owned(),
        name: ware.name.to_owned(),
        unit: "each".to_owned(),
        quantity_decimals: 0,
        discountable: true,
        archived: false,
        tax_group_id: Some(group),
        kind: LineKind::Goods,
        open_price: None,
        prices: vec![PriceRecord {
            id: Uuid::from_u128(0x6_0000 + place as u128).into(),
            variant_id: variant(place),
            price_level_id: None,
            store_id: None,
            kind: PriceKind::Regular,
            min_quantity: Quantity::ZERO,
            valid_from: None,
            valid_until: None,
            amount: UnitPrice::new(ware.price)?,
            reason: String::new(),
        }],
    })
}
