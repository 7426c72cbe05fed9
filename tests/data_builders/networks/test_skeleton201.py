"""Costs of networks by closed form against what a built network holds, does and keeps."""

import random
from itertools import chain, combinations, permutations, product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import vjp
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F

from data_builders.network import Network
from data_builders.networks.lite201 import Lite201
from data_builders.networks.nb201 import NB201Network
from data_builders.networks.skeleton201 import Cell, Skeleton201
from nasbench.space import Arch
from nasbench.spaces.nb201 import NB201, classes, live_edges, published_string

NONE, SKIP, CONV1, CONV3, POOL = range(5)
SKELETONS = [Lite201, NB201Network]
SHAPE = {"channels": 4, "cells": 2, "image_channels": 3, "n_classes": 5}
BATCH = 7  # the first dimension of no parameter
SINGLES: list[Arch] = [(0, 0, 0, option, 0, 0) for option in (SKIP, CONV1, CONV3, POOL)]
LIVE = ("parameters", "macs", "activation_bytes")
# A convolution that no signal enters (edge 1->2), one whose output reaches nothing (edge 0->1).
DEAD: list[Arch] = [(0, 0, 3, 2, 2, 0), (3, 0, 0, 1, 0, 0), (2, 4, 3, 3, 0, 0), (0, 2, 3, 0, 2, 1)]


pytestmark = pytest.mark.usefixtures("one_thread")


def random_cells(n: int) -> list[Arch]:
    rng = random.Random(1)
    cells = (tuple(rng.randrange(5) for _ in range(6)) for _ in range(100 * n))
    return [arch for arch in cells if any(live_edges(arch))][:n]


CELLS = [*SINGLES, (CONV3,) * 6, (POOL,) * 6, (SKIP,) * 6, *DEAD, *random_cells(12)]


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


class FrugalPooling(torch.autograd.Function):
    """Average pooling whose gradient knows the shape of the input and not its values."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.AvgPool2d) -> Tensor:
        ctx.shape, ctx.layer = x.shape, layer
        return pooled(x, layer)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        zeros = gradient.new_zeros(ctx.shape)
        return vjp(lambda x: pooled(x, ctx.layer), zeros, gradient)[1], None


def pooled(x: Tensor, layer: nn.AvgPool2d) -> Tensor:
    return F.avg_pool2d(
        x, layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad
    )


def kept_bytes(network: nn.Module, x: Tensor) -> int:
    """Bytes of one image in the tensors that autograd keeps, each storage once."""
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if len(tensor) == BATCH and tensor is not x:
            kept[tensor.data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        network(x)
    return sum(tensor[0].nbytes for tensor in kept.values())


def gradients(network: nn.Module, x: Tensor) -> list[Tensor]:
    y = torch.arange(BATCH) % SHAPE["n_classes"]
    return list(torch.autograd.grad(F.cross_entropy(network(x), y), list(network.parameters())))


@pytest.mark.parametrize("arch", CELLS, ids=str)
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_a_network_holds_and_does_what_the_closed_form_says(
    skeleton: type[Skeleton201], arch: Arch
) -> None:
    for size in (8, 14, 9):  # 14 becomes 7, then 3 or 4
        numbers = skeleton.arch_numbers(arch, **SHAPE, size=size)
        assert (numbers["parameters"], numbers["macs"]) == counted(skeleton(arch, **SHAPE), size)


@pytest.mark.parametrize("arch", CELLS, ids=str)
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_activations_are_those_that_the_gradients_need(
    skeleton: type[Skeleton201], arch: Arch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch keeps the input of a pooling too: without it, the gradients are the same."""
    network = skeleton(arch, **SHAPE)
    for size in (8, 14):
        x = torch.randn(BATCH, 3, size, size, generator=torch.Generator().manual_seed(size))
        usual = gradients(network, x)
        with monkeypatch.context() as patch:
            patch.setattr(nn.AvgPool2d, "forward", lambda layer, x: FrugalPooling.apply(x, layer))
            expected = skeleton.arch_numbers(arch, **SHAPE, size=size)["activation_bytes"]
            assert kept_bytes(network, x) == expected
            frugal = gradients(network, x)
        assert all(torch.equal(a, b) for a, b in zip(usual, frugal, strict=True))


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_as_written_counts_dead_convolutions(skeleton: type[Skeleton201]) -> None:
    """A cell without ``none`` is live everywhere; skips instead of ``none`` cost nothing."""
    for arch in NB201().archs():
        if sum(arch) % 5 == 0:
            full = skeleton.arch_numbers(tuple(o or SKIP for o in arch), **SHAPE, size=8)
            numbers = skeleton.arch_numbers(arch, **SHAPE, size=8)
            for name in LIVE:
                assert numbers[f"written_{name}"] == full[name] == full[f"written_{name}"]
                assert (numbers[f"written_{name}"] == numbers[name]) == all(
                    live or option not in (CONV1, CONV3)
                    for live, option in zip(live_edges(arch), arch, strict=True)
                )


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_costs_are_linear_in_the_terms_of_the_fit(skeleton: type[Skeleton201]) -> None:
    """So a calibration includes constant + a MACs + b bytes, whatever it was fitted on."""

    def costs(arch: Arch) -> list[int]:
        numbers = skeleton.arch_numbers(arch, **SHAPE, size=8)
        return [int(numbers[name]) for name in LIVE]

    constant = costs((0,) * 6)
    of_term = [
        constant,
        *([a - b for a, b in zip(costs(one), constant, strict=True)] for one in SINGLES),
    ]
    for arch in classes():
        amounts = skeleton.cost_terms(arch).values()
        for i, cost in enumerate(costs(arch)):
            assert cost == sum(n * of[i] for n, of in zip(amounts, of_term, strict=True))


def test_members_of_a_class_have_the_numbers_of_their_representative() -> None:
    for representative, members in classes().items():
        numbers = Lite201.arch_numbers(representative, **SHAPE, size=8)
        for arch in members:
            of_member = Lite201.arch_numbers(arch, **SHAPE, size=8)
            assert [of_member[name] for name in LIVE] == [numbers[name] for name in LIVE]
            assert Lite201.trains(arch) == Lite201.trains(representative)


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_cost_terms_count_live_operations(skeleton: type[Skeleton201]) -> None:
    names = ["network", "live skip_connect", "live nor_conv_1x1", "live nor_conv_3x3"]
    names.append("live avg_pool_3x3")
    for arch in CELLS:
        options = [option for option, live in zip(arch, live_edges(arch), strict=True) if live]
        terms = skeleton.cost_terms(arch)
        assert list(terms) == names
        assert list(terms.values()) == [1, *(options.count(o) for o in (SKIP, CONV1, CONV3, POOL))]
    assert list(skeleton.cost_terms((0,) * 6).values()) == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_numbers_of_an_architecture_are_the_described_ones(skeleton: type[Skeleton201]) -> None:
    network: Network = skeleton
    arch = (2, 0, 1, 0, 1, 1)
    numbers = network.arch_numbers(arch, **SHAPE, size=8)
    assert list(numbers) == list(network.arch_columns)
    assert numbers["published_string"] == published_string(arch)


SPACE = NB201()
CELLS_OF_CLASSES = sorted(set(map(SPACE.canonical, SPACE.archs())))
X = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def kernels(arch: Arch) -> list[list[int]]:
    """Edges with a 1x1 and edges with a 3x3."""
    return [[e for e, option in enumerate(arch) if option == kind] for kind in (CONV1, CONV3)]


def copies(a: Arch, b: Arch) -> list[dict[int, int]]:
    """All ways to give the kernels of ``b`` to ``a``: edges of ``b`` by edges of ``a``."""
    orders = product(*(map(list, permutations(edges)) for edges in kernels(b)))
    return [dict(zip(chain(*kernels(a)), chain(*order), strict=True)) for order in orders]


def answers(arch: Arch, weights: dict[int, Tensor]) -> tuple[Tensor, ...]:
    """Output of a cell, and gradients of a loss with respect to the input and every kernel."""
    cell, x = Cell(arch, 3).double(), X.clone().requires_grad_()
    for edge, weight in weights.items():
        cell.edges[str(edge)].conv.weight.data = weight
    y = cell(x)
    loss = (y - 1).pow(2).mean()
    parameters = [cell.edges[str(edge)].conv.weight for edge in weights]
    return (y.detach(), *torch.autograd.grad(loss, [x, *parameters]))


def distance(a: Arch, b: Arch) -> float:
    """Largest difference of the answers of two cells with the kernels copied as fits best."""
    generator = torch.Generator().manual_seed(1)
    sides = {e: side for edges, side in zip(kernels(b), (1, 3), strict=True) for e in edges}
    weights = {
        e: torch.randn(3, 3, side, side, generator=generator, dtype=torch.float64)
        for e, side in sides.items()
    }
    found = []
    for edges in copies(a, b):
        theirs = answers(b, {edge: weights[edge] for edge in edges.values()})
        ours = answers(a, {mine: weights[edge] for mine, edge in edges.items()})
        found.append(max(float((x - y).abs().max()) for x, y in zip(ours, theirs, strict=True)))
    return min(found)


def test_twins_give_the_same_outputs_and_gradients_with_copied_weights() -> None:
    members: dict[Arch, list[Arch]] = {}
    for arch in CELLS_OF_CLASSES:
        members.setdefault(SPACE.function(arch), []).append(arch)
    twins = [pair for joined in members.values() for pair in combinations(joined, 2)]
    assert len(twins) == 224
    assert max(distance(a, b) for a, b in twins[::4]) < 1e-14


def test_other_classes_do_not() -> None:
    rng = random.Random(0)
    pooled = [a for a in CELLS_OF_CLASSES if POOL in a and sum(map(len, kernels(a))) < 3]
    chosen = []
    while len(chosen) < 60:
        a, b = rng.sample(pooled, 2)
        counts = [[*map(len, kernels(arch))] for arch in (a, b)]
        if counts[0] == counts[1] and SPACE.function(a) != SPACE.function(b):
            chosen.append((a, b))
    assert min(distance(a, b) for a, b in chosen) > 1e-9
