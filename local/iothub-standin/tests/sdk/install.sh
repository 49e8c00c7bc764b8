#!/bin/sh
# Installs Microsoft's device SDKs for Python and Node, as pinned beside this file, into a folder; does nothing when
# they are there: `install.sh target/sdk`.
set -eu
[ $# -eq 1 ] || { echo "usage: install.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "tests/sdk/install.sh: $1" >&2
    exit 1
}
for program in python3 node npm; do
    command -v "$program" >/dev/null || fail "$program is missing: run local/prerequisites.sh test"
done
mkdir -p "$1"
cd "$1"

# Another Python or Node, or another pin, makes another stamp.
pins="$here/requirements.txt $here/package.json $here/package-lock.json"
# shellcheck disable=SC2086 # a list of files
stamp=$({ python3 --version; node --version; cat $pins; } | cksum)
[ "$(cat installed 2>/dev/null)" != "$stamp" ] || exit 0
rm -f installed

python3 -m venv --clear python || fail "no Python environment: run local/prerequisites.sh test"
python/bin/pip install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt" ||
    fail "cannot install the Python SDK"

mkdir -p node
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" node
(cd node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) || {
    cat node/npm.log >&2
    fail "cannot install the Node SDK"
}
echo "$stamp" >installed
