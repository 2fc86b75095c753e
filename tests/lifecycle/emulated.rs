//! Histories on the emulated account, over real HTTP.

use keyform::account::{Client, ClientOptions, Endpoint, Row, Token, TokioClock};
use keyform::apply::Outcome;
use keyform::emulator::{AutoPrimary, Behaviour, DeletePrimary, DuplicateKey, Emulator, EmulatorConfig, NewRow};
use keyform::names::{KeyId, UserId};
use keyform::plan::Plan;
use keyform::public_key::KeyContent;
use tokio::runtime::Runtime;

use crate::support::account::{MemorySession, Mode, Watch};
use crate::{Account, carry_out};

/// An emulated account, and a connection to it.
pub(crate) struct EmulatedAccount {
    mode: Mode,
    emulator: Emulator,
    client: Client,
    runtime: Runtime,
}

impl EmulatedAccount {
    pub(crate) fn start(mode: Mode) -> Self {
        let behaviour = Behaviour {
            duplicate_key: mode.duplicate_key,
            auto_primary: if mode.uploads_take_primary { AutoPrimary::Always } else { AutoPrimary::Never },
            delete_primary: if mode.keeps_primary { DeletePrimary::Refuse } else { DeletePrimary::Allow },
            system_keys: 1,
            ..Behaviour::default()
        };
        let emulator = Emulator::start(EmulatorConfig { behaviour, ..EmulatorConfig::default() }).unwrap();
        let endpoint = Endpoint::parse(&emulator.url()).unwrap();
        let token = Token::parse(emulator.token()).unwrap();
        Self {
            mode,
            client: Client::new(endpoint, token, ClientOptions::default()).unwrap(),
            emulator,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }
}

impl Account for EmulatedAccount {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.emulator.api().rows().into_iter();
        rows.map(|row| Row {
            id: KeyId::new(row.id).unwrap(),
            user_id: UserId::new(keyform::emulator::SANDBOX_USER).unwrap(),
            content: KeyContent::of_text(&row.public_key),
            public_key: Some(row.public_key),
            name: row.name,
            is_primary: row.is_primary,
            is_user_key: row.is_user_key,
            created_at: Some(row.created_at),
        })
        .collect()
    }

    fn insert(&self, name: &str, public_key: &str) {
        let (name, public_key) = (name.to_owned(), public_key.to_owned());
        // An account that refuses a second copy refuses it from everyone.
        let twice = self.mode.duplicate_key != DuplicateKey::SecondRow;
        if twice && self.rows().iter().any(|row| row.public_key.as_ref() == Some(&public_key)) {
            return;
        }
        self.emulator.api().insert(NewRow { name, public_key, is_primary: false, is_user_key: true }).unwrap();
    }

    fn remove(&self, id: &KeyId) {
        assert!(self.emulator.api().remove(id.as_str()).unwrap());
    }

    fn promote(&self, id: &KeyId) {
        assert!(self.emulator.api().promote(id.as_str()).unwrap());
    }

    fn execute(&self, plan: &Plan, session: &mut MemorySession, seed: u64, watch: Watch) -> Outcome {
        let outcome = self.runtime.block_on(carry_out(plan, session, &self.client, TokioClock::default(), seed));
        watch(&self.rows());
        outcome
    }
}
