"""Groups on a GPU: the same computation in float64."""

import weakref

import numpy as np
import pytest
import torch

from data_builders import NETWORKS
from data_builders.builds.shards import sample_classes
from data_builders.images.datasets import load_split
from data_builders.recipe import ImageRecipe
from data_builders.training.batched import layers as stacks
from data_builders.training.batched.convolutions import CONVOLUTIONS, convolutions_of
from data_builders.training.batched.group import Group, train_group
from data_builders.training.cuda_graph import CapturedStep
from data_builders.training.outcome import CURVES
from data_builders.training.reference import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
NAMES = convolutions_of("cuda")
RECIPE = ImageRecipe(
    network="lite201",
    channels=8,
    cells=1,
    dataset="digits",
    train=320,
    valid=738,
    test=739,
    epochs=8,
    batch=32,
    flip=True,
    crop=1,
)
SHORT = RECIPE.changed({"channels": 4, "train": 64, "valid": 48, "test": 40, "epochs": 3})


@pytest.mark.parametrize("convolution", NAMES)
def test_a_gpu_computes_what_the_reference_loop_does(convolution: str) -> None:
    archs, split = sample_classes(NETWORKS.load("lite201"), 12), load_split(SHORT)
    together = train_group(
        archs, 1, SHORT, split, dtype=torch.float64, device="cuda", convolution=convolution
    )
    for arch, ours in zip(archs, together, strict=True):
        theirs = train(arch, 1, SHORT, split, dtype=torch.float64)
        assert ours.status == theirs.status == "finished"
        for name in CURVES:
            np.testing.assert_allclose(ours.curves[name], theirs.curves[name], rtol=0, atol=1e-9)


@pytest.mark.parametrize("convolution", [n for n in NAMES if CONVOLUTIONS[n].isolates])
def test_a_model_that_fails_on_a_gpu_changes_no_other(
    convolution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archs, split, failing = sample_classes(NETWORKS.load("lite201"), 16), load_split(SHORT), 5
    first = Group(archs, 0, SHORT, split, convolution, device="cuda").epoch(0)
    whole = stacks.initial_value
    monkeypatch.setattr(
        stacks,
        "initial_value",
        lambda site, shape, arch, seed: (
            whole(site, shape, arch, seed) * (np.nan if arch == archs[failing] else 1.0)
        ),
    )
    second = Group(archs, 0, SHORT, split, convolution, device="cuda").epoch(0)
    losses = [i for i, name in enumerate(CURVES) if name.endswith("loss")]
    assert np.isnan(second[failing, losses]).all()
    others = np.delete(np.arange(len(archs)), failing)
    np.testing.assert_array_equal(first[others], second[others])


def test_a_captured_step_does_what_the_step_does() -> None:
    state = torch.zeros(3, device="cuda")

    def step(x: torch.Tensor) -> None:
        state.mul_(0.5).add_(x)

    ones = torch.ones(3, device="cuda")
    captured = CapturedStep(step, [ones], [state], owner=step)
    memory = weakref.ref(step)
    del step
    assert memory() is not None
    assert state.tolist() == [0, 0, 0]
    captured(ones)
    captured(2 * ones)
    assert state.tolist() == [2.5, 2.5, 2.5]
