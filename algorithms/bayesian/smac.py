"""SMAC (Hutter, Hoos and Leyton-Brown, 2011, https://doi.org/10.1007/978-3-642-25566-3_40)."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.tree import DecisionTreeRegressor

from algorithms.models.acquisition import log_expected_improvement
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import unseen
from algorithms.models.features import mixed
from nasbench.algorithm import Observation, Proposal
from nasbench.encodings import unit_cube
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]
Features = NDArray[np.float32]

_MIN_VARIANCE = 1e-10
_DRAWS = 10_000
"""Draws for a batch at most; where most architectures are trained, few of them are new."""
_ENCODINGS = {"mixed": mixed, "unit_cube": unit_cube}


class SMAC(BatchSearch):
    """SMAC: random forest, expected improvement, local search, random architectures between.

    A forest is fitted to all results. Mean and variance of its trees give every architecture an
    expected improvement over the lowest prediction for a trained one. Candidates are random
    architectures and where local searches end that start at the best of those and at the trained
    ones with the lowest predictions. The best ``batch`` of them are trained, but with probability
    ``random_fraction`` a random architecture takes the place.

    With ``max_calls`` above 1 architectures are trained again, which gives another training seed
    under ``replicate="draw"``. Before every new architecture the incumbent is trained again until
    it has ``max_calls`` results. A challenger is trained again as long as the mean of its k results
    is below that of the first k of the incumbent, and takes its place once it has as many.

    The defaults are our own variant: logarithms of losses as in SMAC3, but one training an
    architecture, a new forest after every result, a column for every option. Preset ``smac3`` is
    the facade for hyperparameter optimisation of SMAC3 2.4, where only the ends of local searches
    are candidates and random architectures take the place of those that were trained before. Preset
    ``nb101`` is the one of automl/nas_benchmarks (``run_smac.py``). Both start with random
    architectures, not with a Sobol sequence or a default configuration, and local searches move to
    the best neighbour, not to the first that is better.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Architectures with a result to wait for before the first forest; until then new
            ones are random.
        batch: New architectures between two forests.
        trees: Number of trees, each fitted to a bootstrap sample.
        splits: Threshold of a feature at a node: ``"best"``, or ``"random"`` as in SMAC3 2.4; the
            feature is the best of those considered.
        feature_share: Share of the features considered at a node, in (0, 1].
        min_split: Fewest examples in a node that is split.
        min_leaf: Fewest examples in a leaf.
        candidates: Number of random candidates.
        starts: Local searches from trained architectures, and as many from random candidates.
        random_fraction: Probability that a new architecture is random.
        log_losses: Whether the forest fits logarithms of losses scaled to (0, 1], as in SMAC3:
            leaves average losses, and the variance is that between trees. Otherwise it fits the
            losses, and the variance includes that within leaves (law of total variance).
        encoding: Features: ``"mixed"``: a column for each option of a categorical decision;
            ``"unit_cube"``: one number a decision, as in SMAC3 2.4, whose trees are scikit-learn's.
        max_calls: Trainings of an architecture at most.
        only_ends: Whether random candidates only begin local searches, as in SMAC3 2.4. Then a
            batch is taken from where these end, in the order of their expected improvements, with
            random architectures between; what was trained before is skipped. Random architectures
            fill what is left of the batch.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smac3": {
            "initial": 37,
            "batch": 8,
            "splits": "random",
            "candidates": 10_000,
            "random_fraction": 0.2,
            "log_losses": True,
            "encoding": "unit_cube",
            "max_calls": 3,
            "only_ends": True,
        },
        "nb101": {
            "initial": 2,
            "feature_share": 0.8333333333333334,
            "min_split": 3,
            "min_leaf": 3,
            "candidates": 5000,
            "random_fraction": 0.33,
            "log_losses": False,
            "max_calls": 4,
        },
    }
    families = ("random forest",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 1,
        trees: int = 10,
        splits: str = "best",
        feature_share: float = 1.0,
        min_split: int = 2,
        min_leaf: int = 1,
        candidates: int = 1000,
        starts: int = 10,
        random_fraction: float = 0.2,
        log_losses: bool = True,
        encoding: str = "mixed",
        max_calls: int = 1,
        only_ends: bool = False,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        for name, count, least in (
            ("trees", trees, 1),
            ("min_split", min_split, 2),
            ("min_leaf", min_leaf, 1),
            ("candidates", candidates, 1),
            ("starts", starts, 0),
            ("max_calls", max_calls, 1),
        ):
            if count < least:
                raise InvalidArgumentError(f"{name} = {count} must be at least {least}")
        if not 0 < feature_share <= 1:
            raise InvalidArgumentError(f"feature_share = {feature_share} must be in (0, 1]")
        if not 0 <= random_fraction <= 1:
            raise InvalidArgumentError(f"random_fraction = {random_fraction} must be in [0, 1]")
        if splits not in ("best", "random"):
            raise InvalidArgumentError(f"splits = {splits!r}{one_of(splits, ('best', 'random'))}")
        if encoding not in _ENCODINGS:
            raise InvalidArgumentError(f"encoding = {encoding!r}{one_of(encoding, _ENCODINGS)}")
        self.trees = trees
        self.splits = splits
        self.feature_share = feature_share
        self.min_split = min_split
        self.min_leaf = min_leaf
        self.candidates = candidates
        self.starts = starts
        self.random_fraction = random_fraction
        self.log_losses = log_losses
        self.encoding = encoding
        self.max_calls = max_calls
        self.only_ends = only_ends
        if max_calls > 1:
            self.random_trials = 1
        self._results: dict[Arch, list[float]] = {}
        self._running: dict[Arch, int] = {}
        self._incumbent: Arch | None = None
        self._contenders: dict[Arch, None] = {}  # better than the incumbent on fewer results
        self._was_intensified = False

    def ask(self) -> Proposal | None:
        arch = self._again() if self.max_calls > 1 else None
        proposal = super().ask() if arch is None else Proposal(arch)
        if proposal is not None:
            self._running[proposal.arch] = self._running.get(proposal.arch, 0) + 1
        return proposal

    def tell(self, observation: Observation) -> None:
        super().tell(observation)
        arch = observation.proposal.arch
        self._running[arch] -= 1
        self._results.setdefault(arch, []).append(observation.loss)
        if self._incumbent is None:
            self._incumbent = arch
        elif arch != self._incumbent:
            self._compare(arch, self._incumbent)

    def _next(self) -> Sequence[Arch]:
        if len(self._results) < self.initial:
            return unseen(self.space, 1, self.rng, self.seen)
        return super()._next()

    def _again(self) -> Arch | None:
        """What to train once more before the next new architecture, if anything."""
        for arch in self._contenders:
            if not self._running[arch]:
                return arch
        incumbent = self._incumbent
        self._was_intensified = (
            not self._was_intensified
            and incumbent is not None
            and not self._running[incumbent]
            and len(self._results[incumbent]) < self.max_calls
        )
        return incumbent if self._was_intensified else None

    def _compare(self, challenger: Arch, incumbent: Arch) -> None:
        """Let a challenger with a new result take the incumbent's place, go on, or lose."""
        mine, others = self._results[challenger], self._results[incumbent]
        k = min(len(mine), len(others))
        self._contenders.pop(challenger, None)
        if fsum(mine[:k]) < fsum(others[:k]):
            if len(mine) >= len(others):
                self._incumbent = challenger
            else:
                self._contenders[challenger] = None

    def choose(self, n: int) -> Sequence[Arch]:
        targets = self.examples.targets()
        assert targets is not None
        if self.log_losses:
            targets = _log_scaled(targets)
        forest = self._forest(self._encoded(self.examples.archs), targets)
        trained = list(self._results)
        mean, _ = self._predicted(forest, trained)
        best = float(mean.min())
        pool = unseen(self.space, self.candidates, self.rng, self.seen)
        if not pool:
            return []
        values = self._improvements(forest, pool, best)
        order = np.argsort(-values, kind="stable").tolist()
        starts = [trained[i] for i in np.argsort(mean, kind="stable")[: self.starts].tolist()]
        starts += [pool[i] for i in order[: self.starts]]
        ends, reached = self._climbed(forest, starts, best)
        if self.only_ends:
            return self._among_ends(sorted(reached, key=ends.__getitem__, reverse=True), n)
        ranked = [(float(values[i]), pool[i]) for i in order]
        ranked += [(value, arch) for arch, value in ends.items() if arch not in self.seen]
        ranked.sort(key=lambda pair: -pair[0])
        left = iter(dict.fromkeys(arch for _, arch in ranked))
        chosen: dict[Arch, None] = {}
        while len(chosen) < n:
            arch = next((arch for arch in left if arch not in chosen), None)
            if arch is None:
                break
            if self.rng.random() < self.random_fraction:
                others = unseen(self.space, 1, self.rng, {**self.seen, **chosen})
                arch = others[0] if others else arch
            chosen[arch] = None
        return list(chosen)

    def _among_ends(self, ends: Sequence[Arch], n: int) -> list[Arch]:
        """A batch from the ends of local searches, best first; see ``only_ends``."""
        left = list(ends)[::-1]
        chosen: dict[Arch, None] = {}
        for _ in range(_DRAWS):
            if not left or len(chosen) == n:
                break
            is_random = self.rng.random() < self.random_fraction
            arch = self.space.sample(self.rng) if is_random else left.pop()
            if arch not in self.seen:
                chosen[arch] = None
        return [*chosen, *unseen(self.space, n - len(chosen), self.rng, {**self.seen, **chosen})]

    def _encoded(self, archs: Sequence[Arch]) -> Features:
        return np.ascontiguousarray(_ENCODINGS[self.encoding](self.space, archs))

    def _forest(self, features: Features, targets: Numbers) -> list[tuple[Any, Numbers, Numbers]]:
        """Trees fitted to bootstrap samples; each with means and variances of its nodes."""
        forest = []
        n = len(targets)
        for _ in range(self.trees):
            drawn = np.bincount(self.array_rng.integers(n, size=n), minlength=n).astype(float)
            tree = DecisionTreeRegressor(
                splitter=self.splits,
                max_features=max(1, int(self.feature_share * features.shape[1])),
                min_samples_split=self.min_split,
                min_samples_leaf=self.min_leaf,
                random_state=int(self.array_rng.integers(2**31)),
            )
            fitted = tree.fit(features, targets, sample_weight=drawn, check_input=False).tree_
            mean, variance = fitted.value[:, 0, 0], np.maximum(fitted.impurity, 0)
            if self.log_losses:
                leaves = fitted.apply(features)
                weight = np.maximum(np.bincount(leaves, drawn, fitted.node_count), 1)
                total = np.bincount(leaves, drawn * np.exp(targets), fitted.node_count)
                mean = np.log(np.where(total > 0, total / weight, 1))
                variance = np.zeros_like(mean)
            forest.append((fitted, mean, variance))
        return forest

    def _predicted(
        self, forest: list[tuple[Any, Numbers, Numbers]], archs: Sequence[Arch]
    ) -> tuple[Numbers, Numbers]:
        """Mean and variance, shape ``(n,)`` each."""
        features = self._encoded(archs)
        leaves = [tree.apply(features) for tree, _, _ in forest]
        means = np.stack([mean[leaf] for leaf, (_, mean, _) in zip(leaves, forest, strict=True)])
        within = [each[leaf] for leaf, (_, _, each) in zip(leaves, forest, strict=True)]
        variance = means.var(axis=0) + np.stack(within).mean(axis=0)
        return means.mean(axis=0), np.maximum(variance, _MIN_VARIANCE)

    def _improvements(
        self, forest: list[tuple[Any, Numbers, Numbers]], archs: Sequence[Arch], best: float
    ) -> Numbers:
        """Expected improvements in an order-preserving form, shape ``(n,)``."""
        mean, variance = self._predicted(forest, archs)
        std = np.sqrt(variance)
        if not self.log_losses:
            return log_expected_improvement(mean, std, best)
        return log_normal_improvement(mean, std, best)

    def _climbed(
        self, forest: list[tuple[Any, Numbers, Numbers]], starts: Sequence[Arch], best: float
    ) -> tuple[dict[Arch, float], list[Arch]]:
        """Ends of steps to the best neighbour with improvements, and the end of each start."""
        ends: dict[Arch, float] = {}
        starts = list(dict.fromkeys(starts))
        values = self._improvements(forest, starts, best).tolist() if starts else []
        active = dict(zip(starts, values, strict=True))
        visited = dict(active)
        onward: dict[Arch, Arch] = {}
        while active:
            around = {arch: list(self.space.neighbors(arch)) for arch in active}
            fresh = list(
                dict.fromkeys(a for near in around.values() for a in near if a not in visited)
            )
            if fresh:
                found = self._improvements(forest, fresh, best).tolist()
                visited.update(zip(fresh, found, strict=True))
            following: dict[Arch, float] = {}
            for arch, near in around.items():
                top = max(near, key=visited.__getitem__, default=arch)
                if visited[top] > visited[arch]:
                    following[top] = visited[top]
                    onward[arch] = top
                else:
                    ends[arch] = visited[arch]
            active = following
        reached = []
        for arch in starts:
            while arch in onward:
                arch = onward[arch]
            reached.append(arch)
        return ends, reached


def _log_scaled(targets: Numbers) -> Numbers:
    """Logarithms of losses scaled to (0, 1], whose zero lies below the lowest by 5 percentiles.

    As ``RunHistoryLogScaledEncoder`` of SMAC3.
    """
    low, high = targets.min(), targets.max()
    scaled = (targets - low) / (high - low)
    zero = -np.percentile(scaled, 5) - 1e-10
    logs: Numbers = np.log((scaled - zero) / (1 - zero))
    return logs


def log_normal_improvement(mean: Numbers, std: Numbers, best: float) -> Numbers:
    """Return E max(exp(best) - exp(x), 0) of a Gaussian x.

    Hutter et al. (2009), https://doi.org/10.1145/1569901.1569940, eq. 4.

    Args:
        mean: Predicted logarithms of losses.
        std: Their standard deviations, positive.
        best: Logarithm of the lowest loss.
    """
    z = (best - mean) / std
    below: Numbers = np.exp(best) * ndtr(z) - np.exp(0.5 * std**2 + mean) * ndtr(z - std)
    return np.maximum(below, 0.0)
