//! Completion, as the scripts of the shells ask for it.

use crate::support::program::{Folder, Run, account, manifest};
use crate::support::tools;

/// Returns the candidates for the last of some words, and the flags apart.
fn complete(folder: &Folder, words: &[&str]) -> (Vec<String>, Vec<String>) {
    let last = words.len().to_string();
    let run = folder.keyform("--").env("KEYFORM_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", &last);
    let run = words.iter().fold(run.env("_CLAP_IFS", "\n").argument("keyform"), Run::argument);
    let ran = run.run().expect(0);
    assert_eq!(ran.stderr, "", "{ran}");
    ran.stdout.lines().map(str::to_owned).partition(|candidate| !candidate.starts_with("--") || candidate.contains('='))
}

fn values(folder: &Folder, words: &[&str]) -> Vec<String> {
    complete(folder, words).0
}

/// The state has dana, who is no longer in the manifest.
fn folder() -> Folder {
    let folder = Folder::of("alice=1 bob=2 dana=3");
    folder.keyform("apply -y").on(&account()).run().expect(0);
    let listed = manifest("alice=1 bob=2");
    folder.write("keyform.yaml", format!("{listed}    owner: bob@example.com\n"));
    folder
}

#[test]
fn names_come_from_the_manifest_where_it_is_edited_and_from_the_state_where_it_is_shown() {
    let folder = folder();
    for words in [&["rm", ""][..], &["rm", "alice", ""], &["add", ""]] {
        assert_eq!(values(&folder, words), ["alice", "bob"], "{words:?}");
    }
    for words in [
        &["state", "show", ""][..],
        &["state", "forget", ""],
        &["revoke", ""],
        &["plan", "--target", ""],
        &["plan", "--exclude", ""],
        &["apply", "--allow-protected", ""],
    ] {
        assert_eq!(values(&folder, words), ["alice", "bob", "dana"], "{words:?}");
    }
    assert_eq!(values(&folder, &["plan", "--target=a"]), ["--target=alice"]);
    assert_eq!(values(&folder, &["rm", "b"]), ["bob"]);
}

#[test]
fn the_manifest_and_the_state_are_those_that_the_line_names() {
    let folder = folder();
    folder.write("team/keys.yaml", manifest("erin=4"));
    for words in [&["-f", "team", "rm", ""][..], &["rm", "--manifest=team/keys.yaml", ""], &["rm", "-fteam", ""]] {
        assert_eq!(values(&folder, words), ["erin"], "{words:?}");
    }
    assert_eq!(values(&folder, &["plan", "-f", "team", "--target", ""]), ["erin"]);
    let state = ["plan", "-f", "team", "--state", "keyform.state.json", "--target", ""];
    assert_eq!(values(&folder, &state), ["alice", "bob", "dana", "erin"]);
}

#[test]
fn owners_contexts_commands_and_files_are_completed() {
    let folder = folder();
    folder.write(".prime/environments/staging.json", "{}");
    folder.write("dana.pub", "");
    assert_eq!(values(&folder, &["rm", "--owner", ""]), ["bob@example.com"]);
    assert_eq!(values(&folder, &["plan", "--context", ""]), ["production", "staging"]);
    assert_eq!(values(&folder, &["add", "erin", "--from", "g"]), ["github:", "gitlab:"]);
    assert_eq!(values(&folder, &["add", "erin", "da"]), ["dana.pub"]);
    assert_eq!(values(&folder, &["help", "val"]), ["validate"]);
    assert_eq!(values(&folder, &["plan", "--format", "j"]), ["json"]);
    let (commands, flags) = complete(&folder, &[""]);
    assert!(
        commands.contains(&"apply".to_owned()) && flags.contains(&"--sandbox".to_owned()),
        "{commands:?} {flags:?}"
    );
}

#[test]
fn a_value_that_a_shell_would_not_take_as_it_is_is_not_a_candidate() {
    let folder = Folder::new();
    let entry = manifest("alice=1 bob=2 carol=3");
    let owners = ["$(touch owned)", "Ann Lee", "carol@example.com"];
    let mut owners = owners.iter().map(|owner| format!("    owner: {owner}\n"));
    let mut with_owner = |line: &str| {
        let is_key = line.trim_start().starts_with("publicKey:");
        format!("{line}\n{}", if is_key { owners.next().unwrap() } else { String::new() })
    };
    folder.write("keyform.yaml", entry.lines().map(&mut with_owner).collect::<String>());
    folder.keyform("validate").run().expect(0);
    assert_eq!(values(&folder, &["rm", "--owner", ""]), ["carol@example.com"]);
}

#[test]
fn what_cannot_be_read_gives_no_names_and_no_error() {
    let folder = Folder::new();
    assert!(values(&folder, &["rm", ""]).is_empty());
    folder.write("keyform.yaml", "version: 1\nkeys: [");
    folder.write("keyform.state.json", "{");
    assert!(values(&folder, &["plan", "--target", ""]).is_empty());
    assert!(values(&folder, &["plan", "--state", "s3://bucket/keys", "--target", ""]).is_empty());
}

#[test]
fn the_variable_alone_does_not_replace_a_command() {
    let folder = Folder::of("alice=1");
    let ran = folder.keyform("validate").env("KEYFORM_COMPLETE", "bash").run().expect(0);
    assert!(ran.stdout.starts_with("Valid: "), "{ran}");
    folder.keyform("-- keyform rm").run().expect(1);
    folder.keyform("-- keyform rm").env("KEYFORM_COMPLETE", "tcsh").run().expect(1);
}

#[test]
fn each_shell_has_a_script_and_gets_candidates() {
    let folder = folder();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder.keyform(&format!("completions {shell}")).run().expect(0).stdout;
        assert!(script.contains("KEYFORM_COMPLETE") && script.contains(shell), "{script}");
        let run = folder.keyform("-- keyform rm").argument("").env("KEYFORM_COMPLETE", shell);
        let ran = run.env("_CLAP_COMPLETE_INDEX", "2").run().expect(0);
        assert!(ran.stdout.contains("alice") && ran.stdout.contains("bob"), "{shell}: {ran}");
    }
}

#[test]
fn bash_completes_names_with_the_script() {
    if !tools::are_installed(&["bash"]) {
        return;
    }
    let folder = folder();
    let script = r#"
        PATH="$1:$PATH"
        source <(keyform completions bash)
        COMP_WORDS=(keyform plan --target "a") COMP_CWORD=3 COMP_TYPE=9
        "$(complete -p keyform | grep -o '_clap[a-z_]*')" keyform a --target
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_keyform")).parent().unwrap();
    let bash = std::process::Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(program)
        .current_dir(folder.path(""))
        .env("HOME", folder.path(""))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "alice\n", "{}", String::from_utf8_lossy(&bash.stderr));
}
