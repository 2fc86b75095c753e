//! Two runs at the same time.

use std::fs::File;
use std::io::Write as _;

use insta::assert_snapshot;

use crate::support::program::{Folder, STATE, account};

/// Holds the lock of the state in a folder, as another run would.
pub(crate) fn hold(folder: &Folder) -> File {
    let mut file = File::create(folder.path(&format!("{STATE}.lock"))).unwrap();
    file.lock().unwrap();
    file.write_all(b"process 4711 on runner-7 since 2026-11-23 11:58:03 UTC").unwrap();
    file
}

#[test]
fn a_second_apply_fails_and_says_who_holds_the_lock() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    let lock = hold(&folder);
    assert_snapshot!("locked", folder.keyform("apply -y").on(&account).run());
    assert_snapshot!("lock_timeout", folder.keyform("apply -y --lock-timeout 1").on(&account).run());
    assert_eq!(account.api().stats().received, 0);
    assert!(!folder.path(STATE).exists());
    folder.keyform("plan").on(&account).run().expect(0);
    drop(lock);
    folder.keyform("apply -y").on(&account).run().expect(0);
}

#[test]
fn a_second_apply_waits_for_the_lock() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    let lock = hold(&folder);
    let running = folder.keyform("apply -y --lock-timeout 50").on(&account).start();
    running.until_stderr("Waiting for the lock");
    drop(lock);
    assert_snapshot!("lock_waited_for", running.end());
    assert_eq!(folder.recorded().len(), 1);
}
