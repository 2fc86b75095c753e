//! Text for people: near words, progress, prompts, safe characters, shell words and colors.

pub mod nearest;
pub mod progress;
pub mod prompt;
pub mod sanitize;
pub mod shell;
pub mod style;
