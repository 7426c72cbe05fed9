import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.catalogue import open_table
from nasbench.errors import InvalidArgumentError, UnknownNameError
from surrogates.examples import Examples, split


@pytest.fixture(scope="module")
def digits():
    return Examples.read(open_table("lite201-digits"))


def test_means_are_those_of_the_benchmark(digits):
    table = nasbench.load("lite201-digits")
    for metric, epoch in (("valid_accuracy", 8), ("test_accuracy", 3)):
        expected = table.query_many(digits.archs, metric, epoch=epoch)
        found = digits.means[:, digits.place(metric, epoch)]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    expected = table.query_many(digits.archs, "seconds", epoch=5)
    np.testing.assert_allclose(digits.seconds[:, 4], expected, rtol=1e-6)


def test_written_architectures_keep_their_own_numbers():
    published = Examples.read(open_table("nb201-cifar100"))
    assert len(published) == 15_625
    assert len(np.unique(published.functions)) == 5_044
    table = nasbench.load("nb201-cifar100")
    archs = np.array([table.space.unrank(rank) for rank in range(0, 15_625, 100)])
    np.testing.assert_allclose(
        published.means[::100, 0], table.query_many(archs, "valid_accuracy"), rtol=1e-6
    )


def test_a_choice_keeps_the_trainings_of_the_chosen(digits):
    chosen = np.array([40, 7, 300])
    few = digits.of(chosen)
    np.testing.assert_allclose(few.means, digits.means[chosen])
    np.testing.assert_array_equal(few.archs, digits.archs[chosen])
    np.testing.assert_array_equal(np.unique(few.owner), [0, 1, 2])
    assert (np.diff(few.owner) >= 0).all()


@pytest.mark.parametrize("table", ["nb201-cifar10", "lite201-digits"])
def test_split_keeps_functions_apart(table):
    published = Examples.read(open_table(table))
    train, test = split(published, 1000, seed=0)
    assert len(train) == 1000
    sides = [
        {published.space.function(tuple(arch)) for arch in published.archs[side].tolist()}
        for side in (train, test)
    ]
    assert not sides[0] & sides[1]
    again, _ = split(published, 1000, seed=0)
    other, _ = split(published, 1000, seed=1)
    np.testing.assert_array_equal(train, again)
    assert not np.array_equal(train, other)


@pytest.mark.parametrize("n", [3, 5_255])
def test_both_sides_of_a_split_are_large_enough(digits, n):
    with pytest.raises(InvalidArgumentError, match="at least 10"):
        split(digits, n, seed=0)


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, True])
def test_a_seed_of_a_split_is_an_integer(digits, seed):
    with pytest.raises(InvalidArgumentError, match=rf"seed = {seed!r} must be an integer in 0\.\."):
        split(digits, 100, seed=seed)


def test_unknown_metrics_are_refused(digits):
    with pytest.raises(UnknownNameError, match="did you mean 'valid_accuracy'"):
        Examples.read(open_table("lite201-digits"), ["valid_acuracy"])
    with pytest.raises(UnknownNameError, match="no metric 'seconds'"):
        Examples.read(open_table("lite201-digits"), ["seconds"])
    with pytest.raises(UnknownNameError, match="epoch 9"):
        digits.place("valid_accuracy", 9)
