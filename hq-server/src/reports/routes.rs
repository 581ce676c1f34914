//! `GET /reports/sales`.

use axum::extract::State;
use chrono::NaiveDate;
use facts::reports::{GroupBy, SalesReport};
use serde::Deserialize;
use server_kit::{AppState, Json, Problem, Query, read};
use sign_in::SignedIn;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ReportError, sales};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report_sales))
}

/// What to report.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SalesParameters {
    /// The first business date; left out: today.
    pub(super) from: Option<NaiveDate>,
    /// The last business date, included; left out: today.
    pub(super) to: Option<NaiveDate>,
    /// Codes of stores, with commas between; left out: every store that you may see.
    pub(super) store: Option<String>,
    /// What the rows are; left out: days.
    #[serde(default)]
    #[param(required = false, inline)]
    pub(super) group_by: GroupBy,
    /// At most so many rows; left out: 10,000. The totals are over all of them.
    pub(super) limit: Option<u32>,
}

/// What was sold, as far as HQ has heard
///
/// Store, register, day and hour come in the order of their keys, the others by gross. `sales` counts the receipts that touch
/// a row; the totals count distinct ones. A tender's row has no net, tax or quantity. `as_of` says how far each store's
/// journal is in the figures.
#[utoipa::path(get, path = "/reports/sales", tag = "reports", operation_id = "report_sales", params(SalesParameters),
    responses((status = 200, body = SalesReport), (status = "default", body = inline(server_kit::problem::ProblemDocument<'static>), content_type = "application/problem+json")))]
async fn report_sales(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Query(parameters): Query<SalesParameters>,
) -> Result<Json<SalesReport>, Problem> {
    actor.require("report.read")?;
    let report =
        read(&state, &actor, move |tx, cx| Box::pin(async move { sales::report(tx, cx, &parameters).await }))
            .await
            .map_err(|error: ReportError| Problem::from(error))?;
    Ok(Json(report))
}
