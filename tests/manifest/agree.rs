//! What keyform reads is what any reader of YAML reads.

use std::sync::LazyLock;

use jiff::civil::Date;
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{desired, key};

static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&keyform::manifest::schema()).unwrap());

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plain {
    #[serde(rename = "version")]
    _version: u32,
    keys: Vec<PlainKey>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainKey {
    name: String,
    public_key: String,
    account_name: Option<String>,
    owner: Option<String>,
    expires: Option<Date>,
    #[serde(default)]
    protect: bool,
    #[serde(default)]
    primary: bool,
}

fn check(text: &str) {
    // Anything that the program accepts, an editor accepts.
    let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
    SCHEMA.validate(&value).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut plain: Plain = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    plain.keys.sort_by(|a, b| a.name.cmp(&b.name));
    let set = desired(text);
    assert_eq!(set.keys.len(), plain.keys.len(), "{text}");
    for (key, plain) in set.keys.iter().zip(&plain.keys) {
        assert_eq!(key.name.as_str(), plain.name, "{text}");
        assert_eq!(key.key.to_line(), plain.public_key.trim(), "{text}");
        assert_eq!(
            (&key.owner, key.account_name.as_ref().map(keyform::names::AccountName::as_str)),
            (&plain.owner, plain.account_name.as_deref()),
            "{text}"
        );
        assert_eq!((key.expires, key.protect, key.primary), (plain.expires, plain.protect, plain.primary), "{text}");
    }
}

/// Writes a text in one of the ways of YAML.
fn scalar(text: &str, style: u8) -> String {
    match style {
        0 => format!("'{}'", text.replace('\'', "''")),
        1 => serde_json::to_string(text).unwrap(),
        2 => format!(">-\n      {text}"),
        _ => format!("|-\n      {text}"),
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9][a-zA-Z0-9._@+-]{0,20}"
}

fn free_text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9:#'\"\\[\\]{}&*!|>%@`,?äß日🔑-][a-zA-Z0-9 :#'\"\\[\\]{}&*!|>%@`,?äß日🔑-]{0,20}[a-z0-9]"
}

proptest! {
    #[test]
    fn quoted_and_block_texts_agree(names in prop::collection::btree_set(name(), 0..5), free in free_text(), styles in any::<[u8; 10]>(), flags in any::<u8>()) {
        let mut text = "version: 1\nkeys:\n".to_owned();
        if names.is_empty() {
            text = "version: 1\nkeys: []\n".to_owned();
        }
        for (n, name) in names.iter().enumerate() {
            text += &format!("  - name: {}\n", scalar(name, styles[n] % 4));
            text += &format!("    publicKey: {}\n", scalar(&format!("{} some comment", key(n)), styles[n + 5] % 4));
            if flags & 1 != 0 {
                text += &format!("    owner: {}\n    expires: '2099-12-31'\n", scalar(&free, styles[n + 5] / 4 % 4));
            } else {
                text += &format!("    protect: {}\n    accountName: {}\n", flags & 2 != 0, scalar(&free, styles[n] / 4 % 4));
            }
        }
        check(&text);
    }

    #[test]
    fn plain_texts_agree_wherever_they_are_taken(name in "[a-zA-Z0-9~.+:#'\"&*!?äß日-][a-zA-Z0-9 .+:#'\"äß日-]{0,8}") {
        let text = format!("version: 1\nkeys:\n  - name: {name}\n    publicKey: {}\n", key(0));
        if crate::support::one(&text).desired.is_some() {
            check(&text);
        }
    }
}
