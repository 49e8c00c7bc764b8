#!/bin/sh
# Unpacks Debian's or Ubuntu's postfix and SASL tools into a folder; does nothing when they are there:
# `install.sh target/postfix`. Unpacked, not installed: an installed postfix throws another mail server off the machine
# and starts a service.
set -eu
[ $# -eq 1 ] || { echo "usage: install.sh DIR" >&2; exit 2; }
packages="postfix sasl2-bin libsasl2-modules"

fail() {
    echo "tests/postfix/install.sh: $1" >&2
    exit 1
}
for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || fail "$program is missing: postfix comes from Debian's or Ubuntu's packages"
done
mkdir -p "$1"
cd "$1"

# Another distribution, or another list, makes another stamp.
stamp=$({ cat /etc/os-release; dpkg --print-architecture; echo "$packages"; } | cksum)
[ "$(cat installed 2>/dev/null)" != "$stamp" ] || exit 0
rm -rf installed packages root
mkdir -p packages/partial root

# The packages and what they stand on, as far as it is not installed, with apt's own check of signatures.
fetch() {
    # shellcheck disable=SC2086 # a list of words
    apt-get install --download-only --reinstall --no-install-recommends -y -qq \
        -o Dir::Cache::archives="$PWD/packages" -o Debug::NoLocking=1 -o APT::Sandbox::User= $packages >apt.log 2>&1
    for package in $packages; do
        ls packages/"$package"_*.deb >/dev/null 2>&1 || return 1
    done
}
if ! fetch; then
    # A fresh machine has no lists yet, or old ones.
    become=
    [ "$(id -u)" -eq 0 ] || become=sudo
    $become apt-get update -qq
    fetch || { cat apt.log >&2; fail "cannot fetch $packages"; }
fi
for package in packages/*.deb; do
    dpkg-deb -x "$package" root
done
rm -rf packages
echo "$stamp" >installed
