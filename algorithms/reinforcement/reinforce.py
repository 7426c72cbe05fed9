"""REINFORCE (Williams, 1992, https://doi.org/10.1007/BF00992696) with independent categoricals.

This is what the papers on tabular benchmarks call REINFORCE: Ying et al. (2019,
https://arxiv.org/abs/1902.09635) and Dong et al. (2021, https://arxiv.org/abs/2009.00437).
"""

from collections.abc import Mapping, Sequence
from math import exp, inf, sqrt
from typing import Any, ClassVar

from numpy.random import default_rng

from algorithms.parts.choices import IndependentChoices
from algorithms.parts.ordered_sum import ordered_sum
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_OPTIMIZERS = ("sgd", "adam")
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Reinforce(Algorithm):
    """REINFORCE with one independent categorical distribution per decision (Williams, 1992).

    After each trial the logits move by learning rate times advantage times the gradient of the
    log-probability of the trained architecture. The reward is minus the loss; the advantage is the
    reward minus a moving average of rewards. A diverged training counts as the worst finite loss so
    far. Options after which nothing legal can follow have probability and gradient 0.

    Presets ``nas_benchmarks``, for losses in percent, and ``nas_benchmarks_fcnet``, for the squared
    errors of FCNet, are as in automl/nas_benchmarks (``run_rl.py``), where the reward is 1 minus
    the error as a fraction, or minus the squared error. Preset ``nats`` is as in
    D-X-Y/AutoDL-Projects (``exps/NATS-algos/reinforce.py``). By default advantages are divided by
    their running size, so that the learning rate suits losses of any unit; Adam does that too.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        learning_rate: Step of the logits for an advantage of one.
        optimizer: ``"sgd"``: plain gradient ascent; ``"adam"``: Adam with betas 0.9 and 0.999.
        normalize: Whether to divide advantages by the root of the moving average of their squares.
        baseline_momentum: Weight of the past in the moving averages, in [0, 1).
        baseline_first: Whether a trial enters the baseline before its advantage is computed.
        reward_scale: Gain in reward when the loss falls by one unit.
        reject_above: Losses of at least this value are ignored; None to learn from all.
        initial_std: Standard deviation of the initial logits.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nas_benchmarks": {
            "normalize": False,
            "baseline_first": True,
            "reward_scale": 0.01,
            "reject_above": 99.9,
        },
        "nas_benchmarks_fcnet": {
            "normalize": False,
            "baseline_first": True,
            "reject_above": 0.999,
        },
        "nats": {
            "learning_rate": 0.01,
            "optimizer": "adam",
            "normalize": False,
            "baseline_first": True,
            "initial_std": 0.001,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        learning_rate: float = 0.1,
        optimizer: str = "sgd",
        normalize: bool = True,
        baseline_momentum: float = 0.9,
        baseline_first: bool = False,
        reward_scale: float = 1.0,
        reject_above: float | None = None,
        initial_std: float = 0.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, value in (("learning_rate", learning_rate), ("reward_scale", reward_scale)):
            if not 0 < value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be positive and finite")
        if optimizer not in _OPTIMIZERS:
            raise InvalidArgumentError(f"optimizer = {optimizer!r}{one_of(optimizer, _OPTIMIZERS)}")
        if not 0 <= baseline_momentum < 1:
            raise InvalidArgumentError(f"baseline_momentum = {baseline_momentum} must be in [0, 1)")
        if not 0 <= initial_std < inf:
            raise InvalidArgumentError(f"initial_std = {initial_std} must be finite, not negative")
        if reject_above is not None and (
            isinstance(reject_above, bool) or not isinstance(reject_above, int | float)
        ):
            raise InvalidArgumentError(f"reject_above = {reject_above!r} must be a number or None")
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.normalize = normalize
        self.baseline_momentum = baseline_momentum
        self.baseline_first = baseline_first
        self.reward_scale = reward_scale
        self.reject_above = reject_above
        self.loss_unit = {None: None, 99.9: "%", 0.999: ""}.get(reject_above)
        self.initial_std = initial_std
        self._policy = IndependentChoices(space)
        self._logits = [[0.0] * n for n in space.options]
        if initial_std > 0:
            normal = default_rng(int(self.rng.random() * 2**53)).standard_normal
            self._logits = [(initial_std * normal(n)).tolist() for n in space.options]
            for position in range(len(self._logits)):
                self._weigh(position)
        self._moments = [([0.0] * n, [0.0] * n) for n in space.options]
        self._steps = 0
        self._worst = -inf
        self._reward = self._square = self._weight = 0.0

    def ask(self) -> Proposal:
        return Proposal(self._policy.sample(self.rng))

    def tell(self, observation: Observation) -> None:
        loss = observation.losses[0]
        if self.reject_above is not None and loss >= self.reject_above:
            return
        if loss == inf:
            loss = self._worst
            if loss == -inf:
                return
        elif loss > self._worst:
            self._worst = loss
        advantage = self._advantage(-loss * self.reward_scale)
        if self.optimizer == "sgd":
            self._ascend(observation.proposal.arch, self.learning_rate * advantage)
        else:
            self._ascend_by_adam(observation.proposal.arch, advantage)

    def _advantage(self, reward: float) -> float:
        """The reward minus the baseline, which takes in the reward before or after that."""
        keep = self.baseline_momentum
        before = self._reward / self._weight if self._weight else reward
        self._reward = keep * self._reward + (1 - keep) * reward
        self._weight = keep * self._weight + (1 - keep)
        advantage = reward - (self._reward / self._weight if self.baseline_first else before)
        if not self.normalize:
            return advantage
        self._square = keep * self._square + (1 - keep) * advantage * advantage
        return advantage / sqrt(self._square / self._weight) if self._square else 0.0

    def _ascend(self, arch: Arch, step: float) -> None:
        """Add ``step`` times the gradient of the log-probability of ``arch`` to the logits."""
        logits, weights, unruled = self._logits, self._policy.weights, self._policy.unruled
        for position, option in enumerate(arch):
            shares = weights[position]
            if not unruled:
                shares = self._legal_shares(arch[:position])
            part = step / ordered_sum(shares)
            row = logits[position]
            for k, share in enumerate(shares):
                row[k] -= part * share
            row[option] += step
            top = max(row)
            weights[position] = [exp(x - top) for x in row]

    def _ascend_by_adam(self, arch: Arch, advantage: float) -> None:
        self._steps += 1
        scale = 1 - _BETA2**self._steps
        rate = self.learning_rate / (1 - _BETA1**self._steps)
        for position, option in enumerate(arch):
            shares = self._legal_shares(arch[:position])
            total = ordered_sum(shares)
            gradient = [-advantage * share / total for share in shares]
            gradient[option] += advantage
            first, second = self._moments[position]
            row = self._logits[position]
            for k, g in enumerate(gradient):
                first[k] = _BETA1 * first[k] + (1 - _BETA1) * g
                second[k] = _BETA2 * second[k] + (1 - _BETA2) * g * g
                row[k] += rate * first[k] / (sqrt(second[k] / scale) + _EPSILON)
            self._weigh(position)

    def _legal_shares(self, prefix: Arch) -> list[float]:
        """Weights of the options of the next decision; 0 if nothing legal can follow."""
        weights = self._policy.weights[len(prefix)]
        if self._policy.unruled:
            return weights
        legal = self._policy.legal(prefix)
        shares = [0.0] * len(weights)
        for option in legal:
            shares[option] = weights[option]
        if not any(shares):
            for option in legal:
                shares[option] = 1.0
        return shares

    def _weigh(self, position: int) -> None:
        row = self._logits[position]
        top = max(row)
        self._policy.weights[position] = [exp(x - top) for x in row]
