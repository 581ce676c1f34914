//! `checkout` for the browser, and nothing of its own: what a till's screen shows is computed by the very code that
//! rings it up.
//!
//! [`Desk`] is the API as texts of JSON, the same native and in the browser; for `wasm32` there are bindings over it that
//! take and give values, with TypeScript types made from the Rust ones (`types.d.ts`, kept right by a test).

mod desk;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use desk::{Desk, Malformed};
