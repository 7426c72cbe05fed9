"""NAS-RL: an LSTM controller trained by REINFORCE (Zoph and Le, 2017, https://arxiv.org/abs/1611.01578)."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

from algorithms.parts.lstm_controller import LSTMController, Told
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class ReinforceLSTM(LSTMController):
    """An LSTM controller trained by REINFORCE, as in NAS-RL (Zoph and Le, 2017).

    After each batch, Adam follows the batch mean of the advantage times the gradient of the
    log-probability of the architecture. The advantage is the reward minus a moving average of
    earlier batches' rewards (in the first batch, minus its mean). With several workers a trial may
    stem from the previous policy; it is used like the others. A diverged training counts as the
    worst finite loss so far.

    Preset ``nas_rl`` is the paper's controller for CIFAR-10: optimiser and size as in the paper,
    batch and reward after it. The paper rewards the best of the last five epochs, this preset the
    final one. Preset ``enas`` is the controller of ENAS (Pham et al., 2018,
    https://arxiv.org/abs/1802.03268) as in D-X-Y/AutoDL-Projects, but it learns from results of the
    table instead of a supernet, and each decision has its own embeddings and output layer. Both
    expect losses in percent, and their steps are small; in its first 1,000 trials ``enas`` learns
    from entropy alone. We tuned the defaults for a few hundred trials.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        learning_rate: Learning rate of Adam.
        samples: Trials per batch (m in the paper).
        layers: Layers of the LSTM.
        hidden: Units per layer, and size of the embeddings.
        initial_range: All weights start uniform in [-initial_range, initial_range].
        reward: ``"normalized"``: minus the loss, with advantages divided by the root of the moving
            average of their squares, so that losses may have any unit; ``"accuracy"``: 1 - loss /
            100; ``"cubed_accuracy"``: its cube.
        baseline_momentum: Weight of the past, per trial, in the moving averages, in [0, 1).
        baseline_period: Trials in a period; 0 for a moving average as baseline. In periods, the
            baseline of a trial is ``baseline_momentum`` times the mean baseline of the period
            before plus the rest times its own reward; in the first period its own reward, before
            entropy is added.
        entropy_weight: Weight of the policy's entropy, in nats, in the objective or the reward.
        entropy_in_reward: If True, the entropy of each trial is added to its reward; if False, the
            objective includes the mean entropy of the batch.
        temperature: Divides the logits.
        tanh_constant: If given, logits ``x`` (after the temperature) become
            ``tanh_constant * tanh(x)``.
        adam_epsilon: Added to the square root of Adam's second moment.
        clip_norm: Gradients with a larger norm are scaled down to it; None for no limit.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nas_rl": {
            "learning_rate": 6e-4,
            "samples": 8,
            "layers": 2,
            "hidden": 35,
            "initial_range": 0.08,
            "reward": "cubed_accuracy",
            "entropy_weight": 0.0,
        },
        "enas": {
            "learning_rate": 1e-3,
            "samples": 20,
            "layers": 2,
            "reward": "accuracy",
            "baseline_momentum": 0.99,
            "baseline_period": 1000,
            "entropy_weight": 1e-4,
            "entropy_in_reward": True,
            "temperature": 5.0,
            "tanh_constant": 2.5,
            "adam_epsilon": 1e-3,
            "clip_norm": 5.0,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        learning_rate: float = 0.01,
        samples: int = 4,
        layers: int = 1,
        hidden: int = 32,
        initial_range: float = 0.1,
        reward: str = "normalized",
        baseline_momentum: float = 0.9,
        baseline_period: int = 0,
        entropy_weight: float = 0.2,
        entropy_in_reward: bool = False,
        temperature: float = 1.0,
        tanh_constant: float | None = None,
        adam_epsilon: float = 1e-8,
        clip_norm: float | None = None,
    ) -> None:
        if baseline_period < 0:
            raise InvalidArgumentError(f"baseline_period = {baseline_period} must not be negative")
        for name, value in (("temperature", temperature), ("adam_epsilon", adam_epsilon)):
            if not 0 < value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be positive and finite")
        for name, limit in (("tanh_constant", tanh_constant), ("clip_norm", clip_norm)):
            if limit is not None and (type(limit) not in (int, float) or not 0 < limit < inf):
                raise InvalidArgumentError(
                    f"{name} = {limit!r} must be a positive, finite number, or None"
                )
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            learning_rate=learning_rate,
            samples=samples,
            layers=layers,
            hidden=hidden,
            initial_range=initial_range,
            reward=reward,
            baseline_momentum=baseline_momentum,
            entropy_weight=entropy_weight,
            temperature=temperature,
            tanh_constant=tanh_constant,
            adam_epsilon=adam_epsilon,
            clip_norm=clip_norm,
        )
        self.baseline_period = baseline_period
        self.entropy_in_reward = entropy_in_reward
        self.temperature = temperature
        self.tanh_constant = tanh_constant
        self.adam_epsilon = adam_epsilon
        self.clip_norm = clip_norm
        self._last_period: float | None = None
        self._period_sum, self._period_n = 0.0, 0

    def _learn(self, batch: Sequence[Told]) -> None:
        policy = self._policy
        log_probabilities, entropies = policy.score(policy.encode([told.arch for told in batch]))
        rewards = plain = [told.reward for told in batch]
        if self.entropy_in_reward:
            bonuses = (self.entropy_weight * entropies.detach()).tolist()
            rewards = [reward + bonus for reward, bonus in zip(rewards, bonuses, strict=True)]
        baselines = self._baselines(plain, rewards) if self.baseline_period else None
        objective = (self._advantages(rewards, baselines) * log_probabilities).mean()
        if self.entropy_weight and not self.entropy_in_reward:
            objective = objective + self.entropy_weight * entropies.mean()
        self._adam.ascend(objective)

    def _baselines(self, plain: Sequence[float], rewards: Sequence[float]) -> list[float]:
        """Baselines from the period before, given rewards without and with entropy."""
        keep, baselines = self.baseline_momentum, []
        for own, reward in zip(plain, rewards, strict=True):
            last = self._last_period
            baseline = own if last is None else keep * last + (1 - keep) * reward
            baselines.append(baseline)
            self._period_sum += baseline
            self._period_n += 1
            if self._period_n == self.baseline_period:
                self._last_period = self._period_sum / self._period_n
                self._period_sum, self._period_n = 0.0, 0
        return baselines
