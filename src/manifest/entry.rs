//! Reads one entry of `keys`.

use super::code::Code;
use super::contents::{Entry, Optional};
use super::fields::FieldReader;
use super::key_field::read_key;
use super::limits::{MAX_OWNER_CHARS, MAX_SHOWN_CHARS};
use super::policy::PolicyCheck;
use super::suggest::suggest;
use super::tree::{Field, Mapping, Node, Spanned};
use crate::names::{AccountName, KeyName, NameError};
use crate::terminal::escape::escape_to;

pub(crate) const FIELDS: [&str; 9] =
    ["name", "publicKey", "publicKeyFile", "accountName", "owner", "expires", "protect", "exempt", "primary"];

pub(crate) fn read(node: &Node<'_>, mapping: &Mapping<'_>, reader: &mut FieldReader<'_>) -> Entry {
    let head = node.head();
    let mut entry = Entry {
        range: node.range.clone(),
        head: head.clone(),
        name: None,
        key: None,
        account_name: None,
        owner: Optional::Missing,
        expires: Optional::Missing,
        primary: None,
        protect: None,
        exempt: Vec::new(),
    };
    let (mut named, mut inline, mut in_file) = (false, None, None);
    // A field that was misspelled is not reported as missing too.
    let mut misspelled = Vec::new();
    for field in &mapping.fields {
        match &*field.name.value {
            "name" => {
                named = true;
                entry.name = read_name(&field.value, reader);
            }
            "publicKey" => inline = Some(field),
            "publicKeyFile" => in_file = Some(field),
            "accountName" => entry.account_name = read_account_name(&field.value, reader),
            "owner" => {
                let owner = reader.line(&field.value, "`owner`", MAX_OWNER_CHARS);
                entry.owner = Optional::present(owner.map(str::to_owned));
            }
            "expires" => {
                let date = reader.date(field);
                entry.expires =
                    Optional::present(date.map(|value| Spanned { value, range: field.value.range.clone() }));
            }
            "protect" => {
                entry.protect = reader.bool(field).map(|value| Spanned { value, range: field.value.range.clone() });
            }
            "exempt" => entry.exempt = read_exempt(field, reader),
            "primary" => {
                entry.primary = reader.bool(field).map(|value| Spanned { value, range: field.value.range.clone() });
            }
            _ => misspelled.extend(reader.unknown(field, &FIELDS, "a key")),
        }
    }
    if !named && !misspelled.contains(&"name") {
        reader.missing(mapping, &head, "name", "the key", "name: …");
    }
    if misspelled.contains(&"owner") {
        entry.owner = Optional::Invalid;
    }
    if misspelled.contains(&"expires") {
        entry.expires = Optional::Invalid;
    }
    let keyless = inline.is_none() && in_file.is_none();
    if keyless && !misspelled.iter().any(|meant| meant.starts_with("publicKey")) {
        let example = "publicKey: ssh-ed25519 …` or `publicKeyFile: …";
        reader.missing(mapping, &head, "publicKey", "the key", example);
    }
    entry.key = read_key(inline, in_file, reader);
    entry
}

fn read_name(node: &Node<'_>, reader: &mut FieldReader<'_>) -> Option<Spanned<KeyName>> {
    let text = reader.text(node, "`name`")?;
    match KeyName::new(text) {
        Ok(value) => Some(Spanned { value, range: node.range.clone() }),
        Err(error) => {
            let message = format!("invalid `name`: {error}");
            let help = match error {
                NameError::TooLong { .. } => "shorten it",
                _ => "use letters, digits and `._@+-`, such as `alice-laptop`; any text is allowed in `accountName`",
            };
            reader.error(Code::NameInvalid, &node.range, message, help);
            None
        }
    }
}

fn read_account_name(node: &Node<'_>, reader: &mut FieldReader<'_>) -> Option<AccountName> {
    let text = reader.text(node, "`accountName`")?;
    match AccountName::new(text) {
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("invalid `accountName`: {error}");
            reader.error(Code::AccountNameInvalid, &node.range, message, "use visible text on one line");
            None
        }
    }
}

fn read_exempt(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Vec<PolicyCheck> {
    let known = PolicyCheck::ALL.map(PolicyCheck::field);
    let mut exempt = Vec::new();
    for item in reader.list(field, "such as `[maxLifetimeDays]`").unwrap_or_default() {
        let Some(text) = reader.text(item, "a check") else {
            continue;
        };
        if let Some(check) = PolicyCheck::ALL.into_iter().find(|check| check.field() == text) {
            exempt.push(check);
            continue;
        }
        let help = match suggest(text, &known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known checks: {}", known.join(", ")),
        };
        let message = format!("unknown check `{}`", escape_to(text, MAX_SHOWN_CHARS));
        reader.error(Code::FieldValue, &item.range, message, help);
    }
    exempt.sort_unstable();
    exempt.dedup();
    exempt
}
