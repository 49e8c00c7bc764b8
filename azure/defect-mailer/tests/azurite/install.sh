#!/bin/sh
# Installs Azurite, Microsoft's storage emulator, as pinned beside this file, into a folder; does nothing when it is
# there: `install.sh target/azurite`.
set -eu
[ $# -eq 1 ] || { echo "usage: install.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "tests/azurite/install.sh: $1" >&2
    exit 1
}
for program in node npm; do
    command -v "$program" >/dev/null || fail "$program is missing: run local/prerequisites.sh test"
done
mkdir -p "$1"
cd "$1"

# Another Node, or another pin, makes another stamp.
stamp=$({ node --version; cat "$here/package.json" "$here/package-lock.json"; } | cksum)
[ "$(cat installed 2>/dev/null)" != "$stamp" ] || exit 0
rm -f installed
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" .
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 || {
    cat npm.log >&2
    fail "cannot install Azurite"
}
echo "$stamp" >installed
