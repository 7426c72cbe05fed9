"""Search by scores of untrained networks (Abdelfattah et al., 2021, https://arxiv.org/abs/2101.08134)."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from algorithms.models.candidates import pool as draw_pool
from algorithms.models.scores import Scores, ranks
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_LEARNED = "learned"


class ZeroCost(Algorithm):
    """Trains the architectures of a random pool in the order of zero-cost scores.

    All members of the pool are scored first, and the clock charges the recorded seconds of every
    score; when all are trained, another pool is drawn of what was not trained yet. The order by
    scores alone depends on no result. ``"learned"`` begins with the vote; after every ``batch``
    results, a ridge regression of the ranks of the losses on the ranks of the scores orders what is
    left.

    Scores are the numbers of ``known``: of each, more is better unless ``lower_is_better`` says
    otherwise. A score that is not defined (NaN) ranks behind all others.

    Preset ``naswot`` has the pool of NASWOT (Mellor et al., 2021,
    https://arxiv.org/abs/2006.04647), which trains the best of 100; its score is ``nwot``.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        pool: Number of random architectures that are scored; all of a smaller space.
        rank: ``"first"``: by the first score. ``"vote"``: by the mean rank over all scores.
            ``"learned"``: as results tell.
        batch: Results between two regressions.
        penalty: Penalty of the squared weights of the regression, in examples.
        lower_is_better: Places of the scores, from 0, of which less is better, as of parameters.
        known: Scores of an architecture; needed.

    Raises:
        InvalidArgumentError: There are no scores, or a hyperparameter has an impossible value.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"naswot": {"pool": 100}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        pool: int = 1000,
        rank: str = "first",
        batch: int = 10,
        penalty: float = 1.0,
        lower_is_better: Sequence[int] | None = None,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, value in (("pool", pool), ("batch", batch)):
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if not 0 < penalty < inf:
            raise InvalidArgumentError(f"penalty = {penalty} must be positive and finite")
        self.pool = pool
        self.rank = rank
        self.batch = batch
        self.penalty = penalty
        self.lower_is_better = lower_is_better
        self.families = ("linear",) if rank == _LEARNED else ()
        self._scores = Scores(known, lower_is_better, rank, others=(_LEARNED,))
        self._seen: set[Arch] = set()
        self._queue: list[Arch] = []  # next one last
        self._rows: dict[Arch, NDArray[np.float64]] = {}
        self._told: list[tuple[Arch, float]] = []
        self._learned = 0

    def ask(self) -> Proposal | None:
        if not self._queue:
            self._draw()
        elif self.rank == _LEARNED and len(self._told) >= self._learned + self.batch:
            self._learn()
        if not self._queue:
            return None
        self._seen.add(self._queue[-1])
        return Proposal(self._queue.pop())

    def tell(self, observation: Observation) -> None:
        self._told.append((observation.proposal.arch, observation.loss))

    def _draw(self) -> None:
        """Draw and order a new pool."""
        found = draw_pool(self.space, self.pool, self.rng, self._seen)
        if self.rank == _LEARNED and found:
            self._rows.update(zip(found, ranks(self._scores(found)), strict=True))
        self._queue = self._scores.ordered(found, self.rng)[::-1]
        if self._learned:
            self._learn()

    def _learn(self) -> None:
        """Order what is left by the ranks that a regression predicts."""
        if not self._queue:
            return
        self._learned = len(self._told)
        x = np.array([self._rows[arch] for arch, _ in self._told])
        weights = ridge(
            x, rankdata([loss for _, loss in self._told]) / len(self._told), self.penalty
        )
        best_first = self._queue[::-1]
        predicted = np.array([self._rows[arch] for arch in best_first]) @ weights
        order = np.argsort(predicted, kind="stable")[::-1]
        self._queue = [best_first[i] for i in order.tolist()]


def ridge(x: NDArray[np.float64], y: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Return the weights of a ridge regression with an intercept, shape ``(d,)``.

    Args:
        x: Examples of shape ``(n, d)``.
        y: Their targets, shape ``(n,)``.
        penalty: Factor on the sum of the squared weights.
    """
    centred = x - x.mean(axis=0)
    inverse = centred.T @ centred + penalty * np.eye(x.shape[1])
    weights: NDArray[np.float64] = np.linalg.solve(inverse, centred.T @ (y - y.mean()))
    return weights
