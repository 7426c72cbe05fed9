"""Tree-structured Parzen estimator (Bergstra et al., 2011, https://papers.nips.cc/paper/4443)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from algorithms.parts.choices import legal_options, pick
from algorithms.parts.growing_array import GrowingArray
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]
Options = NDArray[np.intp]

_MOST_GOOD = 25
_FULL_WEIGHT = 25  # the last so many points of a density are not forgotten
_LARGEST = 1e300

SPLITS = ("linear", "root")
KERNELS = ("optuna", "hyperopt")
PENDING = ("ignore", "bad", "diverged")


class TPE(Algorithm):
    """TPE: the candidate that is most likely under the good results, least under the others.

    After ``startup`` random architectures, the best results are the good ones, the others are bad.
    A density is fitted to the options of each. Of ``candidates`` architectures drawn from the good
    density the one with the highest ratio of good to bad density is trained. Old results weigh less
    than the latest 25. An architecture can be proposed, trained and paid for again.

    The defaults and preset ``optuna`` are those of Optuna 5.0 (``TPESampler()`` for one objective):
    one joint density over all decisions, running trials count as bad. Preset ``optuna4`` is Optuna
    4: every decision has densities and candidates of its own, and running trials are ignored.
    Preset ``hyperopt`` is hyperopt 0.2 (``tpe.suggest``) with the spaces of automl/nas_benchmarks:
    ``hp.choice``, and ``hp.quniform`` over the numbers of the options of ordered decisions.

    In a space with rules, a draw takes only options that can still become legal, in proportion to
    their density, and the first trials are uniform over legal architectures; the libraries know no
    such rules.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        startup: Results to wait for before the first density; until then proposals are random.
        candidates: Architectures, or with ``multivariate=False`` options of a decision, drawn from
            the good density.
        split: How many of n results are good, at most 25: ``"linear"``: n / 10, ``"root"``:
            sqrt(n) / 4, rounded up.
        multivariate: Whether one density covers all decisions, with a kernel for each result;
            otherwise each decision has its own.
        ordered: Whether ordinal and numeric decisions are modelled as integers, with normal
            kernels, rather than as categories.
        kernel: Kernels: ``"optuna"``: a categorical one adds 1/(n + 1) to every option for n
            results, a normal one is truncated to half a step beyond the ends; ``"hyperopt"``:
            counts plus one, normal kernels truncated to the ends, half a step less for the first
            and the last option. The latter is defined for ``multivariate=False`` only.
        pending: What a running trial is: ``"ignore"``, ``"bad"`` (in the bad density, but not
            counted in n, Optuna's "constant liar") or ``"diverged"`` (a result of infinite loss).
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "optuna": {
            "startup": 10,
            "candidates": 24,
            "split": "linear",
            "multivariate": True,
            "ordered": True,
            "kernel": "optuna",
            "pending": "bad",
        },
        "optuna4": {"multivariate": False, "pending": "ignore"},
        "hyperopt": {
            "startup": 20,
            "split": "root",
            "multivariate": False,
            "kernel": "hyperopt",
            "pending": "diverged",
        },
    }
    families = ("kernel density",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        startup: int = 10,
        candidates: int = 24,
        split: str = "linear",
        multivariate: bool = True,
        ordered: bool = True,
        kernel: str = "optuna",
        pending: str = "bad",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, count in (("startup", startup), ("candidates", candidates)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        for name, value, possible in (
            ("split", split, SPLITS),
            ("kernel", kernel, KERNELS),
            ("pending", pending, PENDING),
        ):
            if value not in possible:
                raise InvalidArgumentError(f"{name} = {value!r}{one_of(value, possible)}")
        if multivariate and kernel == "hyperopt":
            raise InvalidArgumentError("kernel = 'hyperopt' needs multivariate = False")
        self.startup = startup
        self.candidates = candidates
        self.split = split
        self.multivariate = multivariate
        self.ordered = ordered
        self.kernel = kernel
        self.pending = pending
        self.random_trials = startup
        self._array_rng = np.random.default_rng(int(self.rng.random() * 2**53))
        self._legal = legal_options(space)
        self._is_ordered = [ordered and d.kind != "categorical" for d in space.decisions]
        self._archs = GrowingArray(np.intp, len(space.options))
        self._losses = GrowingArray(np.float64)  # NaN while the trial is running
        self._running: Running[int] = Running()

    def ask(self) -> Proposal:
        good, bad = self._split()
        if good is None:
            arch = self.space.sample(self.rng)
        elif self.multivariate:
            arch = self._jointly(self._archs.rows[good], self._archs.rows[bad])
        else:
            arch = self._one_by_one(self._archs.rows[good], self._archs.rows[bad])
        proposal = Proposal(arch)
        self._running.add(proposal, len(self._losses.rows))
        self._archs.append(arch)
        self._losses.append(np.nan)
        return proposal

    def tell(self, observation: Observation) -> None:
        self._losses.rows[self._running.take(observation.proposal)] = observation.loss

    def _split(self) -> tuple[Options, Options] | tuple[None, None]:
        """Numbers of the good and the bad trials, in the order of their starts; None if too few."""
        losses = self._losses.rows
        running = np.isnan(losses)
        if self.pending == "diverged":
            losses, running = np.where(running, np.inf, losses), np.zeros_like(running)
        n = len(losses) - int(np.count_nonzero(running))
        if n < self.startup:
            return None, None
        n_good = math.ceil(0.1 * n) if self.split == "linear" else math.ceil(0.25 * math.sqrt(n))
        is_good = np.zeros_like(running)  # NaN comes last in the order
        is_good[np.argsort(losses, kind="stable")[: min(n_good, _MOST_GOOD)]] = True
        is_bad = ~is_good if self.pending == "bad" else ~(is_good | running)
        return np.flatnonzero(is_good), np.flatnonzero(is_bad)

    def _jointly(self, good: Options, bad: Options) -> Arch:
        """The best of candidates from the joint density of good architectures, ``(n, d)``."""
        kernels, weights = self._kernels(good), _weights(len(good), 1.0)
        m, d = self.candidates, len(self.space.options)
        draws = self._array_rng.random((m, d + 1))
        chosen = _places(np.cumsum(weights), draws[:, 0])
        if self.space.has_rules:
            points = self._legal_points(chosen, kernels)
        else:
            points = np.empty((m, d), dtype=np.intp)
            for k, table in enumerate(kernels):
                below = np.cumsum(table[chosen], axis=1)[:, :-1]
                points[:, k] = np.count_nonzero(below < draws[:, k + 1, None], axis=1)
        ratio = _density(points, kernels, weights)
        ratio /= _density(points, self._kernels(bad), _weights(len(bad), 1.0))
        return tuple(points[int(np.argmax(ratio))].tolist())

    def _kernels(self, archs: Options) -> list[Numbers]:
        """For each decision, probabilities of its options: a row a result, and one for the prior.

        The shapes are ``(n + 1, options)``.
        """
        return [
            (_normal if ordered else _categorical)(archs[:, k], n)
            for k, (n, ordered) in enumerate(zip(self.space.options, self._is_ordered, strict=True))
        ]

    def _legal_points(self, chosen: Options, kernels: list[Numbers]) -> Options:
        rows = {kernel: [table[kernel].tolist() for table in kernels] for kernel in set(chosen)}
        points = []
        for kernel in chosen:
            arch: Arch = ()
            for weights in rows[kernel]:
                arch = (*arch, pick(self._legal(arch), weights, self.rng))
            points.append(arch)
        return np.array(points, dtype=np.intp)

    def _one_by_one(self, good: Options, bad: Options) -> Arch:
        """For each decision the best of candidates, given architectures of shape ``(n, d)``."""
        hyperopt = self.kernel == "hyperopt"
        draws = self._array_rng.random((len(self.space.options), self.candidates))
        arch: Arch = ()
        for k, (n, ordered) in enumerate(zip(self.space.options, self._is_ordered, strict=True)):
            legal = self._legal(arch)
            if len(legal) == 1:
                arch = (*arch, legal[0])
                continue
            marginal = _hyperopt_marginal if hyperopt else _marginal
            likely = marginal(good[:, k], n, ordered)
            ratio = likely / marginal(bad[:, k], n, ordered)
            if len(legal) < n:
                likely, ratio = likely[list(legal)], ratio[list(legal)]
                likely /= likely.sum()
            places = _places(np.cumsum(likely), draws[k])
            arch = (*arch, legal[int(places[np.argmax(ratio[places])])])
        return arch


def _places(cumulative: Numbers, draws: Numbers) -> Options:
    """Where uniform draws fall among intervals that end at ``cumulative``."""
    places: Options = np.searchsorted(cumulative[:-1], draws, side="right")
    return places


def _weights(n: int, prior: float) -> Numbers:
    """Weights of ``n`` points, oldest first, and the prior, shape ``(n + 1,)``, sum 1."""
    weights = np.ones(n + 1)
    if n > _FULL_WEIGHT:
        weights[: n - _FULL_WEIGHT] = np.linspace(1 / n, 1, n - _FULL_WEIGHT)
    weights[n] = prior
    weights /= weights.sum()
    return weights


def _density(points: Options, kernels: list[Numbers], weights: Numbers) -> Numbers:
    """Density at points, shape ``(m,)``, in units of the uniform density.

    In those units the prior cannot underflow, and where kernels overflow, they count as 1e300.
    """
    product = np.ones((len(weights), len(points)))
    with np.errstate(over="ignore", under="ignore"):
        for k, table in enumerate(kernels):
            product *= table.shape[1] * table[:, points[:, k]]
        product = np.minimum(product, _LARGEST) * weights[:, None]
    density: Numbers = product.sum(axis=0)
    return density


def _categorical(column: Options, n: int) -> Numbers:
    """Kernels of Optuna for a categorical decision with ``n`` options, shape ``(k + 1, n)``."""
    k = len(column)
    kernels = np.full((k + 1, n), 1 / (k + 1))
    kernels[np.arange(k), column] += 1
    kernels[:k] /= 1 + n / (k + 1)
    kernels[k] = 1 / n
    return kernels


def _normal(column: Options, n: int) -> Numbers:
    """Kernels of Optuna for integers 0 to ``n - 1``, shape ``(k + 1, n)``.

    Each is as wide as the larger gap to its neighbours, and at least n / min(100, k + 2).
    """
    k = len(column)
    spreads = np.full(k + 1, float(n))
    if k:
        order = np.argsort(column, kind="stable")
        gaps = np.diff(column[order], prepend=-0.5, append=n - 0.5)
        wider = np.maximum(gaps[:-1], gaps[1:])
        if k > 1:
            wider[0], wider[-1] = gaps[1], gaps[-2]
        spreads[order] = np.clip(wider, n / min(100, k + 2), n)
    centers = np.append(column, (n - 1) / 2)
    edges = np.arange(-0.5, n)
    below = ndtr((edges - centers[:, None]) / spreads[:, None])
    kernels: Numbers = np.diff(below) / (below[:, -1:] - below[:, :1])
    return kernels


def _marginal(column: Options, n: int, ordered: bool) -> Numbers:
    """Probabilities of the options of a decision in Optuna, shape ``(n,)``."""
    kernels = (_normal if ordered else _categorical)(column, n)
    mixture: Numbers = (_weights(len(column), 1.0)[:, None] * kernels).sum(axis=0)
    return mixture


def _hyperopt_marginal(column: Options, n: int, ordered: bool) -> Numbers:
    """Probabilities of the options of a decision in hyperopt, shape ``(n,)``."""
    k = len(column)
    if not ordered:
        weights = _weights(k, float(n))
        counts = np.bincount(column, weights[:k], minlength=n)
        return np.asarray(counts + weights[k] / n, dtype=np.float64)
    weights, spread = _weights(k, 1.0), n - 1.0
    centers = np.append(column, spread / 2)
    spreads = np.full(k + 1, spread)
    if k == 1:
        spreads[0] = spread / 2
    elif k:
        order = np.argsort(np.append(column, spread / 2 - 0.25), kind="stable")  # prior first
        gaps = np.diff(centers[order])
        spreads[order] = np.maximum(np.append(gaps[0], gaps), np.append(gaps, gaps[-1]))
    spreads = np.clip(spreads, spread / min(100, k + 2), spread)
    spreads[k] = spread
    edges = np.concatenate(([0.0], np.arange(0.5, n - 1), [spread]))
    masses = np.diff(ndtr((edges - centers[:, None]) / spreads[:, None]))
    mixture: Numbers = (weights[:, None] * masses).sum(axis=0)
    mixture /= mixture.sum()
    return mixture
