import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.catalogue import open_table
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError
from nasbench.tables.table import Table
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


def accuracy(worth):
    return lambda arch, seed: worth[arch]


def test_the_default_objective_is_always_learned(toy, worth):
    columns = {
        "valid_loss": lambda arch, seed: 5 - worth[arch] / 25,
        "test_accuracy": accuracy(worth),
    }
    found = Examples.read(Table(toy("loss-decides", columns, default="valid_loss")))
    assert [column.name for column in found.columns] == ["valid_loss", "test_accuracy"]
    assert found.objective("valid_loss") == "valid_loss"
    chosen = Examples.read(Table(toy("loss-too", columns, default="valid_loss")), ["test_accuracy"])
    assert chosen.objective("valid_loss") is None


def test_a_test_column_is_no_objective(toy, worth):
    found = Examples.read(Table(toy("test-only", {"test_accuracy": accuracy(worth)}, default=None)))
    assert found.objective(None) is None


NAN = float("nan")


def test_what_is_left_out_is_counted_by_reason(toy, worth):
    archs = sorted(worth)
    lost, untested = archs[:20], archs[20:120]

    def curve(arch, *without):
        return [worth[arch], NAN if any(arch in archs for archs in without) else worth[arch]]

    columns = {
        "valid_accuracy": lambda arch, seed: curve(arch, lost),
        "test_accuracy": lambda arch, seed: curve(arch, lost, untested),
    }
    path = toy("holes", columns, seeds=(0, 1), epochs=2, diverged=lambda arch, _: arch in lost)
    found = Examples.read(Table(path))
    assert len(found) == 366 - 120
    assert found.left_out == (
        "120 of 366 architectures left out: 20 diverged, 100 miss test_accuracy"
    )
    only = Examples.read(Table(path), ["valid_accuracy"])
    assert only.left_out == "20 of 366 architectures left out: 20 diverged"
    with pytest.raises(
        InvalidArgumentError, match=r"from 300 of 246 .* \(120 of 366 .* left out: "
    ):
        split(found, 300, seed=0)


def test_nothing_is_left_out_of_a_whole_table(digits):
    assert digits.left_out == ""


def test_a_table_without_a_finished_training_teaches_nothing(toy):
    path = toy("lost", {"valid_accuracy": lambda *_: NAN}, diverged=lambda *_: True)
    with pytest.raises(NotRecordedError, match="no training of 'lost' has a value of valid_acc"):
        Examples.read(Table(path))


def test_seconds_are_those_of_finished_trainings(toy, worth):
    path = toy(
        "short",
        {
            "valid_accuracy": lambda a, s: [worth[a], NAN if s == 2 else worth[a]],
            "seconds": lambda a, s: [5.0, 5.0] if s == 2 else [100.0, 200.0],
        },
        seeds=range(3),
        epochs=2,
        diverged=lambda arch, seed: seed == 2,
    )
    seconds = Examples.read(Table(path)).seconds
    np.testing.assert_array_equal(seconds, np.broadcast_to([100.0, 200.0], seconds.shape))


def test_seconds_of_whole_trainings_are_spread_over_the_epochs(toy, worth):
    columns = {"valid_accuracy": lambda a, s: [worth[a]] * 4, "seconds": lambda a, s: 40.0}
    seconds = Examples.read(Table(toy("whole-seconds", columns, epochs=4))).seconds
    np.testing.assert_array_equal(seconds[7], [10.0, 20.0, 30.0, 40.0])


def test_means_are_found_by_the_key_of_the_table():
    published = Examples.read(open_table("nb201-cifar100"))
    some = np.array([7, 15_624, 7, 2**40])
    expected = [*published.means[some[:3], published.place("valid_accuracy")], np.nan]
    np.testing.assert_array_equal(published.means_of(some, "valid_accuracy"), expected)
    few = published.of(np.array([15_624, 7]))
    np.testing.assert_array_equal(few.means_of(some, "valid_accuracy"), expected)
