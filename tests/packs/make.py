"""Make the pack `shade`, which calls a dark picture a defect: a model small enough to run hundreds of times a second.

    python3 make.py        # needs numpy, onnx and pillow
"""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

FOLDER = Path(__file__).parent / "shade"
SIDE = 16
STEEPNESS = 4.0


def model() -> onnx.ModelProto:
    """Mean brightness in -1..1 to logits of bright and dark."""
    weights = numpy_helper.from_array(np.array([[STEEPNESS], [-STEEPNESS]], np.float32), "weights")
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights"], ["logits"], transB=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])
    graph = helper.make_graph(nodes, "shade", [image], [logits], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main():
    FOLDER.mkdir(exist_ok=True)
    onnx_bytes = model().SerializeToString()
    (FOLDER / "model.onnx").write_bytes(onnx_bytes)
    sample = (np.arange(SIDE * SIDE) // 2).astype(np.uint8).reshape(SIDE, SIDE)
    Image.fromarray(sample).save(FOLDER / "parity.png")
    brightness = (sample.astype(np.float32) / 255 - 0.5) / 0.5
    mean = brightness.mean(dtype=np.float32)
    np.save(FOLDER / "parity.npy", np.array([[STEEPNESS * mean, -STEEPNESS * mean]], np.float32))
    (FOLDER / "model.toml").write_text(f"""name = "shade"
version = "1"
task = "classify"
file = "model.onnx"
sha256 = "{hashlib.sha256(onnx_bytes).hexdigest()}"
labels = ["bright", "dark"]

[input]
size = [{SIDE}, {SIDE}]
colour = "grey"
layout = "nchw"
fit = "stretch"
scale = {1 / 255!r}
mean = [0.5]
std = [0.5]

[output]
decoder = "logits"
ok_labels = ["bright"]

[thresholds]
overall = 0.5

[parity]
image = "parity.png"
output = "parity.npy"
tolerance = 0.01
""")


if __name__ == "__main__":
    main()
