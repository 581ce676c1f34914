//! A database of HQ and one of a store, and random sales to put into both.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use facts::Place;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;
use server_kit::testing::Database;
use shared_model::ids::*;
use shared_model::prices::PriceKind;
use shared_model::registers::RegisterSessionOpened;
use shared_model::selling::*;
use shared_model::taxes::TaxKind;
use shared_model::tenders::TenderKind;
use shared_model::{Amount, Currency};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// HQ's database and a store's, gone with the test.
pub struct World {
    hq: Database,
    store: Database,
}

impl World {
    pub async fn start() -> Self {
        Self {
            hq: Database::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-hq")).await,
            store: Database::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-store")).await,
        }
    }

    fn database(&self, name: &str) -> &Database {
        if name == "hq" { &self.hq } else { &self.store }
    }

    /// A connection as the application has it: without rights on what it does not own, and behind the wall.
    pub async fn app(&self, database: &str, company: CompanyId) -> PgConnection {
        let mut conn = PgConnection::connect(&self.database(database).url()).await.unwrap();
        sqlx::query("select set_config('app.company_id', $1, false)")
            .bind(company.to_string())
            .execute(&mut conn)
            .await
            .unwrap();
        conn
    }

    /// A connection that may change what the application may not.
    pub async fn owner(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.database(database).owner_url()).await.unwrap()
    }
}

pub struct Shop {
    pub place: Place,
    pub sessions: Vec<RegisterSessionOpened>,
    pub tenders: Vec<(TenderId, &'static str, TenderKind)>,
    products: Vec<(VariantId, ProductId, DepartmentId)>,
    taxes: Vec<(TaxId, &'static str, Decimal)>,
    sales_reps: Vec<SalesRepId>,
    random: StdRng,
    numbers: Vec<i32>,
}

pub fn day(day: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 28).unwrap() + Duration::days(day)
}

fn gbp() -> Currency {
    "GBP".parse().unwrap()
}

fn cents(cents: i64) -> Amount {
    Amount::from_units(i128::from(cents), 2).unwrap()
}

impl Shop {
    /// A shop with three registers that open a session on each of three days.
    pub fn new(seed: u64) -> Self {
        Self::over(seed, &[day(0), day(1), day(2)])
    }

    /// Another shop of the same company that sells the same products on the same days.
    pub fn beside(&self, seed: u64) -> Self {
        let mut other = Self::new(seed);
        let place = Place { company_id: self.place.company_id, ..other.place };
        let mut sessions = self.sessions.clone();
        for session in &mut sessions {
            session.id = Uuid::from_u128(other.random.random()).into();
        }
        Self {
            place,
            sessions,
            tenders: self.tenders.clone(),
            products: self.products.clone(),
            taxes: self.taxes.clone(),
            sales_reps: self.sales_reps.clone(),
            ..other
        }
    }

    /// The same, open on those days.
    pub fn over(seed: u64, days: &[NaiveDate]) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut id = || Uuid::from_u128(random.random());
        let place = Place { company_id: id().into(), store_id: id().into() };
        let departments: Vec<DepartmentId> = (0..3).map(|_| id().into()).collect();
        let products =
            (0..9).map(|index| (id().into(), id().into(), departments[index % departments.len()])).collect();
        let taxes = vec![
            (id().into(), "vat20", Decimal::from(20)),
            (id().into(), "vat0", Decimal::ZERO),
            (id().into(), "eco", Decimal::ONE),
        ];
        let tenders =
            vec![(id().into(), "cash", TenderKind::Cash), (id().into(), "card", TenderKind::CardStandalone)];
        let sales_reps = (0..2).map(|_| id().into()).collect();
        let sessions: Vec<_> = (0..3 * i64::try_from(days.len()).unwrap())
            .map(|index| RegisterSessionOpened {
                id: id().into(),
                register_id: Uuid::from_u128(7 + u128::try_from(index % 3).unwrap()).into(),
                register_code: format!("R0{}", index % 3 + 1),
                series: format!("R0{}", index % 3 + 1),
                business_date: days[usize::try_from(index / 3).unwrap()],
                currency: gbp(),
                opened_at: DateTime::<Utc>::UNIX_EPOCH + Duration::days(20_000 + index / 3),
                opened_by: id().into(),
                opened_by_name: "Ana".to_owned(),
                opening_float: cents(10_000),
            })
            .collect();
        Self { place, sessions, tenders, products, taxes, sales_reps, random, numbers: vec![0; 3] }
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u128(self.random.random())
    }

    pub fn sales(&mut self, count: usize) -> Vec<SaleCompleted> {
        (0..count).map(|_| self.sale()).collect()
    }

    /// A sale that adds up, with several lines, taxes and payments, some lines given back.
    pub fn sale(&mut self) -> SaleCompleted {
        let at = self.random.random_range(0..self.sessions.len());
        let session = self.sessions[at].clone();
        let register = at % 3;
        self.numbers[register] += 1;
        let number = self.numbers[register];
        let lines: Vec<SoldLine> = (0..self.random.random_range(1..6)).map(|_| self.line()).collect();
        let total = |amount: fn(&SoldLine) -> Amount| Amount::sum(lines.iter().map(amount)).unwrap();
        let (net, tax, gross) = (total(|line| line.net), total(|line| line.tax), total(|line| line.gross));
        let rounding = cents(self.random.random_range(-2..3));
        let owed = gross.plus(rounding).unwrap();
        let change = cents(self.random.random_range(0..500));
        let by_card = cents(self.random.random_range(0..300));
        let by_cash = owed.minus(by_card).unwrap().plus(change).unwrap();
        let mut payments = vec![self.payment(0, by_cash, change, None)];
        if !by_card.is_zero() {
            payments.push(self.payment(1, by_card, Amount::ZERO, Some("terminal 4711".to_owned())));
        }
        let mut taxes: Vec<DocumentTax> = Vec::new();
        for tax in lines.iter().flat_map(|line| &line.taxes) {
            match taxes.iter_mut().find(|known| known.tax_id == tax.tax_id) {
                Some(known) => {
                    known.base = known.base.plus(tax.base).unwrap();
                    known.amount = known.amount.plus(tax.amount).unwrap();
                }
                None => taxes.push(DocumentTax {
                    tax_id: tax.tax_id,
                    code: tax.code.clone(),
                    name: tax.name.clone(),
                    kind: tax.kind,
                    rate: tax.rate,
                    price_included: tax.price_included,
                    base: tax.base,
                    amount: tax.amount,
                }),
            }
        }
        let local_hour = self.random.random_range(8..20);
        SaleCompleted {
            id: self.id().into(),
            register_session_id: session.id,
            register_id: session.register_id,
            register_code: session.register_code.clone(),
            series: session.series.clone(),
            number,
            receipt_number: format!("ST01-{}-{number:06}", session.series),
            business_date: session.business_date,
            completed_at: session.opened_at + Duration::minutes(i64::from(number)),
            local_hour,
            cashier_id: session.opened_by,
            cashier_name: session.opened_by_name,
            customer_id: None,
            currency: gbp(),
            lines,
            taxes,
            payments,
            net,
            tax,
            total: gross,
            rounding,
            change,
            feed_position: 17,
            promotions: Vec::new(),
            voids: None,
            kit_parts: Vec::new(),
            exemption_certificate: None,
        }
    }

    fn payment(
        &mut self,
        tender: usize,
        amount: Amount,
        change: Amount,
        reference: Option<String>,
    ) -> Payment {
        let (tender_id, code, tender_kind) = self.tenders[tender];
        Payment {
            id: self.id().into(),
            tender_id,
            tender_code: code.to_owned(),
            tender_name: code.to_uppercase(),
            tender_kind,
            amount,
            change: change.with_decimals(2).unwrap(),
            reference,
            refunds: None,
        }
    }

    fn line(&mut self) -> SoldLine {
        let (variant_id, product_id, department_id) =
            self.products[self.random.random_range(0..self.products.len())];
        let is_given_back = self.random.random_bool(0.1);
        let sign = if is_given_back { -1 } else { 1 };
        let quantity: Decimal = if self.random.random_bool(0.2) {
            Decimal::new(sign * self.random.random_range(1..3_000), 3).normalize()
        } else {
            Decimal::from(sign * self.random.random_range(1..5))
        };
        let gross = cents(sign * self.random.random_range(1..9_999));
        let mut taxes: Vec<LineTax> = Vec::new();
        let chosen = self.random.random_range(0..3_usize);
        for (tax_id, code, rate) in self.taxes.iter().skip(chosen) {
            taxes.push(LineTax {
                tax_id: *tax_id,
                code: (*code).to_owned(),
                name: code.to_uppercase(),
                kind: if *code == "eco" { TaxKind::Fixed } else { TaxKind::Percent },
                rate: *rate,
                price_included: true,
                base: gross,
                amount: if rate.is_zero() {
                    cents(0)
                } else {
                    cents(sign * self.random.random_range(0..100))
                },
            });
        }
        let tax = Amount::sum(taxes.iter().map(|tax| tax.amount)).unwrap().with_decimals(2).unwrap();
        let net = gross.minus(tax).unwrap();
        for tax in &mut taxes {
            tax.base = net;
        }
        let reduction = cents(self.random.random_range(0..50));
        let price_reason = PriceReason::Listed {
            price_id: self.id().into(),
            price_kind: PriceKind::Regular,
            reason: "spring".to_owned(),
        };
        let sales_rep = self.random.random_range(0..3_usize);
        SoldLine {
            id: self.id().into(),
            variant_id,
            product_id,
            department_id,
            department_name: format!("Department {}", &department_id.to_string()[..4]),
            sku: format!("SKU-{}", &variant_id.to_string()[..4]),
            name: format!("Thing {}", &product_id.to_string()[..4]),
            quantity: quantity.try_into().unwrap(),
            unit: "each".to_owned(),
            regular_unit_price: "1.99".parse().unwrap(),
            unit_price: "0.4375".parse().unwrap(),
            price_reason,
            reductions: vec![AppliedReduction::Amount { reason: "scratched".to_owned(), amount: reduction }],
            reduction,
            net,
            tax,
            gross,
            taxes,
            sales_rep_id: self.sales_reps.get(sales_rep).copied(),
            movement_id: Some(self.id().into()),
            line_kind: LineKind::Goods,
            label_amount: None,
            refunds: None,
            tax_relief: Amount::ZERO,
            scanned_code: (chosen == 0).then(|| "4006381333931".to_owned()),
        }
    }
}
