"""Groups against the reference loop: every architecture as if it were trained alone."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from data_builders.images.datasets import Split, load_split
from data_builders.recipe import ImageRecipe
from data_builders.training import reference as training
from data_builders.training.batched import group as batched
from data_builders.training.batched import layers as stacks
from data_builders.training.batched.convolutions import CONVOLUTIONS, convolutions_of
from data_builders.training.batched.group import Group, fastest_convolution, train_group
from data_builders.training.batched.stacked_lite201 import StackedLite201
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES, Training
from data_builders.training.reference import learning_rate, train
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.space import Arch
from nasbench.spaces.nb201 import live_edges

RECIPE = ImageRecipe(
    network="lite201",
    channels=4,
    cells=1,
    dataset="digits",
    train=32,
    valid=24,
    test=20,
    epochs=3,
    batch=8,
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=5e-3,
    flip=True,
    crop=1,
)
KINDS: list[Arch] = [
    (0, 0, 0, 1, 0, 0),  # the input is the output
    (1, 1, 1, 1, 1, 1),  # only skips
    (0, 0, 0, 2, 0, 0),
    (0, 0, 0, 3, 0, 0),
    (0, 0, 0, 4, 0, 0),
    (3, 3, 3, 3, 3, 3),
    (4, 4, 4, 4, 4, 4),
    (3, 0, 0, 2, 0, 0),  # node 1 leads nowhere
    (0, 3, 0, 2, 0, 0),  # node 2 leads nowhere
    (0, 0, 3, 2, 3, 0),  # convolutions of a node without input
    (3, 0, 1, 0, 0, 4),  # one path
    (1, 0, 1, 0, 0, 1),  # one path of skips
    (2, 2, 0, 0, 3, 3),  # two paths, no direct one
]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split(RECIPE)


def random_archs(n: int, seed: int) -> list[Arch]:
    """Connected cells as written, dead edges and all."""
    rng, archs = random.Random(seed), []
    while len(archs) < n:
        arch = tuple(rng.randrange(5) for _ in range(6))
        if any(live_edges(arch)):
            archs.append(arch)
    return archs


def differences(ours: Training, theirs: Training) -> float:
    assert ours.status == theirs.status
    return max(float(np.abs(ours.curves[n] - theirs.curves[n]).max()) for n in CURVES)


def same_bits(ours: Training, theirs: Training) -> bool:
    return ours.status == theirs.status and all(
        ours.curves[n].dtype == theirs.curves[n].dtype
        and ours.curves[n].tobytes() == theirs.curves[n].tobytes()
        for n in CURVES
    )


class Separate:
    """Networks of their own, trained by the steps of the reference loop."""

    def __init__(
        self, archs: list[Arch], recipe: ImageRecipe, split: Split, dtype: torch.dtype
    ) -> None:
        self.networks = [training.build_network(arch, recipe, split).to(dtype) for arch in archs]
        for network, arch in zip(self.networks, archs, strict=True):
            initialise(network, arch, 0)
        self.optimizers = [training.optimizer(network, recipe) for network in self.networks]

    def step(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> torch.Tensor:
        """Losses summed over the batch."""
        pairs = zip(self.networks, self.optimizers, strict=True)
        losses = [training.step(network, sgd, x, y, rate)[0] for network, sgd in pairs]
        return torch.tensor(losses, dtype=torch.float64)


def largest(ours: dict[str, torch.Tensor], network: torch.nn.Module) -> float:
    """Largest difference of parameters and running statistics."""
    theirs = network.state_dict()
    assert ours.keys() == {n for n in theirs if not n.endswith("num_batches_tracked")}
    return max(float((value - theirs[name]).abs().max()) for name, value in ours.items())


@pytest.mark.parametrize(
    ("dtype", "steps", "of_losses", "of_numbers", "of_logits"),
    [(torch.float64, 20, 1e-12, 1e-11, 1e-11), (torch.float32, 1, 1e-6, 1e-5, 5e-5)],
)
def test_steps_are_those_of_networks_trained_separately(
    dtype: torch.dtype,
    steps: int,
    of_losses: float,
    of_numbers: float,
    of_logits: float,
    split: Split,
) -> None:
    archs = KINDS + random_archs(32 - len(KINDS), seed=1)
    recipe = replace(RECIPE, epochs=steps // RECIPE.steps + 1)
    separate = Separate(archs, recipe, split, dtype)
    group = Group(archs, 0, recipe, split, "channels_last", dtype=dtype)
    data = training.tensors(split, dtype)
    for i in range(steps):
        place = i % recipe.steps * recipe.batch
        x, y = (part[place : place + recipe.batch] for part in (data["train"].x, data["train"].y))
        rate = learning_rate(recipe, i)
        group.loss.zero_()
        group.step(x, y, x.new_tensor(rate))
        losses = separate.step(x, y, rate)
        torch.testing.assert_close(group.loss, losses, rtol=0, atol=of_losses * recipe.batch)
    folded = group.network.folded()
    logits = group.network.logits(data["valid"].x, folded)
    for model, network in enumerate(separate.networks):
        assert largest(group.network.state(model), network) < of_numbers
        network.eval()
        expected = network(data["valid"].x)
        torch.testing.assert_close(logits[model], expected, rtol=0, atol=of_logits)


@pytest.mark.parametrize("convolution", convolutions_of("cpu"))
def test_curves_are_those_of_the_reference_loop(convolution: str, split: Split) -> None:
    archs = [*KINDS[:2], *random_archs(5, seed=2)]
    recipe = replace(RECIPE, cells=2, epochs=2)
    together = train_group(archs, 3, recipe, split, dtype=torch.float64, convolution=convolution)
    for arch, ours in zip(archs, together, strict=True):
        assert differences(ours, train(arch, 3, recipe, split, dtype=torch.float64)) < 1e-11


@settings(max_examples=10)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 4)] * 6).filter(lambda arch: any(live_edges(arch))),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 2**31 - 1),
)
def test_any_group_is_the_reference_loop(archs: list[Arch], seed: int) -> None:
    recipe = replace(RECIPE, train=16, epochs=1)
    split = load_split(recipe)
    options = {"dtype": torch.float64, "convolution": "channels_last"}
    together = train_group(archs, seed, recipe, split, **options)
    assert len(together) == len(archs)
    for arch, ours in zip(archs, together, strict=True):
        assert differences(ours, train(arch, seed, recipe, split, dtype=torch.float64)) < 1e-12


def test_an_architecture_has_the_same_curve_in_every_group(split: Split) -> None:
    options = {"dtype": torch.float64, "convolution": "channels_last"}
    arch, others = (3, 2, 4, 1, 3, 2), random_archs(8, seed=4)
    alone = train_group([arch], 5, RECIPE, split, **options)[0]
    first = train_group([*others[:3], arch, *others[3:]], 5, RECIPE, split, **options)[3]
    second = train_group([arch, *others[::-2], arch], 5, RECIPE, split, **options)
    for ours in (first, second[0], second[-1]):
        assert differences(ours, alone) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("convolution", convolutions_of("cpu"))
def test_a_model_that_fails_changes_no_other(
    convolution: str, dtype: torch.dtype, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    archs, failing = random_archs(7, seed=6), 4
    recipe = replace(RECIPE, epochs=2)
    sound = train_group(archs, 0, recipe, split, dtype=dtype, convolution=convolution)
    spoil(monkeypatch, archs[failing])
    beside = train_group(archs, 0, recipe, split, dtype=dtype, convolution=convolution)
    assert beside[failing].status == "diverged"
    assert all(np.isnan(curve).all() for curve in beside[failing].curves.values())
    for i in set(range(len(archs))) - {failing}:
        assert beside[i].status == "finished"
        if CONVOLUTIONS[convolution].isolates:
            assert same_bits(sound[i], beside[i])
        elif dtype == torch.float64:
            assert differences(sound[i], beside[i]) < 1e-12


def spoil(monkeypatch: pytest.MonkeyPatch, arch: Arch) -> None:
    """Begin the training of an architecture with a number that is not finite, late in the cell."""
    whole = stacks.initial_value

    def spoiled(site: str, shape: tuple[int, ...], of: Arch, seed: int) -> np.ndarray:
        value = whole(site, shape, of, seed)
        return value * np.nan if of == arch and site == "reductions.0.1.weight" else value

    monkeypatch.setattr(stacks, "initial_value", spoiled)


@pytest.mark.parametrize("convolution", convolutions_of("cpu"))
def test_epochs_before_a_failure_are_kept(
    convolution: str, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explodes(recipe: ImageRecipe, step: int) -> float:
        return learning_rate(recipe, step) if step < recipe.steps else 1e150

    monkeypatch.setattr(training, "learning_rate", explodes)
    monkeypatch.setattr(batched, "learning_rate", explodes)
    archs = random_archs(5, seed=7)
    together = train_group(archs, 0, RECIPE, split, dtype=torch.float64, convolution=convolution)
    for arch, ours in zip(archs, together, strict=True):
        theirs = train(arch, 0, RECIPE, split, dtype=torch.float64)
        assert ours.status == theirs.status == "diverged"
        for name in CURVES:
            kept = np.isfinite(theirs.curves[name])
            assert kept.tolist() == [True, False, False]
            np.testing.assert_allclose(ours.curves[name], theirs.curves[name], rtol=0, atol=1e-12)


def test_evaluation_in_pieces_is_the_same(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(KINDS, 0, RECIPE, split, "channels_last", dtype=torch.float64)
    group.epoch(0)
    whole = group.evaluate()
    monkeypatch.setitem(batched.EVALUATED_MODELS, "cpu", 5)
    monkeypatch.setitem(batched.EVALUATED_NUMBERS, "cpu", 7 * 4 * 64 * 5)
    pieces = []
    logits = StackedLite201.logits

    def recorded(network: StackedLite201, x: torch.Tensor, *more: object) -> torch.Tensor:
        pieces.append((len(network.archs), len(x)))
        return logits(network, x, *more)

    monkeypatch.setattr(StackedLite201, "logits", recorded)
    np.testing.assert_allclose(group.evaluate(), whole, rtol=0, atol=1e-12)
    five = [(5, images) for images in (7, 7, 7, 3, 7, 7, 6)]
    assert pieces == [*five, *five, *((3, images) for images in (11, 11, 2, 11, 9))]


def test_features_of_bfloat16_change_little_and_weights_stay(split: Split) -> None:
    exact = Group(KINDS, 0, RECIPE, split, "channels_last")
    rough = Group(KINDS, 0, RECIPE, split, "channels_last", activations=torch.bfloat16)
    ours, theirs = rough.epoch(0), exact.epoch(0)
    assert {t.dtype for t in (*rough.network.parameters(), *rough.network.statistics())} == {
        torch.float32
    }
    assert not np.array_equal(ours, theirs)
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], rtol=0.05)


def test_the_fastest_convolution_is_the_one_measured_so(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    archs = KINDS[3:6]
    assert fastest_convolution(archs, RECIPE, split) in convolutions_of("cpu")

    def seconds(group: Group, n: int) -> list[float]:
        fast = group.network.convolution is CONVOLUTIONS["matmul"]
        return [9.0, 1.0, 1.0] if fast else [2.0, 2.0, 0.1]

    monkeypatch.setattr(Group, "seconds_of_steps", seconds)
    assert fastest_convolution(archs, RECIPE, split) == "matmul"
    chosen = train_group(archs, 0, RECIPE, split)
    named = train_group(archs, 0, RECIPE, split, convolution="matmul")
    assert all(same_bits(a, b) for a, b in zip(chosen, named, strict=True))


def test_a_convolution_that_does_not_work_here_is_left_out(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(group: Group, n: int) -> list[float]:
        if group.network.convolution in broken:
            raise RuntimeError("no kernel image")
        return [1.0]

    monkeypatch.setattr(Group, "seconds_of_steps", seconds)
    monkeypatch.setattr(batched, "convolutions_of", lambda device: ["grouped", "matmul"])
    broken = [CONVOLUTIONS["grouped"]]
    with pytest.warns(UserWarning, match="'grouped' does not work here: no kernel image"):
        assert fastest_convolution(KINDS[3:6], RECIPE, split) == "matmul"
    broken.append(CONVOLUTIONS["matmul"])
    with (
        pytest.warns(UserWarning, match="does not work here: no kernel image"),
        pytest.raises(InvalidArgumentError, match="no convolution works on 'cpu'"),
    ):
        fastest_convolution(KINDS[3:6], RECIPE, split)


class Recorded(TorchDispatchMode):
    """A CUDA graph without CUDA: the kernels of a step, done again on the same memory."""

    FORBIDDEN = frozenset(
        {
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.nonzero.default,
            torch.ops.aten.masked_select.default,
        }
    )
    """Wait for the GPU: their results are numbers, or have as many as the numbers say."""

    def __init__(self, step: Callable[..., None], inputs: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._calls: list[tuple[Any, ...]] = []
        self._inputs = [tensor.clone() for tensor in inputs]
        with self:
            step(*self._inputs)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> torch.Tensor:
        assert func not in self.FORBIDDEN
        result = func(*args, **(kwargs or {}))
        self._calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def __call__(self, *inputs: torch.Tensor) -> None:
        for tensor, value in zip(self._inputs, inputs, strict=True):
            tensor.copy_(value)
        for func, args, kwargs, result in self._calls:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


@pytest.mark.parametrize("activations", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("convolution", convolutions_of("cpu"))
def test_a_recorded_step_is_the_step(
    convolution: str, activations: torch.dtype, split: Split
) -> None:
    """What a CUDA graph needs: nothing waits, and all that changes stays where it is in memory."""

    def group() -> Group:
        dtype = torch.float64 if activations == torch.float64 else torch.float32
        return Group(KINDS, 0, RECIPE, split, convolution, dtype=dtype, activations=activations)

    replayed, expected = group(), group()
    x = torch.randn(RECIPE.batch, 1, 8, 8, dtype=replayed.network.head.dtype)
    y = torch.zeros(RECIPE.batch, dtype=torch.int64)
    before = [tensor.clone() for tensor in replayed._state()]
    recorded = Recorded(replayed.step, [x, y, x.new_ones(())])
    for tensor, value in zip(replayed._state(), before, strict=True):
        tensor.copy_(value)
    replayed.step = recorded
    for epoch in range(RECIPE.epochs):
        np.testing.assert_array_equal(replayed.epoch(epoch), expected.epoch(epoch))


def test_timed_steps_train_nothing(split: Split) -> None:
    group = Group(KINDS, 0, RECIPE, split, "channels_last")
    before = [parameter.clone() for parameter in group.network.parameters()]
    seconds = group.seconds_of_steps(2)
    assert len(seconds) == 2
    assert min(seconds) > 0
    after = group.network.parameters()
    assert all(torch.equal(value, first) for value, first in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("archs", "changes", "convolution", "error", "message"),
    [
        ([], {}, "matmul", InvalidArgumentError, "at least one architecture"),
        (
            [KINDS[0], (3, 0, 0, 0, 0, 3)],
            {},
            "matmul",
            InvalidArgumentError,
            r"\(3, 0, 0, 0, 0, 3\) has no path",
        ),
        (KINDS, {"network": "nb201"}, "matmul", InvalidArgumentError, "'nb201'.*only .*'lite201'"),
        ([(0,) * 32], {"network": "darts"}, "matmul", InvalidArgumentError, "'darts'.*only .*'li"),
        (
            [(0,) * 32],
            {"network": "darts"},
            None,
            InvalidArgumentError,
            "'darts'.*only .*'lite201'",
        ),
        (KINDS, {}, "group", UnknownNameError, "'group'.*grouped"),
    ],
)
def test_what_cannot_be_trained_together_is_refused(
    archs: list[Arch],
    changes: dict[str, str],
    convolution: str | None,
    error: type[Exception],
    message: str,
    split: Split,
) -> None:
    with pytest.raises(error, match=message):
        train_group(archs, 0, replace(RECIPE, **changes), split, convolution=convolution)


def test_another_device_is_refused(split: Split) -> None:
    with pytest.raises(InvalidArgumentError, match=r"device = 'tpu'.*Possible: 'cpu', 'cuda'"):
        train_group(KINDS, 0, RECIPE, split, device="tpu")
