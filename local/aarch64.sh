#!/bin/bash
# Runs cargo for 64-bit ARM with Debian's packages only: `aarch64.sh test --package convolution`. Programs run under
# qemu. It takes Debian's own compiler, for rustup's targets are not everywhere at hand: a check that the code compiles
# and computes the same on ARM, not of the oldest compiler that will do. About 400 MB of packages.
set -euo pipefail
target=aarch64-unknown-linux-gnu
sysroot="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/aarch64-sysroot"

# As in local/cross/Dockerfile, which `cross` builds in; a test compares the two.
tools="gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross libclang-dev qemu-user-static"
libraries="libssl-dev"
# What those need in order to run, and what rustc needs.
needed="libssl3 libstd-rust-web-dev"

if [ ! -x /usr/bin/aarch64-linux-gnu-g++ ] || [ ! -x /usr/bin/rustc ] || ! command -v qemu-aarch64-static >/dev/null; then
    become=
    [ "$(id -u)" -eq 0 ] || become=sudo
    $become apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    $become apt-get install -y -qq --no-install-recommends rustc-web cargo-web $tools >/dev/null
fi

# The standard library for ARM must be of the very same version as the compiler. Libraries are unpacked, not installed, so
# that the machine's own packages stay as they are.
version=$(dpkg-query -W -f '${Version}' rustc-web)
stamp=$sysroot/.of-$version-$(echo "$libraries $needed" | tr ' ' '_')
if [ ! -e "$stamp" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$sysroot"
    : >"$work/status"
    grep -hE '^(Types|URIs|Suites|Components|Signed-By):|^$' /etc/apt/sources.list.d/debian.sources >"$work/debian.sources"
    options=(-q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::lists="$work/lists"
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/debian.sources"
        -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >/dev/null
    for package in $libraries $needed; do
        [ "$package" != libstd-rust-web-dev ] || package="$package:arm64=$version"
        (cd "$work" && apt-get "${options[@]}" download "$package" >/dev/null)
    done
    for package in "$work"/*.deb; do dpkg -x "$package" "$work/unpacked"; done
    rm -rf "$sysroot"
    mkdir -p "$sysroot"
    mv "$work/unpacked/usr/lib" "$work/unpacked/usr/include" "$sysroot/"
    # One folder for openssl-sys, which knows no second one.
    mv "$sysroot"/include/aarch64-linux-gnu/openssl/* "$sysroot/include/openssl/"
    touch "$stamp"
fi
sysroot=$(cd "$sysroot" && pwd)

export PATH=/usr/bin:/usr/sbin:/bin:/sbin RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--sysroot $sysroot"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu \
-E LD_LIBRARY_PATH=$sysroot/lib/aarch64-linux-gnu"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
export AARCH64_UNKNOWN_LINUX_GNU_OPENSSL_LIB_DIR=$sysroot/lib/aarch64-linux-gnu
export AARCH64_UNKNOWN_LINUX_GNU_OPENSSL_INCLUDE_DIR=$sysroot/include
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--sysroot=/usr/aarch64-linux-gnu -I/usr/aarch64-linux-gnu/include"
subcommand=$1
shift
exec /usr/bin/cargo "$subcommand" --target $target "$@"
