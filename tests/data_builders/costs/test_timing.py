"""What a calibration times, and how often."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from data_builders.costs.stopwatch import Stopwatch, Work
from data_builders.costs.timing import TIMED, measure
from data_builders.images.datasets import Split, load_split
from data_builders.plan import load_plan
from data_builders.recipe import LATENCY_BATCH
from data_builders.training import reference as training
from data_builders.training.image_course import ImageCourse
from data_builders.training.initial_values import initialise
from nasbench.space import Arch

RECIPE = replace(
    load_plan("lite201-digits").recipe, channels=4, train=64, valid=64, test=64, epochs=5, batch=16
)
SINGLES: list[Arch] = [(0, 0, 0, option, 0, 0) for option in (1, 2)]


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split(RECIPE)


@pytest.mark.parametrize("interleaved", [True, False])
def test_every_round_times_everything(split: Split, interleaved: bool) -> None:
    """Work number w (three an architecture) takes 10 w + n seconds the n-th time."""
    log: list[int] = []
    prepared = 0

    def prepare(_: Work) -> Callable[[], float]:
        nonlocal prepared
        number = prepared
        prepared += 1

        def once() -> float:
            log.append(number)
            return 10.0 * number + log.count(number)

        return once

    watch = Stopwatch("cpu", 2, interleaved, prepare, min, "by hand")
    times = measure(SINGLES, ImageCourse(RECIPE, split), watch)
    assert TIMED == {"step": 5, "validation": 1, "latency": 5}
    # The first of six is a warm-up; the validation, which is long, has none.
    assert times.tolist() == [[2.0, 11.0, 22.0], [32.0, 41.0, 52.0]]
    first, second = ([0] * 6 + [1] + [2] * 6), ([3] * 6 + [4] + [5] * 6)
    assert log == (first + second + first + second if interleaved else first * 2 + second * 2)


def test_what_is_timed_is_a_step_a_validation_and_an_answer(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    arch: Arch = (3, 0, 2, 1, 0, 4)
    data = training.tensors(split)
    x, y = data["train"].x[: RECIPE.batch], data["train"].y[: RECIPE.batch]
    built: list[nn.Module] = []
    seen: list[tuple[int, bool]] = []
    build = training.build_network

    def recorded(*arguments: Any) -> nn.Module:
        network = build(*arguments)

        def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen.append((len(inputs[0]), module.training))

        network.register_forward_pre_hook(look)
        built.append(network)
        return network

    monkeypatch.setattr(training, "build_network", recorded)
    for work in ImageCourse(RECIPE, split).works("cpu")(arch):
        work()
    assert seen == [(RECIPE.batch, True), (RECIPE.valid, False), (LATENCY_BATCH, False)]
    reference = build(arch, RECIPE, split)
    initialise(reference, arch, 0)
    training.step(reference, training.optimizer(reference, RECIPE), x, y, 0.0)
    for ours, theirs in zip(built[0].parameters(), reference.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours, theirs)
        assert torch.equal(ours.grad, theirs.grad)
