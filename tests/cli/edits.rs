//! `add`, `rm`, `revoke` and `import --append`: what they print, and the files that they leave.

use insta::assert_snapshot;

use keyform::emulator::NewRow;

use crate::support::keys;
use crate::support::private_keys;
use crate::support::program::{Folder, Ran, account, manifest};
use crate::support::server::Server;

const MANIFEST: &str = "# head
version: 1

keys:
  # the first
  - name: alice   # laptop
    publicKey: KEY1
    owner: \"ann@example.com\"
    primary: true

  - name: bob
    publicKeyFile: bob.pub
    owner: bob@example.com
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("keyform.yaml", MANIFEST.replace("KEY1", &keys::line(1)));
    folder.write("bob.pub", keys::line(2));
    folder.write("dana.pub", format!("{}\r\n", keys::line(3)));
    folder
}

fn shown(ran: &Ran, folder: &Folder) -> String {
    format!("{ran}\n{}", folder.read("keyform.yaml"))
}

#[test]
fn a_key_is_added_from_text_a_file_and_stdin() {
    let folder = folder();
    let ran = folder.keyform("add dana dana.pub --owner dana@example.com --expires 90d").run().expect(0);
    assert_snapshot!("add", shown(&ran, &folder));
    folder.keyform("add erin").argument(keys::line(4)).run().expect(0);
    folder.keyform("add finn - --account-name").argument("Finn's key").stdin(&keys::line(5)).run().expect(0);
    folder.write(".ssh/gina.pub", keys::line(6));
    folder.keyform("add gina ~/.ssh/gina.pub").run().expect(0);
    folder.keyform("add").argument("hal").argument(folder.path(".ssh/gina.pub")).run().expect(1);
    let plan = folder.keyform("plan --offline").run().expect(0).stdout;
    for (name, number) in [("dana", 3), ("erin", 4), ("finn", 5), ("gina", 6)] {
        assert!(plan.contains(name) && plan.contains(&keys::key(number).blob().fingerprint().to_string()), "{plan}");
    }
}

#[test]
fn a_diff_is_printed_and_nothing_is_written() {
    let folder = folder();
    let before = folder.files();
    assert_snapshot!("add_diff", folder.keyform("add dana dana.pub --primary --diff").run().expect(0));
    let diff = folder.keyform("rm alice bob --diff").run().expect(0).stdout;
    assert!(diff.contains("\n-  - name: bob\n") && diff.contains("\n+keys: []\n"), "{diff}");
    assert_eq!(folder.files(), before);
}

#[test]
fn an_update_changes_only_the_given_fields() {
    let folder = folder();
    let ran = folder.keyform("add bob dana.pub --update --rename bob-2 --expires 2027-06-30 --primary").run().expect(0);
    assert_snapshot!("update", shown(&ran, &folder));
    let ran = folder.keyform("add bob-2 --update --expires never --owner").argument("").run().expect(0);
    assert_snapshot!("update_removes_fields", shown(&ran, &folder));
    let same = folder.keyform("add bob-2 --update --primary").run().expect(0);
    assert_eq!((same.stdout.as_str(), same.stderr.as_str()), ("", "bob-2 already says this; nothing was changed\n"));
}

#[test]
fn keys_are_removed_by_name_or_owner_with_their_comments() {
    let folder = folder();
    let ran = folder.keyform("rm --owner ann@example.com").run().expect(0);
    assert_snapshot!("rm_owner", shown(&ran, &folder));
    let ran = folder.keyform("rm bob").run().expect(0);
    assert_snapshot!("rm_last", shown(&ran, &folder));
}

#[test]
fn a_key_is_revoked_by_name_fingerprint_or_recorded_name() {
    let (account, folder) = (account(), folder());
    folder.keyform("apply -y").on(&account).run().expect(0);
    let ran = folder.keyform("revoke bob --reason").argument("stolen: #1").run().expect(0);
    assert_snapshot!("revoke", shown(&ran, &folder));
    let unmanaged = keys::key(9).blob().fingerprint().to_string();
    folder.keyform(&format!("revoke {unmanaged}")).run().expect(0);
    // Only in the state now.
    folder.keyform("rm alice").run().expect(0);
    folder.keyform("revoke alice").run().expect(0);
    let again = folder.keyform("revoke alice").run().expect(0);
    assert!(again.stderr.contains("alice is already revoked"), "{again}");
    let text = folder.read("keyform.yaml");
    for number in [1, 2, 9] {
        assert!(text.contains(&format!("  - fingerprint: {}\n", keys::key(number).blob().fingerprint())), "{text}");
    }
    let plan = folder.keyform("plan --allow-primary-loss --allow-deletes 3").on(&account).run().expect(0);
    assert!(plan.stdout.contains("2 to delete"), "{plan}");
}

#[test]
fn a_refused_edit_changes_nothing_and_says_why() {
    let folder = folder();
    folder.write("private", private_keys::KEYS[1].1);
    folder.write("dsa.pub", "ssh-dss AAAAB3NzaC1kc3M=");
    let before = folder.files();
    let mut shown = String::new();
    for arguments in [
        "add alice dana.pub",
        "add carol bob.pub",
        "add carol",
        "add carol missing.pub",
        "add carol private",
        "add carol dsa.pub",
        "add carol~ dana.pub",
        "add carol dana.pub --expires 2027-02-30",
        "add carol dana.pub --expires 90d --protect",
        "add carol dana.pub --to other.yaml",
        "add carol dana.pub --update",
        "add --from bitbucket:carol",
        "rm alcie",
        "rm alice alcie",
        "rm --owner ann@example.org",
        "rm",
        "revoke nobody",
        "revoke SHA256:abc",
    ] {
        shown += &format!("{}\n", folder.keyform(arguments).run().expect(1));
    }
    assert_snapshot!("refused_edits", shown);
    assert_eq!(folder.files(), before);
}

#[test]
fn a_private_key_in_an_argument_is_refused_and_not_shown() {
    let folder = folder();
    let before = folder.files();
    for (name, key) in private_keys::KEYS {
        for arguments in ["add carol", "add carol dana.pub --owner", "revoke bob --reason", "add carol --no-such-flag"]
        {
            let ran = folder.keyform(arguments).argument(key).run().expect(1);
            for line in private_keys::body(key) {
                assert!(!ran.stderr.contains(line) && !ran.stdout.contains(line), "{name}: {ran}");
            }
        }
    }
    assert_eq!(folder.files(), before);
}

#[test]
fn a_policy_that_the_edit_would_violate_refuses_it() {
    let folder = folder();
    let text = folder.read("keyform.yaml").replace("keys:", "policy:\n  requireOwner: true\n\nkeys:");
    folder.write("keyform.yaml", &text);
    assert_snapshot!("edit_against_policy", folder.keyform("add dana dana.pub").run().expect(3));
    assert_eq!(folder.read("keyform.yaml"), text);
    folder.keyform("add dana dana.pub --owner dana").run().expect(0);
}

#[test]
fn with_several_files_the_one_with_the_entry_is_edited_or_the_one_that_is_named() {
    let folder = Folder::new();
    folder.write("keys/a.yaml", manifest("alice=1"));
    folder.write("keys/b.yaml", manifest("bob=2"));
    folder.write("carol.pub", keys::line(3));
    let (a, b) = (folder.read("keys/a.yaml"), folder.read("keys/b.yaml"));
    assert_snapshot!("add_without_file", folder.keyform("add carol carol.pub -f keys").run().expect(1));
    folder.keyform("add carol carol.pub -f keys --to keys/b.yaml").run().expect(0);
    assert_eq!(folder.read("keys/a.yaml"), a);
    folder.keyform("rm carol -f keys").run().expect(0);
    assert_eq!(folder.read("keys/b.yaml"), b);
    folder.keyform("revoke alice -f keys").run().expect(0);
    assert!(folder.read("keys/a.yaml").contains("revoked:"));
    assert_eq!(folder.read("keys/b.yaml"), b);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_written_through() {
    let folder = Folder::of("alice=1");
    std::fs::rename(folder.path("keyform.yaml"), folder.path("real.yaml")).unwrap();
    std::os::unix::fs::symlink("real.yaml", folder.path("keyform.yaml")).unwrap();
    let before = folder.files();
    assert_snapshot!("edit_of_link", folder.keyform("rm alice").run().expect(1));
    assert_eq!(folder.files(), before);
    assert!(folder.path("keyform.yaml").is_symlink());
}

#[test]
fn files_without_keys_are_completed() {
    for (before, head) in [
        ("", "version: 1\nkeys:\n  - name: a\n"),
        ("# only a comment", "# only a comment\nversion: 1\nkeys:\n  - name: a\n"),
        ("version: 1\npolicy:\n  level: warn\n", "version: 1\npolicy:\n  level: warn\nkeys:\n  - name: a\n"),
        ("version: 1\nkeys: [] # none\n# end\n", "version: 1\nkeys: # none\n  - name: a\n"),
        ("{version: 1, keys: []}\n", "{version: 1, keys: [{name: a, "),
    ] {
        let folder = Folder::new();
        folder.write("keyform.yaml", before);
        folder.keyform("add a").argument(keys::line(1)).run().expect(0);
        let text = folder.read("keyform.yaml");
        assert!(text.starts_with(head), "{text}");
        folder.keyform("validate").run().expect(0);
    }
}

fn answer(status: &str, kind: &str, body: &str) -> Server {
    let length = body.len();
    Server::answering(&format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    ))
}

#[test]
fn published_keys_are_added_with_their_owner() {
    let folder = folder();
    let bare = |number| keys::line(number).rsplit_once(' ').unwrap().0.to_owned();
    let body = format!("{}\n{}\nssh-dss AAAAB3NzaC1kc3M=\n{}\n{}\n", bare(7), bare(1), bare(8), bare(7));
    let server = answer("200 OK", "text/plain; charset=utf-8", &body);
    let from = format!("add gina --owner github:gina --from {}/gina.keys", server.http());
    let before = folder.files();
    assert_snapshot!("add_from_without_terminal", folder.keyform(&from).run().expect(1));
    assert_eq!(folder.files(), before);
    let ran = folder.keyform(&format!("{from} --all")).run().expect(0);
    assert_snapshot!("add_from", shown(&ran, &folder));
    let again = folder.keyform(&format!("{from} --all")).run().expect(0);
    assert!(again.stderr.ends_with("No key to add; nothing was changed.\n"), "{again}");
}

#[test]
fn an_answer_without_keys_changes_nothing() {
    let folder = folder();
    let before = folder.files();
    let mut shown = String::new();
    for server in [
        answer("200 OK", "text/plain", ""),
        answer("404 Not Found", "text/plain", "Not Found"),
        answer("500 Internal Server Error", "text/plain", &keys::line(7)),
        answer("302 Found", "text/plain", &keys::line(7)),
        answer("200 OK", "text/html; charset=utf-8", &keys::line(7)),
        answer("200 OK", "text/plain", &format!("<!DOCTYPE html>\n{}", keys::line(7))),
        answer("200 OK", "text/plain", "hello\n"),
        answer("200 OK", "text/plain", private_keys::KEYS[1].1),
        answer("204 No Content", "text/plain", ""),
        Server::endless(),
        Server::answering("not HTTP\r\n\r\n"),
    ] {
        let from = format!("add --all --from {}/gina.keys", server.http());
        shown += &format!("{}\n", folder.keyform(&from).run().expect(1));
    }
    assert_snapshot!("fetch_failures", shown);
    assert_eq!(folder.files(), before);
}

#[test]
fn a_key_file_that_no_entry_uses_any_more_is_named() {
    let folder = folder();
    assert_snapshot!("unused_key_file", folder.keyform("rm bob").run().expect(0));
    folder.write("keyform.yaml", MANIFEST.replace("KEY1", &keys::line(1)));
    let updated = folder.keyform("add bob --update").argument(keys::line(9)).run().expect(0);
    assert!(updated.stderr.contains("No entry uses bob.pub now; delete it"), "{updated}");
    let renamed = folder.keyform("add alice --update --rename alys").run().expect(0);
    assert!(!renamed.stderr.contains("No entry uses"), "{renamed}");
}

#[test]
fn compromised_keys_are_left_out_of_an_import_and_of_fetched_keys() {
    const PUBLISHED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y";
    let (account, folder) = (account(), folder());
    for (name, public_key) in [("box", PUBLISHED), ("erin", &keys::line(6))] {
        let (name, public_key) = (name.to_owned(), public_key.to_owned());
        account.api().insert(NewRow { name, public_key, is_primary: false, is_user_key: true }).unwrap();
    }
    let mut shown = folder.keyform("import").on(&account).run().expect(0).to_string();
    shown += &format!("\n{}\n", folder.keyform("import --append keyform.yaml").on(&account).run().expect(0));
    let server = answer("200 OK", "text/plain", &format!("{PUBLISHED}\n{}", keys::line(7)));
    let from = format!("add --all --from {}/gina.keys", server.http());
    shown += &format!("{}\n", folder.keyform(&from).run().expect(0));
    folder.keyform("validate").run().expect(0);
    assert_snapshot!("compromised_left_out", shown);
}

#[test]
fn imported_keys_are_added_to_a_manifest() {
    let (account, folder) = (account(), folder());
    folder.keyform("apply -y").on(&account).run().expect(0);
    for (name, number) in [("Åsa's key", 5), ("erin", 6), ("erin", 7)] {
        let public_key = keys::line(number);
        let row = NewRow { name: name.to_owned(), public_key, is_primary: false, is_user_key: true };
        account.api().insert(row).unwrap();
    }
    let ran = folder.keyform("import --append keyform.yaml").on(&account).run().expect(0);
    assert_snapshot!("import_append", shown(&ran, &folder));
    let plan = folder.keyform("plan").on(&account).run().expect(0);
    assert!(plan.stdout.contains("3 to adopt"), "{plan}");
    let again = folder.keyform("import --append keyform.yaml").on(&account).run().expect(0);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", "0 keys imported\n"));
}
