//! What time it is. Nothing else in the servers asks the operating system.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// The source of time that a server hands to everything below it.
///
/// A clone shows the same time. Only a clock that was made settable can be moved: tests travel with one, and a server has one
/// that only ticks.
#[derive(Clone, Debug)]
pub struct Clock {
    hands: Option<Arc<Hands>>,
}

/// What moves a settable clock. Microseconds, as that is what PostgreSQL keeps.
#[derive(Debug)]
struct Hands {
    offset: AtomicI64,
    /// `i64::MIN` while it ticks.
    stopped_at: AtomicI64,
}

const TICKING: i64 = i64::MIN;

/// This clock cannot be moved.
#[derive(Debug, thiserror::Error)]
#[error("this clock cannot be moved")]
pub struct NotSettable;

impl Clock {
    /// The system's clock, which nobody can move.
    #[must_use]
    pub fn system() -> Self {
        Self { hands: None }
    }

    /// A clock that ticks from the system's time until it is moved.
    #[must_use]
    pub fn settable() -> Self {
        Self {
            hands: Some(Arc::new(Hands { offset: AtomicI64::new(0), stopped_at: AtomicI64::new(TICKING) })),
        }
    }

    /// A clock that stands still at this time until it is moved.
    #[must_use]
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self {
            hands: Some(Arc::new(Hands {
                offset: AtomicI64::new(0),
                stopped_at: AtomicI64::new(at.timestamp_micros()),
            })),
        }
    }

    /// Now, to the microsecond.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let Some(hands) = &self.hands else { return Utc::now().trunc_subsecs(6) };
        let stopped_at = hands.stopped_at.load(Ordering::SeqCst);
        let micros = if stopped_at == TICKING {
            Utc::now().timestamp_micros().saturating_add(hands.offset.load(Ordering::SeqCst))
        } else {
            stopped_at
        };
        DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Whether the clock can be moved.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        self.hands.is_some()
    }

    /// Stops the clock at this time.
    pub fn set(&self, at: DateTime<Utc>) -> Result<(), NotSettable> {
        self.hands()?.stopped_at.store(at.timestamp_micros(), Ordering::SeqCst);
        Ok(())
    }

    /// Moves the clock on (or back, by a negative duration); it stands or ticks as before.
    pub fn advance(&self, by: TimeDelta) -> Result<(), NotSettable> {
        let hands = self.hands()?;
        let by = by.num_microseconds().unwrap_or(0);
        let stopped_at = hands.stopped_at.load(Ordering::SeqCst);
        if stopped_at == TICKING {
            hands.offset.fetch_add(by, Ordering::SeqCst);
        } else {
            hands.stopped_at.store(stopped_at.saturating_add(by), Ordering::SeqCst);
        }
        Ok(())
    }

    /// Lets the clock tick, this much ahead of the system's (behind it, where negative).
    pub fn run_with_offset(&self, offset: TimeDelta) -> Result<(), NotSettable> {
        let hands = self.hands()?;
        hands.offset.store(offset.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        hands.stopped_at.store(TICKING, Ordering::SeqCst);
        Ok(())
    }

    fn hands(&self) -> Result<&Hands, NotSettable> {
        self.hands.as_deref().ok_or(NotSettable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_fixed_clock_stands_still_until_it_is_moved() {
        let clock = Clock::fixed(noon());
        assert_eq!(clock.now(), noon());
        clock.clone().advance(TimeDelta::minutes(15)).unwrap();
        assert_eq!(clock.now(), noon() + TimeDelta::minutes(15));
    }

    #[test]
    fn the_systems_clock_cannot_be_moved() {
        assert!(Clock::system().set(noon()).is_err());
        assert!(!Clock::system().is_settable());
    }

    #[test]
    fn a_clock_with_an_offset_ticks() {
        let clock = Clock::settable();
        clock.run_with_offset(TimeDelta::days(-30)).unwrap();
        let behind = Utc::now() - clock.now();
        assert!(behind >= TimeDelta::days(30) - TimeDelta::minutes(1) && behind < TimeDelta::days(31));
    }
}
