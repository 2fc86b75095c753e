//! Builds keys that no program makes, and checks that they are refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyform::public_key::PublicKey;
use keyform::terminal::escape::is_unsafe;

use crate::good;

/// Builds a line from the strings of its blob.
pub(crate) fn line(label: &str, strings: &[&[u8]]) -> String {
    let mut bytes = Vec::new();
    for string in strings {
        bytes.extend(u32::try_from(string.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(string);
    }
    line_of(label, &bytes)
}

pub(crate) fn line_of(label: &str, bytes: &[u8]) -> String {
    format!("{label} {}", STANDARD.encode(bytes))
}

pub(crate) fn bytes_of(line: &str) -> Vec<u8> {
    STANDARD.decode(line.split(' ').nth(1).unwrap()).unwrap()
}

/// An RSA key whose modulus has the highest and the lowest of `bits` set.
pub(crate) fn rsa(bits: usize, exponent: &[u8]) -> String {
    line("ssh-rsa", &[b"ssh-rsa", exponent, &modulus(bits)])
}

pub(crate) fn modulus(bits: usize) -> Vec<u8> {
    let mut number = vec![0x5a; bits.div_ceil(8)];
    number[0] = 1 << ((bits - 1) % 8);
    *number.last_mut().unwrap() |= 1;
    if number[0] >= 0x80 {
        number.insert(0, 0);
    }
    number
}

pub(crate) fn good_blob(name: &str) -> String {
    let case = good::cases().into_iter().find(|case| case.name == name).unwrap();
    PublicKey::parse(&case.text).unwrap().blob().to_string()
}

/// Changes one byte, counted from the end.
pub(crate) fn flip(line: &str, from_end: usize) -> String {
    let mut bytes = bytes_of(line);
    let index = bytes.len() - 1 - from_end;
    bytes[index] ^= 1;
    line_of(line.split(' ').next().unwrap(), &bytes)
}

pub(crate) fn check(name: &str, text: &str, code: &str) {
    let error = match PublicKey::parse(text) {
        Ok(key) => panic!("{name}: accepted as {key:?}"),
        Err(error) => error,
    };
    assert_eq!(keyform::manifest::Code::from(&error.kind).name(), code, "{name}: {error}");
    let message = error.to_string();
    assert!(!message.is_empty() && !message.ends_with('.') && !error.kind.help().ends_with('.'), "{name}: {message}");
    for printed in [&message, &error.kind.help()] {
        assert!(!printed.chars().any(is_unsafe), "{name}: {printed}");
    }
    if let Some(at) = error.at {
        assert!(text.get(at.clone()).is_some_and(|blamed| !blamed.is_empty()), "{name}: {at:?}");
    }
}
