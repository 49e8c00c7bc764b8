#!/bin/sh
# Train the circuit-board detector and write its pack: train.sh PCBDATA_DIR [PACK_DIR]
# An interrupted training goes on where it was when this is called again; WORK says where its state is kept.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
data=$(CDPATH= cd -- "$1" && pwd)
pack=${2:-$here/../pcb}
work=${WORK:-$here/work}
mkdir -p "$work"
# A net this small gains nothing from a second thread; a second process gains a fifth even where it shares its core with the
# first. PROCESSES says how many there are.
export OMP_NUM_THREADS=1
# What glibc gives back to the system at each step it asks for again: without that 1.6 steps a second in place of 1.2.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_MAX_=0 MALLOC_TOP_PAD_=268435456 MALLOC_TRIM_THRESHOLD_=8000000000
cd "$here"
run() {
    half=$(grep -qw avx512_bf16 /proc/cpuinfo && echo --bf16 || true)
    python3 train.py "$data" --resume --processes "${PROCESSES:-1}" $half "$@"
}
# The weights begin with the scored ones, which have not seen the held-out groups.
[ -s "$work/start.pt" ] || python3 grow.py scored/model.onnx "$data" "$work/start.pt"

# First without the held-out groups: these weights are scored, and choose the thresholds.
if [ ! -e "$work/validated.done" ]; then
    run --start "$work/start.pt" --out "$work/validated.pt" --steps 14000
    python3 pack.py "$work/validated.pt" "$work/validated"
    python3 choose.py "$data" "$work/validated"
    touch "$work/validated.done"
fi
# Then on all groups: these weights are shipped, with the thresholds that the first ones chose.
run --all-groups --start "$work/validated.pt" --out "$work/shipped.pt" --steps 4500 --rate 1e-3 --seed 2
python3 pack.py "$work/shipped.pt" "$pack" --thresholds "$work/validated"
# What is done is not gone on with: the next call begins anew.
rm "$work"/*.state "$work/validated.done"
