//! `keyform plan`

use crate::account::list_all;
use crate::cli::args::{Plan as Args, PlanFormat};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::plan::guard;
use crate::plan::{Input, Plan, compare, file};
use crate::report::text;
use crate::state::{State, Store as _};

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let today = Context::today(args.day);
    let desired = match context.desired(today) {
        Ok(desired) => desired,
        Err(exit) => return Ok(exit),
    };
    let plan = runtime()?.block_on(async {
        let loaded = context.store()?.load().await?;
        context.warn_of(&loaded);
        let recorded = loaded.state.as_ref();
        if args.offline {
            let endpoint = context.endpoint()?;
            check(recorded, &endpoint, None)?;
            let input =
                Input { desired: &desired, recorded, observed: None, endpoint: &endpoint, today, destroy: false };
            return Ok::<_, CliError>(compare(input));
        }
        let account = context.account(args.requests)?;
        // Before the token goes anywhere: a state of another endpoint is a mistake in the making.
        check(recorded, &account.endpoint, None)?;
        let listing = list_all(&account.connection.reader(), &account.pace, account.retries).await?;
        check(recorded, &account.endpoint, listing.user_id.as_ref())?;
        let input = Input {
            desired: &desired,
            recorded,
            observed: Some(&listing),
            endpoint: &account.endpoint,
            today,
            destroy: false,
        };
        Ok(compare(input))
    })?;
    context.ui.result(&render(&plan, args.format)).map_err(cannot_print)?;
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged());
    context.ui.tell(&text::refusals(&refusals));
    Ok(match () {
        () if !refusals.is_empty() => Exit::Refused,
        () if args.detailed_exitcode && !plan.is_empty() => Exit::Pending,
        () => Exit::Done,
    })
}

/// Refuses a state that describes another account.
pub(super) fn check(
    recorded: Option<&State>,
    endpoint: &crate::account::Endpoint,
    user: Option<&crate::names::UserId>,
) -> Result<(), CliError> {
    recorded.map_or(Ok(()), |state| state.check_account(endpoint, user)).map_err(CliError::from)
}

fn render(plan: &Plan, format: PlanFormat) -> String {
    match format {
        PlanFormat::Text => text::plan(plan),
        PlanFormat::Json => file::to_text(plan),
    }
}
