# What scenarios in the machine share: a station, its hub, and words to look at both.

hub_events=/mnt/host/events.jsonl
reported=/mnt/host/reported

fail() {
    echo "FAILED: $*"
    systemctl status andon --no-pager -n 0 || true
    journalctl -u andon -u hub --no-pager -n 40 -o short-monotonic || true
    exit 1
}

# Seconds since the machine started, whatever its clock says.
now() {
    local up
    read -r up _ </proc/uptime
    echo "${up%.*}"
}

# within SECONDS WHAT COMMAND...: waits until the command succeeds, or fails the test.
within() {
    local limit=$(($(now) + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$(now)" -lt $limit ] || fail "never $what"
        sleep 0.5
    done
}

# A line of the fault table: what happened, and how long until verdicts came again.
row() { echo "ROW $1: verdicts again after $2 s"; }

mount_disks() {
    mkdir -p /mnt/host /var/lib/andon
    echo "127.0.0.1 localhost" >/etc/hosts
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 host /mnt/host
    mount -t ext4 /dev/vda /var/lib/andon
}

start_hub() {
    printf '[devices.press-3]\nkey = "c2VjcmV0"\n' >/run/devices.toml
    systemctl reset-failed hub 2>/dev/null || true
    systemd-run --quiet --unit=hub /opt/test/iothub-standin --listen 127.0.0.1:8883 --control 127.0.0.1:8080 \
        --devices /run/devices.toml --ca-out /run/ca.pem --events $hub_events
    within 30 "a hub" hub GET /health
}

# hub METHOD PATH [JSON]: asks the stand-in's control address. In a shell of its own, which a refused connection ends.
hub() (
    body=${3:-}
    exec 3<>/dev/tcp/127.0.0.1/8080
    printf '%s %s HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
        "$1" "$2" "${#body}" "$body" >&3
    answer=$(cat <&3)
    case $answer in "HTTP/1.1 2"*) echo "$answer" ;; *) exit 1 ;; esac
)

# In the root for ARM no package's script ever ran, so that dpkg takes nothing for installed: depends hold nonetheless.
install_package() {
    dpkg --force-depends -i "$1" >/run/dpkg.log 2>&1 || { cat /run/dpkg.log; fail "cannot install $1"; }
}

# configure PACK PICTURES FRAMES_PER_SECOND [PRODUCT]
configure() {
    cat >/etc/andon/station.toml <<TOML
[station]
id = "press-3"
line = "Line 1"
product = "${4:-Plate}"
[source]
kind = "folder"
path = "$2"
frames_per_second = $3
repeat = true
[model]
pack = "$1"
[hub]
ca_file = "/run/ca.pem"
[log]
level = "debug"
TOML
    echo 'HostName=localhost;DeviceId=press-3;SharedAccessKey=c2VjcmV0' >/etc/andon/hub-connection-string
    chmod 600 /etc/andon/hub-connection-string
    # The state's folder is a disk here, so that pictures stand elsewhere.
    mkdir -p /srv/pictures
    cp /opt/test/bright.png /srv/pictures/1.png
    cp /opt/test/dark.png /srv/pictures/2.png
    chmod -R a+rX /srv
}

shade() { configure /opt/test/shade /srv/pictures 4 "${1:-Plate}"; }

# The number of the last item that has its verdict.
last_item() {
    journalctl -u andon -n 60 -o json --output-fields=ANDON_ITEM --no-pager | sed -n 's/.*"ANDON_ITEM":"\([0-9]*\)".*/\1/p' |
        tail -1
}

judged_after() { [ "$(last_item)" -gt "$1" ]; }

# verdicts_again FAULT SINCE: waits for a verdict on an item after the last one now, and writes the row.
verdicts_again() {
    local before
    before=$(last_item)
    within 120 "a verdict again: $1" judged_after "${before:-0}"
    row "$1" $(($(now) - $2))
}

events() { wc -l <$hub_events; }
more_events_than() { [ "$(events)" -gt "$1" ]; }
status() { systemctl show andon -p StatusText --value; }
status_says() { status | grep -q -- "$1"; }
pid() { systemctl show andon -p MainPID --value; }
says() { journalctl -u andon --no-pager -o cat | grep -q -- "$1"; }

# Every report that the station said was safe is written down outside the machine.
write_down_reports() {
    systemd-run --quiet --unit=notary /bin/bash -c "journalctl -u andon -f -n all -o json --output-fields=ANDON_REPORT |
        sed -un 's/.*\"ANDON_REPORT\":\"\\([^\"]*\\)\".*/\\1/p' >>$reported"
}

sequences() { sed 's/\\"/"/g' $hub_events | sed -n 's/.*"sequence":\([0-9]*\),"station".*/\1/p' | sort -nu; }
ids() { sed 's/\\"/"/g' $hub_events | sed -n 's/.*"report_id":"\([^"]*\)".*/\1/p' | sort -u; }
nothing_waits() { [ -z "$(andon outbox list --json 2>/dev/null)" ]; }

# Everything that was stored has arrived: numbers without a gap, a number an id, and nothing that was safe is missing.
nothing_is_lost() {
    systemctl stop andon
    configure /opt/test/shade /nowhere 4
    systemctl start andon
    within 120 "an empty outbox" nothing_waits
    local last count
    last=$(sequences | tail -1)
    count=$(sequences | wc -l)
    [ "$last" -eq "$count" ] || fail "numbers have a gap: $count up to $last"
    [ "$(ids | wc -l)" -eq "$count" ] || fail "$count numbers, $(ids | wc -l) ids"
    local missing
    missing=$(sort -u $reported | comm -23 - <(ids))
    [ -z "$missing" ] || fail "said to be safe and never arrived: $missing"
    echo "nothing lost: $count reports, of which $(sort -u $reported | wc -l) were written down before they arrived"
}

# Messages that something is wrong, so far.
errors() { journalctl -u andon -p err -o cat --no-pager | wc -l; }
more_errors_than() { [ "$(errors)" -gt "$1" ]; }

# usb KEY: the value that `andon cameras` gives for the first camera.
usb() { andon cameras --json | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -1; }

# watch_camera IDENTITY FORMAT SIZE: the station's file for a camera.
watch_camera() {
    shade
    sed -i -e 's/^kind = .*/kind = "usb"/' -e '/^path = /d' -e '/^repeat = /d' /etc/andon/station.toml
    printf '[source.camera]\n%s\nformat = "%s"\nsize = "%s"\n' "$1" "$2" "$3" >>/etc/andon/station.toml
}

# From here on says_now looks; says_now PATTERN.
mark() { cursor=$(journalctl -u andon -n 1 -o cat --show-cursor --no-pager | sed -n 's/^-- cursor: //p'); }
says_now() { journalctl -u andon --after-cursor="$cursor" -o cat --no-pager | grep -q -- "$1"; }
# sees_again: what is judged now was seen.
sees_again() { says_now '^OK$' || says_now '^NG'; }
