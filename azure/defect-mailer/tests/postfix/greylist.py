"""A greylisting policy for postfix (its SMTPD_POLICY_README): who comes for the first time is asked to come again.

`greylist.py FILE`, where FILE keeps who was seen.
"""

import pathlib
import sys

seen = pathlib.Path(sys.argv[1])
request = {}
for line in sys.stdin:
    name, _, value = line.rstrip("\n").partition("=")
    if name:
        request[name] = value
        continue
    who = f"{request.get('sender')} {request.get('recipient')}"
    known = seen.read_text().splitlines() if seen.exists() else []
    if who in known:
        answer = "dunno"
    else:
        seen.write_text("\n".join([*known, who]))
        answer = "defer_if_permit 4.7.1 greylisted, come back later"
    print(f"action={answer}\n", flush=True)
    request = {}
