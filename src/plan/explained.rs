//! A value with a sentence that explains it, as written to plan files.
//!
//! When a plan is read, the sentence must match the value.

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::terminal::phrase::Phrase;

/// A value that a sentence explains.
pub(super) trait HasExplanation {
    fn explanation(&self) -> Phrase;
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "{T}", extend("unevaluatedProperties" = false))]
pub(super) struct Explained<T> {
    #[serde(flatten)]
    pub(super) value: T,
    /// An explanation for people.
    text: String,
}

impl<T: HasExplanation> Explained<T> {
    pub(super) fn new(value: T) -> Self {
        Self { text: value.explanation().to_string(), value }
    }
}

impl<T: HasExplanation> HasExplanation for &T {
    fn explanation(&self) -> Phrase {
        T::explanation(self)
    }
}

impl<'de, T: HasExplanation + Serialize + DeserializeOwned> Deserialize<'de> for Explained<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shown = Value::deserialize(deserializer)?;
        let read = Self::new(T::deserialize(&shown).map_err(D::Error::custom)?);
        check_derived(&read, &shown).map_err(D::Error::custom)?;
        Ok(read)
    }
}

/// Ensures that a value was read from exactly what it is written as: derived fields match, and no other fields exist.
pub(super) fn check_derived(read: &impl Serialize, shown: &Value) -> Result<(), String> {
    match serde_json::to_value(read) {
        Ok(written) if written == *shown => Ok(()),
        _ => {
            let text = shown.get("text").and_then(Value::as_str).unwrap_or_default();
            Err(format!("the text \"{text}\" does not match its details"))
        }
    }
}
