"""Read the DeepPCB pairs: a tested board, its defect-free template, and the boxes of the defects."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

LABELS = ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
# Whole groups are held back: boards of one group are cut from the same product and look alike.
HELD_OUT = ("group77000", "group92000")


@dataclass(frozen=True)
class Pair:
    """One board: `test` and `template` are 640x640 uint8, copper 0 and bare board 255."""

    name: str
    group: str
    test: np.ndarray
    template: np.ndarray
    boxes: np.ndarray  # float32 [n, 4], x1 y1 x2 y2 in pixels
    classes: np.ndarray  # int64 [n], index into LABELS


def list_pairs(root: Path, held_out: bool) -> list[tuple[str, str]]:
    """The lines of the official list (image, label file) that are, or are not, of the held-out groups."""
    lines = [line.split() for line in (root / "trainval.txt").read_text().splitlines() if line.strip()]
    return [(image, label) for image, label in lines if (image.split("/")[0] in HELD_OUT) == held_out]


def load_pairs(root: Path, held_out: bool) -> list[Pair]:
    """Everything of one side of the split, in memory (about 0.8 MB a pair)."""
    return [load_pair(root, image, label) for image, label in list_pairs(root, held_out)]


def load_pair(root: Path, image: str, label: str) -> Pair:
    """Reads one line of the list; the files of the set carry `_test.png` and `_temp.png` for its `.jpg`."""
    stem = str(root / image).removesuffix(".jpg")
    rows = [[float(v) for v in line.split()] for line in (root / label).read_text().splitlines() if line.strip()]
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Pair(
        name=Path(label).stem,
        group=image.split("/")[0],
        test=read_grey(f"{stem}_test.png"),
        template=read_grey(f"{stem}_temp.png"),
        boxes=table[:, :4],
        classes=table[:, 4].astype(np.int64) - 1,
    )


def read_grey(path: str) -> np.ndarray:
    """An 8-bit grey picture, or an error that names the file."""
    picture = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(f"cannot read the picture {path}")
    return picture
