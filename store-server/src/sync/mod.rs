//! How this store and HQ agree: the driver of `sync_protocol`'s machine, over HTTP, a WebSocket and the database. What is
//! to be done next is decided there, never here.

pub mod apply;
mod bell;
pub mod driver;
pub mod enrol;
mod hq;
pub mod identity;
pub mod keys;
mod outbox;
mod shape;

use sync_protocol::store_sync::{Event, Halt, Line};
use tokio::sync::{mpsc, watch};

pub use hq::{BadAddress, EnrolFailed};

/// What the driver knows and the database does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether HQ answers.
    pub line: Line,
    /// HQ's last position that was heard of.
    pub head: i64,
    /// Why nothing is pushed, where that is so.
    pub halted: Option<Halt>,
    /// Whether this process is the one that pulls and pushes.
    pub is_active: bool,
}

/// By which requests see what the driver does, and ask it for things. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SyncHandle {
    view: watch::Sender<View>,
    asks: mpsc::Sender<Event>,
}

/// The driver's end of a [`SyncHandle`].
#[derive(Debug)]
pub struct SyncEnd {
    view: watch::Sender<View>,
    asks: mpsc::Receiver<Event>,
}

impl SyncHandle {
    /// A handle, and the end for the driver.
    #[must_use]
    pub fn new() -> (Self, SyncEnd) {
        let (asks, asked) = mpsc::channel(16);
        let view = watch::Sender::new(View { line: Line::Unknown, head: 0, halted: None, is_active: false });
        (Self { view: view.clone(), asks }, SyncEnd { view, asks: asked })
    }

    /// What the driver knows now.
    #[must_use]
    pub fn view(&self) -> View {
        *self.view.borrow()
    }

    /// Asks to pull and push now. Asked already, it is one.
    pub fn pull_and_push(&self) {
        let _ = self.asks.try_send(Event::PulledByHand);
    }
}
