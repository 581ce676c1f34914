//! From entries to facts, set by set. An entry that does not apply is set aside with its reason; it never holds up the
//! others.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use facts::{FactsError, Place};
use serde::de::DeserializeOwned;
use server_kit::Tx;
use shared_model::ids::{CompanyId, StoreId};
use shared_model::registers::{RegisterSessionClosed, RegisterSessionOpened};
use shared_model::selling::SaleCompleted;
use sqlx::Acquire as _;
use uuid::Uuid;

/// Nothing was sold with this before.
const FIRST_YEAR: i32 = 2000;
/// No store takes payments in more ways.
const MOST_TENDERS: usize = 200;
/// How long after HQ received it something may say that it happened, or that its business date begins. Where the day begins
/// first it does so 14 hours before UTC's; the rest is for clocks that go a little wrong, at either end.
const MOST_AHEAD: TimeDelta = TimeDelta::days(1);

/// What is applied: an entry, as it was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    /// Its number in the store's journal.
    pub(crate) sequence: i64,
    /// What kind of fact.
    pub(crate) kind: &'a str,
    /// The version of its format.
    pub(crate) version: i32,
    /// The chain that it stands in.
    pub(crate) stream: &'a str,
    /// When, as the envelope says.
    pub(crate) occurred_at: DateTime<Utc>,
    /// Of which business date, as the envelope says.
    pub(crate) business_date: NaiveDate,
    /// When HQ received it.
    pub(crate) arrived_at: DateTime<Utc>,
    /// Whether a person has said that its dates are to be taken as they are.
    pub(crate) dates_are_accepted: bool,
    /// The fact.
    pub(crate) payload: &'a str,
}

/// Why an entry was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    /// The entry's number.
    pub(crate) sequence: i64,
    /// Whether only an upgrade of HQ can help.
    pub(crate) is_unknown_kind: bool,
    /// In words.
    pub(crate) reason: String,
}

/// Facts of one kind, each with its entry's number in the same place.
struct Set<T> {
    sequences: Vec<i64>,
    facts: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { sequences: Vec::new(), facts: Vec::new() }
    }
}

impl<T> Set<T> {
    /// Takes out the facts for which there is a reason.
    fn set_aside(&mut self, reasons: Vec<Option<String>>, aside: &mut BTreeMap<i64, SetAside>) {
        if reasons.iter().all(Option::is_none) {
            return;
        }
        let Self { sequences, facts } = std::mem::take(self);
        for ((sequence, fact), reason) in sequences.into_iter().zip(facts).zip(reasons) {
            match reason {
                None => {
                    self.sequences.push(sequence);
                    self.facts.push(fact);
                }
                Some(reason) => {
                    aside.insert(sequence, SetAside { sequence, is_unknown_kind: false, reason });
                }
            }
        }
    }
}

/// The facts of a batch by kind. Kinds are written in the order of these fields, which is the order in which a store can
/// write them: a session is opened before it sells, and sells before it is closed.
#[derive(Default)]
struct Sets {
    opened: Set<RegisterSessionOpened>,
    sales: Set<SaleCompleted>,
    closed: Set<RegisterSessionClosed>,
}

/// Writes what the entries say; what does not apply is returned, in order.
pub(crate) async fn apply(
    tx: &mut Tx,
    company_id: Uuid,
    store_id: Uuid,
    entries: &[Received<'_>],
) -> Result<Vec<SetAside>, sqlx::Error> {
    let place = Place { company_id: CompanyId::new(company_id), store_id: StoreId::new(store_id) };
    let mut aside = BTreeMap::new();
    let mut sets = read_all(entries, &mut aside);
    let currency = currency_of(tx, store_id).await?;
    let known = |opened: &RegisterSessionOpened| {
        (opened.currency.code() != currency).then(|| {
            format!("the session is in {}, and the store sells in {currency}", opened.currency.code())
        })
    };
    let reasons = sets.opened.facts.iter().map(known).collect();
    sets.opened.set_aside(reasons, &mut aside);
    write_set(tx, place, &sets.opened, &mut aside).await?;
    // A sale is believed beside the session that is here, a Z beside the sales that are: each waits until they are.
    let reasons = facts::proof::sales(tx, place, &sets.sales.facts).await.map_err(failed)?;
    sets.sales.set_aside(reasons, &mut aside);
    write_set(tx, place, &sets.sales, &mut aside).await?;
    let reasons = facts::proof::closes(tx, place, &sets.closed.facts).await.map_err(failed)?;
    sets.closed.set_aside(reasons, &mut aside);
    write_set(tx, place, &sets.closed, &mut aside).await?;
    Ok(aside.into_values().collect())
}

/// What compares facts asks the database and nothing else.
fn failed(error: FactsError) -> sqlx::Error {
    match error {
        FactsError::Database(error) => error,
        other => sqlx::Error::Decode(Box::new(other)),
    }
}

async fn currency_of(tx: &mut Tx, store_id: Uuid) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(
        "select currency from store where company_id = current_company() and id = $1",
        store_id
    )
    .fetch_one(&mut **tx)
    .await
}

fn read_all(entries: &[Received<'_>], aside: &mut BTreeMap<i64, SetAside>) -> Sets {
    let mut sets = Sets::default();
    for entry in entries {
        let sequence = entry.sequence;
        let read = match (entry.kind, entry.version) {
            ("register_session_opened", 1) => read_into(entry, &mut sets.opened, |opened| {
                is_of_its_envelope(entry, &opened.series, opened.business_date)?;
                is_near_its_day(entry)?;
                are_short([&opened.register_code, &opened.series, &opened.opened_by_name])
            }),
            ("sale_completed", 1) => read_into(entry, &mut sets.sales, |sale| {
                is_of_its_envelope(entry, &sale.series, sale.business_date)?;
                is_near_its_day(entry)?;
                checkout::prove(sale).map_err(|error| error.to_string())
            }),
            ("register_session_closed", 1) => read_into(entry, &mut sets.closed, |closed| {
                is_of_its_envelope(entry, &closed.series, closed.business_date)?;
                if closed.tenders.len() > MOST_TENDERS {
                    return Err(format!("it has more than {MOST_TENDERS} tenders"));
                }
                are_short([&closed.series, &closed.closed_by_name])?;
                are_short(closed.tenders.iter().flat_map(|tender| [&tender.tender_code, &tender.tender_name]))
            }),
            (kind, version) => {
                let reason = format!("this release does not know {kind} in version {version}");
                aside.insert(sequence, SetAside { sequence, is_unknown_kind: true, reason });
                continue;
            }
        };
        if let Err(reason) = read {
            aside.insert(sequence, SetAside { sequence, is_unknown_kind: false, reason });
        }
    }
    sets
}

/// Whether a fact says of itself what its envelope says, in a year that can be.
fn is_of_its_envelope(entry: &Received<'_>, series: &str, business_date: NaiveDate) -> Result<(), String> {
    if business_date != entry.business_date || series != entry.stream {
        return Err("it says another business date or series than its envelope".to_owned());
    }
    if is_before_our_time(entry) && !entry.dates_are_accepted {
        return Err(a_clock_was_wrong(entry));
    }
    Ok(())
}

fn is_before_our_time(entry: &Received<'_>) -> bool {
    entry.occurred_at.year() < FIRST_YEAR || entry.business_date.year() < FIRST_YEAR
}

/// Whether it says that it happened, or counts for a day, when HQ had it already.
fn is_ahead(entry: &Received<'_>) -> bool {
    let latest = entry.arrived_at + MOST_AHEAD;
    entry.occurred_at > latest || entry.business_date > latest.date_naive()
}

/// Whether a fact happened about when the day was that it counts for. A box whose clock said 1970, and one that means harm, are for
/// a person to look at: reports of a year that is closed, or has not begun, must not move by themselves. A person may accept such dates
/// ([`Received::dates_are_accepted`]), and nothing else with them.
///
/// A Z is not asked. It moves nothing that its session's sales have not, is believed beside them alone, and is how a session ends that
/// was opened under a wrong clock: refused, the register's figures would stay open here for ever.
fn is_near_its_day(entry: &Received<'_>) -> Result<(), String> {
    let is_near = sync_protocol::wire::is_near_its_day(entry.occurred_at, entry.business_date);
    if entry.dates_are_accepted || (is_near && !is_ahead(entry)) {
        Ok(())
    } else {
        Err(a_clock_was_wrong(entry))
    }
}

fn a_clock_was_wrong(entry: &Received<'_>) -> String {
    let (happened, business_date) = (entry.occurred_at.date_naive(), entry.business_date);
    let heard = if is_ahead(entry) {
        format!(", and was here on {}", entry.arrived_at.date_naive())
    } else {
        String::new()
    };
    format!(
        "a clock was wrong: it happened on {happened} and counts for the business date {business_date}{heard}"
    )
}

/// Nothing that a person types is longer.
fn are_short<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    if texts.into_iter().all(|text| text.len() <= checkout::MAX_TEXT) {
        Ok(())
    } else {
        Err(format!("one of its texts is longer than {} bytes", checkout::MAX_TEXT))
    }
}

fn read_into<T: DeserializeOwned>(
    entry: &Received<'_>,
    set: &mut Set<T>,
    prove: impl FnOnce(&T) -> Result<(), String>,
) -> Result<(), String> {
    let fact = serde_json::from_str(entry.payload).map_err(|error| format!("it cannot be read: {error}"))?;
    prove(&fact)?;
    set.sequences.push(entry.sequence);
    set.facts.push(fact);
    Ok(())
}

/// A kind of fact that `facts` writes in sets.
trait Write: Send + Sync + Sized {
    fn write(
        conn: &mut sqlx::PgConnection,
        place: Place,
        set: &[Self],
    ) -> impl Future<Output = Result<(), FactsError>> + Send;
}

impl Write for RegisterSessionOpened {
    async fn write(conn: &mut sqlx::PgConnection, place: Place, set: &[Self]) -> Result<(), FactsError> {
        facts::sessions::open(conn, place, set).await
    }
}

impl Write for SaleCompleted {
    async fn write(conn: &mut sqlx::PgConnection, place: Place, set: &[Self]) -> Result<(), FactsError> {
        facts::sales::write(conn, place, set).await?;
        facts::rollups::add(conn, place, set).await
    }
}

impl Write for RegisterSessionClosed {
    async fn write(conn: &mut sqlx::PgConnection, place: Place, set: &[Self]) -> Result<(), FactsError> {
        facts::sessions::close(conn, place, set).await
    }
}

/// Writes a set under a savepoint. When one of its facts is at fault, the set is halved until that one is alone.
async fn write_set<T: Write>(
    tx: &mut Tx,
    place: Place,
    set: &Set<T>,
    aside: &mut BTreeMap<i64, SetAside>,
) -> Result<(), sqlx::Error> {
    let mut parts = vec![(set.sequences.as_slice(), set.facts.as_slice())];
    while let Some((sequences, facts)) = parts.pop() {
        let Some(&sequence) = sequences.first() else { continue };
        let mut savepoint = tx.begin().await?;
        match T::write(&mut savepoint, place, facts).await {
            Ok(()) => savepoint.commit().await?,
            Err(FactsError::Database(error)) if !is_about_the_data(&error) => return Err(error),
            Err(error) => {
                savepoint.rollback().await?;
                if sequences.len() == 1 {
                    let reason = error.to_string();
                    aside.insert(sequence, SetAside { sequence, is_unknown_kind: false, reason });
                } else {
                    let half = sequences.len() / 2;
                    let (sequences, facts) = (sequences.split_at(half), facts.split_at(half));
                    parts.push((sequences.1, facts.1));
                    parts.push((sequences.0, facts.0));
                }
            }
        }
    }
    Ok(())
}

/// Whether the database refuses what it was given, and would again: a value (22), a constraint (23), a size (54). All else
/// is the moment's fault, and the whole batch is tried again.
fn is_about_the_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => {
            refusal.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}
