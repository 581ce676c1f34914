//! HTTP of receipts.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use server_kit::{AppState, Path, Problem, Query, read};
use shared_model::ids::SaleId;
use sign_in::SignedIn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::render::{self, Language, Seller};
use crate::selling::look_up::{self, LookUpError, SaleQuery};
use crate::this_store;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_receipt))
}

/// A sale's receipt: `Accept: text/html`, or text. In the language of `Accept-Language` (en, es).
///
/// Shown to whom the sale is.
#[utoipa::path(get, path = "/receipts/{id}", tag = "receipts", params(("id" = SaleId, Path, description = "The sale"), SaleQuery),
    responses((status = 200, content((String = "text/plain"), (String = "text/html"))), (status = 403), (status = 404), (status = 422)))]
async fn get_receipt(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<SaleId>,
    Query(query): Query<SaleQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require("sale.ring_up")?;
    let sale = look_up::show(&state, &who, id, query).await?;
    let completed_at = sale.completed_at;
    let (seller, at) = read(&state, &who, move |tx, _| {
        Box::pin(async move {
            let store = this_store::load(tx).await?;
            let seller = sqlx::query_as!(
                Seller,
                r#"select coalesce(nullif(s.legal_name, ''), nullif(c.legal_name, ''), c.name, s.name) as "legal_name!", s.address,
                       coalesce(nullif(s.tax_number, ''), c.tax_number, '') as "tax_number!", s.name as store_name
                   from from_hq.store s left join from_hq.company c on true where s.id = $1"#,
                store.place.store_id.uuid()
            )
            .fetch_one(&mut **tx)
            .await?;
            Ok((seller, store.local(completed_at)))
        })
    })
    .await
    .map_err(|error: LookUpError| Problem::from(error))?;
    let said =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let language = Language::preferred(said(header::ACCEPT_LANGUAGE));
    let (kind, body) = if said(header::ACCEPT).contains("text/html") {
        ("text/html; charset=utf-8", render::html(&sale, &seller, at, language))
    } else {
        ("text/plain; charset=utf-8", render::text(&sale, &seller, at, language))
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'self'"),
        ),
        (header::VARY, HeaderValue::from_static("accept, accept-language")),
    ];
    Ok((headers, body).into_response())
}
