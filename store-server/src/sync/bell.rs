//! The bell: a WebSocket over which HQ says that there is something new. Lost, nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::AUTHORIZATION;
use rustls_platform_verifier::ConfigVerifierExt as _;
use sync_protocol::store_sync::{Event, Failure};
use sync_protocol::wire::{BELL_PING_MS, HqMessage, MAX_BELL_BYTES, StoreMessage};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

use super::hq::{Hq, is_about_dates};

/// Connects, passes on what HQ says until the line ends, and then says `BellDown`.
pub(super) async fn listen(
    hq: Arc<Hq>,
    hello: StoreMessage,
    mut outgoing: mpsc::Receiver<StoreMessage>,
    events: mpsc::Sender<Event>,
) {
    let failure = match talk(&hq, &hello, &mut outgoing, &events).await {
        Ok(()) => Failure::Unreachable,
        Err(failure) => failure,
    };
    let _ = events.send(Event::BellDown { failure }).await;
}

async fn talk(
    hq: &Hq,
    hello: &StoreMessage,
    outgoing: &mut mpsc::Receiver<StoreMessage>,
    events: &mpsc::Sender<Event>,
) -> Result<(), Failure> {
    let mut url = hq.address("/sync/v1/live");
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).map_err(|()| Failure::Garbled)?;
    let mut request = url.as_str().into_client_request().map_err(|_| Failure::Garbled)?;
    let token = format!("Bearer {}", hq.token()).parse().map_err(|_| Failure::Garbled)?;
    request.headers_mut().insert(AUTHORIZATION, token);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_BELL_BYTES))
        .max_frame_size(Some(MAX_BELL_BYTES));
    let connector = if scheme == "wss" {
        let config = rustls::ClientConfig::with_platform_verifier().map_err(|_| Failure::Unreachable)?;
        Some(Connector::Rustls(Arc::new(config)))
    } else {
        None
    };
    let connecting = connect_async_tls_with_config(request, Some(config), true, connector);
    let (socket, _) = timeout(Duration::from_secs(10), connecting)
        .await
        .map_err(|_| Failure::Unreachable)?
        .map_err(|error| refused(&error))?;
    let (mut sink, mut stream) = socket.split();
    say(&mut sink, hello).await?;

    let mut ping = interval(Duration::from_millis(BELL_PING_MS));
    ping.tick().await;
    let mut unanswered = 0;
    loop {
        tokio::select! {
            message = stream.next() => {
                let message = message.ok_or(Failure::Unreachable)?.map_err(|_| Failure::Unreachable)?;
                unanswered = 0;
                match message {
                    Message::Text(text) => match serde_json::from_str(text.as_str()) {
                        Ok(message) => {
                            if events.send(heard(&message)).await.is_err() {
                                return Ok(());
                            }
                        }
                        // A word of a later release.
                        Err(error) => tracing::debug!(%error, "HQ says something unknown over the bell"),
                    },
                    Message::Close(_) => return Ok(()),
                    _ => {}
                }
            }
            message = outgoing.recv() => {
                let Some(message) = message else {
                    let _ = sink.close().await;
                    return Ok(());
                };
                say(&mut sink, &message).await?;
            }
            _ = ping.tick() => {
                if unanswered == 2 {
                    return Ok(());
                }
                unanswered += 1;
                sink.send(Message::Ping(Vec::new().into())).await.map_err(|_| Failure::Unreachable)?;
            }
        }
    }
}

fn heard(message: &HqMessage) -> Event {
    match *message {
        HqMessage::Hello { head, tag, watermark, .. } => Event::BellUp { head, tag, watermark },
        HqMessage::Feed { head } => Event::FeedMoved { head },
        HqMessage::Pull => Event::PulledByHand,
        HqMessage::Push => Event::PushAsked,
        HqMessage::Resync => Event::ResyncAsked,
    }
}

async fn say(
    sink: &mut (impl futures_util::Sink<Message> + Unpin),
    message: &StoreMessage,
) -> Result<(), Failure> {
    let text = serde_json::to_string(message).map_err(|_| Failure::Storage)?;
    sink.send(Message::Text(text.into())).await.map_err(|_| Failure::Unreachable)
}

fn refused(error: &Error) -> Failure {
    match error {
        Error::Http(response) => match response.status().as_u16() {
            401 | 403 => {
                let says_clock = response
                    .body()
                    .as_ref()
                    .and_then(|body| serde_json::from_slice::<sync_protocol::wire::Refusal>(body).ok())
                    .is_some_and(|refusal| refusal.kind == sync_protocol::wire::PROBLEM_CLOCK);
                if says_clock { Failure::Clock } else { Failure::Unauthorised }
            }
            429 | 503 => Failure::Busy { retry_after_ms: None },
            500.. => Failure::Unreachable,
            _ => Failure::Garbled,
        },
        error if is_about_dates(error) => Failure::Clock,
        _ => Failure::Unreachable,
    }
}
