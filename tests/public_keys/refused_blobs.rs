//! What is refused for what its base64 holds, and by what code.

use keyform::public_key::PublicKey;

use crate::ED25519;
use crate::forge::{bytes_of, check, flip, good_blob, line, line_of, modulus, rsa};

const DSA: &str = include_str!("refused/dsa.pub");

const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
const SK_ECDSA: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

#[test]
fn invalid_base64_has_its_own_errors() {
    let rsa = rsa(2048, &[1, 0, 1]);
    check("a type alone", "ssh-ed25519", "key-missing");
    check("a type and white space", "ssh-ed25519 \t\n", "key-missing");
    check("a foreign character", &ED25519.replace("AAAAC3", "AAAA!3"), "key-base64");
    check("the alphabet for URLs", &ED25519.replace("AAAAC3", "AAAA_3"), "key-base64");
    check("a letter that is not ASCII", &ED25519.replace("AAAAC3", "AAAАC3"), "key-base64");
    check("padding too much", &format!("{ED25519}="), "key-base64");
    check("padding in the middle", &ED25519.replace("AAAAC3", "AA==C3"), "key-base64");
    let padded = good_blob("ecdsa on the curve of 256 bits");
    assert!(padded.ends_with('='), "it needs padding");
    check("no padding", padded.trim_end_matches('='), "key-base64");
    let stem = padded.trim_end_matches('=');
    let (head, last) = stem.split_at(stem.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    check("stray bits in the last symbol", &format!("{head}{next}{}", &padded[stem.len()..]), "key-base64");
    for cut in 1..40 {
        check("cut", &ED25519[..ED25519.len() - cut], "key-truncated");
        check("cut within the modulus", &rsa[..rsa.len() - 8 - cut], "key-truncated");
    }
    check("an ellipsis", "ssh-ed25519 AAAA… alice", "key-base64");
    check("four bytes", "ssh-ed25519 AAAACw==", "key-truncated");
    check("a length beyond the end", &line_of("ssh-ed25519", &[0xff; 40]), "key-truncated");
}

#[test]
fn an_invalid_blob_has_its_own_errors() {
    let key = &bytes_of(ED25519)[19..];
    let ecdsa = bytes_of(&good_blob("ecdsa on the curve of 256 bits"));
    let point = &ecdsa[39..];
    let nistp256 = "ecdsa-sha2-nistp256";
    let p256 = |label: &str, inner: &str, curve: &[u8], point: &[u8]| line(label, &[inner.as_bytes(), curve, point]);
    assert_eq!(p256(nistp256, nistp256, b"nistp256", point), good_blob("ecdsa on the curve of 256 bits"));

    check("labelled RSA", &ED25519.replace("ssh-ed25519", "ssh-rsa"), "key-label");
    check("labelled sk", &ED25519.replace("ssh-ed25519", SK_ED25519), "key-label");
    check("labelled DSA", &ED25519.replace("ssh-ed25519", "ssh-dss"), "key-dsa");
    check("DSA labelled Ed25519", &DSA.replace("ssh-dss", "ssh-ed25519"), "key-label");
    check("another curve", &p256("ecdsa-sha2-nistp384", nistp256, b"nistp256", point), "key-label");
    check("an unknown type inside", &line("ssh-ed25519", &[b"ssh-ed448", key]), "key-label");
    check("a type inside that is not text", &line("ssh-ed25519", &[b"\xff\x1b", key]), "key-label");
    check("no type inside", &line("ssh-ed25519", &[b"", key]), "key-label");
    check("a type alone inside", &line("ssh-ed25519", &[b"ssh-ed25519"]), "key-truncated");
    check("one string more", &line("ssh-ed25519", &[b"ssh-ed25519", key, b""]), "key-trailing");
    let mut longer = bytes_of(ED25519);
    longer.push(0);
    check("one byte more", &line_of("ssh-ed25519", &longer), "key-trailing");
    check("31 bytes", &line("ssh-ed25519", &[b"ssh-ed25519", &key[1..]]), "key-encoding");
    check("33 bytes", &line("ssh-ed25519", &[b"ssh-ed25519", &[key, b"x"].concat()]), "key-encoding");
    check("the curve contradicts", &p256(nistp256, nistp256, b"nistp384", point), "key-encoding");
    check("no application", &line(SK_ED25519, &[SK_ED25519.as_bytes(), key]), "key-truncated");
    check("NUL in the application", &line(SK_ED25519, &[SK_ED25519.as_bytes(), key, b"ssh:\0"]), "key-encoding");
    check("no curve", &line(SK_ECDSA, &[SK_ECDSA.as_bytes(), point, b"ssh:"]), "key-truncated");
}

#[test]
fn points_outside_their_curve_are_refused() {
    let ed25519 = |point: [u8; 32]| line("ssh-ed25519", &[b"ssh-ed25519", &point]);
    let point = |first, last| {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    check("no root", &ed25519(point(2, 0)), "key-curve");
    check("the identity", &ed25519(point(1, 0)), "key-curve");
    check("the identity with a sign", &ed25519(point(1, 0x80)), "key-curve");
    check("zero", &ed25519([0; 32]), "key-curve");
    check("all ones", &ed25519([0xff; 32]), "key-curve");
    check("sk", &line(SK_ED25519, &[SK_ED25519.as_bytes(), &point(2, 0), b"ssh:"]), "key-curve");
    for (bits, curve) in [(256_usize, "nistp256"), (384, "nistp384"), (521, "nistp521")] {
        let label = format!("ecdsa-sha2-{curve}");
        let key = good_blob(&format!("ecdsa on the curve of {bits} bits"));
        check("off the curve", &flip(&key, 0), "key-curve");
        let ecdsa = |point: &[u8]| line(&label, &[label.as_bytes(), curve.as_bytes(), point]);
        check("infinity", &ecdsa(&[0]), "key-curve");
        check("no point", &ecdsa(&[]), "key-encoding");
        let size = bits.div_ceil(8);
        let bytes = bytes_of(&key);
        let point = &bytes[bytes.len() - 2 * size - 1..];
        let compressed = [&[2 + (point[2 * size] & 1)][..], &point[1..=size]].concat();
        check("compressed", &ecdsa(&compressed), "key-encoding");
        check("hybrid", &ecdsa(&[&[6 + (point[2 * size] & 1)][..], &point[1..]].concat()), "key-encoding");
        check("zeros", &ecdsa(&[&[4][..], &vec![0; 2 * size]].concat()), "key-curve");
        check("coordinates not reduced", &ecdsa(&[&[4][..], &vec![0xff; 2 * size]].concat()), "key-curve");
    }
    let sk = good_blob("sk-ecdsa");
    check("sk", &flip(&sk, "ssh:".len() + 4), "key-curve");
}

#[test]
fn invalid_rsa_numbers_are_refused() {
    let e = [1, 0, 1];
    assert!(PublicKey::parse(&rsa(2048, &e)).is_ok());
    assert!(PublicKey::parse(&rsa(16384, &e)).is_ok());
    assert!(PublicKey::parse(&rsa(2047, &e)).is_ok());
    check("2046 bits", &rsa(2046, &e), "key-rsa-short");
    check("16385 bits", &rsa(16385, &e), "key-rsa-long");
    let key = |e: &[u8], n: &[u8]| line("ssh-rsa", &[b"ssh-rsa", e, n]);
    let n = modulus(2048);
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    check("an even modulus", &key(&e, &even), "key-rsa-modulus");
    check("no modulus", &key(&e, &[]), "key-rsa-modulus");
    check("a modulus of zeros", &key(&e, &[0; 256]), "key-rsa-modulus");
    check("a negative modulus", &key(&e, &n[1..]), "key-encoding");
    check("a modulus with a needless zero", &key(&e, &[&[0][..], &n].concat()), "key-encoding");
    check("a needless zero hides a short modulus", &key(&e, &[&[0][..], &modulus(1024)].concat()), "key-encoding");
    for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0]] {
        check("an exponent that is even or small", &key(exponent, &n), "key-rsa-exponent");
    }
    check("an exponent with a needless zero", &key(&[0, 3], &n), "key-encoding");
    check("an exponent longer than the modulus", &key(&modulus(2056), &n), "key-rsa-exponent");
    check("the strings exchanged", &key(&n, &e), "key-rsa-short");
}
