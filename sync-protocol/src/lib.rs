//! How a store and HQ talk and what each says next: envelopes on the wire and the conversation as state machines.
//! No I/O, no clock, no randomness of its own, and no noun of the domain live here: time, randomness and ids come in
//! as arguments, what a fact says is opaque bytes.
//!
//! - [`wire`]: what travels: pages of the feed, batches of the journal, messages of the bell, enrolment.
//! - [`chain`]: the hash chain of a journal stream.
//! - [`store_sync`]: the store's end. It takes what happened and says what to do next.
//! - [`judge`]: HQ's end. Its state lives in rows, so it is two pure functions.

pub mod chain;
pub mod judge;
pub mod store_sync;
pub mod wire;

pub use chain::Hash;
pub use wire::{Cursor, JournalEntry, PushAnswer, PushRequest, RawJson, Watermark};
