"""Turn a binary board picture into a training crop: other geometry, and what a camera would make of it."""

import cv2
import numpy as np

from data import Pair

CROP = 256
GOOD_SHARE = 0.35  # of the crops show a good board: they are what teaches the model to keep quiet
DRILLED_SHARE = 0.4  # of the crops get drilled holes: clean, round and no defect, unlike a pin-hole
CAMERA_SHARE = 0.6  # of the crops look like grey camera pictures; the others stay binary line scans
# A box that the crop cuts below this share of its area is no example of anything; its place is ignored.
VISIBLE = 0.6

_NOISE_BANK = np.random.default_rng(5).standard_normal((1024, 1024)).astype(np.float32)


def sample(pairs: list[Pair], rng: np.random.Generator):
    """One crop: uint8 [CROP, CROP], boxes [n, 4], classes [n] (-1 = ignore this place)."""
    pair = pairs[rng.integers(len(pairs))]
    good = rng.random() < GOOD_SHARE
    matrix = _placement(pair, rng)
    source = pair.template if good else pair.test
    outside = int(rng.integers(256))
    crop = cv2.warpAffine(
        source, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
    )
    if good:
        boxes, classes = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    else:
        boxes, classes = _move_boxes(pair.boxes, pair.classes, matrix)
    if rng.random() < DRILLED_SHARE:
        _drill(crop, boxes, rng)
    if rng.random() < CAMERA_SHARE:
        crop = camera(crop, rng)
    elif rng.random() < 0.85:
        crop = np.where(crop > 127, 255, 0).astype(np.uint8)
    return np.ascontiguousarray(crop), boxes, classes


def camera(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey levels of board and copper, blur, uneven and drifting light, sensor noise; keeps dark copper."""
    bare, copper = rng.uniform(150, 245), rng.uniform(10, 95)
    if rng.random() < 0.2:  # low contrast
        copper = rng.uniform(30, 110)
        bare = copper + rng.uniform(60, 100)
    grey = picture.astype(np.float32) * ((bare - copper) / 255) + copper
    sigma = rng.uniform(0, 1.5)
    if sigma > 0.2:
        grey = cv2.GaussianBlur(grey, (0, 0), sigma)
    height, width = grey.shape
    gain = rng.uniform(0.7, 1.25)
    across = 1 + rng.uniform(-0.15, 0.15) * np.linspace(-1, 1, width, dtype=np.float32)
    down = 1 + rng.uniform(-0.15, 0.15) * np.linspace(-1, 1, height, dtype=np.float32)
    grey *= (gain * across)[None, :] * down[:, None]
    y, x = rng.integers(1024 - height + 1), rng.integers(1024 - width + 1)
    grey += _NOISE_BANK[y : y + height, x : x + width] * np.float32(rng.uniform(0, 8))
    return np.clip(grey + 0.5, 0, 255).astype(np.uint8)


def _drill(crop: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> None:
    """Puts up to six slightly rough round holes into the copper, away from outlines and defects."""
    copper = (crop < 64).astype(np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int):
        copper[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1] = 0
    room = cv2.distanceTransform(copper, cv2.DIST_L2, 3)
    base = rng.uniform(3.5, 13)
    for _ in range(rng.integers(1, 7)):
        radius = base * rng.uniform(0.92, 1.08)
        y, x = np.nonzero(room > radius + 5)
        if not len(x):
            return
        k = rng.integers(len(x))
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        reach = radius * (1 + rng.uniform(-0.08, 0.08, 20))
        outline = np.stack([x[k] + reach * np.cos(angles), y[k] + reach * np.sin(angles)], 1)
        cv2.fillPoly(crop, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        spacing = int(3 * radius + 6)
        room[max(y[k] - spacing, 0) : y[k] + spacing, max(x[k] - spacing, 0) : x[k] + spacing] = 0


def _placement(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """The 2x3 matrix from board to crop: one of eight orientations, a scale, and a defect's place in view."""
    side = pair.test.shape[0]
    scale = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    focus = rng.uniform(0, side, 2)
    if len(pair.boxes) and rng.random() < 0.85:
        box = pair.boxes[rng.integers(len(pair.boxes))]
        focus = (box[:2] + box[2:]) / 2
    turn = np.eye(2)
    if rng.random() < 0.5:
        turn = np.array([[-1.0, 0], [0, 1]]) @ turn
    turn = np.linalg.matrix_power(np.array([[0.0, -1], [1, 0]]), int(rng.integers(4))) @ turn
    linear = scale * turn
    half, reach = CROP / 2, CROP / 2 - 28
    centre = focus + rng.uniform(-reach, reach, 2) / scale
    if rng.random() < 0.85:  # otherwise the crop may look past the board's edge
        inside = half / scale
        centre = np.clip(centre, inside, side - inside)
    return np.hstack([linear, (half - linear @ centre)[:, None]])


def _move_boxes(boxes: np.ndarray, classes: np.ndarray, matrix: np.ndarray):
    corners = np.stack([boxes[:, :2], boxes[:, 2:]], 1) @ matrix[:, :2].T + matrix[:, 2]
    moved = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    cut = np.clip(moved, 0, CROP)
    seen = _area(cut) / np.maximum(_area(moved), 1e-6)
    keep = seen > 0.02
    return cut[keep], np.where(seen >= VISIBLE, classes, -1)[keep]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
