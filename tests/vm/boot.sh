#!/bin/bash
# Boots a machine made by image.sh with a folder laid over its root, and gives the exit status of its /opt/test/run.sh:
# `boot.sh amd64|arm64 IMAGE OVERLAY SHARE SECONDS`. SHARE/disk.img is its disk, SHARE/files its /mnt/host. When it asks
# for a power cut ("VMTEST-CUT SECONDS" on the console) it is killed after so long, which is exit 99. 124 is a time-out,
# 125 a machine that ended without a word.
set -uo pipefail
architecture=$1 image=$2 overlay=$3 share=$4 seconds=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$overlay" && find . -print0 | cpio --null -o -H newc --quiet --owner=0:0) >"$work/overlay.cpio"
cat "$image/base.cpio" "$work/overlay.cpio" >"$work/initrd"
if [ "$architecture" = arm64 ]; then
    machine=(qemu-system-aarch64 -M virt -cpu cortex-a72)
    console=ttyAMA0
else
    machine=(qemu-system-x86_64 -M q35 -cpu max)
    console=ttyS0
fi
# On a busy machine the emulated timer may be too late for the kernel's check of it, which would be a panic.
# Emulated even where the processor could do it: a build machine may be a virtual one itself, where that hangs.
"${machine[@]}" -accel tcg -smp 2 -m 1536 -nographic -no-reboot -nic none \
    -drive "file=$share/disk.img,format=raw,if=virtio" \
    -virtfs "local,path=$share/files,mount_tag=host,security_model=none" \
    -kernel "$image/vmlinuz" -initrd "$work/initrd" \
    -append "console=$console panic=-1 systemd.show_status=false quiet loglevel=4 no_timer_check" \
    </dev/null >"$work/console" 2>&1 &
qemu=$!
tail --pid=$qemu -n +1 -F "$work/console" 2>/dev/null | sed -u 's,\r,,' &
deadline=$((SECONDS + seconds))
while kill -0 $qemu 2>/dev/null; do
    if [ $SECONDS -ge $deadline ]; then
        kill -9 $qemu
        { wait; } 2>/dev/null
        echo "boot.sh: not done after $seconds s"
        exit 124
    fi
    if cut=$(grep -aom1 'VMTEST-CUT [0-9.]*' "$work/console"); then
        sleep "${cut#* }"
        kill -9 $qemu
        { wait; } 2>/dev/null
        exit 99
    fi
    sleep 0.2
done
wait
status=$(grep -ao 'VMTEST-EXIT:[0-9]*' "$work/console" | tail -1)
status=${status#*:}
exit "${status:-125}"
