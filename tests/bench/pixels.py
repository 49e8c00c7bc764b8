"""From a camera's JPEG to the model's tensor: decode, crop, resize, normalise."""

import statistics
import sys
from pathlib import Path

import numpy as np

from contender import Contender, ratio, take_turns

# Width and height of the camera's picture, and what of it is looked at.
VIEWS = [((1280, 720), (280, 0, 720, 720)), ((640, 480), (80, 0, 480, 480))]
OWN = "andon"
WAYS = {"OpenCV + NumPy": "numpy", "OpenCV + blobFromImage": "blob"}

# Resizing filters differ, and so do the last bits of JPEG decoders: the mean difference, in grey levels of 255.
TOLERANCE = 4.0


def compare(pack, view, pictures, andon, work, rounds, milliseconds):
    """A row for each way."""
    (width, _), region = view
    folder = work / f"{pack.folder.name}_{width}"
    folder.mkdir(parents=True, exist_ok=True)
    region = ",".join(map(str, region))
    command = [andon, "bench", "--rounds", "--model", pack.folder, "--images", pictures, "--region", region]
    contenders = [Contender(OWN, command, folder / "andon.log")]
    for name, way in WAYS.items():
        script = Path(__file__).parent / "opencv_pixels.py"
        log = folder / f"{way}.log"
        contenders.append(Contender(name, [sys.executable, script, pack.folder, pictures, region, way], log))
    tensors = [contender.tensors(folder / contender.name.split()[-1])[0] for contender in contenders]
    level = pack.input["scale"] / np.mean(pack.input["std"])
    differences = [float(np.abs(it - tensors[0]).mean() / level) for it in tensors]
    measured = take_turns(contenders, "pixels", rounds, milliseconds)
    for contender in contenders:
        contender.end()
    medians = {name: statistics.median(values) for name, values in measured.items()}
    best = min(WAYS, key=medians.get)
    return [
        {
            "name": name,
            "cpu_ms": medians[name],
            "ratio": ratio(measured, name, best),
            "difference": difference,
            **({"note": "not the same picture"} if difference > TOLERANCE else {}),
            "rounds": measured[name],
        }
        for name, difference in zip(measured, differences)
    ]
