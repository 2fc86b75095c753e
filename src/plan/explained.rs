//! A value with a sentence that explains it, as written to plan files.
//!
//! When a plan is read, only the value is used, and the sentence must match it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::terminal::phrase::Phrase;

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "{T}", extend("unevaluatedProperties" = false))]
pub(super) struct Explained<T> {
    #[serde(flatten)]
    value: T,
    /// An explanation for people.
    text: String,
}

impl<T> Explained<T> {
    pub(super) fn new(value: T, phrase: &Phrase) -> Self {
        Self { value, text: phrase.to_string() }
    }
}
