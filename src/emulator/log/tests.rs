use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::emulator::rows::{NewRow, StoredRow};

fn upload(log: &mut RowLog, rows: &mut Rows, name: &str) -> StoredRow {
    let row = NewRow {
        name: name.to_owned(),
        public_key: format!("ssh-ed25519 AAAA{name}"),
        is_primary: rows.len() == 0,
        is_user_key: true,
    };
    let row = rows.draw(row, Timestamp::UNIX_EPOCH);
    log.append(&RowEvent::Upload(row.clone())).unwrap();
    rows.apply(RowEvent::Upload(row.clone()));
    row
}

/// Makes a log of `a`, `b` and `c`, of which `c` is promoted and `b` deleted, and returns its path and last row.
fn written(folder: &TempDir) -> (PathBuf, StoredRow) {
    let path = folder.path().join("deep/keys.jsonl");
    let (mut log, mut rows) = RowLog::open(&path, 1).unwrap();
    upload(&mut log, &mut rows, "a");
    let b = upload(&mut log, &mut rows, "b");
    let c = upload(&mut log, &mut rows, "c");
    log.append(&RowEvent::Promote { id: c.id.clone(), at: Timestamp::UNIX_EPOCH }).unwrap();
    log.append(&RowEvent::Delete { id: b.id, heir: None, at: Timestamp::UNIX_EPOCH }).unwrap();
    (path, StoredRow { is_primary: true, ..c })
}

fn names(rows: &Rows) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

#[test]
fn appended_rows_survive_a_restart_and_are_compacted() {
    let folder = TempDir::new().unwrap();
    let (path, c) = written(&folder);
    for _ in 0..2 {
        let (_log, rows) = RowLog::open(&path, 1).unwrap();
        assert_eq!(names(&rows), ["a", "c"]);
        assert_eq!(rows.get(&c.id), Some(&c));
        assert_eq!(rows.drawn(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3, "a head and a line for each row");
    }
}

#[test]
fn an_id_is_not_given_out_again_after_a_restart_even_if_its_row_is_gone() {
    let folder = TempDir::new().unwrap();
    let (path, c) = written(&folder);
    let (mut log, rows) = RowLog::open(&path, 1).unwrap();
    log.append(&RowEvent::Delete { id: c.id.clone(), heir: None, at: Timestamp::UNIX_EPOCH }).unwrap();
    drop((log, rows));
    let (mut log, mut rows) = RowLog::open(&path, 1).unwrap();
    assert_ne!(upload(&mut log, &mut rows, "d").id, c.id);
}

#[test]
fn a_file_cut_anywhere_in_its_last_line_loses_that_line_only() {
    let folder = TempDir::new().unwrap();
    let (path, _) = written(&folder);
    drop(RowLog::open(&path, 1).unwrap());
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    for cut in last..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (mut log, mut rows) = RowLog::open(&path, 1).unwrap();
        let whole_but_for_its_end = cut == whole.len() - 1;
        assert_eq!(names(&rows), if whole_but_for_its_end { vec!["a", "c"] } else { vec!["a"] }, "cut at {cut}");
        upload(&mut log, &mut rows, "z");
        drop((log, rows));
        let (_log, rows) = RowLog::open(&path, 1).unwrap();
        assert_eq!(names(&rows).last(), Some(&"z"), "cut at {cut}");
    }
}

#[test]
fn a_broken_line_before_the_last_is_named() {
    let folder = TempDir::new().unwrap();
    let (path, _) = written(&folder);
    let text = fs::read_to_string(&path).unwrap().replacen("\"event\":\"upload\"", "\"event\":\"up", 1);
    fs::write(&path, text).unwrap();
    assert!(matches!(RowLog::open(&path, 1), Err(EmulatorError::Corrupt { line: 2, .. })));
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys.jsonl");
    fs::write(&path, "{\"version\":2,\"drawn\":0}\n").unwrap();
    assert!(matches!(RowLog::open(&path, 1), Err(EmulatorError::Version { version: 2, .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":2,\"drawn\":0}\n");
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keyform.yaml");
    for text in ["version: 1\n", "{", "{\"version\": 1,\n"] {
        fs::write(&path, text).unwrap();
        assert!(matches!(RowLog::open(&path, 1), Err(EmulatorError::Corrupt { line: 1, .. })), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn one_emulator_at_a_time_has_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys.jsonl");
    let held = RowLog::open(&path, 1).unwrap();
    assert!(matches!(RowLog::open(&path, 1), Err(EmulatorError::InUse { .. })));
    drop(held);
    assert!(RowLog::open(&path, 1).is_ok());
}
