"""BORE (Tiao et al., 2021, https://arxiv.org/abs/2102.09009)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.tree import DecisionTreeRegressor

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import unseen
from algorithms.models.features import mixed
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]
Features = NDArray[np.float32]

_MIN_HESSIAN = 1.0
_PENALTY = 1.0


class BORE(BatchSearch):
    """BORE: a classifier tells the best results from the others (Tiao et al., 2021).

    The probability that an architecture belongs to the best results orders candidates as the
    expected improvement does, without a model of losses. The defaults follow Syne Tune's ``Bore``,
    whose classifier is XGBoost with its defaults. Ours is a variant: boosted by Newton steps with
    the same rounds, depth, rate, penalty and least weight of a leaf (:func:`boosted`), but the
    splits of its trees are chosen without the penalty.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Results to wait for before the first classifier; until then architectures are
            random.
        batch: Architectures between two classifiers.
        gamma: Share of the results that are the best ones, in (0, 1).
        candidates: Number of random candidates.
        rounds: Rounds of boosting, a tree each.
        depth: Maximum depth of a tree.
        rate: Factor on the step of a tree, in (0, 1].
    """

    families = ("gradient boosting",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 6,
        batch: int = 1,
        gamma: float = 0.25,
        candidates: int = 500,
        rounds: int = 100,
        depth: int = 6,
        rate: float = 0.3,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        for name, count in (("candidates", candidates), ("rounds", rounds), ("depth", depth)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if not 0 < gamma < 1:
            raise InvalidArgumentError(f"gamma = {gamma} must be in (0, 1)")
        if not 0 < rate <= 1:
            raise InvalidArgumentError(f"rate = {rate} must be in (0, 1]")
        self.gamma = gamma
        self.candidates = candidates
        self.rounds = rounds
        self.depth = depth
        self.rate = rate

    def choose(self, n: int) -> Sequence[Arch]:
        targets = self.examples.targets()
        assert targets is not None
        pool = unseen(self.space, self.candidates, self.rng, self.seen)
        best = best_results(targets, self.gamma)
        if not pool or best.all():
            return []
        margins = boosted(
            mixed(self.space, self.examples.archs),
            best,
            mixed(self.space, pool),
            rounds=self.rounds,
            depth=self.depth,
            rate=self.rate,
            seed=int(self.rng.random() * 2**31),
        )
        return [pool[i] for i in np.argsort(-margins, kind="stable")[:n].tolist()]


def best_results(targets: Numbers, gamma: float) -> NDArray[np.bool_]:
    """Whether each of some losses is at most their quantile ``gamma``."""
    best: NDArray[np.bool_] = targets <= np.quantile(targets, gamma)
    return best


def boosted(
    features: Features,
    is_best: NDArray[np.bool_],
    points: Features,
    *,
    rounds: int,
    depth: int,
    rate: float,
    seed: int,
) -> Numbers:
    """Log-odds of the best results at some points, from boosted trees.

    Each round fits a tree to the Newton steps of the log-loss, weighted by its second derivatives,
    whose sum is at least 1 in every leaf. The value of a leaf is the Newton step of its sum with an
    L2 penalty of 1 (Chen and Guestrin, 2016, https://arxiv.org/abs/1603.02754, eq. 5).

    Args:
        features: Of the examples, shape ``(n, columns)``.
        is_best: Which examples are the best ones, shape ``(n,)``.
        points: Where to predict, shape ``(m, columns)``.
        rounds: Rounds of boosting.
        depth: Maximum depth of a tree.
        rate: Factor on the value of a leaf.
        seed: Orders splits that are equally good.

    Returns:
        Log-odds of shape ``(m,)``.
    """
    features, points = np.ascontiguousarray(features), np.ascontiguousarray(points)
    margins, predicted = np.zeros(len(features)), np.zeros(len(points))
    for number in range(rounds):
        chance = expit(margins)
        gradient, hessian = chance - is_best, chance * (1 - chance)
        total = hessian.sum()
        if total < 2 * _MIN_HESSIAN:  # no tree can be split any more
            break
        tree: Any = DecisionTreeRegressor(
            max_depth=depth,
            min_weight_fraction_leaf=_MIN_HESSIAN / total,
            random_state=(seed + number) % 2**32,
        )
        fitted = tree.fit(
            features, -gradient / hessian, sample_weight=hessian, check_input=False
        ).tree_
        leaves = fitted.apply(features)
        steps = -np.bincount(leaves, gradient, fitted.node_count) / (
            np.bincount(leaves, hessian, fitted.node_count) + _PENALTY
        )
        margins += rate * steps[leaves]
        predicted += rate * steps[fitted.apply(points)]
    return predicted
