"""Bayesian optimisation with a Gaussian process (Snoek et al., 2012, https://arxiv.org/abs/1206.2944)."""

from collections.abc import Callable, Mapping, Sequence
from math import floor
from random import Random
from typing import Any, ClassVar

from algorithms.models.processes.arc import Arc
from algorithms.models.processes.gaussian_process import GaussianProcess
from algorithms.models.processes.kernels import (
    Distance,
    Exponential,
    Kernel,
    Matern,
    WeisfeilerLehman,
    degrees,
    edit,
    hamming,
    path,
)
from algorithms.models.processes.process_search import ProcessSearch
from algorithms.parts.mutation import edge_ends, mutate_each, naszilla_rates
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

KERNELS = ("hamming", "edit", "path", "degrees", "matern", "arc", "wl")
_DISTANCES: Mapping[str, Callable[[SearchSpace], Distance]] = {
    "hamming": hamming,
    "edit": edit,
    "path": path,
    "degrees": degrees,
}
_DEPTHS = range(3)
MUTATIONS = ("steps", "naszilla")
_SMALLEST, _LARGEST = 1e-10, 1e9
_SAMPLED = 20


class GPBO(ProcessSearch):
    """Bayesian optimisation with a Gaussian process (Snoek et al., 2012).

    After ``initial`` random architectures, a Gaussian process predicts the losses of candidates:
    mutants of the best architectures and random ones. The one that the acquisition function likes
    best is trained. Variances and lengths maximise the marginal likelihood; running trials are
    fantasies that end as predicted.

    Preset ``naszilla`` is ``gp_bayesopt`` of naszilla/naszilla (``nas_algorithms.py``,
    ``bo/pp/gp/gp_utils.py``), which also is its NASBOT with ``kernel="degrees"``. There, a
    candidate is drawn from up to 475 mutants 200 times, which may be twice the same; here, 200
    different ones are made. Preset ``synetune`` has the settings of Syne Tune's Bayesian
    optimisation, without its gradient steps on the acquisition function, for which options would
    have to be numbers.

    Every query takes a time that grows with the square of the number of results, every fit with the
    cube: a few hundred trials are fine, thousands are slow.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first model.
        batch: Number of architectures chosen at once, one after the other, with those before as
            running trials.
        kernel: What the process compares, see :mod:`algorithms.models.processes.kernels`:
            ``"hamming"``: differing decisions; ``"edit"``: edits between graphs; ``"path"``: paths
            that only one has; ``"degrees"``: the cheap distance of NASBOT; ``"matern"``: Matérn 5/2
            with a length for every decision; ``"arc"``: the same, but decisions that do nothing
            where they are, such as edges without a signal, are alike (Swersky et al., 2014, see
            :mod:`algorithms.models.processes.arc`); ``"wl"``: Weisfeiler-Lehman subtrees, of the
            likeliest depth in 0..2. None for ``"path"`` in a space whose graphs have several paths,
            for ``"matern"`` in others. ``"path"`` needs graphs; for ``"edit"``, ``"degrees"`` and
            ``"wl"``, an architecture without graph is a chain of its decisions.
        power: Of the distance in ``exp(-distance**power / (2 * length**2))``: 1 or 2; with 2 the
            kernel need not be positive semi-definite, which costs a jitter.
        targets: What the process predicts: ``"losses"``, their ``"logarithms"``, or normal scores
            of their ``"ranks"``; always standardised.
        acquisition: ``"ei"``, ``"log_ei"``, ``"pi"``, ``"ucb"``, ``"ts"`` (a joint draw of all
            candidates) or ``"mean"``.
        beta: Weight of the standard deviation in ``"ucb"``.
        candidates: Number of candidates.
        mutated_share: Share of the candidates that are mutants of the best architectures.
        parents: Number of best architectures that are mutated.
        edits: Largest number of mutations of a mutant; every number is as likely.
        mutation: ``"steps"``: so many moves to a neighbour. ``"naszilla"``: each decision changes
            with a probability of its own
            (:func:`algorithms.parts.mutation.naszilla_rates`), which grows with the number of
            mutations where all decisions are edges, as in NAS-Bench-201.
        fantasies: Number of joint draws of the losses of running trials, over which the acquisition
            function is averaged; 0 for their mean instead of draws.
        length: Length of a kernel of distances; None to fit it.
        signal: Variance of the signal, of standardised targets; None to fit it.
        noise: Variance of the noise, of standardised targets; None to fit it.
        refit: Growth of the number of results after which parameters are fitted again, as a share.
        restarts: Number of random starts of a fit, besides a fixed one and the last parameters.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "naszilla": {
            "kernel": "hamming",
            "targets": "losses",
            "length": 2.1213203435596424,  # 3 / sqrt(2)
            "signal": 2.25,
            "noise": 1e-10,
            "acquisition": "ucb",
            "beta": 0.5,
            "candidates": 200,
            "mutated_share": 1.0,
            "parents": 5,
            "edits": 19,
            "mutation": "naszilla",
        },
        "synetune": {
            "kernel": "matern",
            "targets": "losses",
            "initial": 3,
            "candidates": 250,
            "mutated_share": 0.0,
            "fantasies": 20,
            "restarts": 2,
            "refit": 0.0,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 1,
        kernel: str | None = None,
        power: int = 1,
        targets: str = "ranks",
        acquisition: str = "ei",
        beta: float = 1.0,
        candidates: int = 200,
        mutated_share: float = 0.5,
        parents: int = 5,
        edits: int = 1,
        mutation: str = "steps",
        fantasies: int = 0,
        length: float | None = None,
        signal: float | None = None,
        noise: float | None = None,
        refit: float = 0.05,
        restarts: int = 0,
    ) -> None:
        if kernel is not None and kernel not in KERNELS:
            raise InvalidArgumentError(f"kernel = {kernel!r}{one_of(str(kernel), KERNELS)}")
        if power not in (1, 2):
            raise InvalidArgumentError(f"power = {power} must be 1 or 2")
        for name, count in (("candidates", candidates), ("parents", parents), ("edits", edits)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if mutation not in MUTATIONS:
            raise InvalidArgumentError(f"mutation = {mutation!r}{one_of(mutation, MUTATIONS)}")
        if not 0 <= mutated_share <= 1:
            raise InvalidArgumentError(f"mutated_share = {mutated_share} must be in [0, 1]")
        for name, value in (("length", length), ("signal", signal), ("noise", noise)):
            if value is not None and not _SMALLEST <= value <= _LARGEST:
                raise InvalidArgumentError(
                    f"{name} = {value!r} must be in {_SMALLEST}..{_LARGEST}, or None to fit it"
                )
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            kernels=_kernels(space, kernel, power, length),
            acquisition=acquisition,
            beta=beta,
            fantasies=fantasies,
            signal=(1e-2, 1e2) if signal is None else (signal, signal),
            noise=(1e-5, 1.0) if noise is None else (noise, noise),
            refit=refit,
            restarts=restarts,
            targets=targets,
        )
        self.kernel = kernel
        self.power = power
        self.length = length
        self.signal = signal
        self.noise = noise
        self.candidates = candidates
        self.mutated_share = mutated_share
        self.parents = parents
        self.edits = edits
        self.mutation = mutation
        self._rates = naszilla_rates(space)
        self._has_only_edges = None not in edge_ends(space)

    def pool(self, process: GaussianProcess) -> Sequence[Arch]:
        return self.candidates_near(self.candidates, self.mutated_share, self.parents, self._mutant)

    def _mutant(self, arch: Arch) -> Arch:
        edits = 1 + floor(self.rng.random() * self.edits)
        if self.mutation == "naszilla":
            times = edits if self._has_only_edges else 1
            return mutate_each(self.space, arch, [times * r for r in self._rates], self.rng)
        for _ in range(edits):
            arch = self.space.mutate(arch, self.rng)
        return arch


def _kernels(
    space: SearchSpace, name: str | None, power: int, length: float | None
) -> list[Kernel]:
    if name is None:
        name = "path" if _branches(space) else "matern"
    if name == "matern":
        return [Matern(space)]
    if name == "arc":
        return [Arc(space)]
    if name == "wl":
        return [WeisfeilerLehman(space, iterations) for iterations in _DEPTHS]
    kernel = Exponential(_DISTANCES[name](space), power=power, length=length or 1.0)
    if length is not None:
        kernel.bounds = [(kernel.start[0], kernel.start[0])]
    return [kernel]


def _branches(space: SearchSpace) -> bool:
    """Whether the graphs of a space, as far as some show, have more than one path."""
    rng = Random(0)
    graphs = [space.graph(space.sample(rng)) for _ in range(_SAMPLED)]
    return any(graph is not None and (graph.adjacency.sum(axis=1) > 1).any() for graph in graphs)
