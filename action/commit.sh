#!/usr/bin/env bash
# Commits the state and its journal to the branch of this run, byte for byte as apply has left them, and checks that the
# branch has them. No file of the repository plays a part in it: neither .gitignore nor .gitattributes, nor a hook.
set -euo pipefail
# shellcheck source=action/lib.sh
. "$SCRIPTS/lib.sh"

state="$(data state)"
[ -n "$state" ] || exit 0
cd "$(git rev-parse --show-toplevel)"
export GIT_INDEX_FILE="$DATA/index"
paths=("$state" "$state.journal")

# Prints the id of a file's content, or nothing.
blob() {
  if [ -f "$1" ] && [ ! -L "$1" ]; then git hash-object -w --no-filters -- "$1"; fi
}

# Prints the id of a file in a commit, or nothing.
committed() { git rev-parse --quiet --verify "$1:$2" || true; }

is_same() {
  local path
  for path in "${paths[@]}"; do
    [ "$(blob "$path")" = "$(committed "$1" "$path")" ] || return 1
  done
}

fetch() { git fetch --quiet --no-tags --depth=1 origin "refs/heads/$GITHUB_REF_NAME"; }

if is_same HEAD; then exit 0; fi
# Someone may merge another change in the meantime.
for pause in 0 1 2 4 8 16; do
  sleep "$pause"
  fetch || continue
  if is_same FETCH_HEAD; then exit 0; fi
  git read-tree FETCH_HEAD
  for path in "${paths[@]}"; do
    id="$(blob "$path")"
    if [ -n "$id" ]; then git update-index --add --cacheinfo "100644,$id,$path"; else git update-index --force-remove -- "$path"; fi
  done
  commit="$(git -c user.name=keyform -c user.email=keyform@users.noreply.github.com commit-tree \
    -p FETCH_HEAD -m "Record what keyform changed on the account [skip ci]" "$(git write-tree)")"
  git push --quiet origin "$commit:refs/heads/$GITHUB_REF_NAME" || continue
  if fetch && is_same FETCH_HEAD; then exit 0; fi
done
fail "the state was not committed. The next plan adopts what was uploaded."
