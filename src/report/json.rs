//! Outcomes and states as JSON, for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::apply::{Outcome, Step, Verification};
use crate::plan::Plan;
use crate::plan::file::{FORMAT_VERSION, PlanDocument};
use crate::plan::guard::Refusal;
use crate::state::{Place, Record, State};
use crate::terminal::sanitize;

/// What `apply --format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeFile<'a> {
    format_version: u64,
    success: bool,
    interrupted: bool,
    plan: PlanDocument<'a>,
    results: &'a [Step],
    /// Whether the account was listed afterwards.
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unverified_because: Option<&'a str>,
    findings: Vec<FindingFile>,
    /// The serial of the state that was written; nothing if it is as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    save_error: Option<String>,
    /// Where what was learned is kept, if not in the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_in: Option<String>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct FindingFile {
    wrong: bool,
    text: String,
}

/// Renders how a plan was carried out, plan included.
pub fn outcome(plan: &Plan, outcome: &Outcome) -> String {
    pretty(&OutcomeFile {
        format_version: FORMAT_VERSION,
        success: outcome.is_success(),
        interrupted: outcome.interrupted,
        plan: plan.document(),
        results: &outcome.steps,
        verified: outcome.is_verified(),
        unverified_because: match &outcome.verification {
            Verification::Failed(reason) => Some(reason),
            Verification::NotDone | Verification::Done(_) => None,
        },
        findings: (outcome.findings().iter())
            .map(|finding| FindingFile { wrong: finding.is_wrong(), text: finding.to_string() })
            .collect(),
        serial: outcome.saved.map(|saved| saved.serial),
        save_error: outcome.save_error.as_ref().map(ToString::to_string),
        kept_in: outcome.rescued.as_ref().and_then(|rescued| match &rescued.place {
            Place::Beside(path) | Place::Apart(path) => Some(path.display().to_string()),
            Place::Nowhere => None,
        }),
        elapsed_ms: u64::try_from(outcome.elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// What `apply --format json` prints of a plan that a guard refuses.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedFile<'a> {
    format_version: u64,
    success: bool,
    refused: Vec<RefusalFile>,
    plan: PlanDocument<'a>,
}

#[derive(Serialize)]
struct RefusalFile {
    message: String,
    help: String,
}

/// Renders a plan that is not carried out, and why.
pub fn refused(plan: &Plan, refusals: &[Refusal]) -> String {
    let refused = refusals
        .iter()
        .map(|refusal| RefusalFile { message: refusal.message().to_string(), help: refusal.help().to_string() });
    pretty(&RefusedFile {
        format_version: FORMAT_VERSION,
        success: false,
        refused: refused.collect(),
        plan: plan.document(),
    })
}

/// Renders the names of the managed keys and their ids, for scripts that create pods.
pub fn ids(state: &State) -> String {
    // Of two rows under one name the later one counts: the earlier waits to be deleted. Ids do not tell which that is.
    let mut records: Vec<_> = state.records.values().collect();
    records.sort_by_key(|record| (record.created_at, &record.id));
    let ids: BTreeMap<_, _> = records.into_iter().map(|record| (record.name.as_str(), record.id.as_str())).collect();
    pretty(&ids)
}

/// Renders records.
pub fn records(records: &[&Record]) -> String {
    pretty(&records)
}

/// Renders anything with a line feed at its end.
pub fn pretty(value: &impl Serialize) -> String {
    sanitize::json(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Endpoint;
    use crate::names::{KeyId, KeyName};
    use crate::public_key::KeyBlob;
    use crate::state::Origin;

    #[test]
    fn of_two_rows_under_one_name_the_later_is_named() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let blob = KeyBlob::of_line(key).unwrap();
        let record = |id: &str, created_at: &str| Record {
            name: KeyName::new("alice").unwrap(),
            id: KeyId::new(id).unwrap(),
            fingerprint: blob.fingerprint(),
            public_key: blob.clone(),
            account_name: None,
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
