#!/bin/sh
# Installs what a fresh Debian or Ubuntu machine lacks: `prerequisites.sh build`, and `test`, `bench` or `deb` for what
# those need besides.
# libclang-dev and linux-libc-dev are for nokhwa and v4l, whose build reads the kernel's header for cameras.
# Rust itself comes from rustup or the distribution; this only says so.
set -eu

packages="build-essential pkg-config libssl-dev ca-certificates libclang-dev linux-libc-dev"
for word in "$@"; do
    case $word in
    build) ;;
    test) packages="$packages python3 python3-venv nodejs strace systemd" ;;
    bench) packages="$packages python3 python3-venv" ;;
    deb) packages="$packages lintian xz-utils dpkg-dev python3 e2fsprogs" ;;
    *) echo "prerequisites.sh: unknown word '$word', use: build test bench deb" >&2; exit 2 ;;
    esac
done

command -v cargo >/dev/null || {
    echo "Rust is missing: install it by rustup (1.91 or newer), then run this again" >&2
    exit 1
}
command -v dpkg-query >/dev/null || exit 0 # Not Debian: the compiler will say what is missing.

is_there() {
    case $1 in
    nodejs) command -v node >/dev/null && command -v npm >/dev/null ;;
    python3-venv) python3 -c 'import venv, ensurepip' 2>/dev/null ;;
    python3) command -v python3 >/dev/null ;;
    *) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    esac
}
missing=
for package in $packages; do
    is_there "$package" || missing="$missing $package"
done
case $missing in *nodejs*) missing="$missing npm" ;; esac
[ -n "$missing" ] || exit 0

echo "installing:$missing" >&2
become=
[ "$(id -u)" -eq 0 ] || become=sudo
$become apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $become apt-get install -y -qq --no-install-recommends $missing >/dev/null
