"""Draw defects of the six kinds on a board picture, as the people did who drew most of DeepPCB's."""

import cv2
import numpy as np

from data import LABELS

# A box of the data set stands so far off the stroke that made the defect, in pixels of the board.
MARGIN = 9.5
# By ink (copper on bare board, bare on copper): what touches no outline, one, and joins two.
KINDS = {0: ("copper", "spur", "short"), 255: ("pin-hole", "mousebite", "open")}
REACH = 120  # how far a stroke goes at most to join two outlines
TRIES = 12


def defects(crop: np.ndarray, boxes: np.ndarray, classes: np.ndarray, scale: float, rng: np.random.Generator):
    """Draws one to five defects into the binary `crop` and returns the boxes and classes with them added."""
    painter = Painter(crop, scale, rng)
    for _ in range(rng.integers(1, 6)):
        ink, touching = (0, 255)[rng.integers(2)], int(rng.integers(3))
        for _ in range(TRIES):
            stroke = painter.try_stroke(ink, touching)
            if stroke is None or _meets(stroke.box, boxes):
                continue
            stroke.apply(crop)
            boxes = np.concatenate([boxes, [stroke.marked(MARGIN * scale, crop.shape, rng)]]).astype(np.float32)
            classes = np.append(classes, LABELS.index(KINDS[ink][touching]))
            break
    return boxes, classes


def forms(crop: np.ndarray, rng: np.random.Generator) -> None:
    """Draws clean forms that belong there: pads on traces and widened gaps, or one bump again and again."""
    painter, ink = Painter(crop, 1.0, rng), (0, 255)[rng.integers(2)]
    boxes, before = np.zeros((0, 4)), crop.copy()
    centred = rng.random() < 0.7
    radius, reach, way = rng.uniform(3, 6), rng.uniform(0, 8), rng.integers(4) * np.pi / 2
    for _ in range(60):
        stroke = painter.try_pad(ink, radius) if centred else painter.try_bump(ink, radius, reach, way)
        if stroke is not None and not _meets(stroke.box, boxes):
            stroke.apply(crop)
            boxes = np.concatenate([boxes, [stroke.box]])
            if len(boxes) == 9:
                return
    if not centred and len(boxes) < 5:
        crop[:] = before


class Stroke:
    """What one defect covers: a mask at a place, and its bounding box in the crop."""

    def __init__(self, mask: np.ndarray, left: int, top: int, ink: int):
        self.mask, self.left, self.top, self.ink = mask, left, top, ink
        ys, xs = np.nonzero(mask)
        self.box = np.array([left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1], float)

    def apply(self, crop: np.ndarray) -> None:
        height, width = self.mask.shape
        crop[self.top : self.top + height, self.left : self.left + width][self.mask > 0] = self.ink

    def marked(self, margin: float, shape, rng) -> np.ndarray:
        off = margin + rng.normal(0, 0.8, 4)
        box = self.box + off * [-1, -1, 1, 1]
        return np.clip(box, 0, [shape[1], shape[0]] * 2)


class Painter:
    """Finds places on one crop and strokes that fit them."""

    def __init__(self, crop: np.ndarray, scale: float, rng: np.random.Generator):
        self.crop, self.scale, self.rng = crop, scale, rng
        bare = (crop > 127).astype(np.uint8)
        # How far into the ground that an ink changes, for copper ink and for bare ink.
        self.ground = {0: bare, 255: 1 - bare}
        self.depth = {ink: cv2.distanceTransform(g, cv2.DIST_L2, 3) for ink, g in self.ground.items()}
        self.bend = np.abs(cv2.blur(bare.astype(np.float32), (15, 15)) - 0.5)  # 0 at a straight outline

    def try_stroke(self, ink: int, touching: int) -> Stroke | None:
        """A random stroke that touches no, one or two outlines (0, 1, 2); None when it does not come out so."""
        rng, scale = self.rng, self.scale
        radius = scale * (np.exp(rng.uniform(0.5, 1.8)) if rng.random() < 0.6 else rng.uniform(4, 11))
        if touching == 0:
            start = self._place(ink, radius + 4, np.inf)
            if start is None:
                return None
            points = self._walk(start, rng.uniform(0, 2 * np.pi), rng.uniform(0, 26) * scale)
            return self._fit(ink, touching, points, radius)
        start = self._place(ink, 0.5, 1.6, bent=touching == 1 and rng.random() < 0.25)
        if start is None:
            return None
        way = self._outward(ink, start)
        if touching == 1:
            inside = rng.uniform(0, 5) * scale
            length = inside + max(0.0, rng.uniform(-6, 15)) * scale
            along = np.pi / 2 if rng.random() < 0.15 else rng.normal(0, 0.45)
            points = self._walk(start - inside * _unit(way), way + along, length)
            return self._fit(ink, touching, points, radius)
        way += rng.normal(0, 0.25)
        across = self._across(ink, start, way)
        if across is None:
            return None
        inside = rng.uniform(0.5, 4) * scale
        points = self._walk(start - inside * _unit(way), way, across + 2 * inside, bend=0.2)
        return self._fit(ink, touching, points, radius)

    def try_bump(self, ink: int, radius: float, reach: float, way: float) -> Stroke | None:
        """A clean round or oblong bump at a random place whose outline faces `way`."""
        start = self._place(ink, 0.5, 1.6)
        if start is None or abs(np.angle(np.exp(1j * (self._outward(ink, start) - way)))) > 0.4:
            return None
        return self._fit(ink, 1, np.stack([start, start + reach * _unit(way)]), radius, clean=True)

    def try_pad(self, ink: int, wider: float) -> Stroke | None:
        """A disc in the middle of a trace, or of a gap, that is so much wider than it on both sides."""
        start = self._place(255 - ink, 2.5, 12)
        if start is None:
            return None
        depth, (x, y) = self.depth[255 - ink], start.astype(int)
        here = depth[y, x]
        for _ in range(12):  # uphill to the middle
            window = depth[y - 1 : y + 2, x - 1 : x + 2]
            if window.shape != (3, 3) or window.max() <= here:
                break
            dy, dx = np.unravel_index(window.argmax(), (3, 3))
            y, x, here = y + dy - 1, x + dx - 1, window.max()
        if here > 14:
            return None
        return self._fit(ink, None, np.array([[x, y], [x, y + 0.1]], float), here + wider, clean=True)

    def _place(self, ink: int, least: float, most: float, bent: bool = False) -> np.ndarray | None:
        """A random place of a depth in the ground, away from the crop's rim; `bent` is at a corner."""
        height, width = self.crop.shape
        xs, ys = self.rng.integers(6, width - 6, 200), self.rng.integers(6, height - 6, 200)
        depth = self.depth[ink][ys, xs]
        fits = (depth >= least) & (depth <= most)
        if bent:
            fits &= self.bend[ys, xs] > 0.15
        k = int(fits.argmax())
        return np.array([xs[k], ys[k]], float) if fits[k] else None

    def _outward(self, ink: int, at: np.ndarray) -> float:
        """The direction in which the ground gets deeper."""
        x, y = at.astype(int)
        window = self.ground[ink][y - 5 : y + 6, x - 5 : x + 6].astype(np.float32)
        grid = np.arange(-5, 6, dtype=np.float32)
        return float(np.arctan2((window * grid[:, None]).sum(), (window * grid[None, :]).sum()))

    def _across(self, ink: int, start: np.ndarray, way: float) -> float | None:
        """How far it is over the ground to the next outline; None if it is too far, or hardly anything."""
        reach = np.arange(1, REACH * self.scale)
        height, width = self.crop.shape
        xs = (start[0] + reach * np.cos(way)).astype(int)
        ys = (start[1] + reach * np.sin(way)).astype(int)
        inside = (xs >= 0) & (xs < width) & (ys >= 0) & (ys < height)
        ends = np.nonzero(~inside | (self.ground[ink][np.clip(ys, 0, height - 1), np.clip(xs, 0, width - 1)] == 0))[0]
        if not len(ends) or not inside[ends[0]] or reach[ends[0]] < 3:
            return None
        # Wide gaps are crossed less often than narrow ones.
        return float(reach[ends[0]]) if self.rng.random() < 30 / (reach[ends[0]] + 10) else None

    def _walk(self, start: np.ndarray, way: float, length: float, bend: float = 0.6) -> np.ndarray:
        """A polyline of one to four legs."""
        legs = int(self.rng.integers(1, 5)) if length > 5 else 1
        ways = way + np.concatenate([[0], self.rng.normal(0, bend, legs - 1)]).cumsum()
        if legs > 1 and bend < 0.5:
            ways += way - ways.mean()  # it still arrives on the other side
        steps = np.stack([np.cos(ways), np.sin(ways)], 1) * (length / legs)
        return np.concatenate([[start], start + steps.cumsum(0)])

    def _fit(self, ink: int, touching: int | None, points: np.ndarray, radius: float, clean: bool = False):
        """The stroke along the points if it touches as many outlines as it should and none if it is beyond the crop."""
        height, width = self.crop.shape
        reach = int(radius * 2.5) + 6
        left, top = np.maximum(points.min(0).astype(int) - reach, 0)
        right, bottom = np.minimum(points.max(0).astype(int) + reach, [width, height])
        mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
        if min(mask.shape) < 12:
            return None
        self._draw(mask, points - [left, top], radius, clean)
        # A stroke that leaves the crop would be cut, and nobody knows what it touches there.
        if mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
            return None
        solid = (self.crop[top:bottom, left:right] > 127) == (ink == 0)
        changed = (mask > 0) & solid
        if changed.sum() < 14 * self.scale**2:
            return None
        if touching is None:
            return Stroke(mask, left, top, ink) if _parts(solid) == _parts(solid & ~changed) else None
        whole = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        touched = cv2.dilate(whole, np.ones((3, 3), np.uint8)) * (~solid)
        count, _, sizes, _ = cv2.connectedComponentsWithStats(touched.astype(np.uint8))
        if min(count - 1, 2) != touching or (count > 1 and sizes[1:, 4].min() < 3):
            return None
        if touching == 1 and cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 3)[changed].max() < 3:
            return None
        return Stroke(mask, left, top, ink)

    def _draw(self, mask: np.ndarray, points: np.ndarray, radius: float, clean: bool) -> None:
        rng = self.rng
        line = [np.round(points * 8).astype(np.int32)]
        style = 1.0 if clean else rng.random()
        if style < 0.12:  # a thin scribble that leaves specks
            along = np.linspace(0, len(points) - 1, 8)
            spots = np.stack([np.interp(along, np.arange(len(points)), points[:, k]) for k in (0, 1)], 1)
            spots += rng.normal(0, radius * 0.8, spots.shape)
            line = [np.round(spots * 8).astype(np.int32)]
            cv2.polylines(mask, line, False, 1, int(rng.integers(1, 4)), cv2.LINE_8, 3)
            return
        cv2.polylines(mask, line, False, 1, max(1, int(round(2 * radius))), cv2.LINE_8, 3)
        if style < 0.35:  # a blob or two beside the stroke
            for _ in range(rng.integers(1, 3)):
                spot = points[rng.integers(len(points))] + rng.normal(0, radius, 2)
                cv2.circle(mask, spot.astype(int).tolist(), max(1, int(radius * rng.uniform(0.5, 1.2))), 1, -1)
        elif style < 0.5:  # a torn outline
            noise = cv2.resize(rng.random((mask.shape[0] // 2, mask.shape[1] // 2), np.float32), mask.shape[::-1])
            inner = cv2.erode(mask, np.ones((3, 3), np.uint8))
            mask &= inner | (noise > 0.45).astype(np.uint8)


def _unit(way: float) -> np.ndarray:
    return np.array([np.cos(way), np.sin(way)])


def _parts(ground: np.ndarray) -> int:
    return cv2.connectedComponents(ground.astype(np.uint8))[0]


def _meets(box: np.ndarray, boxes: np.ndarray) -> bool:
    """Whether a stroke's box comes near to a box that is there."""
    if not len(boxes):
        return False
    low, high = box[:2] - 4, box[2:] + 4
    return bool(((boxes[:, :2] < high) & (boxes[:, 2:] > low)).all(1).any())
