//! `GET` and `PATCH /company`: the company of whoever asks.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use server_kit::{AppState, Context, Json, Problem, Tx, read, transact};
use shared_model::Currency;
use sign_in::SignedIn;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::audit;
use crate::master::{Checks, object_of};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_company, change_company))
}

/// The chain.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Company {
    /// The company.
    id: Uuid,
    /// Its short code: the part of a login behind the `@`.
    code: String,
    /// Its name.
    name: String,
    /// Its name in law, on receipts.
    legal_name: String,
    /// Its address, on receipts.
    address: String,
    /// Its tax number, on receipts.
    tax_number: String,
    /// The currency of its reports.
    #[schema(value_type = Currency)]
    currency: String,
    /// Since when it is here.
    created_at: DateTime<Utc>,
}

/// What of the chain is to be changed; what is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompanyChange {
    /// Its name.
    #[serde(default)]
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Its name in law, on receipts.
    #[serde(default)]
    #[schema(max_length = 200)]
    legal_name: Option<String>,
    /// Its address, on receipts.
    #[serde(default)]
    #[schema(max_length = 1000)]
    address: Option<String>,
    /// Its tax number, on receipts.
    #[serde(default)]
    #[schema(max_length = 64)]
    tax_number: Option<String>,
}

/// The company of whoever asks
#[utoipa::path(get, path = "/company", operation_id = "get_company", responses((status = 200, body = Company)))]
async fn get_company(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
) -> Result<Json<Company>, Problem> {
    read(&state, &actor, |tx, _| Box::pin(load(tx))).await.map(Json)
}

/// Changes what the company is called
#[utoipa::path(patch, path = "/company", operation_id = "change_company", description = "Needs `store.write`.",
    request_body = CompanyChange, responses((status = 200, body = Company)))]
async fn change_company(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Json(members): Json<Map<String, Value>>,
) -> Result<Json<Company>, Problem> {
    actor.require("store.write")?;
    let wanted: CompanyChange = object_of(members)?;
    transact(&state, &actor, move |tx, cx| Box::pin(async move { change(tx, cx, wanted).await }))
        .await
        .map(Json)
}

async fn load(tx: &mut Tx) -> Result<Company, Problem> {
    Ok(sqlx::query_as!(
        Company,
        "select company_id as id, code, name, legal_name, address, tax_number, currency, created_at
         from company where company_id = current_company()"
    )
    .fetch_one(&mut **tx)
    .await?)
}

async fn change(tx: &mut Tx, cx: &Context, wanted: CompanyChange) -> Result<Company, Problem> {
    let mut checks = Checks::default();
    if let Some(name) = &wanted.name {
        checks.name("/name", name, 200);
    }
    checks.text("/legal_name", wanted.legal_name.as_deref().unwrap_or_default(), 200);
    checks.lines("/address", wanted.address.as_deref().unwrap_or_default(), 1000);
    checks.text("/tax_number", wanted.tax_number.as_deref().unwrap_or_default(), 64);
    checks.done()?;
    let before = load(tx).await?;
    sqlx::query!(
        "update company set name = coalesce($1, name), legal_name = coalesce($2, legal_name), address = coalesce($3, address),
             tax_number = coalesce($4, tax_number)
         where company_id = current_company()",
        wanted.name,
        wanted.legal_name,
        wanted.address,
        wanted.tax_number,
    )
    .execute(&mut **tx)
    .await?;
    let after = load(tx).await?;
    audit::changed(tx, cx, "company", "change", after.id, &before, &after).await?;
    Ok(after)
}
