import numpy as np

from algorithms.models.curves.sums import last, sotl, sotl_ema

CURVES = np.random.default_rng(0).random((6, 5))


def test_sums_are_those_of_a_loop():
    for row, total, moving in zip(CURVES, sotl(CURVES), sotl_ema(CURVES, 0.9), strict=True):
        plain, average, averages = 0.0, row[0], 0.0
        for epoch, loss in enumerate(row):
            plain += loss
            average = loss if epoch == 0 else 0.1 * average + 0.9 * loss
            averages += average
        assert abs(total - plain) < 1e-12
        assert abs(moving - averages) < 1e-12


def test_one_point_is_its_own_sum():
    one = CURVES[:, :1]
    for method in (last, sotl, sotl_ema):
        assert method(one).tolist() == one[:, 0].tolist()


def test_the_average_of_a_weight_of_one_is_the_loss():
    assert np.allclose(sotl_ema(CURVES, 1.0), sotl(CURVES))


def test_the_last_loss_is_the_last_recorded():
    curves = np.array([[3.0, 2.0, np.nan], [3.0, np.nan, 1.0], [3.0, np.inf, np.inf]])
    assert last(curves).tolist() == [2.0, 1.0, np.inf]
    assert np.isnan(last(np.full((1, 3), np.nan))).all()


def test_curves_with_gaps_or_divergence_have_no_finite_sum():
    curves = np.array([[3.0, np.nan, 1.0], [3.0, np.inf, np.inf]])
    for method in (sotl, sotl_ema):
        assert np.isnan(method(curves)[0])
        assert method(curves)[1] == np.inf
