"""The ``nb201`` network: the published one, written anew, and its published sizes."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import nasbench
from data_builders import NETWORKS
from data_builders.builds.shards import trainable_classes
from data_builders.importers.nats.importer import NATSImporter
from data_builders.networks.nb201 import NB201Network
from data_builders.training.initial_values import initialise
from nasbench.space import Arch
from nasbench.spaces.nb201 import NB201, live_edges
from nasbench.tables.writer import write_table

NONE, SKIP, CONV1, CONV3, POOL = range(5)
ENDS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
SMALL = {"channels": 4, "cells": 2, "image_channels": 3, "n_classes": 5}
PUBLISHED = {"channels": 16, "cells": 5, "image_channels": 3}
CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "imagenet16": 120}
SHARED = Path(os.environ["NASBENCH_SHARED"])
ARCHIVE = SHARED / "data/published/NATS-tss-v1_0-3ffb9-simple"


class PublishedNetwork(nn.Module):
    """Everything that is written: dead convolutions too, and ``none`` as a product with 0."""

    def __init__(
        self, arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int
    ) -> None:
        super().__init__()
        self.arch = arch
        self.stem = nn.ModuleList(self.conv_norm(image_channels, channels, 3))
        widths = [channels * 2**stage for stage in range(3)]
        self.cells = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleList(
                    self.conv_norm(w, w, {CONV1: 1, CONV3: 3}[o]) if o in (CONV1, CONV3) else []
                )
                for o in arch
            )
            for w in widths
            for _ in range(cells)
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    *self.conv_norm(w, 2 * w, 3, 2),
                    *self.conv_norm(2 * w, 2 * w, 3),
                    nn.Conv2d(w, 2 * w, 1, bias=False),
                ]
            )
            for w in widths[:2]
        )
        self.norm = nn.BatchNorm2d(widths[2])
        self.head = nn.Linear(widths[2], n_classes)

    @staticmethod
    def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False)
        return [conv, nn.BatchNorm2d(outputs)]

    def operation(self, option: int, layers: Any, x: Tensor) -> Tensor:
        if option == NONE:
            return x * 0
        if option == SKIP:
            return x
        if option == POOL:
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        conv, norm = layers
        return norm(conv(x.relu()))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem[1](self.stem[0](x))
        for number, cell in enumerate(self.cells):
            if number in (len(self.cells) // 3, 2 * len(self.cells) // 3):
                conv1, norm1, conv2, norm2, shortcut = self.blocks[
                    3 * number // len(self.cells) - 1
                ]
                y = norm2(conv2(norm1(conv1(x.relu())).relu()))
                x = y + shortcut(F.avg_pool2d(x, 2, 2))
            nodes = [x, *(torch.zeros_like(x) for _ in range(3))]
            for (i, j), option, layers in zip(ENDS, self.arch, cell, strict=True):
                nodes[j] = nodes[j] + self.operation(option, layers, nodes[i])
            x = nodes[3]
        return self.head(self.norm(x).relu().mean((2, 3)))


def counted(network: nn.Module, size: int) -> tuple[int, int]:
    """Parameters, and multiply-adds as PyTorch counts them, an added bias of the head as one."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    macs = counter.get_total_flops() // 2 + network.head.out_features
    return sum(parameter.numel() for parameter in network.parameters()), macs


def cells(n: int) -> list[Arch]:
    rng = random.Random(3)
    return [tuple(rng.randrange(5) for _ in range(6)) for _ in range(n)]


def alive(n: int) -> list[Arch]:
    """Cells whose edges are ``none`` or live."""
    space = NB201()
    archs = [arch for arch in space.archs() if live_edges(arch) == tuple(o > 0 for o in arch)]
    return [arch for arch in random.Random(4).sample(archs, n) if any(arch)]


@pytest.mark.parametrize("arch", [(CONV3,) * 6, (0, 0, 0, SKIP, 0, 0), *alive(12)], ids=str)
def test_it_computes_what_the_published_network_does(arch: Arch) -> None:
    network, published = NB201Network(arch, **SMALL), PublishedNetwork(arch, **SMALL)
    initialise(network.double(), arch, 0)
    published.double()
    values = list(network.state_dict().values())
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in values:
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                value.add_(0.4 * noise - 0.2)
    names = list(published.state_dict())  # both list stem, cells, reductions, tail
    published.load_state_dict({n: v.clone() for n, v in zip(names, values, strict=True)})
    x = torch.randn(3, 3, 8, 8, dtype=torch.float64, generator=generator)
    for training in (True, False):
        expected = published.train(training)(x).detach()
        largest = max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(
            network.train(training)(x), expected, rtol=0, atol=1e-12 * largest
        )


def test_odd_images_are_halved_upwards() -> None:
    network = NB201Network((0, 0, 0, SKIP, 0, 0), **SMALL).eval()
    features = network.reductions[0](torch.ones(1, 4, 7, 7))
    assert features.shape == (1, 8, 4, 4)
    pooled = network.reductions[0].shortcut[0](torch.arange(9.0).reshape(1, 1, 3, 3))
    assert pooled.tolist() == [[[[2.0, 3.5], [6.5, 8.0]]]]


def test_sizes_as_written_are_those_of_the_published_network() -> None:
    for arch in [*cells(20), (0, 0, 3, 2, 2, 0), (3, 0, 0, 1, 0, 0)]:
        numbers = NB201Network.arch_numbers(arch, **SMALL, size=8)
        written = (numbers["written_parameters"], numbers["written_macs"])
        assert written == counted(PublishedNetwork(arch, **SMALL), 8)


def test_published_skeleton_has_the_known_sizes() -> None:
    def numbers(arch: Arch) -> tuple[Any, Any]:
        found = NB201Network.arch_numbers(arch, **PUBLISHED, n_classes=10, size=32)
        return found["parameters"], found["macs"]

    assert numbers((CONV3,) * 6) == (1_531_546, 220_119_690)
    assert numbers((NONE,) * 6) == (73_306, 7_783_050)
    assert counted(NB201Network((CONV3,) * 6, **PUBLISHED, n_classes=10), 32) == (
        1_531_546,
        220_119_690,
    )


@pytest.mark.parametrize(
    ("n", "size", "macs", "parameters"),
    [(5, 32, 67.0, 481), (1, 32, 19.6, 155), (1, 16, 4.90, 155)],
)
def test_means_over_the_space_are_the_known_ones(
    n: int, size: int, macs: float, parameters: int
) -> None:
    shape = PUBLISHED | {"cells": n, "n_classes": 10, "size": size}
    archs = trainable_classes(NB201Network)
    numbers = [NB201Network.arch_numbers(arch, **shape) for arch in archs]
    for name, known in (("macs", macs * 1e6), ("parameters", parameters * 1e3)):
        assert np.mean([found[name] for found in numbers]) == pytest.approx(known, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "n_classes", "size"),
    [("cifar10", 10, 32), ("cifar100", 100, 32), ("imagenet16", 120, 16)],
)
def test_sizes_as_written_are_the_published_ones_of_every_cell(
    name: str, n_classes: int, size: int
) -> None:
    table = nasbench.load(f"nb201-{name}").table
    archs = [tuple(arch) for arch in table.written_archs.tolist()]
    assert len(archs) == 15_625
    costs = [NB201Network.cost(arch, **PUBLISHED, n_classes=n_classes, size=size) for arch in archs]
    assert table.arch_numbers("parameters").tolist() == [cost.parameters for cost in costs]
    assert table.arch_numbers("macs").tolist() == [cost.macs for cost in costs]


def test_records_of_the_archive_have_exactly_these_sizes(tmp_path: Path) -> None:
    """Millions, of everything written: "FLOPs" of the archive are multiply-adds."""
    if not ARCHIVE.exists():
        pytest.skip(f"needs {ARCHIVE}; set NASBENCH_SHARED to the folder that holds data/published")
    compared = set()
    for imported in NATSImporter().tables([ARCHIVE], work=tmp_path / "work"):
        path = tmp_path / f"{imported.metadata.id}.parquet"
        write_table(path, imported)
        benchmark = nasbench.load(path, objectives=["test_accuracy"])
        table = benchmark.table
        n_classes = CLASSES[table.metadata.id.removeprefix("nats-tss-")]
        shape = PUBLISHED | {"n_classes": n_classes, "size": 16 if n_classes == 120 else 32}
        for arch, schedule, seed in zip(
            map(tuple, table.archs.tolist()),
            table.schedule.tolist(),
            table.seed.tolist(),
            strict=True,
        ):
            record = benchmark.query(arch, schedule=schedule, seed=seed)
            numbers = NB201Network.arch_numbers(arch, **shape)
            for name in ("parameters", "macs"):
                assert record[f"published_{name}"] == numbers[f"written_{name}"] / 1e6
            compared.add((table.metadata.id, arch, schedule))
    assert len(compared) == 4 * 3 * 2


def test_it_is_registered() -> None:
    assert NETWORKS.load("nb201") is NB201Network
