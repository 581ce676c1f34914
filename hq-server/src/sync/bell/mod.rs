//! The bell: a WebSocket to each store that says "there is something new". Lost, nothing is lost.

mod live;
mod run;

pub(crate) use live::get_live;
pub(crate) use run::ask_everywhere;
pub use run::run;
