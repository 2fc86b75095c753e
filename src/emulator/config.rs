//! The configuration of an emulator.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::behaviour::Behaviour;
use super::faults::Faults;
use super::lag::Lag;
use super::limit::RateLimit;

/// The token that an emulator accepts by default. No real service accepts it.
pub const SANDBOX_TOKEN: &str = "keyform-sandbox-token";

/// The owner of an emulated account by default.
pub const SANDBOX_USER: &str = "cm4xsandboxuser0000000000";

/// The default is an empty account in memory, on any free port, without faults.
#[derive(Debug, Clone)]
pub struct EmulatorConfig {
    /// On 127.0.0.1; 0 lets the system pick one.
    pub port: u16,
    pub token: AcceptedToken,
    pub scopes: Scopes,
    /// `userId` of every key.
    pub user_id: String,
    /// The file that stores the keys; `None` keeps them in memory. A missing folder is created.
    pub keys: Option<PathBuf>,
    pub behaviour: Behaviour,
    pub faults: Faults,
    pub rate_limit: Option<RateLimit>,
    /// How far listings are behind writes.
    pub lag: Lag,
    /// For `createdAt` and dates in `Retry-After`.
    pub clock: TimeSource,
    /// Determines the ids of new rows and the order of shuffled listings.
    pub seed: u64,
}

/// The token that an emulator accepts. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AcceptedToken(String);

/// The token's permissions for `ssh_keys`, granted independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes {
    pub read: bool,
    /// To upload, promote and delete.
    pub write: bool,
}

/// The system's clock, or one of a test.
#[derive(Clone)]
pub struct TimeSource(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self {
            port: 0,
            token: AcceptedToken::default(),
            scopes: Scopes::default(),
            user_id: SANDBOX_USER.to_owned(),
            keys: None,
            behaviour: Behaviour::default(),
            faults: Faults::default(),
            rate_limit: None,
            lag: Lag::default(),
            clock: TimeSource::default(),
            seed: 0,
        }
    }
}

impl AcceptedToken {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AcceptedToken {
    fn default() -> Self {
        Self::new(SANDBOX_TOKEN)
    }
}

impl fmt::Debug for AcceptedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AcceptedToken(…)")
    }
}

impl Default for Scopes {
    fn default() -> Self {
        Self { read: true, write: true }
    }
}

impl TimeSource {
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    pub fn fixed(at: Timestamp) -> Self {
        Self(Arc::new(move || at))
    }

    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for TimeSource {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimeSource(…)")
    }
}
