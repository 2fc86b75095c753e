//! A state file: read, and what was read written and read again.

#![no_main]

use keyform::state::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(state) = file::from_text(text) {
        assert_eq!(file::from_text(file::to_text(&state).as_bytes()).unwrap(), state);
    }
});
