//! Proofs against published vectors, against other implementations, and against everything that was changed.

#![allow(clippy::unwrap_used, reason = "a failed test should show where it failed")]

mod changed;
mod others;
mod published;
mod support;
mod tree;
mod vectors;
