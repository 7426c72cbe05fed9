import numpy as np
import pytest
from toys import drive

from algorithms.predictor.predictor_ea import PredictorEA
from algorithms.predictor.predictor_search import PredictorSearch
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.regressor import Prediction, Regressor
from nasbench.runs.fingerprint import code_files
from nasbench.runs.setup import registered_regressor
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201


class Oracle(Regressor):
    """Knows the loss."""

    family = "oracle"
    save = restore = None

    def _fit(self, archs, targets):
        self.archs = archs

    def _predict(self, archs):
        return Prediction(archs.sum(axis=1).astype(float), np.zeros(len(archs)))


Oracle.__abstractmethods__ = frozenset()


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
def test_a_regressor_that_cannot_be_fitted_is_a_fallback(kind):
    search = made(kind, Unfit, initial=5)
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
