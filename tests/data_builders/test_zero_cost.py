"""Zero-cost scores against slow independent computations."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders import zero_cost
from data_builders.images.datasets import Split, load_split
from data_builders.networks.lite201 import Lite201
from data_builders.networks.skeleton201 import ReluConvBatchNorm
from data_builders.recipe import ImageRecipe
from data_builders.training.image_course import ImageCourse
from data_builders.training.initial_values import initialise
from data_builders.training.reference import build_network
from data_builders.zero_cost import SCORES
from nasbench.space import Arch

NONE, SKIP, CONV1, CONV3, POOL = range(5)
SKIP_ONLY: Arch = (0, 0, 0, SKIP, 0, 0)
MIXED: Arch = (CONV1, SKIP, POOL, CONV3, 0, CONV1)
CELLS: list[Arch] = [SKIP_ONLY, (0, 0, 0, CONV3, 0, 0), (POOL, 0, CONV1, SKIP, POOL, SKIP), MIXED]
TINY = ImageRecipe(
    network="lite201", channels=2, cells=1, dataset="digits", train=64, valid=64, test=64,
    epochs=1, batch=8,
)  # fmt: skip
every_cell = pytest.mark.parametrize("arch", CELLS, ids=str)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split(TINY)


class Subject:
    """An untrained network with its batch; every call makes the network anew."""

    def __init__(self, arch: Arch, split: Split) -> None:
        self.arch = arch
        self.split = split
        self.x, self.y = ImageCourse(TINY, split).first_batch()

    def network(self) -> nn.Module:
        network = build_network(self.arch, TINY, self.split).double()
        initialise(network, self.arch, 0)
        return network

    def score(self, name: str) -> float:
        return SCORES[name].compute(self.network(), self.x, self.y)

    def loss(self, network: nn.Module) -> Tensor:
        return F.cross_entropy(network(self.x), self.y)


@pytest.fixture
def subject(arch: Arch, split: Split) -> Subject:
    return Subject(arch, split)


def weighted(network: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    """The layers whose weights count, by name."""
    modules = network.named_modules()
    return {name: m for name, m in modules if isinstance(m, nn.Conv2d | nn.Linear)}


def paths(network: Lite201, arch: Arch, x: Tensor) -> tuple[Tensor, Tensor]:
    """Flow through absolute weights, and the same with each path counted once a weight on it."""
    norm = 1 / math.sqrt(1 + 1e-5)
    state = {name: value.abs() for name, value in network.state_dict().items()}
    flow, counted = x, torch.zeros_like(x)

    def weigh(
        pair: tuple[Tensor, Tensor], through: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        return through(pair[0]), through(pair[0] + pair[1])

    def conv(name: str) -> Callable[[Tensor], Tensor]:
        kernel = state[name]
        return lambda v: norm * F.conv2d(v, kernel, padding=kernel.shape[2] // 2)

    flow, counted = weigh((flow, counted), conv("stem.0.weight"))
    ends = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    for stage in range(3):
        nodes = [(flow, counted)] + [(0 * flow, 0 * flow)] * 3
        for edge, (source, target) in enumerate(ends):
            pair, name = nodes[source], f"stages.{stage}.0.edges.{edge}.conv.weight"
            if arch[edge] == NONE:
                continue
            if arch[edge] == POOL:
                out = [F.avg_pool2d(v, 3, 1, 1, count_include_pad=False) for v in pair]
                pair = (out[0], out[1])
            elif arch[edge] != SKIP:
                pair = weigh(pair, conv(name))
            nodes[target] = (nodes[target][0] + pair[0], nodes[target][1] + pair[1])
        flow, counted = nodes[3]
        if stage < 2:
            pair = (F.avg_pool2d(flow, 2), F.avg_pool2d(counted, 2))
            flow, counted = weigh(pair, conv(f"reductions.{stage}.1.weight"))
    pair = (norm * flow.mean(dim=(2, 3)), norm * counted.mean(dim=(2, 3)))
    return weigh(pair, lambda v: v @ state["head.weight"].T)


@every_cell
def test_synflow_is_the_sum_over_paths_times_their_weights(subject: Subject) -> None:
    network = subject.network()
    assert isinstance(network, Lite201)
    _, counted = paths(network, subject.arch, torch.ones(1, 1, 8, 8, dtype=torch.float64))
    assert subject.score("synflow") == pytest.approx(counted.sum().item(), rel=1e-12)


@pytest.mark.parametrize(("option", "layers"), [(SKIP, 4), (CONV1, 7), (CONV3, 7), (POOL, 4)])
def test_synflow_of_a_chain_is_layers_times_flow(option: int, layers: int, split: Split) -> None:
    """Tanaka et al.: every layer of a chain carries the whole flow."""
    arch: Arch = (0, 0, 0, option, 0, 0)
    subject = Subject(arch, split)
    network = subject.network().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
        flow = network(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum().item()
    assert subject.score("synflow") == pytest.approx(layers * flow, rel=1e-12)


def exact_log_determinant(matrix: list[list[int]]) -> float:
    """By elimination in fractions; NaN for a singular matrix."""
    rows, product = [[Fraction(v) for v in row] for row in matrix], Fraction(1)
    for i in range(len(rows)):
        pivot = rows[i][i]
        if not pivot:  # of a Gram matrix the determinant is then 0
            return math.nan
        product *= pivot
        for row in rows[i + 1 :]:
            factor = row[i] / pivot
            row[i:] = [a - factor * b for a, b in zip(row[i:], rows[i][i:], strict=True)]
    return math.log(product)


@every_cell
def test_nwot_counts_equal_bits(subject: Subject) -> None:
    codes: list[list[bool]] = [[] for _ in subject.x]

    def note(x: Tensor) -> None:
        for code, image in zip(codes, x, strict=True):
            code += [value > 0 for value in image.flatten().tolist()]

    network = subject.network()
    for module in network.modules():
        if isinstance(module, ReluConvBatchNorm):
            module.register_forward_pre_hook(lambda _, inputs: note(inputs[0]))
    assert isinstance(network, Lite201)
    network.norm.register_forward_hook(lambda _, __, output: note(output))
    network(subject.x)
    kernel = [[sum(a == b for a, b in zip(c, d, strict=True)) for d in codes] for c in codes]
    expected = exact_log_determinant(kernel)
    assert subject.score("nwot") == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert math.isnan(expected) == (subject.arch == SKIP_ONLY)  # which has 32 bits only


@every_cell
def test_jacobian_covariance_image_by_image(subject: Subject) -> None:
    n = len(subject.x)
    network = subject.network()
    x = subject.x.clone().requires_grad_()
    logits, jacobian = network(x), torch.zeros(n, 64, dtype=torch.float64)
    for image in range(n):  # BatchNorm makes the logits of one a function of all
        for k in range(logits.shape[1]):
            (part,) = torch.autograd.grad(logits[image, k], x, retain_graph=True)
            jacobian += part.reshape(n, 64)
    correlation = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = (jacobian[k].numpy() - jacobian[k].numpy().mean() for k in (i, j))
            correlation[i, j] = (a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum())
    ridged = correlation + 1e-5 * np.eye(n)
    expected = -(np.linalg.slogdet(ridged)[1] + np.trace(np.linalg.inv(ridged)))
    assert subject.score("jacob_cov") == pytest.approx(expected, rel=1e-9)


def slopes(subject: Subject, name: str, index: int, h: float = 1e-6) -> float:
    """Central difference of the loss in one weight."""
    network = subject.network()
    weight = weighted(network)[name].weight.data.view(-1)
    losses = []
    with torch.no_grad():
        for sign in (1, -1):
            weight[index] += sign * h
            losses.append(subject.loss(network).item())
            weight[index] -= sign * h
    return (losses[0] - losses[1]) / (2 * h)


@pytest.mark.parametrize("arch", [SKIP_ONLY, (CONV1, 0, 0, 0, POOL, 0)], ids=str)
def test_snip_and_gradient_norm_by_differences(subject: Subject) -> None:
    snip = norm = 0.0
    for name, layer in weighted(subject.network()).items():
        weight = layer.weight.detach().flatten().tolist()
        gradient = [slopes(subject, name, i) for i in range(len(weight))]
        snip += sum(abs(w * g) for w, g in zip(weight, gradient, strict=True))
        norm += math.sqrt(sum(g * g for g in gradient))
    assert subject.score("snip") == pytest.approx(snip, rel=1e-6)
    assert subject.score("grad_norm") == pytest.approx(norm, rel=1e-6)


@every_cell
def test_grasp_by_differences_of_the_gradient(subject: Subject) -> None:
    def gradient(step: float, along: list[Tensor]) -> list[Tensor]:
        network = subject.network()
        weights = [layer.weight for layer in weighted(network).values()]
        with torch.no_grad():
            for weight, direction in zip(weights, along, strict=True):
                weight += step * direction
        return list(torch.autograd.grad(subject.loss(network), weights))

    weights = [layer.weight.detach() for layer in weighted(subject.network()).values()]
    g = gradient(0, weights)
    h = 1e-6
    ahead, back = gradient(h, g), gradient(-h, g)
    expected = -sum(
        (w * (a - b) / (2 * h)).sum().item() for w, a, b in zip(weights, ahead, back, strict=True)
    )
    assert subject.score("grasp") == pytest.approx(expected, rel=1e-5)


@every_cell
def test_fisher_by_scaling_one_channel_of_one_image(subject: Subject) -> None:
    """The slope of the loss in such a scale is the sum over the pixels of a dL/da."""
    network, h = subject.network(), 1e-5
    scale: dict[str, Any] = {"layer": None}

    def hook(layer: nn.Module, _: Any, output: Tensor) -> Tensor:
        if scale["layer"] is not layer:
            return output
        output = output.clone()
        output[scale["image"], scale["channel"]] *= scale["factor"]
        return output

    expected = 0.0
    for layer in weighted(network).values():
        layer.register_forward_hook(hook)
        for channel in range(layer.weight.shape[0]):
            squares = []
            for image in range(len(subject.x)):
                losses = []
                for factor in (1 + h, 1 - h):
                    scale |= {"layer": layer, "image": image, "channel": channel, "factor": factor}
                    with torch.no_grad():
                        losses.append(subject.loss(network).item())
                squares.append(((losses[0] - losses[1]) / (2 * h)) ** 2)
            expected += 0.5 * sum(squares) / len(squares)
    assert subject.score("fisher") == pytest.approx(expected, rel=1e-5)


@every_cell
def test_zen_by_two_passes(subject: Subject) -> None:
    network = subject.network()
    with torch.no_grad():
        for layer in weighted(network).values():
            layer.weight /= math.sqrt(np.mean(layer.weight.numpy() ** 2))
    z = zero_cost._gaussian("input", subject.x)
    e = zero_cost._gaussian("noise", subject.x)
    features: list[Tensor] = []
    logs: list[float] = []

    def deviations(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        channels = inputs[0].transpose(0, 1).flatten(1).detach().numpy()
        if not features:
            logs.append(math.log(math.sqrt(np.mean([c.std() ** 2 for c in channels]))))

    assert isinstance(network, Lite201)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(deviations)
    network.norm.register_forward_hook(lambda _, __, y: features.append(y.detach().clamp(min=0)))
    network(z)
    network(z + 0.01 * e)
    change = [math.sqrt(((a - b) ** 2).sum().item()) for a, b in zip(*features, strict=True)]
    expected = math.log(sum(change) / len(change)) + sum(logs)
    assert len(logs) == len([m for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert subject.score("zen") == pytest.approx(expected, rel=1e-12)


def test_the_noise_of_zen_is_standard_normal() -> None:
    samples = [zero_cost._gaussian(n, torch.empty(20_000)).numpy() for n in ("input", "noise")]
    for sample in samples:
        assert abs(sample.mean()) < 0.03
        assert sample.std() == pytest.approx(1, abs=0.03)
        assert np.mean(np.abs(sample) < 1) == pytest.approx(math.erf(math.sqrt(0.5)), abs=0.015)
    assert abs(np.corrcoef(samples)[0, 1]) < 0.03


def test_relus_are_seen_however_they_are_called() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.ReLU()(torch.relu(F.relu(x) - 1) - 1).sub(1).relu()

    x = torch.tensor([[5.0, 2.5, -1.0]])
    calls = zero_cost._relu_calls(Net(), x)
    assert [before.tolist() for before, _ in calls] == [
        [[5.0, 2.5, -1.0]], [[4.0, 1.5, -1.0]], [[3.0, 0.5, -1.0]], [[2.0, -0.5, -1.0]]
    ]  # fmt: skip
    assert calls[-1][1].tolist() == [[2.0, 0.0, 0.0]]


def test_what_is_not_defined_is_nan(split: Split) -> None:
    x, y = ImageCourse(TINY, split).first_batch()
    twice = x[[0, 0, 1, 2]]
    network = Subject(MIXED, split).network
    assert np.isnan(zero_cost.nwot(network(), twice, y[:4]))
    blind = network()
    assert isinstance(blind, Lite201)
    blind.head.weight.data.zero_()
    assert np.isnan(zero_cost.jacob_cov(blind, x, y))
    flat = network()
    assert isinstance(flat, Lite201)
    flat.norm.weight.data.zero_()
    assert np.isnan(zero_cost.zen(flat, x, y))
