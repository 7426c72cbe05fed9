"""NAS-BOWL (Ru et al., 2021, https://arxiv.org/abs/2006.07556)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.models.processes.gaussian_process import GaussianProcess
from algorithms.models.processes.kernels import WeisfeilerLehman
from algorithms.models.processes.process_search import ProcessSearch
from algorithms.parts.mutation import edge_ends, mutate_each
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_MIN_NOISE = 1e-5
_PATIENCE = 50


class NASBowl(ProcessSearch):
    """NAS-BOWL: Bayesian optimisation with Weisfeiler-Lehman features of graphs (Ru et al., 2021).

    A Gaussian process with the normalised subtree kernel on the graphs of architectures predicts
    logarithms of losses; depth of the subtrees and noise maximise the marginal likelihood. The
    candidates are mutants of the best architectures, in which every decision changes with a
    probability of its own, and random ones; a batch is those with the highest expected improvement.

    The defaults are those of the paper on NAS-Bench-101, preset ``nb201`` those on NAS-Bench-201,
    as in xingchenwan/nasbowl. Other than there, the graphs are those of the space, in which the
    absent edges of a NAS-Bench-201 cell are nodes; labels refine along edges in both directions;
    subtrees are compared by their counts also on NAS-Bench-101 (there by optimal assignment); noise
    is fitted by L-BFGS-B (there by 20 steps of Adam). A space without graphs is a chain of
    decisions, as in :func:`algorithms.models.processes.kernels.graph_of`.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first model.
        batch: Number of architectures that a model chooses.
        candidates: Number of candidates.
        mutated_share: Share of the candidates that are mutants.
        parents: Number of best architectures that are mutated.
        depths: Numbers of refinements of the labels, of which the most likely one is taken.
        max_noise: Largest variance of the noise, of standardised targets; at least 1e-5.
        acquisition: As of :class:`~algorithms.bayesian.gp_bo.GPBO`.
        beta: Weight of the standard deviation in ``"ucb"``.
        targets: What the process predicts, as of :class:`~algorithms.bayesian.gp_bo.GPBO`.
        believer: Whether the architectures of a batch are chosen one after the other, with those
            before as running trials, instead of together.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nb201": {"mutated_share": 1.0}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 5,
        candidates: int = 200,
        mutated_share: float = 0.5,
        parents: int = 10,
        depths: Sequence[int] = (1, 2),
        max_noise: float = 0.01,
        acquisition: str = "ei",
        beta: float = 1.0,
        targets: str = "logarithms",
        believer: bool = False,
    ) -> None:
        for name, count in (("candidates", candidates), ("parents", parents)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if not 0 <= mutated_share <= 1:
            raise InvalidArgumentError(f"mutated_share = {mutated_share} must be in [0, 1]")
        if not depths or not all(type(depth) is int and 0 <= depth <= 10 for depth in depths):
            raise InvalidArgumentError(f"depths = {depths} must be integers in 0..10, at least one")
        if not _MIN_NOISE <= max_noise < float("inf"):
            raise InvalidArgumentError(
                f"max_noise = {max_noise} must be finite, at least {_MIN_NOISE}"
            )
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            kernels=[WeisfeilerLehman(space, depth) for depth in depths],
            acquisition=acquisition,
            beta=beta,
            signal=(1.0, 1.0),
            noise=(_MIN_NOISE, max_noise),
            targets=targets,
            believer=believer,
        )
        self.candidates = candidates
        self.mutated_share = mutated_share
        self.parents = parents
        self.depths = depths
        self.max_noise = max_noise
        self._rates = rates(space)

    def pool(self, process: GaussianProcess) -> Sequence[Arch]:
        return self.candidates_near(self.candidates, self.mutated_share, self.parents, self._mutant)

    def _mutant(self, arch: Arch) -> Arch:
        for _ in range(_PATIENCE):
            mutant = mutate_each(self.space, arch, self._rates, self.rng)
            if mutant not in self.seen:
                return mutant
        return arch


def rates(space: SearchSpace) -> list[float]:
    """Probability that each decision changes in xingchenwan/nasbowl.

    An edge changes with probability one over the number of nodes, or of its options in a cell whose
    decisions are all edges; another decision with one over the number of the others.
    """
    ends = edge_ends(space)
    n_others = ends.count(None)
    n_nodes = len({node for edge in ends if edge for node in edge})
    return [
        1 / n_others if not edge else 1 / n_nodes if n_others else 1 / options
        for edge, options in zip(ends, space.options, strict=True)
    ]
