//! What is read agrees with what ssh-keygen prints.

use std::io::Write as _;
use std::process::Command;

use keyform::public_key::{KeyBlob, PublicKey};
use serde::Deserialize;

/// A text, and what `ssh-keygen -lf` prints for it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) text: String,
    sha256: String,
    /// What `-lv` draws beneath.
    randomart: Vec<String>,
}

pub(crate) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("good.json")).unwrap()
}

/// Writes a key as `ssh-keygen -l` does: bits, fingerprint, comment, type.
fn printed(key: &PublicKey) -> String {
    let comment = if key.comment().is_empty() { "no comment" } else { key.comment() };
    format!("{} {} {comment} ({})", key.kind().bits(), key.blob().fingerprint(), key.kind().name())
}

/// Drops the two things that ssh-keygen 9.2 leaves in a comment: the carriage return of a line end, and tabs.
fn without_control(printed: &str) -> String {
    printed.replace('\r', "").replace('\t', " ")
}

#[test]
fn every_key_is_read_as_ssh_keygen_has_read_it() {
    for Case { name, text, sha256, randomart } in cases() {
        let key = PublicKey::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(printed(&key), without_control(&sha256), "{name}");
        assert_eq!(key.blob().randomart(), randomart.as_slice(), "{name}");
        assert_eq!(key.blob().kind(), Some(key.kind()), "{name}");
        assert_eq!(KeyBlob::of_line(&text).as_ref(), Some(key.blob()), "{name}");
        assert!(PublicKey::TYPES.contains(&key.blob().algorithm()), "{name}");
    }
}

#[test]
fn the_table_has_every_type_and_the_recorded_lines_name_it() {
    let cases = cases();
    for kind in ["(ED25519)", "(RSA)", "(ECDSA)", "(ED25519-SK)", "(ECDSA-SK)"] {
        assert!(cases.iter().any(|case| case.sha256.ends_with(kind)), "{kind}");
    }
    for bits in ["521 ", "384 ", "2048 ", "16384 "] {
        assert!(cases.iter().any(|case| case.sha256.starts_with(bits)), "{bits}");
    }
}

#[test]
fn a_written_key_is_read_back() {
    for Case { name, text, .. } in cases() {
        let key = PublicKey::parse(&text).unwrap();
        assert_eq!(PublicKey::parse(&key.to_line()), Ok(key.clone()), "{name}");
        assert_eq!(KeyBlob::try_from(key.blob().as_str().to_owned()).as_ref(), Ok(key.blob()), "{name}");
        let json = serde_json::to_string(key.blob()).unwrap();
        assert_eq!(&serde_json::from_str::<KeyBlob>(&json).unwrap(), key.blob(), "{name}");
    }
}

/// The crate ssh-key is a second opinion: another decoder, written by others.
#[test]
fn another_decoder_reads_the_same_key() {
    for Case { name, text, .. } in cases() {
        let key = PublicKey::parse(&text).unwrap();
        if name.contains("no UTF-8") {
            continue; // OpenSSH reads it, the crate does not.
        }
        let other = ssh_key::PublicKey::from_openssh(&key.to_line()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(other.algorithm().as_str(), key.blob().algorithm(), "{name}");
        assert_eq!(
            other.fingerprint(ssh_key::HashAlg::Sha256).to_string(),
            key.blob().fingerprint().as_str(),
            "{name}"
        );
        assert_eq!(other.to_openssh().unwrap().trim_end(), key.to_line(), "{name}");
    }
}

#[test]
fn only_rsa_under_3072_bits_is_weak() {
    for Case { name, text, sha256, .. } in cases() {
        let is_short = sha256.ends_with("(RSA)") && ["2048 ", "2056 ", "3070 "].iter().any(|b| sha256.starts_with(b));
        assert_eq!(PublicKey::parse(&text).unwrap().is_weak(), is_short, "{name}");
    }
}

#[test]
fn spellings_of_one_key_have_one_blob() {
    let blob_of = |name: &str| {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        PublicKey::parse(&case.text).unwrap().blob().clone()
    };
    let sk = blob_of("sk-ecdsa");
    assert_eq!(sk.algorithm(), "sk-ecdsa-sha2-nistp256@openssh.com");
    for name in ["webauthn-sk before sk-ecdsa", "webauthn-sk outside and inside", "sk-ecdsa before webauthn-sk"] {
        assert_eq!(blob_of(name), sk, "{name}");
    }
    assert_eq!(blob_of("CRLF"), blob_of("ed25519"));
    assert_ne!(blob_of("another ed25519"), blob_of("ed25519"));
}

/// Compares with the ssh-keygen of this machine, where there is one.
#[test]
fn the_installed_ssh_keygen_agrees() {
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        eprintln!("skipped: there is no ssh-keygen");
        return;
    }
    for Case { name, text, .. } in cases() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let output = Command::new("ssh-keygen").arg("-lf").arg(file.path()).env("LC_ALL", "C.UTF-8").output().unwrap();
        let key = PublicKey::parse(&text).unwrap();
        let live = String::from_utf8_lossy(&output.stdout);
        // Bits and fingerprint: comments are printed differently by other versions.
        let expected = format!("{} {} ", key.kind().bits(), key.blob().fingerprint());
        assert!(live.starts_with(&expected), "{name}: {live}");
    }
}
