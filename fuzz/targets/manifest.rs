//! A manifest file: read, and every problem rendered in each format.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jiff::civil::date;
use keyform::manifest;
use keyform::report::problems;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|text: &[u8]| {
    let path: PathBuf = FOLDER.path().join("keyform.yaml");
    fs::write(&path, text).unwrap();
    let loaded = manifest::load(&[path], date(2027, 1, 15));
    problems::text(&loaded.report);
    problems::json(&loaded.report);
    problems::github(&loaded.report, |file| file.display().to_string());
    assert!(loaded.desired.is_some() || !loaded.report.diagnostics.is_empty());
});
