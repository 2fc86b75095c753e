//! Renders plans and outcomes for people and programs. This module makes no decisions and prints nothing.

pub mod diff;
pub mod edits;
pub mod events;
pub mod import;
pub mod json;
pub mod markdown;
pub mod problems;
pub mod rebuild;
pub mod starter;
pub mod text;
mod view;
pub mod words;

pub use view::View;
