//! What happens around every request: its identity, its limits, its figures, and that it always ends in an answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

use super::Manner;
use crate::metrics;
use crate::problem::Problem;
use crate::request::{REQUEST, RequestInfo};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLOCK: HeaderName = HeaderName::from_static("x-tradepost-clock");
/// A request waits this long for its turn before it is turned away.
const TURN: Duration = Duration::from_millis(250);
const REQUEST_TIME: Duration = Duration::from_secs(30);
const PATIENT_TIME: Duration = Duration::from_mins(15);
const BESIDE_TIME: Duration = Duration::from_mins(2);

/// Where a request came from, as far as it can be known: the peer, or whom a trusted proxy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        // Without a connection (a test that calls the router) it is this machine.
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::LOCALHOST))))
    }
}

#[derive(Clone)]
pub(super) struct Around {
    turns: Arc<Semaphore>,
    trust_proxy: bool,
    allow_clock_header: bool,
}

impl Around {
    pub(super) fn new(at_once: usize, manner: &Manner) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            trust_proxy: manner.trust_proxy,
            allow_clock_header: manner.allow_clock_header,
        }
    }
}

/// Outermost: gives the request an identity (or takes the caller's), and says so in the answer and in every log line.
pub(super) async fn identified(State(around): State<Around>, mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_identity(id))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let source = source(&request, around.trust_proxy);
    request.extensions_mut().insert(source);
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    let mut info = RequestInfo { id: id.clone(), pretended_time: None };
    let pretended = if around.allow_clock_header { clock_header(request.headers()) } else { Ok(None) };
    let answer = match pretended {
        Ok(pretended_time) => {
            info.pretended_time = pretended_time;
            REQUEST.scope(info, next.run(request)).instrument(span).await
        }
        Err(problem) => REQUEST.scope(info, async { problem.into_response() }).instrument(span).await,
    };
    finished(answer, &id)
}

fn finished(mut answer: Response, id: &str) -> Response {
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What is answered here may be one person's; who may keep it says so.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// What a caller may call its request: nothing that could forge a log line or eat the log.
fn is_identity(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn source(request: &Request, trust_proxy: bool) -> Source {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip());
    let named = || {
        // The last one is what our proxy saw; the ones before it are what somebody claims.
        let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back()?;
        forwarded.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
    };
    Source(whole_network((if trust_proxy { named() } else { None }).unwrap_or(peer)))
}

/// One customer has a whole /64 of IPv6, and could come from another address each time.
fn whole_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

fn clock_header(headers: &HeaderMap) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(value) = headers.get(CLOCK) else { return Ok(None) };
    value
        .to_str()
        .ok()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|at| Some(at.with_timezone(&Utc)))
        .ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "malformed", "The clock header is no time").field(
                "/x-tradepost-clock",
                "invalid_value",
                "RFC 3339, such as 2026-03-01T12:00:00Z.",
            )
        })
}

/// Counts and times the answer under the route's template: an address with an identity in it would be a series of its own.
pub(super) async fn measured(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let began = Instant::now();
    let answer = next.run(request).await;
    let took = began.elapsed();
    let status = answer.status();
    let labels = [("method", method.as_str()), ("route", &route), ("status", status.as_str())];
    metrics::observe("http_request_duration_seconds", &labels, took);
    if route != "/health/live" && route != "/metrics" {
        tracing::debug!(
            status = status.as_u16(),
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            route,
            "answered"
        );
    }
    answer
}

/// A handler that panics has a mistake; its caller gets a problem all the same, and the others notice nothing.
pub(super) async fn panics_are_problems(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(answer) => answer,
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no text");
            Problem::internal(format!("panic: {said}")).into_response()
        }
    }
}

/// Turns requests away when too many are being answered: soon, instead of letting all wait for ever.
pub(super) async fn bounded(State(around): State<Around>, request: Request, next: Next) -> Response {
    if let Ok(Ok(_turn)) = tokio::time::timeout(TURN, around.turns.clone().acquire_owned()).await {
        next.run(request).await
    } else {
        metrics::count("http_requests_turned_away_total", &[]);
        Problem::unavailable("overloaded", "The server has too much to do just now", 1).into_response()
    }
}

/// How long which requests may take.
#[derive(Clone)]
pub(super) struct Times {
    usual: Duration,
    patient: Arc<[&'static str]>,
}

impl Times {
    pub(super) fn of_api(patient: Vec<&'static str>) -> Self {
        Self { usual: REQUEST_TIME, patient: patient.into() }
    }

    pub(super) fn beside() -> Self {
        Self { usual: BESIDE_TIME, patient: Arc::new([]) }
    }
}

/// Bounds how long it takes to begin an answer, the reading of the body included.
pub(super) async fn within_time(State(times): State<Times>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let is_patient = times.patient.iter().any(|beginning| path.starts_with(beginning));
    let limit = if is_patient { PATIENT_TIME } else { times.usual };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => Problem::unavailable("took-too-long", "It took too long", 1).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_identity_is_taken_only_where_it_is_harmless() {
        assert!(is_identity("01890a5d-ac96-774b-bcce-b302099a8057"));
        for bad in ["", "a b", "x\ny", &"x".repeat(65), "ü"] {
            assert!(!is_identity(bad), "{bad}");
        }
    }

    #[test]
    fn neighbours_in_one_network_are_one_source() {
        let one = whole_network("2001:db8:1:2:aaaa::1".parse().unwrap());
        assert_eq!(one, whole_network("2001:db8:1:2:bbbb::9".parse().unwrap()));
        assert_ne!(one, whole_network("2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(whole_network("::ffff:10.0.0.7".parse().unwrap()), "10.0.0.7".parse::<IpAddr>().unwrap());
    }
}
