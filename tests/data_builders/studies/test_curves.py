"""Agreement of extrapolated curves with their ends: known cases, and a look at real tables."""

import math

import numpy as np
import pytest

import nasbench
from data_builders.studies.curves import (
    Agreement,
    Sample,
    agreement,
    curve_data,
    curve_study,
    curve_table,
)
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError
from nasbench.siblings import SIBLINGS

EXTRAPOLATORS = SIBLINGS.load("extrapolators")


@pytest.fixture(scope="module")
def digits():
    return nasbench.load("lite201-digits")


def sample(n=40, seed=0):
    """Curves of eight epochs that fall to their ends as a power of the epoch."""
    rng = np.random.default_rng(seed)
    epochs = np.arange(1.0, 9)
    valid = rng.uniform(5, 30, (n, 1)) + rng.uniform(20, 60, (n, 1)) * epochs**-0.8
    return Sample(epochs, valid, valid / 100, np.zeros((n, 0)))


def test_agreement_of_numbers():
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    assert agreement(truth, truth) == (1.0, 0.0)
    assert agreement(-truth, truth) == (-1.0, 5.0)
    # Five of six pairs agree
    assert agreement(np.array([2.0, 1.0, 3.0, 4.0]), truth) == (pytest.approx(2 / 3), 0.5)


def test_diverged_trainings_are_ranked_last_and_have_no_distance():
    truth = np.array([1.0, 2.0, np.inf])
    assert agreement(np.array([1.5, 2.0, np.inf]), truth) == (1.0, 0.25)
    assert agreement(np.array([1.0, 2.0, 0.0]), truth)[0] == pytest.approx(-1 / 3)


def test_what_is_not_said_does_not_count():
    truth = np.array([1.0, 2.0, 3.0])
    assert agreement(np.array([5.0, np.nan, 6.0]), truth) == (1.0, 3.5)
    assert all(map(math.isnan, agreement(np.full(3, np.nan), truth)))


@pytest.mark.parametrize("name", EXTRAPOLATORS)
def test_low_predictions_mean_low_ends(name):
    judged, complete = sample(), sample(seed=1)
    for epoch in (1, 4, 7):
        seen = judged.until(epoch)
        predicted = EXTRAPOLATORS[name].predict(seen, complete)
        assert predicted.shape == (40,)
        tau, _ = agreement(predicted, judged.valid[:, -1])
        assert tau > (0.3 if epoch == 1 else 0.5)


def test_what_is_a_loss_approaches_it():
    judged, complete = sample(), sample(seed=1)
    for name in ("lc_pow", "lc_pow_monotone", "lc_svr"):
        assert EXTRAPOLATORS[name].is_loss
        predicted = EXTRAPOLATORS[name].predict(judged.until(5), complete)
        still = EXTRAPOLATORS["lc_last"].predict(judged.until(5), complete)
        truth = judged.valid[:, -1]
        assert agreement(predicted, truth)[1] < 0.5 * agreement(still, truth)[1]


@pytest.mark.parametrize("name", [name for name in EXTRAPOLATORS if EXTRAPOLATORS[name].is_loss])
def test_a_diverged_training_is_predicted_to_have_diverged(name):
    judged = sample()
    judged.valid[3, 2:] = np.inf
    predicted = EXTRAPOLATORS[name].predict(judged.until(4), sample(seed=1))
    assert np.flatnonzero(np.isinf(predicted)).tolist() == [3]


def test_support_vectors_say_nothing_without_examples_or_with_gaps():
    predict = EXTRAPOLATORS["lc_svr"].predict
    judged = sample()
    assert np.isnan(predict(judged.until(4), sample(n=5))).all()
    judged.valid[3, 2] = np.nan
    assert np.flatnonzero(np.isnan(predict(judged.until(4), sample(seed=1)))).tolist() == [3]


def test_the_study_of_digits_is_that_of_its_curves(digits):
    rows = curve_study(digits, methods=["lc_last"], epochs=[7], seeds=[3], archs=500, examples=1)
    (row,) = rows
    every = np.array(list(digits.space.archs()))
    archs = np.unique(digits.space.canonical_many(every), axis=0)[::7]
    ends, before = (digits.query_many(archs, "valid_accuracy", epoch=e, seed=0) for e in (8, 7))
    tau, error = agreement(100 - before, 100 - ends)
    assert row.kendall == pytest.approx(tau, abs=0.06)
    assert row.points == pytest.approx(error, abs=0.2)
    assert (row.kendall_error, row.points_error) == (None, None)


def test_seeds_draw_other_samples_and_give_errors(digits):
    options = {"methods": ["lc_last", "lc_sotl"], "epochs": [2, 5], "archs": 30, "examples": 1}
    one, other, both = (curve_study(digits, seeds=seeds, **options) for seeds in ([0], [1], [0, 1]))
    assert [(row.method, row.epoch) for row in both] == [
        ("lc_last", 2),
        ("lc_last", 5),
        ("lc_sotl", 2),
        ("lc_sotl", 5),
    ]
    for a, b, mean in zip(one, other, both, strict=True):
        assert a.kendall != b.kendall
        assert mean.kendall == pytest.approx((a.kendall + b.kendall) / 2)
        assert mean.kendall_error == pytest.approx(abs(a.kendall - b.kendall) / 2)
        assert (mean.points is None) == (mean.method == "lc_sotl")


@pytest.mark.parametrize("name", ["lite201-fashion", "seqmix-copy", "darts-fashion"])
def test_all_tables_with_curves_can_be_studied(name):
    table = nasbench.load(name)
    before = table.fidelities[-2]
    told = []
    rows = curve_study(
        table,
        methods=["lc_last", "lc_sotl_e", "lc_pow"],
        epochs=[before],
        seeds=[0],
        archs=40,
        examples=40,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [row.epoch for row in rows] == [before] * 3
    assert all(row.kendall > 0.2 for row in rows)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_all_epochs_before_the_last_are_seen_by_default(digits):
    rows = curve_study(digits, methods=["lc_last"], seeds=[0], archs=20, examples=1)
    assert [row.epoch for row in rows] == [1, 2, 3, 4, 5, 6, 7]


def test_rows_as_text_and_data():
    rows = [
        Agreement("lc_last", 1, 0.5, 0.01, 12.34, 0.5),
        Agreement("lc_last", 2, None, None, 3.0, 0.1),
        Agreement("lc_sotl", 1, 0.25, 0.01, None, None),
        Agreement("lc_sotl", 2, 0.756, 0.01, None, None),
    ]
    assert curve_table(rows).splitlines() == [
        "| epoch | 1 | 2 |",
        "|---|--:|--:|",
        "| lc_last | 0.50 / 12.3 | - / 3.0 |",
        "| lc_sotl | 0.25 | 0.76 |",
    ]
    assert curve_data(rows)[2] == {
        "method": "lc_sotl",
        "epoch": 1,
        "kendall": 0.25,
        "kendall_error": 0.01,
        "points": None,
        "points_error": None,
    }


@pytest.mark.parametrize(
    ("table", "options", "error", "message"),
    [
        ("lite201-digits", {"methods": ["lc_pw"]}, UnknownNameError, "did you mean 'lc_pow'"),
        ("lite201-digits", {"epochs": [8]}, NotRecordedError, "no epoch 8 before its last, 8"),
        ("lite201-digits", {"archs": 1}, InvalidArgumentError, "archs = 1"),
        ("lite201-digits", {"examples": 0}, InvalidArgumentError, "examples = 0"),
        ("darts-fashion", {"archs": 390}, InvalidArgumentError, "more than the 400 architectures"),
        ("nb201-cifar10", {}, NotRecordedError, "no curve of 'valid_accuracy'"),
        ("fcnet-protein", {}, NotRecordedError, "does not record 'valid_accuracy'"),
    ],
)
def test_what_cannot_be_studied(table, options, error, message):
    with pytest.raises(error, match=message):
        curve_study(nasbench.load(table), **options)
