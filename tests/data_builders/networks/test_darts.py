"""The ``darts`` network: written anew, its published sizes, its costs by counting."""

import random
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.networks import darts
from data_builders.networks.darts import DartsNetwork, FactorizedReduce
from data_builders.training.initial_values import initialise
from nasbench.space import Arch
from nasbench.spaces.darts import OPERATIONS, Darts, from_genotype, to_genotype

SPACE = Darts()
SHAPE = {"channels": 4, "cells": 1, "image_channels": 3, "n_classes": 5}
DARTS_V2 = from_genotype(
    normal=[
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    ],
    reduce=[
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    ],
)  # fmt: skip
P_DARTS = from_genotype(
    normal=[
        ("skip_connect", 0), ("dil_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("sep_conv_3x3", 3), ("sep_conv_3x3", 0), ("dil_conv_5x5", 4),
    ],
    reduce=[
        ("avg_pool_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("dil_conv_5x5", 2),
        ("max_pool_3x3", 0), ("dil_conv_3x3", 1), ("dil_conv_3x3", 1), ("dil_conv_5x5", 3),
    ],
)  # fmt: skip


class PublishedNetwork(DartsNetwork):
    """With the two reductions of the paper."""

    reductions = 2


pytestmark = pytest.mark.usefixtures("one_thread")


def uniform_cell(name: str) -> Arch:
    """Every operation is the same."""
    pairs = [(name, 0), (name, 1), (name, 0), (name, 2), (name, 1), (name, 3), (name, 3), (name, 4)]
    return from_genotype(pairs, pairs)


def random_archs(n: int) -> list[Arch]:
    rng = random.Random(5)
    return [SPACE.sample(rng) for _ in range(n)]


ARCHS = [*map(uniform_cell, OPERATIONS), DARTS_V2, P_DARTS, *random_archs(6)]


class WrittenAnew:
    """The forward pass with the parameters of a network, taken in the order of their use."""

    def __init__(self, network: DartsNetwork) -> None:
        self.training = network.training
        kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
        self.layers = iter([layer for layer in network.modules() if isinstance(layer, kinds)])

    def __call__(self, arch: Arch, cells: int, x: Tensor) -> Tensor:
        normal, reduce = to_genotype(arch)
        s0 = s1 = self.norm(self.conv(x, padding=1))
        for pairs in [normal] * cells + [reduce] + [normal] * cells:
            s0, s1 = s1, self.cell(pairs, s0, s1, pairs is reduce)
        head = next(self.layers)
        return s1.mean((2, 3)) @ head.weight.T + head.bias

    def cell(self, pairs: list[tuple[str, int]], s0: Tensor, s1: Tensor, reduces: bool) -> Tensor:
        larger = s0.shape[2] > s1.shape[2]
        first = self.factorized(s0) if larger else self.norm(self.conv(s0.relu()))
        nodes = [first, self.norm(self.conv(s1.relu()))]
        for i in range(0, 8, 2):
            total: Any = 0
            for name, source in pairs[i : i + 2]:
                stride = 2 if reduces and source < 2 else 1
                total = total + self.operation(name, nodes[source], stride)
            nodes.append(total)
        return torch.cat(nodes[2:], 1)

    def operation(self, name: str, x: Tensor, stride: int) -> Tensor:
        if name.endswith("pool_3x3"):
            empty = -torch.inf if name == "max_pool_3x3" else torch.nan
            patches = F.pad(x, (1, 1, 1, 1), value=empty).unfold(2, 3, stride).unfold(3, 3, stride)
            patches = patches.flatten(4)
            return patches.amax(4) if name == "max_pool_3x3" else patches.nanmean(4)
        if name == "skip_connect":
            return x if stride == 1 else self.factorized(x)
        kernel = int(name[-1])
        if name.startswith("dil"):
            return self.norm(self.conv(self.conv(x.relu(), stride, kernel - 1, 2)))
        x = self.norm(self.conv(self.conv(x.relu(), stride, kernel // 2)))
        return self.norm(self.conv(self.conv(x.relu(), 1, kernel // 2)))

    def factorized(self, x: Tensor) -> Tensor:
        side, x = x.shape[2], x.relu()
        zeros = F.pad(x, (0, 1, 0, 1))
        last = side + side % 2
        halves = [self.conv(x[:, :, ::2, ::2]), self.conv(zeros[:, :, 1:last:2, 1:last:2])]
        return self.norm(torch.cat(halves, 1))

    def conv(self, x: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
        weight = next(self.layers).weight
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(x.contiguous(), weight, None, stride, padding, dilation, groups)

    def norm(self, x: Tensor) -> Tensor:
        layer = next(self.layers)
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        if not self.training:
            mean, var = layer.running_mean, layer.running_var
        mean, scale, shift = (
            t.reshape(1, -1, 1, 1) for t in (mean, layer.weight / (var + 1e-5).sqrt(), layer.bias)
        )
        return (x - mean) * scale + shift


def counted(network: nn.Module, size: int) -> tuple[int, int]:
    """Parameters of the module, and its multiply-adds from the shapes that pass through it."""
    macs = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        weight = module.weight
        macs += output[0].numel() * weight[0].numel() + (0 if module.bias is None else len(weight))

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network.eval()(torch.zeros(1, 3, size, size))
    return sum(parameter.numel() for parameter in network.parameters()), macs


@pytest.mark.parametrize("arch", ARCHS, ids=SPACE.rank)
@pytest.mark.parametrize(("cells", "size"), [(1, 8), (2, 7)])
def test_it_computes_what_is_written_anew(arch: Arch, cells: int, size: int) -> None:
    network = DartsNetwork(arch, **SHAPE | {"cells": cells}).double()
    initialise(network, arch, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                value.add_(0.4 * noise - 0.2)
    x = torch.randn(6, 3, size, size, dtype=torch.float64, generator=generator)
    for training in (False, True):
        network.train(training)
        expected = WrittenAnew(network)(arch, cells, x).detach()
        torch.testing.assert_close(network(x), expected, rtol=1e-9, atol=1e-9)


def test_layers_lie_where_the_paper_puts_them() -> None:
    """C = 36 and 20 cells, of which cells 6 and 13 reduce."""
    places = list(PublishedNetwork.places(36, 6))
    assert [i for i, place in enumerate(places) if place.reduces] == [6, 13]
    assert [i for i, place in enumerate(places) if place.after_reduction] == [7, 14]
    assert [place.channels for place in places] == [36] * 6 + [72] * 7 + [144] * 7
    assert [place.inputs for place in places[:3]] == [(108, 108), (108, 144), (144, 144)]
    assert places[7].inputs == (144, 288)


@pytest.mark.parametrize(("arch", "parameters"), [(DARTS_V2, 3_349_342), (P_DARTS, 3_433_798)])
def test_published_networks_have_the_known_sizes(arch: Arch, parameters: int) -> None:
    """Without the auxiliary head; the paper rounds the first to 3.3 million.

    The second is reported at https://github.com/chenxin061/pdarts/issues/7
    """
    shape = {"channels": 36, "cells": 6, "image_channels": 3, "n_classes": 10}
    network = PublishedNetwork(arch, **shape)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert PublishedNetwork.arch_numbers(arch, **shape, size=32)["parameters"] == parameters


@pytest.mark.parametrize("arch", ARCHS, ids=SPACE.rank)
def test_a_network_holds_and_does_what_the_closed_form_says(arch: Arch) -> None:
    for kind, cells, size in (
        (DartsNetwork, 1, 14),
        (DartsNetwork, 2, 9),
        (PublishedNetwork, 1, 7),
    ):
        shape = SHAPE | {"cells": cells}
        numbers = kind.arch_numbers(arch, **shape, size=size)
        assert (numbers["parameters"], numbers["macs"]) == counted(kind(arch, **shape), size)
        assert numbers.keys() == kind.arch_columns.keys()


@pytest.mark.parametrize("trains_strides", [True, False])
def test_a_reduction_by_hand(trains_strides: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(darts, "TRAINS_STRIDES", trains_strides)
    layer = FactorizedReduce(1, 2).eval()
    with torch.no_grad():
        layer.even.weight.fill_(1.0)
        layer.odd.weight.fill_(10.0)
        even, odd = layer(torch.arange(-1.0, 8.0).reshape(1, 1, 3, 3))[0]
    scale = (1 + 1e-5) ** 0.5  # of the BatchNorm that has seen nothing
    torch.testing.assert_close(even * scale, torch.tensor([[0.0, 1.0], [5.0, 7.0]]))
    torch.testing.assert_close(odd * scale, torch.tensor([[30.0, 0.0], [0.0, 0.0]]))


def test_members_of_a_class_cost_the_same() -> None:
    shape = SHAPE | {"size": 8}
    changed = 0
    for arch in random_archs(50):
        representative = SPACE.canonical(arch)
        changed += representative != arch
        assert DartsNetwork.cost_terms(arch) == DartsNetwork.cost_terms(representative)
        assert DartsNetwork.arch_numbers(arch, **shape) == DartsNetwork.arch_numbers(
            representative, **shape
        )
    assert changed > 10


def test_cost_terms_count_the_operations() -> None:
    terms = DartsNetwork.cost_terms(DARTS_V2)
    assert len(terms) == 1 + 7 + 2 * 7
    assert Counter({name: n for name, n in terms.items() if n}) == {
        "network": 1,
        "normal sep_conv_3x3": 5,
        "normal skip_connect": 2,
        "normal dil_conv_3x3": 1,
        "reduce max_pool_3x3 with stride 2": 5,
        "reduce skip_connect": 3,
    }
    names = {tuple(DartsNetwork.cost_terms(arch)) for arch in random_archs(20)}
    assert names == {tuple(terms)}


def test_it_is_registered() -> None:
    assert NETWORKS.load("darts") is DartsNetwork
    assert all(map(DartsNetwork.trains, ARCHS))
