//! The keys in a text of the account, which anyone may have written.

use super::blob::KeyBlob;
use super::line::{self, Part};
use super::wire;

/// The keys in a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyContent {
    /// It is missing, or contains no key that can be read.
    #[default]
    Unreadable,
    /// One key, as a line of its type and base64, perhaps with a comment.
    One(KeyBlob),
    /// Several keys, or one with something before it, such as options. Each key once, in the order of the text.
    Mixed(Vec<KeyBlob>),
}

impl KeyContent {
    /// Reads a text as leniently as [`KeyBlob::of_line`] reads a line.
    ///
    /// A key in the comment of another one counts too: programs other than sshd may read it.
    pub fn of_text(text: &str) -> Self {
        let mut keys: Vec<KeyBlob> = Vec::new();
        let mut is_plain = true;
        for line in line::lines(text) {
            is_plain &= KeyBlob::of_line(line.text).is_some();
            for key in keys_of(line) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        match keys.as_slice() {
            [] => Self::Unreadable,
            [key] if is_plain => Self::One(key.clone()),
            _ => Self::Mixed(keys),
        }
    }

    /// Returns the key, if it is the only one.
    pub fn one(&self) -> Option<&KeyBlob> {
        if let Self::One(key) = self { Some(key) } else { None }
    }

    /// Returns all keys.
    pub fn all(&self) -> &[KeyBlob] {
        match self {
            Self::Unreadable => &[],
            Self::One(key) => std::slice::from_ref(key),
            Self::Mixed(keys) => keys,
        }
    }

    pub fn is_unreadable(&self) -> bool {
        *self == Self::Unreadable
    }

    /// Whether it is this key alone, or unreadable, so that it can be this key.
    pub fn can_be(&self, key: &KeyBlob) -> bool {
        self.is_unreadable() || self.one() == Some(key)
    }
}

impl From<KeyBlob> for KeyContent {
    fn from(key: KeyBlob) -> Self {
        Self::One(key)
    }
}

/// Finds the words of a line that are a type and its base64.
fn keys_of(line: Part<'_>) -> impl Iterator<Item = KeyBlob> {
    let key =
        |(label, base64): (Part<'_>, Part<'_>)| KeyBlob::from_parts(label.text, &wire::decode_lenient(base64.text)?);
    line.words().zip(line.words().skip(1)).filter_map(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";

    #[test]
    fn a_text_is_one_key_or_mixed_or_unreadable() {
        let [a, b] = [A, B].map(|key| KeyBlob::of_line(key).unwrap());
        for text in
            [A.to_owned(), format!("{A} a comment\n"), format!("# title\n\n  {A}\r\n"), format!("{A}\n{A} again")]
        {
            assert_eq!(KeyContent::of_text(&text), KeyContent::One(a.clone()), "{text}");
        }
        for text in [
            format!("{A}\n{B}"),
            format!("{A}\r{B}"),
            format!("{A} alice {B} bob"),
            format!("restrict {A}\n{B}"),
            format!("from=\"10.0.0.1\",command=\"sh -c id\" {A}\n# {A}\n{A}\n{B}"),
        ] {
            assert_eq!(KeyContent::of_text(&text), KeyContent::Mixed(vec![a.clone(), b.clone()]), "{text}");
        }
        for text in
            [format!("restrict {A}"), format!("@cert-authority {A}"), format!("what is this\n{A}"), format!("{A}\nx")]
        {
            assert_eq!(KeyContent::of_text(&text), KeyContent::Mixed(vec![a.clone()]), "{text}");
        }
        for text in ["", "ssh-ed25519", "what is this", "ssh-ed25519 AAAA", &format!("# {A}")] {
            assert_eq!(KeyContent::of_text(text), KeyContent::Unreadable, "{text}");
        }
    }
}
