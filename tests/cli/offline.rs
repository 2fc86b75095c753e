//! Offline uploads without a response.

use insta::assert_snapshot;
use keyform::emulator::{FaultKind, Method, ScriptEntry};

use crate::support::keys;
use crate::support::program::{Folder, STATE, account};

#[test]
fn an_upload_that_may_have_worked_is_pending_until_a_listing_settles_it() {
    // The first fault stores the key, the second does not.
    for fault in [FaultKind::CloseAfter, FaultKind::CloseBefore] {
        let (account, folder) = (account(), Folder::of("alice=1 bob=2 carol=3"));
        account.api().script(ScriptEntry::pass(1, Method::POST));
        account.api().script(ScriptEntry::fault(1, Method::POST, fault));
        let first = folder.keyform("apply -y --offline").on(&account).run().expect(1);
        assert_eq!(folder.json(STATE)["pending"][0]["name"], "bob");
        let plan = folder.keyform("plan --offline").env("PRIME_API_BASE_URL", &account.url()).run().expect(0);
        let list = folder.keyform("state list").run().expect(0);
        let again = folder.keyform("apply -y --offline").on(&account).run().expect(0);
        if fault == FaultKind::CloseAfter {
            assert_snapshot!("pending_apply", first);
            assert_snapshot!("pending_plan", plan);
            assert_snapshot!("pending_list", list);
            assert_snapshot!("pending_apply_again", again);
        }
        let stats = account.api().stats();
        assert_eq!((stats.count(&Method::POST), stats.count(&Method::GET)), (3, 0), "it is not sent again");

        folder.keyform("apply -y").on(&account).run().expect(0);
        assert!(folder.json(STATE).get("pending").is_none());
        let (rows, duplicates) = (account.api().rows().len(), account.api().duplicates());
        assert_eq!((rows, duplicates, folder.recorded().len()), (3, Vec::new(), 3));
        let sent = if fault == FaultKind::CloseAfter { 3 } else { 4 };
        assert_eq!(account.api().stats().count(&Method::POST), sent);
        folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
    }
}

#[test]
fn an_upload_that_a_later_listing_finds_is_recorded_with_all_that_the_manifest_said() {
    let account = account();
    let folder = Folder::new();
    let fields = "owner: carol@example.com, expires: 2027-06-30";
    let key = keys::line;
    folder.write(
        "keyform.yaml",
        format!(
            "version: 1\nkeys:\n  - {{name: alice, publicKey: {}, accountName: alice, protect: true}}\n  \
             - {{name: bob, publicKey: {}, accountName: Bob's laptop}}\n  - {{name: carol, publicKey: {}, {fields}}}\n",
            key(1),
            key(2),
            key(3)
        ),
    );
    account.api().script(ScriptEntry::fault(3, Method::POST, FaultKind::CloseAfter));
    folder.keyform("apply -y --offline").on(&account).run().expect(1);
    assert_eq!(folder.json(STATE)["pending"].as_array().unwrap().len(), 3);
    let found = folder.keyform("plan --detailed-exitcode --format json").on(&account).run().expect(0);
    assert_eq!(found.json()["counts"]["unchanged"], 3, "{found}");
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert!(folder.json(STATE).get("pending").is_none());
}
