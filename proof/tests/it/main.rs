//! Proofs against published vectors, against other implementations, and against everything that was changed.

mod changed;
mod others;
mod support;
mod tree;
mod vectors;
