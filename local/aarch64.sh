#!/bin/bash
# Runs cargo for 64-bit ARM with Debian's packages only: `aarch64.sh test --package convolution`. Programs run under
# qemu. It takes Debian's own compiler, for rustup's targets are not everywhere at hand: a check that the code compiles
# and computes the same on ARM, not of the oldest compiler that will do. About 300 MB of packages.
set -euo pipefail
target=aarch64-unknown-linux-gnu
sysroot="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/aarch64-sysroot"

if [ ! -x /usr/bin/aarch64-linux-gnu-gcc ] || [ ! -x /usr/bin/rustc ] || ! command -v qemu-aarch64-static >/dev/null; then
    become=
    [ "$(id -u)" -eq 0 ] || become=sudo
    $become apt-get update -qq
    $become apt-get install -y -qq --no-install-recommends rustc-web cargo-web gcc-aarch64-linux-gnu \
        libc6-dev-arm64-cross qemu-user-static >/dev/null
fi

# The standard library for ARM must be of the very same version as the compiler; it is unpacked, not installed, so that
# the machine's own packages stay as they are.
version=$(dpkg-query -W -f '${Version}' rustc-web)
if [ ! -e "$sysroot/.of-$version" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$sysroot"
    : >"$work/status"
    grep -hE '^(Types|URIs|Suites|Components|Signed-By):|^$' /etc/apt/sources.list.d/debian.sources >"$work/debian.sources"
    options=(-q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::lists="$work/lists"
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/debian.sources"
        -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >/dev/null
    (cd "$work" && apt-get "${options[@]}" download "libstd-rust-web-dev:arm64=$version" >/dev/null)
    dpkg -x "$work"/libstd-rust-web-dev_*_arm64.deb "$work/unpacked"
    rm -rf "$sysroot"
    mkdir -p "$sysroot"
    mv "$work/unpacked/usr/lib" "$sysroot/lib"
    touch "$sysroot/.of-$version"
fi
sysroot=$(cd "$sysroot" && pwd)

export PATH=/usr/bin:/usr/sbin:/bin:/sbin RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--sysroot $sysroot"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
subcommand=$1
shift
exec /usr/bin/cargo "$subcommand" --target $target "$@"
