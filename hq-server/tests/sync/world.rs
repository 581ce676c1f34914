//! Two companies with two stores each, HQ's router over them, and boxes that sign as stores do.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use hq_server::surface;
use hq_server::sync::Hub;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use server_kit::testing::Database;
use server_kit::{Actor, AppState, Manner, serve, transact};
use sync_protocol::chain::{self, Link, StreamHead};
use sync_protocol::wire::{Cursor, EnrolAnswer, Page, TOKEN_AUDIENCE, TOKEN_TYPE, TokenClaims, read_page};
use sync_protocol::{Hash, JournalEntry, PushRequest, RawJson};
use tower::ServiceExt as _;
use uuid::Uuid;

const HQ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-hq");

/// A company with what a store needs to sell.
pub(crate) struct Company {
    pub(crate) id: Uuid,
    pub(crate) stores: [Uuid; 2],
    pub(crate) department: Uuid,
    pub(crate) manager: Uuid,
}

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) state: AppState,
    pub(crate) hub: Hub,
    pub(crate) router: Router,
    pub(crate) demo: Company,
    pub(crate) rival: Company,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = Database::new(HQ).await;
        let demo = company(&database, "demo").await;
        let rival = company(&database, "rival").await;
        let state = database.state();
        for of in [&demo, &rival] {
            let hashed = sign_in::hash_password("tradepost".to_owned()).await.unwrap();
            let manager = of.manager;
            transact(&state, &Actor::System { company_id: of.id }, move |tx, cx| {
                Box::pin(async move { sign_in::set_password(tx, cx, manager, &hashed).await })
            })
            .await
            .unwrap();
        }
        let hub = Hub::new();
        let router = serve::router(surface(hub.clone()), &Manner::default(), state.clone());
        Self { database, state, hub, router, demo, rival }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        assert!(status != StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&bytes));
        Answer { status, bytes }
    }

    /// A person's token.
    pub(crate) async fn sign_in(&self, company: &str) -> String {
        let body = json!({ "login": format!("manager@{company}"), "password": "tradepost" });
        let answer = self.send(post("/api/v1/auth/sign-in", None, &body)).await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn code(&self, token: &str, store: Uuid) -> String {
        let answer =
            self.send(post(&format!("/api/v1/stores/{store}/enrol-code"), Some(token), &json!({}))).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["code"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn enrol(&self, body: &Value) -> Answer {
        self.send(post("/sync/v1/enrol", None, body)).await
    }

    /// A box that has been enrolled as this store.
    pub(crate) async fn boxed(&self, company: &str, store: Uuid) -> Till {
        let token = self.sign_in(company).await;
        let code = self.code(&token, store).await;
        let key = SigningKey::from_bytes(&rand::random());
        let answer = self.enrol(&enrolment(&code, &key, Uuid::now_v7())).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let answer: EnrolAnswer = serde_json::from_slice(&answer.bytes).unwrap();
        Till {
            store,
            key,
            key_id: answer.key_id,
            incarnation: answer.incarnation,
            journal: Vec::new(),
            head: StreamHead::default(),
        }
    }

    pub(crate) async fn feed(&self, till: &Till, after: Option<&Cursor>) -> Answer {
        let query = after.map(|cursor| format!("?after={}", cursor.encode())).unwrap_or_default();
        self.send(till.get(&format!("/sync/v1/feed{query}"))).await
    }

    /// All pages after a cursor.
    pub(crate) async fn pull(&self, till: &Till, after: Option<&Cursor>) -> Page {
        let mut after = after.cloned();
        let mut records = Vec::new();
        loop {
            let answer = self.feed(till, after.as_ref()).await;
            assert_eq!(answer.status, 200, "{}", answer.json());
            let page = read_page(&answer.bytes).unwrap();
            records.extend(page.records);
            if page.tail.complete {
                return Page { records, ..page };
            }
            after = Some(page.tail.next);
        }
    }

    pub(crate) async fn push(&self, till: &Till, first: usize, many: usize) -> Answer {
        let body = serde_json::to_vec(&till.batch(first, many)).unwrap();
        self.send(till.post("/sync/v1/journal", body)).await
    }

    /// One figure, seen past every policy.
    pub(crate) async fn figure(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.database.owner()).await.unwrap()
    }
}

pub(crate) fn post(path: &str, token: Option<&str>, body: &Value) -> Request<Body> {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Body::from(body.to_string())).unwrap()
}

pub(crate) fn get(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap()
}

pub(crate) fn enrolment(code: &str, key: &SigningKey, incarnation: Uuid) -> Value {
    json!({
        "code": code,
        "incarnation": incarnation,
        "signing_key": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
        "sealing_key": URL_SAFE_NO_PAD.encode(x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(key.to_bytes())).as_bytes()),
        "versions": { "software": "0.1.0", "feed_schema": 1 },
    })
}

async fn company(database: &Database, code: &str) -> Company {
    let (id, department, role, manager) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let stores = [Uuid::now_v7(), Uuid::now_v7()];
    let owner = database.owner();
    for statement in [
        "insert into company (company_id, code, name, currency) values ($1, $2, $2, 'GBP')",
        "insert into role (company_id, id, code, name, permissions) values ($1, $3, $2 || '-manager', 'Manager',
            '{sync.read,sync.manage,store.enrol,store.read,report.read}')",
        "insert into app_user (company_id, id, login, name, role_id) values ($1, $4, 'manager', 'Manager of ' || $2, $3)",
        "insert into store (company_id, id, code, name, time_zone, currency) values
            ($1, $6, 'ST01', 'One', 'Europe/London', 'GBP'), ($1, $7, 'ST02', 'Two', 'Europe/London', 'GBP')",
        "insert into user_store (company_id, id, user_id, store_id, role_id) values
            ($1, gen_random_uuid(), $4, $6, $3), ($1, gen_random_uuid(), $4, $7, $3)",
        "insert into department (company_id, id, code, name) values ($1, $5, 'd', 'Things of ' || $2)",
    ] {
        // Each statement uses some of these; the comparison with themselves lets it take them all.
        let statement = format!(
            "with given as (select $1::uuid, $2::text, $3::uuid, $4::uuid, $5::uuid, $6::uuid, $7::uuid) {statement}"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(id)
            .bind(code)
            .bind(role)
            .bind(manager)
            .bind(department)
            .bind(stores[0])
            .bind(stores[1])
            .execute(owner)
            .await
            .unwrap();
    }
    Company { id, stores, department, manager }
}

/// A box: its key, and a journal of one stream.
#[derive(Clone)]
pub(crate) struct Till {
    pub(crate) store: Uuid,
    pub(crate) key: SigningKey,
    pub(crate) key_id: Uuid,
    pub(crate) incarnation: Uuid,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) head: StreamHead,
}

impl Till {
    pub(crate) fn token(&self) -> String {
        self.token_at(chrono::Utc::now().timestamp(), self.store)
    }

    pub(crate) fn token_at(&self, iat: i64, store: Uuid) -> String {
        let header = json!({ "alg": "EdDSA", "typ": TOKEN_TYPE, "kid": self.key_id }).to_string();
        let claims = TokenClaims {
            iss: store,
            aud: TOKEN_AUDIENCE.to_owned(),
            iat,
            exp: iat + 60,
            jti: Uuid::from_u128(rand::random()),
        };
        let claims = serde_json::to_vec(&claims).unwrap();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    pub(crate) fn get(&self, path: &str) -> Request<Body> {
        get(path, &self.token())
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Body>) -> Request<Body> {
        Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.into())
            .unwrap()
    }

    pub(crate) fn batch(&self, first: usize, many: usize) -> PushRequest {
        PushRequest {
            incarnation: self.incarnation,
            first: i64::try_from(first).unwrap(),
            previous: if first == 1 { Hash::ZERO } else { self.journal[first - 2].hash },
            entries: self.journal[first - 1..first - 1 + many].to_vec(),
        }
    }

    /// Journals a fact.
    pub(crate) fn write(&mut self, kind: &str, payload: &Value) {
        self.write_version(kind, 1, payload);
    }

    pub(crate) fn write_version(&mut self, kind: &str, version: i32, payload: &Value) {
        let mut entry = JournalEntry {
            event_id: Uuid::now_v7(),
            stream: "R01".to_owned(),
            stream_sequence: self.head.sequence + 1,
            kind: kind.to_owned(),
            version,
            occurred_at: "2026-11-24T10:00:00.123456Z".parse().unwrap(),
            business_date: "2026-11-24".parse().unwrap(),
            feed_position: 1,
            payload: RawJson::of(payload).unwrap(),
            previous_hash: self.head.hash,
            hash: Hash::ZERO,
        };
        entry.hash = chain::hash(&Link::of(self.incarnation, &entry), self.head.hash);
        self.head = StreamHead { sequence: entry.stream_sequence, hash: entry.hash };
        self.journal.push(entry);
    }

    /// Makes the chain follow again after entries were changed by hand.
    pub(crate) fn rehash(&mut self) {
        let mut previous = Hash::ZERO;
        for entry in &mut self.journal {
            entry.previous_hash = previous;
            entry.hash = chain::hash(&Link::of(self.incarnation, entry), previous);
            previous = entry.hash;
        }
    }

    pub(crate) fn open_session(&mut self, session: Uuid) {
        self.write(
            "register_session_opened",
            &json!({
                "id": session, "register_id": Uuid::from_u128(1), "register_code": "R01", "series": "R01",
                "business_date": "2026-11-24", "currency": "GBP", "opened_at": "2026-11-24T09:00:00Z",
                "opened_by": Uuid::from_u128(2), "opened_by_name": "Ana", "opening_float": "100.00",
            }),
        );
    }

    pub(crate) fn sell(&mut self, session: Uuid, number: i32) {
        self.write("sale_completed", &sale(session, number, "12.00"));
    }
}

/// Two of something for 6.00 each, VAT of 20 % in it, paid with 20.00.
pub(crate) fn sale(session: Uuid, number: i32, gross: &str) -> Value {
    let tax = json!({
        "tax_id": Uuid::from_u128(3), "code": "vat20", "name": "VAT", "kind": "percent", "rate": "20", "price_included": true,
        "base": "10.00", "amount": "2.00",
    });
    json!({
        "id": Uuid::now_v7(), "register_session_id": session, "register_id": Uuid::from_u128(1), "register_code": "R01",
        "series": "R01", "number": number, "receipt_number": format!("ST01-R01-{number:06}"),
        "business_date": "2026-11-24", "completed_at": "2026-11-24T10:00:00Z", "local_hour": 10,
        "cashier_id": Uuid::from_u128(2), "cashier_name": "Ana", "customer_id": null, "currency": "GBP",
        "lines": [{
            "id": Uuid::now_v7(), "variant_id": Uuid::from_u128(4), "product_id": Uuid::from_u128(5),
            "department_id": Uuid::from_u128(6), "department_name": "Things", "sku": "A1", "name": "A thing",
            "quantity": "2", "unit": "each", "regular_unit_price": "6.00", "unit_price": "6.00",
            "price_reason": { "kind": "listed", "price_id": Uuid::from_u128(7), "price_kind": "regular", "reason": "" },
            "reductions": [], "reduction": "0", "net": "10.00", "tax": "2.00", "gross": gross, "taxes": [tax],
            "sales_rep_id": null, "movement_id": Uuid::now_v7(),
        }],
        "taxes": [tax],
        "payments": [{
            "id": Uuid::now_v7(), "tender_id": Uuid::from_u128(8), "tender_code": "cash", "tender_name": "Cash",
            "tender_kind": "cash", "amount": "20.00", "change": "8.00", "reference": null,
        }],
        "net": "10.00", "tax": "2.00", "total": "12.00", "rounding": "0", "change": "8.00", "feed_position": 1,
    })
}
