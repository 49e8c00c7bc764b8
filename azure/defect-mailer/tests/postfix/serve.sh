#!/bin/sh
# A postfix of its own on 127.0.0.1: `serve.sh ROOT WORK PORT MODE`, as root, which postfix drops where it can.
# ROOT is where install.sh unpacked it, WORK holds cert.pem and key.pem and gets everything that it writes. MODE is
# `plain`, `no-tls` or `greylist` (each sender and recipient is deferred once). Says "ready" on a line when it takes
# mails, and ends when its standard input does. A mail to lead@plant.example lies in WORK/mail/lead, a maildir.
set -eu
[ $# -eq 4 ] || { echo "usage: serve.sh ROOT WORK PORT MODE" >&2; exit 2; }
root=$1 work=$2 port=$3 mode=$4
here=$(cd "$(dirname "$0")" && pwd)
daemons=$root/usr/lib/postfix/sbin
libraries=$root/usr/lib/$(uname -m)-linux-gnu
LD_LIBRARY_PATH=$root/usr/lib/postfix:$libraries
SASL_PATH=$libraries/sasl2
export LD_LIBRARY_PATH SASL_PATH

# Accounts that every Debian has and nothing runs as, so that none need be made: postfix wants them apart.
owner=news group=uucp nobody=nobody
# Mails belong to whoever runs the tests, but postfix refuses to deliver as root.
reader=$(stat -c %u "$work")
[ "$reader" -ne 0 ] || reader=$(id -u mail)

chmod 711 "$work"
mkdir -p "$work/etc/sasl" "$work/spool" "$work/data" "$work/mail" "$work/greylist"
chown "$owner" "$work/data"
chown "$reader" "$work/mail"
chown "$nobody" "$work/greylist"
cp "$here/greylist.py" "$work/greylist/"
chmod 755 "$work/greylist"
cd "$work/spool"
for queue in active bounce corrupt defer deferred flush hold incoming private saved trace; do
    install -d -m 700 -o "$owner" "$queue"
done
install -d -m 755 pid
install -d -m 730 -o "$owner" -g "$group" maildrop
install -d -m 710 -o "$owner" -g "$group" public

tls="smtpd_tls_security_level = may"
[ "$mode" != no-tls ] || tls="smtpd_tls_security_level = none"
first=
[ "$mode" != greylist ] || first="check_policy_service unix:private/greylist,"
cat >"$work/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $work/spool
data_directory = $work/data
daemon_directory = $daemons
command_directory = $root/usr/sbin
shlib_directory = $root/usr/lib/postfix
meta_directory = $work/etc
maillog_file = $work/maillog
maillog_file_prefixes = $work
import_environment = LD_LIBRARY_PATH=$LD_LIBRARY_PATH SASL_PATH=$SASL_PATH MAIL_CONFIG POSTLOG_SERVICE POSTLOG_HOSTNAME TZ
mail_owner = $owner
setgid_group = $group
default_privs = $nobody
myhostname = localhost
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = plant.example
virtual_mailbox_base = $work/mail
virtual_mailbox_maps = inline:{ lead@plant.example=lead/ }
virtual_uid_maps = static:$reader
virtual_gid_maps = static:$(id -g "$owner")
virtual_minimum_uid = 1
$tls
smtpd_tls_chain_files = $work/key.pem, $work/cert.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_recipient_restrictions = $first permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
END
cat >"$work/etc/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
greylist unix - n n - 0 spawn user=$nobody argv=/usr/bin/env python3 $work/greylist/greylist.py $work/greylist/seen
END
# Debian's postfix looks for this beside main.cf.
cat >"$work/etc/sasl/smtpd.conf" <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: $work/etc/sasl/users
END
printf %s geheim-4711 | "$root/usr/sbin/saslpasswd2" -p -c -u localhost -f "$work/etc/sasl/users" andon
chgrp "$owner" "$work/etc/sasl/users"
chmod 640 "$work/etc/sasl/users"

# It ends its children by its process group, so it must lead one.
setsid "$daemons/master" -d -c "$work/etc" >&2 &
master=$!
until grep -q "daemon started" "$work/maillog" 2>/dev/null; do
    kill -0 "$master" 2>/dev/null || { cat "$work/maillog" >&2; exit 1; }
    sleep 0.05
done
echo ready
cat >/dev/null
kill "$master"
wait "$master" || true
chown -R "$(stat -c %u "$work")" "$work"
