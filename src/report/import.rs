//! The keys of an account as entries of a manifest.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use super::words::counted;
use crate::account::{Listing, Row};
use crate::manifest::edit::{UniqueNames, block_entry, scalar_in_block};
use crate::manifest::{Desired, DesiredKey, Place, schema_line};
use crate::names::{AccountName, KeyId, KeyName, MAX_NAME_CHARS, UserId};
use crate::public_key::{KeyContent, PublicKey, compromised};
use crate::terminal::escape::{escape, escape_to};

/// The user keys of an account that a manifest does not list.
#[derive(Debug)]
pub struct Import {
    /// The user of the account, unless the manifest pins one.
    pub user: Option<UserId>,
    /// Sorted by the name on the account.
    pub keys: Vec<ImportedKey>,
    /// The keys that a manifest cannot contain.
    pub left_out: Vec<LeftOut>,
}

/// A key as an entry for a manifest.
#[derive(Debug)]
pub struct ImportedKey {
    pub entry: DesiredKey,
    /// The name on the account, if `accountName` cannot have it.
    pub lost_name: Option<String>,
}

#[derive(Debug)]
pub struct LeftOut {
    pub id: KeyId,
    pub account_name: String,
    pub why: String,
}

impl Import {
    /// Takes the user keys of an account, without those in `existing`, the manifest that they are added to.
    pub fn of(observed: &Listing, existing: Option<&Desired>) -> Self {
        let listed: HashSet<_> = existing.iter().flat_map(|desired| &desired.keys).map(|key| key.key.blob()).collect();
        let revoked: HashSet<_> =
            existing.iter().flat_map(|desired| &desired.revoked).map(|key| &key.fingerprint).collect();
        let mut names = UniqueNames::default();
        for key in existing.iter().flat_map(|desired| &desired.keys) {
            names.unique(key.name.as_str());
        }
        let has_primary = existing.is_some_and(|desired| desired.keys.iter().any(|key| key.primary));

        let mut rows: Vec<&Row> = observed.rows().iter().collect();
        // Of several rows with the same key, the primary or the oldest is listed, which is also the choice of the plan.
        rows.sort_by_key(|row| (!row.is_primary, row.created_at.is_none(), row.created_at, &row.id));
        let mut found = Vec::new();
        let mut left_out = Vec::new();
        let mut seen = HashSet::new();
        let mut leave = |row: &Row, why: &str| {
            left_out.push(LeftOut { id: row.id.clone(), account_name: row.name.clone(), why: why.to_owned() });
        };
        for row in rows {
            match key_of(row) {
                Ok(key) if listed.contains(key.blob()) => {}
                Ok(key) if revoked.contains(&key.blob().fingerprint()) => leave(row, "the manifest revokes it"),
                Ok(key) if seen.insert(key.blob().clone()) => found.push((row, key)),
                Ok(_) => leave(row, "duplicate of a key above"),
                Err(why) => leave(row, &why),
            }
        }
        let compromised = compromised(found.iter().map(|(_, key)| key));
        for (index, compromise) in &compromised {
            let Some((row, key)) = found.get(*index) else { continue };
            let how = format!("`keyform revoke {}` removes it from the account", key.blob().fingerprint());
            leave(row, &format!("{compromise}; {how}"));
        }
        let mut index = 0..;
        found.retain(|_| index.next().is_some_and(|index| !compromised.contains_key(&index)));
        found.sort_by(|(a, _), (b, _)| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let keys = found.into_iter().filter_map(|(row, key)| imported(row, key, has_primary, &mut names)).collect();
        let has_account = existing.is_some_and(|desired| desired.account.is_some());
        Self { user: observed.user_id().filter(|_| !has_account).cloned(), keys, left_out }
    }

    /// Renders a whole manifest. It is valid, and its plan uploads nothing. What is left out is in comments.
    pub fn manifest(&self) -> String {
        let Self { user, keys, left_out } = self;
        let mut out = format!("{}version: 1\n", schema_line());
        if let Some(user) = user {
            let _ = writeln!(out, "account:\n  userId: {}", scalar_in_block(user.as_str()));
        }
        let _ = writeln!(out, "keys:{}", if keys.is_empty() { " []" } else { "" });
        for ImportedKey { entry, lost_name } in keys {
            if let Some(name) = lost_name {
                let _ = writeln!(out, "  # named {} on the account", quoted(name));
            }
            out.push_str(&block_entry(entry));
        }
        if !left_out.is_empty() {
            let _ = writeln!(out, "# Not imported: {}", counted(left_out.len(), "key"));
        }
        for line in self.left_out_lines() {
            let _ = writeln!(out, "#   {line}");
        }
        out
    }

    /// Describes the keys that are left out, one line each.
    pub fn left_out_lines(&self) -> impl Iterator<Item = String> {
        self.left_out
            .iter()
            .map(|LeftOut { id, account_name, why }| format!("{id} {}: {}", quoted(account_name), escape(why)))
    }

    /// Sums up in one line: `2 keys imported, 1 left out`.
    pub fn summary(&self) -> String {
        let imported = format!("{} imported", counted(self.keys.len(), "key"));
        let renamed =
            self.keys.iter().filter(|key| key.entry.account_name.is_some() || key.lost_name.is_some()).count();
        let renamed = (renamed > 0).then(|| format!("{renamed} with a new name"));
        let left_out = (!self.left_out.is_empty()).then(|| format!("{} left out", self.left_out.len()));
        std::iter::once(imported).chain(renamed).chain(left_out).collect::<Vec<_>>().join(", ")
    }
}

/// Makes an entry of a row, whose name becomes the `accountName` if it is not an identifier.
fn imported(row: &Row, key: PublicKey, has_primary: bool, names: &mut UniqueNames) -> Option<ImportedKey> {
    let name = names.unique(&row.name);
    let account_name = AccountName::new(&row.name).ok().filter(|_| name != row.name);
    let lost_name = (name != row.name && account_name.is_none()).then(|| row.name.clone());
    let entry = DesiredKey {
        name: KeyName::new(name).ok()?,
        key,
        account_name,
        primary: row.is_primary && !has_primary,
        owner: None,
        expires: None,
        protect: false,
        exempt: Vec::new(),
        place: Place { file: Path::new("").into(), range: 0..0 },
    };
    Some(ImportedKey { entry, lost_name })
}

/// Formats the name of a row in quotes, on one line.
fn quoted(account_name: &str) -> String {
    format!("\"{}\"", escape_to(account_name, MAX_NAME_CHARS))
}

fn key_of(row: &Row) -> Result<PublicKey, String> {
    if let KeyContent::Mixed(keys) = &row.content {
        let fingerprints: Vec<_> = keys.iter().map(|key| key.fingerprint().to_string()).collect();
        return Err(format!("several keys or options: {}", fingerprints.join(", ")));
    }
    let line = row.public_key.as_deref().ok_or("the account does not return its public key")?;
    PublicKey::parse(line).map_err(|error| error.to_string())
}
