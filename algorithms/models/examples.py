"""What a search has learned so far, as examples for a model."""

import math

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import Observation
from nasbench.space import Arch


class Examples:
    """The trainings that a search was told of, in the order in which it was told.

    Attributes:
        archs: Their architectures.
        losses: Their losses; ``inf`` for a diverged training.
    """

    def __init__(self) -> None:
        self.archs: list[Arch] = []
        self.losses: list[float] = []

    def __len__(self) -> int:
        return len(self.losses)

    def add(self, observation: Observation) -> None:
        """Add a training that has ended."""
        self.archs.append(observation.proposal.arch)
        self.losses.append(observation.loss)

    def targets(self) -> NDArray[np.float64] | None:
        """Return losses scaled to mean 0 and standard deviation 1, shape ``(n,)``.

        A diverged training counts as the largest finite loss.

        Returns:
            The targets; None if no two finite losses differ, so that there is nothing to learn.
        """
        losses = self.finite_losses()
        if not len(losses) or not (low := losses.min()) < (high := losses.max()):
            return None
        # Range first: squares of the smallest and largest differences are not representable.
        scaled = (losses - low) / (high - low)
        targets: NDArray[np.float64] = (scaled - scaled.mean()) / scaled.std()
        return targets

    def finite_losses(self) -> NDArray[np.float64]:
        """Return the losses, shape ``(n,)``; a diverged training has the largest finite loss."""
        losses = np.array(self.losses, dtype=np.float64)
        finite = np.isfinite(losses)
        return np.where(finite, losses, losses[finite].max(initial=-math.inf))

    def best(self, n: int) -> list[Arch]:
        """Return the ``n`` different architectures with the lowest losses, best first.

        Architectures that only diverged come last.
        """
        order = sorted(range(len(self)), key=lambda i: (self.losses[i], i))
        return list(dict.fromkeys(self.archs[i] for i in order))[:n]

    @property
    def lowest(self) -> float:
        """The lowest loss; ``inf`` without any that is finite."""
        return min(self.losses, default=math.inf)
