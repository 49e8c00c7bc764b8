#!/bin/sh
# Checks the Bicep files as far as that goes without Azure: `check.sh FOLDER`, in which what it needs is installed
# (about 400 MB). Syntax (pycep, tree-sitter), practices (checkov), names of properties (Microsoft's types).
set -eu
[ $# -eq 1 ] || { echo "usage: check.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
cd "$(dirname "$0")"

stamp=$({ python3 --version; node --version; cat requirements.txt package.json package-lock.json; } | cksum)
if [ "$(cat "$target/installed" 2>/dev/null)" != "$stamp" ]; then
    rm -f "$target/installed"
    python3 -m venv --clear "$target/python"
    "$target/python/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
    cp package.json package-lock.json .npmrc "$target"
    (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) || {
        cat "$target/npm.log" >&2
        exit 1
    }
    echo "$stamp" >"$target/installed"
fi

sh -n ../deploy.sh
sh -n ../remove.sh
"$target/python/bin/python" -B syntax.py ..
"$target/python/bin/python" -B properties.py ../modules "$target/node_modules"
# It is told to fetch nothing, and to send nothing anywhere.
CHECKOV_RUN_SCA_PACKAGE_SCAN=false "$target/python/bin/checkov" --directory .. --config-file checkov.yaml --skip-download
echo "not run here: az bicep build, what-if, and the deployment itself"
