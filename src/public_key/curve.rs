//! The curves of ECDSA and Ed25519, and checks of points on them.

use curve25519_dalek::edwards::CompressedEdwardsY;

use super::error::PublicKeyErrorKind as Kind;
use super::wire::bit_length;

/// A curve of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
            Self::P521 => "nistp521",
        }
    }

    pub(super) const fn bits(self) -> u32 {
        match self {
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// Checks a point in the uncompressed form of SEC 1.
    ///
    /// Like OpenSSH, refuses coordinates of less than half the curve's bits: a random point has none.
    pub(super) fn check(self, point: &[u8]) -> Result<(), Kind> {
        let size = self.bits().div_ceil(8) as usize;
        let (x, y) = match point {
            [0] => return Err(Kind::Curve),
            [4, coordinates @ ..] if coordinates.len() == 2 * size => coordinates.split_at(size),
            _ => return Err(Kind::Encoding),
        };
        let on_curve = match self {
            Self::P256 => p256::PublicKey::from_sec1_bytes(point).is_ok(),
            Self::P384 => p384::PublicKey::from_sec1_bytes(point).is_ok(),
            Self::P521 => p521::PublicKey::from_sec1_bytes(point).is_ok(),
        };
        let is_long = |coordinate| bit_length(coordinate) > self.bits() / 2;
        if on_curve && is_long(x) && is_long(y) { Ok(()) } else { Err(Kind::Curve) }
    }
}

/// Checks a point of Ed25519 in its compressed form (RFC 8032, section 5.1.3).
///
/// OpenSSH takes any 32 bytes. Refused here are bytes that are not a point, a second spelling of a point, and the eight
/// points of small order, for which everyone can make signatures.
pub(super) fn check_ed25519(point: &[u8]) -> Result<(), Kind> {
    let compressed = CompressedEdwardsY::from_slice(point).map_err(|_| Kind::Encoding)?;
    match compressed.decompress() {
        Some(point) if is_reduced(compressed.as_bytes()) && !point.is_small_order() => Ok(()),
        _ => Err(Kind::Curve),
    }
}

/// Whether the coordinate is less than 2^255 - 19, little-endian, the sign in the last bit.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    !(high & 0x7f == 0x7f && middle.iter().all(|&byte| byte == 0xff) && *low >= 0xed)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;

    /// The generator of P-256 (SEC 2, section 2.4.2).
    const G256: [u8; 65] = *b"\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\
        \x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\
        \x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

    #[test]
    fn a_point_of_p256_is_taken_only_where_it_lies_and_in_its_own_form() {
        assert_eq!(Curve::P256.check(&G256), Ok(()));
        let mut off = G256;
        off[64] ^= 1;
        assert_eq!(Curve::P256.check(&off), Err(Kind::Curve));
        assert_eq!(Curve::P256.check(&[0]), Err(Kind::Curve), "the point at infinity");
        let mut compressed = G256[..33].to_vec();
        compressed[0] = 3;
        assert_eq!(Curve::P256.check(&compressed), Err(Kind::Encoding));
        assert_eq!(Curve::P384.check(&G256), Err(Kind::Encoding));
    }

    #[test]
    fn points_of_small_order_and_second_spellings_of_ed25519_are_refused() {
        let mut point = [0; 32];
        assert_eq!(check_ed25519(&point), Err(Kind::Curve), "order 4");
        point[0] = 1;
        assert_eq!(check_ed25519(&point), Err(Kind::Curve), "the identity");
        point = [0xff; 32];
        point[31] = 0x7f;
        for low in 0xed..=0xff {
            point[0] = low;
            assert_eq!(check_ed25519(&point), Err(Kind::Curve), "{low:x}");
        }
        assert_eq!(check_ed25519(&[9; 31]), Err(Kind::Encoding));
    }

    #[test]
    fn all_points_of_small_order_are_refused_with_either_sign() {
        for point in EIGHT_TORSION {
            let mut bytes = point.compress().to_bytes();
            assert!(CompressedEdwardsY(bytes).decompress().is_some_and(|point| point.is_small_order()));
            for _ in 0..2 {
                assert_eq!(check_ed25519(&bytes), Err(Kind::Curve), "{bytes:?}");
                bytes[31] ^= 0x80;
            }
        }
    }

    #[test]
    fn a_coordinate_of_few_bits_is_refused_as_openssh_refuses_it() {
        // A point of P-256 whose x is 5.
        let y = *b"\x45\x92\x43\xb9\xaa\x58\x18\x06\xfe\x91\x3b\xce\x99\x81\x7a\xde\
            \x11\xca\x50\x3c\x64\xd9\xa3\xc5\x33\x41\x5c\x08\x32\x48\xfb\xcc";
        let mut point = [0; 65];
        (point[0], point[32]) = (4, 5);
        point[33..].copy_from_slice(&y);
        assert!(p256::PublicKey::from_sec1_bytes(&point).is_ok(), "it is on the curve");
        assert_eq!(Curve::P256.check(&point), Err(Kind::Curve));
    }
}
