//! What is particular to a terminal: which characters are safe on it, colours, progress, questions.

pub mod progress;
pub mod prompt;
pub mod sanitize;
pub mod style;
