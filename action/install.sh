#!/usr/bin/env bash
# Downloads the program of a release into a new folder outside of the checkout, and verifies it. It is not added to PATH, and
# no cache is used: whoever can write to a cache could put another program there.
set -euo pipefail
scripts="$(cd "$(dirname "$0")" && pwd)"
# shellcheck source=action/lib.sh
. "$scripts/lib.sh"

# shellcheck disable=SC2153
version="${VERSION#v}"
if [ -z "$version" ]; then
  version="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$scripts/../Cargo.toml" | head -n 1)"
fi
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "not a version: $version"

if [ -z "$REPOSITORY" ]; then
  # …/_actions/OWNER/NAME/REF
  [[ "$ACTION_PATH" =~ /_actions/([^/]+/[^/]+)/ ]] || fail "the input repository is missing"
  REPOSITORY="${BASH_REMATCH[1]}"
fi
[[ "$REPOSITORY" =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || fail "not a repository: $REPOSITORY"

# The programs for musl are static.
name=keyform
case "$RUNNER_OS-$RUNNER_ARCH" in
  Linux-X64) target=x86_64-unknown-linux-musl ;;
  Linux-ARM64) target=aarch64-unknown-linux-musl ;;
  macOS-X64) target=x86_64-apple-darwin ;;
  macOS-ARM64) target=aarch64-apple-darwin ;;
  Windows-X64) target=x86_64-pc-windows-msvc name=keyform.exe ;;
  *) fail "there is no program for $RUNNER_OS on $RUNNER_ARCH" ;;
esac
for tool in gh jq git; do
  command -v "$tool" >/dev/null || fail "this runner has no $tool"
done

folder="$(mktemp -d "$RUNNER_TEMP/keyform.XXXXXXXX")"
archive="keyform-v$version-$target.tar.gz"
gh release download "v$version" --repo "$REPOSITORY" --pattern "$archive" --pattern SHA256SUMS --dir "$folder/download" ||
  fail "cannot download keyform $version from $REPOSITORY"

expected="$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$folder/download/SHA256SUMS")"
sum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum --algorithm 256; fi; }
found="$(sum <"$folder/download/$archive")"
[ -n "$expected" ] && [ "${found%% *}" = "$expected" ] || fail "$archive does not have the checksum in SHA256SUMS"

if [ "$GITHUB_SERVER_URL" = https://github.com ] && gh attestation verify --help >/dev/null 2>&1; then
  gh attestation verify "$folder/download/$archive" --repo "$REPOSITORY" \
    --signer-workflow "$REPOSITORY/.github/workflows/release.yml" || fail "$archive was not built by the release workflow of $REPOSITORY"
else
  note "Only the checksum of keyform was verified: gh cannot verify attestations here."
fi

mkdir "$folder/program" "$folder/data"
tar -xzf "$folder/download/$archive" -C "$folder/program" --strip-components 1
rm -r "$folder/download"
program="$folder/program/$name"
[ "$("$program" --version)" = "keyform $version" ] || fail "$archive does not contain keyform $version"

output program "$program"
output data "$folder/data"
output scripts "$scripts"
