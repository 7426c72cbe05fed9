"""Stopping by extrapolated curves (Domhan et al., 2015, https://www.ijcai.org/Proceedings/15/Papers/487.pdf)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from algorithms.models.curves.lc_pow import extrapolate, to_accuracies
from algorithms.models.curves.stopped_search import StoppedSearch, Training
from nasbench.algorithm import Known
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressors
from nasbench.space import SearchSpace


class LCEStop(StoppedSearch):
    """Stops trainings whose curves, extrapolated, promise no new best (Domhan et al., 2015).

    What an inner algorithm proposes is trained from fidelity to fidelity. After each, eleven
    families of rising curves are fitted to the accuracies so far, and their weighted mean predicts
    the last one. The training stops if it beats the best complete one with less than
    ``probability``. The inner algorithm, which sees the last fidelity only, is told the predicted
    loss. With a single fidelity nothing is stopped.

    Losses must be 100 minus an accuracy in percent. The paper stops trainings of SMAC and TPE; the
    default stops those of random search. Its weights come from Markov chains, ours from least
    squares and BIC.

    Preset ``conservative`` is the rule of the paper, which the defaults follow as well; preset
    ``optimistic`` is the other rule of automl/pylearningcurvepredictor
    (``pylrpredictor/terminationcriterion.py``), which also stops a training whose end it is sure
    about.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending; trainings can stop at each.
        seed: Seed of the search and of the inner algorithm.
        known: Passed on to an inner algorithm that takes it.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        regressors: Passed on to the inner algorithm.
        probability: A training stops if a new best is less probable, in [0, 1].
        certain: A training stops, too, if the standard deviation of its predicted accuracy is
            smaller, in percentage points; 0 for never.
        points: Fewest points of a curve that is extrapolated, at least 3.
        monotone: Whether families that fall anywhere have no weight (LCE-m).
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.

    Raises:
        UnknownNameError: No such algorithm, preset or hyperparameter.
        InvalidArgumentError: A hyperparameter has an impossible value, or the inner algorithm is
            refused by :class:`~algorithms.parts.inner.Wrapper`.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conservative": {"probability": 0.05, "certain": 0.0},
        "optimistic": {"probability": 0.05, "certain": 0.5},
    }

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
        certain: float = 0.0,
        points: int = 4,
        monotone: bool = False,
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
        if not 0 <= certain <= 100:
            raise InvalidArgumentError(f"certain = {certain} must be in [0, 100]")
        if points < 3:
            raise InvalidArgumentError(f"points = {points} must be at least 3")
        self.certain = certain
        self.points = points
        self.monotone = monotone
        if len(self.fidelities) > 1:
            self.loss_unit = "%"

    def ending(self, training: Training) -> float | None:
        if len(training.points) < self.points:
            return None
        epochs = np.array(list(training.points), dtype=np.float64)
        losses = np.array([list(training.points.values()), [self.best] * len(epochs)])
        accuracies = to_accuracies(losses)
        found = extrapolate(epochs, accuracies[:1], self.fidelities[-1], monotone=self.monotone)
        is_hopeless = found.exceeds(float(np.nan_to_num(accuracies[1, 0])))[0] < self.probability
        if is_hopeless or 100 * found.std[0] < self.certain:
            return float(100 * (1 - found.mean[0]))
        return None
