//! What an emulator is started with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::behaviour::Behaviour;
use super::faults::Faults;
use super::limit::RateLimit;

/// The token that an emulator accepts unless told otherwise. It opens nothing else.
pub const SANDBOX_TOKEN: &str = "keyform-sandbox-token";

/// The user that an emulated account belongs to unless told otherwise.
pub const SANDBOX_USER: &str = "cm4xsandboxuser0000000000";

/// What an emulator is started with. The default is an empty account in memory, on any free port, without faults.
#[derive(Debug, Clone)]
pub struct EmulatorConfig {
    /// The port on 127.0.0.1; 0 lets the system pick one.
    pub port: u16,
    /// The one token that is accepted.
    pub token: AcceptedToken,
    /// What the token may do.
    pub scopes: Scopes,
    /// `userId` of every key.
    pub user_id: String,
    /// The file that the keys are kept in; none keeps them in memory. Its folder is made if it is missing.
    pub keys: Option<PathBuf>,
    /// What is unknown of the real API.
    pub behaviour: Behaviour,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// How many requests the token may make.
    pub rate_limit: Option<RateLimit>,
    /// Where `createdAt` and dates in `Retry-After` come from.
    pub clock: TimeSource,
    /// Fixes the ids that are given out and how listings are shuffled.
    pub seed: u64,
}

/// A token that is accepted. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AcceptedToken(String);

/// What a token may do with `ssh_keys`; the two are granted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes {
    /// List.
    pub read: bool,
    /// Upload, promote and delete.
    pub write: bool,
}

/// Tells the time: the system's, or what a test says.
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
            clock: TimeSource::default(),
            seed: 0,
        }
    }
}

impl AcceptedToken {
    /// Takes a text as the token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reveals the text.
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
        f.write_str("Token(…)")
    }
}

impl Default for Scopes {
    fn default() -> Self {
        Self { read: true, write: true }
    }
}

impl TimeSource {
    /// Asks the system.
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// Always tells the same time.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Arc::new(move || at))
    }

    /// Asks a function.
    pub fn from_fn(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells the time.
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
        f.write_str("Clock(…)")
    }
}
