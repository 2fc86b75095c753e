#!/usr/bin/env bash
# Decides where manifest and state are. A pull request is checked and planned with the state of its base branch: its own is
# replaced in the checkout. `check` refuses a pull request that changes it.
set -euo pipefail
# shellcheck source=action/lib.sh
. "$SCRIPTS/lib.sh"

case "$COMMAND" in
  validate | check | plan | apply | drift | expire | repair) ;;
  *) fail "not a command: $COMMAND" ;;
esac

# Writes a list of arguments to a file, each ended by a NUL.
keep() {
  local file="$DATA/$1"
  shift
  : >"$file"
  [ $# -eq 0 ] || printf '%s\0' "$@" >"$file"
}

paths=()
manifests=()
while IFS= read -r path; do
  [ -n "$path" ] || continue
  paths+=("$path")
  manifests+=(--manifest "$path")
done <<<"$MANIFEST"
[ "${#paths[@]}" -gt 0 ] || fail "the input manifest is empty"
keep manifests "${manifests[@]}"

case "$STATE" in
  *://*) ;;
  "")
    [ "${#paths[@]}" -le 1 ] || fail "with several manifests, the input state is required"
    folder="${paths[0]}"
    [ -d "$folder" ] || folder="$(dirname "$folder")"
    state="$folder/keyform.state.json"
    ;;
  *) state="$STATE" ;;
esac
arguments=()
[ -z "$STATE" ] || arguments+=(--state "$STATE")
[ -z "$STACK" ] || arguments+=(--stack "$STACK")
keep arguments ${arguments[@]+"${arguments[@]}"}

# What a guard asks for, and nothing else.
# shellcheck disable=SC2153
read -ra flags <<<"$FLAGS"
for ((at = 0; at < ${#flags[@]}; at++)); do
  case "${flags[at]}" in
    --allow-primary-loss | --allow-empty-account | --allow-new-state | --allow-unmanaged) ;;
    --allow-deletes | --allow-protected)
      at=$((at + 1))
      [[ "${flags[at]:-}" =~ ^[A-Za-z0-9][A-Za-z0-9._@+-]*$ ]] || fail "${flags[at - 1]} needs a value"
      ;;
    *) fail "not a flag of a guard: ${flags[at]}" ;;
  esac
done
keep flags ${flags[@]+"${flags[@]}"}

[ -n "${state:-}" ] || exit 0
# From here on, the state is committed.
state="$(git rev-parse --show-prefix)${state#./}"
case "/$state/" in *//* | */../* | */./*) fail "not a path below the working directory: $STATE" ;; esac
cd "$(git rev-parse --show-toplevel)"
printf '%s' "$state" >"$DATA/state"

# The commit whose state counts.
case "$GITHUB_EVENT_NAME" in
  pull_request)
    # The merge of the pull request into its base branch, which GitHub makes. Any other commit could have another parent.
    [ "$(git rev-parse --quiet --verify 'HEAD^2' || true)" = "$HEAD_SHA" ] ||
      fail "check out the merge commit of the pull request, which is the default, with fetch-depth: 2"
    source="HEAD^1"
    base="HEAD^1"
    ;;
  merge_group)
    git cat-file -e "$QUEUE_BASE_SHA^{commit}" 2>/dev/null || fail "check out the merge group with fetch-depth: 0"
    source="$QUEUE_BASE_SHA"
    base="$QUEUE_BASE_SHA"
    ;;
  *) source=HEAD ;;
esac

if [ "$COMMAND" = check ] && [ -n "${base:-}" ]; then
  touched=()
  while IFS= read -r -d '' path; do
    case "$path" in
      *keyform.state.json | *keyform.state.json.* | "$state" | "$state".*) touched+=("$path") ;;
      # A link in place of a folder would lead to another state.
      *) case "$state" in "$path"/*) touched+=("$path") ;; esac ;;
    esac
  done < <(git diff --name-only --no-renames --no-ext-diff -z "$base" HEAD)
  for path in ${touched[@]+"${touched[@]}"}; do
    error "$path: only apply changes the state. To repair it, start the workflow by hand with repair."
    touch "$DATA/touched"
  done
fi

for path in "$state" "$state.journal"; do
  above="$path"
  while [ "$above" != . ]; do
    [ ! -L "$above" ] || fail "$above must not be a link"
    above="$(dirname "$above")"
  done
  rm -f -- "$path"
  entry="$(git ls-tree "$source" -- "$path")"
  [ -n "$entry" ] || continue
  [[ "$entry" = 100[67]* ]] || fail "$path is not a regular file"
  mkdir -p "$(dirname "$path")"
  # Byte for byte, whatever .gitattributes says.
  git cat-file blob "$source:$path" >"$path"
done
