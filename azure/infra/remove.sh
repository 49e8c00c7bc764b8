#!/bin/sh
# Removes everything that deploy.sh made, with all that is stored there: `remove.sh RESOURCE-GROUP`. Asks first.
set -eu
[ $# -eq 1 ] || { echo "usage: remove.sh RESOURCE-GROUP" >&2; exit 2; }
# The vault stays for seven days where it can be brought back; nothing else does.
exec az group delete --name "$1"
