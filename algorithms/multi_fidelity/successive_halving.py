"""Successive halving (Jamieson and Talwalkar, 2016, https://arxiv.org/abs/1502.07943)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.parts.rungs import Halving, halving, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class SuccessiveHalving(Algorithm):
    """Successive halving: many brief trainings, few long ones (Jamieson and Talwalkar, 2016).

    After each rung the best architectures are promoted to the next, until the last fidelity; then
    the next round starts with new random architectures. A rung starts once all results of the rung
    below are in; meanwhile free workers start the next round. With a single fidelity this is random
    search.

    Preset ``hpbandster`` is as in automl/HpBandSter (``core/base_iteration.py``).

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Rungs are those nearest to the last one divided by
            powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        eta: One architecture in ``eta`` is promoted to the next rung, where it trains about ``eta``
            times as long.
        initial: Number of random architectures at the lowest rung; 0 means as many as let one reach
            the last rung.
        resume: Whether a promoted architecture continues its training where possible; if False, it
            trains from scratch.
        refill: Whether new architectures take the places that diverged trainings leave in a rung.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"hpbandster": {"refill": True}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        resumable: bool = True,
        eta: int = 3,
        initial: int = 0,
        resume: bool = True,
        refill: bool = False,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        if initial < 0:
            raise InvalidArgumentError(f"initial = {initial} must not be negative")
        self.resumable = resumable
        self.eta = eta
        self.initial = initial
        self.resume = resume
        self.refill = refill
        sizes = halving(initial or eta ** (len(epochs) - 1), eta, len(epochs))
        self._halving = Halving(
            [sizes],
            epochs,
            lambda: space.sample(self.rng),
            resume=resume and resumable,
            refill=refill,
        )

    def ask(self) -> Proposal:
        return self._halving.ask()

    def tell(self, observation: Observation) -> None:
        self._halving.tell(observation.proposal, observation.losses[0], observation.trial)
