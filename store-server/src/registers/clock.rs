//! Whether the store's clock can be believed when a session is opened: everything that is sold in the session counts for that day.
//!
//! HQ may be out of reach for weeks and its clock may be the wrong one, so it is not what the store sells by. The store goes by
//! what it last wrote itself, and where that and the clock do not agree, by the person who opens the session: they say what day it
//! is, and the clock must say the same. So neither a clock that once was decades ahead nor one that fell back to its factory's date
//! locks a store out or is taken without a word, with or without HQ.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use server_kit::Tx;
use sync_protocol::wire::MOST_DAYS_APART;

use super::SessionError;
use crate::this_store::ThisStore;

/// How far a clock may be behind what is known: it is set back a little now and then.
const MOST_BEHIND: TimeDelta = TimeDelta::days(1);

/// Refuses a time that what the store wrote last does not agree with, but for somebody who knows that it is that day.
pub(super) async fn believe(
    tx: &mut Tx,
    store: &ThisStore,
    now: DateTime<Utc>,
    today: Option<NaiveDate>,
) -> Result<(), SessionError> {
    let by_the_clock = store.business_date(now);
    if let Some(today) = today.filter(|today| *today != by_the_clock) {
        return Err(SessionError::invalid(
            "/today",
            "differs",
            format!(
                "The clock of the store's server says {by_the_clock}, not {today}: set that machine's clock first."
            ),
        ));
    }
    // The newest entry always counts: once a session is opened by somebody's word, it is of the right time again. The checkpoint
    // counts where it came after that entry, which its position tells and no clock.
    let last = sqlx::query_scalar!(
        r#"select greatest(j.occurred_at, case when c.position > j.feed_position or j.feed_position is null then c.applied_at end) as "last!"
           from checkpoint c left join lateral (select feed_position, occurred_at from journal order by id desc limit 1) j on true"#
    )
    .fetch_one(&mut **tx)
    .await?;
    if is_plausible(now, last) {
        return Ok(());
    }
    if today.is_none() {
        return Err(SessionError::ClockInDoubt { now: store.local(now), last: store.local(last) });
    }
    tracing::warn!(%now, %last, "a session is opened at a time that what was written last does not agree with: a person says that it is that day");
    Ok(())
}

/// Nobody has been here before yesterday's work was done, nor left a store alone for more than a year.
fn is_plausible(now: DateTime<Utc>, last: DateTime<Utc>) -> bool {
    let since = now - last;
    since >= -MOST_BEHIND && since <= TimeDelta::days(MOST_DAYS_APART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_was_closed_for_a_winter_is_believed_and_a_clock_that_fell_back_is_not() {
        let last: DateTime<Utc> = "2026-11-25T18:00:00Z".parse().unwrap();
        for (days, is_believed) in
            [(-693, false), (-2, false), (-1, true), (0, true), (200, true), (400, true), (401, false)]
        {
            assert_eq!(is_plausible(last + TimeDelta::days(days), last), is_believed, "{days}");
        }
    }
}
