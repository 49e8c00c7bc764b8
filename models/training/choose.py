"""Choose a threshold for each label that weighs missed defects against good boards alarmed."""

import argparse
from pathlib import Path

import numpy as np

import manifest
from data import LABELS, load_pairs
from detect import Model, overlap
from score import MATCH_IOU, Judged, judge, summary

GRID = np.round(np.arange(0.15, 0.81, 0.025), 3)
# A good board alarmed weighs as much as this many missed defects, as shares of each: a line makes mostly good boards.
ALARM_WEIGHT = 3.0


def choose(judged: list[Judged]) -> manifest.Thresholds:
    """For each label the threshold with the least weighed sum of its misses and its alarms."""
    chosen = {}
    for k, label in enumerate(LABELS):
        hits = np.concatenate([_best_hits(item, k) for item in judged])
        alarms = np.array([item.template.scores[item.template.labels == k].max(initial=0.0) for item in judged])
        cost = [np.mean(hits < t) + ALARM_WEIGHT * np.mean(alarms >= t) for t in GRID]
        chosen[label] = float(GRID[int(np.argmin(cost))])
        at = chosen[label]
        print(f"{label}: {at:g}, defects missed {np.mean(hits < at):.1%}, good boards alarmed {np.mean(alarms >= at):.1%}")
    return manifest.Thresholds(max(chosen.values()), chosen)


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
