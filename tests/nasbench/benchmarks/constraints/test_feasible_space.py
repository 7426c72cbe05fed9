"""What a search sees of a table under constraints."""

import pickle

import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.constraints import feasible_space
from nasbench.benchmarks.relabelled import Relabelled
from nasbench.errors import IllegalArchError, InvalidArgumentError
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_benchmark, check_space

BOUNDS = ("parameters<=20000", "synflow>=1e9")


@pytest.fixture(scope="module")
def digits():
    """A table of classes, in which some cells have no synflow."""
    return nasbench.load("lite201-digits", constraints=BOUNDS)


def brute_force():
    table = nasbench.load("lite201-digits")
    archs = np.array(list(NB201().archs()))
    parameters = table.query_many(archs, "parameters")
    synflow = table.query_many(archs, "synflow")
    assert np.isnan(synflow).any()
    return [tuple(arch) for arch in archs[(parameters <= 20_000) & (synflow >= 1e9)].tolist()]


def test_it_holds_what_meets_all_constraints(digits):
    assert list(digits.space.archs()) == brute_force()
    assert digits.constraints == ("parameters<=20000", "synflow>=1000000000")
    check_space(digits.space)


def test_a_constrained_table_is_a_benchmark(digits):
    check_benchmark(digits, n=3)
    check_benchmark(Relabelled(digits, 1), n=2)


def test_what_a_search_may_ask_is_refused_beyond_the_constraints(digits):
    arch = (3, 3, 3, 1, 3, 2)
    for ask in (digits.evaluate, digits.trainings, digits.query, digits.known_numbers):
        with pytest.raises(IllegalArchError, match="does not meet parameters<=20000 and synflow"):
            ask(arch)
    assert digits.query_many(np.array([arch]), "parameters") == 51_506


def test_answers_are_those_of_the_table(digits):
    whole = nasbench.load("lite201-digits")
    for arch in list(digits.space.archs())[::500]:
        assert digits.query(arch) == whole.query(arch)
        assert digits.evaluate(arch, epoch=4, seed=1) == whole.evaluate(arch, epoch=4, seed=1)
        assert digits.trainings(arch) == whole.trainings(arch)


def test_the_order_of_constraints_does_not_count(digits):
    other = nasbench.load("lite201-digits", constraints=BOUNDS[::-1])
    assert other.constraints == digits.constraints
    assert other.space == digits.space


def test_a_copy_has_the_same_constraints(digits):
    copy = pickle.loads(pickle.dumps(digits))
    assert copy.constraints == digits.constraints
    assert copy.space == digits.space


def test_of_an_incomplete_table_only_what_is_recorded_counts(recorded, archs):
    part = recorded("plain", constraints=["parameters<=300"])
    assert list(part.space.archs()) == sorted(archs[:3])
    with pytest.raises(IllegalArchError, match="is not among the 6 recorded architectures"):
        part.space.check((0, 0, 0, 0, 0, 1))
    with pytest.raises(IllegalArchError, match="does not meet parameters<=300"):
        part.space.check(archs[3])


def test_who_lacks_the_number_does_not_meet_the_constraint(recorded, content, tmp_path, archs):
    part = recorded("plain", constraints=["latency_toy_ms>=0"])
    assert set(part.space.archs()) == {*archs} - {archs[2]}
    classes = content("classes")
    rows = {tuple(row["arch"]): row["parameters"] for row in classes.archs}
    few = classes.load(tmp_path, constraints=["parameters<=20"])
    assert list(few.space.archs()) == sorted(arch for arch, n in rows.items() if n <= 20)


def test_a_space_too_large_to_list_is_refused(monkeypatch):
    monkeypatch.setattr(feasible_space, "_MOST", 15_624)
    with pytest.raises(InvalidArgumentError, match=r"too many architectures .* 15,624 are"):
        nasbench.load("nb201-cifar10", constraints=["parameters<=500000"])
