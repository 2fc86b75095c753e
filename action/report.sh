#!/usr/bin/env bash
# Shows the result on GitHub, and ends with the exit code of keyform.
set -euo pipefail
# shellcheck source=action/lib.sh
. "$SCRIPTS/lib.sh"

run_url="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
[ ! -f "$DATA/skipped" ] || exit 0
code="$(data code)"

# Creates or updates the comment on pull request $1 that starts with the first line of file $2. With `update` as $3, it is
# not created.
comment() {
  local first id
  first="$(head -n 1 "$2")"
  id="$(api "issues/$1/comments?per_page=100" --paginate --jq '.[]' | FIRST="$first" jq --slurp '
    map(select(.user.login == env.BOT and (.body | startswith(env.FIRST))))[0].id // empty')"
  if [ -n "$id" ]; then
    api "issues/comments/$id" --silent --method PATCH --field "body=@$2"
  elif [ "${3:-}" != update ]; then
    api "issues/$1/comments" --silent --method POST --field "body=@$2"
  fi
}

status() {
  api "statuses/$1" --silent --method POST --raw-field "context=$(status_context)" --raw-field "state=$2" \
    --raw-field "description=$3" --raw-field "target_url=$run_url"
}

plan() {
  if [ "$GITHUB_EVENT_NAME" = merge_group ]; then
    # The status can be required. What was approved is that of the pull requests.
    if [ "$code" = 0 ]; then status "$GITHUB_SHA" success "Plan of the merge queue"; else status "$GITHUB_SHA" failure "There is no plan"; fi
    return
  fi
  [ -n "$PULL_REQUEST" ] || return 0
  local digest stale
  if [ "$code" = 0 ]; then
    digest="$(jq --raw-output .digest "$DATA/plan.json")"
    stale="$(stale_approvals "$PULL_REQUEST" "$digest")"
    if [ -z "$stale" ]; then
      status "$HEAD_SHA" success "$digest"
    else
      warn "The plan changed after the approval of ${stale//$'\n'/, }. Approve it again, then start this job again."
      status "$HEAD_SHA" failure "$digest changed after an approval: approve again, re-run"
    fi
  else
    status "$HEAD_SHA" failure "$(if [ "$code" = 3 ]; then echo "A guard or policy refuses the plan"; else echo "There is no plan"; fi)"
  fi
  [ "$COMMENT" = true ] || return 0
  # A run that was started again must not replace the plan of a newer commit.
  [ "$(api "pulls/$PULL_REQUEST" --jq .head.sha)" = "$HEAD_SHA" ] || return 0
  if [ -f "$DATA/plan.md" ]; then
    comment "$PULL_REQUEST" "$DATA/plan.md" \
      "$(if [ "$code" = 0 ] && jq --exit-status '.actions == []' "$DATA/plan.json" >/dev/null; then echo update; fi)"
  else
    printf '%s\nThere is no plan. [The run](%s) says why.\n' "$(marker plan)" "$run_url" >"$DATA/plan.md"
    comment "$PULL_REQUEST" "$DATA/plan.md"
  fi
}

# Prints how the waiting plan differs from the approved one.
difference() {
  [ -f "$DATA/approved.json" ] && [ -f "$DATA/plan.json" ] || return 0
  echo
  echo "What changed since the approval (\`-\` was approved, \`+\` is waiting):"
  echo
  diff -b -U 0 <("$PROGRAM" show "$DATA/approved.json" --color never) <("$PROGRAM" show "$DATA/plan.json" --color never) |
    grep -vE "^(---|\+\+\+|@@|.Commit:)" | block || true
}

apply() {
  local result request
  case "$code" in
    0) result="applied" ;;
    130) result="interrupted" ;;
    3) result="refused" ;;
    # The plan is printed once it was found to be the approved one.
    *) if grep -q "^Digest: " "$DATA/outcome.txt" 2>/dev/null; then result="failed"; else result="not applied"; fi ;;
  esac
  {
    marker apply
    printf '\n### keyform: %s%s\n\n' "$result" "${STACK:+ ($STACK)}"
    if [ -s "$DATA/why" ]; then printf '%s\n' "$(data why)"; fi
    if [ -s "$DATA/outcome.txt" ]; then head -c 50000 "$DATA/outcome.txt" | block; fi
    difference
    printf '\n[The run](%s)\n' "$run_url"
  } >"$DATA/comment.md"
  { cat "$DATA/comment.md"; if [ -f "$DATA/plan.md" ]; then printf '\nThe waiting plan:\n\n'; cat "$DATA/plan.md"; fi; } | summary
  request="$(data request)"
  # Merges that change nothing stay without a comment.
  if [ -n "$request" ] && [ "$COMMENT" = true ] && ! { [ "$code" = 0 ] && grep -q "^No changes" "$DATA/outcome.txt"; }; then
    comment "$request" "$DATA/comment.md"
  fi
}

drift() {
  local issue
  issue="$(api "issues?labels=keyform-drift&state=open&per_page=100" --paginate --jq '.[]' | FIRST="$(marker drift)" jq --slurp '
    map(select(.user.login == env.BOT and (.body | startswith(env.FIRST))))[0].number // empty')"
  if [ -f "$DATA/clean" ]; then
    if [ -n "$issue" ]; then api "issues/$issue" --silent --method PATCH --raw-field state=closed; fi
  elif [ -f "$DATA/plan.md" ]; then
    { marker drift; echo; cat "$DATA/plan.md"; } >"$DATA/issue.md"
    if [ -n "$issue" ]; then
      api "issues/$issue" --silent --method PATCH --field "body=@$DATA/issue.md"
    else
      api issues --silent --method POST --field "body=@$DATA/issue.md" --raw-field "labels[]=keyform-drift" \
        --raw-field "title=The account differs from the manifest${STACK:+ ($STACK)}"
    fi
  fi
}

case "$COMMAND" in
  plan) plan ;;
  apply) apply ;;
  drift) drift ;;
  expire | repair) if [ -s "$DATA/outcome.txt" ]; then block <"$DATA/outcome.txt" | summary; fi ;;
esac
exit "${code:-1}"
