"""Turn a binary board picture into a training crop: other geometry, and what a camera would make of it."""

import cv2
import numpy as np

import paint
from data import Pair

CROP = 320
TEMPLATE_SHARE = 0.5  # of the crops are cut from a good board
GOOD_SHARE = 0.4  # of those stay good: they are what teaches the model to keep quiet
PAINTED_SHARE = 0.3  # of the crops with real defects get drawn ones beside them
FOLDED_SHARE = 0.2  # of the crops of good boards are mirrored at a line: layouts that no board here has
FORMS_SHARE = 0.25  # of the crops of good boards get forms that only look like defects
DRILLED_SHARE = 0.3  # of the crops get drilled holes: clean, round and no defect, unlike a pin-hole
SPECKED_SHARE = 0.3  # of the crops get specks of a pixel or two
CAMERA_SHARE = 0.3  # of the crops look like grey camera pictures; the others stay binary line scans
# A box that the crop cuts below this share of its area is no example of anything; its place is ignored.
VISIBLE = 0.6

_NOISE_BANK = np.random.default_rng(5).standard_normal((1024, 1024)).astype(np.float32)


def sample(pairs: list[Pair], rng: np.random.Generator):
    """One crop: uint8 [CROP, CROP], boxes [n, 4], classes [n] (-1 = ignore this place)."""
    pair = pairs[rng.integers(len(pairs))]
    template = rng.random() < TEMPLATE_SHARE
    matrix = _placement(pair, template, rng)
    scale = float(np.sqrt(np.linalg.det(matrix[:, :2] @ matrix[:, :2].T) ** 0.5))
    source = pair.template if template else pair.test
    outside = int(rng.integers(256))
    crop = cv2.warpAffine(
        source, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
    )
    boxes, classes = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    if not template:
        boxes, classes = _move_boxes(pair.boxes, pair.classes, matrix)
    crop = _vary(crop, template, rng)
    if template and rng.random() < FORMS_SHARE:
        paint.forms(crop, rng)
    if rng.random() < (1 - GOOD_SHARE if template else PAINTED_SHARE):
        boxes, classes = paint.defects(crop, boxes, classes, scale, rng)
    if rng.random() < DRILLED_SHARE:
        _drill(crop, boxes, rng)
    if rng.random() < SPECKED_SHARE:
        _speck(crop, rng)
    if rng.random() < CAMERA_SHARE:
        crop = camera(crop, rng)
    return np.ascontiguousarray(crop), boxes, classes


def _vary(crop: np.ndarray, template: bool, rng: np.random.Generator) -> np.ndarray:
    """Binary again, with other widths of copper, and for a good board perhaps another layout."""
    _, crop = cv2.threshold(crop, int(rng.integers(100, 156)), 255, cv2.THRESH_BINARY)
    if rng.random() < (0.4 if template else 0.15):
        size = 3 if not template or rng.random() < 0.6 else 5
        change = cv2.dilate if rng.random() < 0.5 else cv2.erode
        crop = change(crop, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    if template and rng.random() < FOLDED_SHARE:
        at = int(rng.integers(CROP // 4, CROP // 2 + 1))
        crop[:, at : 2 * at] = crop[:, :at][:, ::-1]
        crop = np.ascontiguousarray(crop.T) if rng.random() < 0.5 else crop
    return crop


def _speck(crop: np.ndarray, rng: np.random.Generator) -> None:
    """Single pixels and pairs of the other level, as dust leaves them."""
    for x, y in rng.integers(2, CROP - 2, (rng.integers(1, 7), 2)):
        wide, high = rng.integers(1, 3, 2)
        crop[y : y + high, x : x + wide] = 255 - crop[y, x]


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
    for _ in range(rng.integers(3, 9)):
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


def _placement(pair: Pair, template: bool, rng: np.random.Generator) -> np.ndarray:
    """The 2x3 matrix from board to crop: one of eight orientations, a turn, a scale, and a defect's place in view."""
    side = pair.test.shape[0]
    scale = np.exp(rng.uniform(np.log(0.75), np.log(1.33)))
    focus = rng.uniform(0, side, 2)
    if len(pair.boxes) and not template:
        box = pair.boxes[rng.integers(len(pair.boxes))]
        focus = (box[:2] + box[2:]) / 2
    turn = np.eye(2)
    if rng.random() < 0.5:
        turn = np.array([[-1.0, 0], [0, 1]]) @ turn
    turn = np.linalg.matrix_power(np.array([[0.0, -1], [1, 0]]), int(rng.integers(4))) @ turn
    # A real box turned far would no longer fit its defect; on good boards the boxes are drawn afterwards.
    if rng.random() < 0.25:
        angle = rng.uniform(0, np.pi / 2) if template else rng.uniform(-0.07, 0.07)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ turn
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
