# GPIO lines, of a chip that the kernel's own driver finds on the bus: triggers, rejects, light, ready and heartbeat. The
# package is installed.

lines=/run/lines
reject=4 light=5 ready=6 heartbeat=7

plug_chip_in() { systemd-run --quiet --unit=chip /opt/test/cp2112sim $lines; }
# The machine may have chips of its own.
chip_path() { gpiodetect | sed -n 's,^\(gpiochip[0-9]*\) \[cp2112_gpio\].*,/dev/\1,p'; }
there_is_a_chip() { [ -n "$(chip_path)" ]; }
# Levels of the outputs: is_on LINE looks at the last ones, rises LINE counts how often a line has risen.
is_on() { (($(tail -n 1 $lines/outputs) >> $1 & 1)); }
is_off() { ! is_on "$1"; }
rises() { awk -v bit=$((1 << $1)) '{ now = int($1 / bit) % 2; if (now && !before) n++; before = now } END { print n + 0 }' $lines/outputs; }
more_rises_than() { [ "$(rises "$1")" -gt "$2" ]; }
# verdict ITEM: what the station said about it.
verdict() { journalctl -u andon "ANDON_ITEM=$1" -o cat --no-pager | grep -om1 '^\(OK\|NG\|NOT INSPECTED\)'; }

# trigger SECONDS: the light barrier sees an item, until that item has its verdict.
trigger() {
    local before
    before=$(last_item)
    echo 1 >$lines/inputs
    within "$1" "a verdict on a triggered item" judged_after "${before:-0}"
    echo 0 >$lines/inputs
    # Longer than the line is debounced.
    sleep 0.3
}

# controlled_by CHIP TRIGGER_LINE
controlled_by() {
    shade
    cat >>/etc/andon/station.toml <<TOML
[trigger]
patience_milliseconds = 2000
[trigger.gpio]
chip = "$1"
line = $2
debounce_milliseconds = 50
[outputs]
reject_delay_milliseconds = 5000
reject_pulse_milliseconds = 1000
light_seconds = 20
[outputs.gpio]
chip = "$1"
reject_line = $reject
light_line = $light
ready_line = $ready
heartbeat_line = $heartbeat
TOML
}

mkdir -p $lines
echo 0 >$lines/outputs
modprobe -a uhid hid-cp2112 || fail "no GPIO chip in this kernel"
plug_chip_in
within 30 "a GPIO chip" there_is_a_chip
chip=$(chip_path)
within 30 "its group" eval "[ \$(stat -c %G $chip) = gpio ]"

# What its agent holds is not tried.
systemctl stop andon
controlled_by cp2113_gpio 0
refusal=$(andon check --offline 2>&1) && fail "a chip that does not exist is accepted: $refusal"
grep -q "label \"cp2113_gpio\".*there are: .*$chip (cp2112_gpio)" <<<"$refusal" || fail "the refusal names no chip: $refusal"
controlled_by "$chip" 99
refusal=$(andon check --offline 2>&1) && fail "a GPIO line that does not exist is accepted: $refusal"
grep -q "GPIO line 99 of $chip.*there are: .*$chip (cp2112_gpio) with lines 0 to 7" <<<"$refusal" || fail "the refusal does not list the chip: $refusal"

# By its label, for its number is another one once it was unplugged.
controlled_by cp2112_gpio 0
since=$(now)
mark
systemctl start andon || fail "a triggered station does not start"
within 60 "a line that says ready" is_on $ready
row "start of a triggered station" $(($(now) - since))
beats=$(rises $heartbeat)
within 30 "a heartbeat" more_rises_than $heartbeat "$beats"
! says_now '^\(OK\|NG\)' || fail "an item without a trigger"

first=$(last_item)
ng=0 rejected=$(rises $reject)
for turn in $(seq 20); do
    trigger 30
    case $(verdict "$(last_item)") in
    NG)
        ng=$((ng + 1))
        within 30 "a reject for turn $turn" more_rises_than $reject $((rejected + ng - 1))
        is_on $light || fail "an NG item, and no andon light"
        within 30 "the end of the reject, turn $turn" is_off $reject
        ;;
    OK) is_off $reject || fail "an OK item is rejected" ;;
    *) fail "turn $turn is neither OK nor NG" ;;
    esac
done
[ $(($(last_item) - ${first:-0})) -eq 20 ] || fail "20 triggers, and items $first to $(last_item)"
[ $(($(rises $reject) - rejected)) -eq $ng ] || fail "$ng NG items, $(($(rises $reject) - rejected)) rejects"
[ $ng -gt 0 ] && [ $ng -lt 20 ] || fail "$ng of 20 items NG: nothing is shown"
echo "GPIO: 20 triggers, 20 verdicts, $ng NG, as many rejects"

mv /srv/pictures /srv/gone
within 30 "ready goes off without frames" is_off $ready
is_on $light || fail "a blind station, and no andon light"
rejected=$(rises $reject)
trigger 60
[ "$(verdict "$(last_item)")" = "NOT INSPECTED" ] || fail "an item that nobody saw is $(verdict "$(last_item)")"
within 30 "a reject of what nobody saw" more_rises_than $reject "$rejected"
mv /srv/gone /srv/pictures
since=$(now)
within 60 "ready once frames are back" is_on $ready
row "GPIO: ready again after the folder was gone" $(($(now) - since))

kill -9 "$(pid)"
beats=$(rises $heartbeat)
since=$(now)
within 120 "a heartbeat after the process was killed" more_rises_than $heartbeat $((beats + 1))
row "GPIO: heartbeat after the process was killed" $(($(now) - since))

mark
systemctl stop chip
within 30 "a word about the chip that is gone" says_now 'no triggers come'
within 30 "a word about its outputs" says_now 'the outputs cannot be set'
mark
since=$(now)
plug_chip_in
within 60 "triggers again" says_now 'triggers can come again'
within 60 "outputs again" says_now 'the outputs can be set again'
trigger 60
row "GPIO: a trigger after the chip was gone" $(($(now) - since))
shade
systemctl restart andon
systemctl stop chip
