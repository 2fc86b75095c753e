//! The command that carries out a plan as it was shown, for people to copy and for pipelines to read.

use super::args::{Acknowledge, Day, Plan as Args, Recovery, Requests, Scope};
use super::context::Context;
use crate::plan::Plan;
use crate::terminal::shell::{flag, quoted};

/// Writes `keyform apply` with all that the plan depends on, and its digest.
pub(super) fn apply(context: &Context, args: &Args, plan: &Plan) -> String {
    let Args {
        format: _,
        detailed_exitcode: _,
        max_chars: _,
        full: _,
        randomart: _,
        out: _,
        scope,
        recovery,
        requests,
        acknowledge,
        day,
    } = args;
    let mut words = vec!["keyform".to_owned(), "apply".to_owned(), "--auto-approve".to_owned()];
    words.extend(context.chosen());
    words.extend(of_scope(scope));
    let Recovery { recover } = recovery;
    words.extend(recover.iter().flat_map(|path| flag("--recover", &path.display().to_string())));
    words.extend(of_acknowledge(acknowledge));
    // How long it may take does not change what is done.
    let Requests { retries: _, timeout: _ } = requests;
    let Day { today } = day;
    words.extend(today.iter().flat_map(|today| ["--today".to_owned(), today.to_string()]));
    words.extend(["--plan-digest".to_owned(), plan.digest().to_string()]);
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn of_scope(scope: &Scope) -> Vec<String> {
    let Scope { offline, target, destroy } = scope;
    let mut words = Vec::new();
    words.extend(offline.then(|| "--offline".to_owned()));
    words.extend(target.iter().flat_map(|name| flag("--target", name.as_str())));
    words.extend(destroy.then(|| "--destroy".to_owned()));
    words
}

fn of_acknowledge(acknowledge: &Acknowledge) -> Vec<String> {
    let Acknowledge { allow_deletes, allow_primary_loss, allow_empty_account, allow_protected } = acknowledge;
    let mut words = Vec::new();
    if *allow_deletes > 0 {
        words.extend(["--allow-deletes".to_owned(), allow_deletes.to_string()]);
    }
    words.extend(allow_primary_loss.then(|| "--allow-primary-loss".to_owned()));
    words.extend(allow_empty_account.then(|| "--allow-empty-account".to_owned()));
    words.extend(allow_protected.iter().flat_map(|name| flag("--allow-protected", name.as_str())));
    words
}
