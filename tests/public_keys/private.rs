//! A private key is recognised however it is pasted, and nothing of it is printed.

use keyform::public_key::{KeyBlob, PublicKey};

use crate::ED25519;

macro_rules! keys {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("private/", $name)))),*] };
}

/// One throwaway key of each format.
const KEYS: [(&str, &str); 16] = keys![
    "openssh-ecdsa",
    "openssh-ed25519",
    "openssh-ed25519-encrypted",
    "openssh-rsa",
    "pem-dsa",
    "pem-ecdsa",
    "pem-rsa",
    "pem-rsa-encrypted",
    "pkcs8-ecdsa",
    "pkcs8-ed25519",
    "pkcs8-rsa",
    "pkcs8-rsa-encrypted",
    "putty-v2-ed25519",
    "putty-v3-ed25519",
    "putty-v3-rsa-encrypted",
    "sshcom-rsa",
];

/// The ways in which a key arrives in a value that should be a public one.
fn disguises(key: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&str> = key.lines().collect();
    let header_end = key.find('\n').unwrap();
    vec![
        ("as it is", key.to_owned()),
        ("without the last line end", key.trim_end().to_owned()),
        ("with CRLF", lines.join("\r\n")),
        ("with CR alone", lines.join("\r")),
        ("after a BOM and blanks", format!("\u{feff} \t\n{key}")),
        ("in quotes", format!("\"{}\"", key.trim_end())),
        ("indented", prefixed("    ", &lines)),
        ("quoted like a mail", prefixed("> ", &lines)),
        ("folded to one line", lines.join(" ")),
        ("joined to one line", lines.concat()),
        ("with escaped line ends", lines.join("\\n")),
        ("as a shell variable", format!("SSH_KEY='{key}'")),
        ("after a label", format!("ssh-rsa {}", lines.join(" "))),
        ("after a public key", format!("{ED25519} alice\n{key}")),
        ("in the comment of a public key", format!("{ED25519} {}", lines.join(" "))),
        ("before a public key", format!("{key}{ED25519} alice\n")),
        ("in comment lines", prefixed("# ", &lines)),
        ("in lower case", format!("{}{}", key[..header_end].to_lowercase(), &key[header_end..])),
        ("with an invisible character in its header", key.replacen("PRIVATE", "PRI\u{200b}VATE", 1)),
        ("without its end", lines[..lines.len() - 1].join("\n")),
    ]
}

fn prefixed(prefix: &str, lines: &[&str]) -> String {
    prefix.to_owned() + &lines.join(&format!("\n{prefix}"))
}

/// The parts of a key that are secret, or could be: its base64.
fn body(key: &str) -> impl Iterator<Item = &str> {
    key.lines().filter(|line| line.len() >= 8 && !line.contains([' ', ':']))
}

fn check(name: &str, key: &str, disguise: &str, text: &str) {
    let error = PublicKey::parse(text).unwrap_err();
    let printed = format!("{error} {error:?} {error:#?} {} {}", error.help(), error.code());
    assert_eq!(error.code(), "key-private", "{name} {disguise}");
    for secret in body(key).flat_map(|line| line.as_bytes().windows(8)) {
        let secret = std::str::from_utf8(secret).unwrap();
        assert!(!printed.contains(secret), "{name} {disguise}: {printed}");
    }
}

#[test]
fn every_format_is_recognised_in_every_disguise() {
    for (name, key) in KEYS {
        for (disguise, text) in disguises(key) {
            // A header of PuTTY is not what the disguise is about.
            let has_header = key.starts_with("--");
            if has_header || !["in lower case", "with an invisible character in its header"].contains(&disguise) {
                check(name, key, disguise, &text);
            }
        }
    }
}

#[test]
fn the_bare_body_is_recognised_too() {
    for (name, key) in KEYS {
        let is_bare_recognisable = name.starts_with("openssh") || name.starts_with("pem") || name.starts_with("pkcs8");
        if is_bare_recognisable && name != "pem-rsa-encrypted" {
            let body = body(key).filter(|line| !line.starts_with("--"));
            let body: Vec<_> = body.collect();
            check(name, key, "lines", &body.join("\n"));
            check(name, key, "one line", &body.concat());
            check(name, key, "after a label", &format!("ssh-rsa {} alice", body.concat()));
        }
    }
}

#[test]
fn the_format_is_named() {
    for (name, key) in KEYS {
        let format = match name.split('-').next().unwrap() {
            "openssh" => "OpenSSH's format",
            "pem" => "PEM",
            "pkcs8" => "PKCS#8",
            "putty" => "PuTTY's format",
            _ => "a format other than OpenSSH's",
        };
        let error = PublicKey::parse(key).unwrap_err();
        assert_eq!(error.to_string(), format!("a private key, in {format}"), "{name}");
    }
}

#[test]
fn a_private_key_has_no_blob() {
    for (name, key) in KEYS {
        assert_eq!(KeyBlob::of_line(key), None, "{name}");
        assert_eq!(KeyBlob::of_line(&key.replace('\n', " ")), None, "{name}");
    }
}
