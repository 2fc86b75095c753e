//! A public key: read, written, read again, and checked by all but the slowest check.

#![no_main]

use keyform::public_key::{CompromiseChecks, KeyBlob, PrimeTests, PublicKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let blob = KeyBlob::of_line(text);
    if let Some(blob) = &blob {
        assert_eq!(KeyBlob::of_line(blob.as_str()).as_ref(), Some(blob));
        blob.randomart();
    }
    match PublicKey::parse(text) {
        Ok(key) => {
            assert_eq!(Some(key.blob()), blob.as_ref());
            assert_eq!(PublicKey::parse(&key.to_line()).as_ref(), Ok(&key));
            assert_eq!(CompromiseChecks::new([&key], PrimeTests::of(0, 0)).count(), 1);
        }
        Err(error) => {
            error.kind.help();
            assert!(error.at.is_none_or(|at| text.get(at).is_some()));
        }
    }
});
