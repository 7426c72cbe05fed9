"""Groups of sequence models against the reference loop, and against each other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from data_builders.task_recipe import TaskRecipe
from data_builders.tasks.recall import Recall
from data_builders.tasks.state import State
from data_builders.training import task_reference as reference
from data_builders.training.batched import token_group
from data_builders.training.batched.token_group import TokenGroup, train_group
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES, Training
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch

TASK = Recall(length=24, pairs=6, queries=4, keys=32, values=32)
RECIPE = TaskRecipe(
    network="seqmix", task=TASK, width=8, heads=2, train=80, valid=20, test=24, epochs=2, batch=8,
    clip=0.3,
)  # fmt: skip
VALID, TEST = TASK.held_out(RECIPE.valid, RECIPE.test)
# Every mixer in every layer, every depth, and one twice.
ARCHS: list[Arch] = [
    (0, 0, 0, 0),
    *(tuple((first + layer) % 6 + 1 for layer in range(4)) for first in range(6)),
    (6, 0, 0, 0),
    (2, 5, 0, 0),
    (4, 4, 1, 0),
    (2, 5, 0, 0),
]

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]

pytestmark = pytest.mark.usefixtures("one_thread")


def trained(archs: list[Arch], device: str = "cpu") -> list[Training]:
    return train_group(archs, 1, RECIPE, VALID, TEST, dtype=torch.float64, device=device)


def difference(ours: Training, theirs: Training) -> float:
    assert ours.status == theirs.status
    return max(float(np.abs(ours.curves[n] - theirs.curves[n]).max()) for n in CURVES)


@pytest.mark.parametrize("device", DEVICES)
def test_twenty_steps_of_all_mixers_in_all_layers_are_the_reference(device: str) -> None:
    for arch, ours in zip(ARCHS, trained(ARCHS, device), strict=True):
        alone = reference.train(arch, 1, RECIPE, VALID, TEST, dtype=torch.float64)
        assert difference(ours, alone) < (1e-11 if device == "cpu" else 1e-9), arch


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_training_twice_is_the_same_to_the_bit(device: str) -> None:
    ours, again = (train_group(ARCHS, 1, RECIPE, VALID, TEST, device=device) for _ in range(2))
    assert [difference(*pair) for pair in zip(ours, again, strict=True)] == [0] * len(ARCHS)


def test_weights_after_some_steps_are_those_of_networks_alone() -> None:
    recipe = replace(RECIPE, task=State(length=16, modulus=5), train=24, epochs=1)
    group = TokenGroup(ARCHS, 0, recipe, *recipe.task.held_out(8, 8), dtype=torch.float64)
    group.epoch(0)
    for model, arch in enumerate(ARCHS):
        network = reference.build_network(arch, recipe).double()
        initialise(network, arch, 0)
        adamw = reference.optimizer(network, recipe)
        for step in range(recipe.steps):
            adamw.param_groups[0]["lr"] = reference.learning_rate(recipe, step)
            batch = reference.tensors(recipe.task.batch(0, step, recipe.batch))
            reference.update(network, adamw, *batch, recipe)
        ours, theirs = group.network.state(model), dict(network.named_parameters())
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert torch.allclose(value, theirs[name], rtol=0, atol=1e-11), (arch, name)


def test_a_training_does_not_depend_on_its_group() -> None:
    together = trained(ARCHS)
    reverse = trained(ARCHS[::-1])[::-1]
    for ours, theirs in zip(together, reverse, strict=True):
        assert difference(ours, theirs) < 1e-11
    assert difference(together[8], together[10]) == 0
    for some in (ARCHS[:1], ARCHS[3:5]):
        for arch, ours in zip(some, trained(some), strict=True):
            assert difference(ours, together[ARCHS.index(arch)]) < 1e-11


@pytest.mark.parametrize("device", DEVICES)
def test_a_model_that_fails_leaves_the_others_alone(device: str) -> None:
    groups = [
        TokenGroup(ARCHS, 1, RECIPE, VALID, TEST, dtype=torch.float64, device=device)
        for _ in range(2)
    ]
    _, models, head = groups[1].network.sites()[2]
    with torch.no_grad():
        head[models.index(3)] = float("nan")
    sound, failed = (group.epoch(0) for group in groups)
    others = [model for model in range(len(ARCHS)) if model != 3]
    assert np.isnan(failed[3, 0])
    assert np.array_equal(sound[others], failed[others])


def test_evaluation_does_not_depend_on_how_many_sequences_are_answered_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = TokenGroup(ARCHS, 0, RECIPE, VALID, TEST, dtype=torch.float64)
    whole = group.evaluate()
    monkeypatch.setattr(token_group, "EVALUATED", {"cpu": 7})
    assert np.allclose(group.evaluate(), whole, rtol=0, atol=1e-12)


def test_low_precision_features_stay_close() -> None:
    ours = train_group(ARCHS, 1, RECIPE, VALID, TEST, activations=torch.bfloat16)
    exact = train_group(ARCHS, 1, RECIPE, VALID, TEST)
    losses = np.array([[t.curves["train_loss"][0] for t in group] for group in (ours, exact)])
    assert np.abs(losses[0] - losses[1]).max() < 0.1 * losses.mean()
    assert not np.array_equal(*losses)


@pytest.mark.parametrize(
    ("archs", "recipe", "message"),
    [([], RECIPE, "at least one"), (ARCHS, replace(RECIPE, network="lite201"), "'seqmix'")],
)
def test_what_is_refused(archs: list[Arch], recipe: TaskRecipe, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        train_group(archs, 0, recipe, VALID, TEST)
