//! Recognises misspelled words, and fields that must not be in a manifest.

use crate::terminal::nearest::{bare, nearest};

/// Fields by which a manifest would name a server or hold credentials, as [`bare`] gives them.
const CREDENTIALS: &[&str] = &[
    "accesstoken",
    "apiendpoint",
    "apikey",
    "apitoken",
    "apiurl",
    "authorization",
    "baseurl",
    "bearer",
    "context",
    "credentials",
    "endpoint",
    "host",
    "password",
    "primeapikey",
    "proxy",
    "secret",
    "server",
    "token",
    "tokenfile",
    "url",
];

/// Common misnomers of fields and algorithms, as [`bare`] gives them.
const SYNONYMS: &[(&str, &str)] = &[
    ("key", "publicKey"),
    ("sshkey", "publicKey"),
    ("pubkey", "publicKey"),
    ("file", "publicKeyFile"),
    ("path", "publicKeyFile"),
    ("isprimary", "primary"),
    ("default", "primary"),
    ("expiresat", "expires"),
    ("expiry", "expires"),
    ("validuntil", "expires"),
    ("protected", "protect"),
    ("preventdestroy", "protect"),
    ("label", "name"),
    ("title", "name"),
    ("email", "owner"),
    ("user", "userId"),
    ("sshkeys", "keys"),
    ("policies", "policy"),
    ("ed25519", "ssh-ed25519"),
    ("rsa", "ssh-rsa"),
    ("rsasha2256", "ssh-rsa"),
    ("rsasha2512", "ssh-rsa"),
];

/// Returns the known word that `word` most likely means, if it is a synonym or similar.
pub(crate) fn suggest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let bare = bare(word);
    let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == bare);
    let meant = synonym.and_then(|(_, meant)| known.iter().find(|candidate| *candidate == meant));
    meant.copied().or_else(|| nearest(word, known.iter().copied()))
}

/// Returns whether a field of that name would hold a secret or say where to send it.
pub(crate) fn is_credential(name: &str) -> bool {
    CREDENTIALS.binary_search(&bare(name).as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_credentials_is_sorted() {
        assert!(CREDENTIALS.is_sorted());
    }

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["name", "publicKey", "publicKeyFile", "owner", "expires", "protect", "primary"];
        for (word, meant) in [
            ("nmae", Some("name")),
            ("publickey", Some("publicKey")),
            ("public_key", Some("publicKey")),
            ("public-key-file", Some("publicKeyFile")),
            ("pubKey", Some("publicKey")),
            ("expire", Some("expires")),
            ("Owner", Some("owner")),
            ("protected", Some("protect")),
            ("comment", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(suggest(word, &known), meant, "{word}");
        }
    }
}
