//! The control port of a running chain: cuts and mends the line.
//!
//! `GET /line` tells; `POST /line {"state": "down" | "up", "store": "ST01"?}` changes the line of one store or of all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::line::{Line, Mode};

/// Each store's line by the store's code.
pub type Lines = Arc<BTreeMap<String, Line>>;

/// What a person calls a line's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// It carries.
    Up,
    /// It is cut.
    Down,
}

/// A change of the line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLine {
    /// What it shall be.
    pub state: LineState,
    /// Whose; none: every store's.
    pub store: Option<String>,
}

type States = BTreeMap<String, LineState>;

/// The control port of a running chain; ends with this value.
#[derive(Debug)]
pub struct Control {
    /// Where it answers.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the control port; 0: any that is free.
pub async fn serve(port: u16, lines: Lines) -> Result<Control> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("taking port {port} for the control"))?;
    let routes = Router::new().route("/line", get(tell).post(change)).with_state(lines);
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // An error here would be the listener's, which nothing can mend.
        let _ = axum::serve(listener, routes).await;
    });
    Ok(Control { address, task })
}

async fn tell(State(lines): State<Lines>) -> Json<States> {
    Json(states(&lines))
}

async fn change(
    State(lines): State<Lines>,
    Json(wanted): Json<SetLine>,
) -> Result<Json<States>, (StatusCode, String)> {
    let mode = match wanted.state {
        LineState::Up => Mode::Up,
        LineState::Down => Mode::Down,
    };
    match &wanted.store {
        Some(code) => match lines.get(code) {
            Some(line) => line.set(mode),
            None => return Err((StatusCode::NOT_FOUND, format!("there is no store {code} in this chain\n"))),
        },
        None => lines.values().for_each(|line| line.set(mode)),
    }
    Ok(Json(states(&lines)))
}

fn states(lines: &Lines) -> States {
    let state = |line: &Line| if line.mode() == Mode::Down { LineState::Down } else { LineState::Up };
    lines.iter().map(|(code, line)| (code.clone(), state(line))).collect()
}
