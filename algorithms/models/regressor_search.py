"""Base of searches that fit a registered regressor to all results so far."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.models.batch_search import BatchSearch
from algorithms.models.known_features import KnownFeatures
from nasbench.algorithm import Known
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Prediction, Regressor, Regressors
from nasbench.space import Arch, SearchSpace


class RegressorSearch(BatchSearch):
    """Base of searches whose model is a registered regressor.

    It learns the losses in units of their standard deviation; a diverged training counts as the
    largest finite loss. With ``known``, the regressor also sees those numbers, as
    :class:`~algorithms.models.known_features.KnownFeatures`. A regressor that cannot be fitted, or
    that predicts the same for all examples, counts as a model that failed, see
    :class:`~algorithms.models.batch_search.BatchSearch`.

    Subclasses document their hyperparameters.

    Raises:
        UnknownNameError: There is no such regressor, or it has no such hyperparameter.
        InvalidArgumentError: The regressor refuses a value, the space or ``known``, there is
            nothing to make regressors with, or a hyperparameter has an impossible value.
        MissingExtraError: The regressor needs an optional package that is not installed.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int,
        batch: int,
        regressor: str,
        regressor_settings: Mapping[str, Any] | None,
        regressors: Regressors | None,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        if regressor_settings is not None and not isinstance(regressor_settings, Mapping):
            raise InvalidArgumentError(
                f"regressor_settings = {regressor_settings!r} must map names to values, such as "
                "{trees = 50} on the command line"
            )
        if regressors is None:
            raise InvalidArgumentError(
                "this algorithm fits a registered regressor and is given none: run it by "
                "nasbench.search, or pass regressors="
                "nasbench.runs.setup.registered_regressor"
            )
        self.regressor = regressor
        self.regressor_settings = regressor_settings
        self._regressors = regressors
        self._known = None if known is None else KnownFeatures(known)
        example = self._regressor(0)
        self.families = (example.family,)
        self.inner_regressors = (type(example), *example.inner_regressors)

    @abstractmethod
    def choose_by(self, model: Regressor, n: int) -> Sequence[Arch]:
        """Return up to ``n`` architectures to train next, by a regressor fitted to all results.

        As :meth:`~algorithms.models.batch_search.BatchSearch.choose`.
        """

    def choose(self, n: int) -> Sequence[Arch]:
        model = self._regressor(int(self.rng.random() * 2**31))
        if self._known is not None:
            self._known.fit(self.examples.archs)
        archs = np.array(self.examples.archs)
        try:
            model.fit(archs, self.targets())
        except InvalidArgumentError:
            return []
        fitted = model.predict(archs).mean
        if (fitted == fitted[0]).all():
            return []
        return self.choose_by(model, n)

    def targets(self) -> NDArray[np.float64]:
        """Return the losses in units of their standard deviation, shape ``(n,)``."""
        targets = self.examples.targets()
        assert targets is not None
        return targets

    def _regressor(self, seed: int) -> Regressor:
        settings = self.regressor_settings or {}
        made = self._regressors(self.regressor, self.space, seed=seed, **settings)
        if self._known is not None:
            made.add_columns(self._known)
        return made


def is_finite(prediction: Prediction) -> bool:
    """Whether all numbers of a prediction are; those of a network that diverged are not."""
    return bool(np.isfinite(prediction.mean).all() and np.isfinite(prediction.std).all())
