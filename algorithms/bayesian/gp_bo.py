"""Bayesian optimisation with a Gaussian process (Snoek et al., 2012, https://arxiv.org/abs/1206.2944)."""

from collections.abc import Callable, Mapping, Sequence
from math import floor
from typing import Any, ClassVar

from algorithms.models.candidates import mutants, unseen
from algorithms.models.gaussian_process import GaussianProcess
from algorithms.models.kernels import (
    Exponential,
    Kernel,
    Matern,
    WeisfeilerLehman,
    edit,
    hamming,
    path,
)
from algorithms.models.process_search import ProcessSearch
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

KERNELS = ("hamming", "edit", "path", "matern", "wl")
_DISTANCES: dict[str, Callable[[SearchSpace], Any]] = {"hamming": hamming, "edit": edit, "path": path}
_DEPTHS = range(4)


class GPBO(ProcessSearch):

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "naszilla": {
            "kernel": "hamming",
            "power": 2,
            "length": 3.0,
            "signal": 2.25,
            "noise": 1e-5,
            "acquisition": "ucb",
            "beta": 0.5,
            "candidates": 200,
            "random_share": 0.0,
            "parents": 5,
            "edits": 19,
        },
        "synetune": {
            "kernel": "matern",
            "initial": 3,
            "candidates": 250,
            "random_share": 1.0,
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
        kernel: str = "path",
        power: int = 1,
        acquisition: str = "ei",
        beta: float = 1.0,
        candidates: int = 200,
        random_share: float = 0.5,
        parents: int = 5,
        edits: int = 1,
        fantasies: int = 0,
        length: float | None = None,
        signal: float | None = None,
        noise: float | None = None,
        refit: float = 0.05,
        restarts: int = 0,
    ) -> None:
        if kernel not in KERNELS:
            raise InvalidArgumentError(f"kernel = {kernel!r}{one_of(kernel, KERNELS)}")
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
        )
        self.kernel = kernel
        self.power = power
        self.length = length
        self.signal = signal
        self.noise = noise
        self.candidates = candidates
        self.random_share = random_share
        self.parents = parents
        self.edits = edits

    def pool(self, process: GaussianProcess) -> Sequence[Arch]:
        n_random = round(self.random_share * self.candidates)
        best = self.examples.best(5 * self.parents)
        found = mutants(
            best, self.candidates - n_random, self.seen, self._mutant, at_once=self.parents
        ) if n_random < self.candidates else []
        taken = {**self.seen, **dict.fromkeys(found)}
        return [*found, *unseen(self.space, self.candidates - len(found), self.rng, taken)]

    def _mutant(self, arch: Arch) -> Arch:
        for _ in range(1 + floor(self.rng.random() * self.edits)):
            arch = self.space.mutate(arch, self.rng)
        return arch


def _kernels(space: SearchSpace, name: str, power: int, length: float | None) -> list[Kernel]:
    if name == "matern":
        return [Matern(space)]
    if name == "wl":
        return [WeisfeilerLehman(space, iterations) for iterations in _DEPTHS]
    kernel = Exponential(_DISTANCES[name](space), power=power, length=length or 1.0)
    if length is not None:
        kernel.bounds = [(kernel.start[0], kernel.start[0])]
    return [kernel]
