"""Puts andon beside what people would use otherwise, in one run: same pictures, same models, one thread each, taking
turns. Processor time, medians over rounds; ratios are medians of ratios within a round.

    compare.py --andon PROGRAM --standin PROGRAM --out FOLDER [--models FOLDER] [--quick]

FOLDER gets bench.md and bench.json. Nothing here fails because something is slow, only because something is wrong.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import cameras
import end_to_end
import inference
import packs
import pictures
import pixels
import table

ROOT = Path(__file__).resolve().parents[2]


def main():
    given = arguments()
    effort = table.QUICK if given.quick else table.FULL
    work = given.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    shipped = packs.with_one_look(packs.Pack(ROOT / "models" / "pcb", "shipped PCB model"), work / "pcb")
    foreign = list(packs.yolox_nano(work, given.models))
    generic = list(packs.generic(work, effort.sides))
    result = {"machine": table.machine(), "versions": table.versions(given.andon), "quick": given.quick}

    tell("pixels")
    result["pixels"] = {}
    for view in pixels.VIEWS:
        (width, height), _ = view
        folder = work / f"camera_{width}x{height}"
        pictures.write_scenes(folder, width, height, effort.pictures)
        for pack in (shipped, generic[0]):
            title = f"{width}x{height} to {pack.input['colour']} {'x'.join(map(str, pack.input['size']))}"
            rows = pixels.compare(pack, view, folder, given.andon, work, effort.rounds, effort.milliseconds)
            result["pixels"][title] = rows

    result["inference"] = {}
    for pack in [shipped, *foreign, *generic]:
        tell(pack.title)
        rows = inference.compare(pack, given.andon, work, effort.rounds, effort.milliseconds)
        result["inference"][pack.title] = rows

    tell("end to end")
    counts = effort.frames
    result["end to end"] = end_to_end.compare(
        shipped, given.andon, given.standin, work / "end_to_end", effort.runs, counts
    )

    tell("cameras")
    result["cameras"] = cameras.measure(shipped, given.andon, work / "end_to_end" / f"frames_{counts[-1]}", effort)

    text = table.markdown(result)
    (given.out / "bench.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (given.out / "bench.md").write_text(text, encoding="utf-8")
    print(text)
    tell(f"the table is in {given.out / 'bench.md'}")
    if wrong := table.disagreements(result):
        raise SystemExit("andon computes something else: " + "; ".join(wrong))


def arguments():
    parser = argparse.ArgumentParser(description="Puts andon beside what people would use otherwise.")
    parser.add_argument("--andon", type=Path, required=True, help="the program")
    parser.add_argument("--standin", type=Path, required=True, help="iothub-standin, which takes the reports")
    parser.add_argument("--out", type=absolute, required=True, help="where tables and work files go")
    parser.add_argument("--models", type=Path, help="a folder with yolox_nano_coco/model.onnx, if you have it")
    parser.add_argument("--quick", action="store_true", help="only whether all of it works and agrees")
    return parser.parse_args()


def absolute(path):
    """Converters of peers run in folders of their own."""
    return Path(path).resolve()


def tell(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
