import numpy as np
import pytest
from scipy.special import ndtr

from algorithms.models.curves.lc_svr import FEWEST, CurveSVR, features
from nasbench.errors import InvalidArgumentError


def beginnings(n, seed=0):
    """Curves of three epochs, and the ends that these curves determine."""
    rng = np.random.default_rng(seed)
    end, drop = rng.uniform(5, 20, n), rng.uniform(10, 60, n)
    return end[:, None] + drop[:, None] * np.array([1.0, 0.5, 0.3]), end + 0.1 * drop


def test_features_are_losses_differences_and_moments():
    losses = np.array([[9.0, 5.0, 4.0], [8.0, 8.0, 2.0]])
    found = features(losses, np.array([[7.0], [6.0]]))
    assert found[0].tolist() == [9, 5, 4, -4, -1, 3, 6, np.std([9, 5, 4]), 7]
    assert found[1].tolist() == [8, 8, 2, 0, -6, -6, 6, np.std([8, 8, 2]), 6]


@pytest.mark.parametrize(("k", "columns"), [(1, 3), (2, 5), (3, 8)])
def test_short_curves_have_the_differences_that_there_are(k, columns):
    assert features(np.ones((4, k)), np.zeros((4, 0))).shape == (4, columns)


def test_ends_are_learned_from_beginnings():
    losses, ends = beginnings(60)
    model = CurveSVR(draws=50, seed=0).fit(features(losses, np.zeros((60, 0))), ends)
    losses, ends = beginnings(200, seed=1)
    errors = model.predict(features(losses, np.zeros((200, 0)))) - ends
    assert np.sqrt((errors**2).mean()) < 0.2 * ends.std()
    assert 0.3 < np.sqrt((errors**2).mean()) / model.std < 3


def test_more_draws_are_not_worse_in_cross_validation():
    losses, ends = beginnings(30)
    rows = features(losses, np.zeros((30, 0)))
    stds = [CurveSVR(draws=n, seed=3).fit(rows, ends).std for n in (1, 5, 40)]
    assert stds == sorted(stds, reverse=True)
    assert stds[-1] < stds[0]


def test_the_probability_is_normal_around_the_prediction():
    losses, ends = beginnings(30)
    rows = features(losses, np.zeros((30, 0)))
    model = CurveSVR(draws=10, seed=0).fit(rows, ends)
    expected = ndtr((12.0 - model.predict(rows)) / model.std)
    assert model.below(rows, 12.0) == pytest.approx(expected)


def test_examples_that_are_all_alike_tell_their_end():
    rows = np.ones((8, 3))
    model = CurveSVR(draws=3, seed=0).fit(rows, np.full(8, 7.0))
    assert model.predict(rows).tolist() == [7.0] * 8
    assert (model.below(rows, 6.0)[0], model.below(rows, 8.0)[0]) == (0.0, 1.0)
    assert model.below(rows, 7.0)[0] == 0.5


def test_a_fit_leaves_the_global_generator_alone():
    losses, ends = beginnings(12)
    before = str(np.random.get_state(legacy=False))  # noqa: NPY002
    CurveSVR(draws=2, seed=0).fit(losses, ends)
    assert str(np.random.get_state(legacy=False)) == before  # noqa: NPY002


def test_too_few_examples_and_draws_are_refused():
    with pytest.raises(InvalidArgumentError, match="draws = 0"):
        CurveSVR(draws=0, seed=0)
    with pytest.raises(InvalidArgumentError, match=f"{FEWEST - 1} examples are too few"):
        CurveSVR(draws=1, seed=0).fit(np.ones((FEWEST - 1, 2)), np.ones(FEWEST - 1))
