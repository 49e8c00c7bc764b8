"""How soon the mailer is ready, and how many events a second of one core it takes: `mailer.py EXECUTABLE [--seconds N]`.

Its state is in a folder, so that no storage account's distance counts; mails go to a server that takes everything.
Prints lines of a Markdown table. Only the standard library is needed.
"""

import argparse
import http.client
import json
import os
import socket
import socketserver
import statistics
import subprocess
import tempfile
import threading
import time
import uuid

BATCH = 32  # maxEventBatchSize in host.json
TICKS = os.sysconf("SC_CLK_TCK")


class Post(socketserver.StreamRequestHandler):
    """Takes every mail."""

    def handle(self):
        self.wfile.write(b"220 bench\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(executable, post, state):
    """A mailer and how long it took until it answered, in seconds."""
    port = free_port()
    environment = {
        "FUNCTIONS_CUSTOMHANDLER_PORT": str(port),
        "MAILER_SMTP_HOST": "127.0.0.1",
        "MAILER_SMTP_PORT": str(post),
        "MAILER_SMTP_FROM": "andon@plant.example",
        "MAILER_TO": "lead@plant.example",
        "MAILER_STATE": state,
    }
    begin = time.perf_counter()
    process = subprocess.Popen([executable], env=environment, stderr=subprocess.DEVNULL)
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/")
            connection.getresponse().read()
            return process, connection, time.perf_counter() - begin
        except OSError:
            time.sleep(0.0005)


def batch(number):
    """What the host posts: one report of each of 32 stations, each the next of its incident."""
    bodies, systems = [], []
    for station in range(BATCH):
        device = f"press-{station}"
        bodies.append(json.dumps({
            "schema": "andon.defect/1", "report_id": str(uuid.uuid4()), "sequence": number,
            "station": {"id": device, "line": f"Line {station // 8}", "product": "board"},
            "agent": {"version": "1.0.0"}, "item": {"sequence": number, "tracked_frames": 7},
            "captured_at": "2026-11-25T01:02:03.000Z", "clock": "synchronised",
            "defects": [{"label": "short", "severity": "major", "confidence": 0.9, "box": [0.1, 0.1, 0.2, 0.2]}],
            "model": {"name": "pcb", "version": "1.0.0", "sha256": "0" * 64},
            "incident": {"id": f"incident-{station}", "opened_at": "2026-11-25T01:02:03.000Z", "count": number,
                         "notify": "open" if number == 1 else "none"},
        }))
        systems.append({"iothub-connection-device-id": device, "iothub-message-source": "Telemetry"})
    return json.dumps({"Data": {"events": json.dumps(bodies)},
                       "Metadata": {"SystemPropertiesArray": json.dumps(systems)}})


def cpu(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("executable")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Post)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    post = server.server_address[1]

    starts = []
    for _ in range(11):
        with tempfile.TemporaryDirectory() as state:
            process, _, seconds = start(options.executable, post, state)
            process.kill()
            process.wait()
        starts.append(seconds)

    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as state:
        process, connection, _ = start(options.executable, post, state)
        begin, before, number = time.perf_counter(), cpu(process), 0
        while time.perf_counter() - begin < options.seconds:
            number += 1
            connection.request("POST", "/DefectMailer", batch(number), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        elapsed, used, memory = time.perf_counter() - begin, cpu(process) - before, resident(process)
        process.terminate()
        process.wait()
    events = number * BATCH
    print("| the mailer | |")
    print("|---|---|")
    print(f"| start to ready | {statistics.median(starts) * 1000:.1f} ms (median of {len(starts)}, worst {max(starts) * 1000:.1f}) |")
    print(f"| events a second of one core | {events / used:.0f} ({events} events in {used:.2f} s of processor time) |")
    print(f"| events a second, one batch at a time | {events / elapsed:.0f} |")
    print(f"| memory after {events} events of {BATCH} stations | {memory:.1f} MiB |")


main()
