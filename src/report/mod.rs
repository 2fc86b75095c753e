//! Renders plans and outcomes for people and programs. Nothing here decides or prints.

pub mod import;
pub mod json;
pub mod rebuild;
pub mod text;
pub mod words;
