"""What an observation holds."""

import math

import numpy as np
import pytest

from nasbench.algorithm import LARGEST_LOSS, Observation, Proposal
from nasbench.errors import InvalidArgumentError


def observed(losses):
    return Observation(0, Proposal((0, 0)), losses, 1.0).losses


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((math.inf, 2.0), (math.inf, 2.0)),
        ((5e-324, -1e39), (5e-324, -1e39)),
        ((1e308, -1e308), (math.inf, -LARGEST_LOSS)),
        ([3, np.float32(0.5)], (3.0, 0.5)),
        (np.array([np.inf, 1.5]), (math.inf, 1.5)),
    ],
    ids=["diverged", "extreme", "huge", "other numbers", "array"],
)
def test_losses_are_numbers_that_searches_can_calculate_with(given, kept):
    losses = observed(given)
    assert losses == kept
    assert type(losses) is tuple
    assert {*map(type, losses)} == {float}


def test_so_are_those_along_the_curve():
    recorded = np.array([math.nan, math.inf, 1e308, -1e308, 1e39])
    observation = Observation(0, Proposal((0, 0)), (1e39,), 1.0, lambda _: recorded)
    expected = [math.nan, math.inf, math.inf, -LARGEST_LOSS, 1e39]
    np.testing.assert_array_equal(observation.curve, expected)
    assert recorded[2] == 1e308


@pytest.mark.parametrize(
    "losses",
    [(math.nan,), (1.0, math.nan), (-math.inf,), (), 1.0, None, (None,), ("low",), (10**400,)],
    ids=str,
)
def test_other_losses_are_refused(losses):
    with pytest.raises(InvalidArgumentError, match=r"must be a tuple of numbers.* with inf for"):
        observed(losses)
