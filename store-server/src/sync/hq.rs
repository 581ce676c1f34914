//! What the store asks HQ over HTTP, and how HQ's answers read.

use std::error::Error as StdError;
use std::io::Read as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, VerifyingKey};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use server_kit::{Clock, Ids};
use sync_protocol::store_sync::{Failure, PushRefusal};
use sync_protocol::wire::{
    self, Cursor, EnrolAnswer, EnrolRequest, FEED_SCHEMA, MAX_PAGE_BYTES, Page, PageError, PushAnswer,
    PushRequest, Refusal, TimeAnswer,
};
use uuid::Uuid;

use super::identity::Identity;
use super::keys::StoreKeys;

/// The most bytes of an answer that is not a page.
const MAX_ANSWER: usize = 64 * 1024;

/// HQ, as one store speaks to it.
pub(super) struct Hq {
    base: Url,
    http: reqwest::Client,
    keys: StoreKeys,
    key_id: Uuid,
    store_id: Uuid,
    pinned: Option<VerifyingKey>,
    clock: Clock,
    ids: Ids,
    /// How far HQ's time is ahead of the store's clock, in milliseconds; heard when dates did not fit.
    ahead: AtomicI64,
}

/// An address that the store does not speak to.
#[derive(Debug, thiserror::Error)]
pub enum BadAddress {
    /// No address at all.
    #[error("{0:?} is not the address of an HQ server, such as https://hq.example.com")]
    NotAnAddress(String),
    /// Readable on the way.
    #[error("{0:?} is not encrypted; http is for HQ on the same machine only")]
    NotEncrypted(String),
    /// No client can be made here.
    #[error("no HTTP client can be made here")]
    NoClient(#[from] reqwest::Error),
}

/// Reads HQ's address.
pub(super) fn address(text: &str) -> Result<Url, BadAddress> {
    let url = Url::parse(text).map_err(|_| BadAddress::NotAnAddress(text.to_owned()))?;
    let host = url.host_str().ok_or_else(|| BadAddress::NotAnAddress(text.to_owned()))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(host) => Ok(url),
        "http" => Err(BadAddress::NotEncrypted(text.to_owned())),
        _ => Err(BadAddress::NotAnAddress(text.to_owned())),
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A client that knows no proxy on its own machine and follows nobody elsewhere.
pub(super) fn client(url: &Url) -> Result<reqwest::Client, BadAddress> {
    // Refused where a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(15))
        .timeout(Duration::from_mins(2))
        .pool_idle_timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("store-server/", env!("CARGO_PKG_VERSION")));
    if url.host_str().is_some_and(is_this_machine) {
        builder = builder.no_proxy();
    }
    Ok(builder.build()?)
}

/// What came of a pull.
pub(super) enum Pulled {
    /// A whole page.
    Page(Page),
    /// None.
    Failed(Failure),
    /// HQ's history is another.
    Rewound(i64),
    /// HQ no longer serves this release.
    TooOld(u32),
}

/// What came of a push.
pub(super) enum Pushed {
    /// HQ has it.
    Taken(PushAnswer),
    /// HQ has refused it.
    Refused(PushRefusal),
    /// No answer.
    Failed(Failure),
}

impl Hq {
    pub(super) fn new(
        identity: &Identity,
        keys: StoreKeys,
        clock: Clock,
        ids: Ids,
    ) -> Result<Self, BadAddress> {
        let base = address(&identity.hq_url)?;
        let hq_key: Option<[u8; 32]> = identity.hq_key.as_slice().try_into().ok();
        Ok(Self {
            http: client(&base)?,
            base,
            keys,
            key_id: identity.key_id,
            store_id: identity.store_id,
            pinned: hq_key.and_then(|key| VerifyingKey::from_bytes(&key).ok()),
            clock,
            ids,
            ahead: AtomicI64::new(0),
        })
    }

    /// Where HQ answers, with another scheme for the bell.
    pub(super) fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url
    }

    /// A token that is good for one request.
    pub(super) fn token(&self) -> String {
        let now = self.clock.now();
        self.keys.token(
            self.key_id,
            self.store_id,
            now + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed)),
            self.ids.at(now),
        )
    }

    fn is_here(&self) -> bool {
        self.base.host_str().is_some_and(is_this_machine)
    }

    /// Gets the page after `after`.
    pub(super) async fn pull(&self, after: Option<&Cursor>) -> Pulled {
        let mut url = self.address("/sync/v1/feed");
        url.query_pairs_mut().append_pair("schema", &FEED_SCHEMA.to_string());
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", &after.encode());
        }
        let mut request = self.http.get(url).bearer_auth(self.token());
        if !self.is_here() {
            // On one machine, packing costs more than it saves.
            request = request.header(ACCEPT_ENCODING, "zstd");
        }
        let response = match send(request).await {
            Ok(response) => response,
            Err(failure) => return Pulled::Failed(failure),
        };
        if response.status() != StatusCode::OK {
            let (status, refusal, retry_after_ms) = refusal(response).await;
            return match (status, refusal.kind.as_str(), refusal.head, refusal.needed) {
                (StatusCode::CONFLICT, wire::PROBLEM_REWOUND, Some(head), _) => Pulled::Rewound(head),
                (StatusCode::UPGRADE_REQUIRED, _, _, Some(needed)) => Pulled::TooOld(needed),
                _ => Pulled::Failed(failure(status, &refusal, retry_after_ms)),
            };
        }
        let is_packed = response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "zstd");
        let Some(mut bytes) = body(response, MAX_PAGE_BYTES).await else {
            return Pulled::Failed(Failure::Unreachable);
        };
        if is_packed {
            bytes = match unpack(&bytes, MAX_PAGE_BYTES) {
                Some(bytes) => bytes,
                None => return Pulled::Failed(Failure::Garbled),
            };
        }
        match wire::read_page(&bytes) {
            Ok(page) => Pulled::Page(page),
            Err(PageError::Truncated) => Pulled::Failed(Failure::Unreachable),
            Err(error) => {
                tracing::warn!(%error, "a page of HQ's feed is not readable");
                Pulled::Failed(Failure::Garbled)
            }
        }
    }

    /// Sends a batch.
    pub(super) async fn push(&self, batch: &PushRequest) -> Pushed {
        let mut request = self
            .http
            .post(self.address("/sync/v1/journal"))
            .bearer_auth(self.token())
            .header(CONTENT_TYPE, "application/json");
        let Ok(bytes) = serde_json::to_vec(batch) else { return Pushed::Failed(Failure::Storage) };
        request = if self.is_here() {
            request.body(bytes)
        } else {
            match zstd::encode_all(bytes.as_slice(), 3) {
                Ok(packed) => request.header(CONTENT_ENCODING, "zstd").body(packed),
                Err(_) => request.body(bytes),
            }
        };
        let response = match send(request).await {
            Ok(response) => response,
            Err(failure) => return Pushed::Failed(failure),
        };
        if response.status() == StatusCode::OK {
            let Some(bytes) = body(response, MAX_ANSWER).await else {
                return Pushed::Failed(Failure::Unreachable);
            };
            return match serde_json::from_slice(&bytes) {
                Ok(answer) => Pushed::Taken(answer),
                Err(_) => Pushed::Failed(Failure::Garbled),
            };
        }
        let (status, refusal, retry_after_ms) = refusal(response).await;
        let detail = refusal.detail.clone().unwrap_or_default();
        match (status, refusal.kind.as_str(), refusal.expected, refusal.watermark) {
            (StatusCode::CONFLICT, wire::PROBLEM_GAP, Some(expected), Some(watermark)) => {
                Pushed::Refused(PushRefusal::Expected { expected, watermark })
            }
            (StatusCode::CONFLICT, wire::PROBLEM_FORKED, ..) => Pushed::Refused(PushRefusal::Forked),
            (StatusCode::CONFLICT, wire::PROBLEM_SUPERSEDED, ..) => Pushed::Refused(PushRefusal::Superseded),
            (StatusCode::PAYLOAD_TOO_LARGE, ..) => Pushed::Refused(PushRefusal::TooLarge),
            (_, wire::PROBLEM_BATCH, ..) => Pushed::Refused(PushRefusal::Invalid { detail }),
            _ => Pushed::Failed(failure(status, &refusal, retry_after_ms)),
        }
    }

    /// Sends records that HQ has lost, as lines.
    pub(super) async fn offer(&self, lines: Vec<u8>) -> Result<(), Failure> {
        let request = self
            .http
            .post(self.address("/sync/v1/offer"))
            .bearer_auth(self.token())
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(lines);
        let response = send(request).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let (status, refusal, retry_after_ms) = refusal(response).await;
        Err(failure(status, &refusal, retry_after_ms))
    }

    /// Asks for HQ's time, signed by the key that the enrolment pinned, and signs by it from now on. The store's own
    /// clock stays as it is.
    pub(super) async fn correct_time(&self) -> bool {
        let Some(hq_key) = self.pinned else { return false };
        let nonce = self.ids.at(self.clock.now()).simple().to_string();
        let mut url = self.address("/sync/v1/time");
        url.query_pairs_mut().append_pair("nonce", &nonce);
        let asked_at = self.clock.now();
        let Ok(response) = send(self.http.get(url)).await else { return false };
        let Some(bytes) = body(response, MAX_ANSWER).await else { return false };
        let Ok(answer) = serde_json::from_slice::<TimeAnswer>(&bytes) else { return false };
        let Ok(signature) = Signature::from_slice(&answer.signature.0) else { return false };
        let message = wire::time_message(answer.now, &nonce);
        if answer.nonce != nonce || hq_key.verify_strict(&message, &signature).is_err() {
            tracing::warn!("HQ's time is not signed by HQ");
            return false;
        }
        let ahead = answer.now - middle(asked_at, self.clock.now());
        self.ahead.store(ahead.num_milliseconds(), Ordering::Relaxed);
        tracing::warn!(
            milliseconds = ahead.num_milliseconds(),
            "tokens are signed by HQ's time; the clock is left alone"
        );
        true
    }
}

fn middle(from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
    from + (to - from) / 2
}

/// Sends an enrolment.
pub(super) async fn enrol(base: &Url, request: &EnrolRequest) -> Result<EnrolAnswer, EnrolFailed> {
    let http = client(base)?;
    let mut url = base.clone();
    url.set_path(&format!("{}/sync/v1/enrol", base.path().trim_end_matches('/')));
    let response = http.post(url).json(request).send().await.map_err(EnrolFailed::Unreachable)?;
    let status = response.status();
    if status != StatusCode::OK {
        let (_, refusal, _) = refusal(response).await;
        return Err(EnrolFailed::Refused {
            status: status.as_u16(),
            detail: refusal.detail.unwrap_or(refusal.kind),
        });
    }
    let bytes = body(response, MAX_ANSWER).await.ok_or(EnrolFailed::Garbled)?;
    serde_json::from_slice(&bytes).map_err(|_| EnrolFailed::Garbled)
}

/// Why there was no enrolment.
#[derive(Debug, thiserror::Error)]
pub enum EnrolFailed {
    /// The address is of no use.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// No answer: ask again.
    #[error("HQ does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// HQ says no.
    #[error("HQ refuses the enrolment ({status}): {detail}")]
    Refused {
        /// HQ's status.
        status: u16,
        /// HQ's words.
        detail: String,
    },
    /// Not an HQ.
    #[error("the answer is not one of an HQ server")]
    Garbled,
}

async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    request.send().await.map_err(|error| {
        let failure = match &error {
            error if is_about_dates(error) => Failure::Clock,
            error if error.is_timeout() && !error.is_connect() => Failure::TimedOut,
            _ => Failure::Unreachable,
        };
        tracing::debug!(%error, ?failure, "HQ was not reached");
        failure
    })
}

/// Whether a certificate is good but for its dates.
pub(super) fn is_about_dates(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref::<rustls::Error>() {
            use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
            return matches!(
                reason,
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
            );
        }
        next = error.source();
    }
    false
}

/// A body whole; none when it breaks off or is larger.
async fn body(mut response: Response, most: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if bytes.len() + chunk.len() > most {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes)
}

/// Unpacks at most so many bytes.
fn unpack(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let decoder = zstd::Decoder::new(bytes).ok()?;
    decoder.take(most as u64 + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() <= most).then_some(unpacked)
}

async fn refusal(response: Response) -> (StatusCode, Refusal, Option<u64>) {
    let status = response.status();
    let retry_after_ms = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .map(|seconds| seconds.saturating_mul(1000));
    let refusal = body(response, MAX_ANSWER)
        .await
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    (status, refusal, retry_after_ms)
}

fn failure(status: StatusCode, refusal: &Refusal, retry_after_ms: Option<u64>) -> Failure {
    match status {
        StatusCode::UNAUTHORIZED if refusal.kind == wire::PROBLEM_CLOCK => Failure::Clock,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Unauthorised,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure::Busy { retry_after_ms },
        status if status.is_server_error() => Failure::Unreachable,
        status => {
            tracing::warn!(%status, kind = refusal.kind, detail = refusal.detail, "HQ's answer makes no sense here");
            Failure::Garbled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_hq_on_this_machine_is_spoken_to_in_the_clear() {
        for good in
            ["https://hq.example.com", "http://127.0.0.1:3000", "http://[::1]:3000/", "http://localhost:3000"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["http://hq.example.com", "http://10.0.0.1", "ftp://127.0.0.1", "hq", "file:///etc/passwd"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        let bomb = zstd::encode_all(vec![0_u8; 10_000_000].as_slice(), 3).unwrap();
        assert!(bomb.len() < 10_000);
        assert!(unpack(&bomb, 1_000_000).is_none());
        assert_eq!(unpack(&bomb, 10_000_000).unwrap().len(), 10_000_000);
    }
}
