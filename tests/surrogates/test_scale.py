import numpy as np

from nasbench.column import Column
from surrogates.scale import from_learned, logged, to_learned

COLUMNS = tuple(map(Column.of, ("valid_loss", "test_loss", "valid_accuracy")))
RUNS = np.array([[2.0, 1.0, 3.0, 2.0, 40.0, 50.0], [2.5, 1.5, 1.0, 0.0, 41.0, 52.0]])


def test_positive_metrics_that_are_minimised_are_learned_as_logarithms():
    """The second loss is 0 once."""
    assert logged(RUNS, COLUMNS).tolist() == [True, True, False, False, False, False]


def test_there_and_back():
    places = logged(RUNS, COLUMNS)
    inner = to_learned(RUNS, places)
    np.testing.assert_array_equal(inner[:, :2], np.log(RUNS[:, :2]))
    np.testing.assert_array_equal(inner[:, 2:], RUNS[:, 2:])
    np.testing.assert_allclose(from_learned(inner, places), RUNS)
    np.testing.assert_allclose(from_learned(inner[0], places), RUNS[0])
