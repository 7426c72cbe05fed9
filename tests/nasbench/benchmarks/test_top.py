"""The best architectures of a table."""

import math

import numpy as np
import pytest

from nasbench.benchmarks.loading import load
from nasbench.benchmarks.top import significant, top
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError


def test_the_best_come_first_with_mean_spread_and_seeds(toy, archs):
    best = top(toy, 3)
    assert [entry.arch for entry in best.entries] == [archs[5], archs[3], archs[2]]
    assert [entry.value for entry in best.entries] == [56, 36, 25]
    assert [entry.seeds for entry in best.entries] == [(0, 2), (0, 1, 2), (0, 1)]
    assert best.entries[0].spread == pytest.approx(math.sqrt(8))
    assert (best.n_ranked, best.n_without) == (5, 1)  # a training of cell 4 diverged


def test_values_are_those_of_queries(toy):
    for entry in top(toy, 9, by="test_accuracy", epoch=2).entries:
        assert entry.value == toy.query(entry.arch, epoch=2)["test_accuracy"]
        each = [toy.query(entry.arch, epoch=2, seed=s)["test_accuracy"] for s in entry.seeds]
        assert entry.value == pytest.approx(np.mean(each))
        assert entry.spread == pytest.approx(np.std(each, ddof=1))


def test_a_cost_is_best_where_it_is_lowest(toy, archs):
    best = top(toy, 2, by="latency_toy_ms")
    assert [(entry.arch, entry.value) for entry in best.entries] == [(archs[0], 0), (archs[1], 0.5)]
    assert best.entries[0].seeds == ()
    assert math.isnan(best.entries[0].spread)
    assert best.n_without == 1
    assert best.entries[0].costs["parameters"] == 100
    assert "latency_toy_ms" not in best.entries[0].costs


def test_equal_values_share_a_rank(toy):
    best = top(toy, 9, by="train_loss")
    assert [(entry.rank, entry.tied) for entry in best.entries] == [(1, True)] * 5


def test_means_that_differ_by_rounding_are_equal():
    values = np.array([91.61 + 1e-8, 91.61, 0.0, np.nan, np.inf, -3e-200, 153_272_970.0])
    found = significant(values)
    assert found[0] == found[1]
    np.testing.assert_allclose(found, values, rtol=1e-6)
    assert found[6] == 153_272_970


def test_a_schedule_is_ranked_by_what_it_records(toy_files, archs):
    benchmark = load(toy_files["schedules"])
    short = top(benchmark, 9, epoch=2)
    assert {entry.arch for entry in short.entries} == {archs[0], archs[3]}
    assert short.entries[0].value == benchmark.query(archs[3], epoch=2)["valid_accuracy"]
    early = top(benchmark, 9, schedule=4, epoch=2)
    assert (
        early.entries[0].value == benchmark.query(archs[3], schedule=4, epoch=2)["valid_accuracy"]
    )


def test_one_entry_stands_for_a_class(toy_files):
    best = top(load(toy_files["classes"]), 9)
    assert (len(best.entries), best.by_class) == (3, True)


def test_a_part_of_a_space_is_ranked(recorded):
    assert len(top(recorded("plain"), 9).entries) == 5


def test_what_cannot_be_ranked_is_refused(toy, toy_files):
    with pytest.raises(InvalidArgumentError, match=r"'score' .* has no better end"):
        top(toy, by="score")
    with pytest.raises(UnknownNameError, match="did you mean 'valid_accuracy'"):
        top(toy, by="valid_acuracy")
    with pytest.raises(InvalidArgumentError, match="positive"):
        top(toy, 0)
    with pytest.raises(NotRecordedError, match="name a column"):
        top(load(toy_files["no_validation"]))
    with pytest.raises(NotRecordedError, match="epoch 9"):
        top(toy, epoch=9)
    with pytest.raises(NotRecordedError, match="schedule"):
        top(load(toy_files["schedules"]), schedule=7)
    with pytest.raises(InvalidArgumentError, match="is a surrogate"):
        top(load("darts-fashion-surrogate"))
