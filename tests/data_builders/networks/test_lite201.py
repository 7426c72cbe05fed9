"""The ``lite201`` network against its definition, evaluated without any of its modules."""

import random

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders.builds.shards import all_classes, trainable_classes
from data_builders.networks.lite201 import Lite201
from data_builders.training.initial_values import initialise
from nasbench.space import Arch
from nasbench.spaces.nb201 import NB201, classes

NONE, SKIP, CONV1, CONV3, POOL = range(5)
ENDS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))  # from node 0 to node 3, as edges
SHAPE = {"channels": 4, "cells": 2, "image_channels": 3, "n_classes": 5}
SINGLES: list[Arch] = [(0, 0, 0, option, 0, 0) for option in (SKIP, CONV1, CONV3, POOL)]
ALL_3X3: Arch = (CONV3,) * 6
# A convolution that no signal enters (edge 1->2), one whose output reaches nothing (edge 0->1).
DEAD: list[Arch] = [(0, 0, 3, 2, 2, 0), (3, 0, 0, 1, 0, 0), (2, 4, 3, 3, 0, 0), (0, 2, 3, 0, 2, 1)]


pytestmark = pytest.mark.usefixtures("one_thread")


def live(arch: Arch) -> set[int]:
    """Edges on a path of edges other than ``none``."""
    return {edge for path in PATHS if all(arch[e] != NONE for e in path) for edge in path}


def random_cells(n: int) -> list[Arch]:
    rng = random.Random(1)
    cells = (tuple(rng.randrange(5) for _ in range(6)) for _ in range(100 * n))
    return [arch for arch in cells if live(arch)][:n]


CELLS = [*SINGLES, ALL_3X3, (POOL,) * 6, *DEAD, *random_cells(14)]


class Definition:
    """Logits from the values of the parameters, by plain functions."""

    def __init__(self, state: dict[str, Tensor], arch: Arch, *, training: bool) -> None:
        self.state = state
        self.arch = arch
        self.training = training

    def norm(self, x: Tensor, name: str) -> Tensor:
        if self.training:
            mean = x.mean(dim=(0, 2, 3))
            variance = ((x - mean[:, None, None]) ** 2).mean(dim=(0, 2, 3))
        else:
            mean = self.state[f"{name}.running_mean"]
            variance = self.state[f"{name}.running_var"]
        scale = self.state[f"{name}.weight"] / (variance + 1e-5).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + self.state[f"{name}.bias"][
            :, None, None
        ]

    def conv(self, x: Tensor, name: str, padding: int) -> Tensor:
        return F.conv2d(x, self.state[f"{name}.weight"], padding=padding)

    def operation(self, option: int, x: Tensor, name: str) -> Tensor:
        if option == SKIP:
            return x
        if option == POOL:
            size = x.shape[2]
            padded, inside = F.pad(x, (1, 1, 1, 1)), F.pad(torch.ones_like(x), (1, 1, 1, 1))
            total, count = torch.zeros_like(x), torch.zeros_like(x)
            for i in range(3):
                for j in range(3):
                    total = total + padded[:, :, i : i + size, j : j + size]
                    count = count + inside[:, :, i : i + size, j : j + size]
            return total / count
        return self.norm(
            self.conv(x.clamp(min=0), f"{name}.conv", int(option == CONV3)), f"{name}.norm"
        )

    def cell(self, x: Tensor, name: str) -> Tensor:
        nodes = [x, torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)]
        for edge, (source, target) in enumerate(ENDS):
            y = torch.zeros_like(x)
            if edge in live(self.arch):
                y = self.operation(self.arch[edge], nodes[source], f"{name}.edges.{edge}")
            nodes[target] = nodes[target] + y
        return nodes[3]

    def __call__(self, x: Tensor, cells: int) -> Tensor:
        x = self.norm(self.conv(x, "stem.0", 1), "stem.1")
        for stage in range(3):
            for cell in range(cells):
                x = self.cell(x, f"stages.{stage}.{cell}")
            if stage < 2:
                quarter = x[:, :, ::2, ::2] + x[:, :, 1::2, ::2]
                quarter = quarter + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]
                y = self.conv(quarter / 4, f"reductions.{stage}.1", 0)
                x = self.norm(y, f"reductions.{stage}.2")
        features = self.norm(x, "norm").clamp(min=0).mean(dim=(2, 3))
        return features @ self.state["head.weight"].T + self.state["head.bias"]


def disturbed(arch: Arch) -> Lite201:
    """A float64 network in which no scale, shift or statistic has its usual value."""
    network = Lite201(arch, **SHAPE).double()
    initialise(network, arch, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                value.add_(0.4 * noise - 0.2)
    return network


@pytest.mark.parametrize("arch", CELLS, ids=str)
def test_forward_pass_is_the_definition(arch: Arch) -> None:
    x = torch.randn(3, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    network = disturbed(arch)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for training in (True, False):
        network.load_state_dict(state)
        network.train(training)
        expected = Definition(state, arch, training=training)(x, cells=2)
        largest = max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-12 * largest)


@pytest.mark.parametrize(
    ("cells", "mean", "least", "most"), [(3, "9.05", "0.2", "32.0"), (1, "3.14", "0.2", "10.8")]
)
def test_macs_of_the_space_are_the_known_ones(cells: int, mean: str, least: str, most: str) -> None:
    shape = {"channels": 16, "cells": cells, "image_channels": 3, "n_classes": 10}
    archs = trainable_classes(Lite201)
    macs = np.array([Lite201.arch_numbers(arch, **shape, size=16)["macs"] for arch in archs]) / 1e6
    assert len(archs) == 5259
    assert f"{macs.mean():.2f}" == mean
    assert (f"{macs.min():.1f}", f"{macs.max():.1f}") == (least, most)


def test_members_of_a_class_give_one_network() -> None:
    space = NB201()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    groups = [members for members in classes().values() if live(members[0]) and len(members) > 1]
    for members in random.Random(0).sample(groups, 12):
        outputs = []
        for arch in random.Random(1).sample(members, min(4, len(members))):
            representative = space.canonical(arch)
            network = Lite201(representative, **SHAPE)
            initialise(network, representative, 3)
            outputs.append(network(x))
        assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_members_without_kernels_compute_the_same_as_written() -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    groups = [
        members
        for members in classes().values()
        if len(members) > 1 and live(members[0]) and not {CONV1, CONV3} & set(members[0])
    ]
    assert len(groups) > 10
    for members in groups:
        outputs = []
        for arch in (members[0], members[len(members) // 2], members[-1]):
            network = Lite201(arch, **SHAPE).double()
            initialise(network, (0,), 0)
            outputs.append(network(x))
        for output in outputs:
            torch.testing.assert_close(output, outputs[0], rtol=0, atol=1e-12)


def test_only_the_disconnected_class_does_not_train() -> None:
    every = all_classes(Lite201)
    assert len(every) == 5260
    assert [arch for arch in every if not Lite201.trains(arch)] == [(0, 0, 0, 0, 0, 0)]
    assert all(Lite201.trains(arch) == bool(live(arch)) for arch in NB201().archs())
