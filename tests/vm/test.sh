#!/bin/bash
# A station's whole life in a virtual machine: `test.sh IMAGE PACKAGE NEWER_PACKAGE STANDIN WORK`. Killed in the middle of
# reports, twice; then every fault that the machine can show, from installation to purge, in one boot. Everything runs
# on one disk, and what the hub accepted is kept outside of it. With ARCHITECTURE=arm64 the machine has a Cortex-A72, and
# the packages and the stand-in are for it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
architecture=${ARCHITECTURE:-amd64}
binutils=
[ "$architecture" = amd64 ] || binutils=aarch64-linux-gnu-
image=$1 package=$2 newer=$3 standin=$4 work=$5
rm -rf "$work"
mkdir -p "$work/overlay/opt/test" "$work/share/files"
cp "$here"/guest/*.sh "$package" "$newer" "$work/overlay/opt/test/"
mv "$work/overlay/opt/test/$(basename "$package")" "$work/overlay/opt/test/andon_1_.deb"
mv "$work/overlay/opt/test/$(basename "$newer")" "$work/overlay/opt/test/andon_2_.deb"
"${binutils}strip" -o "$work/overlay/opt/test/iothub-standin" "$standin"
cp -r "$here/../packs/shade" "$work/overlay/opt/test/"
chmod -R a+rX "$work/overlay"
python3 "$here/pictures.py" "$work/overlay/opt/test"
for program in uvcsim cp2112sim confirmclock; do
    "${binutils}gcc" -O1 -o "$work/overlay/opt/test/$program" "$here/$program.c"
done
truncate -s 96M "$work/share/disk.img"
/sbin/mkfs.ext4 -q -F "$work/share/disk.img"

# The pipe keeps the status: pipefail.
boot() {
    echo "$1" >"$work/share/files/part"
    "$here/boot.sh" "$architecture" "$image" "$work/overlay" "$work/share" "$2" | tee "$work/console-$1"
}
for _ in 1 2; do
    set +e
    boot cut 900
    status=$?
    set -e
    [ "$status" -eq 99 ] || { echo "test.sh: the machine was to be killed among reports, and was not ($status)" >&2; exit 1; }
    echo "the power was cut among reports"
done
boot faults 5400
