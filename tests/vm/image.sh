#!/bin/bash
# Makes what the virtual machines start from: `image.sh amd64|arm64 DIR` writes DIR/vmlinuz and DIR/base.cpio, a whole
# Debian of this machine's release that lives in memory. From Debian's packages only; needs root. Does nothing when an
# image of this very script is there.
set -euo pipefail
architecture=$1 out=$2
made_by=$(sha256sum "$0" | cut -d' ' -f1)
[ "$(cat "$out/made-by" 2>/dev/null)" != "$made_by" ] || exit 0
# shellcheck disable=SC1091 # every system has it
. /etc/os-release
[ "$ID" = debian ] || {
    echo "image.sh: this machine is no Debian; a program built on it need not start in the machine's Debian" >&2
    exit 1
}
mkdir -p "$out"
[ "$(id -u)" -eq 0 ] || exec sudo "$0" "$@"

packages=(mmdebstrap cpio kmod rsync)
if [ "$architecture" = arm64 ]; then packages+=(qemu-system-arm); else packages+=(qemu-system-x86); fi
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    # The emulator refuses to stand beside tools of a newer release.
    if dpkg -s qemu-utils >/dev/null 2>&1; then packages+=("qemu-utils/$VERSION_CODENAME"); fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --allow-downgrades \
        -o DPkg::Lock::Timeout=600 "${packages[@]}" >/dev/null
fi

work=$(mktemp -d -p /var/tmp andon-vm.XXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
grep -hE '^(Types|URIs|Suites|Components|Signed-By):|^$' /etc/apt/sources.list.d/debian.sources >"$work/debian.sources"
inside=systemd,systemd-sysv,udev,kmod,dbus,e2fsprogs,ca-certificates,libssl3,v4l-utils,gpiod
lean=(--variant=minbase --mode=root --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*'
    --dpkgopt='path-exclude=/usr/share/locale/*')
# The kernel is not installed: of its modules only a few are wanted.
fetch_kernel="cd $work && export APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG && apt-get -q -o APT::Sandbox::User=root download \
    \$(apt-cache depends linux-image-$architecture | sed 's/:[a-z0-9]*\$//' | awk '/Depends:/{print \$2}' \
    | grep -m1 '^linux-image-')"
root=$work/root
if [ "$architecture" = arm64 ]; then
    # No script of a package runs for a foreign processor: what they would have made is taken from a root of this
    # machine's.
    mmdebstrap "${lean[@]}" --include="$inside" "$VERSION_CODENAME" "$work/own" "$work/debian.sources"
    mmdebstrap "${lean[@]}" --variant=extract --architectures=arm64 --include="?essential" --include="$inside" \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --extract-hook="$fetch_kernel" \
        "$VERSION_CODENAME" "$root" "$work/debian.sources"
    rsync -a "$work/own/etc/" "$root/etc/"
    rm -f "$root/etc/ld.so.cache"
    rsync -a --ignore-existing "$work/own/var/" "$root/var/"
    (cd "$work/own" && find usr/bin usr/sbin -type l -lname '/etc/alternatives/*' -print0 |
        rsync -a --from0 --files-from=- . "$root/")
else
    mmdebstrap "${lean[@]}" --include="$inside" --extract-hook="$fetch_kernel" \
        "$VERSION_CODENAME" "$root" "$work/debian.sources"
fi

dpkg -x "$work"/linux-image-*_"$architecture".deb "$work/kernel"
kernel=$(ls "$work/kernel/lib/modules")
cp "$work/kernel/boot/vmlinuz-$kernel" "$out/vmlinuz"
depmod -b "$work/kernel" "$kernel"
mkdir -p "$root/usr/lib/modules/$kernel"
for module in autofs4 vivid uvcvideo vhci-hcd uhid hid-cp2112 softdog loop 9p 9pnet_virtio virtio_pci virtio_blk ext4; do
    modprobe -d "$work/kernel" -S "$kernel" --show-depends $module 2>/dev/null | awk '/^insmod/{print $2}' || true
done | sort -u | while read -r file; do
    file=${file#"$work/kernel"}
    install -D -m644 "$work/kernel$file" "$root/usr$file"
done
cp "$work/kernel/lib/modules/$kernel"/modules.{builtin,builtin.modinfo,order} "$root/usr/lib/modules/$kernel/"
depmod -b "$root" "$kernel"

rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
ln -sf sbin/init "$root/init"
: >"$root/etc/machine-id"
echo station >"$root/etc/hostname"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
units=$root/etc/systemd/system
mkdir -p "$units/multi-user.target.wants" "$root/mnt/host"
# What is to happen in the machine is laid over its root as /opt/test; the exit status is the last line on the console.
cat >"$units/vmtest.service" <<'UNIT'
[Unit]
Description=run /opt/test/run.sh, say on the console how it ended, power off
After=basic.target

[Service]
Type=oneshot
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/console
ExecStart=/bin/sh -c '/bin/bash /opt/test/run.sh; echo "VMTEST-EXIT:$?"; sync; systemctl poweroff --no-wall --force --force'
UNIT
ln -sf ../vmtest.service "$units/multi-user.target.wants/"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    systemd-timesyncd.service systemd-networkd-wait-online.service getty@tty1.service serial-getty@ttyS0.service \
    serial-getty@ttyAMA0.service systemd-firstboot.service; do
    ln -sf /dev/null "$units/$unit"
done
(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet) >"$out/base.cpio"
echo "$made_by" >"$out/made-by"
