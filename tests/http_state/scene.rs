//! An account, a manifest, and a server with the state.

use std::collections::BTreeMap;

use keyform::emulator::{Emulator, Method};
use serde_json::Value;

use crate::support::program::{Folder, Ran, Run, account};
use crate::support::state_server::{DEVELOPER, Dialect, JOB_TOKEN, MAINTAINER, StateServer};

/// The name of the state.
pub(crate) const NAME: &str = "keyform";

pub(crate) struct Scene {
    pub(crate) folder: Folder,
    pub(crate) account: Emulator,
    pub(crate) server: StateServer,
}

impl Scene {
    /// A [manifest](crate::support::program::manifest), an empty account, and no state.
    pub(crate) fn new(keys: &str, dialect: Dialect) -> Self {
        Self::on(keys, StateServer::start(dialect))
    }

    pub(crate) fn on(keys: &str, server: StateServer) -> Self {
        Self { folder: Folder::of(keys), account: account(), server }
    }

    /// Prepares a run of a maintainer.
    pub(crate) fn keyform(&self, arguments: &str) -> Run<'_> {
        self.keyform_as("maria", MAINTAINER, arguments)
    }

    pub(crate) fn keyform_as(&self, user: &str, password: &str, arguments: &str) -> Run<'_> {
        self.anonymous(arguments).env("TF_HTTP_USERNAME", user).env("TF_HTTP_PASSWORD", password)
    }

    /// Prepares a run without credentials of the server.
    pub(crate) fn anonymous(&self, arguments: &str) -> Run<'_> {
        self.folder.keyform(arguments).on(&self.account).env("KEYFORM_STATE", &self.server.url(NAME))
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        let ran = self.keyform(arguments).run();
        assert_shows_no_password(&ran);
        ran
    }

    /// The state on the server.
    pub(crate) fn state(&self) -> Value {
        self.server.state(NAME).expect("a state").json()
    }

    pub(crate) fn serials(&self) -> Vec<u64> {
        self.server.state(NAME).map(|state| state.serials()).unwrap_or_default()
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.server.state(NAME).is_some_and(|state| state.lock.is_some())
    }

    /// How many uploads the account got.
    pub(crate) fn uploads(&self) -> u64 {
        self.account.api().stats().count(&Method::POST)
    }

    /// Asserts that each key is on the account once and recorded, nothing is pending, and the state is not locked.
    pub(crate) fn is_complete(&self, keys: usize) {
        let state = self.state();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let recorded: BTreeMap<_, _> =
            state["keys"].as_array().unwrap().iter().map(|key| (text(&key["id"]), text(&key["publicKey"]))).collect();
        let rows = self.account.api().rows();
        let row_count = rows.len();
        // The key with its comment is on the account, the key alone in the state.
        let stored: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| (row.id.clone(), row.public_key.split(' ').take(2).collect::<Vec<_>>().join(" ")))
            .collect();
        let recorded: BTreeMap<_, _> =
            recorded.into_iter().map(|(id, key)| (id, key.split(' ').take(2).collect::<Vec<_>>().join(" "))).collect();
        assert_eq!((recorded, row_count), (stored, keys));
        assert!(state.get("pending").is_none(), "{state:#}");
        assert!(!self.is_locked());
    }
}

pub(crate) fn assert_shows_no_password(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        for secret in [MAINTAINER, DEVELOPER, JOB_TOKEN] {
            assert!(!text.contains(secret), "{ran}");
        }
    }
}
