//! The kinds of faults.

use crate::emulator::choice::choices;

choices! {
    /// What can go wrong with a request.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum FaultKind {
        /// The request waits, and is then handled
        Latency = "latency",
        /// 429 with `Retry-After` in seconds; nothing is done
        TooMany = "429",
        /// 429 with `Retry-After` as a date; nothing is done
        TooManyDate = "429-date",
        /// 429 without `Retry-After`; nothing is done
        TooManyBare = "429-bare",
        /// 500 in plain text; nothing is done
        Internal = "500",
        /// 500 in plain text, after the request was handled
        InternalAfter = "500-after",
        /// 502 as an HTML page of a proxy; nothing is done
        BadGateway = "502",
        /// 503 with `Retry-After` in seconds; nothing is done
        Unavailable = "503",
        /// 503 without `Retry-After`; nothing is done
        UnavailableBare = "503-bare",
        /// 503 with `Retry-After` in seconds, after the request was handled
        UnavailableAfter = "503-after",
        /// 504 as an HTML page of a proxy; nothing is done
        GatewayTimeout = "504",
        /// 504 as an HTML page of a proxy, after the request was handled
        GatewayTimeoutAfter = "504-after",
        /// The connection closes without a response; nothing is done
        CloseBefore = "close-before",
        /// The connection closes without a response, after the request was handled
        CloseAfter = "close-after",
        /// The request was handled, and the connection closes in the middle of the response
        Truncated = "truncated",
        /// The request was handled, and the response is half of a JSON value, with a matching length
        BrokenJson = "broken-json",
        /// The request was handled, and the response is unrelated JSON
        ForeignJson = "foreign-json",
        /// 200 with an HTML page, like that of a login portal; nothing is done
        Html = "html",
        /// No response for a while, then the connection closes; nothing is done
        StallBefore = "stall-before",
        /// The request was handled; no response for a while, then the connection closes
        StallAfter = "stall-after",
        /// The connection closes without a response; the request is handled later (--late)
        CloseLate = "close-late",
        /// Like `stall-before`, but the request is handled later (--late)
        StallLate = "stall-late",
        /// 200 with an empty listing; nothing is done
        EmptyList = "empty-list",
        /// The request was handled, and the key in the response has no `publicKey`
        NoKey = "no-key",
        /// The request was handled, and most of the `publicKey` in the response is masked
        MaskedKey = "masked-key",
        /// The request was handled, and the base64 of the `publicKey` in the response has a line break
        WrappedKey = "wrapped-key",
        /// The request was handled, and the response is compressed although the client does not accept that
        Gzip = "gzip",
    }
}

impl FaultKind {
    /// Whether the request is handled before the fault: an uploaded key is stored, but the client does not learn of it.
    pub fn comes_after(self) -> bool {
        match self {
            Self::InternalAfter
            | Self::GatewayTimeoutAfter
            | Self::CloseAfter
            | Self::Truncated
            | Self::BrokenJson
            | Self::ForeignJson
            | Self::UnavailableAfter
            | Self::NoKey
            | Self::MaskedKey
            | Self::WrappedKey
            | Self::Gzip
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
            | Self::StallBefore
            | Self::CloseLate
            | Self::StallLate
            | Self::EmptyList => false,
        }
    }

    /// Whether the request is handled after the client has given up.
    pub fn comes_late(self) -> bool {
        matches!(self, Self::CloseLate | Self::StallLate)
    }
}
