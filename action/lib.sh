# shellcheck shell=bash
# Functions of all scripts here. The scripts share files in the folder $DATA, which is outside of the checkout:
#
#   manifests, arguments, flags   arguments of keyform, each ended by a NUL
#   state                         path of a committed state, from the root of the repository
#   touched                       exists if a pull request changes the state
#   approved, why                 digest of the approved plan; why there is none
#   approved.json                 that plan, if it was kept
#   request                       number of the merged pull request
#   plan.json, plan.md            the plan
#   clean                         exists if the account is as it should be
#   outcome.txt, code             output and exit code of keyform
#   skipped                       exists if there is nothing to report

# The user of requests with the token of a job.
export BOT="github-actions[bot]"

# Prints text as the data of a workflow command.
escaped() {
  local text="${1//'%'/%25}"
  text="${text//$'\r'/%0D}"
  printf '%s' "${text//$'\n'/%0A}"
}

error() { printf '::error title=keyform::%s\n' "$(escaped "$1")"; }
warn() { printf '::warning title=keyform::%s\n' "$(escaped "$1")"; }
note() { printf '::notice title=keyform::%s\n' "$(escaped "$1")"; }

fail() {
  error "$1"
  exit 1
}

# Prints a file of $DATA, or nothing.
data() { if [ -f "$DATA/$1" ]; then cat "$DATA/$1"; fi; }

output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

summary() { cat >>"$GITHUB_STEP_SUMMARY"; }

api() {
  local path="$1"
  shift
  gh api "repos/$GITHUB_REPOSITORY/$path" "$@"
}

# Runs git without what the repository could have it run.
git() {
  command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.attributesFile=/dev/null --no-pager "$@"
}

# The context of the status of a plan.
status_context() { printf 'keyform/plan%s' "${STACK:+/$STACK}"; }

# The first line of a comment or an issue: it makes them unique for each stack.
marker() { printf '<!-- keyform:%s%s -->' "$1" "${STACK:+ $STACK}"; }

# A block of code. No line of what keyform prints is ten backticks.
# shellcheck disable=SC2016
block() { printf '``````````text\n%s\n``````````\n' "$(cat)"; }

# Prints the statuses of commit $1 with a digest of a plan, newest first, as one JSON array.
plan_statuses() {
  api "commits/$1/statuses?per_page=100" --paginate --jq '.[]' | jq --compact-output --slurp --arg context "$(status_context)" '
    map(select(.context == $context and .creator.login == env.BOT)
      | {created_at, state, target_url, digest: ((.description // "" | match("^sha256:[0-9a-f]{64}").string) // "")})'
}

# Prints who approved pull request $1 on a commit whose status did not show digest $2 at that time, one a line.
stale_approvals() {
  local approvals commit at user shown
  approvals="$(api "pulls/$1/reviews?per_page=100" --paginate --jq '.[]' | jq --raw-output --slurp '
    map(select(.state != "COMMENTED")) | group_by(.user.login) | map(last | select(.state == "APPROVED"))[]
    | [.commit_id, .submitted_at, .user.login] | @tsv')"
  while IFS=$'\t' read -r commit at user; do
    [ -n "$commit" ] || continue
    shown="$(plan_statuses "$commit" | jq --raw-output --arg at "$at" 'map(select(.created_at < $at))[0].digest // ""')"
    if [ "$shown" != "$2" ]; then printf '%s\n' "$user"; fi
  done <<<"$approvals"
}
