"""Choose a threshold for each label, weighing missed defects against good boards alarmed."""

import argparse
from pathlib import Path

import numpy as np

import manifest
from augment import camera
from data import LABELS, list_pairs, load_pair, load_pairs
from detect import Findings, Model, overlap
from score import MATCH_IOU, Judged, counts, judge, summary

GRID = np.round(np.arange(0.15, 0.81, 0.025), 3)
# The share of good boards alarmed weighs this many times the share of defects missed: a line makes mostly good boards.
ALARM_WEIGHT = 3.0
# Of the groups that were trained on, every so many boards' templates are looked at for alarms.
STRIDE_TRAINED = 4


def choose(judged: list[Judged], good: dict[str, list[Findings]]) -> manifest.Thresholds:
    """The thresholds, one a label, with the least weighed sum of defects missed and good boards alarmed.

    `judged` are boards of the held-out groups; `good` has the findings on good boards of every group.
    """
    labels = range(len(LABELS))
    hits = [np.concatenate([_best_hits(item, k) for item in judged]) for k in labels]
    # Products differ much in what alarms them, and the next one may be like any: each counts the same.
    alarms = [np.array([[it.scores[it.labels == k].max(initial=0.0) for k in labels] for it in group])
              for group in good.values()]

    def cost(chosen):
        missed = np.mean([np.mean(hits[k] < chosen[k]) for k in labels])
        return missed + ALARM_WEIGHT * np.mean([(group >= chosen).any(1).mean() for group in alarms])

    # A board is alarmed by any label, so the labels are settled in turns until none moves.
    chosen, before = np.full(len(LABELS), 0.5), None
    while before is None or (chosen != before).any():
        before = chosen.copy()
        for k in labels:
            tries = np.repeat(chosen[None], len(GRID), 0)
            tries[:, k] = GRID
            chosen = tries[int(np.argmin([cost(t) for t in tries]))]
    for k, label in enumerate(LABELS):
        missed = np.mean(hits[k] < chosen[k])
        alarmed = np.mean([(group[:, k] >= chosen[k]).mean() for group in alarms])
        print(f"{label}: {chosen[k]:g}, defects missed {missed:.1%}, good boards alarmed {alarmed:.1%}")
    by_label = {label: float(at) for label, at in zip(LABELS, chosen)}
    return manifest.Thresholds(float(np.median(chosen).round(3)), by_label)


def find_on_good_boards(model: Model, root: Path, held_out: list[Judged]) -> dict[str, list[Findings]]:
    """By group: of the held-out groups what was found already, of the others as scans and as a camera sees them.

    A board that was trained on flatters the model, but one that alarms all the same will alarm on the line too.
    """
    good: dict[str, list[Findings]] = {}
    for item in held_out:
        good.setdefault(item.pair.group, []).append(item.template)
    rng = np.random.default_rng(12)
    for image, label in list_pairs(root, held_out=False)[::STRIDE_TRAINED]:
        pair = load_pair(root, image, label)
        found = [model.find(pair.template), model.find(camera(pair.template, rng))]
        good.setdefault(pair.group, []).extend(found)
    return good


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
    good = find_on_good_boards(model, args.data, scans + pictures)
    thresholds = choose(scans + pictures, good)
    manifest.write(args.pack, thresholds)
    print(f"binary scans: {summary(scans, thresholds)}")
    print(f"camera pictures: {summary(pictures, thresholds)}")
    for group, found in sorted(good.items()):
        alarmed = [counts(it, thresholds).any() for it in found]
        print(f"good boards of {group} alarmed {sum(alarmed)}/{len(found)}")


if __name__ == "__main__":
    main()
