//! Tells workers in this process that something was committed.

use tokio::sync::watch;

/// Rung after each commit; whoever listens (sync, the bell) looks what there is. Rings are coalesced: a listener that is
/// busy hears of many commits once.
#[derive(Clone, Debug)]
pub struct Wake {
    commits: watch::Sender<u64>,
}

impl Default for Wake {
    fn default() -> Self {
        Self::new()
    }
}

impl Wake {
    /// One that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self { commits: watch::Sender::new(0) }
    }

    /// Says that something was committed.
    pub fn ring(&self) {
        self.commits.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Listens: `changed().await` returns once there was a commit since the last look.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }
}
