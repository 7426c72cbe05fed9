"""Searching the recorded part of a space."""

from dataclasses import replace

import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import IllegalArchError, NotRecordedError
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_space


@pytest.fixture
def space(archs) -> RecordedSpace:
    whole = NB201()
    return RecordedSpace(whole, np.array(sorted(map(whole.rank, archs))))


def test_it_is_a_space(space):
    check_space(space)


def test_it_holds_what_is_recorded(space, archs):
    assert space.size == len(archs)
    assert list(space.archs()) == sorted(archs)
    assert all(space.is_legal(arch) for arch in archs)
    with pytest.raises(IllegalArchError, match="is not among the 6 recorded architectures"):
        space.check((0, 0, 0, 0, 0, 1))


def test_representatives_are_recorded():
    whole = NB201()
    twins = [(0, 3, 0, 0, 0, 1), (3, 0, 0, 0, 1, 0), (3, 3, 0, 0, 0, 0)]  # the first two are one
    space = RecordedSpace(whole, np.array(sorted(map(whole.rank, twins))))
    expected = {arch: whole.canonical(arch) for arch in twins}
    for arch in twins:
        representative = space.canonical(arch)
        assert representative in twins
        assert whole.canonical(representative) == expected[arch]


def test_functions_are_recorded():
    whole = NB201()
    twins = [(3, 1, 1, 0, 0, 4), (3, 4, 0, 0, 4, 1), (3, 3, 0, 0, 0, 0)]  # the first two are one
    space = RecordedSpace(whole, np.array(sorted(map(whole.rank, twins))))
    assert space.canonical(twins[0]) != space.canonical(twins[1])
    assert [space.function(arch) for arch in twins] == [twins[0], twins[0], twins[2]]
    check_space(space)


def test_spaces_with_the_same_architectures_are_equal(space, archs):
    whole = NB201()
    again = RecordedSpace(whole, np.array(sorted(map(whole.rank, archs))))
    fewer = RecordedSpace(whole, np.array(sorted(map(whole.rank, archs[1:]))))
    assert space == again
    assert hash(space) == hash(again)
    assert space != fewer
    assert space != whole


@pytest.mark.parametrize("kind", ["plain", "classes"])
def test_an_incomplete_table_is_searched_where_it_is_recorded(content, tmp_path, kind):
    toy = content(kind)
    whole = toy.load(tmp_path)
    toy = replace(toy, metadata=replace(toy.metadata, complete=False))
    benchmark = toy.load(tmp_path)
    assert isinstance(benchmark.space, RecordedSpace)
    assert isinstance(whole.space, NB201)
    keys = {tuple(row["arch"]) for row in toy.runs}
    assert set(benchmark.space.archs()) == keys
    path = tmp_path / f"{toy.metadata.id}.parquet"
    for algorithm in ("random_search", "local_search", "regularized_evolution"):
        runs = nasbench.search(
            algorithm, str(path), seeds=range(20), budget=nasbench.Budget(trials=10), processes=1
        )
        assert {trial.proposal.arch for run in runs for trial in run.trials} <= keys


def test_an_incomplete_table_is_searched_where_the_longest_schedule_is_recorded(content, tmp_path):
    toy = content("schedules")
    runs = [row for row in toy.runs if row["schedule"] == 2 or row["arch"][3] == 3]
    toy = replace(toy, runs=runs, metadata=replace(toy.metadata, complete=False))
    assert list(toy.load(tmp_path).space.archs()) == [(0, 0, 0, 3, 0, 0)]


def test_the_rest_of_the_space_can_be_asked_for(content, tmp_path):
    toy = content("classes")
    toy = replace(toy, metadata=replace(toy.metadata, complete=False))
    benchmark = toy.load(tmp_path)
    assert benchmark.query((0, 3, 0, 0, 0, 0))["valid_accuracy"] == 5
    with pytest.raises(NotRecordedError, match="holds no training of"):
        benchmark.query((4, 4, 4, 4, 4, 4))
