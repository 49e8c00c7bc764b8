"""Make the reference answers of `src/inspection/decode/reference`: raw model outputs and what others read out of them.

Every expected box comes from the post-processing of the project that a model family belongs to, or from a library's,
never from the code under test; `source` in each file says which. The outputs are drawn from a seed: noise in which
nothing is found, and candidates well above the floor, some of which overlap.
"""

import argparse
import importlib.util
import json
import types
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision

LABELS = ["scratch", "dent", "stain"]
SIZE = (96, 64)  # width and height of the input; not square, so that exchanged axes are noticed
FLOOR, IOU = 0.3, 0.5
STRIDES = (8, 16, 32)


def cells(strides=STRIDES):
    """Column, row and stride of every cell, level by level in reading order."""
    return np.array(
        [(x, y, s) for s in strides for y in range(-(-SIZE[1] // s)) for x in range(-(-SIZE[0] // s))], np.float32
    )


def scores(rng, count, busy):
    """Scores [count, labels]: faint everywhere, strong for one label where `busy`."""
    out = rng.uniform(0.0, 0.1, (count, len(LABELS)))
    for n in busy:
        out[n, rng.integers(len(LABELS))] = rng.uniform(0.35, 0.95)
    return out


def pixel_boxes(rng, count, twins):
    """Centre, width, height in pixels; each of `twins` lies nearly on the box before it."""
    centre = rng.uniform(0.15, 0.85, (count, 2)) * SIZE
    boxes = np.hstack([centre, rng.uniform(8, 30, (count, 2))])
    for n in twins:
        boxes[n] = boxes[n - 1] + rng.uniform(-1, 1, 4)
    return boxes


def write(folder, name, source, output, answers, found, labels=LABELS, score=None):
    """`found` are (label index, confidence, x_min, y_min, x_max, y_max) or (label index, confidence)."""
    answers = [np.asarray(a, np.float32).round(4) for a in answers]
    rows = sorted(([int(f[0])] + [float(v) for v in f[1:]] for f in found), key=lambda f: -f[1])
    record = {
        "source": source,
        "output": output,
        "labels": labels,
        "input": list(SIZE),
        "floor": FLOOR,
        "answers": [{"shape": list(a.shape), "values": [float(f"{v:.4f}") for v in a.ravel()]} for a in answers],
        "findings": [
            {"label": labels[f[0]], "confidence": round(f[1], 5), "box": [round(v, 3) for v in f[2:]] or None} for f in rows
        ],
        "score": score,
    }
    assert rows, name
    (folder / f"{name}.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(f"{name}: {len(rows)} findings ({source})")


def rounded(array):
    """What the file will hold, for the reference to read the same numbers."""
    return np.asarray(array, np.float32).round(4)


def load(path, name, **known):
    """A single module of a package whose other parts are not wanted."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(known)
    spec.loader.exec_module(module)
    return module


def yolo(folder, rng):
    from ultralytics.utils import nms, ops

    n = len(cells())
    busy = [3, 4, 20, 40, 41, 70, n - 1]
    xywh, cls = pixel_boxes(rng, n, [4, 41]), scores(rng, n, busy)
    cls[4], cls[41] = cls[3] * 0.9, cls[40] * 0.8
    raw = rounded(np.hstack([xywh, cls]).T[None])
    as_rows = lambda t: [(r[5], r[4], *r[:4]) for r in t.numpy()]
    kept = nms.non_max_suppression(torch.from_numpy(raw), FLOOR, IOU, max_time_img=60)[0]
    source = "ultralytics 8.4.190, utils.nms.non_max_suppression"
    limits = {"nms_iou": IOU, "max_findings": 300}
    write(folder, "yolov8", source, {"decoder": "yolov8", **limits}, [raw], as_rows(kept))
    write(folder, "yolov8_rows", source, {"decoder": "yolov8", **limits}, [raw.transpose(0, 2, 1)], as_rows(kept))

    # The same boxes with prototypes, of which a mask is made in each box.
    count, rows, columns = 4, SIZE[1] // 4, SIZE[0] // 4
    protos = rounded(rng.normal(size=(1, count, rows, columns)))
    protos[0, 0] = 1.0
    weights = rounded(rng.normal(size=(1, count, n)))
    weights[0, 0, 20] = -50.0  # nothing of this one is left
    seg = np.concatenate([raw, weights], 1)
    kept = nms.non_max_suppression(torch.from_numpy(seg), FLOOR, IOU, nc=len(LABELS), max_time_img=60)[0]
    found = masked(ops, kept, torch.from_numpy(protos[0]))
    source = "ultralytics 8.4.190, utils.ops.process_mask; the extent of each mask by OpenCV"
    write(folder, "yolov8_seg", source, {"decoder": "yolov8_seg", **limits}, [seg, protos], found)

    chosen = rounded(np.vstack([kept.numpy(), np.zeros((3, kept.shape[1]), np.float32)])[None])
    plain = [(r[5], r[4], *r[:4]) for r in chosen[0] if r[4] > FLOOR]
    write(folder, "chosen", "the rows themselves", {"decoder": "chosen"}, [chosen[..., :6]], plain)
    found = masked(ops, torch.from_numpy(chosen[0][chosen[0][:, 4] > FLOOR]), torch.from_numpy(protos[0]))
    write(folder, "chosen_seg", source, {"decoder": "chosen_seg", "max_findings": 300}, [chosen, protos], found)


def masked(ops, kept, protos):
    """The findings whose mask is not empty, with their boxes cut to it."""
    height, width = SIZE[1], SIZE[0]
    masks = ops.process_mask(protos, kept[:, 6:], kept[:, :4], (height, width), upsample=False).numpy()
    found, scale = [], (width / protos.shape[2], height / protos.shape[1])
    for row, mask in zip(kept.numpy(), masks):
        if not mask.any():
            continue
        x, y, w, h = cv2.boundingRect((mask > 0).astype(np.uint8))
        x1, y1, x2, y2 = row[:4]
        box = max(x1, x * scale[0]), max(y1, y * scale[1]), min(x2, (x + w) * scale[0]), min(y2, (y + h) * scale[1])
        found.append((row[5], row[4], *box))
    return found


def yolov5(folder, rng, package):
    general = function(package / "yolov5/utils/general.py", ["xywh2xyxy", "box_iou", "non_max_suppression"])
    n = len(cells())
    xywh, cls = pixel_boxes(rng, n, [11, 61]), scores(rng, n, [10, 11, 30, 60, 61, 80])
    thing = rng.uniform(0.0, 0.2, (n, 1))
    thing[[10, 11, 30, 60, 61, 80]] = [[0.98], [0.9], [0.95], [0.9], [0.97], [0.4]]
    cls[11], cls[61] = cls[10], cls[60]
    raw = rounded(np.hstack([xywh, thing, cls])[None])
    kept = general.non_max_suppression(torch.from_numpy(raw.copy()), FLOOR, IOU)[0].numpy()
    output = {"decoder": "yolov5", "nms_iou": IOU, "max_findings": 300}
    source = "yolov5 7.0.14 (PyPI), utils.general.non_max_suppression"
    write(folder, "yolov5", source, output, [raw], [(r[5], r[4], *r[:4]) for r in kept])


def function(path, names):
    """Single functions of a file whose other imports are not wanted."""
    import ast
    import time

    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    logger = types.SimpleNamespace(warning=print)
    module = {"torch": torch, "torchvision": torchvision, "np": np, "time": time, "LOGGER": logger}
    exec(compile(tree, str(path), "exec"), module)
    return types.SimpleNamespace(**module)


def model_zoo(folder, rng, package):
    """YOLOX and NanoDet by Open Model Zoo's model API, whose suppression does not tell labels apart."""
    models = package / "openvino/model_zoo/model_api/models"
    utils = function(models / "utils.py", ["softmax", "nms"])
    wanted = {"YOLOX": "yolo.py", "NanoDet": "nanodet.py", "NanoDetPlus": "nanodet.py"}
    classes = {name: class_of(models / file, name, utils) for name, file in wanted.items()}

    grid = cells()
    n = len(grid)
    busy = [5, 6, 33, 50, 90]
    thing = rng.uniform(0, 0.2, (n, 1))
    thing[busy] = rng.uniform(0.8, 0.99, (len(busy), 1))
    cls = scores(rng, n, busy)
    raw = rounded(np.hstack([rng.uniform(-0.4, 1.4, (n, 2)), rng.uniform(0.2, 1.2, (n, 2)), thing, cls])[None])
    x = types.SimpleNamespace(w=SIZE[0], h=SIZE[1])
    classes["YOLOX"]["set_strides_grids"](x)
    read = raw[0].copy()
    read[:, :2] = (read[:, :2] + x.grids[0]) * x.expanded_strides[0]
    read[:, 2:4] = np.exp(read[:, 2:4]) * x.expanded_strides[0]
    boxes = classes["YOLOX"]["xywh2xyxy"].__func__(read[:, :4])
    source = "Open Model Zoo model API 2022.3, models.yolo.YOLOX; torchvision's batched_nms"
    found = suppressed(boxes, (read[:, 5:] * read[:, 4:5]).max(1), read[:, 5:].argmax(1))
    write(folder, "yolox", source, {"decoder": "yolox", "nms_iou": IOU, "max_findings": 300}, [raw], found)

    bins = 8
    for name, kind, strides, extra in [
        ("nanodet", "NanoDet", (8, 16, 32), {"strides": [8, 16, 32], "centre": 0.5}),
        ("nanodet_plus", "NanoDetPlus", (8, 16, 32, 64), {}),
    ]:
        n = len(cells(strides))
        cls = scores(rng, n, [7, 8, 40, 77, n - 1])
        cls[8] = cls[7] * 0.8
        raw = rounded(np.hstack([cls, rng.normal(0, 1.5, (n, 4 * bins))])[None])
        me = nano(classes, kind, strides)
        # Not clipped to the input, as the product does that where it knows the picture.
        me.distance2bbox = lambda points, d, shape: classes["NanoDet"]["distance2bbox"].__func__(points + 1e4, d, (1e6, 1e6)) - 1e4
        boxes = classes["NanoDet"]["get_bboxes"](me, raw[0][:, len(LABELS) :], SIZE[1], SIZE[0])
        found = suppressed(boxes, raw[0][:, :3].max(1), raw[0][:, :3].argmax(1))
        source = f"Open Model Zoo model API 2022.3, models.nanodet.{kind}; torchvision's batched_nms"
        write(folder, name, source, {"decoder": "nanodet", "nms_iou": IOU, "max_findings": 300, **extra}, [raw], found)


def nano(classes, kind, strides):
    me = types.SimpleNamespace(reg_max=7, strides=list(strides), ad=0.5 if kind == "NanoDet" else 0)
    me.get_single_level_center_point = lambda size, stride: classes["NanoDet"]["get_single_level_center_point"](
        me, (int(size[0]), int(np.ceil(size[1]))), stride
    )
    return me


def class_of(path, name, utils):
    """The methods of one class, without its base and its module's imports."""
    import ast
    import math

    tree = ast.parse(path.read_text())
    (node,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    node.bases = []
    node.body = [n for n in node.body if not (isinstance(n, ast.FunctionDef) and n.name in ("parameters", "__init__"))]
    tree.body = [node]
    module = {"np": np, "math": math, "softmax": utils.softmax, "nms": utils.nms}
    exec(compile(tree, str(path), "exec"), module)
    return module[name].__dict__


def suppressed(boxes, confidences, labels):
    boxes, confidences, labels = (np.asarray(v) for v in (boxes, confidences, labels))
    above = np.nonzero(confidences >= FLOOR)[0]
    keep = torchvision.ops.batched_nms(
        torch.tensor(boxes[above], dtype=torch.float32),
        torch.tensor(confidences[above], dtype=torch.float32),
        torch.tensor(labels[above]),
        IOU,
    ).numpy()
    return [(labels[n], confidences[n], *boxes[n]) for n in above[keep]]


def picodet(folder, rng, package):
    kind = load(package / "rapid_layout/model_handler/pp/post_process.py", "pp").PPPostProcess
    strides, bins = (8, 16, 32, 64), 8
    found_scores, distances = [], []
    for stride in strides:
        n = len(cells([stride]))
        found_scores.append(rounded(scores(rng, n, [0, n // 2] if n > 4 else [0]))[None])
        distances.append(rounded(rng.normal(0, 1.5, (1, n, 4 * bins))))
    # This post-processing wants sizes that every stride divides, and clips to the picture: it gets a larger one.
    post = kind(LABELS, conf_thres=FLOOR, iou_thres=IOU)
    post.warp_boxes = lambda boxes, shape: boxes
    post.img_info = lambda shape, image: ([np.array(SIZE[::-1])], (SIZE[1], np.ceil(SIZE[0] / 64) * 64), [np.ones(2)])
    grid = lambda stride: -(-SIZE[0] // stride)
    padded_scores, padded = [], []
    for stride, s, d in zip(strides, found_scores, distances):
        rows, columns, wide = -(-SIZE[1] // stride), grid(stride), int(np.ceil(SIZE[0] / 64) * 64) // stride
        for source, target in ((s, padded_scores), (d, padded)):
            full = np.zeros((rows, wide, source.shape[2]), np.float32)
            full[:, :columns] = source.reshape(rows, columns, -1)
            target.append(full.reshape(1, rows * wide, -1))
    boxes, confidences, names = post([SIZE[::-1]], None, padded_scores + padded)
    found = [(LABELS.index(name), c, *box) for name, c, box in zip(names, confidences, boxes)]
    output = {"decoder": "picodet", "nms_iou": IOU, "max_findings": 300}
    source = "rapid-layout 1.2.1, model_handler.pp.post_process.PPPostProcess"
    write(folder, "picodet", source, output, found_scores + distances, found)


def ssd(folder, rng):
    from torchvision.models.detection._utils import BoxCoder

    n = 60
    priors = np.hstack([rng.uniform(0.1, 0.9, (n, 2)), rng.uniform(0.1, 0.4, (n, 2))])
    offsets = rng.normal(0, 0.7, (n, 4))
    logits = np.hstack([np.full((n, 1), 4.0), rng.normal(0, 0.3, (n, len(LABELS)))])
    for k, at in enumerate([2, 9, 31, 58]):
        logits[at, 1 + k % 3] = 6.0
    priors, offsets, logits = rounded(priors), rounded(offsets), rounded(logits)
    corners = np.hstack([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2]) * np.array(SIZE * 2)
    coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
    boxes = coder.decode_single(torch.from_numpy(offsets), torch.tensor(corners, dtype=torch.float32)).numpy()
    shares = torch.softmax(torch.from_numpy(logits), 1).numpy()[:, 1:]
    found = []
    for label in range(len(LABELS)):
        found += suppressed(boxes, shares[:, label], np.full(n, label))
    output = {"decoder": "ssd", "nms_iou": IOU, "max_findings": 300}
    source = "torchvision 0.29.2, models.detection._utils.BoxCoder and ops.batched_nms"
    write(folder, "ssd_priors", source, {**output, "activation": "softmax", "priors": "priors.npy"}, [logits[None], offsets[None]], found)
    (folder / "ssd_priors.npy.json").write_text(json.dumps([float(f"{v:.4f}") for v in priors.ravel()]) + "\n")

    as_shares = rounded(np.hstack([1 - shares.sum(1, keepdims=True), shares]))
    in_input = rounded(boxes / np.array(SIZE * 2))
    found = []
    for label in range(len(LABELS)):
        found += suppressed(in_input * np.array(SIZE * 2), as_shares[:, 1 + label], np.full(n, label))
    source = "torchvision 0.29.2, ops.batched_nms"
    write(folder, "ssd_decoded", source, output, [as_shares[None], in_input[None]], found)
    swapped = in_input[:, [1, 0, 3, 2]]
    extra = {"background": False, "form": "corners_y_first"}
    write(folder, "ssd_y_first", source, {**output, **extra}, [as_shares[None, :, 1:].transpose(0, 2, 1), swapped[None]], found)


def fastestdet(folder, rng):
    rows, columns = 4, 6
    raw = np.vstack([rng.uniform(0, 0.1, (1, 24)), rng.normal(0, 1, (2, 24)), rng.normal(-1, 0.5, (2, 24)), rng.uniform(0, 0.3, (3, 24))])
    for at in (3, 14, 20):
        raw[0, at], raw[5 + at % 3, at] = 0.9, 0.95
    raw = rounded(raw.reshape(1, 8, rows, columns))
    found_boxes, confidences, labels = [], [], []
    for y in range(rows):
        for x in range(columns):
            cell = raw[0, :, y, x].astype(np.float64)
            confidences.append(cell[0] ** 0.6 * cell[5:].max() ** 0.4)
            labels.append(int(cell[5:].argmax()))
            cx, cy = (x + np.tanh(cell[1])) / columns * SIZE[0], (y + np.tanh(cell[2])) / rows * SIZE[1]
            w, h = SIZE[0] / (1 + np.exp(-cell[3])), SIZE[1] / (1 + np.exp(-cell[4]))
            found_boxes.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    source = "restated from the rule in FastestDet's own examples; torchvision's batched_nms"
    output = {"decoder": "fastestdet", "nms_iou": IOU, "max_findings": 300}
    write(folder, "fastestdet", source, output, [raw], suppressed(found_boxes, confidences, labels))


def masks(folder, rng):
    rows, columns = 32, 48
    noise = lambda: cv2.GaussianBlur(rng.normal(size=(rows, columns)), (0, 0), 2.5)
    logits = rounded(np.stack([np.full((rows, columns), 0.4), noise() * 4, noise() * 4]))
    shares = torch.softmax(torch.from_numpy(logits), 0).numpy()
    winner = logits.argmax(0)
    found = []
    for label in (1, 2):
        found += blobs(winner == label, shares[label], label, 6)
    source = "PyTorch's softmax, OpenCV's connectedComponentsWithStats"
    output = {"decoder": "mask", "values": "logits", "ok_labels": ["scratch"], "min_pixels": 6, "max_findings": 300}
    write(folder, "mask_logits", source, output, [logits[None]], found)
    write(folder, "mask_last", source, output, [logits[None].transpose(0, 2, 3, 1)], found)

    alone = rounded(1 / (1 + np.exp(-np.stack([noise(), noise(), noise()]) * 4)))
    found = []
    for label in range(3):
        found += blobs(alone[label] >= 0.5, alone[label], label, 1)
    output = {"decoder": "mask", "values": "independent", "ok_labels": [], "max_findings": 300}
    write(folder, "mask_independent", source, output, [alone[None]], found)

    heat = rounded(3 + 2 * noise() / 0.2)
    scaled = np.clip((heat - 1) / 5, 0, 1)
    output = {"decoder": "anomaly_map", "range": [1.0, 6.0], "min_pixels": 3, "max_findings": 300}
    found = blobs(scaled >= 0.5, scaled, 0, 3)
    source = "OpenCV's connectedComponentsWithStats"
    write(folder, "anomaly_map", source, output, [heat[None, None]], found, ["anomaly"], float(scaled.max()))
    output["score"] = "pred_score"
    write(folder, "anomaly_score", source, output, [heat[None], np.array([[4.75]])], found, ["anomaly"], 0.75)


def blobs(mask, shares, label, least):
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    scale = (SIZE[0] / mask.shape[1], SIZE[1] / mask.shape[0])
    found = []
    for n in range(1, count):
        x, y, w, h, size = stats[n]
        sure = shares[numbers == n].max()
        if size >= least and sure >= FLOOR:
            found.append((label, sure, x * scale[0], y * scale[1], (x + w) * scale[0], (y + h) * scale[1]))
    return found


def classifiers(folder, rng):
    logits = rounded(rng.normal(size=(1, 3)) + [[0, 2, 1]])
    shares = torch.softmax(torch.from_numpy(logits), 1).numpy()[0]
    found = [(k, p) for k, p in enumerate(shares) if p >= FLOOR and k != 1]
    found = found or [(int(np.argmax(shares)), float(shares.max()))]
    ok = ["dent"] if found[0][0] != 1 else []
    write(folder, "logits", "PyTorch's softmax", {"decoder": "logits", "ok_labels": ok}, [logits], found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True, help="unpacked wheels, as fetch.sh leaves them")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for n, make in enumerate(
        [
            yolo,
            lambda f, r: yolov5(f, r, args.packages / "yolov5"),
            lambda f, r: model_zoo(f, r, args.packages / "openmodelzoo_modelapi"),
            lambda f, r: picodet(f, r, args.packages / "rapid_layout"),
            ssd,
            fastestdet,
            masks,
            classifiers,
        ]
    ):
        make(args.out, np.random.default_rng([7, n]))


if __name__ == "__main__":
    main()
