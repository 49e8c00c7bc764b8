#!/bin/sh
# Installs Python packages into target/NAME-venv; does nothing when they are there: `venv.sh NAME REQUIREMENTS`.
set -eu
[ $# -eq 2 ] || { echo "usage: venv.sh NAME REQUIREMENTS" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
venv="${CARGO_TARGET_DIR:-$here/../target}/$1-venv"
stamp="$venv/.installed"
if [ -f "$stamp" ] && cmp -s "$2" "$stamp"; then
    exit 0
fi
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$2"
cp "$2" "$stamp"
