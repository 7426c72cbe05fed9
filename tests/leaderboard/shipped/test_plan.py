from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import nasbench.data
from leaderboard.shipped import PLAN
from leaderboard.shipped.plan import load_plan, units
from nasbench.benchmarks.catalogue import catalogue
from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError
from nasbench.runs.budget import Budget
from nasbench.runs.setup import Setup
from nasbench.siblings import SIBLINGS

NEEDS = {
    "oneshot": ("spos", {}),
    "zero_cost": ("zero_cost", {"known": ["grad_norm"]}),
    "multi_objective": ("netadapt", {"known": ["parameters"]}),
    "constrained": ("netadapt", {"known": ["parameters"]}),
    "multi_fidelity": ("hyperband", {}),
}
"""A method by which to find out whether a benchmark has what a family needs, and its options."""

PART = """
[[part]]
name = "small"
benchmarks = ["nb201-cifar10", "nb201-cifar100"]
trials = 10
seeds = 3
families = ["random_search", "local"]
algorithms = ["regularized_evolution/nats"]
without = ["fpnas", "hill_climb/nash"]
presets = ["nb201-cifar100"]
"""


@pytest.fixture
def plan(tmp_path):
    def written(text):
        path = tmp_path / "plan.toml"
        path.write_text(text)
        return path

    return written


def test_a_family_brings_all_that_are_registered(plan):
    found = list(units(load_plan(plan(PART)), ["nb201-cifar10"]))
    local = [n for n, place in SIBLINGS.load("algorithms").items() if ".local." in place]
    expected = {"random_search", "regularized_evolution", *local} - {"fpnas"}
    assert {unit.setup.algorithm for unit in found} == expected
    assert [u.setup.preset for u in found if u.setup.preset] == ["nats"]
    assert found[0].name == "random_search on nb201-cifar10 (small)"
    assert {(u.seeds, u.setup.budget.trials) for u in found} == {(3, 10)}


def test_presets_run_where_they_are_wanted_unless_they_equal_the_defaults(plan):
    found = units(load_plan(plan(PART)), ["nb201-cifar100"])
    presets = {(u.setup.algorithm, u.setup.preset) for u in found if u.setup.preset}
    assert ("local_search", "naszilla") in presets
    assert ("hill_climb", "nash") not in presets  # without
    whole = PART.replace('"local"]', '"tournament_evolution"]').replace("without", "#")
    with pytest.raises(UnknownNameError, match="no family is called 'tournament_evolution'"):
        load_plan(plan(whole))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("trials = 10", "trial = 10"), "has the key 'trial'; did you mean 'trials'"),
        (("seeds = 3", ""), "needs name, benchmarks and seeds"),
        (("seeds = 3", "seeds = 0"), "seeds = 0 must be a positive integer"),
        (("trials = 10", ""), "a budget needs at least one of"),
        (('"random_search", ', '"randomsearch", '), "no family is called 'randomsearch'"),
        (("evolution/nats", "evolutions/nats"), "no algorithm is called"),
        (('["nb201-cifar10", "nb201-cifar100"]', '"nb201"'), "benchmarks = 'nb201' must be a list"),
        (('benchmarks = ["nb201-cifar10", "nb201-cifar100"]', "benchmarks = []"), "is empty"),
        (("[[part]]", "[part]"), "needs tables"),
        (("name =", "name"), "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_plan_is_one_line(plan, change, message):
    with pytest.raises(NasbenchError, match=r"plan\.toml") as caught:
        load_plan(plan(PART.replace(*change)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parts_have_different_names_and_a_plan_exists(plan, tmp_path):
    with pytest.raises(InvalidArgumentError, match="two parts with the name 'small'"):
        load_plan(plan(PART + PART))
    with pytest.raises(InvalidArgumentError, match="cannot read"):
        load_plan(tmp_path / "none.toml")


@pytest.fixture(scope="module")
def shipped():
    return list(units(load_plan(PLAN)))


class TestShipped:
    def test_every_algorithm_takes_part(self, shipped):
        assert set(SIBLINGS.load("algorithms")) <= {unit.setup.algorithm for unit in shipped}

    def test_every_benchmark_takes_part(self, shipped):
        data = Path(nasbench.data.__file__).parent
        there = {name for name, (path, *_) in catalogue().items() if path.parent == data}
        assert {unit.setup.benchmark for unit in shipped} == there

    def test_no_row_is_there_twice(self, shipped):
        found = [(u.setup.benchmark, repr(u.setup)) for u in shipped]
        assert len(set(found)) == len(found)

    def test_the_page_counts_what_is_planned_and_what_is_not(self, shipped):
        registry = SIBLINGS.load("algorithms")
        planned = {(unit.setup.algorithm, unit.setup.benchmark) for unit in shipped}
        others = Counter(
            without_rows(place.split(".")[1], benchmark)
            for name, place in registry.items()
            for benchmark in {unit.setup.benchmark for unit in shipped}
            if (name, benchmark) not in planned
        )
        assert set(others) == {"impossible", "random", "left"}
        page = (Path(__file__).parents[3] / "docs/leaderboard.md").read_text(encoding="utf-8")
        every = len(planned) + others.total()
        for text in (
            f"{len(shipped):,} rows, {len(planned):,} of the {every:,} pairs",
            f"{others['impossible']:,} pairs cannot exist",
            f"{others['random']:,} would be random search",
            f"The other {others['left']:,} are not planned",
        ):
            assert text in " ".join(page.split())


@cache
def without_rows(family, benchmark):
    """Why a family has no rows on a benchmark: they cannot exist, say nothing, or are left out."""
    name, options = NEEDS.get(family, ("random_search", {}))
    setup = Setup(algorithm=name, benchmark=benchmark, budget=Budget(trials=10), **options)
    try:
        random = setup.prepare().manifest.random_trials is None
    except NasbenchError:
        return "impossible"
    return "random" if random and family == "multi_fidelity" else "left"
