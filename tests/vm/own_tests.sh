#!/bin/bash
# Programs of the agent's own tests in a machine made by image.sh: `own_tests.sh amd64|arm64 IMAGE WORK PROGRAM...`. They
# find the source tree where they were built, and may start programs, which an emulator of single programs cannot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
architecture=$1 image=$2 work=$3
shift 3
[ $# -gt 0 ] || { echo "own_tests.sh: no program to run" >&2; exit 2; }
binutils=
[ "$architecture" = amd64 ] || binutils=aarch64-linux-gnu-
rm -rf "$work"
mkdir -p "$work/overlay/opt/test" "$work/overlay$root" "$work/share/files"
(cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$work/overlay$root")
for program; do
    "${binutils}strip" -o "$work/overlay/opt/test/$(basename "$program").test" "$program"
done
cat >"$work/overlay/opt/test/run.sh" <<EOF
cd $root
export TMPDIR=/var/tmp
status=0
for program in /opt/test/*.test; do "\$program" || status=1; done
exit \$status
EOF
chmod -R a+rX "$work/overlay"
truncate -s 16M "$work/share/disk.img"
"$here/boot.sh" "$architecture" "$image" "$work/overlay" "$work/share" 3600
