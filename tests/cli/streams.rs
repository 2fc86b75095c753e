//! What goes to stdout and stderr, with and without color.

use crate::support::program::{Folder, account};

#[test]
fn color_is_for_terminals_unless_forced() {
    let folder = Folder::of("alice=1");
    let plan = |arguments: &str| folder.keyform(&format!("plan --offline {arguments}"));
    let bare = plan("").run().expect(0).stdout;
    assert!(!bare.contains('\u{1b}'), "{bare}");
    let colored = plan("--color always").run().expect(0).stdout;
    assert!(colored.contains('\u{1b}'), "{colored}");
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), bare, "color alone carries no information");
    assert_eq!(plan("--color always").env("NO_COLOR", "1").run().expect(0).stdout, colored, "the flag overrides");
    assert_eq!(plan("").env("KEYFORM_COLOR", "always").run().expect(0).stdout, colored);
    assert_eq!(plan("").env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").run().expect(0).stdout, bare);
    assert_eq!(plan("--color never").env("CLICOLOR_FORCE", "1").run().expect(0).stdout, bare);
}

#[test]
fn errors_follow_the_same_color_rules() {
    let folder = Folder::new();
    assert!(!folder.keyform("plan").run().expect(1).stderr.contains('\u{1b}'));
    assert!(folder.keyform("plan --color always").run().expect(1).stderr.contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = Folder::of("alice=1");
    for arguments in
        ["plan --offline", "apply -y --sandbox", "validate", "--help", "completions bash", "schema plan", "man"]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(folder.keyform(arguments).stdout(writer), (Some(0), String::new()), "{arguments}");
    }
}

#[test]
fn results_go_to_stdout_and_logs_to_stderr() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    let quiet = folder.keyform("plan").on(&account).run().expect(0);
    assert_eq!(quiet.stderr, "");
    let verbose = folder.keyform("plan -v").on(&account).run().expect(0);
    assert_eq!(verbose.stdout, quiet.stdout);
    assert!(verbose.stderr.contains("GET") && verbose.stderr.contains("/api/v1/ssh_keys/"), "{verbose}");
    let json = folder.keyform("plan -vv --log-format json").on(&account).run().expect(0);
    assert_eq!(json.stdout, quiet.stdout);
    for line in json.stderr.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["level"].is_string() && event["fields"].is_object(), "{event}");
    }
    assert!(json.stderr.lines().count() >= 1);
}
