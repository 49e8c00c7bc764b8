"""Start a wider network from the graph of an earlier pack: it begins with what that graph knows."""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from augment import sample
from data import load_pairs
from manifest import MEAN, STD
from net import Detector

PREFIX = "detector."


def grow(graph: Path, data: Path, seed: int = 1) -> Detector:
    """Layers of one name share their first channels; channels and layers that are new answer nothing at first."""
    torch.manual_seed(seed)
    known = {i.name.removeprefix(PREFIX): numpy_helper.to_array(i) for i in onnx.load(graph).graph.initializer}
    net, rng, pairs = Detector(), np.random.default_rng(seed), load_pairs(data, held_out=False)
    layers = dict(net.named_modules())
    handles = [
        layer.register_forward_pre_hook(_take_scale(known.get(f"{_conv_of(name)}.bias"), name))
        for name, layer in layers.items()
        if isinstance(layer, nn.BatchNorm2d)
    ]
    with torch.no_grad():
        for name, layer in layers.items():
            if isinstance(layer, nn.Conv2d) and f"{name}.weight" in known:
                _take_weight(layer, known[f"{name}.weight"])
        net.out.bias.copy_(torch.from_numpy(known["out.bias"]))
        crops = np.stack([sample(pairs, rng)[0] for _ in range(48)])[:, None]
        net.train()((torch.from_numpy(crops).float() / 255 - MEAN) / STD)
    for handle in handles:
        handle.remove()
    return net


def _conv_of(name: str) -> str:
    stem, _, last = name.rpartition(".")
    return f"{stem}.{int(last) - 1}"


def _take_weight(layer: nn.Conv2d, weight: np.ndarray) -> None:
    outputs, inputs = weight.shape[:2]
    layer.weight[:outputs, :inputs] = torch.from_numpy(weight)
    layer.weight[:outputs, inputs:] = 0


def _take_scale(bias: np.ndarray | None, name: str):
    """The earlier graph has its normalisation folded in; here it gets the statistics of what comes in back."""

    def hook(norm: nn.BatchNorm2d, arriving):
        mean, variance = arriving[0].mean((0, 2, 3)), arriving[0].var((0, 2, 3), unbiased=False)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        if bias is not None:
            n = len(bias)
            norm.weight[:n] = (variance[:n] + norm.eps).sqrt()
            norm.bias[:n] = torch.from_numpy(bias) + mean[:n]
            if "second" in name or "context" in name:  # what is added to something else starts as nothing
                norm.weight[n:] = 0
        elif "second" in name or "widen" in name:
            norm.weight.zero_()

    return hook


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path, help="the model.onnx of the earlier pack")
    parser.add_argument("data", type=Path, help="the PCBData folder of DeepPCB")
    parser.add_argument("out", type=Path, help="receives the weights to start from")
    args = parser.parse_args()
    torch.save(grow(args.graph, args.data).state_dict(), args.out)
