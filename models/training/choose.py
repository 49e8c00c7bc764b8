"""Choose a threshold for each label, weighing missed defects against good boards alarmed."""

import argparse
from pathlib import Path

import numpy as np

import manifest
from data import LABELS, load_pairs
from detect import Model, overlap
from score import MATCH_IOU, Judged, judge, summary

GRID = np.round(np.arange(0.15, 0.81, 0.025), 3)
# The share of good boards alarmed weighs this many times the share of defects missed: a line makes mostly good boards.
ALARM_WEIGHT = 2.0


def choose(judged: list[Judged]) -> manifest.Thresholds:
    """The thresholds, one a label, with the least weighed sum of defects missed and good boards alarmed."""
    labels = range(len(LABELS))
    hits = [np.concatenate([_best_hits(item, k) for item in judged]) for k in labels]
    alarms = np.array([[item.template.scores[item.template.labels == k].max(initial=0.0) for k in labels] for item in judged])

    def cost(chosen):
        missed = np.mean([np.mean(hits[k] < chosen[k]) for k in labels])
        return missed + ALARM_WEIGHT * np.mean((alarms >= chosen).any(1))

    # A board is alarmed by any label, so the labels are settled in turns until none moves.
    chosen, before = np.full(len(LABELS), 0.5), None
    while before is None or (chosen != before).any():
        before = chosen.copy()
        for k in labels:
            tries = np.repeat(chosen[None], len(GRID), 0)
            tries[:, k] = GRID
            chosen = tries[int(np.argmin([cost(t) for t in tries]))]
    for k, label in enumerate(LABELS):
        missed, alarmed = np.mean(hits[k] < chosen[k]), np.mean(alarms[:, k] >= chosen[k])
        print(f"{label}: {chosen[k]:g}, defects missed {missed:.1%}, good boards alarmed {alarmed:.1%}")
    by_label = {label: float(at) for label, at in zip(LABELS, chosen)}
    return manifest.Thresholds(float(np.median(chosen).round(3)), by_label)


def _best_hits(item: Judged, label: int) -> np.ndarray:
    """Per true box of the label the best score of a finding of that label on it; 0 where there is none."""
    truth = item.pair.boxes[item.pair.classes == label]
    mine = item.test.labels == label
    if not len(truth) or not mine.any():
        return np.zeros(len(truth))
    fits = overlap(truth, item.test.boxes[mine]) > MATCH_IOU
    return (fits * item.test.scores[mine]).max(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the PCBData folder of DeepPCB")
    parser.add_argument("pack", type=Path, help="its manifest receives the thresholds")
    args = parser.parse_args()
    model, pairs = Model(args.pack / "model.onnx"), load_pairs(args.data, held_out=True)
    scans, pictures = judge(model, pairs, as_camera=False), judge(model, pairs, as_camera=True)
    thresholds = choose(scans + pictures)
    manifest.write(args.pack, thresholds)
    print(f"binary scans: {summary(scans, thresholds)}")
    print(f"camera pictures: {summary(pictures, thresholds)}")


if __name__ == "__main__":
    main()
