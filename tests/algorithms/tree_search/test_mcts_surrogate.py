import math
from random import Random
from typing import ClassVar

import numpy as np
import pytest
from toys import Numbers, Unequal, drive, mean_best, rugged, tell

from algorithms.tree_search.mcts_surrogate import MctsSurrogate
from algorithms.tree_search.mcts_uct import MctsUct
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.regressor import Prediction, Regressor
from nasbench.runs.setup import registered_regressor
from nasbench.spaces.nb201 import NB201


class Oracle(Regressor):
    """Predicts the sum of the options.

    It remembers in ``asked`` what it was asked since the fit, but for what it was fitted to.
    """

    family = "oracle"
    save = restore = None
    asked: ClassVar[list] = []

    def _fit(self, archs, targets):
        self.learned = archs
        self.asked.clear()

    def _predict(self, archs):
        if not np.array_equal(archs, self.learned):
            self.asked.extend(map(tuple, archs.tolist()))
        return Prediction(archs.sum(axis=1).astype(float), np.zeros(len(archs)))


class Hopeless(Oracle):
    def _predict(self, archs):
        return Prediction(np.full(len(archs), np.nan), np.zeros(len(archs)))


Oracle.__abstractmethods__ = Hopeless.__abstractmethods__ = frozenset()


def total(arch):
    return float(sum(arch))


def made(model=None, space=None, seed=0, **settings):
    regressors = registered_regressor
    if model is not None:
        regressors = lambda name, space, **options: model(space, seed=options["seed"])  # noqa: E731
    space = space or NB201()
    return MctsSurrogate(space, fidelities=(9,), seed=seed, regressors=regressors, **settings)


def learned(search, n):
    """Tell the results of ``n`` random architectures of the start."""
    drive(search, total, n)
    return search


@pytest.mark.parametrize("scale", [None, 8.0])
@pytest.mark.parametrize("exploration", [0.0, 0.1, 1.0])
def test_the_tree_search_is_that_of_mcts_uct_on_predictions(exploration, scale):
    """The best of what it visits is trained, if it was not before."""
    settings = {"exploration": exploration, "scale": scale}
    search = learned(made(Oracle, initial=5, samples=60, random_fraction=0.0, **settings), 5)
    losses = [total(arch) for arch in search.seen]
    if scale is not None:  # in losses, while predictions are in standard deviations of them
        settings["scale"] = scale / float(np.std(losses))
    twin = MctsUct(search.space, fidelities=(9,), seed=0, **settings)
    twin.rng = Random()
    state = search.rng.getstate()
    before = dict(search.seen)
    chosen = search.ask().arch
    twin.rng.setstate(state)
    twin.rng.random(), twin.rng.random()  # the seed of the model, and whether it is random
    visited = drive(twin, total, 60)
    assert list(dict.fromkeys(visited)) == Oracle.asked
    assert total(chosen) == min(total(arch) for arch in visited if arch not in before)


def test_a_model_that_knows_the_losses_leads_to_low_ones():
    """Sums are 12 in the mean; 210 of 15,625 architectures have one of at most 4."""
    search = made(Oracle, initial=5, samples=256, random_fraction=0.0)
    assert max(map(total, drive(search, total, 10)[5:])) <= 4
    assert search.fallbacks == 0


def test_every_rebuild_the_tree_is_empty():
    search = learned(made(Oracle, initial=4, samples=10, random_fraction=0.0, rebuild=3), 4)
    visits = []
    for trial in range(4, 12):
        drive(search, total, 1, first=trial)
        visits.append(search._tree.root.finished)
        assert search._tree.root.running == 0
    # It starts at four results, and is empty again at six, nine and twelve
    assert visits == [10, 20, 10, 20, 30, 10, 20, 30]


def test_a_share_is_random():
    search = made(Oracle, initial=2, samples=5, random_fraction=1.0)
    Oracle.asked.clear()
    assert len(set(drive(search, total, 30))) == 30
    assert not Oracle.asked
    assert search.fallbacks == 0
    guided = 0
    search = learned(made(Oracle, initial=2, samples=3, random_fraction=0.3), 2)
    for trial in range(2, 102):
        drive(search, total, 1, first=trial)
        guided += bool(Oracle.asked)
    assert 55 < guided < 85


def test_a_batch_has_the_best_predictions_best_first():
    search = learned(made(Oracle, initial=5, batch=6, samples=80, random_fraction=0.0), 5)
    before = dict(search.seen)
    chosen = drive(search, total, 6, first=5)
    visited = sorted(total(arch) for arch in set(Oracle.asked) - set(before))
    assert [total(arch) for arch in chosen] == visited[:6]
    assert search.fallbacks == 0


def test_an_architecture_is_trained_again_only_if_repeats_are_wanted():
    settings = {"space": Unequal(), "initial": 5, "random_fraction": 0.0, "exploration": 1.0}
    archs = drive(made(Oracle, repeats=True, **settings), total, 8)
    assert archs[5:] == [(0,) * 4] * 3
    archs = drive(made(Oracle, **settings), total, 100)
    assert len(archs) == len(set(archs)) == 56


def test_predictions_that_are_not_finite_are_a_fallback():
    search = made(Hopeless, initial=3, random_fraction=0.0)
    assert len(set(drive(search, total, 8))) == 8
    assert search.fallbacks == 5


def test_a_search_of_scaled_losses_is_the_same():
    def traces(factor, **settings):
        search = made(initial=5, samples=8, **settings)
        return drive(search, lambda arch: factor * rugged(arch, 16), 16)

    assert traces(1.0) == traces(2.0**-20)
    assert traces(1.0, scale=8.0) == traces(2.0**10, scale=2.0**13)
    assert traces(1.0, scale=8.0) != traces(2.0**10, scale=8.0)


class Arms(Numbers, options=(2,)):
    """One decision of two options."""


@pytest.mark.parametrize("losses", [(5e-324, 0.0), (1e40, -1e40), (0.0, math.inf)])
def test_extreme_losses_do_no_harm(losses):
    search = made(space=Arms(), initial=1, scale=100.0, repeats=True, random_fraction=0.0)
    for option in (0, 1):
        tell(search, (option,), losses[option])
    assert search.ask().arch in {(0,), (1,)}


def test_it_beats_the_tree_alone_on_the_published_table():
    found = mean_best("mcts_surrogate", 3, 60, samples=30)
    assert found < mean_best("mcts_uct", 60, 60) - 0.1
    assert made().families == ("linear",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0}, "samples = 0 must be at least 1"),
        ({"rebuild": 0}, "rebuild = 0 must be at least 1"),
        ({"random_fraction": 1.5}, r"random_fraction = 1.5 must be in \[0, 1\]"),
        ({"random_fraction": math.nan}, r"random_fraction = nan must be in \[0, 1\]"),
        ({"exploration": -1.0}, "exploration = -1.0 must be finite and not negative"),
        ({"scale": 0.0}, "scale = 0.0 must be positive and finite, or None"),
        ({"regressor_settings": {"tree": 1}}, "no hyperparameter 'tree'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=message):
        made(**settings)
