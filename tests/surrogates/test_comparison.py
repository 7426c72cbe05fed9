import numpy as np
import pytest

import nasbench
from nasbench.tables.table import Table
from surrogates.comparison import Comparison, Side, compare, known_mean
from surrogates.examples import Examples
from surrogates.exploits import Exploits, Pool
from surrogates.fit import fit


@pytest.fixture(scope="module")
def few(digits):
    return compare(
        "lite201-digits",
        str(digits.path),
        "valid_accuracy",
        algorithms=("random_search", "local_search"),
        seeds=3,
        trials=40,
    )


def test_searches_are_those_of_the_suite(few, digits):
    for side, name in ((few.table, "lite201-digits"), (few.surrogate, digits.path)):
        benchmark = nasbench.load(name)
        for i, algorithm in enumerate(few.algorithms):
            runs = nasbench.search(
                algorithm, name, seeds=range(3), budget=nasbench.Budget(trials=40), fidelities=(8,)
            )
            chosen = np.array([run.archs[run.incumbent_trials()[-1]] for run in runs])
            expected = benchmark.query_many(chosen, "valid_accuracy")
            np.testing.assert_allclose(side.finals[i], expected, rtol=1e-6)
            np.testing.assert_allclose(side.values[i, -1], expected.mean(), rtol=1e-6)


def test_choices_on_the_surrogate_are_looked_up_in_the_table(few, digits):
    table = nasbench.load("lite201-digits")
    runs = nasbench.search(
        "random_search",
        digits.path,
        seeds=range(3),
        budget=nasbench.Budget(trials=40),
        fidelities=(8,),
    )
    last = [run.incumbent_trials()[-1] for run in runs]
    chosen = np.array([run.archs[i] for run, i in zip(runs, last, strict=True)])
    truth = table.query_many(chosen, "valid_accuracy")
    np.testing.assert_allclose(few.truth[0], truth, rtol=1e-6)
    seen = [100 - run.losses[i, 0] for run, i in zip(runs, last, strict=True)]
    np.testing.assert_allclose(few.seen[0], seen)


def test_of_an_incomplete_table_what_it_records_is_searched():
    recorded = nasbench.load("darts-fashion")
    assert not Table(recorded.table.path).metadata.complete
    found = compare(
        "darts-fashion",
        "darts-fashion-surrogate",
        "valid_accuracy",
        algorithms=("random_search",),
        seeds=2,
        trials=20,
    )
    assert found.truth.shape == found.seen.shape == (1, 2)
    assert np.isfinite(found.truth).all()


def test_a_diverged_training_is_no_part_of_a_mean(toy, worth, tmp_path):
    """One training of each of the 30 best diverged: a mean over all of them would be NaN."""
    best = sorted(worth, key=worth.get)[-30:]

    def diverged(arch, seed):
        return arch in best and seed == 2

    def accuracy(arch, seed):
        return [worth[arch] + seed / 10, float("nan") if diverged(arch, seed) else worth[arch] + 1]

    path = toy(
        "best-diverge",
        {"valid_accuracy": accuracy},
        seeds=range(3),
        epochs=2,
        diverged=diverged,
    )
    made = fit(path, tmp_path, regressor="random_forest", hyperparameters={"trees": 10}, searches=0)
    found = compare(str(path), str(made.path), "valid_accuracy", seeds=2)
    assert (found.truth > 60).all()
    assert np.isfinite(found.table.intervals).all()
    assert np.isfinite(found.table.values[:, -1]).all()
    assert np.isfinite(found.rank_correlation)
    examples = Examples.read(Table(path), ["valid_accuracy"])
    exploits = Exploits.find(found, Pool.of(examples, examples.place("valid_accuracy")))
    assert exploits.astray == 0


def side(means, deviations):
    """Searches of four algorithms with three seeds."""
    finals = np.array(means)[:, None] + np.array(deviations)[:, None] * [-1, 0, 1]
    return Side(finals.mean(axis=1, keepdims=True), finals)


@pytest.mark.parametrize(
    ("maximised", "separated", "turned"),
    [(True, ["ab", "ac", "bc"], ["ab"]), (False, ["ba", "ca", "cb"], ["ba"])],
)
def test_pairs_are_separated_the_better_one_first(maximised, separated, turned):
    """Of "d", the seeds of the table differ too much to separate it from any other."""
    table = side([3, 2, 1, 1.5], [0.1, 0.1, 0.1, 3])
    surrogate = side([2, 3, 1, 0], [0.1, 0.1, 0.1, 0.1])
    unknown = np.zeros((4, 3))
    found = Comparison(tuple("abcd"), table, surrogate, unknown, unknown, maximised)
    assert sorted(map("".join, found.separated)) == separated
    assert list(map("".join, found.reversed)) == turned
    assert found.rank_correlation == pytest.approx(1 / 3)


def test_means_leave_out_what_is_not_known():
    values = np.array([[1.0, 3.0], [np.nan, 5.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(known_mean(values), [2.0, 5.0, np.nan])
