"""What an outbox and a session with the hub cost: andon beside Microsoft's SDK for Python with a table of SQLite as its
outbox, which is the same work: durable first, at most 16 in flight, struck out on the acknowledgement.

    delivery.py --delivery PROGRAM --standin PROGRAM --out FOLDER [--quick]

FOLDER gets delivery.md and delivery.json. The round trip is added by a proxy on loopback; each runs on one core.
"""

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from one_core import start

DEVICE = "press-3"
KEY = base64.b64encode(b"a key of the bench").decode()
# The SDK knows no other port.
PROXY, HUB = ("127.0.0.3", 8883), ("127.0.0.4", 8883)
TRIPS_MS = (0, 50, 300)
OWN, SDK = "andon", "azure-iot-device (Python)"


def main():
    given = arguments()
    work = given.out / "delivery"
    work.mkdir(parents=True, exist_ok=True)
    appends, backlog = (200, 100) if given.quick else (2_000, 10_000)
    hub = start_hub(given.standin, work)
    proxy = Proxy()
    rows = []
    try:
        for name, program in programs(given.delivery, work).items():
            rows.append({"what": "append", "who": name, **run(program("append", appends), work)})
        for trip in TRIPS_MS:
            proxy.trip = trip / 1e3
            for name, program in programs(given.delivery, work).items():
                told = run(program("drain", backlog), work)
                rows.append({"what": "drain", "trip_ms": trip, "who": name, **told})
                print(json.dumps(rows[-1]), file=sys.stderr)
    finally:
        hub.terminate()
        hub.wait()
    text = markdown(rows)
    (given.out / "delivery.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (given.out / "delivery.md").write_text(text, encoding="utf-8")
    print(text)


def programs(delivery, work):
    folder = work / "outbox"
    login = work / "connection-string"
    login.write_text(f"HostName=localhost;DeviceId={DEVICE};SharedAccessKey={KEY}", encoding="ascii")
    login.chmod(0o600)

    def own(what, count):
        more = [PROXY[1], work / "ca.pem", login] if what == "drain" else []
        return [delivery, folder, what, count, *more]

    def sdk(what, count):
        return [sys.executable, Path(__file__).parent / "sdk.py", folder, what, count, PROXY[0], work / "ca.pem", KEY]

    return {OWN: own, SDK: sdk}


def run(command, work):
    """One run on a fresh outbox."""
    folder = work / "outbox"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    process = start(command, stdout=subprocess.PIPE, text=True)
    told, _ = process.communicate(timeout=3600)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed")
    return json.loads(told.strip().splitlines()[-1])


def start_hub(standin, work):
    devices = work / "devices.toml"
    names = json.dumps([PROXY[0]])
    devices.write_text(f'[hub]\nnames = {names}\n[devices.{DEVICE}]\nkey = "{KEY}"\n', encoding="utf-8")
    ca = work / "ca.pem"
    ca.unlink(missing_ok=True)
    listen = ":".join(map(str, HUB))
    process = subprocess.Popen([str(standin), "--listen", listen, "--devices", str(devices), "--ca-out", str(ca)])
    deadline = time.monotonic() + 30
    while not ca.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("iothub-standin did not start")
        time.sleep(0.05)
    return process


class Proxy:
    """Carries bytes between the device and the hub, each half a round trip late; nothing waits for what is before it."""

    def __init__(self):
        self.trip = 0.0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        if not ready.wait(30):
            raise SystemExit("the proxy did not start")

    async def serve(self, ready):
        # andon connects to the name in its certificate, the SDK to an address of its own.
        own = await asyncio.start_server(self.connect, "127.0.0.1", PROXY[1])
        sdk = await asyncio.start_server(self.connect, *PROXY)
        ready.set()
        await asyncio.gather(own.serve_forever(), sdk.serve_forever())

    async def connect(self, reader, writer):
        try:
            hub_reader, hub_writer = await asyncio.open_connection(*HUB)
            await asyncio.gather(self.carry(reader, hub_writer), self.carry(hub_reader, writer))
        except OSError:
            writer.close()

    async def carry(self, reader, writer):
        loop = asyncio.get_running_loop()
        last = 0.0
        while chunk := await reader.read(1 << 16):
            at = loop.time() + self.trip / 2
            # Timers of one instant keep no order.
            last = max(at, last + 1e-6)
            loop.call_at(last, writer.write, chunk)
        loop.call_at(max(last, loop.time()) + 1e-3, writer.close)


def markdown(rows):
    lines = ["| | reports | reports/s | CPU per report |", "|---|---|---|---|"]
    for row in rows:
        what = "durable appends" if row["what"] == "append" else f"a backlog, {row['trip_ms']} ms round trip"
        rate, cpu = row["reports"] / row["seconds"], row["cpu_seconds"] / row["reports"] * 1e6
        lines.append(f"| {what}, {row['who']} | {row['reports']} | {rate:.0f} | {cpu:.0f} µs |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description="Outbox and session, beside Microsoft's SDK for Python.")
    parser.add_argument("--delivery", type=Path, required=True, help="the example `delivery` of andon")
    parser.add_argument("--standin", type=Path, required=True, help="iothub-standin")
    parser.add_argument("--out", type=Path, required=True, help="where tables and work files go")
    parser.add_argument("--quick", action="store_true", help="only whether all of it works")
    return parser.parse_args()


if __name__ == "__main__":
    main()
