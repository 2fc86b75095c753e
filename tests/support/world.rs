//! Worlds in one line: `alice=A* bob=B` is two keys, the first of them primary.
//!
//! A key is `name=LETTER`, in a state or on an account with `#id` behind it. Then come marks: `*` primary, `!`
//! protected, `~` expired yesterday, `+30` expires in 30 days, `<owner>`, `?` without its key in the listing, `%` a system
//! key, `$` replaced and to be deleted, in a manifest revoked. `(name)` is the name on the account, in a manifest `accountName`. The `accountName`
//! of a record is `{name}`. `&BC` is a row that also contains the keys B and C, `&` one with options.

use keyform::account::{Endpoint, Listing, Row};
use keyform::manifest::{Desired, DesiredKey, Place, RevokedKey};
use keyform::names::{AccountName, KeyId, KeyName};
use keyform::plan::{AttributeChange, Change, Input, Plan, compare};
use keyform::public_key::{KeyContent, PublicKey};
use keyform::state::{Origin, Pending, Record, State, UploadRequest};

use super::account::{row, user};
use super::keys;

pub fn today() -> jiff::civil::Date {
    jiff::civil::date(2026, 11, 23)
}

/// A day after today, or before it.
pub fn day(days: i64) -> jiff::civil::Date {
    today().checked_add(jiff::Span::new().days(days)).unwrap()
}

pub fn endpoint() -> Endpoint {
    Endpoint::parse("http://localhost/test").unwrap()
}

/// The key of a letter.
pub fn key(letter: char) -> PublicKey {
    keys::key(u64::from(u32::from(letter)))
}

/// The letter of a key.
pub fn letter(plan_key: &keyform::public_key::KeyBlob) -> char {
    ('A'..='Z').find(|&letter| key(letter).blob() == plan_key).unwrap_or('?')
}

struct Word<'a> {
    name: &'a str,
    letter: char,
    id: &'a str,
    account_name: Option<&'a str>,
    marks: &'a str,
}

impl<'a> Word<'a> {
    fn between(&self, open: char, close: char) -> Option<&'a str> {
        self.marks.split_once(open)?.1.split_once(close).map(|(text, _)| text)
    }

    fn owner(&self) -> Option<String> {
        self.between('<', '>').map(str::to_owned)
    }

    fn expires(&self) -> Option<jiff::civil::Date> {
        let days: i64 = match self.marks.split_once('+') {
            Some((_, days)) => days.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap(),
            None if self.marks.contains('~') => -1,
            None => return None,
        };
        Some(day(days))
    }
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    text.split_whitespace().map(|word| {
        let (name, rest) = word.split_once('=').unwrap();
        let letter = rest.chars().next().unwrap();
        let rest = &rest[1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(rest.len());
        let (id, marks) = rest.split_at(end);
        let word = Word { name, letter, id: id.trim_start_matches('#'), account_name: None, marks };
        Word { account_name: word.between('(', ')'), ..word }
    })
}

pub fn desired(text: &str) -> Desired {
    let place = Place { file: std::path::Path::new("keyform.yaml").into(), range: 0..0 };
    let revoked = words(text).filter(|word| word.marks.contains('$')).map(|word| RevokedKey {
        fingerprint: key(word.letter).blob().fingerprint(),
        blob: None,
        reason: Some("stolen".to_owned()),
        place: place.clone(),
    });
    let mut keys: Vec<_> = words(text)
        .filter(|word| !word.marks.contains('$'))
        .map(|word| DesiredKey {
            name: KeyName::new(word.name).unwrap(),
            key: key(word.letter),
            account_name: word.account_name.map(|name| AccountName::new(name).unwrap()),
            primary: word.marks.contains('*'),
            owner: word.owner(),
            expires: word.expires(),
            protect: word.marks.contains('!'),
            exempt: Vec::new(),
            place: place.clone(),
        })
        .collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    Desired { keys, revoked: revoked.collect(), ..Desired::default() }
}

pub fn recorded(text: &str) -> State {
    let mut state = State::new(uuid::Uuid::nil(), endpoint());
    state.serial = 1;
    state.user_id = Some(user());
    for word in words(text) {
        let blob = key(word.letter).blob().clone();
        if word.id.is_empty() {
            let request = UploadRequest { at: jiff::Timestamp::UNIX_EPOCH, timeout_seconds: 30 };
            let pending = Pending {
                name: KeyName::new(word.name).unwrap(),
                public_key: blob.clone(),
                sent_name: word.account_name.unwrap_or(word.name).to_owned(),
                account_name: word.account_name.map(str::to_owned),
                owner: word.owner(),
                expires: word.expires(),
                protect: word.marks.contains('!'),
                before: Vec::new(),
                requests: vec![request],
                id: None,
            };
            state.pending.insert(blob, pending);
            continue;
        }
        let record = Record {
            name: KeyName::new(word.name).unwrap(),
            id: KeyId::new(word.id).unwrap(),
            fingerprint: blob.fingerprint(),
            public_key: blob,
            row_name: word.account_name.map(str::to_owned),
            account_name: word.between('{', '}').map(str::to_owned),
            owner: word.owner(),
            expires: word.expires(),
            protect: word.marks.contains('!'),
            origin: Origin::Uploaded,
            created_at: None,
        };
        if word.marks.contains('$') {
            state.replaced.insert(record.id.clone(), record);
        } else {
            state.records.insert(record.id.clone(), record);
        }
    }
    state
}

pub fn rows(text: &str) -> Vec<Row> {
    words(text)
        .map(|word| {
            let mut row = row(word.id, word.name, key(word.letter).blob());
            row.is_primary = word.marks.contains('*');
            row.is_user_key = !word.marks.contains('%');
            if let Some((_, others)) = word.marks.split_once('&') {
                let letters = others.chars().take_while(char::is_ascii_uppercase);
                let keys: Vec<_> = [word.letter].into_iter().chain(letters).map(|it| key(it).blob().clone()).collect();
                row.public_key =
                    Some(format!("restrict {}", keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
                row.content = KeyContent::Mixed(keys);
            }
            if word.marks.contains('?') {
                row.content = KeyContent::Unreadable;
                row.public_key = None;
            }
            row
        })
        .collect()
}

pub fn listing(text: &str) -> Listing {
    super::account::MemoryAccount::new(super::account::Mode::default(), rows(text)).listing()
}

/// The keys `key-0000`, `key-0001` and so on.
pub fn numbered(count: u64) -> Desired {
    let template = desired("new=A").keys.remove(0);
    let key = |number| DesiredKey {
        name: KeyName::new(format!("key-{number:04}")).unwrap(),
        key: keys::key(number),
        ..template.clone()
    };
    Desired { keys: (0..count).map(key).collect(), ..Desired::default() }
}

/// The plan for a world; the account `offline` has no listing.
pub fn plan(wanted: &str, state: &str, account: &str) -> Plan {
    let listing = (account != "offline").then(|| listing(account));
    plan_of(&desired(wanted), Some(&recorded(state)), listing.as_ref())
}

pub fn plan_of(desired: &Desired, recorded: Option<&State>, observed: Option<&Listing>) -> Plan {
    compare(Input { desired, recorded, observed, endpoint: &endpoint(), today: today(), destroy: false })
}

/// A plan in one line.
pub fn show(plan: &Plan) -> String {
    let actions: Vec<_> = plan
        .actions
        .iter()
        .map(|action| {
            let row = action.change.row().map(|row| format!("#{}", row.id)).unwrap_or_default();
            let fields: Vec<_> = action.attribute_changes().iter().map(AttributeChange::field).collect();
            let fields = if fields.is_empty() { String::new() } else { format!(" {}", fields.join("+")) };
            let stale: Vec<_> =
                action.change.new_key().into_iter().flat_map(|key| &key.stale).map(KeyId::as_str).collect();
            let stale = if stale.is_empty() { String::new() } else { format!(" dropping {stale:?}") };
            let rest = match &action.change {
                Change::Upload(_) | Change::Adopt { .. } | Change::Update { .. } => String::new(),
                Change::Replace { old, promote, .. } => {
                    let old: Vec<_> = old.iter().map(|old| format!("-#{}", old.id)).collect();
                    format!(" {}{}", old.join(" "), if *promote { " ^" } else { "" })
                }
                Change::Promote { row, .. } => row.as_ref().map(|row| format!("#{}", row.id)).unwrap_or_default(),
                Change::Delete(old) | Change::Forget(old) => format!("#{}", old.id),
            };
            let detail = row + &fields + &stale + &rest;
            let sign = action.change.kind().glyph();
            let protected = if action.is_protected() { " protected" } else { "" };
            format!(
                "{sign}{}={}{detail}{protected} ({})",
                action.name,
                letter(action.change.blob()),
                action.reason.code()
            )
        })
        .collect();
    actions.join("; ")
}
