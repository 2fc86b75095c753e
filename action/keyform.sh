#!/usr/bin/env bash
# Runs keyform. This is the only script with the token of the account. The exit code goes to the last step, report.sh.
set -euo pipefail
# shellcheck source=action/lib.sh
. "$SCRIPTS/lib.sh"

# Reads a list that prepare.sh has written, and appends it to $list.
read_list() {
  local argument
  while IFS= read -r -d '' argument; do list+=("$argument"); done <"$DATA/$1"
}

list=()
read_list manifests
manifests=("${list[@]}")
read_list arguments
workspace=("${list[@]}")
list=()
read_list flags
# An empty array counts as unset in old versions of bash.
flags=(${list[@]+"${list[@]}"})

# Variables for the store of the state.
set_state_environment() {
  local line name
  while IFS= read -r line; do
    line="${line%$'\r'}"
    [ -n "${line// /}" ] || continue
    name="${line%%=*}"
    [[ "$line" = *=* && "$name" =~ ^(AWS|AZURE|GOOGLE|TF_HTTP)_[A-Z0-9_]+$|^STORAGE_EMULATOR_HOST$ ]] ||
      fail "state-environment: expected lines of NAME=VALUE with names as AWS_REGION, found $name"
    if [[ "$name" =~ KEY|SECRET|TOKEN|PASSWORD ]]; then printf '::add-mask::%s\n' "$(escaped "${line#*=}")"; fi
    export "$name=${line#*=}"
  done <<<"$STATE_ENVIRONMENT"
  unset STATE_ENVIRONMENT
  # Instead of credentials, the job can prove with a token of GitHub who it is.
  if [ -n "${AWS_ROLE_ARN:-}" ] && [ -z "${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ]; then
    identity_token sts.amazonaws.com
    export AWS_WEB_IDENTITY_TOKEN_FILE="$DATA/identity"
  elif [ -n "${AZURE_CLIENT_ID:-}" ] && [ -z "${AZURE_CLIENT_SECRET:-}${AZURE_FEDERATED_TOKEN_FILE:-}" ]; then
    identity_token api://AzureADTokenExchange
    export AZURE_FEDERATED_TOKEN_FILE="$DATA/identity"
  fi
}

identity_token() {
  [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] || fail "the job needs the permission id-token: write"
  (
    umask 077
    curl --silent --show-error --fail --retry 3 \
      --header @<(printf 'Authorization: Bearer %s\n' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN") \
      "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$1" | jq --exit-status --join-output .value >"$DATA/identity"
  ) || fail "GitHub gave no identity token"
}

# Runs the program, and passes on a cancellation, so that it can save its results. Sets $code.
keyform() {
  code=0
  "$PROGRAM" "$@" &
  local child=$!
  trap 'kill -TERM "$child" 2>/dev/null || true' INT TERM
  while :; do
    code=0
    wait "$child" || code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  trap - INT TERM
}

# Writes plan.json and plan.md. A plan that a guard refuses is written too; then $code is 3.
plan() {
  keyform plan "${workspace[@]}" --commit "$HEAD_SHA" --max-chars 65000 --out "$DATA/plan.json" --format markdown "$@" >"$DATA/plan.md"
  if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then rm -f "$DATA/plan.json" "$DATA/plan.md"; fi
}

# Sets the outputs of the plan.
tell_plan() {
  [ -f "$DATA/plan.json" ] || return 0
  output has-changes "$(jq '.actions | length > 0' "$DATA/plan.json")"
  output digest "$(jq --raw-output .digest "$DATA/plan.json")"
  output plan "$DATA/plan.json"
}

# Runs a command that changes something, and keeps what it prints.
change() {
  keyform "$@" >"$DATA/outcome.txt" 2>&1
  cat "$DATA/outcome.txt"
}

validate() { keyform validate "${manifests[@]}" --format github; }

check() {
  validate
  local result=$code
  if [ "$code" -eq 0 ] && [ -f "$DATA/state" ]; then
    # A guard can refuse the plan. That is not for this command to decide: it does not know the account.
    keyform plan "${workspace[@]}" --offline --format markdown >"$DATA/plan.md"
    summary <"$DATA/plan.md"
    if [ "$code" -ne 3 ]; then result=$code; fi
  elif [ "$code" -eq 0 ]; then
    echo "The manifest is valid. There is no plan: a check has no credentials for the state." | summary
  fi
  if [ -f "$DATA/touched" ]; then result=1; fi
  code=$result
}

drift() {
  plan --only-expired
  local due=0
  if [ -f "$DATA/plan.json" ]; then due="$(jq '.actions | length' "$DATA/plan.json")"; fi
  output expired "$([ "$due" -eq 0 ] && echo false || echo true)"
  plan
  tell_plan
  if [ -f "$DATA/plan.md" ]; then summary <"$DATA/plan.md"; fi
  [ -f "$DATA/plan.json" ] || return 0
  # What an apply on a schedule removes is no drift.
  if jq --exit-status --argjson due "$due" '
    (.actions | length) == $due and (.drift | length) == 0 and all(.unmanaged[]?; .isExpected)
    and all(.warnings[]; .code | IN("copies", "mixed-left", "unreadable", "unconfirmed") | not)' "$DATA/plan.json" >/dev/null
  then touch "$DATA/clean"; fi
  code=0
}

apply() {
  local approved result=1
  approved="$(data approved)"
  if [ -n "$approved" ]; then
    change apply "${workspace[@]}" ${flags[@]+"${flags[@]}"} --auto-approve --plan-digest "$approved"
    if [ "$code" -ne 1 ] && [ "$code" -ne 3 ]; then return; fi
    result=$code
  fi
  plan ${flags[@]+"${flags[@]}"}
  tell_plan
  if [ -z "$approved" ] || grep -q "this is not the plan that was approved" "$DATA/outcome.txt"; then
    if [ "$code" -eq 0 ] && jq --exit-status '.actions == []' "$DATA/plan.json" >/dev/null; then
      # There is nothing to approve. What a run that was killed left behind is recorded.
      change apply "${workspace[@]}" --auto-approve --plan-digest "$(jq --raw-output .digest "$DATA/plan.json")"
      rm -f "$DATA/plan.md" "$DATA/plan.json" "$DATA/why"
      return
    fi
    if [ -z "$approved" ]; then error "$(data why)"; fi
  fi
  code=$result
}

code=0
case "$COMMAND" in
  validate | check) ;;
  *)
    if [ -z "$PRIME_API_KEY" ] && [ "$COMMAND" = plan ] && [ "$GITHUB_ACTOR" = "dependabot[bot]" ]; then
      note "There is no plan: the pull requests of Dependabot have no secrets. Close and reopen it to plan it."
      touch "$DATA/skipped"
      exit 0
    fi
    [ -n "$PRIME_API_KEY" ] || fail "there is no API token: the input token is empty"
    set_state_environment
    ;;
esac
case "$COMMAND" in
  validate) validate ;;
  check) check ;;
  plan)
    plan
    tell_plan
    if [ -f "$DATA/plan.md" ]; then summary <"$DATA/plan.md"; fi
    ;;
  drift) drift ;;
  apply) apply ;;
  expire) change apply "${workspace[@]}" --only-expired --auto-approve ;;
  repair) change state rebuild "${workspace[@]}" --auto-approve ;;
esac
printf '%s' "$code" >"$DATA/code"
