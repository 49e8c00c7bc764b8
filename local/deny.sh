#!/bin/sh
# Checks licences, bans and sources of everything that is built in, after deny.toml. Builds cargo-deny, in two minutes,
# where this machine has none of its version.
set -eu
cd "$(dirname "$0")/.."
version=0.20.2
tools="${CARGO_TARGET_DIR:-target}/tools"

program=$(command -v cargo-deny || echo "$tools/bin/cargo-deny")
if [ "$("$program" --version 2>/dev/null)" != "cargo-deny $version" ]; then
    program="$tools/bin/cargo-deny"
    [ "$("$program" --version 2>/dev/null)" = "cargo-deny $version" ] ||
        # It runs for a second: not worth an optimised build, nor what it needs for advisories.
        CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --profile dev --no-default-features \
            --root "$tools" --version "$version" cargo-deny
    rm -rf "$tools/build"
fi
exec "$program" --locked check licenses bans sources
