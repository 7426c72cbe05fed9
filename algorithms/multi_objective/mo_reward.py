"""Rewards that combine accuracy and cost, for any inner algorithm.

MnasNet (Tan et al., 2019, https://arxiv.org/abs/1807.11626), ProxylessNAS-R (Cai et al., 2019,
https://arxiv.org/abs/1812.00332) and TuNAS (Bender et al., 2020, https://arxiv.org/abs/2008.06120).
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, ClassVar

from algorithms.parts.inner import Wrapper, with_one_loss
from nasbench.algorithm import Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.regressor import Regressors
from nasbench.space import SearchSpace

_REWARDS = ("product", "sum")
_CALIBRATION_COSTS = 10
_MIN_RATIO, _MAX_RATIO = 1e-3, 1e3


class MoReward(Wrapper):
    """Runs any algorithm on a reward of accuracy and cost (MnasNet, ProxylessNAS, TuNAS).

    The first loss must be 100 minus the accuracy in percent, the second the cost. The reward is the
    accuracy, as a fraction, times a power of cost / target (``"product"``), or plus a multiple of
    the distance of cost / target from one (``"sum"``). The inner algorithm is told 100 minus 100
    times the reward: again a loss in percent. With one objective it is told that loss unchanged.

    The defaults are MnasNet's soft constraint; preset ``mnasnet_hard`` is MnasNet's hard
    constraint. ``proxylessnas`` is as in mit-han-lab/proxylessnas (``search/nas_manager.py``),
    ``tunas`` is after the TuNAS paper.

    Args:
        space: The search space.
        fidelities: Epochs on offer to the inner algorithm.
        seed: Seed of the inner algorithm.
        known: Passed on to the inner algorithm.
        resumable: Passed on to the inner algorithm.
        regressors: Passed on to the inner algorithm.
        target: Target cost, in the unit of the second loss; None for the median of the first ten
            costs told (before that, of those told so far).
        reward: ``"product"`` or ``"sum"``.
        within: Exponent or factor for costs up to the target, in [-10, 10].
        beyond: Exponent or factor for costs above the target, in [-10, 10].
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mnasnet_hard": {"within": 0.0, "beyond": -1.0},
        "proxylessnas": {"within": -0.1, "beyond": -0.1},
        "tunas": {"reward": "sum"},
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
        target: float | None = None,
        reward: str = "product",
        within: float = -0.07,
        beyond: float = -0.07,
        search: str = "regularized_evolution",
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
            search=search,
            search_preset=search_preset,
            search_settings=search_settings,
        )
        if target is not None and (
            isinstance(target, bool)
            or not isinstance(target, int | float)
            or not 0 < target < math.inf
        ):
            raise InvalidArgumentError(
                f"target = {target!r} must be a positive, finite number or None"
            )
        if reward not in _REWARDS:
            raise InvalidArgumentError(f"reward = {reward!r}{one_of(reward, _REWARDS)}")
        for name, value in (("within", within), ("beyond", beyond)):
            if not -10 <= value <= 10:
                raise InvalidArgumentError(f"{name} = {value} must be in [-10, 10]")
        self.target = target
        self.reward = reward
        self.within = within
        self.beyond = beyond
        self._inner = self._make(seed=seed)
        self.families = self._inner.families
        self.loss_unit = "%"
        self.random_trials = self._inner.random_trials
        self.inner_regressors = self._inner.inner_regressors
        self._target = target
        self._costs: list[float] = []

    def ask(self) -> Proposal | None:
        return self._ask(self._inner)

    def tell(self, observation: Observation) -> None:
        losses = observation.losses
        if len(losses) > 2:
            raise InvalidArgumentError(
                f"mo_reward combines two objectives, accuracy and cost, not {len(losses)}"
            )
        if self.target is None and len(losses) == 2:
            self._calibrate(losses[1])
        self._inner.tell(with_one_loss(observation, self._loss))

    def _calibrate(self, cost: float) -> None:
        """Update the default target with a cost."""
        if len(self._costs) < _CALIBRATION_COSTS and 0 < cost < math.inf:
            self._costs.append(cost)
            self._target = median(self._costs)

    def _loss(self, losses: Sequence[float]) -> float:
        """The loss told to the inner algorithm, in percent.

        Cost ratios are clipped to [0.001, 1000]. Until some cost is positive, costs are ignored. A
        negative accuracy (a first loss that is not a percentage) is divided by the power instead of
        multiplied, so that a higher cost is still worse.
        """
        loss, cost = losses
        if self._target is None:
            return loss
        ratio = min(max(cost / self._target, _MIN_RATIO), _MAX_RATIO)
        weight = self.beyond if ratio > 1 else self.within
        if self.reward == "sum":
            return loss - 100 * weight * abs(ratio - 1)
        accuracy = 100 - loss
        return 100 - accuracy * math.pow(ratio, weight if accuracy > 0 else -weight)
