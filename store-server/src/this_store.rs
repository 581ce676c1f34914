//! The store as its database knows it: who it is, and what HQ says of it at the checkpoint.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Timelike as _, Utc};
use chrono_tz::Tz;
use facts::Place;
use server_kit::Problem;
use shared_model::catalogue::StockPolicy;
use shared_model::ids::{CompanyId, PriceLevelId, StoreId, TaxAreaId};
use shared_model::taxes::TaxRounding;
use shared_model::{Currency, Rounding};
use sqlx::PgConnection;
use uuid::Uuid;

/// This store, at one checkpoint.
#[derive(Clone, Debug)]
pub struct ThisStore {
    /// Whose facts are written.
    pub place: Place,
    /// Its code, the head of its receipt numbers.
    pub code: String,
    /// The life of its database.
    pub incarnation: Uuid,
    /// That life's letter in receipt series.
    pub letter: String,
    /// The checkpoint.
    pub position: i64,
    /// Its time zone.
    pub time_zone: Tz,
    /// What it sells in.
    pub currency: Currency,
    /// Its price level.
    pub price_level_id: Option<PriceLevelId>,
    /// The tax area that it lies in.
    pub tax_area_id: Option<TaxAreaId>,
    /// Where its tax is rounded.
    pub tax_rounding: TaxRounding,
    /// How.
    pub rounding_mode: Rounding,
    /// What it does when goods are not available.
    pub stock_policy: StockPolicy,
}

/// Why the store cannot say who it is.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It has no identity.
    #[error("the store is not enrolled")]
    NotEnrolled,
    /// HQ has not sent the store itself yet.
    #[error("the store has no checkpoint of HQ's yet")]
    NoCheckpoint,
    /// A zone that this release does not know.
    #[error("the time zone {0} is not known here")]
    TimeZone(String),
    /// A box whose clock battery is empty.
    #[error("the clock says {0}")]
    ClockWrong(DateTime<Utc>),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<NotReady> for Problem {
    fn from(error: NotReady) -> Self {
        match error {
            NotReady::NotEnrolled => Self::unavailable("not-enrolled", "This store is not enrolled yet", 5),
            NotReady::NoCheckpoint => {
                Self::unavailable("no-checkpoint", "HQ has not sent this store its data yet", 2)
            }
            NotReady::ClockWrong(now) => {
                Self::unavailable("clock-wrong", "The clock of the store's server is wrong", 60).detail(
                    format!("It says {now}. Set it before anything is sold or closed: it bears that time."),
                )
            }
            NotReady::TimeZone(_) => Self::internal(error),
            NotReady::Database(error) => error.into(),
        }
    }
}

/// Reads it. Inside an operation, after the checkpoint is held.
pub async fn load(connection: &mut PgConnection) -> Result<ThisStore, NotReady> {
    let row = sqlx::query!(
        r#"select i.company_id, i.store_id, i.store_code, i.incarnation, i.letter, c.position as "position?", s.time_zone as "time_zone?",
               s.currency as "currency?: Currency", s.price_level_id, s.tax_area_id, s.tax_rounding as "tax_rounding?: TaxRounding",
               s.rounding_mode as "rounding_mode?: Rounding", s.stock_policy as "stock_policy?: StockPolicy"
           from identity i left join checkpoint c on true left join from_hq.store s on s.id = i.store_id"#
    )
    .fetch_optional(connection)
    .await?
    .ok_or(NotReady::NotEnrolled)?;
    let (
        Some(position),
        Some(time_zone),
        Some(currency),
        Some(tax_rounding),
        Some(rounding_mode),
        Some(stock_policy),
    ) = (row.position, row.time_zone, row.currency, row.tax_rounding, row.rounding_mode, row.stock_policy)
    else {
        return Err(NotReady::NoCheckpoint);
    };
    Ok(ThisStore {
        place: Place { company_id: CompanyId::new(row.company_id), store_id: StoreId::new(row.store_id) },
        code: row.store_code,
        incarnation: row.incarnation,
        letter: row.letter,
        position,
        time_zone: time_zone.parse().map_err(|_| NotReady::TimeZone(time_zone))?,
        currency,
        price_level_id: row.price_level_id.map(PriceLevelId::new),
        tax_area_id: row.tax_area_id.map(TaxAreaId::new),
        tax_rounding,
        rounding_mode,
        stock_policy,
    })
}

impl ThisStore {
    /// Refuses a time before this program was written: a box that lost power and its battery says 1970, and a sale
    /// would bear that for ever.
    pub fn check_clock(&self, now: DateTime<Utc>) -> Result<(), NotReady> {
        if now.year() < 2025 { Err(NotReady::ClockWrong(now)) } else { Ok(()) }
    }

    /// That moment on the store's wall.
    #[must_use]
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.time_zone).naive_local()
    }

    /// The day that a session opened then counts for.
    #[must_use]
    pub fn business_date(&self, at: DateTime<Utc>) -> NaiveDate {
        self.local(at).date()
    }

    /// The hour on the store's wall, 0 to 23.
    #[must_use]
    pub fn hour(&self, at: DateTime<Utc>) -> i16 {
        i16::try_from(self.local(at).hour()).unwrap_or_default()
    }
}
