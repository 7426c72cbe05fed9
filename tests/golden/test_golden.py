"""Golden traces: what every algorithm records on a published table must not change unnoticed.

``golden.json`` beside this file holds, for every algorithm and preset whose choices no fitted model
decides, the SHA-256 of the columns of the records of three searches of 200 trials on nb201-cifar10,
of multi-fidelity methods on lite201-digits, of settings for squared errors on fcnet-protein (more
trials where a method begins with more random architectures), of methods for several objectives by
accuracy and parameters, of methods that need scores on lite201-digits with synflow and nwot, of
methods that need a cost on nb201-cifar10 with parameters. They hold for every supported Python.
After a change that is wanted, write it anew and say so in the changelog:

    python tests/golden/test_golden.py
"""

import json
import sys
from itertools import combinations
from pathlib import Path

import pytest

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


if __name__ == "__main__":
    document = {setting: traces(setting) for setting in settings()}
    FILE.write_text(json.dumps(document, indent=1) + "\n")
