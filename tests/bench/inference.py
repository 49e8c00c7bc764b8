"""One model in several runtimes: do they agree, and what does each cost?"""

import statistics
import sys
from pathlib import Path

import numpy as np

from contender import Contender, ContenderError, ratio, take_turns

PEERS = ["onnxruntime", "openvino", "opencv", "ncnn"]
OWN = "andon"
NAMES = {"openvino": "OpenVINO", "opencv": "OpenCV-DNN"}

# Of the greatest value of an output, as in the packs.
TOLERANCE = 1e-3


def compare(pack, andon, work, rounds, milliseconds):
    """A row for each runtime."""
    folder = work / pack.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    own = Contender(OWN, [andon, "bench", "--rounds", "--model", pack.folder], folder / "andon.log")
    given, answered = own.tensors(folder / OWN)
    rows = [{"name": OWN}]
    running = [own]
    reference = None
    for name in PEERS:
        row = {"name": NAMES.get(name, name)}
        rows.append(row)
        try:
            peer = start(name, pack, given, folder)
            _, outputs = peer.tensors(folder / name)
        except ContenderError as error:
            row["note"] = f"cannot run it: {error}"[:200]
            continue
        if reference is None:
            reference = outputs
            rows[0].update(agreement(answered, reference))
        row.update(agreement(outputs, reference))
        if "note" in row:
            peer.end()
        else:
            peer.name = row["name"]
            running.append(peer)
    measured = take_turns(running, "infer", rounds, milliseconds)
    for row in rows:
        if row["name"] in measured:
            row["cpu_ms"] = statistics.median(measured[row["name"]])
            row["ratio"] = ratio(measured, row["name"], PEERS[0])
            row["rounds"] = measured[row["name"]]
    for contender in running:
        next(row for row in rows if row["name"] == contender.name)["memory_mb"] = contender.ask("memory")["peak"]
        contender.end()
    return rows


def start(name, pack, given, folder):
    file = folder / "input.f32"
    given.tofile(file)
    shape = ",".join(map(str, given.shape))
    here = Path(__file__).parent
    command = [sys.executable, here / "peer.py", name, pack.model, file, shape, folder / f"{name}-work"]
    return Contender(name, command, folder / f"{name}.log")


def agreement(outputs, reference):
    """The greatest difference relative to the greatest value; a note where it is too great. Outputs are paired by their
    shapes, then by their places: runtimes do not all keep the order."""
    if len(outputs) != len(reference):
        return {"note": f"gives {len(outputs)} outputs, not {len(reference)}"}
    left = list(outputs)
    worst = 0.0
    for wanted in reference:
        fitting = [it for it in left if it.size == wanted.size]
        if not fitting:
            return {"note": "gives outputs of other shapes"}
        differences = [np.abs(it.reshape(wanted.shape) - wanted).max() / np.abs(wanted).max() for it in fitting]
        best = int(np.argmin(differences))
        left = [it for it in left if it is not fitting[best]]
        worst = max(worst, float(differences[best]))
    if not worst <= TOLERANCE:
        return {"note": f"answers something else: {worst:.1e} of the greatest value", "difference": worst}
    return {"difference": worst}
