#!/usr/bin/env bash
# Finds the plan that was approved: that of the reviewed commit of the merged pull request, or the one with a digest that
# somebody has typed.
set -euo pipefail
# shellcheck source=action/lib.sh
. "$SCRIPTS/lib.sh"

none() {
  printf '%s Review the plan in the summary, then start this workflow by hand with its digest.' "$1" >"$DATA/why"
  exit 0
}

IFS=$'\t' read -r request commit < <(api "commits/$GITHUB_SHA/pulls" --jq '.[]' | jq --raw-output --slurp '
  map(select(.merge_commit_sha == env.GITHUB_SHA and .base.ref == env.GITHUB_REF_NAME))[0] // empty
  | [.number, .head.sha] | @tsv') || true
printf '%s' "${request:-}" >"$DATA/request"

if [ -n "$DIGEST" ]; then
  [[ "$DIGEST" =~ ^sha256:[0-9a-f]{64}$ ]] || fail "not the digest of a plan: $DIGEST"
  printf '%s' "$DIGEST" >"$DATA/approved"
  exit 0
fi
[ -n "${request:-}" ] || none "No plan was approved for this commit: it is not the merge of a pull request."

IFS=$'\t' read -r state digest run < <(plan_statuses "$commit" | jq --raw-output '
  .[0] // empty | [.state, .digest, (.target_url // "" | match("[0-9]+$").string) // ""] | @tsv') || true
[ "${state:-}" = success ] && [ -n "$digest" ] || none "No plan was approved for commit $commit."
stale="$(stale_approvals "$request" "$digest")"
[ -z "$stale" ] || none "No plan was approved: it changed after the approval of ${stale//$'\n'/, }."

printf '%s' "$digest" >"$DATA/approved"
# Only to print a difference, so it may be missing.
if [ -n "$run" ] && gh run download "$run" --repo "$GITHUB_REPOSITORY" --name "keyform-plan${STACK:+-$STACK}" --dir "$DATA/kept" 2>/dev/null; then
  mv "$DATA/kept/plan.json" "$DATA/approved.json" || true
fi
