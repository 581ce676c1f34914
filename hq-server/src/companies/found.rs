//! Founding a company: itself, the roles that it begins with, and its first admin.

use rust_decimal::Decimal;
use server_kit::{Actor, AppState, Context, Problem, Tx, transact};
use shared_model::{Amount, Currency, Percent};
use sign_in::HashedPassword;
use uuid::Uuid;

use crate::audit;
use crate::master::{self, Checks, Created, New};
use crate::people::{ADMIN, READY_MADE, Role, User, set_password};

/// The company that is to be founded.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Its short code: the part of a login behind the `@`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The currency of its reports.
    pub currency: Currency,
    /// What its first admin signs in with.
    pub admin: String,
    /// The admin's password.
    pub password: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founded {
    /// The company was founded now.
    Now(Uuid),
    /// There was a company of this code already; nothing was changed.
    Before(Uuid),
}

/// Founds a company. Where there is one of this code, nothing is changed.
pub async fn found(state: &AppState, founding: Founding) -> Result<Founded, Problem> {
    if let Some(id) = find(state, &founding.code).await? {
        return Ok(Founded::Before(id));
    }
    let password = sign_in::hash_password(founding.password.clone()).await?;
    let company_id = state.ids.at(state.clock.now());
    let actor = Actor::System { company_id };
    let code = founding.code.clone();
    let done = transact(state, &actor, move |tx, cx| {
        Box::pin(async move { write(tx, cx, company_id, &founding, &password).await })
    })
    .await;
    match done {
        Ok(()) => Ok(Founded::Now(company_id)),
        // Somebody else founded it in the meantime.
        Err(problem) => match find(state, &code).await? {
            Some(id) => Ok(Founded::Before(id)),
            None => Err(problem),
        },
    }
}

/// The company of this code.
pub(crate) async fn find(state: &AppState, code: &str) -> Result<Option<Uuid>, Problem> {
    let code = code.to_owned();
    transact(state, &Actor::Nobody, move |tx, _| {
        Box::pin(async move {
            Ok::<_, Problem>(
                sqlx::query_scalar!("select company_by_code($1)", code).fetch_one(&mut **tx).await?,
            )
        })
    })
    .await
}

async fn write(
    tx: &mut Tx,
    cx: &Context,
    id: Uuid,
    founding: &Founding,
    password: &HashedPassword,
) -> Result<(), Problem> {
    let mut checks = Checks::default();
    let mut bytes = founding.code.bytes();
    let is_code = founding.code.len() <= 32
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    checks.ensure(is_code, "/code", "malformed", "It is 1 to 32 small letters, digits, and - inside.");
    checks.name("/name", &founding.name, 200);
    checks.done()?;
    sqlx::query!(
        "insert into company (company_id, code, name, currency, created_at) values ($1, $2, $3, $4, $5)",
        id,
        founding.code,
        founding.name,
        founding.currency.code(),
        cx.now,
    )
    .execute(&mut **tx)
    .await?;
    audit::noted(
        tx,
        cx,
        "company",
        "found",
        id,
        Some(serde_json::json!({ "code": founding.code, "name": founding.name, "currency": founding.currency })),
    )
    .await?;
    let mut admin_role = None;
    for ready in READY_MADE {
        let fields = Role {
            code: ready.code.to_owned(),
            name: ready.name.to_owned(),
            permissions: ready.permissions.iter().map(|word| (*word).to_owned()).collect(),
            max_reduction_percent: limit(ready.max_reduction_percent, Percent::new)?,
            max_refund: limit(ready.max_refund, Amount::new)?,
        };
        let (Created::Now(role) | Created::Before(role)) =
            master::create(tx, cx, New { id: None, fields }).await?;
        if ready.code == ADMIN {
            admin_role = Some(role.id);
        }
    }
    let fields = User {
        login: founding.admin.clone(),
        name: founding.admin.clone(),
        language: "en".to_owned(),
        role_id: admin_role.map(Into::into),
        active: true,
        stores: Vec::new(),
    };
    let (Created::Now(user) | Created::Before(user)) =
        master::create(tx, cx, New { id: None, fields }).await?;
    set_password(tx, cx, user.id, password).await
}

fn limit<T, E: std::error::Error + Send + Sync + 'static>(
    most: Option<i64>,
    of: impl FnOnce(Decimal) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    most.map(|most| of(Decimal::from(most))).transpose().map_err(Problem::internal)
}
