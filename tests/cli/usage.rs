//! Invalid arguments and variables, and paths that cannot be used.

use std::fmt::Write as _;
#[cfg(unix)]
use std::process::Command;

use insta::assert_snapshot;

use crate::support::program::{Folder, account};

#[cfg(target_os = "linux")]
#[test]
fn a_folder_for_schemas_or_pages_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    folder.write("file", "");
    folder.write("full/plan.schema.json/x", "");
    folder.write("full/keyform.1/x", "");
    std::os::unix::fs::symlink("/nowhere", folder.path("dangling")).unwrap();
    let mut shown = String::new();
    for command in ["schema --out-dir", "man --out-dir"] {
        for out in ["file", "file/below", "full", "dangling", "/proc/below"] {
            let ran = folder.keyform(&format!("{command} {out}")).run().expect(1);
            assert!(ran.stderr.contains("--out-dir"), "{ran}");
            shown += &ran.stderr;
        }
    }
    insta::assert_snapshot!("out_dir", shown);
}

#[test]
fn invalid_usage_exits_with_1_and_names_the_problem() {
    let folder = Folder::of("alice=1");
    let mut shown = String::new();
    for arguments in [
        "aply",
        "plan --ofline",
        "plan --format yaml",
        "plan surplus",
        "plan --today tomorrow",
        "apply --concurrency 0",
        "apply --retries 101",
        "apply --timeout 0",
        "apply --allow-protected -x",
        "state",
        "state show",
        "state forget",
        "schema",
        "schema plan --out-dir x",
        "completions tcsh",
        "emulator --fault 418=0.1",
        "emulator --port 70000",
        "validate --state x",
        "schema plan --endpoint https://example.com",
        "state list --token-file x",
        "state rebuild --sandbox --token-file x",
        "plan --sandbox --state x",
        "apply --sandbox -y --endpoint https://example.com",
        "state list --sandbox --state x",
        "plan -f nowhere.yaml --offline",
    ] {
        let ran = folder.keyform(arguments).run().expect(1);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("error"), "{ran}");
        let _ = writeln!(shown, "{ran}");
    }
    assert_snapshot!(shown);
    assert_eq!(folder.files().len(), 1);
}

#[cfg(unix)]
#[test]
fn files_that_are_not_regular_are_refused() {
    use std::os::unix::fs::FileTypeExt as _;

    let (account, folder) = (account(), Folder::of("alice=1"));
    // Stands for devices too, which a test should not touch.
    let _listener = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    for pipe in ["pipe", "keys.lock"] {
        assert!(Command::new("mkfifo").arg(folder.path(pipe)).status().unwrap().success());
    }
    let mut shown = String::new();
    for arguments in [
        "plan --offline --out socket",
        "plan --offline --state socket",
        "state list --state socket",
        "apply -y --state socket",
        "apply -y --state keys --lock-timeout 0",
        "apply -y socket",
        "apply -y --events pipe",
        "emulator --keys socket",
        "emulator --keys keys",
    ] {
        let _ = writeln!(shown, "{}", folder.keyform(arguments).on(&account).run().expect(1));
    }
    assert_snapshot!(shown);
    assert!(std::fs::metadata(folder.path("socket")).unwrap().file_type().is_socket());
    assert!(account.api().rows().is_empty());
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", crate::support::program::manifest("alice=1 bob=2"));
    folder.write(".github/CODEOWNERS", "");
    let before = folder.files();
    for target in [".github/CODEOWNERS", "missing", "/proc/self/pagemap", "/dev/zero"] {
        for (link, arguments) in [
            ("plan", "plan --out plan"),
            ("plan", "import --out plan"),
            ("state", "plan --state state"),
            ("state", "apply -y --state state"),
            ("keyform.state.json.journal", "apply -y"),
            ("keyform.state.json.journal", "plan"),
            ("keyform.state.json.lock", "apply -y"),
            ("keyform.state.json.lock", "state forget alice"),
            ("events", "apply -y --events events"),
            ("keys", "emulator --keys keys"),
            ("keys.lock", "emulator --keys keys"),
            (".keyform", "apply -y --sandbox"),
            (".keyform", "state list --sandbox"),
            ("pages", "schema --out-dir pages"),
        ] {
            // Writing to a device is what the user asked for.
            if link == "events" && target == "/dev/zero" {
                continue;
            }
            let path = folder.path(link);
            std::os::unix::fs::symlink(target, &path).unwrap();
            let ran = folder.keyform(arguments).on(&account).run().expect(1);
            assert!(path.is_symlink(), "{ran}");
            std::fs::remove_file(&path).unwrap();
            assert_eq!(folder.files(), before, "{target} {ran}");
        }
    }
    assert_eq!(account.api().rows().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_saved_plan_may_be_a_link_to_a_file_and_events_one_to_a_pipe() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("plan --out plan.json").on(&account).run().expect(0);
    std::os::unix::fs::symlink("plan.json", folder.path("mounted")).unwrap();
    std::os::unix::fs::symlink("/dev/stderr", folder.path("events")).unwrap();
    let ran = folder.keyform("apply -y mounted --events events").on(&account).run().expect(0);
    assert!(ran.stderr.contains("\"event\""), "{ran}");
    std::os::unix::fs::symlink("/proc/self/pagemap", folder.path("endless")).unwrap();
    let ran = folder.keyform("apply -y endless").on(&account).run().expect(1);
    assert!(ran.stderr.contains("not a regular file"), "{ran}");
}

#[test]
fn what_a_killed_run_left_is_deleted_by_the_next() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    for name in ["keyform.state.json.lock", ".keyform-killed.tmp"] {
        folder.write(name, "left by a killed run");
    }
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!(folder.files().into_keys().collect::<Vec<_>>(), ["keyform.state.json", "keyform.yaml"]);
}

#[test]
fn invalid_variables_are_errors() {
    let folder = Folder::of("alice=1");
    let ran = folder.keyform("plan --offline").env("KEYFORM_RETRIES", "many").run().expect(1);
    assert_snapshot!(ran);
    for (arguments, name, value) in [
        ("plan", "KEYFORM_SANDBOX", "flase"),
        ("validate", "KEYFORM_FORMAT", "xml"),
        ("schema plan", "KEYFORM_QUIET", "2"),
        ("emulator", "KEYFORM_EMULATOR_PORT", "tcp://10.0.0.1:80"),
        ("plan", "KEYFORM_DETAILED_EXITCODE", "y"),
    ] {
        let ran = folder.keyform(arguments).env(name, value).run().expect(1);
        assert!(ran.stderr.contains(&format!("invalid value \"{value}\" of {name}: ")), "{ran}");
        // An empty variable is unset.
        if arguments != "emulator" {
            folder.keyform(arguments).env(name, "").env("KEYFORM_SANDBOX", "").run().code.expect("no signal");
        }
    }
    // A wrong argument is reported first.
    let ran = folder.keyform("plan --retries x").env("KEYFORM_RETRIES", "many").run().expect(1);
    assert!(ran.stderr.contains("'x' for '--retries"), "{ran}");
}

#[test]
fn a_boolean_variable_takes_eight_words() {
    let folder = Folder::of("alice=1");
    for (value, code) in
        [("true", 2), ("1", 2), ("yes", 2), ("ON", 2), ("false", 0), ("0", 0), ("No", 0), ("off", 0), ("", 0)]
    {
        let run = folder.keyform("plan --sandbox").env("KEYFORM_DETAILED_EXITCODE", value);
        assert_eq!(run.run().code, Some(code), "{value}");
    }
}

#[test]
fn a_variable_of_one_command_never_stops_another() {
    let folder = Folder::of("alice=1");
    for (arguments, name, value) in [
        ("validate", "KEYFORM_STATE", "x"),
        ("validate", "KEYFORM_SANDBOX", "flase"),
        ("validate", "KEYFORM_RETRIES", "many"),
        ("schema plan", "KEYFORM_TODAY", "tomorrow"),
        ("apply --sandbox -y", "KEYFORM_FORMAT", "markdown"),
        ("plan --sandbox", "KEYFORM_FORMAT", "github"),
        ("plan --sandbox", "KEYFORM_PORT", "tcp://10.0.0.1:80"),
        ("plan --sandbox", "KEYFORM_EMULATOR_LAG", "long"),
        ("state show alice --sandbox --format json", "KEYFORM_RANDOMART", "yes"),
        ("validate", "KEYFORM_EVENTS", "nowhere/events"),
    ] {
        folder.keyform(arguments).env(name, value).run().expect(0);
    }
}

#[test]
fn flags_that_approve_acknowledge_or_limit_a_run_have_no_variable() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let run = |arguments: &str, name: &str, value: &str| folder.keyform(arguments).env(name, value).on(&account).run();
    for (name, value) in [
        ("KEYFORM_DESTROY", "1"),
        ("KEYFORM_DESTROY", "flase"),
        ("KEYFORM_TARGET", "alice"),
        ("KEYFORM_OFFLINE", "1"),
        ("KEYFORM_OUT", "plan.json"),
        ("KEYFORM_PLAN_DIGEST", "x"),
    ] {
        let ran = run("plan --detailed-exitcode", name, value).expect(0);
        assert!(!ran.stdout.contains("partial") && !ran.stdout.contains("offline"), "{ran}");
    }
    folder.write("keyform.yaml", "version: 1\nkeys: []\n");
    run("apply", "KEYFORM_AUTO_APPROVE", "1").expect(1);
    for name in ["KEYFORM_ALLOW_DELETES", "KEYFORM_ALLOW_PRIMARY_LOSS"] {
        run("plan", name, "2").expect(3);
    }
    assert_eq!(account.api().rows().len(), 2);
    assert!(!folder.path("plan.json").exists());
}

#[test]
fn a_missing_default_manifest_suggests_the_flag() {
    assert_snapshot!(Folder::new().keyform("plan").run().expect(1));
}

#[test]
fn global_flags_work_before_and_after_the_command_and_are_refused_in_both_places() {
    let folder = Folder::of("alice=1");
    folder.keyform("apply -y --sandbox --state x").run().expect(1);
    folder.keyform("apply -y --sandbox").run().expect(0);
    for arguments in ["--sandbox state list", "state --sandbox list", "state list --sandbox"] {
        assert!(folder.keyform(arguments).run().expect(0).stdout.contains("alice"), "{arguments}");
    }
    std::fs::copy(folder.path(".keyform/keyform.state.json"), folder.path("other.json")).unwrap();
    for arguments in ["--state other.json state show alice", "state show alice --state other.json"] {
        folder.keyform(arguments).run().expect(0);
    }
    for (arguments, flag, verb) in [
        ("--state x validate", "--state", "validate"),
        ("validate --state x", "--state", "validate"),
        ("--endpoint http://localhost state list", "--endpoint", "state"),
        ("state --endpoint http://localhost list", "--endpoint", "state"),
        ("-f keyform.yaml completions bash", "--manifest", "completions"),
    ] {
        let ran = folder.keyform(arguments).run().expect(1);
        assert!(ran.stderr.contains(&format!("`keyform {verb}` does not use {flag}")), "{ran}");
    }
}
