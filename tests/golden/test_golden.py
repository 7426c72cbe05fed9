"""Golden traces, and what every model must be worth: no algorithm changes unnoticed.

``golden.json`` beside this file holds, for every algorithm and preset whose choices no fitted model
decides, the SHA-256 of the columns of the records of three searches of 200 trials on nb201-cifar10,
of multi-fidelity methods on lite201-digits, of settings for squared errors on fcnet-protein (more
trials where a method begins with more random architectures), of methods for several objectives by
accuracy and parameters, of methods that need scores on lite201-digits with synflow and nwot, of
methods that need a cost on nb201-cifar10 with parameters. They hold for every supported Python.
After a change that is wanted, write it anew and say so in the changelog:

    python tests/golden/test_golden.py

Where a model of floating-point numbers decides, traces differ between environments. There the last
losses of small searches must be so low that random search hardly ever gets them.
"""

import json
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from statistics import median_low

import numpy as np
import pytest
from scipy.stats import beta

import nasbench
from algorithms import ALGORITHMS
from nasbench.errors import MissingExtraError
from nasbench.testing import trace

FILE = Path(__file__).parent / "golden.json"
GOLDEN = json.loads(FILE.read_text()) if FILE.exists() else {}
SEEDS, TRIALS = range(3), 200
MULTI_FIDELITY = {
    "successive_halving",
    "hyperband",
    "asha",
    "async_hyperband",
    "pasha",
    "bohb",
    "dehb",
}
SQUARED_ERRORS = {"reinforce/nas_benchmarks_fcnet"}
OBJECTIVES = ("valid_accuracy", "parameters")
MULTI_OBJECTIVE = {"nsga2", "lemonade", "mo_reward", "random_scalarization"}
KNOWN = {"zero_cost", "zero_cost_evolution", "warm_start"}
COSTS = {"partial_order_pruning", "netadapt", "submodular_greedy"}
MODELS = {
    "gp_bo",
    "nas_bowl",
    "nasbot",
    "esnac",
    "bananas",
    "dngo",
    "weak_nas",
    "neural_predictor",
    "npenas",
    "brp_nas",
    "bonas",
    "smac",
    "bore",
    "pnas",
    "dpp_net",
    "nao",
    "peephole",
    "predictor_search",
    "predictor_ea",
    "mcts_surrogate",
    "lce_stop",
    "lc_svr",
}
"""Methods whose choices a model of floating-point numbers decides: they have no golden traces."""
LEVELS = {"first": 12, "beam": 8, "members": 3, "hidden": 12, "embedding": 12, "epochs": 80}
EVOLUTION = {
    "search": "regularized_evolution",
    "search_settings": {"population": 10, "sample": 5},
}
SMALL = {
    "nasbot": {"mutations": 20, "max_evaluations": 100},
    "esnac": {"batch": 5, "hidden": 8, "steps": 20, "candidates": 100},
    "bananas": {"members": 3, "epochs": 60},
    "dngo": {"layers": 2, "epochs": 60},
    "weak_nas": {"width": 50},
    "neural_predictor": {
        "trials": 40,
        "selected": 20,
        "pool": 20,
        "hidden": 24,
        "head": 16,
        "epochs": 80,
        "learning_rate": 0.003,
    },
    "npenas": {"hidden": 8, "epochs": 60, "learning_rate": 0.01},
    "brp_nas": {
        "training": 30,
        "iterations": 3,
        "pool": 300,
        "layers": 3,
        "hidden": 16,
        "dropout": 0.0,
        "epochs": 120,
        "learning_rate": 0.005,
    },
    "bonas": {"layers": 3, "hidden": 16, "epochs": 30, "learning_rate": 0.003},
    "smac": {"candidates": 200, "starts": 3},
    "bore": {"candidates": 200, "rounds": 20},
    "pnas": LEVELS,
    "dpp_net": LEVELS,
    "nao": {
        "initial": 20,
        "batch": 10,
        "parents": 10,
        "embedding": 16,
        "hidden": 24,
        "width": 32,
        "layers": 1,
        "epochs": 60,
        "learning_rate": 0.01,
    },
    "peephole": {
        "initial": 15,
        "points": 1,
        "embedding": 8,
        "hidden": 12,
        "width": 12,
        "epochs": 40,
    },
    "predictor_search": {"regressor_settings": {"trees": 20}},
    "predictor_ea": {
        "population": 15,
        "sample": 5,
        "initial": 15,
        "regressor_settings": {"trees": 20},
    },
    "mcts_surrogate": {"samples": 30},
    "lce_stop": {"points": 3, **EVOLUTION},
    "lc_svr": {"initial": 10, "draws": 10, **EVOLUTION},
}
"""Settings that make models small, and let them choose from the 21st architecture on."""
STOPPING = {"lce_stop", "lc_svr"}
"""Methods that predict curves; their models reach the inner search as losses of the stopped."""
LAST = 20
BY_CHANCE = 1e-5
"""Probability that random search passes; few enough to catch a model that learns from shuffled
losses, though mutants of the best architectures are better than random ones without any model."""
OURS = ("algorithms.", "nasbench.")
LONGER = {"tournament_evolution/large_scale": 1200, "tournament_evolution/hierarchical": 400}


def traces(setting: str) -> list[str]:
    """One hash for each seed."""
    name, _, preset = setting.partition("/")
    budget = nasbench.Budget(trials=LONGER.get(setting, TRIALS))
    benchmark = "lite201-digits" if name in MULTI_FIDELITY | KNOWN else "nb201-cifar10"
    if setting in SQUARED_ERRORS:
        benchmark = "fcnet-protein"
    known = ("synflow", "nwot") if name in KNOWN else ("parameters",) if name in COSTS else ()
    runs = nasbench.search(
        name,
        benchmark,
        seeds=SEEDS,
        budget=budget,
        preset=preset or None,
        objectives=OBJECTIVES if name in MULTI_OBJECTIVE else None,
        known=known,
    )
    return [trace(run) for run in runs]


def settings() -> list[str]:
    """Every registered algorithm and preset, but those that fit models."""
    left_out = {*MODELS, *(name for name in ALGORITHMS if ".oneshot." in ALGORITHMS[name])}
    presets = {name: ALGORITHMS.load(name).presets for name in ALGORITHMS if name not in left_out}
    return sorted(name for n in presets for name in (n, *(f"{n}/{p}" for p in presets[n])))


def checked_sum(values, /, start=0):
    """Refuses floats: ``sum`` rounds them otherwise from Python 3.12 on, ``math.fsum`` never."""
    values = list(values)
    assert float not in {*map(type, values), type(start)}, "floats are added by math.fsum"
    return sum(values, start)


@pytest.mark.parametrize("setting", GOLDEN)
def test_the_trace_is_golden(setting, monkeypatch):
    try:
        ALGORITHMS.load(setting.partition("/")[0])
    except MissingExtraError as error:
        pytest.skip(str(error))
    for name, module in list(sys.modules.items()):
        if name.startswith(OURS):
            monkeypatch.setattr(module, "sum", checked_sum, raising=False)
    assert traces(setting) == GOLDEN[setting], (
        f"{setting} gives other runs than {FILE.name} says; if that is wanted: python {__file__}"
    )


def test_every_golden_trace_belongs_to_an_algorithm():
    pytest.importorskip("torch")
    assert list(GOLDEN) == settings()


SAME = {
    ("regularized_evolution", "regularized_evolution/nas_benchmarks"),  # the defaults are it
    ("tpe", "tpe/optuna"),  # the defaults are it
    ("asha", "pasha"),  # with two rungs there is nothing to save
    ("hyperband", "hyperband/hpbandster"),  # nothing diverges
    ("successive_halving", "successive_halving/hpbandster"),
}


def test_golden_traces_differ():
    same = {pair for pair in combinations(GOLDEN, 2) if GOLDEN[pair[0]] == GOLDEN[pair[1]]}
    assert same == SAME


@cache
def all_losses(table):
    """Losses of all architectures, ascending."""
    benchmark = nasbench.load(table)
    archs = np.array(list(benchmark.space.archs()))
    return np.sort(100 - benchmark.query_many(archs, "valid_accuracy"))


def last_losses(name, table, seeds, trials):
    """Losses of the last architectures that are new to a search, of all seeds."""
    runs = nasbench.search(
        name,
        table,
        seeds=range(seeds),
        budget=nasbench.Budget(trials=trials),
        hyperparameters=SMALL.get(name),
        replicate="mean",
    )
    last = [list(dict.fromkeys(map(tuple, run.archs.tolist())))[-LAST:] for run in runs]
    archs = np.array([arch for archs in last for arch in archs])
    return 100 - nasbench.load(table).query_many(archs, "valid_accuracy")


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_chooses_what_random_search_hardly_ever_finds(name):
    """Ranks of random architectures are uniform, so that of their median is a beta variable.

    The last losses tell what the model is worth. The lowest one does not: among 40 random
    architectures there is often one as good.
    """
    try:
        ALGORITHMS.load(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    table, *size = ("lite201-fashion", 6, 250) if name in STOPPING else ("nb201-cifar10", 2, 40)
    losses, found = all_losses(table), last_losses(name, table, *size)
    place = (len(found) + 1) // 2
    share = beta.ppf(BY_CHANCE, place, len(found) - place + 1)
    limit = losses[int(share * len(losses))]
    assert median_low(found.tolist()) < limit, (
        f"the median of the last losses is {median_low(found.tolist()):.2f}; that of random search "
        f"is below {limit:.2f} once in {1 / BY_CHANCE:,.0f} times"
    )


if __name__ == "__main__":
    document = {setting: traces(setting) for setting in settings()}
    FILE.write_text(json.dumps(document, indent=1) + "\n")
