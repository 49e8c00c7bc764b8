"""A net with the shape of YOLOv8n, written without its trainer: what it sees means nothing, what it costs is the same.

Its weights are drawn. With weights as they are drawn the answers would hardly depend on the picture, and agreement of
two runtimes would prove nothing; so each convolution is scaled until its channels have mean 0 and deviation 1 over some
pictures, as in trained nets with batch normalisation.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LABELS = 80
BINS = 16  # of the distribution from which a side of a box is read
STRIDES = (8, 16, 32)


def yolov8n(side, head, weights):
    """The model for square pictures; `head`: "whole" ends with boxes and scores as the usual export does, "cut" ends
    where numbers leave the convolutions."""
    return Builder(side, weights).model(head)


def draw_weights(pictures, seed=8):
    """Weights by name, for pictures [count, 3, side, side] in 0..=1."""
    builder = Builder(pictures.shape[-1], {}, np.random.default_rng(seed), len(pictures))
    model = builder.model("calibration")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for name, values in zip(names, session.run(names, {"images": pictures})):
        layer = name.removesuffix(".raw")
        deviation = values.std(axis=(0, 2, 3)) + 1e-6
        weight = builder.weights[layer + ".weight"]
        scale, shift = (0.5, -5.0) if layer.endswith(".scores.2") else (1.0, 0.0)  # few of the boxes are sure
        builder.weights[layer + ".weight"] = weight * (scale / deviation)[:, None, None, None].astype(np.float32)
        bias = shift - scale * values.mean(axis=(0, 2, 3)) / deviation
        builder.weights[layer + ".bias"] = bias.astype(np.float32)
    return builder.weights


class Builder:
    """Adds nodes; each method takes and gives the names of tensors. With a generator it draws weights and normalises
    the channels of each convolution in the graph."""

    def __init__(self, side, weights, generator=None, count=1):
        self.side, self.weights, self.generator, self.count = side, dict(weights), generator, count
        self.nodes, self.constants, self.raw = [], {}, []

    def model(self, head):
        levels = [self.level(x, channels, f"head.{n}") for n, (x, channels) in enumerate(self.pyramid())]
        outputs = {"whole": self.whole, "cut": self.cut, "calibration": self.nothing}[head](levels)
        tensors = {**self.constants, **({} if self.generator else self.weights)}
        for name, values in (self.weights if self.generator else {}).items():
            if name.endswith(".weight"):
                tensors[name] = values
        graph = helper.make_graph(
            self.nodes,
            "yolov8n-shaped",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [self.count, 3, self.side, self.side])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
            [numpy_helper.from_array(np.asarray(values), name) for name, values in tensors.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def pyramid(self):
        """Backbone and neck."""
        x = self.conv("images", 3, 16, "0", stride=2)
        x = self.conv(x, 16, 32, "1", stride=2)
        x = self.conv(self.c2f(x, 32, 32, 1, "2", True), 32, 64, "3", stride=2)
        eighth = self.c2f(x, 64, 64, 2, "4", True)
        sixteenth = self.c2f(self.conv(eighth, 64, 128, "5", stride=2), 128, 128, 2, "6", True)
        x = self.c2f(self.conv(sixteenth, 128, 256, "7", stride=2), 256, 256, 1, "8", True)
        deep = self.pooled(x, 256, "9")
        middle = self.c2f(self.concat([self.double(deep), sixteenth]), 384, 128, 1, "12")
        fine = self.c2f(self.concat([self.double(middle), eighth]), 192, 64, 1, "15")
        x = self.concat([self.conv(fine, 64, 64, "16", stride=2), middle])
        middle = self.c2f(x, 192, 128, 1, "18")
        x = self.concat([self.conv(middle, 128, 128, "19", stride=2), deep])
        return [(fine, 64), (middle, 128), (self.c2f(x, 384, 256, 1, "21"), 256)]

    def level(self, x, channels, name):
        """Distances and scores, before the sigmoid, of a level."""
        both = []
        for part, width, last in (("distances", 64, 4 * BINS), ("scores", 80, LABELS)):
            y = self.conv(x, channels, width, f"{name}.{part}.0")
            y = self.conv(y, width, width, f"{name}.{part}.1")
            both.append(self.conv(y, width, last, f"{name}.{part}.2", size=1, active=False))
        return both

    def cut(self, levels):
        outputs = []
        for part, (length, active) in enumerate([(4 * BINS, False), (LABELS, True)]):
            for level, stride in zip(levels, STRIDES):
                x = self.node("Sigmoid", [level[part]]) if active else level[part]
                x = self.reshape(x, [1, length, -1])
                x = self.node("Transpose", [x], perm=[0, 2, 1])
                outputs.append((x, [1, (self.side // stride) ** 2, length]))
        return outputs[3:] + outputs[:3]

    def whole(self, levels):
        rows = [self.reshape(self.concat(level), [1, 4 * BINS + LABELS, -1]) for level in levels]
        distances, scores = self.node("Split", [self.concat(rows, axis=2)], 2, split=[4 * BINS, LABELS], axis=1)
        x = self.node("Transpose", [self.reshape(distances, [1, 4, BINS, -1])], perm=[0, 2, 1, 3])
        x = self.node("Softmax", [x], axis=1)
        mean = self.constant(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1))
        x = self.reshape(self.node("Conv", [x, mean]), [1, 4, -1])
        near, far = self.node("Split", [x], 2, split=[2, 2], axis=1)
        centres, strides = self.cells()
        left_top = self.node("Sub", [self.constant(centres), near])
        right_bottom = self.node("Add", [self.constant(centres), far])
        half = self.constant(np.float32(2))
        middle = self.node("Div", [self.node("Add", [left_top, right_bottom]), half])
        boxes = self.concat([middle, self.node("Sub", [right_bottom, left_top])])
        boxes = self.node("Mul", [boxes, self.constant(strides)])
        answer = self.concat([boxes, self.node("Sigmoid", [scores])])
        return [(answer, [1, 4 + LABELS, centres.shape[2]])]

    def nothing(self, _):
        return [(name, [self.count, None, None, None]) for name in self.raw]

    def cells(self):
        """Centres of all cells in strides, and their strides."""
        centres, strides = [], []
        for stride in STRIDES:
            count = self.side // stride
            y, x = np.mgrid[:count, :count].astype(np.float32) + 0.5
            centres.append(np.stack([x.ravel(), y.ravel()]))
            strides.append(np.full((1, count * count), stride, np.float32))
        return np.concatenate(centres, 1)[None], np.concatenate(strides, 1)[None]

    def conv(self, x, channels, to, name, size=3, stride=1, active=True):
        if self.generator:
            spread = np.sqrt(2 / (channels * size * size))
            drawn = self.generator.normal(0, spread, (to, channels, size, size))
            self.weights[name + ".weight"] = drawn.astype(np.float32)
        pads = [size // 2] * 4
        shape = {"kernel_shape": [size, size], "strides": [stride, stride], "pads": pads}
        if self.generator:
            raw = self.node("Conv", [x, name + ".weight"], names=[name + ".raw"], **shape)
            self.raw.append(raw)
            x = self.normalised(raw)
        else:
            x = self.node("Conv", [x, name + ".weight", name + ".bias"], **shape)
        return self.node("Mul", [x, self.node("Sigmoid", [x])]) if active else x

    def normalised(self, x):
        """Each channel over all pictures."""
        middle = self.node("Sub", [x, self.node("ReduceMean", [x], axes=[0, 2, 3])])
        variance = self.node("ReduceMean", [self.node("Mul", [middle, middle])], axes=[0, 2, 3])
        return self.node("Div", [middle, self.node("Sqrt", [variance])])

    def c2f(self, x, channels, to, depth, name, shortcut=False):
        half = to // 2
        x = self.conv(x, channels, to, f"{name}.first", size=1)
        parts = list(self.node("Split", [x], 2, split=[half, half], axis=1))
        for number in range(depth):
            y = self.conv(parts[-1], half, half, f"{name}.{number}.0")
            y = self.conv(y, half, half, f"{name}.{number}.1")
            parts.append(self.node("Add", [parts[-1], y]) if shortcut else y)
        return self.conv(self.concat(parts), (2 + depth) * half, to, f"{name}.last", size=1)

    def pooled(self, x, channels, name):
        half = channels // 2
        parts = [self.conv(x, channels, half, f"{name}.first", size=1)]
        for _ in range(3):
            pool = {"kernel_shape": [5, 5], "pads": [2] * 4, "strides": [1, 1]}
            parts.append(self.node("MaxPool", [parts[-1]], **pool))
        return self.conv(self.concat(parts), 4 * half, channels, f"{name}.last", size=1)

    def double(self, x):
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        nearest = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        return self.node("Resize", [x, "", scales], **nearest)

    def concat(self, tensors, axis=1):
        return self.node("Concat", tensors, axis=axis)

    def reshape(self, x, shape):
        return self.node("Reshape", [x, self.constant(np.array(shape, np.int64))])

    def constant(self, values):
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values
        return name

    def node(self, kind, inputs, outputs=1, names=None, split=None, **attributes):
        if split:
            inputs = [*inputs, self.constant(np.array(split, np.int64))]
        names = names or [f"{kind}_{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names
