//! The contents of a blob: length-prefixed strings (RFC 4251, section 5), in base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::error::PublicKeyErrorKind;

/// Accepts missing padding and stray bits in the last symbol: for keys that only have to be recognised.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes canonical base64 only, as OpenSSH does: padded, and without stray bits in the last symbol.
pub(super) fn decode_strict(base64: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(base64).ok()
}

pub(super) fn decode_lenient(base64: &str) -> Option<Vec<u8>> {
    LENIENT.decode(base64).ok()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Splits off the first string.
pub(super) fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Splits into exactly `N` strings. Fails with `Truncated` or `Trailing`.
pub(super) fn exactly<const N: usize>(mut bytes: &[u8]) -> Result<[&[u8]; N], PublicKeyErrorKind> {
    let mut strings = [&[][..]; N];
    for string in &mut strings {
        (*string, bytes) = first(bytes).ok_or(PublicKeyErrorKind::Truncated)?;
    }
    if bytes.is_empty() { Ok(strings) } else { Err(PublicKeyErrorKind::Trailing) }
}

/// Counts the bits of a big-endian number from its first set bit.
pub(super) fn bit_length(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let Some((first, rest)) = number.get(zeros..).and_then(<[u8]>::split_first) else {
        return 0;
    };
    u32::try_from(rest.len()).unwrap_or(u32::MAX / 8).saturating_mul(8) + (8 - first.leading_zeros())
}

/// Whether an `mpint` is a positive number in its shortest form.
pub(super) fn is_canonical_positive(number: &[u8]) -> bool {
    match number {
        [] | [0] => false,
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_split_and_neither_more_nor_fewer_are_taken() {
        let bytes = [0, 0, 0, 1, b'a', 0, 0, 0, 0];
        assert_eq!(exactly::<2>(&bytes), Ok([&b"a"[..], &b""[..]]));
        assert_eq!(exactly::<1>(&bytes), Err(PublicKeyErrorKind::Trailing));
        assert_eq!(exactly::<3>(&bytes), Err(PublicKeyErrorKind::Truncated));
        assert_eq!(exactly::<1>(&[0xff, 0xff, 0xff, 0xff, 1]), Err(PublicKeyErrorKind::Truncated));
    }

    #[test]
    fn bits_are_counted_from_the_first_one_that_is_set() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[0, 0x80, 0]), 16);
        assert_eq!(bit_length(&[0x01, 0]), 9);
    }

    #[test]
    fn a_number_with_a_needless_zero_or_a_sign_is_not_canonical() {
        assert!(is_canonical_positive(&[1]));
        assert!(is_canonical_positive(&[0, 0x80]));
        for number in [&[][..], &[0], &[0, 0x7f], &[0x80]] {
            assert!(!is_canonical_positive(number), "{number:?}");
        }
    }
}
