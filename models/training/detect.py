"""Find defects with a pack through onnxruntime: the reference for the decoding that the product does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from manifest import ACROSS_LABELS, MAX_FINDINGS, MEAN, NMS_IOU, SECOND_LOOK, STD
from net import STRIDE

# Below this score nothing is kept: low enough for a whole precision-recall curve.
FLOOR = 0.02
MIRRORED = ((1,), (0, 1), (0,))


@dataclass(frozen=True)
class Findings:
    """Best first: boxes [n, 4] as x1 y1 x2 y2 in pixels, scores in 0..1, label indices."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


class Model:
    """One graph, one thread; it takes its second look as the product does, unless told not to."""

    def __init__(self, onnx: Path, threads: int = 1, looks_again: bool = True):
        self.looks_again = looks_again
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])

    def run(self, picture: np.ndarray) -> np.ndarray:
        """The graph's output [1, classes + 4, rows, cols] for a grey picture of the input's size."""
        image = (picture.astype(np.float32) / 255 - MEAN) / STD
        return self.session.run(None, {"image": image[None, None].astype(np.float32)})[0]

    def find(self, picture: np.ndarray, floor: float = FLOOR) -> Findings:
        """One look, and where that shows anything, the mean with those at the three mirror images."""
        grid = self.run(picture)[0]
        if self.looks_again and grid[:-4].max() >= min(SECOND_LOOK, floor):
            grid = np.mean([grid, *(self.run_mirrored(picture, axes) for axes in MIRRORED)], 0)
        return decode(grid, floor)

    def run_mirrored(self, picture: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        """The answer to a picture mirrored along its axes (0 down, 1 across), as if it had been given as it is."""
        grid = np.flip(self.run(np.flip(picture, axes))[0], [axis + 1 for axis in axes])
        sides = [2, 1, 0, 3] if 1 in axes else [0, 1, 2, 3]
        if 0 in axes:
            sides[1], sides[3] = sides[3], sides[1]
        return np.concatenate([grid[:-4], grid[-4:][sides]])


def decode(grid: np.ndarray, floor: float = FLOOR) -> Findings:
    """Boxes of all cells and classes from `floor` up, after non-maximum suppression within each class.

    What overlaps a surer box of another class keeps only a share of its score.
    """
    classes = grid.shape[0] - 4
    label, y, x = np.nonzero(grid[:classes] >= floor)
    scores = grid[label, y, x]
    left, top, right, bottom = grid[classes:, y, x] * STRIDE
    cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
    boxes = np.stack([cx - left, cy - top, cx + right, cy + bottom], 1)
    boxes = np.clip(boxes, 0, [grid.shape[2] * STRIDE, grid.shape[1] * STRIDE] * 2)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for i in order:
        if len(kept) == MAX_FINDINGS:
            break
        rivals = [k for k in kept if label[k] == label[i]]
        if not rivals or overlap(boxes[i : i + 1], boxes[rivals]).max() <= NMS_IOU:
            kept.append(int(i))
    boxes, scores, label = boxes[kept], scores[kept], label[kept]
    if len(kept):
        doubted = (np.tril(overlap(boxes, boxes), -1) > NMS_IOU).any(1)
        scores = np.where(doubted, scores * np.float32(ACROSS_LABELS), scores)
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= floor]
    return Findings(boxes[order], scores[order], label[order])


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of `a` with every box of `b`."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    return shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)
