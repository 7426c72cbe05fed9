from dataclasses import replace

import pytest

from algorithms.evolution.regularized_evolution import RegularizedEvolution
from nasbench.benchmarks.loading import load
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records
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
    for one in (
        manifest,
        replace(manifest, family="linear", families=("linear",)),
        replace(manifest, code="", random_trials=0),  # of a version without fingerprints
        replace(manifest, random_trials=None, test_objectives=("test_accuracy",)),
        replace(manifest, constraints=("macs>=1", "parameters<=0.5")),
    ):
        assert Manifest.decode(one.encode(), "here") == one


def test_only_a_search_under_constraints_names_them(manifest):
    assert "constraints" not in manifest.encode()["benchmark"]
    bound = replace(manifest, constraints=("parameters<=500000",))
    assert bound.encode()["benchmark"]["constraints"] == ["parameters<=500000"]
    assert bound.digest != manifest.digest


@pytest.mark.parametrize("text", ["parameters <= 5", "parameters<=5e0", "parameters<5", ""])
def test_a_constraint_is_written_in_one_way(manifest, text):
    document = replace(manifest, constraints=("parameters<=5",)).encode()
    document["benchmark"]["constraints"] = [text]
    with pytest.raises(RecordError, match="here: incomplete manifest: constraint"):
        Manifest.decode(document, "here")


def test_a_replay_by_hand_has_the_manifest_of_the_search(manifest):
    table = load("nb201-cifar10")
    settings = dict(manifest.hyperparameters)
    made = RegularizedEvolution(table.space, fidelities=table.fidelities, seed=0, **settings)
    run = replay(made, table, budget=manifest.budget)
    assert run.manifest == manifest
    assert run.manifest.folder_name.startswith("regularized_evolution-")


@pytest.mark.parametrize(
    ("random_trials", "n_trials", "is_random"),
    [
        (0, 0, False),
        (0, 1, False),
        (20, 0, False),
        (20, 20, True),
        (20, 21, False),
        (None, 9, True),
    ],
)
def test_a_run_that_ends_before_the_algorithm_learns_is_random_search(
    manifest, random_trials, n_trials, is_random
):
    made = replace(manifest, random_trials=random_trials)
    assert made.is_random_search(n_trials) == is_random


def test_a_manifest_says_what_a_board_must_know():
    budget = Budget(trials=5)
    setup = Setup(
        algorithm="regularized_evolution",
        benchmark="lite201-digits",
        budget=budget,
        objectives=("valid_accuracy", "test_accuracy", "parameters"),
    )
    manifest = setup.prepare().manifest
    assert manifest.test_objectives == ("test_accuracy",)
    assert manifest.random_trials == 100
    assert manifest.code == code_fingerprint(RegularizedEvolution)
    assert manifest.encode()["benchmark"]["test_objectives"] == ["test_accuracy"]
    plain = Setup(algorithm="hyperband", benchmark="nb201-cifar10", budget=budget)
    assert plain.prepare().manifest.random_trials is None
    assert plain.prepare().manifest.test_objectives == ()


def test_the_code_of_an_inner_algorithm_is_part_of_the_manifest():
    def code(inner):
        settings = {"search": inner}
        setup = Setup(
            algorithm="mo_reward",
            benchmark="nb201-cifar10",
            budget=Budget(trials=5),
            hyperparameters=settings,
        )
        return setup.prepare().manifest.code

    assert code("local_search") != code("random_search")


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
    [
        ("budget", {"trials": -1}),
        ("budget", 7),
        ("fidelities", 3),
        ("benchmark", "toy"),
        ("code", 5),
        ("random_trials", "9"),
    ],
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


@pytest.mark.parametrize(
    "changes",
    [
        *({"algorithm": name} for name in ("x/../../y:Cls", "../x", "", ".x:Cls", "x\n", 3)),
        *({"benchmark": name} for name in ("../../escaped", "a/b", "", ".", "x.parquet", 3)),
    ],
)
def test_a_manifest_that_leads_out_of_its_folder_is_refused(manifest, changes):
    with pytest.raises(InvalidArgumentError):
        replace(manifest, **changes)
    document = manifest.encode()
    if "benchmark" in changes:
        document["benchmark"]["id"] = changes["benchmark"]
    else:
        document |= changes
    with pytest.raises(RecordError, match="here: incomplete manifest"):
        Manifest.decode(document, "here")


HUGE = 10**400


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": {"trials": HUGE, "seconds": None, "epochs": None}}, "budget: trials = 1000"),
        ({"budget": {"trials": None, "seconds": None, "epochs": HUGE}}, "budget: epochs = 1000"),
        ({"workers": HUGE}, "workers = 1000"),
        ({"random_trials": HUGE}, "random_trials = 1000"),
        ({"random_trials": -5}, "random_trials = -5 is not in 0..9,007,199,254,740,992"),
        ({"fidelities": [1, HUGE]}, "fidelity = 1000"),
        ({"replicate": 2**63}, "replicate = 9223372036854775808 is not in"),
        ({"replicate": -1}, "replicate = -1 is not in"),
        ({"hyperparameters": {"x": "\ud800"}}, "cannot be written as JSON in UTF-8"),
        ({"hyperparameters": {"\udfff": 1}}, "cannot be written as JSON in UTF-8"),
        ({"hyperparameters": {"x": "A" * 2**16}}, r"has 66,\d\d\d bytes; at most 65,536"),
    ],
)
def test_what_no_board_can_show_is_refused(manifest, change, message):
    with pytest.raises(RecordError, match=f"here: .*{message}"):
        Manifest.decode(manifest.encode() | change, "here")


def test_a_version_that_no_board_can_show_is_refused(manifest):
    document = manifest.encode()
    document["benchmark"]["version"] = HUGE
    with pytest.raises(RecordError, match="version = 1000"):
        Manifest.decode(document, "here")


@pytest.mark.parametrize(("text", "message"), [("\ud800", "in UTF-8"), ("A" * 2**16, "at most")])
def test_what_cannot_be_read_again_is_not_written(manifest, tmp_path, text, message):
    with pytest.raises(RecordError, match=message):
        Records.create(tmp_path, replace(manifest, hyperparameters={"x": text}))
    assert not list(tmp_path.iterdir())
