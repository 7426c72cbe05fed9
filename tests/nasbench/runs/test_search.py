import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Algorithm, hyperparameters, kept_hyperparameters, takes_known
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
    UnknownNameError,
)
from nasbench.runs.budget import Budget
from nasbench.runs.records import find_records
from nasbench.runs.search import check_seeds, search
from nasbench.runs.setup import Setup, load_algorithm

pytest.importorskip("torch")  # some algorithms need it
PRESETS = [(name, preset) for name in ALGORITHMS for preset in ALGORITHMS.load(name).presets]


SHARING = [name for name in ALGORITHMS if ".oneshot." in ALGORITHMS[name]]
NEED_KNOWN = [
    name
    for name in ALGORITHMS
    if any(family in ALGORITHMS[name] for family in (".zero_cost.", ".constrained."))
]


def prepare(algorithm="random_search", benchmark="nb201-cifar10", **options):
    options = {"budget": Budget(trials=3)} | options
    if algorithm in SHARING:
        benchmark = "lite201-digits"
    if algorithm in NEED_KNOWN:
        options["known"] = ("parameters",)
    return Setup(algorithm=algorithm, benchmark=benchmark, **options).prepare()


# Units

MADE_FOR_PERCENT = [
    ("lanas", "lamcts", {}),
    ("mcts_uct", "deep_architect", {}),
    ("mcts_uct", "wistuba", {}),
    ("mcts_uct", "alphax", {}),
    ("metaqnn", "baker", {}),
    ("reinforce", "nas_benchmarks", {}),
    ("reinforce_lstm", "nas_rl", {}),
    ("reinforce_lstm", "enas", {}),
    ("ppo_lstm", "nasnet", {}),
    ("ppo_lstm", "small", {}),
    ("transform_rl", "eas", {}),
    ("bananas", "naszilla", {}),
    ("bananas", "diverse", {}),
    ("bananas", "naslib", {}),
    ("npenas", "np", {}),
    ("npenas", "bo", {}),
    ("brp_nas", "eagle", {}),
    ("pnas", "paper", {}),
    ("mcts_surrogate", "deep_architect", {}),
    ("mo_reward", None, {}),
    ("random_scalarization", None, {"search": "lanas", "search_preset": "lamcts"}),
]


def units_logged(caplog, algorithm, benchmark, preset, settings):
    """The warnings about units."""
    caplog.clear()
    prepare(algorithm, benchmark, preset=preset, hyperparameters=settings).check_unit()
    return [message for message in caplog.messages if "made for losses" in message]


@pytest.mark.parametrize(("algorithm", "preset", "settings"), MADE_FOR_PERCENT)
def test_settings_made_for_percentages_say_so_on_squared_errors(
    algorithm, preset, settings, caplog
):
    (message,) = units_logged(caplog, algorithm, "fcnet-naval", preset, settings)
    assert f"preset {preset!r} of" in message or not preset
    assert "is made for losses in percent, 'valid_mse' is without a unit: " in message
    assert "\n" not in message
    assert not units_logged(caplog, algorithm, "nb201-cifar10", preset, settings)


def test_the_preset_for_squared_errors_says_so_on_percentages(caplog):
    name = "nas_benchmarks_fcnet"
    (message,) = units_logged(caplog, "reinforce", "nb201-cifar10", name, {})
    assert "made for losses without a unit, 'valid_accuracy' is in percent" in message
    assert not units_logged(caplog, "reinforce", "fcnet-naval", name, {})


UNITLESS = sorted(
    {(name, "") for name in ALGORITHMS if name != "mo_reward"}
    | {pair for pair in PRESETS if pair[0] != "mo_reward"}
    - {(name, preset) for name, preset, _ in MADE_FOR_PERCENT}
    - {("reinforce", "nas_benchmarks_fcnet")}
    - {("predictor_search", "gin"), ("predictor_ea", "gin")}  # which need graphs
    - {pair for pair in PRESETS if pair[0] in SHARING}
    - {(name, "") for name in SHARING}
)


@pytest.mark.parametrize(("algorithm", "preset"), UNITLESS)
def test_other_settings_suit_any_unit(algorithm, preset, caplog):
    assert not units_logged(caplog, algorithm, "fcnet-naval", preset or None, {})


@pytest.mark.parametrize("recorded", [False, True])
def test_one_line_is_said_for_all_seeds_and_processes(recorded, caplog, capfd, tmp_path):
    """It starts two processes, which takes seconds."""
    out = tmp_path if recorded else None
    options = {"preset": "lamcts", "budget": Budget(trials=2), "processes": 2, "out": out}
    assert len(search("lanas", "fcnet-naval", seeds=range(3), **options)) == 3
    assert len([message for message in caplog.messages if "made for losses" in message]) == 1
    assert "made for losses" not in capfd.readouterr().err  # as a process would say it


# Hyperparameters


def test_all_hyperparameters_are_known_with_their_defaults():
    evolution = ALGORITHMS.load("regularized_evolution")
    assert hyperparameters(evolution, {}) == {
        "population": 100,
        "sample": 10,
        "replacement": True,
        "initial": 0,
        "mutation": "one",
        "identity": 0.0,
    }


def test_changes_override_the_preset_which_overrides_the_defaults():
    evolution = ALGORITHMS.load("regularized_evolution")
    values = hyperparameters(evolution, {"sample": 4}, "naszilla")
    assert (values["population"], values["sample"], values["mutation"]) == (29, 4, "naszilla")
    assert values["replacement"] is True


@pytest.mark.parametrize(
    ("changes", "preset", "error", "message"),
    [
        ({"popultion": 5}, None, UnknownNameError, "'popultion'; did you mean 'population'"),
        ({"seed": 5}, None, UnknownNameError, "no hyperparameter 'seed'"),
        ({"space": 5}, None, UnknownNameError, "no hyperparameter 'space'"),
        ({}, "nazilla", UnknownNameError, "no preset 'nazilla'; did you mean 'naszilla'"),
        ({"population": 5.0}, None, InvalidArgumentError, "population = 5.0 must be of type int"),
        ({"population": "5"}, None, InvalidArgumentError, "population = '5' must be of type int"),
        ({"population": True}, None, InvalidArgumentError, "population = True must be of type int"),
        ({"replacement": 1}, None, InvalidArgumentError, "replacement = 1 must be of type bool"),
        ({"mutation": 1}, None, InvalidArgumentError, "mutation = 1 must be of type str"),
        ({"identity": "x"}, None, InvalidArgumentError, "identity = 'x' must be of type float"),
        ({"population": 0}, None, InvalidArgumentError, "population = 0 must be at least 1"),
        ({"sample": 0}, None, InvalidArgumentError, "sample = 0 must be in 1..population = 100"),
        ({"sample": 101}, None, InvalidArgumentError, "sample = 101 must be in 1..population"),
        ({"initial": -1}, None, InvalidArgumentError, "initial = -1 must not be negative"),
        ({"mutation": "on"}, None, InvalidArgumentError, "'on'; did you mean 'one'"),
        ({"identity": 1.0}, None, InvalidArgumentError, r"identity = 1.0 must be in \[0, 1\)"),
        ({"identity": -0.1}, None, InvalidArgumentError, "identity = -0.1 must be in"),
        ({"identity": float("nan")}, None, InvalidArgumentError, "identity = nan must be in"),
    ],
)
def test_wrong_hyperparameters_are_named_before_anything_runs(
    tmp_path, changes, preset, error, message
):
    with pytest.raises(error, match=message):
        search(
            "regularized_evolution",
            "nb201-cifar10",
            budget=Budget(trials=1),
            hyperparameters=changes,
            preset=preset,
            out=tmp_path / "runs",
        )
    assert not (tmp_path / "runs").exists()


def test_a_whole_number_is_taken_for_a_real_one():
    prepared = prepare("regularized_evolution", hyperparameters={"identity": 0})
    assert repr(prepared.hyperparameters["identity"]) == "0.0"


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_makes_an_algorithm_of_its_own(name, preset):
    algorithm = ALGORITHMS.load(name)
    values = prepare(name, preset=preset).hyperparameters
    assert values == hyperparameters(algorithm, {}) | dict(algorithm.presets[preset])
    others = [hyperparameters(algorithm, {}, other) for other in algorithm.presets]
    assert others.count(values) == 1


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_keep_their_hyperparameters(name):
    algorithm, known, _ = prepare(name).make(3)
    assert (known is not None) == (name in NEED_KNOWN)
    assert kept_hyperparameters(algorithm) == hyperparameters(ALGORITHMS.load(name), {})


class Needy(Algorithm):
    """Has a hyperparameter without a default."""

    def __init__(self, space, *, fidelities, seed, depth):
        super().__init__(space, fidelities=fidelities, seed=seed)

    def ask(self):
        return None

    def tell(self, observation):
        pass


def test_a_hyperparameter_without_default_must_be_given():
    with pytest.raises(InvalidArgumentError, match="Needy needs a value for 'depth'"):
        hyperparameters(Needy, {})
    assert hyperparameters(Needy, {"depth": 3}) == {"depth": 3}


# Names


@pytest.mark.parametrize(
    ("algorithm", "table", "message"),
    [
        ("random_serch", "nb201-cifar10", "no algorithm is called 'random_serch'; did you mean 'r"),
        ("random_search", "nb201-cifar1", "no benchmark is called 'nb201-cifar1'; did you mean 'n"),
        ("nowhere:Mine", "nb201-cifar10", "cannot import 'nowhere' for the algorithm 'nowhere:Mi"),
        ("math:Mine", "nb201-cifar10", "module 'math' has no 'Mine'"),
    ],
)
def test_unknown_names_are_named(tmp_path, algorithm, table, message):
    with pytest.raises(UnknownNameError, match=message):
        search(algorithm, table, budget=Budget(trials=1), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["math:sqrt", "pathlib:Path", "nasbench.runs.search:search"])
def test_what_is_no_algorithm_is_refused(name):
    with pytest.raises(InvalidArgumentError, match=r"not a subclass of nasbench\.algorithm"):
        load_algorithm(name)


def test_an_algorithm_without_ask_or_tell_is_refused():
    class Silent(Algorithm):
        def ask(self):
            return None

    with pytest.raises(InvalidArgumentError, match=r"algorithm .*Silent lacks tell: it needs ask"):
        search(Silent, "nb201-cifar10", budget=Budget(trials=1))


OWN = """
from nasbench.algorithm import Algorithm, Proposal

class Constant(Algorithm):
    def __init__(self, space, *, fidelities, seed, option=1):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.option = option

    def ask(self):
        return Proposal((self.option,) * len(self.space.options))

    def tell(self, observation):
        pass
"""


def test_an_algorithm_from_the_current_folder_also_in_processes_of_another(tmp_path, monkeypatch):
    search("random_search", "nb201-cifar10", seeds=(0, 99), budget=Budget(trials=1), processes=2)
    (tmp_path / "my_own_search.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    runs = search(
        "my_own_search:Constant",
        "nb201-cifar10",
        seeds=range(60),
        budget=Budget(trials=3),
        hyperparameters={"option": 4},
        processes=2,
        out="runs",
    )
    assert len(runs) == 60
    assert all((run.archs == 4).all() for run in runs)
    (records,) = find_records(Path("runs"))
    assert records.manifest.algorithm == "my_own_search:Constant"
    assert records.folder.name.startswith("my_own_search.Constant-")


# Fidelities, objectives, known numbers


def test_fidelities_are_all_or_those_asked_for(toy_home):
    assert prepare(benchmark="toy").fidelities == (1, 2, 3, 4)
    assert prepare(benchmark="toy", fidelities=(4, 2, 2)).fidelities == (2, 4)
    algorithm = prepare(benchmark="toy", fidelities=(3,)).make(0).algorithm
    assert algorithm.fidelities == (3,)


def test_a_search_trains_to_the_last_fidelity_asked_for():
    (run,) = search("random_search", "nb201-cifar10", budget=Budget(trials=2), fidelities=[200])
    assert run.epochs.tolist() == [200, 200]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fidelities": (12,)}, NotRecordedError, "no fidelity 12. Possible: '200'"),
        ({"fidelities": ()}, InvalidArgumentError, "fidelities must not be empty"),
        ({"objectives": ("test_accuracy",)}, UnknownNameError, "no objective 'test_accuracy'"),
        ({"objectives": ()}, InvalidArgumentError, "must be a list of at least one"),
        (
            {"known": ("parameters",)},
            InvalidArgumentError,
            "random_search makes no use of known numbers such as parameters",
        ),
        ({"known": ("valid_accuracy",)}, InvalidArgumentError, "cannot be known before one"),
        (
            {"objectives": ("valid_accuracy", "parameters", "valid_accuracy")},
            InvalidArgumentError,
            "objectives = .* names 'valid_accuracy' twice",
        ),
        (
            {"algorithm": "lemonade", "known": ("macs", "macs")},
            InvalidArgumentError,
            "known = .* names 'macs' twice",
        ),
        (
            {"constraints": ("valid_accuracy>=90",)},
            InvalidArgumentError,
            "'valid_accuracy' comes out of a training and cannot be constrained before one",
        ),
        (
            {"algorithm": "darts", "constraints": ("parameters<=20000",)},
            InvalidArgumentError,
            "darts trains one network .* it cannot keep to parameters<=20000",
        ),
        ({"workers": 0}, InvalidArgumentError, "workers = 0 must be a positive integer"),
        ({"workers": "2"}, InvalidArgumentError, "workers = '2' must be a positive integer"),
        ({"replicate": 2}, NotRecordedError, "does not record seed 2 for every architecture"),
        ({"replicate": "men"}, InvalidArgumentError, "'men'; did you mean 'mean'"),
        ({"budget": 100}, InvalidArgumentError, "budget = 100 must be a Budget"),
    ],
)
def test_impossible_set_ups_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        prepare(**options)


def test_no_name_of_a_folder_is_not_the_current_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = {"budget": Budget(trials=1)}
    with pytest.raises(InvalidArgumentError, match=r"out is empty; the current folder is '\.'"):
        search("random_search", "nb201-cifar10", out="", **asked)
    (run,) = search("random_search", "nb201-cifar10", **asked)
    with pytest.raises(InvalidArgumentError, match="folder is empty"):
        nasbench.save(run, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [("objectives", "valid_accuracy"), ("known", "parameters"), ("fidelities", 200)],
)
def test_a_text_or_a_number_is_no_list(name, value):
    with pytest.raises(InvalidArgumentError, match=rf"{name} = .* must be a list, such as \["):
        search("random_search", "nb201-cifar10", budget=Budget(trials=1), **{name: value})


def test_a_loaded_benchmark_is_not_the_id_of_one():
    benchmark = nasbench.load("nb201-cifar10")
    with pytest.raises(InvalidArgumentError, match="must be an id or a path, such as 'nb201-ci"):
        search("random_search", benchmark, budget=Budget(trials=1))


@pytest.mark.parametrize("processes", [0, -1, 1.0, "2", None])
def test_impossible_numbers_of_processes_are_refused(tmp_path, processes):
    with pytest.raises(InvalidArgumentError, match=r"processes = .* must be a positive integer"):
        search(
            "random_search",
            "nb201-cifar10",
            budget=Budget(trials=1),
            processes=processes,
            out=tmp_path / "runs",
        )
    assert not (tmp_path / "runs").exists()


def test_several_objectives_are_several_losses():
    (run,) = search(
        "random_search",
        "nb201-cifar10",
        budget=Budget(trials=4),
        objectives=["valid_accuracy", "parameters"],
    )
    benchmark = nasbench.load("nb201-cifar10")
    for trial in run.trials:
        answer = benchmark.query(trial.proposal.arch, seed=trial.training_seed)
        assert trial.losses == (100 - answer["valid_accuracy"], answer["parameters"])


BOTH = ("valid_accuracy", "parameters")


@pytest.mark.parametrize(
    ("algorithm", "table", "options", "said"),
    [
        (
            "local_search",
            "nb201-cifar10",
            {"objectives": BOTH},
            [
                "local_search minimises valid_accuracy alone: parameters is recorded, but does "
                "not count"
            ],
        ),
        ("nsga2", "nb201-cifar10", {"objectives": BOTH}, []),
        ("random_search", "nb201-cifar10", {"objectives": BOTH}, []),
        (
            "random_search",
            "lite201-digits",
            {"objectives": ("test_accuracy",)},
            [
                "selected on test: the search sees test_accuracy, so its results say nothing of "
                "unseen data"
            ],
        ),
        (
            "regularized_evolution",
            "nb201-cifar10",
            {},
            [
                "regularized_evolution is random search here: its first 100 trials are random, and "
                "no run has more than 60"
            ],
        ),
        ("regularized_evolution", "nb201-cifar10", {"preset": "nats"}, []),
        (
            "asha",
            "nb201-cifar10",
            {},
            ["asha is random search here: offered epoch 200, it trains random architectures only"],
        ),
        ("asha", "lite201-digits", {}, []),
        (
            "local_search",
            "lite201-digits",
            {"fidelities": (1, 2, 8)},
            ["local_search trained nothing to epoch 1, 2"],
        ),
        ("local_search", "lite201-digits", {"fidelities": (8,)}, []),
    ],
)
@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_search_says_what_its_numbers_are_not(
    caplog, tmp_path, algorithm, table, options, said, is_recorded
):
    out = tmp_path if is_recorded else None
    search(algorithm, table, budget=Budget(trials=60), out=out, **options)
    assert caplog.messages == said


def test_runs_without_a_trial_are_not_called_random_search(caplog):
    search("regularized_evolution", "nb201-cifar10", budget=Budget(seconds=1))
    assert not caplog.messages


KNOWING = '''
from nasbench.algorithm import Algorithm, Proposal

class Smallest(Algorithm):
    """Trains the smaller of two random cells."""

    def __init__(self, space, *, fidelities, seed, known):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.known = known

    def ask(self):
        pair = [self.space.sample(self.rng) for _ in range(2)]
        return Proposal(min(pair, key=self.known))

    def tell(self, observation):
        pass
'''


def test_known_numbers_reach_an_algorithm_that_wants_them(tmp_path, monkeypatch):
    (tmp_path / "my_knowing_search.py").write_text(KNOWING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    name = "my_knowing_search:Smallest"
    assert takes_known(load_algorithm(name))
    options = {"budget": Budget(trials=50), "known": ["parameters", "macs"]}
    (run,) = search(name, "nb201-cifar10", out="runs", **options)
    (other,) = search("random_search", "nb201-cifar10", budget=Budget(trials=50))
    benchmark = nasbench.load("nb201-cifar10")
    sizes = [benchmark.query_many(r.archs, "parameters").mean() for r in (run, other)]
    assert sizes[0] < 0.8 * sizes[1]
    assert run.known_seconds.tolist() == [0.0] * 50
    (records,) = find_records(Path("runs"))
    assert records.manifest.known == ("parameters", "macs")
    assert "known" not in records.manifest.hyperparameters


# Seeds


def test_seeds_are_distinct_and_ascending():
    assert check_seeds([3, 1, 3]) == [1, 3]
    assert check_seeds(range(2)) == [0, 1]
    numbers = check_seeds(np.arange(3))
    assert [type(seed) for seed in numbers] == [int, int, int]
    assert check_seeds(iter([2**31 - 1])) == [2**31 - 1]


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([], "no seeds are given"),
        (range(5, 5), "no seeds are given"),
        ([-1], "seed -1 is not an integer in 0..2147483647"),
        ([2**31], "seed 2147483648 is not an integer"),
        ([0.0], "seed 0.0 is not an integer"),
        ([True], "seed True is not an integer"),
        ("01", "seed '0' is not an integer"),
        ([1, "a"], "seed 'a' is not an integer"),
        (5, "seeds = 5 must be integers"),
        (None, "seeds = None must be integers"),
    ],
)
def test_impossible_seeds_are_named(seeds, message):
    with pytest.raises(InvalidArgumentError, match=message):
        check_seeds(seeds)


def test_every_seed_is_a_run_of_its_own():
    runs = search("random_search", "nb201-cifar10", seeds=[4, 2], budget=Budget(trials=5))
    assert [run.seed for run in runs] == [2, 4]
    assert runs[0].archs.tolist() != runs[1].archs.tolist()
    (again,) = search("random_search", "nb201-cifar10", seeds=[4], budget=Budget(trials=5))
    assert again.trials == runs[1].trials


def test_progress_counts_every_run_once():
    done = []
    search(
        "random_search",
        "nb201-cifar10",
        seeds=range(60),
        budget=Budget(trials=1),
        progress=done.append,
    )
    assert sum(done) == 60
    assert done[0] == 0


# Manifests


def test_equal_searches_have_equal_manifests():
    one = prepare("regularized_evolution", budget=Budget(seconds=100)).manifest
    other = prepare(
        "regularized_evolution",
        budget=Budget(seconds=100.0),
        hyperparameters={"population": 100, "identity": 0},
        fidelities=(200,),
        objectives=("valid_accuracy",),
    ).manifest
    assert one == other
    assert one.folder_name == other.folder_name


def test_a_path_and_an_id_are_the_same_benchmark(toy_files, toy_home):
    by_path = prepare(benchmark=str(toy_files["plain"])).manifest
    assert by_path == prepare(benchmark="toy").manifest
    assert by_path.benchmark == "toy"


def test_an_algorithm_that_leaves_the_table_is_an_error(toy_home):
    with pytest.raises((NotRecordedError, IllegalArchError)):
        search("random_search", "toy", budget=Budget(trials=100))


def test_processes_find_the_tables_that_this_one_finds(content, tmp_path, monkeypatch):
    """Also if they are older than a change of the folder or of NASBENCH_HOME."""
    (tmp_path / "my_cell.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    options = {"seeds": (0, 99), "budget": Budget(trials=1), "processes": 2, "replicate": 0}
    for number in (0, 1):
        folder = tmp_path / str(number)
        toy = content()
        for row in toy.runs:
            row["seconds"] = [seconds + number for seconds in row["seconds"]]
        toy.write(folder / "toy.parquet")
        monkeypatch.chdir(folder)
        runs = search("my_cell:Constant", "./toy.parquet", **options)
        assert [run.ends.tolist() for run in runs] == [[123 + number]] * 2
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("NASBENCH_HOME", str(folder))
        runs = search("my_cell:Constant", "toy", **options)
        assert [run.ends.tolist() for run in runs] == [[123 + number]] * 2


def test_a_budget_of_seconds_needs_seconds(content, tmp_path):
    toy = content()
    for row in toy.runs:
        del row["seconds"]
    toy = replace(toy, metadata=replace(toy.metadata, complete=False))
    path = str(toy.write(tmp_path / "toy.parquet"))
    with pytest.raises(InvalidArgumentError, match="'toy' does not record seconds"):
        nasbench.search("random_search", path, seeds=[0], budget=nasbench.Budget(seconds=10.0))
    nasbench.search("random_search", path, seeds=[0], budget=nasbench.Budget(epochs=1))


class Failing(Algorithm):
    """Fails when it is asked."""

    def ask(self):
        raise InvalidArgumentError("there is nothing to ask")

    def tell(self, observation):
        pass


def test_a_search_that_fails_before_its_first_run_leaves_no_record(tmp_path):
    with pytest.raises(InvalidArgumentError, match="nothing to ask"):
        search(Failing, "nb201-cifar10", budget=Budget(trials=3), out=tmp_path)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("algorithm", "settings", "message"),
    [
        ("bananas", {"shapes": 3}, r"shapes = 3 must be of type Sequence"),
        ("neural_predictor", {"selected": "x"}, "selected = 'x' must be of type int"),
        ("gp_bo", {"length": "x"}, "length = 'x' must be of type float"),
        ("bonas", {"layers": 10**21}, "must be at most 2,147,483,647"),
    ],
)
def test_a_hyperparameter_without_default_is_of_the_annotated_type(algorithm, settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        prepare(algorithm, hyperparameters=settings)


def test_a_list_is_taken_for_a_tuple_as_no_toml_file_can_write_one():
    values = prepare("nas_bowl", hyperparameters={"depths": [1, 3]}).hyperparameters
    assert values["depths"] == (1, 3)
