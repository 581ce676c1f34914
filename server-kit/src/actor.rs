//! On whose behalf something is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::problem::Problem;

/// On whose behalf something is done. `transact` takes the company from it.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Somebody who is signed in.
    Person(Person),
    /// A store's server, known by its signature.
    Store {
        /// The store's company.
        company_id: Uuid,
        /// The store.
        store_id: Uuid,
    },
    /// The server itself: its workers, and what is done before anybody is signed in.
    System {
        /// The company that the work is for.
        company_id: Uuid,
    },
    /// Nobody yet, and no company: only look-ups that need none, such as the one that comes before a token.
    Nobody,
}

/// Somebody who is signed in, with what they may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their company.
    pub company_id: Uuid,
    /// Who.
    pub user_id: Uuid,
    /// What they sign in with.
    pub login: Arc<str>,
    /// What others call them.
    pub name: Arc<str>,
    /// Words such as `sale.refund.without_receipt`.
    pub permissions: Arc<BTreeSet<String>>,
    /// How far they may go, such as `reduction_percent` 10.
    pub limits: Arc<BTreeMap<String, Decimal>>,
    /// Which stores they work in.
    pub stores: StoreScope,
    /// Their sign-in: ends with it.
    pub session_id: Uuid,
    /// The paired device that they sit at, where they sit at one.
    pub device_id: Option<Uuid>,
}

/// Which stores somebody works in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreScope {
    /// Every store of the company.
    All,
    /// These.
    Only(Arc<[Uuid]>),
}

impl StoreScope {
    /// Whether this store is among them.
    #[must_use]
    pub fn covers(&self, store_id: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(stores) => stores.contains(&store_id),
        }
    }
}

impl Actor {
    /// The company that is acted for; none before somebody is known.
    #[must_use]
    pub fn company_id(&self) -> Option<Uuid> {
        match self {
            Self::Person(person) => Some(person.company_id),
            Self::Store { company_id, .. } | Self::System { company_id } => Some(*company_id),
            Self::Nobody => None,
        }
    }

    /// The person, where it is one.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
        }
    }

    /// The person's identity, where it is one.
    #[must_use]
    pub fn user_id(&self) -> Option<Uuid> {
        self.person().map(|person| person.user_id)
    }

    /// Whether a person has this permission. The server itself may do anything, a store nothing that needs one.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        match self {
            Self::Person(person) => person.permissions.contains(permission),
            Self::System { .. } => true,
            Self::Store { .. } | Self::Nobody => false,
        }
    }

    /// Refuses whoever lacks this permission.
    pub fn require(&self, permission: &'static str) -> Result<(), Problem> {
        if self.may(permission) { Ok(()) } else { Err(Problem::forbidden(permission)) }
    }

    /// How far a person may go: the limit of this name; none where their role sets none.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<Decimal> {
        self.person().and_then(|person| person.limits.get(name).copied())
    }

    /// What the database is told of who acts (`app.actor`), for audit by triggers.
    pub(crate) fn tag(&self) -> String {
        match self {
            Self::Person(person) => format!("user:{}", person.user_id),
            Self::Store { store_id, .. } => format!("store:{store_id}"),
            Self::System { .. } => "system".to_owned(),
            Self::Nobody => "nobody".to_owned(),
        }
    }
}
