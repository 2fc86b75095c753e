//! Programs that some tests need besides Rust, a C compiler and Git.

use std::io::Write as _;
use std::path::PathBuf;
use std::thread;

/// The folders in which tests look for programs: those of whoever runs the tests.
#[expect(clippy::disallowed_methods, reason = "programs are looked up where the person who runs the tests has them")]
pub fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// Returns whether the programs are installed. If one is missing, says on stderr which test is skipped and why.
///
/// # Panics
/// If one is missing and `KEYFORM_TEST_ALL` is set, as it is in CI.
pub fn are_installed(programs: &[&str]) -> bool {
    let path = path();
    let is_missing =
        |program: &&&str| !std::env::split_paths(&path).any(|folder: PathBuf| folder.join(program).is_file());
    let Some(missing) = programs.iter().find(is_missing) else { return true };
    let test = thread::current().name().unwrap_or("a test").to_owned();
    assert!(!runs_all(), "{test} needs {missing}, which is not installed");
    // The test harness hides what a test that passes prints with macros.
    let line = format!("skipped: {test} needs {missing}, which is not installed\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// Returns the URL of a server, which a variable contains. If it is not set, says on stderr which test is skipped and why.
///
/// # Panics
/// If it is not set and `KEYFORM_TEST_SERVERS` is, as `tests/servers/run` sets it.
#[expect(clippy::disallowed_methods, reason = "servers run where the person who runs the tests has them")]
pub fn server(name: &str, variable: &str) -> Option<String> {
    if let Ok(url) = std::env::var(variable) {
        return Some(url);
    }
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let needs_all = std::env::var_os("KEYFORM_TEST_SERVERS").is_some();
    assert!(!needs_all, "{test} needs {name}, and {variable} is not set");
    let line =
        format!("skipped: {test} with {name}, because {variable} is not set; tests/servers/run starts the servers\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    None
}

#[expect(clippy::disallowed_methods, reason = "CI says that no test may be skipped")]
fn runs_all() -> bool {
    std::env::var_os("KEYFORM_TEST_ALL").is_some()
}
