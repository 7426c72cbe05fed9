"""Stopping by regression on curves (Baker et al., 2018, https://arxiv.org/abs/1705.10823)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from algorithms.models.curves.families import Numbers
from algorithms.models.curves.lc_svr import FEWEST, CurveSVR, features
from algorithms.models.curves.stopped_search import StoppedSearch, Training
from algorithms.models.known_features import KnownFeatures
from nasbench.algorithm import Known
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressors
from nasbench.space import Arch, SearchSpace


class LCSVR(StoppedSearch):
    """Stops trainings for which a regression on curves predicts no new best (Baker et al., 2018).

    What an inner algorithm proposes is trained from fidelity to fidelity, the first ``initial``
    architectures to the last. For each fidelity, a support vector regression then learns from these
    to predict the final loss, from the losses so far, their differences, and numbers known before
    training, if there are any. The error of a prediction is taken as normal, with the standard
    deviation of cross-validation. A training stops if it beats the best complete one with at most
    ``probability``. The inner algorithm, which sees the last fidelity only, is told the predicted
    loss. With a single fidelity nothing is stopped.

    Preset ``baker`` has the sizes of the paper, for long searches; its rule of stopping and the
    sizes are after the paper. The paper stops trainings of MetaQNN and Hyperband; the default stops
    those of random search.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending; trainings can stop at each.
        seed: Seed of the search, of the models and of the inner algorithm.
        known: Gives features of architectures, such as their parameters; also passed on to an inner
            algorithm that takes it.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        regressors: Passed on to the inner algorithm.
        probability: A training stops if a new best is not more probable, in [0, 1].
        initial: Complete trainings that the models learn from, at least 6.
        draws: Settings of each model that are tried.
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.

    Raises:
        UnknownNameError: No such algorithm, preset or hyperparameter.
        InvalidArgumentError: A hyperparameter has an impossible value, or the inner algorithm is
            refused by :class:`~algorithms.parts.inner.Wrapper`.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"baker": {"initial": 100, "draws": 1000}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        known: Known | None = None,
        resumable: bool = True,
        regressors: Regressors | None = None,
        probability: float = 0.05,
        initial: int = 20,
        draws: int = 30,
        search: str = "random_search",
        search_preset: str | None = None,
        search_settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            known=known,
            resumable=resumable,
            regressors=regressors,
            probability=probability,
            search=search,
            search_preset=search_preset,
            search_settings=search_settings,
        )
        if initial < FEWEST:
            raise InvalidArgumentError(f"initial = {initial} must be at least {FEWEST}")
        if draws < 1:
            raise InvalidArgumentError(f"draws = {draws} must be at least 1")
        self.initial = initial
        self.draws = draws
        if len(self.fidelities) > 1:
            self.families = ("support vector regression", *self._inner.families)
        self._known = None if known is None else KnownFeatures(known)
        self._examples: list[Training] = []
        self._models: dict[tuple[int, ...], CurveSVR] = {}

    def completed(self, training: Training) -> None:
        if len(self._examples) < self.initial:
            self._examples.append(training)
            if len(self._examples) == self.initial and self._known is not None:
                self._known.fit([example.proposal.arch for example in self._examples])

    def ending(self, training: Training) -> float | None:
        if len(self._examples) < self.initial:
            return None
        epochs = tuple(e for e in training.points if all(e in x.points for x in self._examples))
        if epochs not in self._models:
            targets = np.array([x.points[self.fidelities[-1]] for x in self._examples])
            model = CurveSVR(draws=self.draws, seed=int(self.rng.random() * 2**53))
            self._models[epochs] = model.fit(self._features(self._examples, epochs), targets)
        model, row = self._models[epochs], self._features([training], epochs)
        if model.below(row, self.best)[0] <= self.probability:
            return float(model.predict(row)[0])
        return None

    def _features(self, trainings: Sequence[Training], epochs: Sequence[int]) -> Numbers:
        losses = np.array([[x.points[epoch] for epoch in epochs] for x in trainings])
        archs: list[Arch] = [x.proposal.arch for x in trainings]
        known = np.zeros((len(archs), 0)) if self._known is None else self._known(np.array(archs))
        return features(losses, known)
