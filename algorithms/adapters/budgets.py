"""Budgets of optimisers of other packages as trainings to the epochs on offer."""

from collections.abc import Hashable, Sequence

from nasbench.algorithm import Observation


class Budgets:
    """Which epoch a budget is, and which trial it continues.

    A budget is the nearest epoch on offer, the smaller of two. A configuration that was trained to
    a lower epoch continues that training.

    Args:
        fidelities: Epochs on offer, ascending.
        resumable: Whether a training can be continued.
    """

    def __init__(self, fidelities: Sequence[int], *, resumable: bool) -> None:
        self._fidelities = fidelities
        self._resumable = resumable
        self._reached: dict[Hashable, tuple[int, int]] = {}

    def training(self, configuration: Hashable, budget: float) -> tuple[int, int | None]:
        """Return the epoch, and the number of the trial to continue, if any.

        Args:
            configuration: What stays the same from one budget to the next.
            budget: The budget in epochs.
        """
        epoch = min(self._fidelities, key=lambda offered: (abs(offered - budget), offered))
        reached, trial = self._reached.get(configuration, (epoch, -1))
        if reached >= epoch:
            return epoch, None
        del self._reached[configuration]
        return epoch, trial

    def ended(self, configuration: Hashable, observation: Observation) -> None:
        """Remember a training that may be continued."""
        epoch = observation.proposal.epoch or self._fidelities[-1]
        if self._resumable:
            self._reached[configuration] = epoch, observation.trial
