//! Opening a register's session with a float.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use server_kit::{Context, Tx};
use shared_model::Amount;
use shared_model::ids::{RegisterId, RegisterSessionId, UserId};
use shared_model::registers::RegisterSessionOpened;
use sync_protocol::Hash;
use utoipa::ToSchema;

use super::session::{self, Session};
use super::{SessionError, clock};
use crate::journal::{self, Fact};
use crate::{locks, this_store};

/// The journal's word for it.
pub const KIND: &str = "register_session_opened";

/// What is opened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The register's code, such as `R01`.
    pub register: String,
    /// What lies in the drawer.
    pub opening_float: Amount,
    /// The day that it is, as who opens the session knows it: asked for where the store is not sure of its clock
    /// (`clock-in-doubt`). The clock must say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<NaiveDate>,
}

/// Opens it. The same id and body again: the same session.
pub(crate) async fn open(
    tx: &mut Tx,
    cx: &Context,
    id: RegisterSessionId,
    command: &OpenSession,
) -> Result<Session, SessionError> {
    locks::hold_checkpoint(tx).await?;
    let store = this_store::load(tx).await?;
    store.check_clock(cx.now)?;
    if command.opening_float.is_negative() {
        return Err(SessionError::invalid("/opening_float", "negative", "A float is not below zero."));
    }
    let opening_float = command
        .opening_float
        .in_document()
        .and_then(|float| float.with_decimals(store.currency.exponent()))
        .map_err(|error| SessionError::invalid("/opening_float", "invalid_value", error.to_string()))?;
    let register = sqlx::query!(
        "select id, code from from_hq.register where code = $1 and store_id = $2 and not deleted and not archived",
        command.register,
        store.place.store_id.uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(register) = register else {
        // It may have been taken away after this session was opened.
        return match known(tx, &store, id, command, opening_float, cx).await? {
            Some(session) => Ok(session),
            None => Err(SessionError::UnknownRegister(command.register.clone())),
        };
    };
    let series_code = format!("{}{}", register.code, store.letter);
    sqlx::query!(
        "insert into receipt_series (series, register_id, register_code, incarnation, stream_hash) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        series_code,
        register.id,
        register.code,
        store.incarnation,
        Hash::ZERO.as_bytes()
    )
    .execute(&mut **tx)
    .await?;
    let mut series = locks::series_of_register(tx, register.id, store.incarnation)
        .await?
        .ok_or(SessionError::UnknownRegister(register.code))?;
    if let Some(session) = known(tx, &store, id, command, opening_float, cx).await? {
        return Ok(session);
    }
    if let Some(open) = series.open_session {
        return Err(SessionError::AlreadyOpen(open));
    }
    clock::believe(tx, &store, cx.now, command.today).await?;
    let person = cx.actor.person();
    let opened = RegisterSessionOpened {
        id,
        register_id: RegisterId::new(register.id),
        register_code: series.register_code.clone(),
        series: series.series.clone(),
        business_date: store.business_date(cx.now),
        currency: store.currency,
        opened_at: cx.now,
        opened_by: UserId::new(person.map(|person| person.user_id).unwrap_or_default()),
        opened_by_name: person.map(|person| person.name.to_string()).unwrap_or_default(),
        opening_float,
    };
    facts::sessions::open(tx, store.place, std::slice::from_ref(&opened)).await?;
    series.open_session = Some(id.uuid());
    series.session_size = Decimal::ZERO;
    let payload = journal::payload(&opened)?;
    let fact = Fact {
        event_id: cx.new_id(),
        kind: KIND,
        version: 1,
        occurred_at: cx.now,
        business_date: opened.business_date,
        feed_position: store.position,
        payload: &payload,
    };
    journal::append(tx, &series, &fact, None).await?;
    session::one(tx, &store, id, cx).await
}

/// The session of this id, if it was opened by the same request.
async fn known(
    tx: &mut Tx,
    store: &this_store::ThisStore,
    id: RegisterSessionId,
    command: &OpenSession,
    opening_float: Amount,
    cx: &Context,
) -> Result<Option<Session>, SessionError> {
    match session::one(tx, store, id, cx).await {
        // To who may not see the float, it is another one whatever they say: no guess is told from a hit.
        Ok(session)
            if session.register == command.register && session.opening_float == Some(opening_float) =>
        {
            Ok(Some(session))
        }
        Ok(_) => Err(SessionError::OtherBody),
        Err(SessionError::Unknown) => Ok(None),
        Err(error) => Err(error),
    }
}
