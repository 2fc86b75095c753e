//! What a manifest must say after an edit.

use super::operation::Edit;
use crate::manifest::desired::{Desired, DesiredKey};

/// Returns whether the manifest `after` an edit differs from the one `before` by exactly the edit, each entry in its file.
/// Violations follow from the rest.
pub(super) fn agrees(after: &Desired, before: &Desired, edits: &[Edit]) -> bool {
    normalized(after.clone()) == normalized(expected(before, edits))
}

fn expected(before: &Desired, edits: &[Edit]) -> Desired {
    let mut expected = before.clone();
    for edit in edits {
        match edit {
            Edit::Add { file, keys } => expected.keys.extend(keys.iter().cloned().map(|mut key| {
                key.place.file.clone_from(file);
                key
            })),
            Edit::Update { name, key } => {
                for old in expected.keys.iter_mut().filter(|old| old.name == *name) {
                    let DesiredKey { exempt, place, .. } = old.clone();
                    *old = DesiredKey { exempt, place, ..(**key).clone() };
                }
            }
            Edit::Remove(names) => expected.keys.retain(|key| !names.contains(&key.name)),
            Edit::Revoke { file, keys } => expected.revoked.extend(keys.iter().cloned().map(|mut key| {
                key.place.file.clone_from(file);
                key
            })),
        }
    }
    expected
}

fn normalized(mut desired: Desired) -> Desired {
    desired.keys.sort_by(|a, b| a.name.cmp(&b.name));
    desired.revoked.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    desired.keys.iter_mut().for_each(|key| key.place.range = 0..0);
    desired.revoked.iter_mut().for_each(|key| key.place.range = 0..0);
    desired.violations.clear();
    desired
}
