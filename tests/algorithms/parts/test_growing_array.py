import numpy as np

from algorithms.parts.growing_array import GrowingArray


def test_rows_are_inserted_as_into_a_list():
    rng, expected = np.random.default_rng(0), []
    grown = GrowingArray(np.float64, 2)
    for i in range(300):
        place = int(rng.integers(len(expected) + 1))
        expected.insert(place, [i, -i])
        grown.insert(place, (i, -i))
        assert len(grown.rows) == i + 1
    grown.append((0.5, 1.5))
    assert grown.rows.tolist() == [*expected, [0.5, 1.5]]


def test_a_row_can_be_a_number():
    grown = GrowingArray(np.intp)
    assert grown.rows.shape == (0,)
    grown.append(7)
    assert (grown.rows.tolist(), grown.rows.dtype) == ([7], np.intp)
