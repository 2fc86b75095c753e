//! Signals that stop an apply.

#[cfg(target_os = "linux")]
use std::io::Read as _;
#[cfg(target_os = "linux")]
use std::process::{Child, Command};
use std::time::Duration;

use insta::assert_snapshot;
use keyform::emulator::{Emulator, EmulatorConfig, FaultKind, Faults, Method, ScriptEntry};

use crate::support::program::{Folder, STATE, account_with, until};

/// An account that accepts the first upload, and answers the second with a fault.
pub(crate) fn second_upload_meets(fault: FaultKind, faults: Faults) -> Emulator {
    let script = vec![ScriptEntry::pass(1, Method::POST), ScriptEntry::fault(1, Method::POST, fault)];
    account_with(EmulatorConfig { faults: Faults { script, ..faults }, ..EmulatorConfig::default() })
}

/// Waits until a listing and two uploads have arrived.
pub(crate) fn until_second_upload(account: &Emulator) {
    until("a second upload", || account.api().stats().received >= 3);
}

/// Checks that the next apply completes the one before.
fn next_apply_completes(folder: &Folder, account: &Emulator, keys: usize) {
    folder.keyform("apply -y").on(account).run().expect(0);
    let (rows, duplicates) = (account.api().rows().len(), account.api().duplicates());
    assert_eq!((rows, duplicates, folder.recorded().len()), (keys, Vec::new(), keys));
    folder.keyform("plan --detailed-exitcode").on(account).run().expect(0);
}

fn stops_after_requests_in_flight(signal: &str) {
    let faults = Faults { latency: Duration::from_secs(2), jitter: Duration::ZERO, ..Faults::default() };
    let account = second_upload_meets(FaultKind::Latency, faults);
    let folder = Folder::of("alice=1 bob=2 carol=3 dave=4");
    let running = folder.keyform("apply -y").on(&account).start();
    until_second_upload(&account);
    running.signal(signal);
    assert_snapshot!("interrupted", running.end());
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice", "bob"]);
    assert_eq!(account.api().rows().len(), 2);
    next_apply_completes(&folder, &account, 4);
}

#[test]
fn ctrl_c_stops_after_requests_in_flight_and_the_next_apply_completes_it() {
    stops_after_requests_in_flight("INT");
}

#[test]
fn sigterm_stops_after_requests_in_flight_and_the_next_apply_completes_it() {
    stops_after_requests_in_flight("TERM");
}

#[test]
fn sighup_stops_after_requests_in_flight_and_the_next_apply_completes_it() {
    stops_after_requests_in_flight("HUP");
}

fn second_signal_stops_at_once(signal: &str) {
    // The second key is stored, and the response never arrives.
    let faults = Faults { stall: Duration::from_hours(1), ..Faults::default() };
    let (account, folder) = (second_upload_meets(FaultKind::StallAfter, faults), Folder::of("alice=1 bob=2 carol=3"));
    let running = folder.keyform("apply -y").on(&account).start();
    until("two keys", || account.api().rows().len() == 2);
    running.signal(signal);
    running.until_stderr("Stopping");
    running.signal(signal);
    assert_snapshot!("stopped", running.end());
    assert!(!folder.path(STATE).exists() && folder.path("keyform.state.json.journal").exists());
    next_apply_completes(&folder, &account, 3);
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_loses_no_result() {
    second_signal_stops_at_once("INT");
}

#[test]
fn a_second_sighup_stops_at_once_and_loses_no_result() {
    second_signal_stops_at_once("HUP");
}

/// As with `nohup`.
#[cfg(target_os = "linux")]
#[test]
fn an_apply_that_is_started_with_sighup_ignored_keeps_running() {
    let faults = Faults { latency: Duration::from_secs(2), jitter: Duration::ZERO, ..Faults::default() };
    let account = second_upload_meets(FaultKind::Latency, faults);
    let folder = Folder::of("alice=1 bob=2 carol=3");
    let running = folder.keyform("apply -y").on(&account).ignoring("HUP").start();
    until_second_upload(&account);
    running.signal("HUP");
    running.end().expect(0);
    assert_eq!(folder.recorded().len(), 3);
}

#[test]
fn a_run_that_is_killed_is_completed_by_the_next() {
    let faults = Faults { stall: Duration::from_hours(1), ..Faults::default() };
    for fault in [FaultKind::StallBefore, FaultKind::StallAfter] {
        let (account, folder) = (second_upload_meets(fault, faults.clone()), Folder::of("alice=1 bob=2 carol=3"));
        let running = folder.keyform("apply -y").on(&account).start();
        until_second_upload(&account);
        running.signal("KILL");
        assert_eq!(running.end().code, None);
        assert!(!folder.path(STATE).exists() && folder.path("keyform.state.json.journal").exists());
        next_apply_completes(&folder, &account, 3);
    }
}

/// Waits until a process handles SIGTERM, which it does before anything else.
#[cfg(target_os = "linux")]
fn until_signals_are_heard(process: &Child) {
    until("a handler of SIGTERM", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << 14) != 0
    });
}

/// Sends a signal, and returns the exit code.
#[cfg(target_os = "linux")]
fn stopped(mut process: Child, signal: &str) -> Option<i32> {
    let kill = format!("kill -s {signal} {}", process.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let mut status = None;
    until("the end", || {
        status = process.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap().code()
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_is_heard_while_the_token_is_read_from_stdin() {
    let folder = Folder::of("alice=1");
    for (command, signal) in [("plan", "TERM"), ("apply -y", "INT"), ("import", "HUP"), ("state rebuild -y", "TERM")] {
        let arguments = format!("{command} --token-file - --endpoint http://127.0.0.1:1");
        // Stdin stays open until the process has ended.
        let (process, _stdout) = folder.keyform(&arguments).start_blocked();
        until_signals_are_heard(&process);
        assert_eq!(stopped(process, signal), Some(130), "{command}");
    }
    assert!(!folder.path(STATE).exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_is_heard_while_nobody_reads_stdout() {
    let keys: Vec<_> = (1..=1_200).map(|number| format!("key-{number}={number}")).collect();
    let (account, folder) = (account_with(EmulatorConfig::default()), Folder::of(&keys.join(" ")));
    for command in ["plan --format json", "apply -y --full"] {
        let (process, mut stdout) = folder.keyform(command).on(&account).start_blocked();
        // The first byte comes when all of the result is written, which is more than a pipe holds.
        stdout.read_exact(&mut [0]).unwrap();
        assert_eq!(stopped(process, "TERM"), Some(130), "{command}");
    }
    assert!(account.api().rows().is_empty() && !folder.path(STATE).exists());
    // The next run takes the lock over.
    folder.keyform("apply -y").on(&account).run().expect(0);
}
