"""The detector: plain convolutions, one grid at stride 8, shaped for runtimes that like them wide and few."""

import torch
from torch import nn

STRIDE = 8


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation (folded at export), ReLU."""
    return nn.Sequential(*norm(inputs, outputs, kernel, stride), nn.ReLU(inplace=True))


def norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation, for what is added to something else."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Block(nn.Module):
    """Two 3x3 convolutions around which the input is added."""

    def __init__(self, width: int):
        super().__init__()
        self.first = conv(width, width, 3)
        self.second = norm(width, width, 3)

    def forward(self, x):
        return torch.relu(x + self.second(self.first(x)))


def stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    """Half the resolution, then blocks."""
    return nn.Sequential(conv(inputs, outputs, 3, 2), *[Block(outputs) for _ in range(blocks)])


class Detector(nn.Module):
    """[n, 1, h, w] to class logits [n, classes, h/8, w/8] and the logarithms of l, t, r, b in strides."""

    def __init__(self, classes: int = 6, fine: int = 64, coarse: int = 96, blocks: tuple = (1, 2, 1)):
        super().__init__()
        self.classes = classes
        # Stride 4 at once: most of the time of a small net goes into its largest maps.
        self.stem = conv(1, 32, 7, 4)
        self.fine = stage(32, fine, blocks[0])
        self.coarse = stage(fine, coarse, blocks[1])
        # What repeats across the board is meant to be there: a quarter of the coarse map sees that for little.
        self.wide = stage(coarse, coarse, blocks[2])
        self.widen = norm(coarse, coarse, 1)
        self.context = norm(coarse, fine, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = conv(fine, fine, 3)
        self.out = nn.Conv2d(fine, classes + 4, 1)
        with torch.no_grad():
            self.out.weight.mul_(0.3)
            self.out.bias.fill_(-4.0)  # nearly every cell shows nothing
            self.out.bias[classes:] = 0.8  # exp(0.8) strides = 18 px, half a typical box

    def forward(self, x):
        fine = self.fine(self.stem(x))
        coarse = self.coarse(fine)
        coarse = torch.relu(coarse + self.up(self.widen(self.wide(coarse))))
        mixed = torch.relu(fine + self.up(self.context(coarse)))
        raw = self.out(self.head(mixed))
        return raw[:, : self.classes], raw[:, self.classes :]


class Deployed(nn.Module):
    """The graph as shipped: one tensor [1, classes + 4, h/8, w/8] of scores in 0..1 and distances in strides."""

    def __init__(self, detector: Detector):
        super().__init__()
        self.detector = detector

    def forward(self, image):
        logits, distances = self.detector(image)
        return torch.cat([torch.sigmoid(logits), torch.exp(distances)], 1)
