//! Extractors whose refusals are problems that name the field.

mod objects;

use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A JSON body, in and out.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A JSON body together with the very bytes that were sent, for what is signed or hashed.
#[derive(Clone, Debug)]
pub struct JsonBytes<T> {
    /// What it says.
    pub value: T,
    /// How it says it.
    pub bytes: Bytes,
}

/// The parameters in the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// The parameters after the question mark.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(JsonBytes::from_request(request, state).await?.value))
    }
}

impl<T, S> FromRequest<S> for JsonBytes<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(body_refused)?;
        let value = from_json(&bytes)?;
        Ok(Self { value, bytes })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        use axum::extract::path::ErrorKind;
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => refuse_nul_in(parts.uri.path()).map(|()| Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(refusal)) => {
                let detail = refusal.body_text();
                let pointer = match refusal.kind() {
                    ErrorKind::ParseErrorAtKey { key, .. }
                    | ErrorKind::InvalidUtf8InPathParam { key }
                    | ErrorKind::DeserializeError { key, .. } => format!("/{key}"),
                    _ => String::new(),
                };
                Err(malformed("The address is malformed").field(pointer, "invalid", detail))
            }
            Err(other) => Err(Problem::internal(other)),
        }
    }
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        refuse_nul_in(query)?;
        from_query(query).map(Self)
    }
}

/// Reads JSON from bytes; the problem names the field. Lines of a batch go through this too.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if has_nul(bytes) {
        return Err(malformed("The body has a character that cannot be kept").field(
            "",
            "nul_character",
            "Texts cannot have the character U+0000.",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let objects::Strict(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().clone();
        let error = error.into_inner();
        if error.is_data() {
            let (pointer, code) = place_and_kind(&pointer_to(&path), &error.to_string());
            Problem::invalid(pointer, code, without_position(&error.to_string()))
        } else {
            malformed("The body is not JSON").field(
                "",
                if error.is_eof() { "truncated" } else { "syntax" },
                error.to_string(),
            )
        }
    })?;
    deserializer.end().map_err(|error| {
        malformed("The body is not JSON").field("", "trailing_characters", error.to_string())
    })?;
    Ok(value)
}

fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let uri =
        axum::http::Uri::builder().path_and_query(format!("/?{query}")).build().map_err(Problem::internal)?;
    match axum::extract::Query::<T>::try_from_uri(&uri) {
        Ok(axum::extract::Query(value)) => Ok(value),
        Err(refusal) => {
            let text = refusal.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            // axum's text begins with the parameter's name where it knows it.
            let (place, message) = match text.split_once(": ") {
                Some((name, rest)) if !name.contains(' ') => (format!("/{name}"), rest.to_owned()),
                _ => (String::new(), text.to_owned()),
            };
            let (pointer, code) = place_and_kind(&place, &message);
            Err(Problem::invalid(pointer, code, message))
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 17
            && essence.to_ascii_lowercase().starts_with("application/")
            && essence.to_ascii_lowercase().ends_with("+json"))
}

/// Says why a body could not be read; also for routes that read it as a stream or as text.
#[must_use]
pub fn body_refused(refusal: BytesRejection) -> Problem {
    match refusal {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
        }
        other => malformed("The body could not be read").caused_by(other),
    }
}

fn malformed(title: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", title)
}

/// PostgreSQL's texts cannot have the character U+0000, in JSON `\u0000`.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        match rest.get(at + 1) {
            Some(b'u') if rest.get(at + 2..at + 6) == Some(b"0000") => return true,
            Some(_) => rest = rest.get(at + 2..).unwrap_or_default(),
            None => return false,
        }
    }
    false
}

fn refuse_nul_in(address: &str) -> Result<(), Problem> {
    if address.contains("%00") {
        return Err(malformed("The address is malformed").field(
            "",
            "nul_character",
            "Texts cannot have the character U+0000.",
        ));
    }
    Ok(())
}

fn pointer_to(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&escaped(key));
            }
            // The variant's name is no part of the document's path.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The field, which serde names in its text where it is unknown or missing, and the stable code of the mistake.
fn place_and_kind(place: &str, message: &str) -> (String, &'static str) {
    let named = message.split('`').nth(1).unwrap_or_default();
    let in_place = |name: &str| {
        let name = format!("/{}", escaped(name));
        if place.ends_with(&name) { place.to_owned() } else { format!("{place}{name}") }
    };
    if message.starts_with("missing field") {
        (in_place(named), "missing_field")
    } else if message.starts_with("unknown field") {
        (in_place(named), "unknown_field")
    } else if message.starts_with("duplicate field") {
        (in_place(named), "duplicate_field")
    } else if message.starts_with("unknown variant") {
        (place.to_owned(), "unknown_value")
    } else if message.starts_with("invalid type") {
        (place.to_owned(), "wrong_type")
    } else {
        (place.to_owned(), "invalid_value")
    }
}

/// `serde_json` ends its text with the position, which the pointer says better.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").and_then(|at| message.get(..at)).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Line {
        quantity: u32,
        #[serde(default)]
        note: Option<String>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Command {
        #[expect(dead_code, reason = "only read")]
        lines: Vec<Line>,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        last: Option<Line>,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        effect: Option<Effect>,
    }

    #[derive(Debug, serde::Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Effect {
        Percent { of: u32 },
        Each(Line),
        Pair(u32, u32),
    }

    fn first_error(body: &str) -> (u16, String, String) {
        let problem = from_json::<Command>(body.as_bytes()).unwrap_err();
        let error = &problem.errors()[0];
        (problem.status().as_u16(), error.pointer.clone(), error.code.to_string())
    }

    #[test]
    fn a_mistake_in_a_body_is_found_by_its_pointer() {
        let cases = [
            (r#"{"lines":[{"quantity":1},{"quantity":"x"}]}"#, 422, "/lines/1/quantity", "wrong_type"),
            (r#"{"lines":[{"quantity":-1}]}"#, 422, "/lines/0/quantity", "invalid_value"),
            (r#"{"lines":[{}]}"#, 422, "/lines/0/quantity", "missing_field"),
            (r#"{"lines":[{"quantity":1,"colour":2}]}"#, 422, "/lines/0/colour", "unknown_field"),
            (r#"{"lines":[],"lines":[]}"#, 422, "/lines", "duplicate_field"),
            (r"{}", 422, "/lines", "missing_field"),
            (r#"{"lines":["#, 400, "", "truncated"),
            (r#"{"lines":[]} x"#, 400, "", "trailing_characters"),
            (r"{'lines':[]}", 400, "", "syntax"),
            (r#"{"lines":[{"quantity":1,"note":"a\u0000b"}]}"#, 400, "", "nul_character"),
            // serde would take a list for an object.
            ("[[]]", 422, "", "wrong_type"),
            (r#"{"lines":[[1,"note"]]}"#, 422, "/lines/0", "wrong_type"),
            (r#"{"lines":[],"last":[1]}"#, 422, "/last", "wrong_type"),
            (r#"{"lines":[],"effect":{"percent":[1]}}"#, 422, "/effect", "wrong_type"),
            (r#"{"lines":[],"effect":{"each":[1,"note"]}}"#, 422, "/effect", "wrong_type"),
        ];
        for (body, status, pointer, code) in cases {
            assert_eq!(first_error(body), (status, pointer.to_owned(), code.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_a_list_stays_one() {
        assert_eq!(from_json::<Effect>(br#"{"pair":[1,2]}"#).unwrap(), Effect::Pair(1, 2));
        assert_eq!(from_json::<(u32, Vec<u32>)>(b"[1,[2,3]]").unwrap(), (1, vec![2, 3]));
        let raw = from_json::<Box<serde_json::value::RawValue>>(b"[1, 2]").unwrap();
        assert_eq!(raw.get(), "[1, 2]");
        let value = from_json::<serde_json::Value>(br#"{"a":[{"b":1.5}]}"#).unwrap();
        assert_eq!(value, serde_json::json!({ "a": [{ "b": 1.5 }] }));
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_no_nul() {
        let line: Line = from_json(br#"{"quantity":1,"note":"a\\u0000b"}"#).unwrap();
        assert_eq!(line.note.unwrap(), "a\\u0000b");
    }

    #[test]
    fn a_body_nested_too_deep_is_refused() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(from_json::<serde_json::Value>(body.as_bytes()).unwrap_err().status(), 400);
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        #[expect(dead_code, reason = "only read")]
        limit: Option<u32>,
    }

    #[test]
    fn a_mistake_in_the_query_names_the_parameter() {
        let problem = from_query::<Page>("limit=many").unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.errors()[0].pointer.as_str()), (422, "/limit"));
        let problem = from_query::<Page>("colour=red").unwrap_err();
        assert_eq!(problem.errors()[0].pointer, "/colour");
        assert_eq!(problem.errors()[0].code, "unknown_field");
        assert!(from_query::<Page>("").is_ok());
    }
}
