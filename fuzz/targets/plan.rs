//! A saved plan: read, and what was read written, read again and rendered in each format.

#![no_main]

use keyform::plan::file;
use keyform::report::{View, diff, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|saved: &[u8]| {
    if let Ok(plan) = file::from_text(saved) {
        assert_eq!(file::from_text(file::to_text(&plan).as_bytes()).unwrap().digest(), plan.digest());
        text::plan(&plan, View { full: true, randomart: true });
        diff::plan(&plan, None);
    }
});
