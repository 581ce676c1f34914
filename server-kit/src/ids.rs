//! Where new identities come from.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// Makes `UUIDv7` identities: sortable by the time that is passed in.
#[derive(Clone)]
pub struct Ids {
    seeded: Option<Arc<Mutex<StdRng>>>,
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.seeded.is_some() { "Ids(seeded)" } else { "Ids(random)" })
    }
}

impl Ids {
    /// Identities that nobody can foresee.
    #[must_use]
    pub fn random() -> Self {
        Self { seeded: None }
    }

    /// The same identities each time, for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seeded: Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))) }
    }

    /// A new identity, made at this time.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> Uuid {
        let random: [u8; 10] = match &self.seeded {
            None => rand::random(),
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).random(),
        };
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_bears_the_time_that_was_passed_in() {
        let then: DateTime<Utc> = "2011-12-09T12:50:00Z".parse().unwrap();
        let later: DateTime<Utc> = "2011-12-09T12:50:01Z".parse().unwrap();
        let ids = Ids::random();
        assert_eq!(ids.at(then).get_version_num(), 7);
        assert!(ids.at(then) < ids.at(later));
        assert_ne!(ids.at(then), ids.at(then));
    }

    #[test]
    fn a_seed_repeats_its_identities() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(Ids::seeded(7).at(now), Ids::seeded(7).at(now));
    }
}
