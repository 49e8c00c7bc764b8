"""Model packs of the models that are compared, with what onnxruntime answers as their samples: andon refuses to load one
that it computes otherwise."""

import hashlib
import re
import shutil
import tomllib
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

import nets
import pictures

RGB = {"colour": "rgb", "scale": 1 / 255, "mean": [0.0] * 3, "std": [1.0] * 3}
BGR_BYTES = {"colour": "bgr", "scale": 1.0, "mean": [0.0] * 3, "std": [1.0] * 3}
CHOICE = "nms_iou = 0.45\nmax_findings = 100\n"
DECODERS = {
    "whole": f'decoder = "yolov8"\n{CHOICE}',
    "cut": f'decoder = "picodet"\nstrides = {list(nets.STRIDES)}\nbins = {nets.BINS}\n{CHOICE}',
    "yolox": f'decoder = "yolox"\nstrides = [8, 16, 32]\n{CHOICE}',
}


class Pack:
    def __init__(self, folder, title):
        self.folder, self.title = Path(folder), title
        self.manifest = tomllib.loads((self.folder / "model.toml").read_text(encoding="utf-8"))
        self.input = self.manifest["input"]
        self.model = self.folder / self.manifest["file"]


def generic(folder, sides):
    """Nets shaped like YOLOv8n: what a station may have that brings a model of its own."""
    seen = [pictures.scene(320, 320, seed) for seed in range(100, 108)]
    weights = nets.draw_weights(np.concatenate([tensor(picture, {**RGB, "size": [320, 320]}) for picture in seen]))
    for side in sides:
        for head, words in (("cut", "head cut off"), ("whole", "whole")):
            model = nets.yolov8n(side, head, weights).SerializeToString()
            yield write(folder / f"yolov8n_{side}_{head}", f"YOLOv8n-shaped {side}, {words}", model, RGB, side, head)


def with_one_look(pack, folder):
    """The same without its second look, beside programs that look once at each picture."""
    shutil.copytree(pack.folder, folder, dirs_exist_ok=True)
    manifest = folder / "model.toml"
    text = re.sub(r"\[second_look\]\n[^\[]*", "", manifest.read_text(encoding="utf-8"))
    manifest.write_text(text, encoding="utf-8")
    once = Pack(folder, pack.title)
    assert "second_look" in pack.manifest and "second_look" not in once.manifest
    return once


def yolox_nano(folder, models):
    """YOLOX-nano as trained on COCO, from a folder of models, if it is there."""
    file = models and models / "yolox_nano_coco" / "model.onnx"
    if file and file.is_file():
        yield write(folder / "yolox_nano", "YOLOX-nano 416", file.read_bytes(), BGR_BYTES, 416, "yolox")


def write(folder, title, model, form, side, decoder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    picture = pictures.scene(side, side, 1)
    cv2.imwrite(str(folder / "parity.png"), picture)
    form = {**form, "size": [side, side]}
    answers = answer(model, tensor(picture, form))
    for place, values in enumerate(answers):
        np.save(folder / f"parity_{place}.npy", np.ascontiguousarray(values, np.float32))
    (folder / "model.toml").write_text(
        f"""name = "{folder.name.replace("_", "-")}"
version = "1"
task = "detect"
file = "model.onnx"
sha256 = "{hashlib.sha256(model).hexdigest()}"
labels = {[f"label {number}" for number in range(nets.LABELS)]}

[input]
size = {form["size"]}
colour = "{form["colour"]}"
layout = "nchw"
fit = "letterbox"
scale = {form["scale"]!r}
mean = {form["mean"]}
std = {form["std"]}

[output]
{DECODERS[decoder]}
[parity]
image = "parity.png"
output = {[f"parity_{place}.npy" for place in range(len(answers))]}
tolerance = 0.001
""",
        encoding="utf-8",
    )
    return Pack(folder, title)


def answer(model, values):
    """By onnxruntime as the graph is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: values})


def tensor(picture, form):
    """A picture of the model's size, BGR or grey, as the model is given it."""
    if form["colour"] == "rgb":
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    planes = np.atleast_3d(picture).transpose(2, 0, 1).astype(np.float32)
    per_channel = lambda values: np.array(values, np.float32)[:, None, None]
    return ((planes * np.float32(form["scale"]) - per_channel(form["mean"])) / per_channel(form["std"]))[None]

