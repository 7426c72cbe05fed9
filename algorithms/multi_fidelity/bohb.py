"""BOHB (Falkner, Klein and Hutter, 2018, https://arxiv.org/abs/1807.01774)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.parts.growing_array import GrowingArray
from algorithms.parts.kernel_density import KernelDensity, StatsmodelsDensity
from algorithms.parts.rungs import ROUNDINGS, Halving, Result, brackets, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_MIN_DENSITY = 1e-32
_KERNELS = {"bounded": KernelDensity, "statsmodels": StatsmodelsDensity}


class BOHB(Algorithm):
    """BOHB: Hyperband that samples from a TPE-like density model (Falkner et al., 2018).

    At the largest epoch with enough results, BOHB fits one kernel density to the good architectures
    and one to the others. It draws samples near good architectures and trains the one with the
    highest ratio of good to other density. With a single fidelity this is Bayesian optimisation
    with that model.

    The defaults are our own variant: the numbers of preset ``nats``, but with kernels that know
    every option of a decision and never prefer the others (``kernel="bounded"``). The presets are
    the published method: ``hpbandster`` with the defaults of automl/HpBandSter
    (``config_generators/bohb.py``), ``nb101`` as in automl/nas_benchmarks, ``nats`` as in
    D-X-Y/AutoDL-Projects.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Rungs are those nearest to the last one divided by
            powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        eta: One architecture in ``eta`` is promoted to the next rung, where it trains about ``eta``
            times as long.
        rounding: Bracket sizes, ``"hpbandster"`` or ``"paper"``, as in
            :class:`algorithms.multi_fidelity.hyperband.Hyperband`.
        resume: Whether a promoted architecture continues its training where possible; if False, it
            trains from scratch.
        min_points: Minimum number of results for each density; raised to the number of decisions
            plus one if lower.
        good_percent: Percentage of results that count as good.
        n_samples: Number of architectures drawn from the model, of which one is trained.
        random_fraction: Probability that a new architecture is random.
        bandwidth_factor: Factor on the bandwidths from which ordered decisions are sampled.
        min_bandwidth: Minimum bandwidth, in (0, 1).
        ordered: Whether ordinal and numeric decisions are modelled as numbers in [0, 1] rather than
            as categories.
        kernel: Kernels of categorical decisions: ``"bounded"``: over all options, uniform at most;
            ``"statsmodels"``: over the options seen in the data, with any bandwidth, as in
            HpBandSter.
        refill: Whether new architectures take the places that diverged trainings leave in a rung.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "hpbandster": {
            "n_samples": 64,
            "random_fraction": 0.3333333333333333,
            "min_bandwidth": 0.001,
            "kernel": "statsmodels",
            "refill": True,
        },
        "nb101": {
            "n_samples": 64,
            "random_fraction": 0.33,
            "min_bandwidth": 0.3,
            "kernel": "statsmodels",
            "refill": True,
        },
        "nats": {
            "n_samples": 4,
            "random_fraction": 0.0,
            "min_bandwidth": 0.3,
            "kernel": "statsmodels",
            "refill": True,
            "ordered": False,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        resumable: bool = True,
        eta: int = 3,
        rounding: str = ROUNDINGS[0],
        resume: bool = True,
        min_points: int = 0,
        good_percent: int = 15,
        n_samples: int = 4,
        random_fraction: float = 0.0,
        bandwidth_factor: float = 3.0,
        min_bandwidth: float = 0.3,
        ordered: bool = True,
        kernel: str = "bounded",
        refill: bool = False,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        if min_points < 0:
            raise InvalidArgumentError(f"min_points = {min_points} must not be negative")
        if not 0 < good_percent < 100:
            raise InvalidArgumentError(f"good_percent = {good_percent} must be in 1..99")
        if n_samples < 1:
            raise InvalidArgumentError(f"n_samples = {n_samples} must be at least 1")
        if not 0 <= random_fraction <= 1:
            raise InvalidArgumentError(f"random_fraction = {random_fraction} must be in [0, 1]")
        if not bandwidth_factor > 0:
            raise InvalidArgumentError(f"bandwidth_factor = {bandwidth_factor} must be positive")
        if not 0 < min_bandwidth < 1:
            raise InvalidArgumentError(f"min_bandwidth = {min_bandwidth} must be in (0, 1)")
        if kernel not in _KERNELS:
            raise InvalidArgumentError(f"kernel = {kernel!r}{one_of(kernel, _KERNELS)}")
        self.resumable = resumable
        self.eta = eta
        self.rounding = rounding
        self.resume = resume
        self.min_points = min_points
        self.good_percent = good_percent
        self.n_samples = n_samples
        self.random_fraction = random_fraction
        self.bandwidth_factor = bandwidth_factor
        self.min_bandwidth = min_bandwidth
        self.ordered = ordered
        self.kernel = kernel
        self.refill = refill
        self._array_rng = np.random.default_rng(int(self.rng.random() * 2**53))
        self._halving = Halving(
            brackets(len(epochs), eta, rounding),
            epochs,
            self._draw,
            resume=resume and resumable,
            refill=refill,
        )
        self._min_results = max(min_points, len(space.options) + 1)
        if len(epochs) == 1:
            self.random_trials = next(
                n
                for n in count(1)
                if n - max(self._min_results, good_percent * n // 100) > len(space.options)
            )
        self._options = np.array(space.options)
        self._numeric = np.array(
            [
                ordered and decision.kind != "categorical" and len(decision.labels) > 1
                for decision in space.decisions
            ]
        )
        self._kernel_options = np.where(self._numeric, 0, self._options).tolist()
        self._rankings: dict[int, _Ranking] = {}
        self._models: tuple[KernelDensity, KernelDensity] | None = None
        self._is_stale = False

    def ask(self) -> Proposal:
        return self._halving.ask()

    def tell(self, observation: Observation) -> None:
        proposal, loss, trial = observation.proposal, observation.losses[0], observation.trial
        self._halving.tell(proposal, loss, trial)
        epoch = proposal.epoch or self.fidelities[-1]
        if epoch not in self._rankings:
            self._rankings[epoch] = _Ranking(len(self._options))
        point = self._encode(np.array(proposal.arch))
        self._rankings[epoch].add(Result(loss, trial, proposal.arch), point)
        self._is_stale = True

    def _draw(self) -> Arch:
        if self._models is None:
            self._fit()
        if self._models is None or self.rng.random() < self.random_fraction:
            return self.space.sample(self.rng)
        if self._is_stale:
            self._fit()
        good, bad = self._models
        archs = self._decode(
            good.sample(self.n_samples, self._array_rng, factor=self.bandwidth_factor)
        )
        for place in self._order(self._encode(archs), good, bad):
            arch = tuple(archs[place].tolist())
            if self.space.is_legal(arch):
                return arch
        return self.space.sample(self.rng)

    @staticmethod
    def _order(
        points: NDArray[np.float64], good: KernelDensity, bad: KernelDensity
    ) -> NDArray[np.intp]:
        """Indices of the points by the ratio of bad to good density, the lowest first.

        As in HpBandSter, the first point with an option that no bad result has (an infinite bad
        density) precedes all others. Points without a ratio are left out.
        """
        chance, risk = good.density(points), bad.density(points)
        risk = np.where(risk > _MIN_DENSITY, risk, _MIN_DENSITY)
        with np.errstate(invalid="ignore"):  # both densities may be infinite
            ratio = risk / np.maximum(chance, _MIN_DENSITY)
        finite = np.isfinite(ratio)
        order = np.argsort(ratio, kind="stable")[: finite.sum()]
        return np.concatenate((np.flatnonzero(~finite & np.isfinite(chance))[:1], order))

    def _fit(self) -> None:
        """Fit both densities at the largest epoch that has enough results."""
        self._is_stale = False
        for epoch in sorted(self._rankings, reverse=True):
            ranking = self._rankings[epoch]
            n = len(ranking.results)
            n_good = max(self._min_results, self.good_percent * n // 100)
            n_bad = max(self._min_results, (100 - self.good_percent) * n // 100)
            if n - n_good > len(self._options):
                good, bad = slice(n_good), slice(n_good, n_good + n_bad)
                self._models = self._density(ranking, good), self._density(ranking, bad)
                return

    def _density(self, ranking: "_Ranking", part: slice) -> KernelDensity:
        return _KERNELS[self.kernel](
            ranking.points.rows[part].copy(),
            self._kernel_options,
            min_bandwidth=self.min_bandwidth,
            groups=(ranking.different.rows, ranking.places.rows[part]),
        )

    def _encode(self, archs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Options of categorical decisions; of ordered ones, midpoints of equal parts of [0, 1]."""
        if not self._numeric.any():
            return archs.astype(np.float64)
        return np.where(self._numeric, (archs + 0.5) / self._options, archs)

    def _decode(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Inverse of :meth:`_encode`, defined for any point."""
        archs = np.where(self._numeric, np.floor(points * self._options), points)
        options: NDArray[np.int64] = np.minimum(archs, self._options - 1).astype(np.int64)
        return options


class _Ranking:
    """Results of one epoch.

    Args:
        n_decisions: Number of decisions.

    Attributes:
        results: The results, best first.
        points: The encoding of each of them, shape ``(n, n_decisions)``.
        different: The different ones among these encodings, in the order of their first results.
        places: For each result the place of its encoding in ``different``.
    """

    def __init__(self, n_decisions: int) -> None:
        self.results: list[Result] = []
        self.points = GrowingArray(np.float64, n_decisions)
        self.different = GrowingArray(np.float64, n_decisions)
        self.places = GrowingArray(np.intp)
        self._numbers: dict[Arch, int] = {}

    def add(self, result: Result, point: NDArray[np.float64]) -> None:
        rank = bisect_right(self.results, result)
        self.results.insert(rank, result)
        self.points.insert(rank, point)
        if result.arch not in self._numbers:
            self._numbers[result.arch] = len(self._numbers)
            self.different.append(point)
        self.places.insert(rank, self._numbers[result.arch])
