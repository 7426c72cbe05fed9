import shlex
import tomllib

import pytest

from leaderboard.command import command, literal, ranges
from nasbench.benchmarks.loading import load
from nasbench.cli.parsing import parse_seeds, parse_settings
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.setup import Setup


def parsed(line):
    """The set-up and the seeds that a command asks for, read as the command line reads them."""
    program, verb, algorithm, benchmark, *options = shlex.split(line)
    assert (program, verb) == ("nasbench", "run")
    values = {}
    for name, value in zip(options[::2], options[1::2], strict=True):
        values.setdefault(name.removeprefix("--"), []).append(value)
    assert values.pop("out") == ["runs"]
    kinds = {"trials": int, "seconds": float, "epochs": int}
    budget = {name: kind(values.pop(name)[0]) for name, kind in kinds.items() if name in values}
    replicate = values.pop("replicate", ["draw"])[0]
    setup = Setup(
        algorithm=algorithm,
        benchmark=benchmark,
        budget=Budget(**budget),
        preset=values.pop("preset", [None])[0],
        hyperparameters=parse_settings(values.pop("set", [])),
        workers=int(values.pop("workers", ["1"])[0]),
        replicate=int(replicate) if replicate.isdigit() else replicate,
        fidelities=tuple(map(int, values.pop("fidelity"))) if "fidelity" in values else None,
        objectives=tuple(values.pop("objective")) if "objective" in values else None,
        known=tuple(values.pop("known", ())),
        constraints=tuple(values.pop("constraint", ())),
    )
    seeds = parse_seeds(values.pop("seeds")[0])
    assert not values
    return setup, seeds


@pytest.mark.parametrize(
    "options",
    [
        {"budget": Budget(trials=5)},
        {"budget": Budget(trials=5, seconds=1e7, epochs=40), "workers": 3},
        {"budget": Budget(seconds=0.1)},
        {"budget": Budget(trials=2), "replicate": "mean", "objectives": ("test_accuracy",)},
        {"budget": Budget(trials=2), "replicate": 1},
        {"budget": Budget(trials=2), "preset": "naszilla"},
        {
            "budget": Budget(trials=2),
            "hyperparameters": {"population": 7, "sample": 2, "identity": 1e-05},
        },
        {"algorithm": "random_search", "hyperparameters": {"replacement": False}},
    ],
)
def test_command_gives_the_identical_manifest(home, whole, options):
    defaults = {"algorithm": "regularized_evolution", "budget": Budget(trials=1)}
    setup = Setup(benchmark=whole, **(defaults | options))
    manifest = setup.prepare().manifest
    line = command(manifest, range(100), load(whole))
    again, seeds = parsed(line)
    assert again.prepare().manifest == manifest
    assert seeds == list(range(100))
    assert "\n" not in line


def test_fidelities_that_are_not_all_are_written(home, cells):
    rows = [{"arch": c, "seed": 0, "valid_accuracy": [50, 60 + c[0]]} for c in cells]
    home.table(rows)
    setup = Setup(algorithm="random_search", benchmark="toy", budget=Budget(1), fidelities=(1,))
    manifest = setup.prepare().manifest
    line = command(manifest, [3], load("toy"))
    assert "--fidelity 1" in line
    assert "--objective" not in line
    assert parsed(line)[0].prepare().manifest == manifest


def test_constraints_are_quoted_for_the_shell():
    bounds = ("latency_gpu_ms>=8.5", "parameters<=316346")
    setup = Setup(
        algorithm="random_search",
        benchmark="nb201-cifar10",
        budget=Budget(trials=1),
        constraints=bounds,
    )
    manifest = setup.prepare().manifest
    line = command(manifest, [0], load("nb201-cifar10"))
    assert "--constraint 'latency_gpu_ms>=8.5' --constraint 'parameters<=316346'" in line
    assert parsed(line)[0].prepare().manifest == manifest


def test_command_is_the_one_that_a_person_would_type(home, small_table):
    manifest = home.manifest(small_table, budget={"trials": 500})
    assert command(manifest, range(100), load("toy")) == (
        "nasbench run random_search toy@1 --seeds 0:100 --trials 500 --set replacement=true "
        "--out runs"
    )


def test_names_are_quoted_for_the_shell(home, small_table):
    hyperparameters = {"mutation": "it's $HOME; rm -rf", "nothing": None}
    manifest = home.manifest(
        small_table,
        algorithm="my.module:Class",
        hyperparameters=hyperparameters,
        known=["parameters", "macs"],
    )
    words = shlex.split(command(manifest, [0], load("toy")))
    assert words[2] == "my.module:Class"
    assert [words[i + 1] for i, word in enumerate(words) if word == "--known"] == [
        "parameters",
        "macs",
    ]
    (setting,) = (words[i + 1] for i, word in enumerate(words) if word == "--set")
    assert parse_settings([setting]) == {"mutation": "it's $HOME; rm -rf"}


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        (range(100), "0:100"),
        ([7], "7"),
        ([5, 3, 4, 9], "3:6,9"),
        ([0, 2, 3], "0,2:4"),
    ],
)
def test_seeds_are_ranges(seeds, text):
    assert ranges(seeds) == text
    assert parse_seeds(text) == sorted(seeds)


@pytest.mark.parametrize(
    "value",
    [0, -3, 2**40, 0.5, 1e-05, 1e16, float("inf"), True, "one", 'a "b" \\ c\n\x7fü', "true",
     "\x00\x9f\u202e\u200b\u2028\U000e0001",
     [1, 2.5, [False]], {"a b": 1, "c": [2]}],
)  # fmt: skip
def test_literals_are_toml(value):
    assert literal(value).isprintable()
    found = tomllib.loads(f"value = {literal(value)}")["value"]
    assert found == value
    assert type(found) is type(value)


def test_what_toml_cannot_express_is_refused(home, small_table):
    manifest = home.manifest(small_table, hyperparameters={"decay": [None]})
    with pytest.raises(RecordError, match="None cannot be written in TOML"):
        command(manifest, [0], load("toy"))


@pytest.mark.parametrize(
    "said",
    [
        {"hyperparameters": {"decay": "\ud800"}},
        {"hyperparameters": {"de\u202ecay": 1}},
        {"preset": "fast\x00"},
    ],
)
def test_what_no_command_line_can_hold_is_refused(home, small_table, said):
    with pytest.raises(RecordError, match="cannot be written"):
        command(home.manifest(small_table, **said), [0], load("toy"))
