import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from algorithms.models.acquisition import expected_improvement
from algorithms.models.examples import Examples
from algorithms.models.processes.kernels import Exponential, hamming
from algorithms.models.processes.process_search import ProcessSearch, scaled
from nasbench.algorithm import Observation, Proposal
from nasbench.encodings import one_hot
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

SPACE = NB201()
SIGNAL, NOISE, LENGTH = 1.5, 0.01, 1.2


class Fixed(ProcessSearch):
    """Chooses from a fixed pool, with fixed parameters."""

    def __init__(self, space, *, fidelities, seed, batch=1, **changes):
        kernel = Exponential(hamming(space), length=LENGTH)
        kernel.bounds = [(math.log(LENGTH), math.log(LENGTH))]
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=8,
            batch=batch,
            kernels=[kernel],
            signal=(SIGNAL, SIGNAL),
            noise=(NOISE, NOISE),
            **{"acquisition": "ei", **changes},
        )
        self.offered = [(0, 1, 2, 3, 4, option) for option in range(5)]
        self.offered += [(4, 3, option, 3, 2, 1) for option in range(5)]

    def pool(self, process):
        return [arch for arch in self.offered if arch not in self.seen]


def started(**changes):
    made = Fixed(SPACE, fidelities=(200,), seed=0, **changes)
    proposals = [made.ask() for _ in range(12)]
    for trial, proposal in enumerate(proposals[:8]):
        loss = 10.0 + sum(proposal.arch) + 0.1 * trial
        made.tell(Observation(trial, proposal, (loss,), 1.0))
    return made, proposals


def predicted(archs, targets, pool):
    model = GaussianProcessRegressor(
        ConstantKernel(SIGNAL) * RBF(LENGTH * math.sqrt(2)), alpha=NOISE, optimizer=None
    ).fit(one_hot(SPACE, archs).astype(float), targets)
    return model.predict(one_hot(SPACE, pool).astype(float), return_std=True)


def test_a_step_is_that_of_scikit_learn_with_running_trials_as_predicted():
    made, proposals = started()
    done, running = ([p.arch for p in x] for x in (proposals[:8], proposals[8:]))
    targets = made.examples.targets()
    believed, _ = predicted(done, targets, running)
    targets = np.concatenate([targets, believed])
    pool = made.pool(None)
    mean, std = predicted([*done, *running], targets, pool)
    gains = expected_improvement(mean, std, targets.min())
    assert made.ask() == Proposal(pool[int(np.argmax(gains))])


def test_a_batch_is_chosen_one_by_one_or_together():
    made, proposals = started(batch=3)
    archs = [p.arch for p in proposals]
    targets = made.examples.targets()
    targets = np.concatenate([targets, predicted(archs[:8], targets, archs[8:])[0]])
    pool = made.pool(None)
    expected = []
    for _ in range(3):
        mean, std = predicted(archs, targets, pool)
        place = int(np.argmax(expected_improvement(mean, std, targets.min())))
        targets = np.append(targets, mean[place])
        expected.append(pool.pop(place))
        archs.append(expected[-1])
    assert [made.ask().arch for _ in range(3)] == expected
    together, _ = started(batch=3, believer=False)
    pool = together.pool(None)
    mean, std = predicted(archs[:12], targets[:12], pool)
    order = np.argsort(-expected_improvement(mean, std, targets[:12].min()))
    assert [together.ask().arch for _ in range(3)] == [pool[place] for place in order[:3]]


def test_many_fantasies_average_the_improvement():
    made, proposals = started(fantasies=2000)
    done, running = ([p.arch for p in x] for x in (proposals[:8], proposals[8:]))
    process = made._hallucinated(made._updated(), running)
    pool = made.pool(None)
    found = made.scores(process, pool)
    targets = made.examples.targets()
    model = GaussianProcessRegressor(
        ConstantKernel(SIGNAL) * RBF(LENGTH * math.sqrt(2)), alpha=NOISE, optimizer=None
    ).fit(one_hot(SPACE, done).astype(float), targets)
    drawn = model.sample_y(one_hot(SPACE, running).astype(float), 80, random_state=0)
    gains = []
    for losses in drawn.T:
        all_targets = np.concatenate([targets, losses])
        mean, std = predicted([*done, *running], all_targets, pool)
        gains.append(expected_improvement(mean, std, all_targets.min()))
    error = np.std(gains, axis=0) / math.sqrt(80)
    assert (np.abs(found - np.mean(gains, axis=0)) < 5 * error + 1e-12).all()


def test_fantasies_of_a_batch_spread_as_predicted_one_after_the_other():
    made, _ = started(fantasies=4000)
    process = made._updated()
    pool = made.pool(None)[3:7]
    _, expected = process.predict(pool)
    for arch in pool:
        process = made._hallucinated(process, [arch])
    found = process.targets[-len(pool) :].std(axis=1)
    assert (expected > 0.5).all()
    np.testing.assert_allclose(found, expected, rtol=0.06)


@pytest.mark.parametrize("name", ["ei", "log_ei", "pi", "ucb", "ts", "mean"])
@pytest.mark.parametrize("fantasies", [0, 3])
def test_every_acquisition_function_chooses_something_new(name, fantasies):
    made, _ = started(acquisition=name, fantasies=fantasies, batch=2)
    chosen = [made.ask().arch for _ in range(2)]
    assert len(set(chosen)) == 2
    assert set(chosen) <= set(made.offered)
    assert made.fallbacks == 0


def test_an_empty_pool_is_a_fallback():
    made, _ = started()
    made.offered = []
    assert made.ask() is not None
    assert made.fallbacks == 1


def test_parameters_are_fitted_again_once_the_results_have_grown():
    made, proposals = started(refit=0.5)
    sizes = []
    made._fit = lambda number, targets: (
        sizes.append(len(targets)) or Fixed._fit(made, number, targets)
    )
    for trial, proposal in enumerate(proposals[8:], start=8):
        made.ask()
        made.tell(Observation(trial, proposal, (float(trial),), 1.0))
    made.ask()
    assert sizes == [8, 12]


def test_a_fit_leaves_parameters_by_which_nothing_is_similar():
    class Fitted(ProcessSearch):
        def pool(self, process):
            return [arch for arch in SPACE.archs() if arch not in self.seen][:50]

    kernel = Exponential(hamming(SPACE))
    made = Fitted(
        SPACE, fidelities=(200,), seed=0, initial=40, batch=1, kernels=[kernel], acquisition="ei"
    )
    for trial in range(40):
        arch = made.ask().arch
        made.tell(Observation(trial, Proposal(arch), (float(sum(arch)),), 1.0))
    made._last[0] = np.array([0.0, math.log(1e-5), -1.0])
    made.ask()
    assert made._process.logs[2] > 0.5


def examples(losses):
    found = Examples()
    for trial, loss in enumerate(losses):
        found.add(Observation(trial, Proposal((trial,)), (loss,), 1.0))
    return found


def test_targets_are_losses_logarithms_or_normal_scores():
    losses = [3.0, 1.0, 4.0, math.inf, 2.0]
    finite = np.array([3.0, 1.0, 4.0, 4.0, 2.0])
    expected = {
        "losses": finite,
        "logarithms": np.log(finite),
        "ranks": norm.ppf([0.5, 0.1, 0.8, 0.8, 0.3]),
    }
    for how, values in expected.items():
        found = scaled(examples(losses), how)
        np.testing.assert_allclose(found, (values - values.mean()) / values.std(), atol=1e-12)


@pytest.mark.parametrize("losses", [[0.0, 1.0, 2.0], [-1.0, 3.0], [1.0, 1.0 + 2**-52]])
def test_losses_without_different_logarithms_are_taken_as_they_are(losses):
    found = examples(losses)
    np.testing.assert_allclose(scaled(found, "logarithms").std(), 1.0)
    assert np.argsort(scaled(found, "logarithms")).tolist() == list(range(len(losses)))


def test_impossible_hyperparameters_are_refused():
    for changes, message in (
        ({"acquisition": "eii"}, "did you mean"),
        ({"targets": "rank"}, "did you mean 'ranks'"),
        ({"beta": -1.0}, "beta = -1.0 must be finite, not negative"),
        ({"refit": math.inf}, "refit = inf must be finite"),
        ({"fantasies": -1}, "fantasies = -1 must not be negative"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            started(**changes)
