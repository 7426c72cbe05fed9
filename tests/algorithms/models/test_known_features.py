import math
from statistics import fmean, pstdev

import numpy as np
import pytest

from algorithms.models.known_features import LIMIT, UNDEFINED, KnownFeatures


def features(numbers, examples=None):
    """Features of architectures (0,), (1,), … that have these rows of numbers."""
    found = KnownFeatures(lambda arch: numbers[arch[0]])
    found.fit([(i,) for i in (range(len(numbers)) if examples is None else examples)])
    return found(np.arange(len(numbers))[:, None])


def test_features_are_logarithms_in_standard_deviations():
    rng = np.random.default_rng(0)
    numbers = [tuple(row) for row in (rng.normal(size=(40, 2)) * [1e3, 1e-2]).tolist()]
    found = features(numbers, range(30))
    for place in range(2):
        logs = [math.copysign(math.log(1 + abs(row[place])), row[place]) for row in numbers]
        mean, std = fmean(logs[:30]), pstdev(logs[:30])
        expected = [min(max((log - mean) / std, -LIMIT), LIMIT) for log in logs]
        np.testing.assert_allclose(found[:, place], expected, rtol=1e-9, atol=1e-9)


def test_what_is_not_finite_is_bounded_and_in_order():
    inf, nan = math.inf, math.nan
    scores = [nan, -inf, -1e308, -2.0, 0.0, 2.0, 1e308, inf]
    (found,) = features([(score,) for score in scores], [0, 1, 3, 4, 5, 7]).T
    assert found[0] == UNDEFINED
    assert found[1] == found[2] == -LIMIT
    assert found[6] == found[7] == LIMIT
    assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(found[3:6], [-math.sqrt(1.5), 0, math.sqrt(1.5)])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-300, 1e308, 3.0])
def test_a_constant_score_says_nothing(value):
    np.testing.assert_allclose(features([(value,)] * 7), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("value", "feature"), [(math.nan, UNDEFINED), (math.inf, LIMIT), (-math.inf, -LIMIT)]
)
def test_examples_without_a_finite_score(value, feature):
    assert features([(value,), (value,), (1.0,)], [0, 1]).tolist() == [
        [feature],
        [feature],
        [pytest.approx(math.log(2))],
    ]
