//! The rehearsal that people run on their own machine.

use std::path::Path;
use std::process::Command;

use crate::job::TOOLS;
use crate::support::tools;

#[test]
fn the_rehearsal_applies_what_was_approved_and_refuses_what_changed_since() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let keyform = Path::new(env!("CARGO_BIN_EXE_keyform")).parent().unwrap();
    let output = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/rehearsal/rehearse"))
        .env_clear()
        .env("PATH", format!("{}:{}", keyform.display(), tools::path()))
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("Applied: 5 uploaded, 1 promoted") && stdout.contains("== Done"), "{stdout}");
    assert!(stderr.contains("this is not the plan that was approved"), "{stderr}");
}
