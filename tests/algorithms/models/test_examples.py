import math

import numpy as np
import pytest

from algorithms.models.examples import Examples
from nasbench.algorithm import LARGEST_LOSS, Observation, Proposal


def examples(losses):
    found = Examples()
    for trial, loss in enumerate(losses):
        found.add(Observation(trial, Proposal((trial % 3,)), (loss,), 1.0))
    return found


def test_targets_are_standardised():
    targets = examples([3.0, 1.0, 2.0, 6.0]).targets()
    assert targets.mean() == pytest.approx(0.0, abs=1e-15)
    assert targets.std() == pytest.approx(1.0)
    assert np.argsort(targets).tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize("unit", [5e-324, 1e-300, 1.0, LARGEST_LOSS / 8])
def test_targets_do_not_depend_on_the_unit(unit):
    losses = [0.0, 1.0, 4.0, 7.0]
    expected = examples(losses).targets()
    np.testing.assert_allclose(examples([unit * x for x in losses]).targets(), expected)


def test_a_diverged_training_counts_as_the_worst_one():
    targets = examples([1.0, math.inf, 3.0, 2.0]).targets()
    assert targets[1] == targets[2] == targets.max()


@pytest.mark.parametrize("losses", [[], [1.0], [2.0, 2.0], [math.inf] * 3, [math.inf, 1.0]])
def test_nothing_can_be_learned_from_one_loss(losses):
    assert examples(losses).targets() is None


def test_the_best_architectures_are_different_and_ordered():
    found = examples([5.0, 1.0, math.inf, 0.5, 3.0, 2.0])  # architectures 0 1 2 0 1 2
    assert found.best(2) == [(0,), (1,)]
    assert found.best(9) == [(0,), (1,), (2,)]
    assert found.lowest == 0.5
    assert examples([]).lowest == math.inf
