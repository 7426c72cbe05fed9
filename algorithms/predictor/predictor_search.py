"""Search with any registered regressor as predictor (White et al., 2021, https://arxiv.org/abs/2104.01177)."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np

from algorithms.models.acquisition import acquisition as score
from algorithms.models.acquisition import check_name
from algorithms.models.candidates import mutants, unseen
from algorithms.models.regressor_search import RegressorSearch, is_finite
from nasbench.algorithm import Known
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressor, Regressors
from nasbench.space import Arch, SearchSpace


class PredictorSearch(RegressorSearch):
    """Trains the best predictions of a registered regressor among mutants and random architectures.

    The regressor learns all results. Candidates are mutants of the best results and random
    architectures, none of them proposed before; the ``batch`` most promising are trained, then the
    regressor is fitted again. Predictors are compared in this way by White et al. (2021).

    Numbers of ``known`` join the encoding as features of the regressor, as zero-cost scores do in
    their OMNI predictors; see :class:`~algorithms.models.known_features.KnownFeatures`. Every
    candidate is asked for them, and the clock charges the recorded seconds.

    A preset names a regressor (``nasbench list regressors``), which has its default settings. Some
    estimate no uncertainty (``gin``, ``mlp``, ``xgb``): then every acquisition takes the lowest
    predictions first.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        batch: Number of architectures between two fits.
        regressor: Registered name of the regressor.
        regressor_settings: Hyperparameters of the regressor, on top of its defaults.
        acquisition: How a prediction is valued: ``"ei"``, ``"log_ei"``, ``"pi"``, ``"ucb"``,
            ``"ts"`` or ``"mean"``, see :mod:`algorithms.models.acquisition`.
        beta: Weight of the uncertainty in ``"ucb"``.
        mutants: Number of candidates that are mutants of the best results.
        random: Number of candidates that are random.
        parents: Best results that are mutated.
        known: Scores or costs of an architecture, which join its encoding as features.
        regressors: Makes regressors.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "random_forest": {"regressor": "random_forest"},
        "xgb": {"regressor": "xgb"},
        "ngb": {"regressor": "ngb"},
        "gaussian_process": {"regressor": "gaussian_process"},
        "mlp": {"regressor": "mlp"},
        "gin": {"regressor": "gin"},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 10,
        regressor: str = "random_forest",
        regressor_settings: Mapping[str, Any] | None = None,
        acquisition: str = "mean",
        beta: float = 0.5,
        mutants: int = 100,
        random: int = 100,
        parents: int = 10,
        known: Known | None = None,
        regressors: Regressors | None = None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            regressor=regressor,
            regressor_settings=regressor_settings,
            regressors=regressors,
            known=known,
        )
        for name, value in (("mutants", mutants), ("random", random)):
            if value < 0:
                raise InvalidArgumentError(f"{name} = {value} must not be negative")
        if not mutants + random:
            raise InvalidArgumentError("mutants and random must not both be 0")
        if parents < 1:
            raise InvalidArgumentError(f"parents = {parents} must be at least 1")
        if not 0 <= beta < inf:
            raise InvalidArgumentError(f"beta = {beta} must be finite, not negative")
        check_name(acquisition)
        self.acquisition = acquisition
        self.beta = beta
        self.mutants = mutants
        self.random = random
        self.parents = parents

    def choose_by(self, model: Regressor, n: int) -> Sequence[Arch]:
        candidates = self._candidates()
        if not candidates:
            return []
        found = model.predict(np.array(candidates))
        if not is_finite(found):
            return []
        best = float(self.targets().min())
        gain = score(self.acquisition, found.mean, found.std, best, self.beta, self.array_rng)
        order = np.lexsort((found.mean, -gain))  # where no gain is expected, the lowest first
        return [candidates[i] for i in order[:n].tolist()]

    def _candidates(self) -> list[Arch]:
        parents = self.examples.best(self.parents)
        near = mutants(parents, self.mutants, self.seen, self._mutate, at_once=len(parents))
        return near + unseen(self.space, self.random, self.rng, {*self.seen, *near})

    def _mutate(self, arch: Arch) -> Arch:
        return self.space.mutate(arch, self.rng)
