//! What holds for every text.

use keyform::public_key::{KeyBlob, PublicKey};
use proptest::prelude::*;

use crate::good;

/// Any comment that OpenSSH could read, and more.
fn comment() -> impl Strategy<Value = String> {
    "[ -~\tà-üא-ת日本🔑]{0,40}"
}

fn good_text() -> impl Strategy<Value = String> {
    proptest::sample::select(good::cases()).prop_map(|case| case.text)
}

/// Checks what holds of every text, key or not.
fn check(text: &str) -> Result<(), TestCaseError> {
    let blob = KeyBlob::of_line(text);
    match PublicKey::parse(text) {
        Ok(key) => {
            prop_assert_eq!(&PublicKey::parse(&key.to_line()), &Ok(key.clone()));
            prop_assert_eq!(Some(key.blob()), blob.as_ref());
            prop_assert!(!key.to_line().contains(['\n', '\r', '\t']));
        }
        Err(error) => {
            let _ = (error.kind.help(), error.to_string());
            if let Some(span) = error.at {
                prop_assert!(text.get(span).is_some());
            }
        }
    }
    if let Some(blob) = blob {
        let _ = (blob.kind(), blob.fingerprint(), blob.randomart());
        prop_assert_eq!(KeyBlob::of_line(blob.as_str()), Some(blob.clone()));
        prop_assert_eq!(KeyBlob::try_from(blob.as_str().to_owned()), Ok(blob));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn no_text_of_words_panics(
        words in proptest::collection::vec("[ \t\r\n\"\\\\=,#]|ssh-rsa|ssh-ed25519|AAAA[A-Za-z0-9+/=]{0,60}|from=|--BEGIN|MII[A-Za-z0-9]{40}|é", 0..12),
    ) {
        check(&words.concat())?;
    }

    #[test]
    fn a_key_is_written_and_read_back_with_any_comment(text in good_text(), comment in comment()) {
        let blob = KeyBlob::of_line(&text).unwrap();
        let text = format!("{blob} {comment}");
        check(&text)?;
        if let Ok(key) = PublicKey::parse(&text) {
            prop_assert_eq!(key.comment(), comment.trim_matches([' ', '\t']).replace('\t', " "));
        }
    }

    #[test]
    fn a_key_with_one_character_changed_is_another_key_or_invalid(
        text in good_text(),
        at in any::<proptest::sample::Index>(),
        with in any::<char>(),
    ) {
        let chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        let changed: String = chars.iter().enumerate().map(|(i, c)| if i == at { with } else { *c }).collect();
        check(&changed)?;
    }
}
