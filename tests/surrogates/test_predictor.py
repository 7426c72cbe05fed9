import dataclasses

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import open_table
from nasbench.errors import InvalidArgumentError, SurrogateError
from surrogates.examples import Examples, split
from surrogates.predictor import Predictor, settings

SETTINGS = settings("xgb", {"rounds": 60})


@pytest.fixture(scope="module")
def examples():
    return Examples.read(open_table("lite201-digits"))


@pytest.fixture(scope="module")
def parts(examples):
    inside, outside = split(examples, 500, seed=0)
    return examples.of(inside), examples.of(outside)


def made(examples, components=4):
    level = examples.place("valid_accuracy")
    return Predictor(examples.space, "xgb", SETTINGS, components=components, level=level)


@pytest.fixture(scope="module")
def fitted(parts):
    return made(parts[0]).fit(parts[0])


def test_curves_of_unseen_networks_are_predicted(fitted, parts):
    answers, truth = fitted.predict(parts[1].archs), parts[1].means
    residual = np.square(answers.values - truth).sum(axis=0)
    total = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    assert (1 - residual / total)[parts[1].place("valid_accuracy", 4) :].max() > 0.6
    assert np.median(1 - residual / total) > 0.4


def test_seconds_are_predicted_and_never_fall(fitted, parts):
    seconds = fitted.predict(parts[1].archs).seconds
    error = np.abs(seconds[:, -1] / parts[1].seconds[:, -1] - 1)
    assert np.median(error) < 0.05
    assert (np.diff(seconds, axis=1) >= 0).all()


def test_saved_and_restored_it_says_the_same(fitted, parts, tmp_path):
    fitted.save(tmp_path)
    restored = made(parts[0]).restore(tmp_path)
    before, after = (p.predict(parts[1].archs[:50]) for p in (fitted, restored))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_equal(one, other)
    center = before.centers[0]
    np.testing.assert_array_equal(fitted.draw(center, 5, 6), restored.draw(center, 5, 6))


def test_files_of_another_shape_are_refused(fitted, parts, tmp_path):
    fitted.save(tmp_path)
    other = Predictor(parts[0].space, "xgb", SETTINGS, components=4, level=99)
    with pytest.raises(SurrogateError, match="does not fit"):
        other.restore(tmp_path)


def test_noise_is_that_between_trainings(fitted, parts):
    seen = parts[1]
    place = seen.place("valid_accuracy")
    residuals = seen.runs[:, place] - seen.means[seen.owner, place]
    between = np.sqrt(np.square(residuals).sum() / (len(seen.runs) - len(seen)))
    stated = np.sqrt(
        np.square(fitted.noise_std(fitted.predict(seen.archs).centers)[:, place]).mean()
    )
    assert stated == pytest.approx(between, rel=0.25)


def only(seen, kept):
    """The examples of those trainings alone; every architecture keeps one at least."""
    return dataclasses.replace(seen, runs=seen.runs[kept], owner=seen.owner[kept])


def test_where_nothing_was_trained_twice_every_training_is_the_mean(parts):
    single = only(parts[0], parts[0].first)
    predictor = made(single).fit(single)
    answers = predictor.predict(parts[1].archs[:20])
    for i, rank in enumerate(parts[1].functions[:20].tolist()):
        for seed in (0, 2**63 - 1):
            drawn = predictor.draw(answers.centers[i], rank, seed)
            np.testing.assert_array_equal(drawn, answers.values[i])
    np.testing.assert_array_equal(predictor.noise_std(answers.centers), 0)


def test_without_noise_the_uncertainty_is_that_of_the_model(parts):
    single = only(parts[0], parts[0].first)
    answers = made(single).fit(single).predict(parts[1].archs)
    place = single.place("valid_accuracy")
    errors = np.abs(answers.values - parts[1].means)[:, place]
    assert (errors < answers.std[:, place]).mean() == pytest.approx(0.68, abs=0.1)


@pytest.mark.parametrize(("repeated", "is_noisy"), [(9, False), (150, True)])
def test_noise_needs_repeated_trainings(parts, repeated, is_noisy):
    seen = parts[0]
    few = only(seen, np.isin(np.arange(len(seen.runs)), seen.first) | (seen.owner < repeated))
    predictor = made(few).fit(few)
    assert few.repeated == (repeated if is_noisy else 0)
    assert predictor.noise_std(predictor.predict(seen.archs).centers).any() == is_noisy


def test_collapsed_trainings_do_not_widen_the_noise(parts, fitted):
    seen, place = parts[0], parts[0].place("valid_accuracy")
    runs = seen.runs.copy()
    runs[np.random.default_rng(0).random(len(runs)) < 0.05, place] = 10.0
    spoilt = made(seen).fit(dataclasses.replace(seen, runs=runs))
    levels = np.repeat(seen.means.mean(axis=0)[None], 3, axis=0)
    levels[:, place] = [75.0, 85.0, 92.0]
    found, clean = (predictor.noise_std(levels)[:, place] for predictor in (spoilt, fitted))
    np.testing.assert_allclose(found, clean, rtol=0.35)


class Apart:
    """Predicts zero, and refuses to predict a function that it was fitted to."""

    def __init__(self, space):
        self.space = space

    def fit(self, archs, values):
        self.seen = set(self.space.rank_many(self.space.function_many(archs)).tolist())
        return self

    def predict(self, archs):
        asked = self.space.rank_many(self.space.function_many(archs)).tolist()
        assert not self.seen & set(asked)
        return np.zeros(len(archs)), np.zeros(len(archs))


def test_held_out_predictions_have_not_seen_the_function(fitted, examples, monkeypatch):
    assert len(np.unique(examples.functions)) == 5_044 < len(examples)
    monkeypatch.setattr(fitted, "_make", lambda number: Apart(examples.space))
    held_out, _ = fitted._held_out(examples, examples.means)
    assert held_out.shape == examples.means.shape


def test_equal_seconds_need_no_regressor(parts):
    seen = parts[0]
    same = dataclasses.replace(seen, seconds=np.broadcast_to(np.arange(1.0, 9), (len(seen), 8)))
    answers = made(same, components=1).fit(same).predict(seen.archs[:3])
    np.testing.assert_allclose(answers.seconds, same.seconds[:3])


def test_equal_values_teach_nothing(parts):
    seen = parts[0]
    same = dataclasses.replace(seen, runs=np.ones_like(seen.runs))
    with pytest.raises(InvalidArgumentError, match="nothing to learn"):
        made(same).fit(same)


@pytest.fixture(scope="module")
def losses():
    """A predictor of losses, what it learned from, and what not."""
    read = Examples.read(open_table("fcnet-slice"))
    inside, outside = split(read, 500, seed=0)
    seen, unseen = read.of(inside), read.of(outside[::25])
    level = read.place("valid_mse")
    return Predictor(read.space, "xgb", SETTINGS, components=3, level=level).fit(seen), seen, unseen


def test_losses_are_learned_as_logarithms(losses):
    predictor, _, unseen = losses
    answers = predictor.predict(unseen.archs)
    place = predictor.level
    assert predictor.logged.all()
    assert (answers.values > 0).all()
    errors = np.log(answers.values / unseen.means)[:, place]
    assert abs(np.median(errors)) < 0.5 * np.log(unseen.means[:, place]).std()


def test_without_a_seed_a_loss_is_the_mean_over_seeds(losses):
    """Trainings of logarithms are log-normal: the exponential of their mean lies below theirs."""
    predictor, _, unseen = losses
    answers = predictor.predict(unseen.archs[::120])
    means, centers = (part[:, predictor.level] for part in (answers.values, answers.centers))
    std = predictor.noise_std(answers.centers)[:, predictor.level]
    assert (np.exp(centers) / means).min() < 0.96
    for i, rank in enumerate(unseen.functions[::120].tolist()):
        drawn = [predictor.draw(answers.centers[i], rank, seed) for seed in range(3_000)]
        ratios = np.array(drawn)[:, predictor.level] / means[i]
        assert ratios.mean() == pytest.approx(1, abs=5 * std[i] / 3_000**0.5)
        assert np.log(ratios).std() == pytest.approx(std[i], rel=0.1)
