"""NASBOT (Kandasamy et al., 2018, https://arxiv.org/abs/1802.07191)."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from algorithms.models.candidates import unseen
from algorithms.models.processes.gaussian_process import GaussianProcess
from algorithms.models.processes.kernels import Exponential, Kernel, degrees
from algorithms.models.processes.otmann import Otmann
from algorithms.models.processes.process_search import ProcessSearch
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_KERNELS: Mapping[str, Callable[[SearchSpace], Kernel]] = {
    "degrees": lambda space: Exponential(degrees(space)),
    "otmann": Otmann,
}
_STEPS = tuple(accumulate((0.5, 0.25, 0.125, 0.075, 0.05)))
_TEMPERATURE = 2.0
_EVALUATIONS, _MIN_EVALUATIONS = 25, 50


class NASBOT(ProcessSearch):
    """NASBOT: Bayesian optimisation with a distance between graphs (Kandasamy et al., 2018).

    A Gaussian process compares architectures by a distance between their graphs. An evolutionary
    search maximises the expected improvement: parents are drawn by a softmax of half their
    standardised expected improvement and mutated ``mutations`` at a time, 1 to 5 steps each with
    probabilities .5, .25, .125, .075 and .05, until ``25 * sqrt(n)`` candidates were scored for
    ``n`` results, but at least 50 and at most ``max_evaluations``. The candidate with the highest
    expected improvement is trained.

    The default distance is the one by which naszilla/naszilla replaces the paper's: differences of
    sorted in-degrees, sorted out-degrees and numbers of operations, and of operations in place
    where all graphs have the same edges. Preset ``kandasamy`` takes the optimal transport of the
    paper (:mod:`algorithms.models.processes.otmann`), which is far slower.

    Settings are those of kirthevasank/nasbot (``opt/nasbot.py``, ``opt/ga_optimiser.py``,
    ``nn/nn_gp.py``). Other than there, parameters of the kernel maximise the marginal likelihood
    (there they are drawn from a posterior), the evolutionary search starts from the trained
    architectures (there also from a fixed pool), one mutation step is one of the space, and masses
    and costs of the transport do without widths, which cells do not have.

    Args:
        space: The search space. Without graphs, an architecture is a chain of its decisions, as in
            :func:`algorithms.models.processes.kernels.graph_of`.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first model.
        batch: Number of architectures that a model chooses.
        distance: ``"degrees"`` or ``"otmann"``.
        mutations: Number of mutants in a generation of the evolutionary search.
        max_evaluations: Largest number of candidates that are scored for a query.
        acquisition: As of :class:`~algorithms.bayesian.gp_bo.GPBO`.
        beta: Weight of the standard deviation in ``"ucb"``.
        targets: What the process predicts, as of :class:`~algorithms.bayesian.gp_bo.GPBO`.
        refit: Growth of the number of results after which parameters are fitted again, as a share.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"kandasamy": {"distance": "otmann"}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 1,
        distance: str = "degrees",
        mutations: int = 50,
        max_evaluations: int = 500,
        acquisition: str = "ei",
        beta: float = 1.0,
        targets: str = "losses",
        refit: float = 0.05,
    ) -> None:
        if distance not in _KERNELS:
            raise InvalidArgumentError(f"distance = {distance!r}{one_of(distance, _KERNELS)}")
        for name, count in (("mutations", mutations), ("max_evaluations", max_evaluations)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            kernels=[_KERNELS[distance](space)],
            acquisition=acquisition,
            beta=beta,
            targets=targets,
            refit=refit,
        )
        self.distance = distance
        self.mutations = mutations
        self.max_evaluations = max_evaluations

    def pool(self, process: GaussianProcess) -> Sequence[Arch]:
        wanted = max(_EVALUATIONS * sqrt(len(self.examples)), _MIN_EVALUATIONS)
        left = int(min(wanted, self.max_evaluations))
        members = self.examples.best(len(self.examples))
        scores = self.scores(process, members).tolist()
        found: dict[Arch, None] = {}
        while left > 0:
            n = min(self.mutations, left)
            left -= n
            parents = self._parents(np.array(scores), n)
            children = dict.fromkeys(self._mutant(members[place]) for place in parents)
            new = [arch for arch in children if arch not in self.seen and arch not in found]
            if new:
                found.update(dict.fromkeys(new))
                members += new
                scores += self.scores(process, new).tolist()
        return list(found) or unseen(self.space, self.mutations, self.rng, self.seen)

    def _parents(self, scores: "np.ndarray[Any, np.dtype[np.float64]]", n: int) -> list[int]:
        """Places of ``n`` members, drawn by a softmax of the standardised scores."""
        finite = np.isfinite(scores)
        if not finite.any():
            scores, finite = np.zeros(len(scores)), ~finite
        scores = np.where(finite, scores, scores[finite].min())
        span = np.ptp(scores)
        scaled = (scores - scores.max()) / span if span > 0 else np.zeros(len(scores))
        scaled /= _TEMPERATURE * scaled.std() if span > 0 else 1.0
        ends = np.cumsum(np.exp(scaled)).tolist()
        return [
            min(bisect_right(ends, self.rng.random() * ends[-1]), len(ends) - 1) for _ in range(n)
        ]

    def _mutant(self, arch: Arch) -> Arch:
        for _ in range(1 + min(bisect_right(_STEPS, self.rng.random()), len(_STEPS) - 1)):
            arch = self.space.mutate(arch, self.rng)
        return arch
