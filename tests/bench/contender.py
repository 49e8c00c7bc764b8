"""Contenders as processes that stay warm and take turns, so that a machine that slows down slows all of them."""

import json
import statistics
import subprocess
import sys

import numpy as np

from one_core import start


class Contender:
    def __init__(self, name, command, log):
        self.name = name
        self.log = log
        with open(log, "w", encoding="utf-8") as notes:
            self.process = start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=notes, text=True)

    def ask(self, request):
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # Why is in its log.
        # Libraries write to standard output too.
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ContenderError(said[-1] if said else "it ended without a word")

    def tensors(self, folder):
        """Its input and its outputs."""
        folder.mkdir(parents=True, exist_ok=True)
        told = self.ask(f"write {folder}")
        load = lambda it: np.fromfile(folder / it["file"], np.float32).reshape(it["shape"])
        return load(told["input"]), [load(it) for it in told["outputs"]]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class ContenderError(Exception):
    pass


def take_turns(contenders, request, rounds, milliseconds):
    """Asks each in turn, round by round, for about so many milliseconds of work; CPU milliseconds a time by name."""
    times = {}
    for contender in contenders:
        # The first is cold.
        contender.ask(f"{request} 2")
        one = contender.ask(f"{request} 2")["cpu_ms"]
        times[contender.name] = max(1, round(milliseconds / max(one, 1e-3)))
    measured = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            answer = contender.ask(f"{request} {times[contender.name]}")
            measured[contender.name].append(answer["cpu_ms"])
        if sys.stderr.isatty():
            print(f"\r{request}: round {number + 1} of {rounds}", end="\x1b[K", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r", end="\x1b[K", file=sys.stderr)
    return measured


def ratio(measured, name, other):
    """The median over rounds, within which the machine was the same."""
    return statistics.median(a / b for a, b in zip(measured[name], measured[other]))
