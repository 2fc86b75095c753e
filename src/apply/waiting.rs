//! Why a run lists the account again instead of going on.

use std::fmt;
use std::time::Duration;

/// Something that the listings so far do not show, and that a later one can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub reason: WaitReason,
    /// The longest time until it is decided.
    pub at_most: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// It is unknown whether these uploads were carried out.
    Uncertain { uploads: usize },
    /// Keys that are recorded or were just uploaded are not listed.
    Unlisted { keys: usize },
    /// The new primary is not listed as the primary.
    NotPrimary,
    /// Rows are listed that were deleted.
    Deleted { rows: usize },
    /// The account lists no keys at all.
    Empty,
}

impl Waiting {
    /// Returns the longest time until it is decided, in seconds, rounded up.
    pub fn seconds(&self) -> u64 {
        u64::try_from(self.at_most.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listing the account again for up to {} s: {}", self.seconds(), self.reason)
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncertain { uploads: 1 } => f.write_str("the outcome of 1 upload is unknown"),
            Self::Uncertain { uploads } => write!(f, "the outcome of {uploads} uploads is unknown"),
            Self::Unlisted { keys: 1 } => f.write_str("it does not show 1 key that must be there"),
            Self::Unlisted { keys } => write!(f, "it does not show {keys} keys that must be there"),
            Self::NotPrimary => f.write_str("it does not show the new primary key"),
            Self::Deleted { rows: 1 } => f.write_str("it shows 1 key that was deleted"),
            Self::Deleted { rows } => write!(f, "it shows {rows} keys that were deleted"),
            Self::Empty => f.write_str("it shows no keys"),
        }
    }
}
