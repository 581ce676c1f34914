//! What is known of the request that is being answered, wherever in the call it is asked for.

use chrono::{DateTime, Utc};

tokio::task_local! {
    pub(crate) static REQUEST: RequestInfo;
}

/// One request's identity, and the time that it pretends to be made at.
#[derive(Clone, Debug)]
pub(crate) struct RequestInfo {
    pub(crate) id: String,
    pub(crate) pretended_time: Option<DateTime<Utc>>,
}

/// The identity of the request that is being answered, for logs, problems and audit.
#[must_use]
pub fn request_id() -> Option<String> {
    REQUEST.try_with(|request| request.id.clone()).ok()
}

pub(crate) fn pretended_time() -> Option<DateTime<Utc>> {
    REQUEST.try_with(|request| request.pretended_time).ok().flatten()
}

/// Takes the request's identity along into a task of its own.
pub(crate) async fn in_this_request<F: Future>(info: Option<RequestInfo>, work: F) -> F::Output {
    match info {
        Some(info) => REQUEST.scope(info, work).await,
        None => work.await,
    }
}

pub(crate) fn current() -> Option<RequestInfo> {
    REQUEST.try_with(Clone::clone).ok()
}
