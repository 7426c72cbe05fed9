"""Hyperband (Li et al., 2018, https://arxiv.org/abs/1603.06560)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.parts.rungs import Halving, brackets, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import SearchSpace


class Hyperband(Algorithm):
    """Hyperband: successive halving with several trade-offs of number and length (Li et al., 2018).

    The first bracket has all rungs and so relies most on short trainings; each further bracket
    lacks one more rung at the bottom, and the last is random search. Then the first comes again. A
    rung starts once all results of the rung below are in; meanwhile free workers start the next
    bracket. With a single fidelity this is random search.

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
        rounding: Number of architectures with which a bracket of ``s + 1`` out of ``k`` rungs
            starts: ``"hpbandster"``: ``floor(k / (s + 1)) * eta**s``, as in automl/HpBandSter;
            ``"paper"``: ``ceil(k * eta**s / (s + 1))``.
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
        rounding: str = "hpbandster",
        resume: bool = True,
        refill: bool = False,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        self.resumable = resumable
        self.eta = eta
        self.rounding = rounding
        self.resume = resume
        self.refill = refill
        self._halving = Halving(
            brackets(len(epochs), eta, rounding),
            epochs,
            lambda: space.sample(self.rng),
            resume=resume and resumable,
            refill=refill,
        )

    def ask(self) -> Proposal:
        return self._halving.ask()

    def tell(self, observation: Observation) -> None:
        self._halving.tell(observation.proposal, observation.losses[0], observation.trial)
