//! The time for which a lock is certain.

use std::fmt;
use std::rc::Rc;

/// Says whether a session still has its lock. It is asked before each request to the account: a process can be stopped for
/// longer than its lock lasts, and another one works on the account then.
#[derive(Clone)]
pub struct Lease(Option<Rc<dyn Fn() -> bool>>);

impl Lease {
    /// A lock that nobody takes away from a living process.
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// A lock that is certain as long as `is_held` says so.
    pub fn limited(is_held: impl Fn() -> bool + 'static) -> Self {
        Self(Some(Rc::new(is_held)))
    }

    pub fn is_held(&self) -> bool {
        self.0.as_ref().is_none_or(|is_held| is_held())
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("is_held", &self.is_held()).finish()
    }
}
