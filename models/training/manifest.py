"""Write and read `model.toml`, the manifest that says how the graph is fed and what its output means."""

import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from data import LABELS
from net import STRIDE

SIZE = 640
MEAN, STD = 0.5, 0.25
NMS_IOU = 0.4
# Of the confidence of a box that a surer one of another label overlaps, this share stays.
ACROSS_LABELS = 0.6
MAX_FINDINGS = 100
# A picture in which anything has this score is looked at again, mirrored.
SECOND_LOOK = 0.3


@dataclass(frozen=True)
class Thresholds:
    """Scores in 0..1 from which a finding counts: `overall`, unless its label has its own."""

    overall: float = 0.4
    by_label: dict = field(default_factory=dict)

    def of(self, label: int) -> float:
        return self.by_label.get(LABELS[label], self.overall)


def write(pack: Path, thresholds: Thresholds) -> None:
    """Writes the manifest of the pack's `model.onnx`, with its checksum."""
    digest = hashlib.sha256((pack / "model.onnx").read_bytes()).hexdigest()
    labels = ", ".join(f'"{label}"' for label in LABELS)
    by_label = "".join(f'"{label}" = {value:g}\n' for label, value in thresholds.by_label.items())
    (pack / "model.toml").write_text(
        f"""name = "pcb"
version = "0.3.1"
task = "detect"
file = "model.onnx"
sha256 = "{digest}"
labels = [{labels}]

[input]
name = "image"
size = [{SIZE}, {SIZE}]
colour = "grey"
layout = "nchw"
fit = "letterbox"
scale = {1 / 255!r}
mean = [{MEAN}]
std = [{STD}]

[output]
decoder = "grid_ltrb"
stride = {STRIDE}
nms_iou = {NMS_IOU}
max_findings = {MAX_FINDINGS}
across_labels = {ACROSS_LABELS}

[thresholds]
overall = {thresholds.overall:g}

[thresholds.by_label]
{by_label}
[second_look]
from = {SECOND_LOOK}

[parity]
image = "parity.png"
output = "parity.npy"
tolerance = 0.001
"""
    )


def thresholds(pack: Path) -> Thresholds:
    """The thresholds that the manifest holds."""
    table = tomllib.loads((pack / "model.toml").read_text())["thresholds"]
    return Thresholds(table["overall"], table.get("by_label", {}))
