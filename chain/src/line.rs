//! The line between a store and HQ: a TCP proxy that can be cut, slowed, and made to swallow answers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the line behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As a line should.
    Up,
    /// Nothing passes; open connections end, new ones are refused at once.
    Down,
    /// Connections are taken and nothing is ever answered.
    BlackHole,
    /// Each chunk waits this long in each direction.
    Slow(Duration),
    /// Requests arrive and take effect; the connection ends when the first byte of the answer comes.
    SwallowAnswers,
    /// The connection ends after this many bytes of the answer.
    CutAfter(usize),
}

/// One store's line.
#[derive(Debug)]
pub struct Line {
    /// Where the store believes HQ to be.
    pub address: SocketAddr,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

impl Line {
    /// Starts a proxy on a free loopback port (or the one given) that leads to `hq`.
    pub async fn start(port: u16, hq: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("taking port {port} for a line"))?;
        let address = listener.local_addr()?;
        let (mode, now) = watch::channel(Mode::Up);
        let task = tokio::spawn(async move {
            // Connections belong to this set: they end with the line.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((store, _)) = accepted {
                            connections.spawn(carry(store, hq, now.clone()));
                        }
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { address, mode, task })
    }

    /// Changes how the line behaves. Every open connection ends, as it would when somebody pulls the plug or mends it.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How the line behaves now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut store: TcpStream, hq: SocketAddr, mut modes: watch::Receiver<Mode>) {
    let mode = *modes.borrow_and_update();
    let pass = async {
        match mode {
            Mode::Down => return,
            Mode::BlackHole => {
                let mut lost = [0_u8; 16 * 1024];
                while matches!(store.read(&mut lost).await, Ok(read) if read > 0) {}
                return;
            }
            Mode::Up | Mode::Slow(_) | Mode::SwallowAnswers | Mode::CutAfter(_) => {}
        }
        let Ok(mut there) = TcpStream::connect(hq).await else { return };
        // Small messages must not wait for each other: the line measures the servers, not Nagle's algorithm.
        let _ = store.set_nodelay(true);
        let _ = there.set_nodelay(true);
        let (from_store, to_store) = store.split();
        let (from_hq, to_hq) = there.split();
        let (delay, up_to) = match mode {
            Mode::Slow(delay) => (delay, usize::MAX),
            Mode::SwallowAnswers => (Duration::ZERO, 0),
            Mode::CutAfter(bytes) => (Duration::ZERO, bytes),
            Mode::Up | Mode::Down | Mode::BlackHole => (Duration::ZERO, usize::MAX),
        };
        tokio::select! {
            () = async {
                copy(from_store, to_hq, delay, usize::MAX).await;
                // The store has said all it has to say; the answer may still come.
                std::future::pending::<()>().await;
            } => {}
            () = copy(from_hq, to_store, delay, up_to) => {}
        }
    };
    tokio::select! {
        () = pass => {}
        _ = modes.changed() => {}
    }
}

/// Copies until the end, or until `up_to` bytes have passed and more would come.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    up_to: usize,
) {
    let mut left = up_to;
    let mut chunk = vec![0_u8; 32 * 1024];
    loop {
        let Ok(read) = from.read(&mut chunk).await else { return };
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let passes = read.min(left);
        let Some(bytes) = chunk.get(..passes) else { return };
        if to.write_all(bytes).await.is_err() || passes < read {
            return;
        }
        left -= passes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listener that answers each connection's first bytes with what it got, and counts them.
    async fn echo() -> (SocketAddr, watch::Receiver<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (count, heard) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    let mut bytes = [0_u8; 64];
                    while let Ok(read) = stream.read(&mut bytes).await {
                        if read == 0 {
                            break;
                        }
                        count.send_modify(|times| *times += 1);
                        if stream.write_all(&bytes[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        (address, heard)
    }

    async fn ask(address: SocketAddr) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"hello").await?;
        let mut answer = vec![0_u8; 5];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_line_that_is_up_carries_both_ways() {
        let (hq, _) = echo().await;
        let line = Line::start(0, hq).await.unwrap();
        assert_eq!(ask(line.address).await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn a_cut_ends_open_connections_and_a_mended_line_carries_again() {
        let (hq, _) = echo().await;
        let line = Line::start(0, hq).await.unwrap();
        let mut open = TcpStream::connect(line.address).await.unwrap();
        open.write_all(b"hello").await.unwrap();
        open.read_exact(&mut [0_u8; 5]).await.unwrap();
        line.set(Mode::Down);
        assert!(matches!(open.read(&mut [0_u8; 5]).await, Ok(0) | Err(_)));
        assert!(ask(line.address).await.is_err());
        line.set(Mode::Up);
        assert_eq!(ask(line.address).await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn a_swallowed_answer_has_taken_effect() {
        let (hq, mut heard) = echo().await;
        let line = Line::start(0, hq).await.unwrap();
        line.set(Mode::SwallowAnswers);
        assert!(ask(line.address).await.is_err());
        heard.wait_for(|times| *times == 1).await.unwrap();
    }
}
