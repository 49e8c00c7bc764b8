#!/bin/sh
# Installs what andon is compared with into target/bench-venv.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root="$here/../.."
"$root/local/venv.sh" bench "$here/requirements.txt"
venv="${CARGO_TARGET_DIR:-$root/target}/bench-venv"
# ncnn's converter. Its program needs nothing; its Python part, which is not used, would bring PyTorch.
pnnx=20261020
[ -f "$venv/.pnnx-$pnnx" ] && exit 0
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "pnnx==$pnnx"
touch "$venv/.pnnx-$pnnx"
