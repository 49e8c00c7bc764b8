#!/bin/sh
# Train the circuit-board detector and write its pack: train.sh PCBDATA_DIR [PACK_DIR]
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
# The weights begin with those of pack 0.2.0.
[ -s "$work/earlier.onnx" ] || git show f8b51f7:models/pcb/model.onnx > "$work/earlier.onnx"
[ -s "$work/start.pt" ] || python3 grow.py "$work/earlier.onnx" "$data" "$work/start.pt"

# First without the held-out groups: these weights are scored, and choose the thresholds.
if [ ! -e "$work/validated.done" ]; then
    python3 train.py "$data" --start "$work/start.pt" --out "$work/validated.pt" --resume --steps 14000 --bf16
    python3 pack.py "$work/validated.pt" "$work/validated"
    python3 choose.py "$data" "$work/validated"
    touch "$work/validated.done"
fi
# Then on all groups: these weights are shipped, with the thresholds that the first ones chose.
python3 train.py "$data" --all-groups --start "$work/validated.pt" --out "$work/shipped.pt" --resume \
    --steps 4500 --rate 1e-3 --seed 2 --bf16
python3 pack.py "$work/shipped.pt" "$pack" --thresholds "$work/validated"
# What is done is not gone on with: the next call begins anew.
rm "$work"/*.state "$work/validated.done"
