//! The response to a listing.

#![no_main]

use keyform::account::{Listing, Page};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(page) = Page::read(body) {
        assert_eq!(page.bytes, body.len() as u64);
        let _ = Listing::new(page.rows);
    }
});
