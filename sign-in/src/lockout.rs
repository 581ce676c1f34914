//! How guessing is made slow: by what was typed and where from, so that nobody can lock somebody else out, and alike for
//! logins that do not exist.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use server_kit::Tx;
use sha2::{Digest, Sha256};

use crate::{locks, sql};

/// How failures slow down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// This many failures cost nothing but the time that they take: people mistype.
    pub(crate) free: i32,
    /// The first wait, in seconds; each one after it is twice as long.
    pub(crate) first: i32,
    /// The longest.
    pub(crate) longest: i32,
}

/// One login from one place.
pub(crate) const ONE_LOGIN: Pace = Pace { free: 5, first: 5, longest: 900 };
/// All logins from one place: a whole shop sits behind one address, and so does somebody who tries every name.
pub(crate) const ONE_SOURCE: Pace = Pace { free: 60, first: 5, longest: 300 };

/// Failures older than this are forgotten.
pub(crate) const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// What failures are counted under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    login: [u8; 32],
    source: [u8; 32],
}

impl Place {
    pub(crate) fn new(login: &str, source: IpAddr) -> Self {
        Self { login: hashed("login", login), source: hashed("source", &source.to_string()) }
    }

    /// The same source, whatever login.
    fn of_source(self) -> Self {
        Self { login: [0; 32], source: self.source }
    }

    pub(crate) fn login(&self) -> &[u8] {
        &self.login
    }

    pub(crate) fn source(&self) -> &[u8] {
        &self.source
    }
}

fn hashed(kind: &str, text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(text.as_bytes());
    hash.finalize().into()
}

impl Pace {
    /// How long to wait after this many failures.
    pub(crate) fn wait_after(self, failures: i32) -> TimeDelta {
        let over = failures - self.free;
        if over < 0 {
            return TimeDelta::zero();
        }
        let seconds = i64::from(self.first) << over.min(20);
        TimeDelta::seconds(seconds.min(i64::from(self.longest)))
    }
}

/// Counts an attempt as failed before it is made, so that many at once are many; or says when the next may be made.
pub(crate) async fn begin_attempt(
    tx: &mut Tx,
    place: Place,
    now: DateTime<Utc>,
) -> Result<Result<(), DateTime<Utc>>, sqlx::Error> {
    locks::forget_attempts(tx, now - FORGOTTEN).await?;
    // Always in this order: the login's row, then the source's.
    for (place, pace) in [(place, ONE_LOGIN), (place.of_source(), ONE_SOURCE)] {
        if !sql::count_attempt(tx, place, pace, now, now - FORGOTTEN).await? {
            let before = sql::attempts(tx, place).await?;
            return Ok(Err(before.last_at + pace.wait_after(before.failures)));
        }
    }
    Ok(Ok(()))
}

/// Forgets the failures of this login here: it was right this time. What others typed wrongly here stays counted.
pub(crate) async fn attempt_was_right(tx: &mut Tx, place: Place) -> Result<(), sqlx::Error> {
    sql::forget_login(tx, place).await?;
    sql::uncount_attempt(tx, place.of_source()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_an_end() {
        let waits: Vec<i64> =
            [1, 4, 5, 6, 7, 12, 13, 1_000_000].map(|n| ONE_LOGIN.wait_after(n).num_seconds()).into();
        assert_eq!(waits, [0, 0, 5, 10, 20, 640, 900, 900]);
    }
}
