"""Networks by their sizes: what training begins with, and what cannot be built."""

import random

import pytest
import torch

from data_builders import NETWORKS
from data_builders.blueprint import MOST_PARAMETERS, SIZES, Blueprint
from data_builders.images import published
from data_builders.plan import load_plan, shipped
from data_builders.task_recipe import TaskRecipe
from data_builders.training.courses import course_of
from data_builders.training.initial_values import initial_value
from nasbench.errors import IllegalArchError, InvalidArgumentError, UnknownNameError

pytestmark = pytest.mark.usefixtures("one_thread")

CELL = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
TASK = """
id = "tiny"
[recipe]
network = "seqmix"
width = 16
heads = 2
train = 64
valid = 8
test = 8
epochs = 1
batch = 8
[recipe.task]
name = "recall"
length = 24
pairs = 6
queries = 6
keys = 32
values = 30
"""


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_built_by_its_name_alone(name):
    blueprint = Blueprint.of(name)
    assert blueprint.sizes == {size: SIZES[size] for size in blueprint.sizes}
    arch = blueprint.space.canonical(blueprint.space.sample(random.Random(1)))
    model = blueprint.model(arch)
    assert not model.module.training
    assert model.parameters == blueprint.network.arch_numbers(arch, **blueprint.sizes)["parameters"]
    assert model.module(model.example).shape[0] == len(model.example)


def test_weights_are_those_with_which_a_training_of_the_table_begins():
    recipe = load_plan("lite201-digits").recipe
    blueprint = Blueprint.of(plan="lite201-digits")
    model = blueprint.model(CELL, 3)
    arch = blueprint.space.canonical(blueprint.space.from_text(CELL))
    course = course_of(recipe)
    trained = course.scored_network(arch, 3).float().state_dict()
    ours = model.module.state_dict()
    assert ours.keys() == trained.keys()
    assert all(torch.equal(ours[name], trained[name]) for name in ours)
    assert model.example.shape[1:] == course.first_batch()[0].shape[1:]


def test_sizes_of_a_task_are_those_of_its_plan(tmp_path):
    (tmp_path / "tiny.toml").write_text(TASK)
    blueprint = Blueprint.of(plan=str(tmp_path / "tiny.toml"))
    vocabulary = load_plan(str(tmp_path / "tiny.toml")).recipe.task.vocabulary
    assert blueprint.sizes == {"width": 16, "heads": 2, "vocabulary": vocabulary, "length": 24}
    model = blueprint.model("attention-mlp-identity-identity", 5)
    name, weight = next(iter(model.module.named_parameters()))
    expected = torch.tensor(initial_value(name, weight.shape, (1, 6, 0, 0), 5)).float()
    assert torch.equal(weight, expected)


@pytest.mark.parametrize("plan", shipped())
def test_sizes_of_a_plan_need_no_download(plan, monkeypatch, tmp_path):
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    recipe = load_plan(plan).recipe
    if isinstance(recipe, TaskRecipe):
        sizes = Blueprint.of(plan=plan, sizes={"heads": 1}).sizes
        task = {"vocabulary": recipe.task.vocabulary, "length": recipe.task.length}
        assert sizes == {"width": recipe.width, "heads": 1} | task
        return
    sizes = Blueprint.of(plan=plan, sizes={"cells": 3}).sizes
    assert (sizes["channels"], sizes["cells"], sizes["n_classes"]) == (recipe.channels, 3, 10)
    if recipe.dataset in published.PUBLISHED:
        height, _, channels = published.PUBLISHED[recipe.dataset].shape
        assert sizes["size"] == height // recipe.box_mean
        assert sizes["image_channels"] == channels


def test_identical_networks_are_one():
    blueprint = Blueprint.of("seqmix", sizes={"width": 8, "heads": 1, "length": 9})
    one, other = (
        blueprint.model(text)
        for text in ("mlp-identity-attention-identity", "identity-identity-mlp-attention")
    )
    assert one.facts == other.facts
    assert one.facts["arch"] == "mlp-attention-identity-identity"


def test_a_text_says_what_it_is():
    blueprint = Blueprint.of("lite201", sizes={"channels": 4, "cells": 1, "size": 9})
    model = blueprint.model(CELL, 7)
    assert str(model) == (
        f"lite201, images (batch, 3, 9, 9), {model.parameters:,} parameters, initial values of "
        "seed 7"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        ({}, InvalidArgumentError, "say a network"),
        ({"network": "nb201", "plan": "lite201-digits"}, InvalidArgumentError, "one of the two"),
        ({"network": "lite20"}, UnknownNameError, "did you mean 'lite201'"),
        ({"plan": "lite201-digit"}, UnknownNameError, "did you mean 'lite201-digits'"),
        ({"network": "darts", "sizes": {"chanels": 3}}, UnknownNameError, "mean 'channels'"),
        ({"network": "darts", "sizes": {"width": 3}}, UnknownNameError, "no size 'width'"),
        ({"network": "darts", "sizes": {"cells": 0}}, InvalidArgumentError, "cells = 0"),
        ({"network": "darts", "sizes": {"cells": 257}}, InvalidArgumentError, "from 1 to 256"),
        ({"network": "darts", "sizes": {"size": 4097}}, InvalidArgumentError, "from 1 to 4096"),
        ({"network": "darts", "sizes": {"cells": True}}, InvalidArgumentError, "cells = True"),
        ({"network": "darts", "sizes": {"cells": 2.0}}, InvalidArgumentError, "cells = 2.0"),
    ],
)
def test_what_is_no_network(arguments, error, expected):
    with pytest.raises(error, match=expected):
        Blueprint.of(**arguments)


@pytest.mark.parametrize(
    ("sizes", "arch", "seed", "error", "expected"),
    [
        ({}, "|nor_conv_3x3~0|", 0, IllegalArchError, "nor_conv"),
        ({}, (0, 0, 0, 0, 0, 9), 0, IllegalArchError, "9"),
        ({}, (0, 0, 0, 0, 0, 0), 0, InvalidArgumentError, "ignores its input"),
        ({}, CELL, -1, InvalidArgumentError, "seed = -1"),
        ({"size": 3}, CELL, 0, InvalidArgumentError, "cannot be run with channels = 16, .*size"),
        (
            {"channels": 4_096, "cells": 256},
            CELL,
            0,
            InvalidArgumentError,
            f"at most {MOST_PARAMETERS:,}",
        ),
    ],
)
def test_what_cannot_be_built(sizes, arch, seed, error, expected):
    with pytest.raises(error, match=expected):
        Blueprint.of("lite201", sizes=sizes).model(arch, seed)
