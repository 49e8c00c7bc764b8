#!/bin/sh
# Train the circuit-board detector and write its pack: train.sh PCBDATA_DIR [PACK_DIR] [STEPS]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
data=$(CDPATH= cd -- "$1" && pwd)
pack=${2:-$here/../pcb}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A net this small gains nothing from a second thread, and loses much where cores are shared.
export OMP_NUM_THREADS=1
cd "$here"
python3 train.py "$data" --out "$work/weights.pt" --steps "${3:-8000}" --threads 1 --bf16
python3 pack.py "$work/weights.pt" "$pack"
python3 choose.py "$data" "$pack"
