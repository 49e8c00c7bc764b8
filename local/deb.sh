#!/bin/sh
# Packs what was built as Debian packages: `deb.sh amd64|arm64 PROFILE FOLDER [VERSION]` leaves FOLDER/andon_*.deb. The
# manual and the completions are written by the very program that is packed.
set -eu
cd "$(dirname "$0")/.."
architecture=$1 profile=$2 folder=$3
version=${4:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)-1}
target=${CARGO_TARGET_DIR:-target}
directory=$profile
[ "$profile" != dev ] || directory=debug
case $architecture in
amd64) built=$target/$directory runs= triple=x86_64-unknown-linux-gnu ;;
arm64)
    built=$target/aarch64-unknown-linux-gnu/$directory triple=aarch64-unknown-linux-gnu
    runs="qemu-aarch64-static -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=$target/aarch64-sysroot/lib/aarch64-linux-gnu"
    ;;
*) echo "deb.sh: unknown architecture '$architecture', use: amd64 arm64" >&2; exit 2 ;;
esac

# Where Cargo.toml's [package.metadata.deb] looks for what is in no folder of the repository.
staged=target/deb
rm -rf "$staged"
mkdir -p "$staged"
# shellcheck disable=SC2086 # a command or nothing
$runs "$built/andon" pages "$staged"
strip=strip
[ "$architecture" = amd64 ] || strip=aarch64-linux-gnu-strip
$strip -o "$staged/andon" "$built/andon"
# What the example names is where the package puts it.
sed -e 's#"\.\./models/pcb"#"/usr/share/andon/models/pcb"#' -e 's#^path = "pictures"#path = "/var/lib/andon/pictures"#' \
    config/station.example.toml >"$staged/station.toml.example"
[ "$(grep -c '/usr/share/andon/models/pcb"\|"/var/lib/andon/pictures"' "$staged/station.toml.example")" -eq 2 ] || {
    echo "deb.sh: config/station.example.toml names its model or its pictures otherwise now" >&2
    exit 1
}
mkdir -p "$folder"
fast=
[ "$profile" = dist ] || fast=--fast
# shellcheck disable=SC2086 # an option or nothing
local/cargo-deb.sh --quiet $fast --locked --no-build --no-strip --package andon --target "$triple" --deb-version "$version" \
    --output "$folder/andon_${version}_$architecture.deb"
