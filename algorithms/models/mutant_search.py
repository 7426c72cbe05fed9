"""Base of searches whose model chooses among mutants of the best architectures."""

from abc import abstractmethod
from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from algorithms.models.acquisition import acquisition, check_name
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import mutants
from algorithms.models.features import Features
from algorithms.parts.mutation import mutate_each, naszilla_rates
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]

MUTATIONS = ("one", "naszilla")
TARGETS = ("standardized", "raw")


class MutantSearch(BatchSearch):
    """Base of Bayesian optimisation over mutants of the best architectures so far.

    Subclasses document their hyperparameters; this class checks and keeps the common ones.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int,
        batch: int,
        targets: str,
        encoding: str,
        cutoff: int,
        acquisition: str,
        beta: float,
        candidates: int,
        parents: int,
        patience: int,
        mutation: str,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        counts = {"candidates": candidates, "parents": parents, "patience": patience}
        for name, value in counts.items():
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if not 0 <= beta < inf:
            raise InvalidArgumentError(f"beta = {beta} must be finite, not negative")
        for name, text, known in (
            ("mutation", mutation, MUTATIONS),
            ("targets", targets, TARGETS),
        ):
            if text not in known:
                raise InvalidArgumentError(f"{name} = {text!r}{one_of(text, known)}")
        check_name(acquisition)
        self.targets = targets
        self.loss_unit = "%" if targets == "raw" else None
        self.encoding = encoding
        self.cutoff = cutoff
        self.acquisition = acquisition
        self.beta = beta
        self.candidates = candidates
        self.parents = parents
        self.patience = patience
        self.mutation = mutation
        self._features = Features(space, encoding, cutoff)
        self._rates = naszilla_rates(space)

    @abstractmethod
    def fit_and_predict(
        self, x: Numbers, y: Numbers, candidates: Numbers
    ) -> tuple[Numbers, Numbers]:
        """Fit the model and predict the targets of candidates.

        Args:
            x: Features of the examples, shape ``(n, d)``.
            y: Their targets, shape ``(n,)``.
            candidates: Features of shape ``(m, d)``.

        Returns:
            Means and standard deviations, each of shape ``(m,)``; not finite if the model failed.

        Raises:
            numpy.linalg.LinAlgError: The model failed.
        """

    def choose(self, n: int) -> Sequence[Arch]:
        candidates = self._mutants()
        if not candidates:
            return []
        x, y = self._features(self.examples.archs), self._targets()
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                mean, std = self.fit_and_predict(x, y, self._features(candidates))
        except np.linalg.LinAlgError:
            return []
        if not (np.isfinite(mean).all() and np.isfinite(std).all()):
            return []
        best = float(y.min())
        gain = acquisition(self.acquisition, mean, std, best, self.beta, self.array_rng)
        return [candidates[i] for i in np.argsort(-gain, kind="stable")[:n].tolist()]

    def _mutants(self) -> list[Arch]:
        """New mutants of the best, and of the next ones while there are fewer than ``candidates``.

        The last parent may bring more, as in naszilla/naszilla (``get_candidates`` in
        ``nas_benchmarks.py``).
        """
        found: dict[Arch, None] = {}
        each = max(self.candidates // self.parents, 1)
        for parent in self.examples.best(self.patience * self.parents):
            if len(found) >= self.candidates:
                break
            found |= dict.fromkeys(mutants([parent], each, self.seen, self._mutate))
        return list(found)

    def _mutate(self, arch: Arch) -> Arch:
        if self.mutation == "one":
            return self.space.mutate(arch, self.rng)
        return mutate_each(self.space, arch, self._rates, self.rng)

    def _targets(self) -> Numbers:
        standardized = self.examples.targets()
        if self.targets == "standardized" and standardized is not None:
            return standardized
        return self.examples.finite_losses()
