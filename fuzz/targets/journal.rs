//! A journal next to a state, and next to none.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use futures_util::FutureExt as _;
use keyform::state::{FileStore, Store as _};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

// The input is a state and a journal, with a NUL between them; a journal alone without it.
fuzz_target!(|text: &[u8]| {
    let path = FOLDER.path().join("keyform.state.json");
    let store = FileStore::open(&path, "fuzz");
    let journal = match text.iter().position(|&byte| byte == 0) {
        Some(end) => {
            fs::write(&path, &text[..end]).unwrap();
            &text[end + 1..]
        }
        None => {
            let _ = fs::remove_file(&path);
            text
        }
    };
    fs::write(store.journal_path(), journal).unwrap();
    let _ = store.load().now_or_never().expect("files are read without waiting");
});
