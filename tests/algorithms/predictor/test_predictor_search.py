import math

import numpy as np
import pytest
from toys import Numbers, drive

import nasbench
from algorithms.predictor.predictor_ea import PredictorEA
from algorithms.predictor.predictor_search import PredictorSearch
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.regressor import Prediction, Regressor
from nasbench.runs.fingerprints.fingerprint import code_files
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.runs.setup import registered_regressor
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix


class Oracle(Regressor):
    """Knows the loss."""

    family = "oracle"
    save = restore = None

    def _fit(self, archs, targets):
        self.archs = archs

    def _predict(self, archs):
        return Prediction(archs.sum(axis=1).astype(float), np.zeros(len(archs)))


Oracle.__abstractmethods__ = frozenset()


class Constant(Oracle):
    """Learned nothing."""

    def _predict(self, archs):
        return Prediction(np.ones(len(archs)), np.ones(len(archs)))


class Unfit(Oracle):
    def _fit(self, archs, targets):
        raise InvalidArgumentError("too few")


def total(arch):
    return float(sum(arch))


def made(kind, model=None, space=None, **settings):
    regressors = registered_regressor
    if model is not None:
        regressors = lambda name, space, **options: model(space, seed=options["seed"])  # noqa: E731
    return kind(space or NB201(), fidelities=(9,), seed=0, regressors=regressors, **settings)


@pytest.mark.parametrize("acquisition", ["mean", "ei", "log_ei", "pi", "ucb"])
def test_the_best_predictions_are_trained_best_first(acquisition):
    search = made(PredictorSearch, Oracle, acquisition=acquisition, initial=5)
    archs = drive(search, total, 25)
    chosen = [total(arch) for arch in archs[5:15]]
    assert chosen == sorted(chosen)
    assert max(chosen) <= min(map(total, archs[:5]))
    assert search.fallbacks == 0
    assert len(set(archs)) == 25


def test_children_are_the_best_of_several_mutants():
    search = made(PredictorEA, Oracle, population=1, sample=1, initial=1, batch=1, children=200)
    archs = drive(search, total, 2)
    assert search.fallbacks == 1  # one result teaches nothing
    archs += drive(search, total, 1, first=2)
    near = set(search.space.neighbors(archs[1])) - set(archs[:2])
    assert total(archs[2]) == min(map(total, near))


@pytest.mark.parametrize("kind", [PredictorSearch, PredictorEA])
@pytest.mark.parametrize("model", [Unfit, Constant])
def test_a_regressor_that_cannot_be_fitted_or_learns_nothing_is_a_fallback(kind, model):
    search = made(kind, model, initial=5)
    assert len(drive(search, total, 12)) == 12
    assert search.fallbacks == 7


@pytest.mark.parametrize("kind", [PredictorSearch, PredictorEA])
def test_what_is_said_of_the_model(kind):
    search = made(kind, regressor="ensemble", regressor_settings={"regressor": "random_forest"})
    assert search.families == ("random forest",)
    names = {path.name for path in code_files(kind, *search.inner_regressors)}
    assert {"ensemble.py", "random_forest.py", "trees.py", "batch_search.py"} <= names


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"regressor": "random_forrest"}, UnknownNameError, "did you mean 'random_forest'"),
        ({"regressor": "rf"}, UnknownNameError, "did you mean 'random_forest'"),
        ({"regressor": "os:system"}, UnknownNameError, "no regressor is called"),
        ({"regressor_settings": {"tree": 3}}, UnknownNameError, "did you mean 'trees'"),
        ({"regressor_settings": {"trees": 0}}, InvalidArgumentError, "trees = 0"),
        ({"regressor_settings": "trees"}, InvalidArgumentError, "must map names to values"),
        ({"mutants": 0, "random": 0}, InvalidArgumentError, "must not both be 0"),
        ({"acquisition": "eii"}, InvalidArgumentError, "did you mean 'ei'"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        made(PredictorSearch, **settings)


def test_a_graph_network_needs_graphs():
    pytest.importorskip("torch", reason="the graph network is of PyTorch")
    with pytest.raises(InvalidArgumentError, match="no graph form"):
        made(PredictorSearch, space=FCNet(), regressor="gin")


def test_without_regressors_it_says_what_to_pass():
    with pytest.raises(InvalidArgumentError, match="registered_regressor"):
        PredictorSearch(NB201(), fidelities=(9,), seed=0)


class Grid(Numbers, options=(4, 4, 4, 4)):
    """256 architectures."""


def luck(arch):
    """A loss that the encoding does not tell."""
    return mix(key(arch)) % 10_000 / 500


def by_luck(kind, n, **settings):
    """Trials of a search with scores that decide the loss, and of one without."""
    return [
        drive(
            made(kind, space=Grid(), known=known, regressor_settings={"trees": 10}, **settings),
            luck,
            n,
        )
        for known in (lambda arch: (math.exp(luck(arch)), math.nan), None)
    ]


def test_scores_that_decide_the_loss_lead_to_the_optimum():
    optimum = min(Grid().archs(), key=luck)
    trials = by_luck(PredictorSearch, 256, initial=10, batch=8)
    places = [archs.index(optimum) for archs in trials]
    assert places[0] < 40
    assert places[1] > 2 * places[0]


def test_scores_that_decide_the_loss_select_the_better_children():
    """Losses are from 0 to 20."""
    settings = {"population": 10, "sample": 5, "initial": 10, "batch": 5}
    trials = by_luck(PredictorEA, 50, **settings)
    means = [np.mean([luck(arch) for arch in archs[10:]]) for archs in trials]
    assert means[0] < 7
    assert means[1] > 8.5


@pytest.mark.parametrize(
    "regressor", ["random_forest", "xgb", "gaussian_process", "linear", "knn", "svr"]
)
def test_degenerate_scores_are_no_reason_for_a_fallback(regressor):
    if regressor == "xgb":
        pytest.importorskip("xgboost", reason="XGBoost is an extra")
    values = (math.nan, math.inf, -math.inf, 1e308, 1.0)
    known = lambda arch: (math.nan, 2.0, math.inf, values[arch[0]])  # noqa: E731
    search = made(PredictorSearch, regressor=regressor, known=known, initial=5, batch=5)
    assert len(set(drive(search, total, 15))) == 15
    assert search.fallbacks == 0


def test_the_clock_charges_the_scores_of_what_was_asked_and_nothing_else():
    benchmark = nasbench.load("lite201-digits", known=["synflow"])
    asked = {}

    class Spy(KnownNumbers):
        def __call__(self, arch):
            asked[arch] = None
            return super().__call__(arch)

    known = Spy(benchmark)
    search = PredictorSearch(
        benchmark.space,
        fidelities=benchmark.fidelities,
        seed=0,
        mutants=5,
        random=5,
        known=known,
        regressors=registered_regressor,
    )
    run = replay(search, benchmark, budget=nasbench.Budget(trials=30), known=known)
    assert not run.known_seconds[:10].any()
    assert run.known_seconds[10] > 0
    assert run.known_seconds[20] > 0
    # 20 examples and twice ten candidates, some of which were trained
    assert 20 < len(asked) <= 40
    expected = math.fsum(benchmark.known_numbers(arch)[1] for arch in asked)
    assert math.fsum(run.known_seconds) == pytest.approx(expected)


def test_known_numbers_are_given_by_their_names():
    settings = {"regressor_settings": {"trees": 5}}
    budget = nasbench.Budget(trials=15)
    runs = [
        nasbench.search(
            "predictor_search",
            "lite201-digits",
            budget=budget,
            known=known,
            hyperparameters=settings,
        )[0]
        for known in ((), ("synflow", "nwot"))
    ]
    assert runs[1].manifest.known == ("synflow", "nwot")
    traces = [[trial.proposal.arch for trial in run.trials] for run in runs]
    assert traces[0][:10] == traces[1][:10]
    assert traces[0] != traces[1]


def test_a_graph_network_takes_no_scores():
    pytest.importorskip("torch", reason="the graph network is of PyTorch")
    with pytest.raises(InvalidArgumentError, match="GIN reads nothing but the architecture"):
        made(PredictorSearch, regressor="gin", known=lambda arch: (1.0,))
