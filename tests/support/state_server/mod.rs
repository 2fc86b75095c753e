//! Servers for states over Terraform's `http` protocol: GitLab's and Gitea's as far as the protocol uses them, and a plain
//! one. Real HTTP on loopback, with faults that a seed decides.

mod listener;
mod rules;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};

use listener::Listener;
use rules::Rules;
pub use state::StoredState;

/// The password of a maintainer, of a developer, and of a job.
pub const MAINTAINER: &str = "glpat-maintainer-9d21";
pub const DEVELOPER: &str = "glpat-developer-55ab";
pub const JOB_TOKEN: &str = "glcbt-64_never-to-be-shown";

/// The version of the protocol that a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Locks with POST and DELETE at `…/lock`, names the holder, and refuses serials that were used before.
    GitLab,
    /// Locks as GitLab does, but does not name the holder.
    Gitea,
    /// Terraform's default: LOCK and UNLOCK at the address of the state.
    Terraform,
    /// Accepts every request, and keeps no lock.
    Lockless,
}

/// What a server does to a request that it could carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFault {
    /// Closes the connection, and carries nothing out.
    Drop,
    /// Carries it out, and closes the connection.
    Lose,
    /// Responds with 503, and carries nothing out.
    Refuse,
    /// Carries it out, and responds with 502 and a page.
    Mask,
    /// Carries it out twice, and sends the second response.
    Repeat,
}

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRequest {
    pub method: String,
    /// The path and the query.
    pub target: String,
    pub authorization: Option<String>,
    /// All headers, as text.
    pub headers: String,
    pub body: Vec<u8>,
}

/// A server with one project, which stops when dropped.
pub struct StateServer {
    rules: Arc<Mutex<Rules>>,
    listener: Listener,
}

/// Decides what to do to a request. The number counts requests from 0.
pub type Inject = Box<dyn FnMut(usize, &StateRequest) -> Option<StateFault> + Send>;

impl StateServer {
    pub fn start(dialect: Dialect) -> Self {
        let rules = Arc::new(Mutex::new(Rules::new(dialect)));
        let listener = Listener::start(Arc::clone(&rules));
        Self { rules, listener }
    }

    /// A server that injects a fault into each of `percent` requests in a hundred.
    pub fn unreliable(dialect: Dialect, seed: u64, percent: u8) -> Self {
        let server = Self::start(dialect);
        let mut rng = fastrand::Rng::with_seed(seed);
        server.inject(Box::new(move |_, _| {
            use StateFault::{Drop, Lose, Mask, Refuse, Repeat};
            (rng.u8(..100) < percent).then(|| rng.choice([Drop, Lose, Mask, Refuse, Repeat]).unwrap())
        }));
        server
    }

    pub fn inject(&self, inject: Inject) {
        self.rules().inject = inject;
    }

    /// The URL of a state.
    pub fn url(&self, name: &str) -> String {
        format!("{}{}", self.origin(), self.rules().path(name))
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("http://{}", self.listener.address)
    }

    /// The state of a name, if it was written or locked.
    pub fn state(&self, name: &str) -> Option<StoredState> {
        self.rules().states.get(name).cloned()
    }

    /// Changes a state as another program would that has full access to the server.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut StoredState)) {
        change(self.rules().states.entry(name.to_owned()).or_default());
    }

    /// Carries out a request that another server received.
    pub fn answer(&self, request: &StateRequest) -> (u16, Vec<u8>) {
        let mut rules = self.rules();
        rules.requests.push(request.clone());
        let answer = rules.answer(request);
        (answer.status, answer.body)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<StateRequest> {
        self.rules().requests.clone()
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap()
    }
}
