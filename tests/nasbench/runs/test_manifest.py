from dataclasses import replace

import pytest

from algorithms.evolution.regularized_evolution import RegularizedEvolution
from algorithms.random_search import RandomSearch
from nasbench.benchmarks.loading import load
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.replay import replay
from nasbench.runs.setup import Setup


@pytest.fixture
def manifest() -> Manifest:
    setup = Setup(
        algorithm="regularized_evolution",
        benchmark="nb201-cifar10",
        budget=Budget(trials=5, seconds=1e6),
        hyperparameters={"population": 3, "sample": 2},
    )
    return setup.prepare().manifest


def test_a_manifest_survives_a_round_trip(manifest):
    for one in (manifest, replace(manifest, family="linear", families=("linear",))):
        assert Manifest.decode(one.encode(), "here") == one


def test_a_replay_by_hand_has_the_manifest_of_the_search(manifest):
    table = load("nb201-cifar10")
    settings = dict(manifest.hyperparameters)
    made = RegularizedEvolution(table.space, fidelities=table.fidelities, seed=0, **settings)
    run = replay(made, table, budget=manifest.budget)
    assert run.manifest == manifest
    assert run.manifest.folder_name.startswith("regularized_evolution-")


def test_a_given_manifest_is_kept(manifest):
    table = load("nb201-cifar10")
    made = RandomSearch(table.space, fidelities=table.fidelities, seed=0)
    assert replay(made, table, budget=Budget(trials=1), manifest=manifest).manifest is manifest


@pytest.mark.parametrize("document", [None, [], "text", {}, {"name": "a web page"}])
def test_what_is_not_a_manifest_is_refused(document):
    with pytest.raises(RecordError, match="here is not a manifest of run records"):
        Manifest.decode(document, "here")


@pytest.mark.parametrize("name", ["benchmark", "hyperparameters", "budget", "workers", "preset"])
def test_a_manifest_that_lacks_something_is_refused(manifest, name):
    document = manifest.encode()
    del document[name]
    with pytest.raises(RecordError, match=f"incomplete manifest.*{name}"):
        Manifest.decode(document, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [("budget", {"trials": -1}), ("budget", 7), ("fidelities", 3), ("benchmark", "toy")],
)
def test_a_manifest_with_an_impossible_value_is_refused(manifest, name, value):
    with pytest.raises(RecordError, match="here: incomplete manifest"):
        Manifest.decode(manifest.encode() | {name: value}, "here")


def test_a_manifest_of_a_later_version_is_refused(manifest):
    with pytest.raises(RecordError, match="does not know: 'colour'"):
        Manifest.decode(manifest.encode() | {"colour": "red"}, "here")


def test_a_hyperparameter_that_json_cannot_hold_is_refused(manifest):
    strange = replace(manifest, hyperparameters={"population": object()})
    with pytest.raises(RecordError, match="cannot be written as JSON"):
        strange.folder_name  # noqa: B018
