"""Base of algorithms with an LSTM controller: batches, rewards and baseline."""

from abc import abstractmethod
from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from algorithms.parts.lstm_policy import Adam, LSTMPolicy, one_thread
from algorithms.parts.ordered_sum import ordered_sum
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_REWARDS = ("normalized", "accuracy", "cubed_accuracy")
_RESOLUTION = 1e-12  # relative differences below are rounding and must not be scaled up


class Told(NamedTuple):
    """A finished trial.

    Attributes:
        arch: The trained architecture.
        log_probability: Its log-probability under the policy that drew it.
        reward: Higher is better.
    """

    arch: Arch
    log_probability: float
    reward: float


class LSTMController(Algorithm):
    """Base of algorithms that sample from an :class:`LSTMPolicy` and learn from full batches.

    A batch is the next ``samples`` results, whichever policy they were drawn from; once it is
    learned, everything is drawn from the new policy. A diverged training counts as the worst finite
    loss so far, and is ignored until there is one.

    Subclasses document their hyperparameters; this class checks and keeps the common ones.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        learning_rate: float,
        samples: int,
        layers: int,
        hidden: int,
        initial_range: float,
        baseline_momentum: float,
        reward: str,
        entropy_weight: float,
        temperature: float = 1.0,
        tanh_constant: float | None = None,
        adam_epsilon: float = 1e-8,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, count in (("samples", samples), ("layers", layers), ("hidden", hidden)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        for name, value in (("learning_rate", learning_rate), ("initial_range", initial_range)):
            if not 0 < value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be positive and finite")
        if not 0 <= baseline_momentum < 1:
            raise InvalidArgumentError(f"baseline_momentum = {baseline_momentum} must be in [0, 1)")
        if reward not in _REWARDS:
            raise InvalidArgumentError(f"reward = {reward!r}{one_of(reward, _REWARDS)}")
        if not 0 <= entropy_weight < inf:
            raise InvalidArgumentError(
                f"entropy_weight = {entropy_weight} must be finite, not negative"
            )
        self.learning_rate = learning_rate
        self.samples = samples
        self.layers = layers
        self.hidden = hidden
        self.initial_range = initial_range
        self.baseline_momentum = baseline_momentum
        self.reward = reward
        self.loss_unit = None if reward == "normalized" else "%"
        self.entropy_weight = entropy_weight
        self.random_trials = samples
        self._policy = LSTMPolicy(
            space,
            self.rng,
            layers=layers,
            hidden=hidden,
            initial_range=initial_range,
            temperature=temperature,
            tanh_constant=tanh_constant,
        )
        self._adam = Adam(
            self._policy.parameters, learning_rate, epsilon=adam_epsilon, clip_norm=clip_norm
        )
        self._queue: list[tuple[Arch, float]] = []
        self._running: dict[Arch, list[float]] = {}
        self._told: list[Told] = []
        self._worst = -inf
        self._mean = self._square = self._weight = 0.0

    def ask(self) -> Proposal:
        if not self._queue:
            with one_thread():
                self._queue = self._policy.sample(self.samples, self.rng)
        arch, log_probability = self._queue.pop()
        self._running.setdefault(arch, []).append(log_probability)
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        arch, loss = observation.proposal.arch, observation.losses[0]
        log_probability = self._running[arch].pop(0)
        if not self._running[arch]:
            del self._running[arch]
        if loss < inf:
            self._worst = max(self._worst, loss)
        elif self._worst == -inf:
            return
        self._told.append(Told(arch, log_probability, self._rewarded(min(loss, self._worst))))
        if len(self._told) == self.samples:
            with one_thread():
                self._learn(self._told)
            self._told, self._queue = [], []

    @abstractmethod
    def _learn(self, batch: Sequence[Told]) -> None:
        """Update the policy."""

    def _rewarded(self, loss: float) -> float:
        if self.reward == "normalized":
            return -loss
        accuracy = 1 - loss / 100
        return accuracy if self.reward == "accuracy" else accuracy * accuracy * accuracy

    def _advantages(
        self, rewards: Sequence[float], baselines: Sequence[float] | None = None
    ) -> Tensor:
        """Rewards minus their baselines, shape ``(n,)``.

        The default baseline is the moving average of earlier rewards, for the first batch its mean.
        """
        keep = self.baseline_momentum
        if baselines is None:
            mean = (
                self._mean / self._weight if self._weight else ordered_sum(rewards) / len(rewards)
            )
            baselines = [mean] * len(rewards)
        advantages = [
            reward - baseline for reward, baseline in zip(rewards, baselines, strict=True)
        ]
        for reward, advantage in zip(rewards, advantages, strict=True):
            self._mean = keep * self._mean + (1 - keep) * reward
            self._square = keep * self._square + (1 - keep) * advantage * advantage
            self._weight = keep * self._weight + (1 - keep)
        if self.reward == "normalized":
            size = sqrt(self._square / self._weight)
            seen = size > _RESOLUTION * max(map(abs, baselines))
            advantages = [advantage / size if seen else 0.0 for advantage in advantages]
        return torch.tensor(advantages, dtype=torch.float64)
