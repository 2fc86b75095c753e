//! Text for people: safe characters, phrases, near words, shell words and colors.

pub mod nearest;
pub mod phrase;
pub mod sanitize;
pub mod shell;
pub mod style;
