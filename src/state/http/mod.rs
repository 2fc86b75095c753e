//! A state on a server that speaks Terraform's `http` protocol, such as GitLab and Gitea.
//!
//! The protocol replaces a state as a whole, and has no append. So intents are saved with the state before the first
//! upload, and again after each repeated one. What a run learns in between is in a [`journal`](local_journal) on this
//! machine, and saved at the end.
//!
//! A lock has no lease: after a run that was killed, somebody has to break it.

mod client;
mod explain;
mod failure;
mod hold;
mod local_journal;
mod lock_info;
mod remote;
mod reply;
mod session;
mod settings;
mod store;

pub use failure::HttpFailure;
pub use session::HttpSession;
pub use settings::HTTP_VARIABLES;
pub use store::HttpStore;
