//! Counting a drawer, blind: what is there, not what should be.

use std::collections::BTreeMap;

use facts::figures::{FloatTender, SessionFigures};
use serde::{Deserialize, Serialize};
use server_kit::{Context, Tx};
use shared_model::Amount;
use shared_model::ids::{RegisterSessionId, TenderId};
use sqlx::types::Json;
use utoipa::ToSchema;

use super::SessionError;
use crate::locks;
use crate::this_store::{self, ThisStore};

/// How often a drawer is counted: once, and again where the first count is off.
const MOST_COUNTS: i32 = 2;

/// A count.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountSession {
    /// What is there of each tender.
    #[schema(min_items = 1)]
    pub counted: Vec<CountedTender>,
}

/// What is there of a tender.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedTender {
    /// The tender's code.
    pub tender: String,
    /// How much.
    pub amount: Amount,
}

/// A count as it was kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Counted {
    /// The session.
    pub register_session_id: RegisterSessionId,
    /// The how-manieth count it is.
    pub sequence: i32,
    /// Whether it is off, and should be made once more.
    pub recount: bool,
    /// What was counted.
    pub counted: Vec<CountedTender>,
}

/// What is kept of a tender's count.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) tender_id: TenderId,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) amount: Amount,
}

/// Keeps a count.
pub(crate) async fn count(
    tx: &mut Tx,
    cx: &Context,
    id: RegisterSessionId,
    command: &CountSession,
) -> Result<Counted, SessionError> {
    let Some(_series) = locks::series_of_session(tx, id.uuid()).await? else {
        return Err(closed_or_unknown(tx, id).await?);
    };
    let store = this_store::load(tx).await?;
    let figures = figures(tx, &store, id).await?;
    let kept = resolve(tx, &store, &figures, &command.counted).await?;
    let former = kept_counts(tx, id).await?;
    if let Some((sequence, last)) = former.last()
        && is_same(last, &kept)
    {
        // The answer was lost and is asked for again.
        return Ok(Counted {
            register_session_id: id,
            sequence: *sequence,
            recount: *sequence < MOST_COUNTS && is_off(&figures, &kept),
            counted: command.counted.clone(),
        });
    }
    let sequence = former.last().map_or(1, |(sequence, _)| sequence + 1);
    if sequence > MOST_COUNTS {
        return Err(SessionError::CountedTwice);
    }
    let person = cx.actor.person();
    sqlx::query!(
        "insert into register_session_count (id, register_session_id, sequence, counted_at, counted_by, counted_by_name, counted)
         values ($1, $2, $3, $4, $5, $6, $7)",
        cx.new_id(),
        id.uuid(),
        sequence,
        cx.now,
        person.map(|person| person.user_id).unwrap_or_default(),
        person.map(|person| person.name.to_string()).unwrap_or_default(),
        serde_json::to_value(&kept)?
    )
    .execute(&mut **tx)
    .await?;
    Ok(Counted {
        register_session_id: id,
        sequence,
        recount: sequence < MOST_COUNTS && is_off(&figures, &kept),
        counted: command.counted.clone(),
    })
}

/// Whether two counts say the same.
fn is_same(one: &[Kept], other: &[Kept]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one.tender_id == other.tender_id && one.amount == other.amount)
}

/// Whether a count and what is expected differ.
fn is_off(figures: &SessionFigures, counted: &[Kept]) -> bool {
    let mut differences: BTreeMap<TenderId, (Amount, Amount)> =
        figures.tenders.iter().map(|tender| (tender.tender_id, (tender.expected, Amount::ZERO))).collect();
    for kept in counted {
        differences.entry(kept.tender_id).or_default().1 = kept.amount;
    }
    differences.values().any(|(expected, counted)| expected != counted)
}

/// The tenders of a count, by their codes: as the session knew them, or as they are called now.
pub(crate) async fn resolve(
    tx: &mut Tx,
    store: &ThisStore,
    figures: &SessionFigures,
    counted: &[CountedTender],
) -> Result<Vec<Kept>, SessionError> {
    if counted.is_empty() {
        return Err(SessionError::invalid("/counted", "empty", "A count names at least one tender."));
    }
    let known = sqlx::query!(
        "select id, code, name from from_hq.tender where not deleted order by archived, position, id"
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut kept: Vec<Kept> = Vec::with_capacity(counted.len());
    for (at, count) in counted.iter().enumerate() {
        let in_session = figures
            .tenders
            .iter()
            .find(|tender| tender.tender_code == count.tender)
            .map(|tender| (tender.tender_id, tender.tender_code.clone(), tender.tender_name.clone()));
        let now = || {
            known
                .iter()
                .find(|tender| tender.code == count.tender)
                .map(|tender| (TenderId::new(tender.id), tender.code.clone(), tender.name.clone()))
        };
        let Some((tender_id, code, name)) = in_session.or_else(now) else {
            return Err(SessionError::invalid(
                format!("/counted/{at}/tender"),
                "unknown",
                "There is no tender of this code.",
            ));
        };
        if count.amount.is_negative() {
            return Err(SessionError::invalid(
                format!("/counted/{at}/amount"),
                "negative",
                "A count is not below zero.",
            ));
        }
        let in_document = count.amount.in_document();
        let amount = in_document.and_then(|amount| amount.with_decimals(store.currency.exponent()));
        let amount = amount.map_err(|error| {
            SessionError::invalid(format!("/counted/{at}/amount"), "invalid_value", error.to_string())
        })?;
        if kept.iter().any(|former| former.tender_id == tender_id) {
            return Err(SessionError::invalid(
                format!("/counted/{at}/tender"),
                "twice",
                "Each tender is counted once.",
            ));
        }
        kept.push(Kept { tender_id, code, name, amount });
    }
    Ok(kept)
}

/// The counts of a session so far.
pub(crate) async fn kept_counts(
    tx: &mut Tx,
    id: RegisterSessionId,
) -> Result<Vec<(i32, Vec<Kept>)>, SessionError> {
    let rows = sqlx::query!(
        r#"select sequence, counted as "counted: Json<Vec<Kept>>" from register_session_count
           where register_session_id = $1 order by sequence"#,
        id.uuid()
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.sequence, row.counted.0)).collect())
}

/// The session's figures; the float lies with the first cash tender.
pub(crate) async fn figures(
    tx: &mut Tx,
    store: &ThisStore,
    id: RegisterSessionId,
) -> Result<SessionFigures, SessionError> {
    let cash = sqlx::query!(
        "select id, code, name from from_hq.tender where kind = 'cash' order by deleted, archived, position, id limit 1"
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(|tender| FloatTender { id: tender.id.into(), code: tender.code, name: tender.name });
    facts::figures::session(tx, store.place, id, cash.as_ref()).await?.ok_or(SessionError::Unknown)
}

/// Why no open session has this id.
pub(crate) async fn closed_or_unknown(
    tx: &mut Tx,
    id: RegisterSessionId,
) -> Result<SessionError, SessionError> {
    let is_known = sqlx::query_scalar!(
        r#"select exists (select from register_session where id = $1) as "known!""#,
        id.uuid()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(if is_known { SessionError::Closed } else { SessionError::Unknown })
}
