"""Supernets of tables: a path is the stand-alone network; what a mixture is; what it costs."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import nasbench
from data_builders.images.datasets import load_split
from data_builders.networks.lite201 import Lite201
from data_builders.networks.nb201 import NB201Network
from data_builders.networks.seqmix import SeqMixNetwork
from data_builders.supernets.factory import SupernetFactory
from data_builders.supernets.image_ingredients import ImageHalves
from data_builders.supernets.recorded import recorded
from data_builders.supernets.shared201 import Shared201, SharedCell, _shuffled
from data_builders.supernets.shared_network import Mixture
from data_builders.supernets.shared_seqmix import SharedSeqMix
from data_builders.supernets.table_supernet import TableSupernet
from data_builders.supernets.task_ingredients import TaskHalves
from data_builders.task_recipe import TaskRecipe, made_task
from data_builders.training.initial_values import initialise
from data_builders.training.reference import tensors
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError
from nasbench.runs.fingerprints.fingerprint import code_files
from nasbench.spaces import seqmix
from nasbench.spaces.nb201 import NB201, live_edges

CELLS = [(3, 2, 4, 1, 3, 2), (1, 1, 1, 1, 1, 1), (4, 0, 3, 0, 0, 2), (0, 0, 0, 3, 0, 0)]


@pytest.fixture(scope="module")
def digits() -> TableBenchmark:
    benchmark = nasbench.load("lite201-digits")
    assert isinstance(benchmark, TableBenchmark)
    return benchmark


@pytest.fixture(scope="module")
def factory(digits: TableBenchmark) -> SupernetFactory:
    return SupernetFactory(digits, dtype=torch.float64)


def mixture(gates: torch.Tensor, active: Any = None, **changes: Any) -> Mixture:
    active = [[True] * gates.shape[1]] * len(gates) if active is None else active
    values: dict[str, Any] = {
        "edges": None,
        "ghosts": None,
        "drop_path": 0.0,
        "skip_dropout": 0.0,
    }
    generator = torch.Generator().manual_seed(0)
    return Mixture(gates=gates, active=active, generator=generator, **values | changes)


def one_hot(arch: tuple[int, ...], n: int) -> torch.Tensor:
    return F.one_hot(torch.tensor(arch), n).double()


def path(arch: tuple[int, ...], n: int) -> Mixture:
    gates = one_hot(arch, n)
    return mixture(gates, gates.bool().tolist())


def stand_alone(kind: Any, shared: Shared201, arch: tuple[int, ...]) -> nn.Module:
    """The network of a cell with the weights of a shared one."""
    network = kind(arch, channels=4, cells=2, image_channels=1, n_classes=10).double()
    weights = dict(shared.skeleton.named_parameters())
    with torch.no_grad():
        for name, value in network.named_parameters():
            *_, edge = name.partition(".edges.")
            if not edge:
                value.copy_(weights[name])
            elif edge.endswith("conv.weight"):
                number = int(edge.split(".")[0])
                stage, cell = (int(part) for part in name.split(".")[1:3])
                value.copy_(shared.stages[stage][cell].weight(number, arch[number]))
    return network


@pytest.mark.parametrize("kind", [Lite201, NB201Network])
def test_a_path_of_a_cell_is_the_stand_alone_network(kind: Any) -> None:
    shared = Shared201(kind, channels=4, cells=2, image_channels=1, n_classes=10).double()
    initialise(shared, (), 0)
    rng = random.Random(0)
    x = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    archs = CELLS + [NB201().sample(rng) for _ in range(20)]
    for arch in (arch for arch in archs if any(live_edges(arch))):
        expected = stand_alone(kind, shared, arch)(x)
        found = shared(x, path(arch, 5))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


def test_a_dropped_decision_adds_nothing_for_an_example_and_others_more() -> None:
    """The mixture of every edge, whatever its options, is dropped as a whole (RobustDARTS)."""
    cell = SharedCell(4, 1).double()
    initialise(cell, (), 0)
    x = torch.randn(400, 4, 5, 5, dtype=torch.float64)
    gates = torch.rand(6, 5, dtype=torch.float64)
    active = [[False] * 5 for _ in range(6)]
    active[3] = [True] * 5  # the edge from node 0 to node 3 alone
    whole = cell(x, mixture(gates, active))
    dropped = cell(x, mixture(gates, active, drop_path=0.25))
    ratio = (dropped / whole).flatten(1)
    kept = ratio[:, 0] > 0.5
    torch.testing.assert_close(ratio[kept], torch.full_like(ratio[kept], 4 / 3))
    assert (ratio[~kept] == 0).all()
    assert 0.65 < kept.double().mean() < 0.85


def test_a_path_of_a_sequence_model_is_the_stand_alone_network() -> None:
    sizes = {"width": 16, "heads": 2, "vocabulary": 11, "length": 12}
    shared = SharedSeqMix(**sizes).double()
    tokens = torch.randint(0, 11, (5, 12), generator=torch.Generator().manual_seed(0))
    rng = random.Random(1)
    for _ in range(15):
        arch = seqmix.SeqMix().sample(rng)
        network = SeqMixNetwork(arch, **sizes).double()
        kept = [number for number, option in enumerate(arch) if option]
        with torch.no_grad():
            network.embedding.weight.copy_(shared.embedding.weight)
            network.head.weight.copy_(shared.head.weight)
            network.norm.weight.copy_(shared.norm.weight)
            for block, number in zip(network.blocks, kept, strict=True):
                name = seqmix.MIXERS[arch[number]]
                block.norm.weight.copy_(shared.norms[number][name].weight)
                block.mixer.load_state_dict(shared.layers[number][name].state_dict())
        found = shared(tokens, path(arch, 7))
        torch.testing.assert_close(found, network(tokens), rtol=0, atol=1e-11)


class PlainCell(nn.Module):
    """A mixture operation by operation, edge by edge."""

    def __init__(self, cell: Any, gates: torch.Tensor) -> None:
        super().__init__()
        self.cell, self.gates = cell, gates

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nodes: list[Any] = [x, 0.0, 0.0, 0.0]
        for edge, (source, target) in enumerate([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]):
            h = nodes[source]
            options = [torch.zeros_like(x), h]
            for option, padding in ((2, 0), (3, 1)):
                y = F.conv2d(F.relu(h), self.cell.weight(edge, option), padding=padding)
                mean, var = y.mean(dim=(0, 2, 3)), y.var(dim=(0, 2, 3), unbiased=False)
                options.append((y - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt())
            options.append(F.avg_pool2d(h, 3, 1, 1, count_include_pad=False))
            mixed = sum(g * y for g, y in zip(self.gates[edge], options, strict=True))
            nodes[target] = nodes[target] + mixed
        return nodes[3]


def test_a_mixture_is_the_weighted_sum_of_all_options() -> None:
    shared = Shared201(Lite201, channels=4, cells=1, image_channels=1, n_classes=10).double()
    initialise(shared, (), 0)
    gates = torch.rand(6, 5, dtype=torch.float64).requires_grad_()
    cell = shared.skeleton.stages[0][0]
    x = torch.randn(3, 4, 8, 8, dtype=torch.float64)
    found, expected = cell(x, mixture(gates)), PlainCell(cell, gates)(x)
    torch.testing.assert_close(found, expected)
    for a, b in zip(
        torch.autograd.grad(found.square().sum(), [gates, *cell.parameters()]),
        torch.autograd.grad(expected.square().sum(), [gates, *cell.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_partial_channels_pass_by_and_are_shuffled() -> None:
    x = torch.arange(6.0).view(1, 6, 1, 1)
    assert _shuffled(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    shared = Shared201(
        Lite201, channels=4, cells=1, image_channels=1, n_classes=10, partial=2
    ).double()
    initialise(shared, (), 0)
    cell = shared.skeleton.stages[0][0]
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    edges = torch.tensor([0.0, 0.0, 0.0, 2.0, 0.0, 0.0], dtype=torch.float64)
    gates = torch.zeros(6, 5, dtype=torch.float64)
    gates[:, 1] = 3.0
    found = cell(x, mixture(gates, edges=edges))
    expected = 2 * _shuffled(torch.cat([3 * x[:, :2], x[:, 2:]], dim=1), 2)
    torch.testing.assert_close(found, expected)
    with pytest.raises(InvalidArgumentError, match="partial = 3"):
        Shared201(Lite201, channels=4, cells=1, image_channels=1, n_classes=10, partial=3)


def test_ghosts_add_the_gates_of_what_is_not_computed(factory: SupernetFactory) -> None:
    net = factory(seed=0)
    batch = next(net.train_batches(0))
    active = one_hot((3, 1, 2, 4, 3, 2), 5).bool()
    gates = active.double().requires_grad_()
    plain = net.answer(batch, gates, active=active)
    ghostly = net.answer(batch, gates, active=active, ghosts=True)
    assert ghostly.loss.item() == pytest.approx(plain.loss.item(), rel=1e-12)
    (without,) = torch.autograd.grad(plain.loss, [gates])
    (gradient,) = torch.autograd.grad(ghostly.loss, [gates])
    assert (without[~active] == 0).all()
    assert (gradient[~active] != 0).any()
    torch.testing.assert_close(gradient[active], without[active])


def test_dropping_keeps_the_mean() -> None:
    x = torch.ones(20_000)
    kept = mixture(torch.ones(1, 1)).kept(x, (20_000,), 0.3)
    assert kept.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    assert kept.mean().item() == pytest.approx(1.0, abs=0.02)


def test_a_call_costs_what_the_calibration_says(
    factory: SupernetFactory, digits: TableBenchmark
) -> None:
    ingredients, calibration = recorded(digits.table.metadata.recipe, "digits")
    net = factory(seed=0)
    batch = next(net.train_batches(0))
    network, skip, conv1, conv3, pool = calibration.step
    net.answer(batch, torch.ones(6, 5, dtype=torch.float64))
    assert net.seconds == pytest.approx(network + 6 * (skip + conv1 + conv3 + pool))
    before = net.seconds
    with torch.no_grad():
        net.path(net.valid(), (3, 3, 3, 0, 1, 2))
    network, skip, conv1, conv3, _ = calibration.validation
    share = len(net.valid().x) / ingredients.recipe.valid
    assert net.seconds - before == pytest.approx(share * (network + skip + conv1 + 3 * conv3))


def charged(net: TableSupernet) -> float:
    """Seconds of a step of all options."""
    batch = next(net.train_batches(0))
    net.answer(batch, torch.ones(6, 5, dtype=torch.float64))
    return net.seconds


def test_what_is_uncharged_costs_nothing_and_draws_nothing(factory: SupernetFactory) -> None:
    net = factory(seed=0)
    batch = next(net.train_batches(0))
    gates = torch.full(net.shape, 0.2, dtype=batch.x.dtype)
    state = net.generator.get_state()
    with net.uncharged():
        net.answer(batch, gates, drop_path=0.5)
        assert net.seconds > 0
        assert not torch.equal(net.generator.get_state(), state)
    assert net.seconds == 0
    assert torch.equal(net.generator.get_state(), state)


def test_more_channels_cost_their_multiply_adds_and_fewer_no_less(
    factory: SupernetFactory,
) -> None:
    """A step with a quarter of the channels takes nine tenths of the time on a CPU."""
    own = charged(factory(seed=0))
    for channels, times in ((2, 1), (4, 1), (8, 1), (16, 4)):
        net = factory(seed=0, channels=channels)
        assert charged(net) == pytest.approx(times * own)
        torch.testing.assert_close(net.costs, times * factory(seed=0).costs)
    assert charged(factory(seed=0, partial=4)) == pytest.approx(own)


def test_all_that_makes_and_prices_a_supernet_is_its_code() -> None:
    images, tasks = (
        {path.name for path in code_files(*SupernetFactory(nasbench.load(table)).code)}
        for table in ("lite201-digits", "seqmix-copy")
    )
    assert {"factory.py", "recorded.py", "halves.py", "calibration.py"} <= images & tasks
    only_images = {"shared201.py", "lite201.py", "datasets.py", "reference.py"}
    only_tasks = {"shared_seqmix.py", "seqmix.py", "mixers.py", "selective_copy.py"}
    assert only_images <= images - tasks
    assert only_tasks <= tasks - images
    assert not {"recall.py", "fit.py", "stopwatch.py"} & (images | tasks)


def test_a_path_costs_what_a_training_step_of_the_network_does(
    factory: SupernetFactory, digits: TableBenchmark
) -> None:
    recipe = recorded(digits.table.metadata.recipe, "digits")[0].recipe
    net = factory(seed=0)
    arch = (3, 3, 3, 2, 1, 4)  # no edge is dead
    for batch in net.train_batches(0):
        net.path(batch, arch)
    epoch = digits.evaluate(arch, epoch=1)
    trained = epoch.seconds - epoch.validation_seconds
    assert net.seconds / net.steps == pytest.approx(trained / recipe.steps, rel=1e-6)


def test_halves_are_training_images_and_share_none(
    factory: SupernetFactory, digits: TableBenchmark
) -> None:
    recipe = recorded(digits.table.metadata.recipe, "digits")[0].recipe
    split = load_split(recipe)
    halves = ImageHalves(recipe, split, 5, 32, torch.float64, "cpu")
    kept = {
        half: [x.numpy().tobytes() for b in halves.batches(half, 0) for x in b.x]
        for half in ("weights", "gates")
    }
    train = {x.numpy().tobytes() for x in tensors(split, torch.float64)["train"].x}
    weights, gates = set(kept["weights"]), set(kept["gates"])
    assert not weights & gates
    assert weights | gates == train
    assert {x.numpy().tobytes() for x in halves.judged().x} == gates
    other = [x.numpy().tobytes() for b in halves.batches("weights", 1) for x in b.x]
    assert set(other) == weights
    assert other != kept["weights"]
    with pytest.raises(InvalidArgumentError, match="batch_size = 161"):
        ImageHalves(recipe, split, 5, 161, torch.float64, "cpu")


def test_sequences_are_new_in_every_step_and_differ_between_halves() -> None:
    values = {"name": "copy", "length": 24, "copied": 6, "symbols": 8}
    recipe = TaskRecipe(
        network="seqmix",
        task=made_task(values, "test"),
        width=16,
        heads=2,
        train=64,
        valid=32,
        test=32,
        epochs=2,
        batch=16,
    )
    halves = TaskHalves(recipe, 0, 16, "cpu")
    assert halves.steps == 2
    batches = [b for half in ("weights", "gates") for e in (0, 1) for b in halves.batches(half, e)]
    batches.append(halves.judged())
    rows = [row.numpy().tobytes() for batch in batches for row in batch.x]
    assert len(set(rows)) == len(rows) == 8 * 16 + 32


def test_judging_in_parts_is_the_mean_of_the_parts(factory: SupernetFactory) -> None:
    net = factory(seed=0)
    x = torch.randn(1_100, 1, 8, 8, dtype=torch.float64)
    batch = type(net.valid())(x, torch.randint(0, 10, (1_100,)))
    with torch.no_grad():
        whole = net.path(batch, (3, 1, 1, 1, 1, 1))
        parts = [
            net.path(type(batch)(a, b), (3, 1, 1, 1, 1, 1))
            for a, b in zip(x.tensor_split(3), batch.y.tensor_split(3), strict=True)
        ]
    sizes = np.array([len(part) for part in x.tensor_split(3)]) / 1_100
    assert whole.accuracy == pytest.approx(sizes @ [part.accuracy for part in parts])
    assert whole.loss.item() == pytest.approx(sizes @ [part.loss.item() for part in parts])


@pytest.mark.parametrize("name", ["nb201-cifar10", "fcnet-protein"])
def test_tables_of_others_have_no_supernet(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not trained by this suite"):
        SupernetFactory(nasbench.load(name))


def test_a_surrogate_has_no_supernet() -> None:
    with pytest.raises(InvalidArgumentError, match="is a surrogate"):
        SupernetFactory(nasbench.load("darts-fashion-surrogate"))


def test_the_same_seed_gives_the_same_supernet(factory: SupernetFactory) -> None:
    first, again, other = factory(seed=1), factory(seed=1), factory(seed=2)
    values = [torch.cat([w.flatten() for w in net.weights()]) for net in (first, again, other)]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])
    batches = [next(net.train_batches(0)).x for net in (first, again, other)]
    assert torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])


def test_other_weights_can_be_asked_and_have_gradients(factory: SupernetFactory) -> None:
    net = factory(seed=0)
    batch = next(iter(net.train_batches(0)))
    arch = CELLS[0]
    others = [(w.detach() * 1.1 + 0.01).requires_grad_() for w in net.weights()]
    before, plain = net.seconds, net.path(batch, arch)
    answer, charged = net.path(batch, arch, weights=others), net.seconds - before
    found = torch.autograd.grad(answer.loss, others)
    assert torch.equal(net.path(batch, arch).loss, plain.loss)  # its own are untouched
    assert charged == pytest.approx(2 * (net.seconds - before - charged))
    with torch.no_grad():
        for weight, other in zip(net.weights(), others, strict=True):
            weight.copy_(other)
        judged = net.path(net.valid(), arch), net.path(net.valid(), arch, weights=others)
    assert judged[0] == judged[1]
    expected = net.path(batch, arch)
    assert torch.equal(answer.loss, expected.loss)
    for a, b in zip(found, torch.autograd.grad(expected.loss, net.weights()), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("change", [{"batch_size": 0}, {"batch_size": 161}, {"channels": 0}])
def test_sizes_that_are_not_possible_are_refused(factory: SupernetFactory, change: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(change))):
        factory(seed=0, **change)
