"""From a folder of pictures to reports at the hub: the agent against the usual loop, both as processes of their own."""

import base64
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2

import pictures
from contender import ratio, start
from serve import memory

DEVICE = "press-3"
KEY = base64.b64encode(b"a key of the bench").decode()
OWN, LOOP = "andon run", "Python loop"
NG_EVERY = 10

# Of the camera's 1280x720: where boards lie, x, y, width and height.
REGION = (280, 0, 720, 720)


def compare(pack, andon, standin, work, rounds, counts):
    """A row for each. What a frame costs is the difference between a long folder and a short one, so that starting
    does not count."""
    work.mkdir(parents=True, exist_ok=True)
    board = cv2.imread(str(pack.folder / "parity.png"), cv2.IMREAD_GRAYSCALE)
    folders = {}
    for count in counts:
        folders[count] = work / f"frames_{count}"
        pictures.write_boards(folders[count], board, count, NG_EVERY)
    hub, port = start_hub(standin, work)
    commands = {
        OWN: lambda count: [andon, "run", "--config", station(pack, folders[count], port, work)],
        LOOP: lambda count: [
            *(sys.executable, Path(__file__).parent / "loop.py", pack.folder, folders[count]),
            *("localhost", port, work / "ca.pem", DEVICE, KEY, ",".join(map(str, REGION))),
        ],
    }
    measured = {name: [] for name in commands}
    try:
        for number in range(rounds):
            for name in list(commands)[:: 1 if number % 2 else -1]:
                measured[name].append({count: run(commands[name](count), count, work) for count in counts})
    finally:
        hub.terminate()
        hub.wait()
    return rows(measured, *counts)


def rows(measured, short, long):
    costs = {
        name: [(it[long]["cpu"] - it[short]["cpu"]) / (long - short) * 1e3 for it in runs]
        for name, runs in measured.items()
    }
    return [
        {
            "name": name,
            "cpu_ms": statistics.median(costs[name]),
            "ratio": ratio(costs, name, LOOP),
            "memory_mb": max(it[long]["peak"] for it in runs),
            "first_verdict_ms": statistics.median(one["first"] * 1e3 for it in runs for one in it.values()),
            "rounds": costs[name],
        }
        for name, runs in measured.items()
    ]


def run(command, count, work):
    """Runs to the end; CPU seconds of it all, peak memory, and seconds to the first verdict."""
    began = time.monotonic()
    process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seen = {"peak": 0.0, "first": None}
    watch = threading.Thread(target=watch_memory, args=(process.pid, seen))
    watch.start()
    said = []
    for line in process.stderr:
        said.append(line)
        if seen["first"] is None and "NG" in line:
            seen["first"] = time.monotonic() - began
    watch.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = re.sub(r"\x1b\[\d+m", "", "".join(said))
    expected = rf"{count} items\b.*\b{-(-count // NG_EVERY)} NG"
    if process.returncode != 0 or not re.search(expected, text):
        raise SystemExit(f"{command[0]} did not find what there is ({expected}):\n{text[-2000:]}")
    return {**seen, "cpu": usage.ru_utime + usage.ru_stime}


def watch_memory(process, seen):
    """Until the process ends; the system keeps the peak, the last look has it."""
    try:
        while True:
            seen["peak"] = memory(process)["peak"]
            time.sleep(0.005)
    except (KeyError, FileNotFoundError, ProcessLookupError):
        pass  # It has ended.


def start_hub(standin, work):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (work / "devices.toml").write_text(f'[devices.{DEVICE}]\nkey = "{KEY}"\n', encoding="utf-8")
    files = ["--devices", work / "devices.toml", "--ca-out", work / "ca.pem", "--events", work / "events.jsonl"]
    command = [standin, "--listen", f"127.0.0.1:{port}", *files]
    hub = subprocess.Popen([str(it) for it in command], stderr=subprocess.PIPE, text=True)
    for line in hub.stderr:
        if "devices connect to" in line:
            threading.Thread(target=hub.stderr.read, daemon=True).start()
            return hub, port
    raise SystemExit(f"{standin} ended before it listened")


def station(pack, folder, port, work):
    """A station of its own for each run: a new outbox, and no pictures kept, since the loop keeps none."""
    place = work / f"station_{time.monotonic_ns()}"
    place.mkdir()
    secret = place / "secret"
    secret.touch(mode=0o600)
    secret.write_text(f"HostName=localhost;DeviceId={DEVICE};SharedAccessKey={KEY}", encoding="utf-8")
    file = place / "station.toml"
    x, y, width, height = REGION
    file.write_text(
        f"""[station]
id = "{DEVICE}"
line = "Line 1"
product = "Board"
[source]
kind = "folder"
path = "{folder.resolve()}"
[items]
region = {{ x = {x}, y = {y}, width = {width}, height = {height} }}
[model]
pack = "{pack.folder.resolve()}"
[evidence]
enabled = false
[hub]
connection_string_file = "secret"
ca_file = "{(work / "ca.pem").resolve()}"
port = {port}
""",
        encoding="utf-8",
    )
    return file
