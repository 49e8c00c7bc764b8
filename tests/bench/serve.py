"""A contender's side of a comparison: it does what standard input asks for, a line each, as `andon bench --rounds` does.
"""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np


def serve(stages, write=None):
    """`stages` are functions by name, each of which does its work once; `write` takes a folder."""
    for request in sys.stdin:
        word, _, rest = request.strip().partition(" ")
        if word == "memory":
            answer = memory()
        elif word == "write":
            answer = write(Path(rest))
        else:
            answer = measure(stages[word], int(rest))
        print(json.dumps(answer), flush=True)


def measure(stage, times):
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(times):
        stage()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return {"times": times, "cpu_ms": cpu / times / 1e6, "wall_ms": wall / times / 1e6}


def memory(process="self"):
    """Resident memory in megabytes of 1 000 000 bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    kibibytes = {name: int(value) for name, value in re.findall(r"(Vm\w+):\s+(\d+) kB", status)}
    return {"now": kibibytes["VmRSS"] * 1024 / 1e6, "peak": kibibytes["VmHWM"] * 1024 / 1e6}


def write_tensor(folder, name, values):
    np.ascontiguousarray(values, np.float32).tofile(folder / name)
    return {"file": name, "shape": list(values.shape)}
