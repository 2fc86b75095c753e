//! Text for people: safe characters, JSON, phrases, near words, shell words and colors.

pub mod escape;
pub mod json;
pub mod nearest;
pub mod phrase;
pub mod shell;
pub mod style;
pub mod workflow;
