"""Base of searches that choose by a Gaussian process."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from math import log

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from algorithms.models.acquisition import acquisition, check_name
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import mutants, unseen
from algorithms.models.examples import Examples
from algorithms.models.processes.gaussian_process import GaussianProcess, fit
from algorithms.models.processes.kernels import Kernel
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]
Range = tuple[float, float]

TARGETS = ("losses", "logarithms", "ranks")
"""What :func:`scaled` knows."""

_PATIENCE = 5
_START = (1.0, 0.1)


class ProcessSearch(BatchSearch):
    """Base of searches that choose by a Gaussian process on standardised losses.

    Running trials, and those of a batch chosen before, are fantasies: the process is told that
    their losses are as predicted. A process that cannot be fitted chooses nothing.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first model.
        batch: Number of architectures that a model chooses.
        kernels: Kernels, of which the most likely one is taken.
        acquisition: As of :func:`algorithms.models.acquisition.acquisition`, but ``"ts"`` draws
            jointly.
        beta: Weight of the standard deviation in ``"ucb"``.
        fantasies: Number of joint draws of the losses of running trials, over which the
            acquisition function is averaged; 0 for their mean instead of draws.
        signal: Lowest and highest variance of the signal; equal for a fixed one.
        noise: Lowest and highest variance of the noise; equal for a fixed one.
        refit: Growth of the number of results after which parameters are fitted again, as a share.
        restarts: Number of random starts of a fit, besides a fixed one and the last parameters.
        max_iterations: Largest number of iterations of a fit from each start.
        targets: What the process predicts, see :func:`scaled`.
        believer: Whether those of a batch that are chosen are fantasies for the next ones; if not,
            a batch is what the acquisition function likes best.
    """

    families = ("Gaussian process",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int,
        batch: int,
        kernels: Sequence[Kernel],
        acquisition: str,
        beta: float = 1.0,
        fantasies: int = 0,
        signal: Range = (1e-2, 1e2),
        noise: Range = (1e-5, 1.0),
        refit: float = 0.0,
        restarts: int = 0,
        max_iterations: int = 50,
        targets: str = TARGETS[0],
        believer: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        check_name(acquisition)
        if targets not in TARGETS:
            raise InvalidArgumentError(f"targets = {targets!r}{one_of(targets, TARGETS)}")
        for name, number in (("beta", beta), ("refit", refit)):
            if not 0 <= number < np.inf:
                raise InvalidArgumentError(f"{name} = {number} must be finite, not negative")
        for name, count in (("fantasies", fantasies), ("restarts", restarts)):
            if count < 0:
                raise InvalidArgumentError(f"{name} = {count} must not be negative")
        self.acquisition = acquisition
        self.beta = beta
        self.fantasies = fantasies
        self.refit = refit
        self.restarts = restarts
        self.targets = targets
        self.believer = believer
        self._kernels = kernels
        self._ranges = [_logs(signal), _logs(noise)]
        self._max_iterations = max_iterations
        self._process: GaussianProcess | None = None
        self._fitted = 0
        self._last: dict[int, Numbers] = {}  # parameters fitted before, by number of the kernel

    @abstractmethod
    def pool(self, process: GaussianProcess) -> Sequence[Arch]:
        """Return different candidates that are not in ``seen``, in any order.

        Args:
            process: What the candidates are scored by, running trials included.
        """

    def choose(self, n: int) -> Sequence[Arch]:
        try:
            self._process = self._updated()
            told = set(self.examples.archs)
            running = [arch for arch in self.seen if arch not in told]
            process = self._hallucinated(self._process, running)
            pool = list(self.pool(process))
            return self._chosen(process, pool, n) if pool else []
        except LinAlgError:
            self._process = None
            return []

    def _updated(self) -> GaussianProcess:
        archs, targets = self.examples.archs, scaled(self.examples, self.targets)
        known = self._process
        if known is not None and len(archs) < self._fitted * (1 + self.refit):
            return known.extended(archs[len(known.archs) :], targets)
        self._fitted = len(archs)
        found = [self._fit(number, targets) for number in range(len(self._kernels))]
        return max(found, key=lambda process: process.log_likelihood)

    def _fit(self, number: int, targets: Numbers) -> GaussianProcess:
        kernel = self._kernels[number]
        bounds = [*self._ranges, *kernel.bounds]
        first = np.concatenate([np.log(_START), kernel.start])
        # From the last parameters alone, a fit would never leave a length so short that nothing is
        # similar, which few results may suggest, and where the likelihood is flat.
        starts = [first, self._last.get(number, first)][: 1 + (number in self._last)]
        low, high = np.array(bounds).T
        starts += [
            low + self.array_rng.random(len(low)) * (high - low) for _ in range(self.restarts)
        ]
        process = fit(
            kernel,
            self.examples.archs,
            targets,
            starts,
            bounds,
            max_iterations=self._max_iterations,
        )
        self._last[number] = process.logs
        return process

    def _chosen(self, process: GaussianProcess, pool: list[Arch], n: int) -> list[Arch]:
        if not self.believer:
            order = np.argsort(-self.scores(process, pool), kind="stable")
            return [pool[place] for place in order[:n]]
        chosen: list[Arch] = []
        for _ in range(min(n, len(pool))):
            process = self._hallucinated(process, chosen[-1:])
            chosen.append(pool.pop(int(np.argmax(self.scores(process, pool)))))
        return chosen

    def _hallucinated(self, process: GaussianProcess, archs: Sequence[Arch]) -> GaussianProcess:
        """The process, told that some trials end as it predicts."""
        if not archs:
            return process
        known = process.targets
        if not self.fantasies:
            return process.extended(archs, np.concatenate([known, process.predict(archs)[0]]))
        drawn = process.sample(archs, self.fantasies, self.array_rng).T
        known = np.broadcast_to(known.reshape(len(known), -1), (len(known), self.fantasies))
        return process.extended(archs, np.concatenate([known, drawn]))

    def candidates_near(
        self, n: int, mutated_share: float, parents: int, mutate: Callable[[Arch], Arch]
    ) -> list[Arch]:
        """Return up to ``n`` candidates: mutants of the best architectures, the rest random.

        Args:
            n: Number of candidates.
            mutated_share: Share that are mutants.
            parents: Number of best architectures that are mutated; more where they have too few.
            mutate: Gives a random mutant of an architecture.
        """
        n_mutants = round(mutated_share * n)
        best = self.examples.best(_PATIENCE * parents)
        found = mutants(best, n_mutants, self.seen, mutate, at_once=parents, patience=_PATIENCE)
        return found + unseen(self.space, n - len(found), self.rng, {*self.seen, *found})

    def scores(self, process: GaussianProcess, pool: Sequence[Arch]) -> Numbers:
        """Return the acquisition function of candidates, shape ``(len(pool),)``."""
        if self.acquisition == "ts":
            return -self._draw(process, pool)
        means, std = process.predict(pool)
        targets = process.targets.reshape(len(process.targets), -1)
        scores = [
            acquisition(self.acquisition, mean, std, best, self.beta, self.array_rng)
            for mean, best in zip(
                means.reshape(len(pool), -1).T, targets.min(axis=0).tolist(), strict=True
            )
        ]
        averaged: Numbers = np.mean(scores, axis=0)
        return averaged

    def _draw(self, process: GaussianProcess, pool: Sequence[Arch]) -> Numbers:
        """One joint draw of the losses of candidates; of several fantasies, the first counts."""
        if process.targets.ndim > 1:
            process = process.extended([], process.targets[:, 0])
        drawn: Numbers = process.sample(pool, 1, self.array_rng)[0]
        return drawn


def _logs(given: Range) -> Range:
    return log(given[0]), log(given[1])


def scaled(examples: Examples, how: str) -> Numbers:
    """Return targets of mean 0 and standard deviation 1, shape ``(n,)``.

    A diverged training counts as the largest finite loss. Two finite losses must differ.

    Args:
        examples: The examples.
        how: ``"losses"``: as they are; ``"logarithms"``: theirs, or the losses if these do not
            exist; ``"ranks"``: normal scores, which are as many numbers of a normal distribution,
            in the same order, and equal for equal losses.
    """
    targets = examples.targets()
    if targets is None:
        raise InvalidArgumentError("no two finite losses differ")
    if how == "ranks":
        targets = ndtri((rankdata(targets) - 0.5) / len(targets))
    if how == "logarithms" and 0 < examples.lowest < np.inf:
        logs = np.log(examples.finite_losses())
        targets = logs if logs.min() < logs.max() else targets
    found: Numbers = (targets - targets.mean()) / targets.std()
    return found
