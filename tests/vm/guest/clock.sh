# A computer without a battery for its clock. The package is installed and runs.

real_start=$(($(date +%s) - $(now)))
# The kernel takes no time before its own start.
clock_to_1970() { date -s "@$(($(now) + 60))" >/dev/null || fail "the clock cannot be set"; }
clock_to_now() { date -s "@$((real_start + $(now)))" >/dev/null; }

systemctl stop andon
clock_to_1970
systemctl start andon || fail "no start in 1970"
item=$(last_item)
within 60 "verdicts in 1970" judged_after "${item:-0}"
within 60 "a login refused in 1970" status_says 'offline'
before=$(events)
clock_to_now
since=$(now)
within 180 "reports after the clock was set" more_events_than "$before"
echo "ROW clock at 1970, then set: verdicts never stopped; the first report $(($(now) - since)) s after"
grep -q '1970-01-01T00' $hub_events || fail "no report of 1970 arrived"
grep -q '"clock\\*":\\*"unsynchronised' $hub_events || fail "a report claims that the clock was right"

# The same with a time service, and a restart in between: who confirms the clock corrects what was reported before.
waiting() { andon outbox list --json | wc -l; }
more_wait_than() { [ "$(waiting)" -gt "$1" ]; }
within 60 "an empty outbox" nothing_waits
hub POST /faults '{"refuse_connections": true, "cut_after_publishes": 1}' >/dev/null || fail "the hub takes no fault"
within 60 "a status without hub" status_says 'offline'
within 60 "a first report that waits" more_wait_than 0
clock_to_1970
within 60 "reports of 1970 that wait" more_wait_than $(($(waiting) + 5))
kill -9 "$(pid)"
within 60 "reports of the next process, in 1970" more_wait_than $(($(waiting) + 5))
clock_to_now
/opt/test/confirmclock || fail "the clock cannot be confirmed"
within 60 "a report that knows that the clock is right" grep -aq '"clock":"synchronised"' /var/lib/andon/outbox.db-wal
arrived=$(events)
count=$(waiting)
hub POST /faults '{}' >/dev/null || fail "the hub cannot be mended"
within 120 "all that waited" more_events_than $((arrived + count))
! tail -n +$((arrived + 1)) $hub_events | grep -q 'unsynchronised\|1970-01-01T' || fail "a report was not corrected"
echo "clock: $count reports that waited were corrected once it was confirmed, across a restart"
