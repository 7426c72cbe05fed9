"""One training of ``lite201-digits`` from its description in ``tables.md``, beside the shipped one.

``python docs/scripts/retrain.py [ARCH] [--seed 0]`` prints validation accuracies after every epoch.
It uses PyTorch, scikit-learn's digits and SplitMix64, and nothing of ``data_builders``.
"""

import argparse
import hashlib
import math
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import nasbench
from nasbench.space import Arch
from nasbench.splitmix import key, permutation, uniform

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EPOCHS, BATCH, RATE, MOMENTUM, DECAY = 8, 32, 0.1, 0.9, 5e-4
PARTS = {"train": 320, "valid": 738, "test": 739}


def images(dtype: torch.dtype) -> dict[str, tuple[Tensor, Tensor]]:
    """Normalised images and labels of the three parts."""
    digits = load_digits()
    pixels = digits.images.astype(np.uint8)
    pairs = zip(digits.target.tolist(), pixels, strict=True)
    digests = [hashlib.sha256(bytes([y]) + x.tobytes()).digest() for y, x in pairs]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))
    order = order[permutation(key("split", "pool", 0), len(order))]
    parts = np.split(order, np.cumsum([*PARTS.values()]))[:3]
    train = pixels[parts[0]].astype(np.float64)
    x = torch.tensor((pixels - train.mean()) / train.std(), dtype=dtype)[:, None]
    y = torch.tensor(digits.target)
    return {name: (x[part], y[part]) for name, part in zip(PARTS, parts, strict=True)}


class Operation(nn.Module):
    """ReLU, convolution, BatchNorm."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, side, padding=side // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same shape."""
        return self.norm(self.conv(x.relu()))  # type: ignore[no-any-return]


class Cell(nn.Module):
    """A cell without dead edges."""

    def __init__(self, arch: Arch, channels: int) -> None:
        super().__init__()
        self.arch = arch
        sides = {CONV1: 1, CONV3: 3}
        kernels = {str(e): Operation(channels, sides[o]) for e, o in enumerate(arch) if o in sides}
        self.edges = nn.ModuleDict(kernels)

    def forward(self, x: Tensor) -> Tensor:
        """Features of node 3."""
        nodes: list[Tensor | float] = [x, 0.0, 0.0, 0.0]
        for e, (source, target) in enumerate(EDGES):
            y = nodes[source]
            if self.arch[e] == POOL:
                y = F.avg_pool2d(y, 3, stride=1, padding=1, count_include_pad=False)
            elif str(e) in self.edges:
                y = self.edges[str(e)](y)
            nodes[target] = nodes[target] + (0.0 if self.arch[e] == NONE else y)
        return nodes[3]  # type: ignore[return-value]


class Network(nn.Module):
    """Stem, three stages of one cell, a reduction after the first two, tail."""

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        widths = (8, 16, 32)
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.stages = nn.ModuleList(nn.Sequential(Cell(arch, w)) for w in widths)
        self.reductions = nn.ModuleList(
            nn.Sequential(
                nn.AvgPool2d(2), nn.Conv2d(w, 2 * w, 1, bias=False), nn.BatchNorm2d(2 * w)
            )
            for w in widths[:2]
        )
        self.norm = nn.BatchNorm2d(32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.reductions[0](self.stages[0](self.stem(x)))
        x = self.stages[2](self.reductions[1](self.stages[1](x)))
        return self.head(self.norm(x).relu().mean(dim=(2, 3)))  # type: ignore[no-any-return]


def initialise(network: Network, arch: Arch, seed: int) -> None:
    """Give every parameter its initial value."""
    digits = "".join(map(str, arch))
    for name, p in network.named_parameters():
        if p.dim() == 1:
            nn.init.constant_(p, float(name.endswith("weight")))
            continue
        bound = math.sqrt((6 if p.dim() == 4 else 1) / math.prod(p.shape[1:]))
        u = torch.tensor(uniform(key("init", seed, digits, name), p.numel())).reshape(p.shape)
        p.data.copy_((2 * u - 1) * bound)


def train(arch: Arch, seed: int, dtype: torch.dtype = torch.float32) -> Iterator[dict[str, float]]:
    """Train a representative; yield its loss and accuracies after every epoch."""
    data = images(dtype)
    network = Network(arch).to(dtype)
    initialise(network, arch, seed)
    sgd = torch.optim.SGD(
        network.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True
    )
    x, y = data["train"]
    steps = len(x) // BATCH
    for epoch in range(EPOCHS):
        order, losses = torch.tensor(permutation(key("order", seed, epoch), len(x))), []
        for i, batch in enumerate(order.split(BATCH)):
            done = (epoch * steps + i) / (EPOCHS * steps)
            sgd.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * done)) / 2
            loss = F.cross_entropy(network(x[batch]), y[batch])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
        network.eval()
        with torch.no_grad():
            right = {p: network(data[p][0]).argmax(1) == data[p][1] for p in ("valid", "test")}
        network.train()
        accuracies = {f"{p}_accuracy": 100 * right[p].double().mean().item() for p in right}
        yield {"train_loss": float(np.mean(losses)), **accuracies}


def main() -> None:
    """Parse the command line, train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    parser.add_argument("arch", nargs="?", default=cell, help="a cell of nb201")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    benchmark = nasbench.load("lite201-digits")
    arch = benchmark.space.canonical(benchmark.space.from_text(given.arch))
    shipped = benchmark.curve(arch, "valid_accuracy", seed=given.seed)
    print("epoch  here  shipped")
    for epoch, (here, there) in enumerate(zip(train(arch, given.seed), shipped, strict=True), 1):
        print(f"{epoch:5}  {here['valid_accuracy']:.1f}  {there:.1f}")


if __name__ == "__main__":
    main()
