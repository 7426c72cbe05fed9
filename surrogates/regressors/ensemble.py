"""Ensembles of regressors of one kind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Columns, Prediction, Regressor
from nasbench.space import SearchSpace
from nasbench.splitmix import key
from surrogates import REGRESSORS

_MAX_MEMBERS = 1_000


class Ensemble(Regressor):
    """Ensemble of regressors with equal hyperparameters and different seeds.

    Fitted to the same examples, networks and trees on subsamples differ by their random draws (deep
    ensembles: Lakshminarayanan et al., 2017, https://arxiv.org/abs/1612.01474); fitted to
    resamples, any regressor does (bagging: Breiman, 1996, https://doi.org/10.1007/BF00058655).

    The mean is the mean over the members. ``std`` is the standard deviation of a randomly drawn
    member: the root of the mean of the members' variances plus the variance of their means.

    Preset ``bananas`` is the ensemble of BANANAS (White et al., 2021,
    https://arxiv.org/abs/1910.11858), with the deviations named in
    :class:`~surrogates.regressors.mlp.MLP`.

    Args:
        space: The search space.
        seed: Seed of the members' seeds and of the resamples.
        regressor: Registered name of the members.
        members: Number of members.
        bootstrap: Whether each member learns from a bootstrap resample instead of all examples; a
            resample whose targets are all equal is drawn again.
        settings: Hyperparameters of the members, on top of their preset or defaults.
        member_preset: Preset of the members; None for their defaults.

    Raises:
        UnknownNameError: No such regressor, preset or hyperparameter.
        InvalidArgumentError: There are no members, or the members are ensembles.
    """

    family = "ensemble"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "bananas": {"regressor": "mlp", "members": 5, "member_preset": "bananas"}
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        regressor: str = "xgb",
        members: int = 10,
        bootstrap: bool = False,
        settings: Mapping[str, Any] = {},
        member_preset: str | None = None,
    ) -> None:
        super().__init__(space, seed=seed)
        self.regressor = regressor
        self.members = members
        self.bootstrap = bootstrap
        self.settings = dict(settings)
        self.member_preset = member_preset
        if not 1 <= members <= _MAX_MEMBERS:
            raise InvalidArgumentError(f"members = {members} must be from 1 to {_MAX_MEMBERS:,}")
        kind: type[Regressor] = REGRESSORS.load(regressor)
        if issubclass(kind, Ensemble):
            raise InvalidArgumentError(
                f"regressor = {regressor!r} is an ensemble and cannot be a member of one"
            )
        chosen = hyperparameters(kind, self.settings, member_preset)
        self._members = [kind(space, seed=self._draw(i, "fit"), **chosen) for i in range(members)]
        self.family = kind.family  # type: ignore[misc]
        self.takes_columns = kind.takes_columns  # type: ignore[misc]
        self.inner_regressors = (kind,)

    def add_columns(self, columns: Columns) -> None:
        for member in self._members:
            member.add_columns(columns)

    def _draw(self, member: int, purpose: str) -> int:
        """Seed of a member for a purpose, below 2**31 so that every library accepts it."""
        return key(self.seed, member, purpose) >> 33

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        for i, member in enumerate(self._members):
            rows = self._resample(i, targets) if self.bootstrap else slice(None)
            member.fit(archs[rows], targets[rows])

    def _resample(self, member: int, targets: NDArray[np.float64]) -> NDArray[np.int64]:
        rng, n = default_rng(self._draw(member, "resample")), len(targets)
        while True:  # at least half of all resamples contain two different targets
            rows = rng.integers(n, size=n)
            if np.ptp(targets[rows]) > 0:
                return rows

    @classmethod
    def predict_members(
        cls, members: Sequence[Self], archs: NDArray[np.integer]
    ) -> list[Prediction]:
        inner = [member for ensemble in members for member in ensemble._members]
        answers = iter(type(inner[0]).predict_members(inner, archs))
        return [_combined([next(answers) for _ in e._members], len(archs)) for e in members]

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        return self.predict_members([self], archs)[0]

    def save(self, folder: Path) -> None:
        for i, member in enumerate(self._members):
            place = folder / str(i)
            place.mkdir()
            member.save(place)

    def restore(self, folder: Path) -> Self:
        for i, member in enumerate(self._members):
            member.restore(folder / str(i))
        return self


def _combined(answers: Sequence[Prediction], n_archs: int) -> Prediction:
    """Combines the members' predictions into one."""
    # Python's sum: NumPy's order of additions depends on the number of architectures
    n, zero = len(answers), np.zeros(n_archs)
    mean = sum((answer.mean for answer in answers), zero) / n
    variance = sum((a.std**2 + (a.mean - mean) ** 2 for a in answers), zero) / n
    return Prediction(mean, np.sqrt(variance))
