//! How many requests a run costs.

use keyform::emulator::{Emulator, Method, NewRow};

use crate::support::keys;
use crate::support::program::{Folder, account};

/// An account with keys that no manifest lists.
fn account_with_foreign_keys(count: u64) -> Emulator {
    let account = account();
    for number in 0..count {
        let row = NewRow {
            name: format!("foreign-{number}"),
            public_key: keys::line(1_000 + number),
            is_primary: false,
            is_user_key: true,
        };
        account.api().insert(row).unwrap();
    }
    account
}

/// The numbers of listing requests and uploads so far.
fn counts(account: &Emulator) -> (u64, u64) {
    let stats = account.api().stats();
    (stats.count(&Method::GET), stats.count(&Method::POST))
}

#[test]
fn a_plan_without_changes_costs_the_pages_of_one_listing() {
    for (foreign, pages) in [(1, 1), (98, 1), (99, 2), (250, 3)] {
        let (account, folder) = (account_with_foreign_keys(foreign), Folder::of("alice=1"));
        folder.keyform("apply -y").on(&account).run().expect(0);
        let (listed, uploaded) = counts(&account);
        folder.keyform("plan").on(&account).run().expect(0);
        assert_eq!(counts(&account), (listed + pages, uploaded), "{foreign} foreign keys");
    }
}

#[test]
fn uploads_cost_one_request_each_and_two_listings() {
    let (account, folder) = (account_with_foreign_keys(5), Folder::of("a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!(counts(&account), (2, 8));
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!(counts(&account), (3, 8));
}
