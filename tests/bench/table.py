"""The result as a page, and how much work a comparison is."""

import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Effort:
    rounds: int
    milliseconds: float  # of work a contender and round
    sides: tuple  # of the generic nets, in pixels
    pictures: int
    frames: tuple  # of a short and a long run of the whole
    runs: int
    cameras: tuple
    camera_frames: int


FULL = Effort(9, 150.0, (320, 640), 12, (20, 220), 5, (1, 2, 4, 8), 60)
QUICK = Effort(2, 20.0, (320,), 3, (5, 25), 1, (1, 2), 5)

PACKAGES = ["onnxruntime", "openvino", "opencv-python-headless", "ncnn", "pnnx", "numpy", "paho-mqtt"]


def machine():
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith(("model name", "Model"))]
    flags = next((line for line in info.splitlines() if line.startswith(("flags", "Features"))), "")
    telling = [it for it in ("avx2", "avx512f", "avx512_bf16", "asimd", "asimddp", "asimdhp") if it in flags.split()]
    return {"cpu": names[0] if names else platform.machine(), "features": telling, "system": platform.platform()}


def versions(andon):
    said = subprocess.run([str(andon), "--version"], capture_output=True, text=True, check=True).stdout
    packages = {name: version(name) for name in PACKAGES}
    return {"andon": said.split()[-1], **packages, "python": platform.python_version()}


def disagreements(result):
    """What andon computes otherwise than others do."""
    models = [
        f"{title}: {row['note']}"
        for title, rows in result["inference"].items()
        for row in rows
        if row["name"] == "andon" and "note" in row
    ]
    pixels = [f"pixels {title}" for title, rows in result["pixels"].items() if any("note" in row for row in rows)]
    return models + pixels


def markdown(result):
    machine = result["machine"]
    parts = [
        "# andon beside others\n",
        f"{machine['cpu']} ({', '.join(machine['features'])}), {machine['system']}, one core.  ",
        ", ".join(f"{name} {number}" for name, number in result["versions"].items()) + ".  ",
        "Processor milliseconds, medians over rounds in which all took turns; ratios are medians of those in a round.",
        "All compute in float32 with one thread.\n",
    ]
    if result["quick"]:
        parts.append("**A quick run: it shows that all of it works, its times mean nothing.**\n")
    parts += ["## Targets\n", grid(["", "is", "at most", ""], targets(result))]
    for title, rows in result["inference"].items():
        parts += [f"## Model: {title}\n", inference(rows)]
    for title, rows in result["pixels"].items():
        head = ["", "ms", "to the faster OpenCV", "mean difference, grey levels"]
        tells = lambda it: f"{it['difference']:.2f} {it.get('note', '')}".strip()
        body = [[it["name"], ms(it["cpu_ms"]), times(it["ratio"]), tells(it)] for it in rows]
        parts += [f"## Pixels: {title}\n", grid(head, body)]
    head = ["", "ms a frame", "to the loop", "peak memory, MB", "start to first verdict, ms"]
    body = [
        [
            *(it["name"], ms(it["cpu_ms"]), times(it["ratio"])),
            *(f"{it['memory_mb']:.0f}", f"{it['first_verdict_ms']:.0f}"),
        ]
        for it in result["end to end"]
    ]
    parts += ["## From a folder of pictures to reports at the hub\n", grid(head, body)]
    head = ["cameras", "workers", "ms a frame", "to one camera", "frames/s", "peak memory, MB"]
    body = [
        [
            *(str(it["cameras"]), str(it["workers"])),
            *(ms(it["cpu_milliseconds"]), times(it["ratio"])),
            *(f"{it['frames_per_second']:.0f}", f"{it['peak_mb']:.0f}"),
        ]
        for it in result["cameras"]
    ]
    parts += ["## Cameras\n", grid(head, body)]
    return "\n".join(parts)


def inference(rows):
    body = [
        [
            *(it["name"], ms(it.get("cpu_ms")), times(it.get("ratio"))),
            f"{it['memory_mb']:.0f}" if "memory_mb" in it else "",
            it.get("note") or (f"{it['difference']:.0e}" if it["difference"] else "0"),
        ]
        for it in rows
    ]
    return grid(["", "ms", "to onnxruntime", "process, MB", "greatest difference"], body)


def targets(result):
    """What the project promises itself, on one core."""
    found = []

    def target(what, value, limit, unit=""):
        digits = 2 if limit < 10 else 0
        met = "met" if value <= limit else "**not met**"
        found.append([what, f"{value:.{digits}f}{unit}", f"{limit:.{digits}f}{unit}", met])

    for title, rows in result["inference"].items():
        if "ratio" in rows[0]:
            target(f"{title}, time to onnxruntime", rows[0]["ratio"], 1.0 if "PCB" in title else 1.3)
    for title, rows in result["pixels"].items():
        if title.startswith("1280x720"):
            target(f"pixels {title}, time to OpenCV", rows[0]["ratio"], 0.6)
    own, loop = result["end to end"]
    target("frame to verdict, time to the Python loop", own["ratio"], 1 / 2)
    target("memory to the Python loop", own["memory_mb"] / loop["memory_mb"], 1 / 6)
    target("memory of andon run", own["memory_mb"], 60, " MB")
    target("start to first verdict", own["first_verdict_ms"], 400, " ms")
    target("time a frame, most to one camera", max(it["ratio"] for it in result["cameras"]), 1.1)
    return found


def grid(head, rows):
    """A table that can be read as it stands, too."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    fill = lambda row: [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:]))]
    line = lambda row: "| " + " | ".join(fill(row)) + " |"
    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"


def ms(value):
    return "" if value is None else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def times(value):
    return "" if value is None else f"{value:.2f}"
