//! Changes of a manifest.

use std::collections::HashSet;

use fastrand::Rng;
use keyform::manifest::DesiredKey;
use keyform::names::{AccountName, KeyName};

use crate::account::{KEYS, NAMES};
use crate::support::keys;
use crate::support::world::{self, today};

/// Changes a manifest: adds, removes, rotates, renames, swaps, renames on the account, expires, moves the primary.
pub(crate) fn edit(manifest: &mut Vec<DesiredKey>, rng: &mut Rng) {
    let changes = if manifest.is_empty() { 4 } else { 3 };
    for _ in 0..rng.u8(1..changes) {
        edit_once(manifest, rng);
    }
    // A manifest has each name and each key once.
    let (mut names, mut blobs) = (HashSet::new(), HashSet::new());
    manifest.retain(|key| names.insert(key.name.clone()) && blobs.insert(key.key.blob().clone()));
    manifest.sort_by(|a, b| a.name.cmp(&b.name));
}

fn edit_once(manifest: &mut Vec<DesiredKey>, rng: &mut Rng) {
    let name = KeyName::new(NAMES[rng.usize(..NAMES.len())]).unwrap();
    let key = keys::key(rng.u64(..KEYS));
    let len = manifest.len();
    let (at, other, flip) = (rng.usize(..len.max(1)), rng.usize(..len.max(1)), rng.bool());
    match rng.u8(..11) {
        0 | 1 if len > 0 => drop(manifest.remove(at)),
        2 if len > 0 => manifest[at].key = key,
        3 if len > 0 => manifest[at].name = name,
        4 if len > 0 => manifest[at].account_name = flip.then(|| AccountName::new(name.as_str()).unwrap()),
        5 if len > 1 => {
            let (one, two) = (manifest[at].name.clone(), manifest[other].name.clone());
            manifest[at].name = two;
            manifest[other].name = one;
        }
        6 if len > 0 => manifest[at].expires = flip.then(|| today().yesterday().unwrap()),
        7 | 8 if len > 0 => {
            for key in manifest.iter_mut() {
                key.primary = false;
            }
            manifest[at].primary = flip;
        }
        _ => {
            let mut new = world::desired("new=A").keys.remove(0);
            (new.name, new.key) = (name, key);
            manifest.push(new);
        }
    }
}
