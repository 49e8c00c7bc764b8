#!/bin/sh
# Runs cargo-deb: `cargo-deb.sh ARGUMENTS...`. Builds it, in two minutes, where this machine has none of its version.
set -eu
cd "$(dirname "$0")/.."
version=3.8.0
tools="${CARGO_TARGET_DIR:-target}/tools"

program=$(command -v cargo-deb || echo "$tools/bin/cargo-deb")
if [ "$("$program" --version 2>/dev/null)" != "cargo-deb $version" ]; then
    program="$tools/bin/cargo-deb"
    [ "$("$program" --version 2>/dev/null)" = "cargo-deb $version" ] ||
        # It runs for a second: not worth an optimised build.
        CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --profile dev --no-default-features \
            --root "$tools" --version "$version" cargo-deb
    rm -rf "$tools/build"
fi
exec "$program" "$@"
