import numpy as np
import pytest

import nasbench
from nasbench.tables.table import Table
from surrogates.comparison import compare


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
            np.testing.assert_array_equal(side.finals[i], expected)
            np.testing.assert_array_equal(side.values[i, -1], expected.mean())


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
    np.testing.assert_array_equal(few.truth[0], table.query_many(chosen, "valid_accuracy"))
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
