//! Worked examples as data.
