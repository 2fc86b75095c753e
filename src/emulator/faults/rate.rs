//! How often a fault happens, as people write it: `KIND=RATE`.

use std::str::FromStr;

use thiserror::Error;

use super::kind::FaultKind;
use crate::emulator::choice::Choice as _;

/// A probability for one kind of fault, or for every kind. Reads as `KIND=RATE` or `all=RATE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRate {
    /// `None` is every kind.
    pub kind: Option<FaultKind>,
    /// From 0 to 1.
    pub rate: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultRateError {
    #[error("it is not of the form KIND=RATE, such as 429=0.05")]
    Form,
    #[error("unknown fault '{0}'; known are all, {kinds}", kinds = kind_names().join(", "))]
    Kind(String),
    #[error("invalid rate '{0}': must be a number from 0 to 1")]
    Rate(String),
}

impl FromStr for FaultRate {
    type Err = FaultRateError;

    fn from_str(text: &str) -> Result<Self, FaultRateError> {
        let (kind, rate) = text.split_once('=').ok_or(FaultRateError::Form)?;
        let kind = match kind {
            "all" => None,
            _ => Some(kind.parse().map_err(|_| FaultRateError::Kind(kind.to_owned()))?),
        };
        match rate.parse() {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(Self { kind, rate: number }),
            _ => Err(FaultRateError::Rate(rate.to_owned())),
        }
    }
}

fn kind_names() -> Vec<&'static str> {
    FaultKind::ALL.iter().map(|kind| kind.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_as_kind_and_number() {
        let rate = |text: &str| text.parse::<FaultRate>();
        assert_eq!(rate("429=0.05"), Ok(FaultRate { kind: Some(FaultKind::TooMany), rate: 0.05 }));
        assert_eq!(rate("close-after=1"), Ok(FaultRate { kind: Some(FaultKind::CloseAfter), rate: 1.0 }));
        assert_eq!(rate("all=0.05"), Ok(FaultRate { kind: None, rate: 0.05 }));
        assert_eq!(rate("429"), Err(FaultRateError::Form));
        assert_eq!(rate("418=0.1"), Err(FaultRateError::Kind("418".into())));
        for bad in ["", "-0.1", "1.1", "NaN", "x"] {
            assert_eq!(rate(&format!("429={bad}")), Err(FaultRateError::Rate(bad.into())));
        }
    }

    #[test]
    fn an_unknown_kind_lists_all_kinds() {
        insta::assert_snapshot!(FaultRateError::Kind("418".into()), @"unknown fault '418'; known are all, latency, 429, 429-date, 429-bare, 500, 500-after, 502, 503, 503-bare, 503-after, 504, 504-after, close-before, close-after, truncated, broken-json, foreign-json, html, stall-before, stall-after, close-late, stall-late, empty-list, no-key, masked-key, wrapped-key, gzip");
    }
}
