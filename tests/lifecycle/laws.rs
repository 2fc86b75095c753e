//! What must hold after each request, and after each apply.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use keyform::account::{Listing, Row};
use keyform::manifest::Desired;
use keyform::names::{KeyId, KeyName};
use keyform::plan::{Action, Change, Note, Plan};
use keyform::public_key::{KeyBlob, PublicKey};
use keyform::state::{Origin, Record};

use super::{Account, History};
use crate::support::account::Watch;
use crate::support::world::today;

impl<A: Account> History<'_, A> {
    /// What must hold after every single request.
    pub(super) fn laws(&self, desired: &Desired, before: &Listing, plan: &Plan, message: String) -> Watch {
        let recorded: HashMap<KeyId, KeyName> = self
            .session
            .state
            .iter()
            .flat_map(|state| state.records.values().chain(state.replaced.values()))
            .map(|record| (record.id.clone(), record.name.clone()))
            .collect();
        // Rows that somebody else added are deleted only if the plan names them.
        let is_named = |row: &Row| {
            let deletes = |action: &Action| matches!(&action.change, Change::Delete(old) if old.id == row.id);
            plan.actions.iter().any(deletes)
        };
        let foreign = before.rows().iter().filter(|row| !recorded.contains_key(&row.id) && !is_named(row));
        let foreign: HashSet<KeyId> = foreign.map(|row| row.id.clone()).collect();
        // A desired key that was there stays; an owner of a replaced key has the old or the new one.
        let wanted: Vec<_> = desired.keys.iter().filter(|key| !key.is_expired(today())).cloned().collect();
        let old_rows: HashMap<KeyName, HashSet<KeyId>> = plan
            .actions
            .iter()
            .filter_map(|action| match &action.change {
                Change::Replace { old, .. } => {
                    Some((action.name.clone(), old.iter().map(|old| old.id.clone()).collect()))
                }
                _ => None,
            })
            .collect();
        // Rows are added only for the uploads of the plan, with the names that it shows.
        let known: HashSet<KeyId> = self.account.rows().into_iter().map(|row| row.id).collect();
        let uploads: HashSet<(KeyBlob, String)> = plan
            .actions
            .iter()
            .filter_map(|action| Some((action, action.change.new_key()?)))
            .filter(|(action, _)| action.change.row().is_none())
            .map(|(action, new)| (new.key.blob().clone(), new.name_to_send(&action.name).to_owned()))
            .collect();
        let was_there: HashSet<_> = before.rows().iter().filter_map(|row| row.blob().cloned()).collect();
        let steps = Cell::new(0);
        Box::new(move |rows: &[Row]| {
            steps.set(steps.get() + 1);
            let at = format!("{message}\nafter request {}", steps.get());
            assert!(rows.iter().any(|row| !row.is_user_key), "{at}: the system key is gone");
            for row in rows.iter().filter(|row| !known.contains(&row.id)) {
                let blob = row.blob().unwrap().clone();
                assert!(uploads.contains(&(blob, row.name.clone())), "{at}: {} was not planned", row.id);
            }
            for id in &foreign {
                assert!(rows.iter().any(|row| row.id == *id), "{at}: {id} was not ours and is gone");
            }
            for key in &wanted {
                let blob = key.key.blob();
                let has = rows.iter().any(|row| row.blob() == Some(blob));
                assert!(has || !was_there.contains(blob), "{at}: the key of {} is gone", key.name);
                if let Some(old) = old_rows.get(&key.name) {
                    assert!(has || rows.iter().any(|row| old.contains(&row.id)), "{at}: {} has no key", key.name);
                }
            }
        })
    }

    /// A key that had to be removed is in no user row, except those that the plan named as left.
    pub(super) fn removed_keys_are_gone(&self, desired: &Desired, recorded: &[Record], plan: &Plan, message: &str) {
        let wanted = desired.keys.iter().filter(|key| !key.is_expired(today()));
        let wanted: HashSet<_> = wanted.map(|key| key.key.blob().clone()).collect();
        let expired = desired.keys.iter().map(|key| key.key.blob());
        let mut removed: HashSet<KeyBlob> =
            recorded.iter().map(|record| &record.public_key).chain(expired).cloned().collect();
        let revoked: HashSet<_> = desired.revoked.iter().map(|revoked| &revoked.fingerprint).collect();
        let is_revoked = |key: &&KeyBlob| revoked.contains(&key.fingerprint());
        removed.extend(self.keys.iter().map(PublicKey::blob).filter(is_revoked).cloned());
        removed.retain(|key| !wanted.contains(key));
        let left = plan.notes.iter().filter_map(|note| match note {
            Note::MixedLeft { id, .. } => Some(id),
            _ => None,
        });
        let left: HashSet<_> = left.collect();
        for row in self.account.listing().rows() {
            for key in row.content.all().iter().filter(|key| removed.contains(key)) {
                let is_left = row.blob().is_none() && left.contains(&row.id) && !is_revoked(&key);
                assert!(is_left, "{message}\na removed key is still in {} ({})", row.id, row.name);
            }
        }
    }

    /// Every recorded id is on the account with the recorded key, or was deleted without keyform before this apply.
    pub(super) fn recorded_is_there(&self, message: &str) {
        let rows = self.account.rows();
        for record in self.session.state.iter().flat_map(|state| state.records.values()) {
            let row = rows.iter().find(|row| row.id == record.id);
            let Some(row) = row else { continue };
            assert_eq!(row.blob(), Some(&record.public_key), "{message}: {} is recorded with another key", record.id);
            assert!(row.is_user_key, "{message}: a system key is recorded");
            assert!(matches!(record.origin, Origin::Uploaded | Origin::Adopted));
        }
    }
}
