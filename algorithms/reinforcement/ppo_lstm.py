"""The controller of NASNet: an LSTM trained by proximal policy optimisation (PPO).

Zoph et al. (2018, https://arxiv.org/abs/1707.07012); PPO is by Schulman et al. (2017,
https://arxiv.org/abs/1707.06347).
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import torch

from algorithms.parts.lstm_controller import LSTMController, Told
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class PPOLSTM(LSTMController):
    """An LSTM controller trained by PPO, as in NASNet (Zoph et al., 2018).

    Each batch is used for several Adam steps. A step raises the batch mean of
    ``min(r A, clip(r, 1 - c, 1 + c) A)`` and the entropy of the policy. ``r`` is the current
    probability of an architecture divided by that under the policy that drew it; ``A`` is its
    advantage: the reward minus a moving average of earlier batches' rewards (in the first batch,
    minus its mean). Moving far from the old policy thus gains nothing, and results that arrive late
    from parallel workers are weighted correctly. A diverged training counts as the worst finite
    loss so far.

    Preset ``nasnet`` is the controller of the paper: optimiser, size, baseline and entropy as in
    the paper; batch, clipping and reward after it. Preset ``small`` is our own setting for small
    spaces: ``nasnet`` with ten times the learning rate and a hundred times the entropy weight. Both
    expect losses in percent. We tuned the defaults for a few hundred trials.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        learning_rate: Learning rate of Adam.
        samples: Trials per batch.
        updates: Adam steps per batch.
        clip: Clipping range c of the probability ratio.
        layers: Layers of the LSTM.
        hidden: Units per layer, and size of the embeddings.
        initial_range: All weights start uniform in [-initial_range, initial_range].
        reward: ``"normalized"``: minus the loss, with advantages divided by the root of the moving
            average of their squares, so that losses may have any unit; ``"accuracy"``: 1 - loss /
            100; ``"cubed_accuracy"``: its cube.
        baseline_momentum: Weight of the past, per trial, in the moving averages, in [0, 1).
        entropy_weight: Weight of the policy's entropy, in nats, in the objective.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nasnet": {
            "learning_rate": 3.5e-4,
            "hidden": 100,
            "reward": "accuracy",
            "entropy_weight": 1e-5,
        },
        "small": {
            "learning_rate": 3.5e-3,
            "hidden": 100,
            "reward": "accuracy",
            "entropy_weight": 1e-3,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        learning_rate: float = 0.01,
        samples: int = 20,
        updates: int = 4,
        clip: float = 0.2,
        layers: int = 1,
        hidden: int = 32,
        initial_range: float = 0.1,
        reward: str = "normalized",
        baseline_momentum: float = 0.95,
        entropy_weight: float = 0.05,
    ) -> None:
        if updates < 1:
            raise InvalidArgumentError(f"updates = {updates} must be at least 1")
        if not 0 < clip < inf:
            raise InvalidArgumentError(f"clip = {clip} must be positive and finite")
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
        )
        self.updates = updates
        self.clip = clip

    def _learn(self, batch: Sequence[Told]) -> None:
        archs, before, rewards = zip(*batch, strict=True)
        encoded = self._policy.encode(archs)
        drawn = torch.tensor(before, dtype=torch.float64)
        advantages = self._advantages(rewards)
        for _ in range(self.updates):
            log_probabilities, entropies = self._policy.score(encoded)
            ratios = (log_probabilities - drawn).exp()
            clipped = ratios.clamp(1 - self.clip, 1 + self.clip)
            gains = torch.minimum(ratios * advantages, clipped * advantages)
            self._adam.ascend(gains.mean() + self.entropy_weight * entropies.mean())
