# A disk that the kernel makes read-only, as it does with a card that fails. The package is installed and runs.

# The kernel finds an error in the file system, on demand.
mount -o remount,errors=remount-ro /var/lib/andon
mark
echo "the test wants it so" >/sys/fs/ext4/vda/trigger_fs_error
! touch /var/lib/andon/probe 2>/dev/null || fail "the disk is not read-only"
within 60 "a word about the read-only disk" says_now 'cannot store a report'
within 60 "a status about it" status_says 'is the disk full or read-only'
item=$(last_item)
within 30 "verdicts on a read-only disk" judged_after "$item"
echo "read-only disk: it was told, and verdicts never stopped"

# What is done then: the file system is repaired, or another card put in.
systemctl stop andon
mark
systemctl start --no-block andon
within 60 "a refusal to start on a read-only disk" says_now 'cannot open the outbox.*read-only'
systemctl stop andon
umount /var/lib/andon
fsck.ext4 -p -f /dev/vda >/run/fsck.log 2>&1 || [ $? -eq 1 ] || fail "$(cat /run/fsck.log)"
mount -t ext4 /dev/vda /var/lib/andon
since=$(now)
before=$(events)
systemctl start andon || fail "no start on the repaired disk"
within 60 "reports from the repaired disk" more_events_than "$before"
echo "ROW read-only disk, then repaired: the first report $(($(now) - since)) s after the start"
