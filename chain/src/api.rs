//! A small client of the servers' HTTP interface, as a script of a user would be.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::RwLock;

/// The header by which a server that allows it is told what time it is.
pub const CLOCK_HEADER: &str = "x-tradepost-clock";

/// How somebody signs in.
#[derive(Debug, Clone)]
pub enum Secret {
    /// By a password.
    Password(String),
    /// By a PIN.
    Pin(String),
}

/// A server's answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its `ETag`, where it has one.
    pub etag: Option<String>,
    /// Its JSON; null where there is none.
    pub body: Value,
}

/// A call to be made.
#[derive(Debug)]
pub struct Call<'a> {
    /// The verb.
    pub method: Method,
    /// The path below the server's address.
    pub path: &'a str,
    /// The JSON body.
    pub body: Option<&'a Value>,
    /// More headers.
    pub headers: &'a [(&'a str, &'a str)],
}

/// One signed-in person at one server.
#[derive(Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    login: String,
    secret: Secret,
    token: RwLock<String>,
}

/// A client that keeps connections open and gives up after a while.
pub fn http() -> Result<reqwest::Client> {
    // The provider is the process's; a second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_mins(1))
        .connect_timeout(Duration::from_secs(2))
        .no_proxy()
        .build()?)
}

impl Api {
    /// Signs in at the server at `base` (`http://127.0.0.1:3000`).
    pub async fn sign_in(base: &str, login: &str, secret: Secret) -> Result<Self> {
        let api = Self {
            http: http()?,
            base: base.to_owned(),
            login: login.to_owned(),
            secret,
            token: RwLock::default(),
        };
        api.renew().await?;
        Ok(api)
    }

    async fn renew(&self) -> Result<()> {
        let body = match &self.secret {
            Secret::Password(password) => json!({"login": self.login, "password": password}),
            Secret::Pin(pin) => json!({"login": self.login, "pin": pin}),
        };
        let answer = self.http.post(format!("{}/api/v1/auth/sign-in", self.base)).json(&body).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        match body.get("access_token").and_then(Value::as_str) {
            Some(token) => *self.token.write().await = token.to_owned(),
            None => bail!("{} could not sign in at {}: {status} {body}", self.login, self.base),
        }
        Ok(())
    }

    /// Makes a call and gives the answer, whatever it is; signs in again when the token has run out.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer> {
        let mut renewed = false;
        loop {
            let token = self.token.read().await.clone();
            let mut request = self
                .http
                .request(call.method.clone(), format!("{}{}", self.base, call.path))
                .bearer_auth(token);
            for (name, value) in call.headers {
                request = request.header(*name, *value);
            }
            if let Some(body) = call.body {
                request = request.json(body);
            }
            let answer = request.send().await?;
            let status = answer.status();
            if status == StatusCode::UNAUTHORIZED && !renewed {
                renewed = true;
                self.renew().await?;
                continue;
            }
            let etag = answer.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let bytes = answer.bytes().await?;
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            return Ok(Answer { status, etag, body });
        }
    }

    async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.call(Call { method: method.clone(), path, body, headers: &[] }).await?;
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(anyhow!("{method} {}{path}: {} {}", self.base, answer.status, answer.body))
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.expect(Method::GET, path, None).await
    }

    /// Posts; an answer that is no success is an error.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.expect(Method::POST, path, Some(body)).await
    }

    /// Puts; an answer that is no success is an error.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.expect(Method::PUT, path, Some(body)).await
    }

    /// Changes a record as it stands now.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        let now = self.call(Call { method: Method::GET, path, body: None, headers: &[] }).await?;
        let etag = now.etag.ok_or_else(|| anyhow!("{path} has no ETag: {} {}", now.status, now.body))?;
        let headers = [("if-match", etag.as_str())];
        let answer =
            self.call(Call { method: Method::PATCH, path, body: Some(body), headers: &headers }).await?;
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(anyhow!("PATCH {path}: {} {}", answer.status, answer.body))
        }
    }

    /// Posts bytes that are no JSON.
    pub async fn post_bytes(&self, path: &str, content_type: &str, bytes: Vec<u8>) -> Result<Value> {
        let token = self.token.read().await.clone();
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .bearer_auth(token)
            .header("content-type", content_type);
        let answer = request.body(bytes).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if status.is_success() { Ok(body) } else { Err(anyhow!("POST {path}: {status} {body}")) }
    }
}
