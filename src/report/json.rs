//! Outcomes and states as JSON, for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::apply::{Outcome, Step, Verification};
use crate::plan::Plan;
use crate::plan::file::{FORMAT_VERSION, PlanDocument};
use crate::state::{JournalEntry, Record, State};
use crate::terminal::json;

/// The output of `apply --format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeDocument<'a> {
    format_version: u64,
    success: bool,
    interrupted: bool,
    plan: PlanDocument<'a>,
    results: &'a [Step],
    /// Whether the account was listed after the changes.
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unverified_because: Option<&'a str>,
    findings: Vec<FindingDocument>,
    /// The serial of the saved state. Missing if the state was not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    save_error: Option<String>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct FindingDocument {
    wrong: bool,
    text: String,
}

/// Renders an outcome and its plan.
pub fn outcome(plan: &Plan, outcome: &Outcome) -> String {
    let Outcome { steps, verification, saved, save_error, unsaved: _, is_journaled: _, interrupted, elapsed } = outcome;
    let findings = outcome.findings().iter();
    pretty(&OutcomeDocument {
        format_version: FORMAT_VERSION,
        success: outcome.is_success(),
        interrupted: *interrupted,
        plan: plan.document(),
        results: steps,
        verified: outcome.is_verified(),
        unverified_because: match verification {
            Verification::Failed(reason) => Some(reason),
            Verification::NotDone | Verification::Done(_) => None,
        },
        findings: findings
            .map(|finding| FindingDocument { wrong: finding.is_wrong(), text: finding.to_string() })
            .collect(),
        serial: saved.map(|saved| saved.serial),
        save_error: save_error.as_ref().map(ToString::to_string),
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Renders results that could not be saved, one JSON object per line.
pub fn unsaved(results: &[JournalEntry]) -> String {
    results.iter().map(json::line).collect()
}

/// The output of `apply --format json` if a guard refuses the plan.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedDocument<'a> {
    format_version: u64,
    success: bool,
    plan: PlanDocument<'a>,
}

/// Renders a refused plan.
pub fn refused(plan: &Plan) -> String {
    pretty(&RefusedDocument { format_version: FORMAT_VERSION, success: false, plan: plan.document() })
}

/// Renders an object that maps names to ids, for scripts that create pods.
pub fn ids(state: &State) -> String {
    // Of two rows with the same name, the older one is about to be deleted. Ids do not show which one is older.
    let mut records: Vec<_> = state.records.values().collect();
    records.sort_by_key(|record| (record.created_at, &record.id));
    let ids: BTreeMap<_, _> = records.into_iter().map(|record| (record.name.as_str(), record.id.as_str())).collect();
    pretty(&ids)
}

pub fn records(records: &[&Record]) -> String {
    pretty(&records)
}

/// Renders a value with a line feed at the end.
pub fn pretty(value: &impl Serialize) -> String {
    json::pretty(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Endpoint;
    use crate::names::{KeyId, KeyName};
    use crate::public_key::KeyBlob;
    use crate::state::Origin;

    #[test]
    fn the_newer_of_two_rows_with_the_same_name_is_listed() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let blob = KeyBlob::of_line(key).unwrap();
        let record = |id: &str, created_at: &str| Record {
            name: KeyName::new("alice").unwrap(),
            id: KeyId::new(id).unwrap(),
            fingerprint: blob.fingerprint(),
            public_key: blob.clone(),
            row_name: None,
            account_name: None,
            owner: None,
            expires: None,
            protect: false,
            origin: Origin::Uploaded,
            created_at: Some(created_at.parse().unwrap()),
        };
        for (old, new) in [("a", "b"), ("b", "a")] {
            let mut state = State::new(uuid::Uuid::nil(), Endpoint::default());
            for record in [record(old, "2026-01-01T00:00:00Z"), record(new, "2026-02-01T00:00:00Z")] {
                state.records.insert(record.id.clone(), record);
            }
            assert_eq!(ids(&state), format!("{{\n  \"alice\": \"{new}\"\n}}\n"));
        }
    }
}
