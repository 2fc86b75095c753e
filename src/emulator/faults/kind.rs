//! The kinds of faults.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The request waits, and is then handled
    Latency,
    /// 429 with `Retry-After` in seconds; nothing is done
    #[value(name = "429")]
    #[serde(rename = "429")]
    TooMany,
    /// 429 with `Retry-After` as a date; nothing is done
    #[value(name = "429-date")]
    #[serde(rename = "429-date")]
    TooManyDate,
    /// 429 without `Retry-After`; nothing is done
    #[value(name = "429-bare")]
    #[serde(rename = "429-bare")]
    TooManyBare,
    /// 500 in plain text; nothing is done
    #[value(name = "500")]
    #[serde(rename = "500")]
    Internal,
    /// 500 in plain text, after the request was handled
    #[value(name = "500-after")]
    #[serde(rename = "500-after")]
    InternalAfter,
    /// 502 as a proxy's HTML; nothing is done
    #[value(name = "502")]
    #[serde(rename = "502")]
    BadGateway,
    /// 503 with `Retry-After` in seconds; nothing is done
    #[value(name = "503")]
    #[serde(rename = "503")]
    Unavailable,
    /// 503 without `Retry-After`; nothing is done
    #[value(name = "503-bare")]
    #[serde(rename = "503-bare")]
    UnavailableBare,
    /// 504 as a proxy's HTML; nothing is done
    #[value(name = "504")]
    #[serde(rename = "504")]
    GatewayTimeout,
    /// 504 as a proxy's HTML, after the request was handled
    #[value(name = "504-after")]
    #[serde(rename = "504-after")]
    GatewayTimeoutAfter,
    /// The connection closes without an answer; nothing is done
    CloseBefore,
    /// The connection closes without an answer, after the request was handled
    CloseAfter,
    /// The request was handled, and the connection closes in the middle of its answer
    Truncated,
    /// The request was handled, and its answer is complete by its length, but half a JSON value
    BrokenJson,
    /// The request was handled, and its answer is JSON about something else
    ForeignJson,
    /// 200 with an HTML page, as of a captive portal; nothing is done
    Html,
    /// No answer for as long as `Faults::stall`, then the connection closes; nothing is done
    StallBefore,
    /// The request was handled; no answer for as long as `Faults::stall`, then the connection closes
    StallAfter,
}

impl FaultKind {
    /// Its name, as `KIND=RATE` has it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether the request is handled before it goes wrong, so that a key is stored although nobody is told.
    pub fn comes_after(self) -> bool {
        match self {
            Self::InternalAfter
            | Self::GatewayTimeoutAfter
            | Self::CloseAfter
            | Self::Truncated
            | Self::BrokenJson
            | Self::ForeignJson
            | Self::StallAfter => true,
            Self::Latency
            | Self::TooMany
            | Self::TooManyDate
            | Self::TooManyBare
            | Self::Internal
            | Self::BadGateway
            | Self::Unavailable
            | Self::UnavailableBare
            | Self::GatewayTimeout
            | Self::CloseBefore
            | Self::Html
            | Self::StallBefore => false,
        }
    }
}
