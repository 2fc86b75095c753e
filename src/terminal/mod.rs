//! What is particular to a terminal: which characters are safe on it.

pub mod sanitize;
