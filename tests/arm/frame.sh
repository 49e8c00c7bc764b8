#!/bin/bash
# What a frame costs on 64-bit ARM, in instructions: `frame.sh PROGRAM SYSROOT PACK [FRAMES]`. Emulated, one worker; twice,
# so that loading the model falls out of the difference. Instructions are no time: how many a processor does in a second
# depends on it, and on its memory.
set -euo pipefail
program=$1 sysroot=$2 pack=$3 frames=${4:-4}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The static emulator of Debian takes no plugins, the other one does; it is unpacked, not installed.
(cd "$work" && apt-get download -q qemu-user >/dev/null 2>&1 && dpkg -x qemu-user_*.deb unpacked)
cc -O2 -shared -fPIC -o "$work/instructions.so" "$here/instructions.c"
bench() {
    "$work/unpacked/usr/bin/qemu-aarch64" -cpu cortex-a72 -L /usr/aarch64-linux-gnu \
        -E "LD_LIBRARY_PATH=$sysroot/lib/aarch64-linux-gnu" \
        -plugin "file=$work/instructions.so" -d plugin -D "$work/plugin" \
        "$program" bench --model "$pack" --frames "$1" --json >"$work/bench.json"
    sed -n 's/^instructions //p' "$work/plugin"
}
few=$(bench "$frames")
many=$(bench $((2 * frames)))
echo "$program, $pack: $(((many - few) / frames / 1000)) thousand instructions a frame, $((few / 1000)) thousand with loading and $frames frames"
