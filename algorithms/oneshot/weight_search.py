"""Methods whose shared weights learn by SGD, and the settings of that."""

from typing import Any

from algorithms.oneshot.one_shot_search import OneShotSearch, at_least
from algorithms.oneshot.weights import WeightOptimizer


class WeightSearch(OneShotSearch):
    """Has an optimiser of the shared weights, from :meth:`start` on.

    Args:
        space: The space to search.
        rate: First learning rate of the weights; it falls as a half cosine.
        last_rate: Their last one.
        momentum: Their Nesterov momentum.
        decay: Their weight decay.
        clip: Largest norm of their gradient; 0 for no limit.
    """

    def __init__(
        self,
        space: Any,
        *,
        rate: float = 0.025,
        last_rate: float = 0.001,
        momentum: float = 0.9,
        decay: float = 5e-4,
        clip: float = 0.0,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(0, rate=rate, last_rate=last_rate, momentum=momentum, decay=decay, clip=clip)
        self.rate = rate
        self.last_rate = last_rate
        self.momentum = momentum
        self.decay = decay
        self.clip = clip

    def start(self) -> None:
        self.optimizer = WeightOptimizer(
            self.net,
            rate=self.rate,
            last_rate=self.last_rate,
            epochs=self.epochs,
            momentum=self.momentum,
            decay=self.decay,
            clip=self.clip,
        )
        self.keep(optimizer=self.optimizer)
