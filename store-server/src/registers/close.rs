//! Closing a session: its Z.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use server_kit::{Context, Tx};
use shared_model::ids::{RegisterSessionId, UserId};
use shared_model::registers::{RegisterSessionClosed, TenderCount};
use utoipa::ToSchema;

use super::SessionError;
use super::count::{self, CountedTender};
use super::report::{self, SessionReport};
use crate::journal::{self, Fact};
use crate::{locks, this_store};

/// The journal's word for it.
pub const KIND: &str = "register_session_closed";

/// What is closed with.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct CloseSession {
    /// What is there of each tender, of one at least; where nothing is said, the last count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<Vec<CountedTender>>,
}

impl<'de> Deserialize<'de> for CloseSession {
    /// As an object only: serde would read a list as a struct too, and an empty one closes a session.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            counted: Option<Vec<CountedTender>>,
        }
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = CloseSession;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CloseSession, A::Error> {
                let Fields { counted } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(CloseSession { counted })
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Closes it. Closed already with the same count: the same answer.
pub(crate) async fn close(
    tx: &mut Tx,
    cx: &Context,
    id: RegisterSessionId,
    command: &CloseSession,
) -> Result<SessionReport, SessionError> {
    let Some(mut series) = locks::series_of_session(tx, id.uuid()).await? else {
        return closed_before(tx, cx, id, command).await;
    };
    let store = this_store::load(tx).await?;
    store.check_clock(cx.now)?;
    let figures = count::figures(tx, &store, id).await?;
    let counted = match &command.counted {
        Some(counted) => count::resolve(tx, &store, &figures, counted).await?,
        None => count::kept_counts(tx, id).await?.pop().map(|(_, kept)| kept).unwrap_or_default(),
    };
    let mut tenders: Vec<TenderCount> = figures
        .tenders
        .iter()
        .map(|tender| TenderCount {
            tender_id: tender.tender_id,
            tender_code: tender.tender_code.clone(),
            tender_name: tender.tender_name.clone(),
            payments: tender.payments,
            expected: tender.expected,
            counted: None,
        })
        .collect();
    for kept in counted {
        match tenders.iter_mut().find(|tender| tender.tender_id == kept.tender_id) {
            Some(tender) => tender.counted = Some(kept.amount),
            None => tenders.push(TenderCount {
                tender_id: kept.tender_id,
                tender_code: kept.code,
                tender_name: kept.name,
                payments: 0,
                expected: shared_model::Amount::ZERO.with_decimals(store.currency.exponent())?,
                counted: Some(kept.amount),
            }),
        }
    }
    let person = cx.actor.person();
    let closed = RegisterSessionClosed {
        register_session_id: id,
        series: series.series.clone(),
        z_number: series.next_z,
        business_date: figures.business_date,
        closed_at: cx.now,
        closed_by: UserId::new(person.map(|person| person.user_id).unwrap_or_default()),
        closed_by_name: person.map(|person| person.name.to_string()).unwrap_or_default(),
        sales: figures.sales,
        net: figures.net,
        tax: figures.tax,
        gross: figures.gross,
        rounding: figures.rounding,
        tenders,
    };
    facts::sessions::close(tx, store.place, std::slice::from_ref(&closed)).await?;
    series.open_session = None;
    series.next_z = series.next_z.checked_add(1).ok_or(facts::FactsError::OutOfBounds)?;
    let payload = journal::payload(&closed)?;
    let fact = Fact {
        event_id: cx.new_id(),
        kind: KIND,
        version: 1,
        occurred_at: cx.now,
        business_date: closed.business_date,
        feed_position: store.position,
        payload: &payload,
    };
    journal::append(tx, &series, &fact, None).await?;
    report::z(tx, cx, id).await
}

/// The session has its Z already: asked for once more with the same count, that is the answer.
async fn closed_before(
    tx: &mut Tx,
    cx: &Context,
    id: RegisterSessionId,
    command: &CloseSession,
) -> Result<SessionReport, SessionError> {
    let report = report::z(tx, cx, id).await.map_err(|error| match error {
        SessionError::Closed => SessionError::Unknown,
        error => error,
    })?;
    let Some(counted) = &command.counted else { return Ok(report) };
    let is_the_same = !counted.is_empty()
        && counted.iter().all(|count| {
            report
                .tenders
                .iter()
                .any(|tender| tender.tender == count.tender && tender.counted == Some(count.amount))
        });
    if is_the_same { Ok(report) } else { Err(SessionError::Closed) }
}
