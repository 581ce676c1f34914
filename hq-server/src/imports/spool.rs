//! A file that was sent, kept on disk while it is imported: it is read more than once, and memory does not grow with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use server_kit::Problem;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// The largest file that is taken.
pub(crate) const LARGEST: u64 = 512 << 20;

/// A file to import. One that was sent is removed with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    file: Arc<Kept>,
    hash: [u8; 32],
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    is_ours: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.is_ours {
            // It may be gone already; there is nobody to tell.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Spool {
    /// Keeps a body. `name` is new for each.
    pub(crate) async fn of_body(body: Body, name: Uuid) -> Result<Self, Problem> {
        let path = std::env::temp_dir().join(format!("tradepost-import-{name}.csv"));
        let mut options = tokio::fs::OpenOptions::new();
        let mut out =
            options.write(true).create_new(true).mode(0o600).open(&path).await.map_err(Problem::internal)?;
        let file = Arc::new(Kept { path, is_ours: true });
        let mut hash = Sha256::new();
        let mut size = 0_u64;
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| {
                Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body could not be read")
                    .caused_by(error)
            })?;
            size += piece.len() as u64;
            if size > LARGEST {
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too-large",
                    "The body is too large",
                )
                .detail(format!("A file has {LARGEST} bytes at most.")));
            }
            hash.update(&piece);
            out.write_all(&piece).await.map_err(disk_refused)?;
        }
        out.flush().await.map_err(disk_refused)?;
        Ok(Self { file, hash: hash.finalize().into() })
    }

    /// A file that lies on this machine.
    pub(crate) fn of_file(path: &Path) -> std::io::Result<Self> {
        let mut hash = Sha256::new();
        let mut file = std::fs::File::open(path)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = std::io::Read::read(&mut file, &mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(Self {
            file: Arc::new(Kept { path: path.to_owned(), is_ours: false }),
            hash: hash.finalize().into(),
        })
    }

    /// What tells this file from another.
    pub(crate) const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    pub(super) async fn open(&self) -> Result<tokio::fs::File, Problem> {
        tokio::fs::File::open(&self.file.path).await.map_err(Problem::internal)
    }
}

fn disk_refused(error: std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Problem::unavailable("storage-full", "The server's storage is full", 60).caused_by(error);
    }
    Problem::internal(error)
}
