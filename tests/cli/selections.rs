//! Flags that select a part of a plan, and guards with the flags that allow what they refuse.

use keyform::emulator::{Emulator, NewRow};

use crate::support::keys;
use crate::support::program::{Folder, account, manifest};

const BEFORE: &str = "alice=1 bob=2 carol=3~ dave=4!";

/// A new key of alice, a new key, two leavers, one of them protected, and a key that has expired.
const AFTER: &str = "alice=7 carol=3~ erin=5";

/// An account with the keys of `BEFORE`, and the manifest `AFTER`.
fn changed() -> (Emulator, Folder) {
    let (account, folder) = (account(), Folder::of(BEFORE));
    folder.keyform("apply -y").env("KEYFORM_TODAY", "2026-11-20").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest(AFTER));
    (account, folder)
}

/// The names and the numbers of the keys on an account: `alice=1 bob=2`.
fn rows(account: &Emulator) -> String {
    let number = |text: &str| (1..100).find(|&number| text.starts_with(keys::key(number).blob().as_str())).unwrap();
    let mut rows: Vec<_> =
        account.api().rows().iter().map(|row| format!("{}={}", row.name, number(&row.public_key))).collect();
    rows.sort();
    rows.join(" ")
}

#[test]
fn each_selection_applies_its_part_and_leaves_the_rest_for_the_next_plan() {
    let unchanged = "alice=1 bob=2 carol=3 dave=4";
    for (flags, code, expected) in [
        ("", 3, unchanged),
        ("--exclude dave", 0, "alice=7 dave=4 erin=5"),
        ("--exclude dave --exclude bob", 0, "alice=7 bob=2 dave=4 erin=5"),
        ("--exclude dave --exclude alice", 0, "alice=1 dave=4 erin=5"),
        ("--no-deletes", 0, "alice=1 bob=2 carol=3 dave=4 erin=5"),
        ("--no-deletes --exclude erin", 0, unchanged),
        ("--only-expired", 0, "alice=1 bob=2 dave=4"),
        ("--only-expired --exclude carol", 0, unchanged),
        ("--target erin", 0, "alice=1 bob=2 carol=3 dave=4 erin=5"),
        ("--target erin --target bob --exclude bob", 0, "alice=1 bob=2 carol=3 dave=4 erin=5"),
        // Guards stay on.
        ("--target dave", 3, unchanged),
        ("--target dave --allow-protected dave", 0, "alice=1 bob=2 carol=3"),
        ("--allow-protected dave", 3, unchanged),
        ("--allow-protected dave --allow-deletes 3", 0, "alice=7 erin=5"),
        // A name that no key has.
        ("--exclude erin2", 1, unchanged),
        ("--target nobody", 1, unchanged),
    ] {
        let (account, folder) = changed();
        let planned = folder.keyform(&format!("plan {flags}")).on(&account).run().expect(code);
        let ran = folder.keyform(&format!("apply -y {flags}")).on(&account).run().expect(code);
        assert_eq!(rows(&account), expected, "{ran}");
        if code == 1 {
            assert!(planned.stderr.contains("no such key in the manifest or the state"), "{planned}");
        }
        let whole = "--allow-protected dave --allow-deletes 3 --detailed-exitcode";
        let rest = if rows(&account) == "alice=7 erin=5" { 0 } else { 2 };
        let whole =
            if folder.recorded().contains_key("dave") { whole } else { "--allow-deletes 3 --detailed-exitcode" };
        folder.keyform(&format!("plan {whole}")).on(&account).run().expect(rest);
    }
}

#[test]
fn what_is_left_out_is_listed_in_every_format() {
    let (account, folder) = changed();
    for (format, limits, skipped) in [
        ("text", "limited by --exclude dave and --no-deletes", "- delete bob SHA256:"),
        ("diff", "# Partial: limited by --exclude dave and --no-deletes", "#   - delete bob SHA256:"),
        ("json", "\"noDeletes\": true", "\"action\": \"delete\",\n        \"name\": \"bob\""),
        ("markdown", "**Partial**: limited by --exclude `dave` and --no-deletes", "- delete `bob` `SHA256:"),
    ] {
        let whole = folder.keyform(&format!("plan --format {format}")).on(&account).run().expect(3).stdout;
        let command = format!("plan --no-deletes --exclude dave --format {format}");
        let part = folder.keyform(&command).on(&account).run().expect(0).stdout;
        for word in [limits, skipped] {
            assert!(part.contains(word) && !whole.contains(word), "{format}: {word}\n{part}");
        }
    }
}

/// A world that a guard refuses: the keys that are applied first, what then happens to the manifest, the state and the
/// account, and the flag that allows it.
type Guarded = (&'static str, fn(&Emulator, &Folder), &'static str);

#[test]
fn each_guard_refuses_before_any_write_and_its_flag_allows_that_alone() {
    let guarded: [Guarded; 7] = [
        ("a=1! b=2 c=3", |_, folder| folder.write("keyform.yaml", manifest("a=9 b=2 c=3")), "--allow-protected a"),
        ("a=1 b=2 c=3 d=4", |_, folder| folder.write("keyform.yaml", manifest("a=1")), "--allow-deletes 3"),
        (
            "a=1",
            |account, folder| {
                folder.write("keyform.yaml", manifest("a=1").replace("keys:", "revoked: [{publicKey: KEY}]\nkeys:"));
                let text = folder.read("keyform.yaml").replace("KEY", &keys::line(50));
                folder.write("keyform.yaml", text);
                (0..11).for_each(|_| insert(account, "stolen", 50));
            },
            "--allow-deletes 11",
        ),
        ("a=1* b=2", |_, folder| folder.write("keyform.yaml", manifest("b=2")), "--allow-primary-loss"),
        (
            "a=1 b=2",
            |account, _| account.api().rows().iter().for_each(|row| assert!(account.api().remove(&row.id).unwrap())),
            "--allow-empty-account",
        ),
        ("a=1 b=2", |_, folder| std::fs::remove_file(folder.path("keyform.state.json")).unwrap(), "--allow-new-state"),
        (
            "a=1",
            |account, folder| {
                let policy = "policy: {unmanaged: refuse}\nkeys:";
                folder.write("keyform.yaml", manifest("a=1 b=2").replace("keys:", policy));
                insert(account, "by hand", 60);
            },
            "--allow-unmanaged",
        ),
    ];
    let all: Vec<_> = guarded.iter().map(|(_, _, flag)| *flag).collect();
    for (before, change, flag) in guarded {
        let (account, folder) = (account(), Folder::of(before));
        folder.keyform("apply -y").on(&account).run().expect(0);
        change(&account, &folder);
        let (rows, files) = (account.api().rows(), folder.files());
        let planned = folder.keyform("plan").on(&account).run().expect(3);
        assert!(planned.stderr.contains(&format!("pass {flag}")), "{planned}");
        let others = all.iter().filter(|other| **other != flag && !other.starts_with("--allow-deletes"));
        let others: Vec<_> = others.filter(|other| !other.contains("protected")).copied().collect();
        folder.keyform(&format!("apply -y {}", others.join(" "))).on(&account).run().expect(3);
        assert_eq!((account.api().rows(), folder.files()), (rows, files), "{flag}: nothing was written");
        folder.keyform(&format!("plan {flag}")).on(&account).run().expect(0);
        folder.keyform(&format!("apply -y {flag}")).on(&account).run().expect(0);
    }
}

fn insert(account: &Emulator, name: &str, number: u64) {
    let public_key = keys::line(number);
    let row = NewRow { name: name.to_owned(), public_key, is_primary: false, is_user_key: true };
    account.api().insert(row).unwrap();
}
