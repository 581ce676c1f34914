//! The locks of ingest, in the order in which they may be taken: a journal, then what `facts` locks (stock by variant,
//! figures by key).

use server_kit::Tx;
use sync_protocol::{Hash, Watermark};
use uuid::Uuid;

/// A journal, locked.
pub(crate) struct LockedJournal {
    /// How far it has arrived.
    pub(crate) watermark: Watermark,
    /// Whether nothing more is taken of it.
    pub(crate) is_forked: bool,
}

/// The journal of one life of a store; two batches of it are taken one after the other.
pub(crate) async fn journal(
    tx: &mut Tx,
    store_id: Uuid,
    incarnation: Uuid,
) -> Result<LockedJournal, sqlx::Error> {
    // A restored HQ may know the key and not the journal.
    sqlx::query!(
        "insert into journal_watermark (store_id, incarnation, sequence, hash) values ($1, $2, 0, $3)
         on conflict (company_id, store_id, incarnation) do nothing",
        store_id,
        incarnation,
        Hash::ZERO.as_bytes(),
    )
    .execute(&mut **tx)
    .await?;
    let row = sqlx::query!(
        r#"select sequence, hash, forked_at is not null as "is_forked!" from journal_watermark
           where company_id = current_company() and store_id = $1 and incarnation = $2 for update"#,
        store_id,
        incarnation,
    )
    .fetch_one(&mut **tx)
    .await?;
    let hash = Hash::from_slice(&row.hash).unwrap_or(Hash::ZERO);
    Ok(LockedJournal {
        watermark: Watermark { incarnation, sequence: row.sequence, hash },
        is_forked: row.is_forked,
    })
}
