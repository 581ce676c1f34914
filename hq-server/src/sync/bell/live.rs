//! One store's bell, from hello to the end.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use server_kit::{AppState, Problem, metrics, read};
use sync_protocol::wire::{BELL_PING_MS, HqMessage, MAX_BELL_BYTES, StoreMessage, StoreStatus};
use sync_protocol::{Hash, Watermark};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::sync::hub::{Ask, Head, Hub};
use crate::sync::token::{Caller, still_in_force};

/// How long a message may take to leave before the line is taken for dead.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Small buffers: thousands of bells are idle at the same time.
const BUFFER: usize = 4 * 1024;

/// `GET /sync/v1/live`
pub(crate) async fn get_live(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    // Stores send no origin; a page in a browser cannot help sending one.
    if headers.contains_key(header::ORIGIN) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "origin", "This is not for browsers"));
    }
    Ok(upgrade
        .max_message_size(MAX_BELL_BYTES)
        .max_frame_size(MAX_BELL_BYTES)
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_BELL_BYTES)
        .on_upgrade(move |socket| serve(socket, state, hub, caller)))
}

async fn serve(socket: WebSocket, state: AppState, hub: Hub, caller: Caller) {
    let heads = hub.watch_head(caller.company_id);
    // Before anything is said, so that whoever ends the key from now on reaches this bell.
    let (number, asks) = hub.connect(&caller, state.clock.now());
    ring(socket, &state, &hub, &caller, heads, asks).await;
    hub.disconnect(&caller, number, state.clock.now());
}

async fn ring(
    mut socket: WebSocket,
    state: &AppState,
    hub: &Hub,
    caller: &Caller,
    mut heads: watch::Receiver<Head>,
    mut asks: mpsc::Receiver<Ask>,
) {
    let Ok((head, watermark)) = here(state, caller).await else { return };
    let hello = HqMessage::Hello { head: head.position, tag: head.tag, watermark, now: state.clock.now() };
    if say(&mut socket, &hello).await.is_err() {
        return;
    }
    let mut told = head.position;
    let mut next_feed_at = Instant::now();
    let mut pings = interval(Duration::from_millis(BELL_PING_MS));
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.tick().await;
    let mut unanswered = 0;
    heads.mark_changed();
    loop {
        let is_behind = heads.borrow().position > told;
        tokio::select! {
            () = sleep_until(next_feed_at), if is_behind => {
                told = heads.borrow_and_update().position;
                // The first change is told at once; those that follow it closely are told together.
                next_feed_at = Instant::now() + hub.quiet();
                if say(&mut socket, &HqMessage::Feed { head: told }).await.is_err() {
                    break;
                }
            }
            changed = heads.changed(), if !is_behind => {
                if changed.is_err() {
                    break;
                }
                let position = heads.borrow().position;
                // A head that has gone back is told by the next page.
                told = told.min(position);
            }
            asked = asks.recv() => {
                let message = match asked {
                    Some(Ask::Pull) => HqMessage::Pull,
                    Some(Ask::Push) => HqMessage::Push,
                    Some(Ask::Resync) => HqMessage::Resync,
                    Some(Ask::HangUp) | None => break,
                };
                if say(&mut socket, &message).await.is_err() {
                    break;
                }
            }
            _ = pings.tick() => {
                unanswered += 1;
                let ping = Message::Ping(axum::body::Bytes::new());
                if unanswered > 2 || !matches!(timeout(SEND_WITHIN, socket.send(ping)).await, Ok(Ok(()))) {
                    break;
                }
            }
            received = socket.recv() => {
                unanswered = 0;
                match received {
                    Some(Ok(Message::Text(text))) => heard(hub, caller, state, &text),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => break,
                }
            }
        }
    }
}

fn heard(hub: &Hub, caller: &Caller, state: &AppState, text: &str) {
    let now = state.clock.now();
    match serde_json::from_str(text) {
        Ok(StoreMessage::Hello { versions, .. }) => hub.heard_versions(caller, now, versions),
        Ok(StoreMessage::Status(status)) => {
            show(caller, &status);
            hub.heard_status(caller, now, status);
        }
        // A newer release may say more than this one understands.
        Err(error) => {
            tracing::debug!(store_id = %caller.store_id, %error, "a message of the bell was not understood");
        }
    }
}

/// How the store is, for whoever watches the figures.
#[expect(clippy::cast_precision_loss, reason = "a gauge need not count beyond 2^52")]
fn show(caller: &Caller, status: &StoreStatus) {
    let store = caller.store_id.to_string();
    let labels = [("store_id", store.as_str())];
    metrics::gauge("store_feed_position", &labels, status.position as f64);
    metrics::gauge("store_journal_pending", &labels, status.pending as f64);
}

async fn say(socket: &mut WebSocket, message: &HqMessage) -> Result<(), ()> {
    let text = serde_json::to_string(message).map_err(|_| ())?;
    match timeout(SEND_WITHIN, socket.send(Message::Text(text.into()))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

/// Where the feed is, and how far the store's journal.
async fn here(state: &AppState, caller: &Caller) -> Result<(Head, Watermark), Problem> {
    let actor = caller.actor();
    let caller = caller.clone();
    read(state, &actor, move |tx, _| {
        Box::pin(async move {
            still_in_force(tx, &caller).await?;
            let head =
                sqlx::query!("select position, tag from feed_head where company_id = current_company()")
                    .fetch_optional(&mut **tx)
                    .await?;
            let journal = sqlx::query!(
                "select sequence, hash from journal_watermark
                 where company_id = current_company() and store_id = $1 and incarnation = $2",
                caller.store_id,
                caller.incarnation
            )
            .fetch_optional(&mut **tx)
            .await?;
            let head = head.map_or_else(Head::default, |row| Head {
                position: row.position,
                tag: sync_protocol::wire::Tag(row.tag),
            });
            let watermark = journal.map_or(Watermark::none(caller.incarnation), |row| Watermark {
                incarnation: caller.incarnation,
                sequence: row.sequence,
                hash: Hash::from_slice(&row.hash).unwrap_or(Hash::ZERO),
            });
            Ok::<_, Problem>((head, watermark))
        })
    })
    .await
}
