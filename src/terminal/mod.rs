//! What is particular to a terminal: which characters are safe on it, colours, progress, questions, words
//! of a shell.

pub mod progress;
pub mod prompt;
pub mod sanitize;
pub mod shell;
pub mod style;
