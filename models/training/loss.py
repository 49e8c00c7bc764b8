"""What the detector is taught: which cells answer for a box, and how wrong their answers are."""

import torch
import torch.nn.functional as F

from net import STRIDE

# Cells whose centre is this near to a box's centre (in strides, each axis) answer for the box.
RADIUS = 1.5


def assign(boxes: list, classes: list, rows: int, cols: int):
    """Per cell: class (-1 nothing, -2 ignored) [n, rows, cols] and l, t, r, b in strides [n, 4, rows, cols]."""
    n = len(boxes)
    label = torch.full((n, rows, cols), -1, dtype=torch.long)
    target = torch.zeros(n, 4, rows, cols)
    ys = (torch.arange(rows) + 0.5)[:, None].expand(rows, cols)
    xs = (torch.arange(cols) + 0.5)[None, :].expand(rows, cols)
    for i in range(n):
        box = torch.as_tensor(boxes[i]) / STRIDE
        # Large boxes first, so that a small one keeps its cells.
        size = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
        for j in size.argsort(descending=True).tolist():
            x1, y1, x2, y2 = box[j].tolist()
            inside = (xs > x1) & (xs < x2) & (ys > y1) & (ys < y2)
            if classes[i][j] < 0:
                label[i][inside] = -2
                continue
            cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
            near = inside & ((xs - cx).abs() <= RADIUS) & ((ys - cy).abs() <= RADIUS)
            label[i][inside & ~near & (label[i] == -1)] = -3
            label[i][near] = int(classes[i][j])
            sides = torch.stack([xs - x1, ys - y1, x2 - xs, y2 - ys])
            target[i][:, near] = sides[:, near]
    # A box's outer cells are no positives, but calling them empty is right: non-maximum suppression stays easy.
    label[label == -3] = -1
    return label, target


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
