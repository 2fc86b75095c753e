//! Public keys made from numbers: valid points of the curve, without private keys.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::{EdwardsPoint, Scalar};
use keyform::public_key::PublicKey;

/// The ed25519 key of a number, as a line with a comment.
pub fn line(number: u64) -> String {
    let point = EdwardsPoint::mul_base(&Scalar::from(number + 1)).compress();
    let mut blob = Vec::new();
    for field in [b"ssh-ed25519".as_slice(), point.as_bytes()] {
        blob.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        blob.extend(field);
    }
    format!("ssh-ed25519 {} key-{number}@example.com", STANDARD.encode(blob))
}

/// The ed25519 key of a number.
pub fn key(number: u64) -> PublicKey {
    thread_local! {
        static MADE: RefCell<HashMap<u64, PublicKey>> = RefCell::default();
    }
    let make = || PublicKey::parse(&line(number)).unwrap();
    MADE.with_borrow_mut(|made| made.entry(number).or_insert_with(make).clone())
}
