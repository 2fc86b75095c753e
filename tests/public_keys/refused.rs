//! What is refused for how it is written, and by what code.

use keyform::public_key::{KeyBlob, MAX_TEXT_BYTES, PublicKey};

use crate::forge::{check, good_blob, line, rsa};
use crate::{ED25519, OTHER_ED25519};

const DSA: &str = include_str!("refused/dsa.pub");
const RSA_1024: &str = include_str!("refused/rsa-1024.pub");
const CERTIFICATE: &str = include_str!("refused/certificate-ed25519.pub");
const CERTIFICATE_RSA: &str = include_str!("refused/certificate-rsa.pub");
const RFC4716: &str = include_str!("refused/public-rfc4716");
const PKCS8: &str = include_str!("refused/public-pkcs8");
const PEM: &str = include_str!("refused/public-pem");
const X509: &str = include_str!("refused/x509-certificate");

#[test]
fn text_that_is_not_a_key_is_refused() {
    check("nothing", "", "key-empty");
    check("white space", " \t\r\n \n", "key-empty");
    check("comment lines only", "# none\n#\n", "key-empty");
    check("a word", "hunter2", "key-type");
    check("a token", "pit_1234567890abcdef", "key-type");
    check("prose", "the key of alice", "key-type");
    check("base64 without a type", ED25519.split(' ').nth(1).unwrap(), "key-type");
    check("a fingerprint", "256 SHA256:llucKmn7+Q3yNgVC5OkdFBL0kE6x12j0WYN9c3ijjNI alice (ED25519)", "key-type");
    check("a path", "~/.ssh/id_ed25519.pub", "key-path");
    check("a relative path", "keys/bob of the example.pub", "key-path");
    check("a path of a private key", "/home/bob/.ssh/id_rsa", "key-path");
    check("a path of Windows", r"C:\Users\bob\.ssh\id_ed25519.pub", "key-path");
    check("RFC 4716", RFC4716, "key-format");
    check("PKCS#8", PKCS8, "key-format");
    check("PKCS#8 on one line", &PKCS8.replace('\n', " "), "key-format");
    check("PKCS#8 without its header", &PKCS8.lines().nth(1).unwrap().repeat(3), "key-format");
    check("PEM", PEM, "key-format");
    check("PEM without its header", PEM.lines().nth(1).unwrap(), "key-format");
    check("an X.509 certificate", X509, "key-format");
    check("too long by one byte", &format!("{ED25519} {}", "x".repeat(MAX_TEXT_BYTES - ED25519.len())), "key-too-long");
}

#[test]
fn keys_of_refused_types_are_refused_by_name() {
    check("DSA", DSA, "key-dsa");
    check("1024 bits", RSA_1024, "key-rsa-short");
    check("a certificate", CERTIFICATE, "key-certificate");
    check("a certificate of RSA", CERTIFICATE_RSA, "key-certificate");
    check("a certificate that is cut", &CERTIFICATE[..60], "key-certificate");
    check(
        "a certificate with the label of a key",
        &CERTIFICATE.replacen("-cert-v01@openssh.com", "", 1),
        "key-certificate",
    );
    check("XMSS", &line("ssh-xmss@openssh.com", &[b"ssh-xmss@openssh.com", b"x"]), "key-type");
    check("Ed448", &line("ssh-ed448", &[b"ssh-ed448", &[7; 57]]), "key-type");
    check("SSH protocol 1", "2048 65537 25195908475657893494027183240048398571429282126204 alice", "key-type");
}

#[test]
fn options_and_other_text_before_a_key_are_refused() {
    check("from", &format!("from=\"10.0.0.0/8\" {ED25519}"), "key-options");
    check("a command with a blank", &format!("command=\"echo \\\"hi\\\" there\",no-pty {ED25519} a"), "key-options");
    check("no-pty", &format!("no-pty {RSA_1024}"), "key-options");
    check("Restrict", &format!("Restrict,pty\t{ED25519}"), "key-options");
    check("cert-authority", &format!("cert-authority {ED25519}"), "key-options");
    check("an open quote", &format!("from=\"10.0.0.0/8 {ED25519}"), "key-options");
    check("options before DSA", &format!("no-pty {DSA}"), "key-options");
    check("a host", &format!("github.com,140.82.121.4 {ED25519}"), "key-prefix");
    check("a dash of a list", &format!("- {ED25519}"), "key-prefix");
    check("a quote", &format!("\"{ED25519} alice\""), "key-type");
    check("upper case", &ED25519.replace("ssh-ed25519", "SSH-ED25519"), "key-type");
    check("the short name", &ED25519.replace("ssh-ed25519", "ed25519"), "key-type");
    check("the name of a signature", &rsa(2048, &[1, 0, 1]).replace("ssh-rsa", "rsa-sha2-512"), "key-type");
    check("a BOM", &format!("\u{feff}{ED25519}"), "key-character");
    check("a zero-width space in the type", &ED25519.replacen('-', "-\u{200b}", 1), "key-character");
}

#[test]
fn other_blanks_and_line_ends_in_a_key_are_refused() {
    check("a no-break space", &ED25519.replace(' ', "\u{a0}"), "key-character");
    check("a vertical tab", &ED25519.replace(' ', "\u{b}"), "key-character");
    check("a form feed after the key", &format!("{ED25519}\u{c}alice"), "key-character");
    check("a line end after the type", &ED25519.replace(' ', "\n"), "key-missing");
    check("a blank in the base64", &ED25519.replace("AAAAIMpu", "AAAAIM pu"), "key-truncated");
    check("a line end in the base64", &ED25519.replace("AAAAIMpu", "AAAAIM\n  pu"), "key-truncated");
}

#[test]
fn invisible_characters_and_second_lines_in_a_comment_are_refused() {
    for (name, c) in [("escape", '\u{1b}'), ("NUL", '\0'), ("right-to-left override", '\u{202e}')] {
        check(name, &format!("{ED25519} al{c}ice"), "key-character");
    }
    for (name, c) in [("zero-width joiner", '\u{200d}'), ("line separator", '\u{2028}'), ("NEL", '\u{85}')] {
        check(name, &format!("{ED25519} al{c}ice"), "key-character");
    }
    check("an escape in a comment line", &format!("# \u{1b}[2J\n{ED25519}"), "key-character");
    check("a second line", &format!("{ED25519} alice\nbob"), "key-lines");
    check("a second line after CR", &format!("{ED25519} alice\rbob"), "key-lines");
    check("a second key", &format!("{ED25519} alice\n{OTHER_ED25519} mallory\n"), "key-several");
    check("a second key after CRLF", &format!("{ED25519}\r\n{OTHER_ED25519}"), "key-several");
    check("a second key after CR", &format!("{ED25519}\r{OTHER_ED25519}"), "key-several");
    check("a second key after a gap", &format!("{ED25519}\n\n# x\n\n\n{OTHER_ED25519}"), "key-several");
    check("a second key with options", &format!("{ED25519}\nno-pty {OTHER_ED25519}"), "key-several");
    check("a second key, DSA", &format!("{ED25519}\n{DSA}"), "key-several");
    check("the same key twice", &format!("{ED25519}\n{ED25519}"), "key-several");
    check("a second key in the comment", &format!("{ED25519} {OTHER_ED25519}"), "key-several");
    check(
        "a second key deep in the comment",
        &format!("{ED25519} alice of the example\t{OTHER_ED25519} m"),
        "key-several",
    );
    check("a second key after an escaped line end", &format!("{ED25519} alice\\n{OTHER_ED25519}"), "key-several");
    check("a certificate in the comment", &format!("{ED25519} {CERTIFICATE}"), "key-several");
    check("a second key that is cut", &format!("{ED25519} ssh-rsa AAAAB3"), "key-several");
}

#[test]
fn a_value_that_may_be_a_secret_is_not_shown() {
    for secret in
        ["pit_1234567890abcdef", "correct horse battery", "hunter2-and-more", "AAAAC3NzaC1lZDI1", "ssh-x secret"]
    {
        let error = PublicKey::parse(secret).unwrap_err();
        let printed = format!("{error} {error:?} {}", error.kind.help());
        for word in secret.split(' ') {
            assert!(!printed.contains(word), "{printed}");
        }
    }
}

#[test]
fn the_help_names_the_type_that_was_probably_meant() {
    let help = |text: &str| PublicKey::parse(text).unwrap_err().kind.help();
    assert_eq!(help("SSH-RSA AAAA"), "write ssh-rsa, without quotes around the key");
    assert_eq!(help("\"ssh-ed25519 AAAA\""), "write ssh-ed25519, without quotes around the key");
    assert_eq!(help(PKCS8), "convert it: `ssh-keygen -i -m PKCS8 -f FILE` prints the line to use");
    assert!(help("~/.ssh/id_ed25519.pub").contains("publicKeyFile"));
    let error = PublicKey::parse(&ED25519.replace("ssh-ed25519", "ssh-rsa")).unwrap_err();
    assert_eq!(error.to_string(), "the key type says ssh-rsa, but the data is ssh-ed25519");
}

#[test]
fn a_refused_key_still_has_a_blob() {
    let kind = |text: &str| KeyBlob::of_line(text).unwrap().kind().map(|kind| kind.to_string());
    assert_eq!(kind(DSA).as_deref(), Some("DSA 1024"));
    assert_eq!(kind(RSA_1024).as_deref(), Some("RSA 1024"));
    assert_eq!(kind(CERTIFICATE), None);
    assert_eq!(kind(CERTIFICATE_RSA), None);
    let blob = KeyBlob::of_line(CERTIFICATE).unwrap();
    assert_eq!(blob.algorithm(), "ssh-ed25519-cert-v01@openssh.com");
    let rsa = KeyBlob::of_line(RSA_1024).unwrap();
    assert_eq!(KeyBlob::of_line(&RSA_1024.replace("ssh-rsa", "rsa-sha2-256")), Some(rsa));
    let padded = good_blob("ecdsa on the curve of 256 bits");
    assert_eq!(KeyBlob::of_line(padded.trim_end_matches('=')), KeyBlob::of_line(&padded));
}

#[test]
fn malformed_text_has_no_blob() {
    for text in ["", "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa !!!!", "hello world", "ssh-rsa  ", "\n\n"] {
        assert_eq!(KeyBlob::of_line(text), None, "{text:?}");
    }
    assert_eq!(KeyBlob::of_line(&ED25519.replace("ssh-ed25519", "ssh-rsa")), None);
    assert_eq!(KeyBlob::of_line(&format!("no-pty {ED25519}")), None);
}
