//! A store with its master data at a checkpoint, as HQ would have sent it, and its running router.
#![allow(missing_docs, unreachable_pub, reason = "the tests of this program are its only readers")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::Utc;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use server_kit::serve::{self, Manner};
use server_kit::testing::Database;
use server_kit::{AppState, Clock, Secret};
use sign_in::Pins;
use sqlx::PgPool;
use store_server::sync::apply::{self, Shape};
use store_server::sync::{SyncEnd, SyncHandle};
use store_server::{people, server};
use sync_protocol::store_sync::Staging;
use sync_protocol::wire::{Cursor, FeedRecord, RawJson, Tag};
use tower::ServiceExt as _;
use uuid::Uuid;

pub const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-store");

/// An id that a test can name.
pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_b0c4_7b1e_7cc2_8c2a_0000_0000_0000 + number)
}

pub const COMPANY: u128 = 1;
pub const STORE: u128 = 2;
pub const VAT20: u128 = 11;
pub const VAT0: u128 = 12;
pub const STANDARD: u128 = 13;
pub const ZERO: u128 = 14;
pub const KITCHEN: u128 = 21;
pub const MUG: u128 = 31;
pub const BOOK: u128 = 32;
pub const SUGAR: u128 = 33;
pub const MUG_VARIANT: u128 = 41;
pub const BOOK_VARIANT: u128 = 42;
pub const SUGAR_VARIANT: u128 = 43;
pub const CASH: u128 = 61;
pub const CARD: u128 = 62;
pub const MANAGER_ROLE: u128 = 71;
pub const CASHIER_ROLE: u128 = 72;
pub const OPS_ROLE: u128 = 73;
pub const MANAGER: u128 = 81;
pub const ANA: u128 = 82;
pub const OPS: u128 = 83;
pub const PEPPER: [u8; 32] = [9; 32];

pub struct Shop {
    pub database: Database,
    pub state: AppState,
    pub router: Router,
    pub handle: SyncHandle,
    pub end: Option<SyncEnd>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.body
    }

    /// A problem of this name.
    #[track_caller]
    pub fn refused(self, status: u16, name: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.body["type"].as_str()),
            (status, Some(&*format!("/problems/{name}"))),
            "{}",
            self.text
        );
        self.body
    }
}

impl Shop {
    /// A store at a checkpoint, with people.
    pub async fn open() -> Self {
        let shop = Self::empty().await;
        shop.stage_world().await;
        shop
    }

    /// A store that HQ has sent nothing yet.
    pub async fn empty() -> Self {
        let database = Database::new(MIGRATIONS).await;
        let mut state = database.state();
        state.clock = Clock::settable();
        state.keys.keep(sign_in::pins::PEPPER_KEY, &Secret::new(PEPPER)).unwrap();
        sqlx::query(
            "insert into identity values (true, $1, $2, 'ST01', 'High Street', $3, '', $4, '\\x00', 'http://127.0.0.1:9', now())",
        )
        .bind(id(COMPANY))
        .bind(id(STORE))
        .bind(id(9))
        .bind(id(8))
        .execute(&state.pool)
        .await
        .unwrap();
        let (handle, end) = SyncHandle::new();
        let router = serve::router(
            server::surface(&handle, Pins::OnAnyMachine, None),
            &Manner::default(),
            state.clone(),
        );
        Self { database, state, router, handle, end: Some(end) }
    }

    pub fn pool(&self) -> &PgPool {
        &self.state.pool
    }

    pub async fn stage_world(&self) {
        let mut records = vec![
            (
                "company",
                id(COMPANY),
                json!({"code": "demo", "name": "Demo", "legal_name": "Demo Ltd", "address": "", "tax_number": "GB1", "currency": "GBP"}),
            ),
            (
                "store",
                id(STORE),
                json!({"code": "ST01", "name": "High Street", "time_zone": "Europe/London", "currency": "GBP", "price_level_id": null,
                "tax_rounding": "per_line", "rounding_mode": "half_up", "stock_policy": "allow", "legal_name": "", "address": "1 High Street\nLondon", "tax_number": "", "archived": false}),
            ),
            ("tax", id(VAT20), tax("vat20", "20")),
            ("tax", id(VAT0), tax("vat0", "0")),
            ("tax_group", id(STANDARD), json!({"code": "standard", "name": "Standard"})),
            ("tax_group", id(ZERO), json!({"code": "zero", "name": "Zero"})),
            ("tax_group_tax", id(15), json!({"tax_group_id": id(STANDARD), "tax_id": id(VAT20)})),
            ("tax_group_tax", id(16), json!({"tax_group_id": id(ZERO), "tax_id": id(VAT0)})),
            (
                "department",
                id(KITCHEN),
                json!({"parent_id": null, "code": "kitchen", "name": "Kitchen", "tax_group_id": id(STANDARD), "archived": false}),
            ),
            ("product", id(MUG), product("Red café mug", None, "each", 0, None)),
            ("product", id(BOOK), product("Cookery book", Some(id(ZERO)), "each", 0, Some("block"))),
            ("product", id(SUGAR), product("Sugar, loose", Some(id(ZERO)), "kg", 3, None)),
            ("tender", id(CASH), tender("cash", "Cash", "cash", true, 1)),
            ("tender", id(CARD), tender("card", "Card", "card_standalone", false, 2)),
            (
                "role",
                id(MANAGER_ROLE),
                role(
                    "store-manager",
                    &[
                        "session.open",
                        "session.close",
                        "session.see_expected",
                        "session.x",
                        "sale.ring_up",
                        "sale.reduce",
                        "sale.override_price",
                        "report.read",
                        "stock.read",
                        "product.read",
                        "sync.read",
                        "sync.now",
                    ],
                    None,
                ),
            ),
            (
                "role",
                id(CASHIER_ROLE),
                role(
                    "cashier",
                    &[
                        "session.open",
                        "session.close",
                        "session.x",
                        "sale.ring_up",
                        "sale.reduce",
                        "product.read",
                    ],
                    Some("10"),
                ),
            ),
            ("role", id(OPS_ROLE), role("ops", &["sync.read", "sync.now"], None)),
        ];
        for register in 1..=8_u128 {
            let code = format!("R{register:02}");
            records.push((
                "register",
                id(100 + register),
                json!({"store_id": id(STORE), "code": code, "name": "", "archived": false}),
            ));
        }
        for (product, variant, sku, code, price, amount) in [
            (MUG, MUG_VARIANT, "MUG-RED", "5000000000017", 51, "7.95"),
            (BOOK, BOOK_VARIANT, "BOOK-1", "5000000000024", 52, "12.50"),
            (SUGAR, SUGAR_VARIANT, "SUGAR", "5000000000031", 53, "1.990"),
        ] {
            records.push((
                "variant",
                id(variant),
                json!({"product_id": id(product), "sku": sku, "name": "", "position": 0, "archived": false}),
            ));
            records.push(("barcode", id(variant + 100), json!({"variant_id": id(variant), "code": code})));
            records.push(("price", id(price), regular_price(variant, amount)));
        }
        for (user, login, name, role_id, pin) in [
            (MANAGER, "manager", "Mo", MANAGER_ROLE, "9999"),
            (ANA, "ana", "Ana", CASHIER_ROLE, "1234"),
            (OPS, "ops", "Ol", OPS_ROLE, "8888"),
        ] {
            records.push(("staff", id(user), staff(user, login, name, role_id, pin)));
        }
        self.checkpoint(
            1,
            true,
            records.into_iter().map(|(entity, id, record)| (entity, id, Some(record))).collect(),
        )
        .await;
    }

    /// Applies a checkpoint as the puller would.
    pub async fn checkpoint(&self, position: i64, resync: bool, records: Vec<(&str, Uuid, Option<Value>)>) {
        self.try_checkpoint(position, resync, false, records).await.unwrap();
    }

    pub async fn try_checkpoint(
        &self,
        position: i64,
        resync: bool,
        rewound: bool,
        records: Vec<(&str, Uuid, Option<Value>)>,
    ) -> sqlx::Result<()> {
        let records = records.into_iter().map(|(entity, id, record)| FeedRecord {
            entity: entity.to_owned(),
            id,
            position,
            deleted: record.is_none(),
            record: record.map(|mut record| {
                record["id"] = json!(id);
                RawJson::new(record.to_string()).unwrap()
            }),
        });
        let staging = Staging {
            next: Cursor::at(position, tag(position)),
            complete: true,
            resync,
            rewound,
            schema: 1,
            folded: 0,
        };
        let mut connection = self.pool().acquire().await?;
        let shape = Shape::load(&mut connection).await?;
        apply::stage(&mut connection, &shape, true, &staging, records.collect()).await?;
        apply::apply(&mut connection, Utc::now()).await
    }

    pub async fn send(&self, token: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.answer(request.body(body).unwrap()).await
    }

    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// Signs in by PIN.
    pub async fn token(&self, login: &str, pin: &str) -> String {
        let answer = self
            .send(None, "POST", "/api/v1/auth/sign-in", Some(json!({"login": login, "pin": pin})))
            .await
            .ok();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn manager(&self) -> String {
        self.token("manager", "9999").await
    }

    pub async fn ana(&self) -> String {
        self.token("ana", "1234").await
    }

    /// Opens a session and says its id.
    pub async fn open_session(&self, token: &str, register: &str) -> Uuid {
        let session = Uuid::now_v7();
        // Who opens it knows what day it is: tests travel.
        let today = self.state.clock.now().with_timezone(&chrono_tz::Europe::London).date_naive();
        let body = json!({"register": register, "opening_float": "100.00", "today": today.to_string()});
        self.send(Some(token), "PUT", &format!("/api/v1/register-sessions/{session}"), Some(body)).await.ok();
        session
    }

    pub async fn put_sale(&self, token: &str, sale: Uuid, body: &Value) -> Answer {
        self.send(Some(token), "PUT", &format!("/api/v1/sales/{sale}"), Some(body.clone())).await
    }

    /// What the doctor finds.
    pub async fn doctor(&self) -> Vec<String> {
        store_server::doctor::examine(self.pool()).await.unwrap()
    }

    pub async fn set_password(&self, login: &str, password: &str) {
        people::set_password(&self.state, login, password).await.unwrap();
    }

    /// Puts so many of a variant on hand.
    pub async fn stock(&self, variant: u128, quantity: i32) {
        sqlx::query("insert into stock_movement values ($1, $2, $3, $4, $5, 'OPENING', 'opening', $3, null, now(), now()::date)")
            .bind(id(COMPANY))
            .bind(id(STORE))
            .bind(Uuid::now_v7())
            .bind(id(variant))
            .bind(quantity)
            .execute(self.pool())
            .await
            .unwrap();
        sqlx::query("insert into stock values ($1, $2, $3, $4) on conflict (company_id, store_id, variant_id) do update set on_hand = stock.on_hand + excluded.on_hand")
            .bind(id(COMPANY))
            .bind(id(STORE))
            .bind(id(variant))
            .bind(quantity)
            .execute(self.pool())
            .await
            .unwrap();
    }

    pub async fn count(&self, table: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(self.pool())
            .await
            .unwrap()
    }
}

/// The tag of a position, in the tests' history.
pub fn tag(position: i64) -> Tag {
    Tag(Uuid::from_u128(u128::try_from(position).unwrap()))
}

/// A sale of so many of an SKU at a price, paid exactly in cash.
pub fn simple_sale(session: Uuid, sku: &str, quantity: &str, total: &str) -> Value {
    json!({
        "register_session_id": session,
        "lines": [{"id": Uuid::now_v7(), "sku": sku, "quantity": quantity}],
        "payments": [{"id": Uuid::now_v7(), "tender": "cash", "amount": total}],
        "expected_total": total
    })
}

pub fn tax(code: &str, rate: &str) -> Value {
    json!({"code": code, "name": "VAT", "kind": "percent", "rate": rate, "price_included": true, "include_base_amount": false,
        "is_base_affected": true, "sequence": 1, "exempt_below": null, "part_above": null, "part_up_to": null, "valid_from": null, "valid_until": null})
}

pub fn product(
    name: &str,
    tax_group: Option<Uuid>,
    unit: &str,
    decimals: i16,
    policy: Option<&str>,
) -> Value {
    json!({"department_id": id(KITCHEN), "name": name, "description": "", "tax_group_id": tax_group, "unit": unit,
        "quantity_decimals": decimals, "discountable": true, "stock_policy": policy, "archived": false})
}

pub fn tender(code: &str, name: &str, kind: &str, change: bool, position: i32) -> Value {
    json!({"code": code, "name": name, "kind": kind, "allows_change": change, "cash_rounding": null, "position": position, "archived": false})
}

pub fn role(code: &str, permissions: &[&str], percent: Option<&str>) -> Value {
    json!({"code": code, "name": code, "permissions": permissions, "max_reduction_percent": percent, "max_refund": null})
}

pub fn regular_price(variant: u128, amount: &str) -> Value {
    json!({"variant_id": id(variant), "price_level_id": null, "store_id": null, "kind": "regular", "min_quantity": "0",
        "valid_from": null, "valid_until": null, "amount": amount, "reason": ""})
}

pub fn staff(user: u128, login: &str, name: &str, role_id: u128, pin: &str) -> Value {
    let (hq, pepper) = (Secret::new([1; 32]), Secret::new(PEPPER));
    let kept = sign_in::pins::seal(&hq, &sign_in::pins::hash(pin).unwrap(), id(user)).unwrap();
    let sealed = sign_in::pins::for_store(&hq, &kept, &pepper, id(user)).unwrap();
    json!({"login": login, "name": name, "language": "en", "role_id": id(role_id), "pin": sealed, "active": true})
}
