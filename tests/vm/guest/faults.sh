# From installation to purge, in one boot: each step is a sentence that is printed once it is true.

install_package /opt/test/andon_1_*.deb
[ "$(systemctl is-enabled andon)" = disabled ] || fail "a station is enabled before its file is written"
id -nG andon | tr ' ' '\n' | sort | tr '\n' ' ' | grep -qx 'andon gpio video ' || fail "the user's groups: $(id -nG andon)"
for page in /usr/share/man/man1/andon.1.gz /usr/share/bash-completion/completions/andon; do
    # The machine's dpkg leaves manuals out.
    [ -e $page ] || [[ $page == *man* ]] || fail "no $page"
done
echo "the package is installed; nothing runs before the station's file is written"

systemd-analyze security andon.service --threshold=15 --no-pager >/run/security || fail "$(tail -2 /run/security)"
echo "sandbox: $(tail -1 /run/security)"

# An emulated processor needs half a minute for a picture of the shipped model; the other steps have the unit as it is.
mkdir -p /run/systemd/system/andon.service.d
printf '[Service]\nTimeoutStartSec=600\nWatchdogSec=300\n' >/run/systemd/system/andon.service.d/emulated.conf
systemctl daemon-reload
write_down_reports
mkdir -p /srv/boards
cp /usr/share/andon/models/pcb/parity.png /srv/boards/
chmod -R a+rX /srv
configure /usr/share/andon/models/pcb /srv/boards 0.02
before=$(events 2>/dev/null || echo 0)
since=$(now)
systemctl enable --now --quiet andon || fail "the service does not start"
row "start with the shipped model" $(($(now) - since))
[ -n "$(last_item)" ] || fail "ready before the first frame was judged"
within 60 "a report of the shipped model" more_events_than "$before"
grep -q '"pcb' $hub_events || grep -q 'pcb' $hub_events || fail "no report bears the shipped model's name"
echo "the first verdict came before systemd heard READY, and its report arrived"
echo "memory: $(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$(pid)/status") MB at most with the shipped model"

report=$(ids | tail -1)
journalctl -u andon "ANDON_REPORT=$report" -o cat --no-pager | grep -q NG || fail "the journal has no field for $report"
echo "the journal finds a report by its field"

main=$(pid)
shade
sed -i 's/product =/prodcut =/' /etc/andon/station.toml
systemctl reload andon
within 30 "a refusal" says 'the new configuration is refused.*'
says 'prodcut' || fail "the refusal does not say what is wrong"
shade "Disc"
since=$(now)
systemctl reload andon
within 120 "a report after the reload" grep -q Disc $hub_events
verdicts_again "new configuration by SIGHUP" "$since"
[ "$(pid)" = "$main" ] || fail "it was started anew"
echo "a bad configuration is refused, a good one taken, by one and the same process"

rm -r /run/systemd/system/andon.service.d
systemctl daemon-reload
for _ in 1 2 3; do
    mv /srv/pictures /srv/gone
    within 30 "a status without frames" status_says '; no frames: '
    mv /srv/gone /srv/pictures
    since=$(now)
    verdicts_again "folder gone and back" "$since"
done

before=$(events)
hub POST /faults '{"refuse_connections": true, "cut_after_publishes": 1}' >/dev/null || fail "the hub takes no fault"
within 60 "a status without hub" status_says 'offline'
item=$(last_item)
within 30 "verdicts without a hub" judged_after "$item"
item=$(last_item)
sleep 10
judged_after "$item" || fail "no verdict while the hub is gone"
hub POST /faults '{}' >/dev/null || fail "the hub cannot be mended"
since=$(now)
within 120 "reports once the hub is back" more_events_than $((before + 10))
echo "ROW hub gone for 10 s: verdicts never stopped; the first reports after $(($(now) - since)) s"

since=$(now)
kill -9 "$(pid)"
verdicts_again "the process is killed" "$since"

kill -STOP "$(pid)"
since=$(now)
within 60 "a watchdog's bite" says 'Watchdog timeout'
verdicts_again "the process hangs (watchdog)" "$since"

dd if=/dev/zero of=/var/lib/andon/filler bs=1M >/dev/null 2>&1
within 60 "a word about the full disk" says 'cannot store a report'
item=$(last_item)
within 30 "verdicts on a full disk" judged_after "$item"
rm /var/lib/andon/filler
since=$(now)
before=$(events)
within 60 "reports once there is room" more_events_than "$before"
echo "ROW disk full: verdicts never stopped; the first report $(($(now) - since)) s after there was room"

. /opt/test/disk.sh
. /opt/test/clock.sh

main=$(pid)
known=$(sequences | tail -1)
install_package /opt/test/andon_2_*.deb &
has_stopped() { [ "$(pid)" != "$main" ]; }
within 300 "a restart by the upgrade" has_stopped
since=$(now)
verdicts_again "upgrade of the package, from the old program's end" "$since"
wait
[ -e /etc/andon/station.toml ] && [ -e /etc/andon/hub-connection-string ] || fail "the upgrade took the station's files"
within 60 "numbers that go on after the upgrade" eval "[ \$(sequences | tail -1) -gt $known ]"
echo "an upgrade keeps the state and starts the new program"

. /opt/test/cameras.sh
. /opt/test/usb.sh
. /opt/test/controls.sh

nothing_is_lost

dpkg -r andon >/dev/null 2>&1 || fail "it cannot be removed"
! systemctl is-active --quiet andon || fail "it runs without its package"
[ -e /var/lib/andon/outbox.db ] || fail "removing took the state"
dpkg -P andon >/run/dpkg.log 2>&1 || fail "it cannot be purged: $(cat /run/dpkg.log)"
left=$(ls -A /var/lib/andon; ls -A /etc/andon 2>/dev/null; ls /usr/bin/andon /usr/lib/systemd/system/andon.service 2>/dev/null)
[ -z "$left" ] || fail "a purge left $left"
echo "removing keeps the state, purging leaves nothing"
