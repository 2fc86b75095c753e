//! Worlds in one line: `alice=A* bob=B` is two keys, the first of them primary.
//!
//! A key is `name=LETTER`, in a state or on an account with `#id` behind it. Then come marks: `*` primary, `!`
//! protected, `~` expired, `?` without its key in the listing, `%` a system key, `(name)` its name on the account.

use keyform::account::{Endpoint, Listing, Row};
use keyform::manifest::{Desired, DesiredKey, Place};
use keyform::names::{KeyId, KeyName};
use keyform::plan::{Change, Input, Plan, compare};
use keyform::public_key::PublicKey;
use keyform::state::{Origin, Pending, Record, State, UploadRequest};

use super::account::{row, user};
use super::keys;

pub fn today() -> jiff::civil::Date {
    jiff::civil::date(2026, 11, 23)
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

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    text.split_whitespace().map(|word| {
        let (name, rest) = word.split_once('=').unwrap();
        let letter = rest.chars().next().unwrap();
        let rest = &rest[1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(rest.len());
        let (id, marks) = rest.split_at(end);
        let account_name = marks.find('(').map(|from| &marks[from + 1..marks.find(')').unwrap()]);
        Word { name, letter, id: id.trim_start_matches('#'), account_name, marks }
    })
}

pub fn desired(text: &str) -> Desired {
    let mut keys: Vec<_> = words(text)
        .map(|word| DesiredKey {
            name: KeyName::new(word.name).unwrap(),
            key: key(word.letter),
            account_name: None,
            primary: word.marks.contains('*'),
            owner: None,
            expires: word.marks.contains('~').then(|| today().yesterday().unwrap()),
            protect: word.marks.contains('!'),
            exempt: Vec::new(),
            place: Place { file: std::path::Path::new("keyform.yaml").into(), range: 0..0 },
        })
        .collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    Desired { keys, ..Desired::default() }
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
                sent_name: word.name.to_owned(),
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
            account_name: word.account_name.map(str::to_owned),
            origin: Origin::Uploaded,
            created_at: None,
        };
        state.records.insert(record.id.clone(), record);
    }
    state
}

pub fn rows(text: &str) -> Vec<Row> {
    words(text)
        .map(|word| {
            let mut row = row(word.id, word.name, key(word.letter).blob());
            row.is_primary = word.marks.contains('*');
            row.is_user_key = !word.marks.contains('%');
            if word.marks.contains('?') {
                row.blob = None;
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
            let detail = match &action.change {
                Change::Upload(new) if new.stale.is_empty() => String::new(),
                Change::Upload(new) => {
                    format!(" dropping {:?}", new.stale.iter().map(KeyId::as_str).collect::<Vec<_>>())
                }
                Change::Adopt { row, .. } => format!("#{}", row.id),
                Change::Replace { row, old, promote, .. } => {
                    let row = row.as_ref().map(|row| format!("#{}", row.id)).unwrap_or_default();
                    let old: Vec<_> = old.iter().map(|old| format!("-#{}", old.id)).collect();
                    format!("{row} {}{}", old.join(" "), if *promote { " ^" } else { "" })
                }
                Change::Promote { id, .. } => id.as_ref().map(|id| format!("#{id}")).unwrap_or_default(),
                Change::Delete(old) | Change::Forget(old) => format!("#{}", old.id),
            };
            let sign = action.change.kind().glyph();
            let protected = if action.protected { " protected" } else { "" };
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
