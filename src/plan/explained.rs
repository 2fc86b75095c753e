//! A value with a sentence that says the same, as the plan's file has it.
//!
//! Only for writing. What is read is the value; the sentence is compared with the one that follows from the value.

use schemars::JsonSchema;
use serde::Serialize;

use crate::terminal::phrase::Phrase;

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "{T}", extend("unevaluatedProperties" = false))]
pub(super) struct Explained<T> {
    #[serde(flatten)]
    value: T,
    /// The same for people.
    text: String,
}

impl<T> Explained<T> {
    pub(super) fn new(value: T, phrase: &Phrase) -> Self {
        Self { value, text: phrase.to_string() }
    }
}
