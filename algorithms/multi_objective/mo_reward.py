"""Rewards of accuracy and cost, for any search.

Those of MnasNet (Tan et al., 2019, https://arxiv.org/abs/1807.11626), ProxylessNAS-R (Cai et al.,
2019, https://arxiv.org/abs/1812.00332) and TuNAS (Bender et al., 2020,
https://arxiv.org/abs/2008.06120).
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, ClassVar

from algorithms.parts.inner import Wrapper, with_one_loss
from nasbench.algorithm import Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import SearchSpace

_REWARDS = ("product", "sum")
_FIRST = 10
_LEAST_RATIO, _MOST_RATIO = 1e-3, 1e3


class MoReward(Wrapper):
    """Lets another algorithm search for the highest reward of accuracy and cost.

    The first loss is 100 minus the accuracy in percent, the second the cost. The reward is the
    accuracy, as a share of one, times a power of cost / target, or plus a multiple of the distance
    of cost / target from one. The algorithm inside is told 100 minus 100 times the reward: a loss
    in percent again. With one objective it is told what was told.

    The defaults are MnasNet's soft constraint, ``mnasnet_hard`` its hard one; ``proxylessnas`` is
    as in mit-han-lab/proxylessnas, ``tunas`` after the paper.

    Args:
        space: What to search.
        fidelities: Those of the algorithm inside.
        seed: Seed of the algorithm inside.
        known: Passed on to the algorithm inside.
        resumable: The same.
        target: Cost that is aimed at, in the unit of the second loss; None for the median of the
            first ten costs that are told (until then of those told so far).
        reward: ``"product"`` or ``"sum"``.
        within: Exponent or factor for costs up to the target, in [-10, 10].
        beyond: The same for costs above it.
        search: Registered name of the algorithm inside, or ``"module:Class"``.
        search_preset: One of its presets.
        search_settings: Changes to that preset or to its defaults.
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
        self._target = target
        self._costs: list[float] = []

    def ask(self) -> Proposal | None:
        return self._inner.ask()

    def tell(self, observation: Observation) -> None:
        losses = observation.losses
        if len(losses) > 2:
            raise InvalidArgumentError(
                f"mo_reward is made of two objectives, accuracy and cost, not of {len(losses)}"
            )
        if self.target is None and len(losses) == 2:
            self._calibrate(losses[1])
        self._inner.tell(with_one_loss(observation, self._loss))

    def _calibrate(self, cost: float) -> None:
        """Take a cost into the default target."""
        if len(self._costs) < _FIRST and 0 < cost < math.inf:
            self._costs.append(cost)
            self._target = median(self._costs)

    def _loss(self, losses: Sequence[float]) -> float:
        """What the algorithm inside is told, in percent.

        A cost below a thousandth of the target counts as that, above a thousand times the target
        as that. Before any cost is positive, costs do not count. A negative accuracy, of a first
        loss that is no percentage, is divided instead of multiplied, so that what costs more is
        still worse.
        """
        loss, cost = losses
        if self._target is None:
            return loss
        ratio = min(max(cost / self._target, _LEAST_RATIO), _MOST_RATIO)
        weight = self.beyond if ratio > 1 else self.within
        if self.reward == "sum":
            return loss - 100 * weight * abs(ratio - 1)
        accuracy = 100 - loss
        return 100 - accuracy * math.pow(ratio, weight if accuracy > 0 else -weight)
