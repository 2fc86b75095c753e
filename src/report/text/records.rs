//! The recorded keys as text.

use std::fmt::{Display, Write as _};

use unicode_width::UnicodeWidthStr as _;

use super::type_of;
use crate::report::View;
use crate::report::words::counted;
use crate::state::{Origin, Record, State};
use crate::terminal::escape::escape;
use crate::terminal::style::{DIM, NAME, WARN, paint};

/// Renders the recorded keys as a table, followed by keys that may have been uploaded.
pub fn records(state: &State) -> String {
    let records = state.sorted();
    let width = records.iter().map(|record| record.name.as_str().width()).max().unwrap_or_default();
    let mut out = String::new();
    for record in &records {
        let name = record.name.as_str();
        let pad = " ".repeat(width.saturating_sub(name.width()));
        let _ = writeln!(out, "{}{pad}  {}  {}", paint(NAME, name), record.id, type_of(&record.public_key));
    }
    for record in state.replaced.values() {
        let _ = writeln!(
            out,
            "{}  {}  {}",
            paint(NAME, &record.name),
            record.id,
            paint(WARN, "replaced, still to be deleted")
        );
    }
    let mut pending: Vec<_> = state.pending.values().map(|pending| &pending.name).collect();
    pending.sort();
    for name in pending {
        let _ = writeln!(out, "{}  {}", paint(NAME, name), paint(WARN, "upload not confirmed"));
    }
    let _ = writeln!(out, "{}", paint(DIM, format!("{}, serial {}", counted(records.len(), "key"), state.serial)));
    out
}

/// Renders all fields of a record.
pub fn record(record: &Record, view: View) -> String {
    let Record {
        name,
        id,
        public_key,
        fingerprint,
        row_name,
        account_name,
        owner,
        expires,
        protect,
        origin,
        created_at,
    } = record;
    let mut out = String::new();
    let mut field = |label: &str, value: &dyn Display| {
        let _ = writeln!(out, "{} {value}", paint(DIM, format!("{label:<12}")));
    };
    field("name", &paint(NAME, name));
    field("id", id);
    if let Some(row_name) = row_name {
        field("on account", &format_args!("\"{}\"", escape(row_name)));
    }
    if let Some(account_name) = account_name {
        field("account name", &format_args!("\"{}\"", escape(account_name)));
    }
    if let Some(owner) = owner {
        field("owner", &escape(owner));
    }
    if let Some(expires) = expires {
        field("expires", expires);
    }
    if *protect {
        field("protected", &"yes");
    }
    field("type", &type_of(public_key));
    field("fingerprint", fingerprint);
    field(
        "origin",
        &match origin {
            Origin::Uploaded => "uploaded",
            Origin::Adopted => "adopted",
        },
    );
    if let Some(created_at) = created_at {
        field("created", created_at);
    }
    field("public key", &public_key.as_str());
    if view.randomart {
        public_key.randomart().iter().for_each(|row| field("", row));
    }
    out
}
