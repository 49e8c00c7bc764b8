"""Train the detector on the CPU and keep the running average of its weights."""

import argparse
import copy
import math
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import distributed, multiprocessing

from augment import sample
from data import load_pairs
from loss import assign, detection_loss
from manifest import MEAN, STD
from net import STRIDE, Detector


class Crops(torch.utils.data.IterableDataset):
    """Batches without end, drawn from a seed."""

    def __init__(self, pairs, batch: int, seed: int, rank: int):
        self.pairs, self.batch, self.seed, self.rank = pairs, batch, seed, rank

    def __iter__(self):
        cv2.setNumThreads(0)
        torch.set_num_threads(1)
        rng = np.random.default_rng([self.seed, self.rank])
        while True:
            crops, boxes, classes = zip(*(sample(self.pairs, rng) for _ in range(self.batch)))
            image = torch.from_numpy(np.stack(crops))[:, None]
            yield image, *assign(boxes, classes, image.shape[2] // STRIDE, image.shape[3] // STRIDE)


class Run:
    """What a training has reached, kept in files: the averaged weights, and beside them all that it needs to go on."""

    def __init__(self, weights: Path, net, average, optimiser):
        self.weights, self.state = weights, weights.with_suffix(".state")
        self.net, self.average, self.optimiser = net, average, optimiser

    def save(self, step: int):
        reached = {"step": step, "net": self.net.state_dict(), "average": self.average.state_dict()}
        _write(reached | {"optimiser": self.optimiser.state_dict()}, self.state)
        _write(self.average.state_dict(), self.weights)

    def resume(self) -> int:
        """Takes up the saved state and returns its step; 0 if none was saved."""
        if not self.state.exists():
            return 0
        reached = torch.load(self.state, map_location="cpu", weights_only=True)
        self.net.load_state_dict(reached["net"])
        self.average.load_state_dict(reached["average"])
        self.optimiser.load_state_dict(reached["optimiser"])
        return reached["step"]


def _write(what, path: Path):
    # Written aside and renamed: an export may read the file at any time.
    aside = path.with_suffix(path.suffix + ".part")
    torch.save(what, aside)
    os.replace(aside, path)


def main():
    args = _arguments()
    with tempfile.TemporaryDirectory() as meeting:
        multiprocessing.spawn(train, (args, f"file://{meeting}/store"), args.processes)


def train(rank: int, args, meeting: str):
    """One of the processes that share each batch and the mean of their gradients; the first one writes and prints."""
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=args.processes)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    pairs = load_pairs(args.data, held_out=False)
    if args.all_groups:
        pairs += load_pairs(args.data, held_out=True)
    net = Detector()
    if args.start:
        net.load_state_dict(torch.load(args.start, map_location="cpu", weights_only=True))
    net = net.to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(net).eval()
    shared = torch.nn.parallel.DistributedDataParallel(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.02)
    run = Run(args.out, net, average, optimiser)
    first = 1 + (run.resume() if args.resume else 0)
    # A run that goes on draws other crops than those it has seen.
    crops = Crops(pairs, args.batch // args.processes, args.seed + first - 1, rank)
    batches = torch.utils.data.DataLoader(crops, batch_size=None, num_workers=1)
    say = print if rank == 0 else lambda *_, **__: None
    say(f"{len(pairs)} boards, {sum(p.numel() for p in net.parameters())} parameters", flush=True)

    start, saved, shown = time.monotonic(), time.monotonic(), torch.zeros(3)
    for step, (image, label, target) in enumerate(batches, first):
        if step > args.steps:
            break
        warm, done = min(1, (step - first + 1) / 300), step / args.steps
        for group in optimiser.param_groups:
            group["lr"] = args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        x = ((image.float() / 255 - MEAN) / STD).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            logits, distances = shared(x)
        loss, score_loss, box_loss = detection_loss(logits.float(), distances.float(), label, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        _blend(average, net, min(args.keep, step / (step + 20)))
        shown += torch.stack([loss.detach(), score_loss, box_loss])
        if step % 50 == 0:
            rate = (step - first + 1) / (time.monotonic() - start)
            say(f"{step}/{args.steps} {rate:.2f}/s", *(f"{v / 50:.4f}" for v in shown), flush=True)
            shown.zero_()
        if rank == 0 and time.monotonic() - saved > 60 * args.save_every:
            run.save(step)
            saved = time.monotonic()
    if rank == 0:
        run.save(step - 1)
    say(f"finished after {step - 1} steps", flush=True)
    distributed.destroy_process_group()


@torch.no_grad()
def _blend(average, net, keep: float):
    for old, new in zip(average.state_dict().values(), net.state_dict().values()):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the PCBData folder of DeepPCB")
    parser.add_argument("--out", type=Path, default=Path("weights.pt"))
    parser.add_argument("--start", type=Path, metavar="WEIGHTS", help="go on from these weights")
    parser.add_argument("--resume", action="store_true", help="go on where the run that wrote --out was stopped")
    parser.add_argument("--all-groups", action="store_true", help="train on the held-out groups too")
    parser.add_argument("--steps", type=int, default=16000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--keep", type=float, default=0.999, help="share of the average that stays at each step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="share each batch among so many, each on one core")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--save-every", type=float, default=2.0, metavar="MINUTES")
    args = parser.parse_args()
    if args.processes < 1 or args.batch % args.processes:
        parser.error(f"--processes {args.processes} cannot share a batch of {args.batch}; give a number that divides it")
    return args


if __name__ == "__main__":
    main()
