"""Export trained weights as a pack: the graph, its manifest and its parity sample."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import manifest
import parity
from data import LABELS
from detect import Model, decode
from net import Deployed, Detector


def export(weights: Path, pack: Path, thresholds: Path) -> None:
    """Writes `model.onnx`, `model.toml`, `parity.png` and `parity.npy` into the folder.

    The thresholds are those of the pack `thresholds`, where there is one.
    """
    pack.mkdir(parents=True, exist_ok=True)
    detector = Detector()
    detector.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    graph = fold(Deployed(detector).to(memory_format=torch.contiguous_format).eval())
    torch.onnx.export(
        graph,
        (torch.zeros(1, 1, manifest.SIZE, manifest.SIZE),),
        str(pack / "model.onnx"),
        input_names=["image"],
        output_names=["grid"],
        opset_version=13,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(pack / "model.onnx"), full_check=True)
    known = manifest.thresholds(thresholds) if (thresholds / "model.toml").exists() else manifest.Thresholds()
    manifest.write(pack, known)
    picture = parity.draw()
    cv2.imwrite(str(pack / "parity.png"), picture)
    output = Model(pack / "model.onnx").run(picture)
    np.save(pack / "parity.npy", output.astype(np.float32))
    found = decode(output[0], known.overall)
    print("parity sample:", ", ".join(f"{LABELS[k]} {s:.2f}" for k, s in zip(found.labels, found.scores)) or "nothing")


def fold(module: nn.Module) -> nn.Module:
    """Puts each batch normalisation into the convolution before it."""
    for child in module.children():
        fold(child)
    if isinstance(module, nn.Sequential):
        for i in range(len(module) - 1):
            if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                module[i], module[i + 1] = fuse_conv_bn_eval(module[i], module[i + 1]), nn.Identity()
    return module


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--thresholds", type=Path, metavar="PACK", help="the pack to take them from")
    args = parser.parse_args()
    export(args.weights, args.pack, args.thresholds or args.pack)
