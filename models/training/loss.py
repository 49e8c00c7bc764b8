"""What the detector is taught: which cells answer for a box, and how wrong their answers are."""

import numpy as np
import torch
import torch.nn.functional as F

from net import STRIDE

# Cells whose centre is this near to a box's centre (in strides, each axis) answer for the box.
RADIUS = 1.5


def assign(boxes: list, classes: list, rows: int, cols: int):
    """Per cell: class (-1 nothing, -2 ignored) [n, rows, cols] and l, t, r, b in strides [n, 4, rows, cols]."""
    label = np.full((len(boxes), rows, cols), -1, np.int64)
    target = np.zeros((len(boxes), 4, rows, cols), np.float32)
    ys, xs = np.arange(rows) + 0.5, np.arange(cols) + 0.5
    for i, (mine, kinds) in enumerate(zip(boxes, classes)):
        box = np.asarray(mine, np.float32) / STRIDE
        # Large boxes first, so that a small one keeps its cells.
        size = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
        for j in np.argsort(-size):
            x1, y1, x2, y2 = box[j]
            # A box's outer cells are no positives; calling them empty keeps non-maximum suppression easy.
            reach = RADIUS if kinds[j] >= 0 else np.inf
            x = np.nonzero((xs > x1) & (xs < x2) & (np.abs(xs - (x1 + x2) / 2) <= reach))[0]
            y = np.nonzero((ys > y1) & (ys < y2) & (np.abs(ys - (y1 + y2) / 2) <= reach))[0]
            if not len(x) or not len(y):
                continue
            here = (slice(y[0], y[-1] + 1), slice(x[0], x[-1] + 1))
            label[i][here] = kinds[j] if kinds[j] >= 0 else -2
            if kinds[j] >= 0:
                target[i, 0][here], target[i, 2][here] = xs[x] - x1, x2 - xs[x]
                target[i, 1][here], target[i, 3][here] = (ys[y] - y1)[:, None], (y2 - ys[y])[:, None]
    return torch.from_numpy(label), torch.from_numpy(target)


def detection_loss(logits, distances, label, target):
    """Quality focal loss (Li et al., 2020) on the scores and GIoU (Rezatofighi et al., 2019) on the boxes."""
    positive = label >= 0
    count = positive.sum().clamp(min=1)
    quality = torch.zeros_like(logits)
    box_loss = logits.sum() * 0
    if positive.any():
        n, y, x = positive.nonzero(as_tuple=True)
        said = distances[n, :, y, x].clamp(-4, 4).exp()
        overlap, giou = _overlap(said, target[n, :, y, x])
        quality[n, label[positive], y, x] = overlap.detach()
        box_loss = (1 - giou).sum() / count
    gap = (quality - logits.sigmoid()).abs().pow(2)
    score_loss = F.binary_cross_entropy_with_logits(logits, quality, reduction="none") * gap
    score_loss = (score_loss * (label != -2)[:, None]).sum() / count
    return score_loss + 0.6 * box_loss, score_loss.detach(), box_loss.detach()


def _overlap(a, b):
    """IoU and GIoU of boxes given as distances l, t, r, b from the same cell."""
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    shared = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    area_a = (a[:, 0] + a[:, 2]) * (a[:, 1] + a[:, 3])
    area_b = (b[:, 0] + b[:, 2]) * (b[:, 1] + b[:, 3])
    union = area_a + area_b - shared
    iou = shared / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)
