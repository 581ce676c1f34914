//! Who is asking: people, their passwords and PINs, their tokens, and what they may. Both servers mount it.
//!
//! Where the people come from differs (HQ's `app_user`, a store's `from_hq.staff`), and the two databases hide that behind
//! functions of the same name (`sign_in_candidate`, `signed_in`). No rule of selling or of master data may live here.

mod lockout;
mod locks;
mod passwords;
pub mod pins;
mod refresh;
mod routes;
mod sign_in;
mod sign_out;
mod signed_in;
mod sql;
mod tokens;

pub use passwords::{HashedPassword, hash_password, set_password};
pub use routes::{Pins, capability};
pub use sign_in::{SignInError, SignedInAnswer, User};
pub use sign_out::end_sign_ins;
pub use signed_in::SignedIn;
