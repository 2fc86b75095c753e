//! The results and events of an apply.

use insta::assert_snapshot;
use keyform::account::Failure;
use keyform::apply::{Event, Finding, Outcome, Status, Step, Verification};
use keyform::names::KeyId;
use keyform::report::events::Events;
use keyform::report::{View, json, text};
use uuid::Uuid;

use crate::scenes::Scene;
use crate::support::account::refused;

pub(crate) fn failure(message: &str) -> Failure {
    Failure { help: Some(message.to_owned()), ..refused(message) }
}

/// An outcome in which the actions ended in these ways, in turn.
pub(crate) fn outcome(scene: &Scene, statuses: &[Status], findings: Vec<Finding>) -> Outcome {
    let steps = scene.plan.actions.iter().zip(statuses.iter().cycle()).map(|(action, status)| Step {
        name: action.name.clone(),
        kind: action.change.kind(),
        status: status.clone(),
    });
    Outcome {
        steps: steps.collect(),
        verification: Verification::Done(findings),
        saved: None,
        save_error: None,
        unsaved: Vec::new(),
        is_journaled: false,
        interrupted: false,
        elapsed: std::time::Duration::ZERO,
    }
}

/// Renders every event of an outcome as lines.
pub(crate) fn events(scene: &Scene, outcome: &Outcome) -> String {
    let events = Events::of(&scene.plan, Uuid::nil());
    let time = "2026-11-24T12:00:00Z".parse().unwrap();
    let id = KeyId::new("id-1").unwrap();
    let mut lines = events.event(&Event::Started { steps: outcome.steps.len() }, time);
    for (step, action) in outcome.steps.iter().zip(&scene.plan.actions) {
        lines += &events.event(&Event::Recorded { action, id: &id }, time);
        if let Status::Failed(failure) = &step.status {
            lines += &events.event(&Event::Retrying { name: step.name.as_str(), failure }, time);
            lines += &events.event(&Event::Uncertain { name: &step.name, failure }, time);
        }
        lines += &events.event(&Event::Ended { step, action }, time);
    }
    lines += &events.event(&Event::Verified { findings: outcome.findings() }, time);
    lines += &events.refused(time);
    lines
}

fn statuses() -> Vec<Status> {
    vec![
        Status::Done { id: KeyId::new("id-1").unwrap() },
        Status::Failed(failure("the name is taken")),
        Status::Pending(failure("the response was lost")),
        Status::Skipped { reason: "the run was interrupted".to_owned() },
    ]
}

#[test]
fn every_status_is_rendered() {
    let scene = Scene::named("each");
    let outcome = outcome(&scene, &statuses(), Vec::new());
    let text = text::outcome(&scene.plan, &outcome, "keyform.state.json", View::default());
    assert_snapshot!("outcome_text", anstream::adapter::strip_str(&text).to_string());
    let events = events(&scene, &outcome).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    assert_snapshot!("outcome_events", events);
    let json: serde_json::Value = serde_json::from_str(&json::outcome(&scene.plan, &outcome)).unwrap();
    assert_eq!(json["results"].as_array().unwrap().len(), scene.plan.actions.len());
    assert_eq!(json["success"], false);
}

#[test]
fn long_lists_of_successes_are_shortened_and_failures_are_not() {
    let scene = Scene::named("many");
    let mut statuses = vec![Status::Done { id: KeyId::new("id-1").unwrap() }; 100];
    statuses[99] = Status::Failed(failure("the name is taken"));
    let outcome = outcome(&scene, &statuses, Vec::new());
    let rendered = |full| text::outcome(&scene.plan, &outcome, "s", View { full, ..View::default() });
    assert_eq!(rendered(false).matches("the name is taken").count(), 2 * 20);
    assert!(rendered(false).contains("… and 1960 more uploaded (use --full to show all)"), "{}", rendered(false));
    assert_eq!(rendered(true).matches("uploaded as").count(), 1_980);
}
