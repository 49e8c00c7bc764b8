"""Score a pack on the held-out groups: detections for the data set's evaluation, and items judged right."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import manifest
from augment import camera
from data import LABELS, Pair, list_pairs, load_pairs
from detect import Findings, Model, overlap

MATCH_IOU = 0.33  # as in the data set's own rule


@dataclass(frozen=True)
class Judged:
    """What the model found on one board, defective and good."""

    pair: Pair
    test: Findings
    template: Findings


def judge(model: Model, pairs: list[Pair], as_camera: bool) -> list[Judged]:
    """Runs the model over the boards, as binary scans or as a simulated camera sees them."""
    rng = np.random.default_rng(11)
    see = (lambda picture: camera(picture, rng)) if as_camera else (lambda picture: picture)
    return [Judged(p, model.find(see(p.test)), model.find(see(p.template))) for p in pairs]


def write_detections(judged: list[Judged], folder: Path, lines: list[tuple[str, str]]) -> None:
    """One `<id>.txt` a board with lines x1,y1,x2,y2,confidence,type, and `split.txt` naming the boards."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in judged:
        rows = zip(item.test.boxes, item.test.scores, item.test.labels)
        text = [",".join(f"{v:.2f}" for v in box) + f",{score:.5f},{LABELS[label]}\n" for box, score, label in rows]
        (folder / f"{item.pair.name}.txt").write_text("".join(text))
    (folder / "split.txt").write_text("".join(f"{image} {label}\n" for image, label in lines))


def counts(findings: Findings, thresholds: manifest.Thresholds) -> np.ndarray:
    """Which findings reach their threshold."""
    wanted = np.array([thresholds.of(k) for k in range(len(LABELS))])
    return findings.scores >= wanted[findings.labels]


def summary(judged: list[Judged], thresholds: manifest.Thresholds) -> str:
    """Items missed and falsely alarmed, and defects found whatever they are called."""
    missed = [not counts(item.test, thresholds).any() for item in judged]
    alarmed = [counts(item.template, thresholds).any() for item in judged]
    found = np.concatenate([found_defects(item, thresholds) for item in judged])
    return (
        f"defective items missed {sum(missed)}/{len(judged)}, good items alarmed {sum(alarmed)}/{len(judged)}"
        f" ({np.mean(alarmed):.1%}), defects found {found.mean():.1%}"
    )


def found_defects(item: Judged, thresholds: manifest.Thresholds) -> np.ndarray:
    """Per true box, whether a counting finding of any class overlaps it enough."""
    boxes = item.test.boxes[counts(item.test, thresholds)]
    if not len(boxes):
        return np.zeros(len(item.pair.boxes), bool)
    return (overlap(item.pair.boxes, boxes) > MATCH_IOU).any(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the PCBData folder of DeepPCB")
    parser.add_argument("pack", type=Path)
    parser.add_argument("dets", type=Path, help="folder for the detections")
    parser.add_argument("--camera", action="store_true", help="as a simulated grey camera sees the boards")
    parser.add_argument("--one-look", action="store_true", help="without the second look")
    args = parser.parse_args()
    model = Model(args.pack / "model.onnx", looks_again=not args.one_look)
    judged = judge(model, load_pairs(args.data, held_out=True), args.camera)
    write_detections(judged, args.dets, list_pairs(args.data, held_out=True))
    chosen = manifest.thresholds(args.pack)
    print(f"chosen thresholds: {summary(judged, chosen)}")
    for overall in (0.2, 0.3, 0.4, 0.5, 0.6):
        print(f"{overall:.2f} for all: {summary(judged, manifest.Thresholds(overall))}")


if __name__ == "__main__":
    main()
