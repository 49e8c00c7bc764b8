#!/bin/sh
# Train the circuit-board detector and write its pack: train.sh PCBDATA_DIR [PACK_DIR] [STEPS]
# An interrupted training goes on where it was when this is called again; WORK says where its state is kept.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
data=$(CDPATH= cd -- "$1" && pwd)
pack=${2:-$here/../pcb}
work=${WORK:-$here/work}
mkdir -p "$work"
# A net this small gains nothing from a second thread, and loses much where cores are shared.
export OMP_NUM_THREADS=1
cd "$here"
python3 train.py "$data" --out "$work/weights.pt" --resume --steps "${3:-24000}" --threads 1 --bf16
python3 pack.py "$work/weights.pt" "$pack"
python3 choose.py "$data" "$pack"
# What is done is not gone on with: the next call begins anew.
rm "$work/weights.state"
