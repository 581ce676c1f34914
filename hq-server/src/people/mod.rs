//! Who works in the chain, where, and what they may do.

mod credentials;
mod permissions;
mod ready_made;
mod rights;
mod roles;
mod users;

pub(crate) use credentials::set_password;
pub(crate) use permissions::KNOWN;
pub(crate) use ready_made::{ADMIN, READY_MADE};
pub(crate) use roles::Role;
pub(crate) use users::User;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "people",
        routes: master::routes::<Role>().merge(master::routes::<User>()).merge(credentials::routes()),
        permissions: &["user.read", "user.write", "role.write"],
        entities: &[],
        facts: &[],
    }
}
