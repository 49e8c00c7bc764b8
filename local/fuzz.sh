#!/bin/sh
# Runs each fuzz target for SECONDS: `fuzz.sh SECONDS [TARGET...]`. With the stable compiler and without cargo-fuzz, so
# without its sanitisers; `cargo +nightly fuzz run TARGET` does the same with them.
set -eu
[ $# -ge 1 ] || { echo "usage: fuzz.sh SECONDS [TARGET...]" >&2; exit 2; }
seconds=$1
shift
[ $# -gt 0 ] || set -- manifest decoder picture graph letters
cd "$(dirname "$0")/../fuzz"
target=${CARGO_TARGET_DIR:-../target}/fuzz
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags="$flags -Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
# With --target, the flags are not for build scripts, which have no fuzzer to link to.
RUSTFLAGS="$flags" cargo build --release --locked --target "$host" --target-dir "$target"
for name in "$@"; do
    corpus=$target/corpus/$name
    mkdir -p "$corpus" "$target/artifacts"
    case $name in
        manifest) cp ../models/pcb/model.toml ../tests/packs/shade/model.toml "$corpus/" 2>/dev/null || true ;;
        picture) cp ../tests/packs/shade/parity.png "$corpus/" ;;
        letters) cp corpus/letters/* "$corpus/" ;;
        graph) cp ../tests/packs/shade/model.onnx "$corpus/" ;;
    esac
    # A graph may take a gigabyte before it is refused, and a picture of 64 megapixels a fifth of it.
    "$target/$host/release/$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=3000 \
        -artifact_prefix="$target/artifacts/$name-" -print_final_stats=1 "$corpus"
done
