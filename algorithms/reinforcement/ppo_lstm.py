"""The search of NASNet: an LSTM trained by PPO.

Zoph et al. (2018, https://arxiv.org/abs/1707.07012); proximal policy optimisation is by Schulman et
al. (2017, https://arxiv.org/abs/1707.06347).
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import torch

from algorithms.parts.lstm_controller import LSTMController, Told
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class PPOLSTM(LSTMController):
    """Samples architectures from an LSTM, which learns several times from every batch.

    A step of Adam raises the mean over the batch of ``min(r A, clip(r, 1 - c, 1 + c) A)``, and the
    entropy of the policy. ``r`` is the probability of an architecture now, divided by that under
    the policy it was drawn from; ``A`` is its advantage: the reward less a moving average of
    rewards, as it was before the batch (in the first batch: less its mean). So nothing is gained
    by leaving the old policy far behind, and with several workers late trials count correctly. A
    diverged training counts as the worst finite loss so far.

    Preset ``nasnet`` is the controller of the paper: optimiser, size, baseline and entropy as in
    NASNet, batch, clipping and reward after it. Preset ``small`` is the same with ten times the
    learning rate and a hundred times the entropy, our own setting for small spaces. Both expect
    losses in percent. The default is tuned for a few hundred trials.

    Args:
        space: What to search.
        fidelities: The last one is used.
        seed: Seed of the search.
        learning_rate: Step size of Adam.
        samples: Trials of a batch.
        updates: Steps on every batch.
        clip: How far a ratio of probabilities may leave one (c).
        layers: Layers of the LSTM.
        hidden: Units of each layer, and size of the embeddings.
        initial_range: All weights start uniform within plus and minus this.
        reward: ``"normalized"``: minus the loss, and advantages are divided by the root of the
            moving average of their squares, so that losses may have any unit; ``"accuracy"``:
            1 - loss / 100; ``"cubed_accuracy"``: the cube of it.
        baseline_momentum: Weight of the past, per trial, in the moving averages, in [0, 1).
        entropy_weight: Weight of the policy's entropy, in nats, beside the advantage.
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
