# Runs in the machine, as root, by systemd: the part that /mnt/host/part names.
set -u
cd /
# shellcheck disable=SC1091 # laid beside it
. /opt/test/station.sh
mount_disks
start_hub
part=$(cat /mnt/host/part)

if [ "$part" = cut ]; then
    install_package /opt/test/andon_1_*.deb
    shade
    before=$(events 2>/dev/null || echo 0)
    write_down_reports
    systemctl start andon || fail "the service does not start"
    within 60 "five reports" more_events_than $((before + 5))
    # Somewhere in the middle of it.
    echo "VMTEST-CUT $(($(od -An -N1 -tu1 /dev/urandom) % 3)).$((RANDOM % 10))"
    sleep 60
    fail "the machine was not killed"
fi

. /opt/test/faults.sh
