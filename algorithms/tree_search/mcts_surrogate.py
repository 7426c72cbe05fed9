"""Tree search on the predictions of a regressor, as in DeepArchitect.

Negrinho and Gordon (2017, https://arxiv.org/abs/1704.08792).
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np

from algorithms.models.candidates import unseen
from algorithms.models.regressor_search import RegressorSearch, is_finite
from algorithms.parts.choices import legal_options
from algorithms.tree_search.uct_tree import UctTree, check_scale
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressor, Regressors
from nasbench.space import Arch, SearchSpace

_SMALLEST_UNIT = 1e-300  # its reciprocal is finite


class MctsSurrogate(RegressorSearch):
    """Trains the best prediction that a tree search finds (Negrinho and Gordon, 2017).

    A registered regressor learns all results. A tree of decisions, as that of
    :class:`~algorithms.tree_search.mcts_uct.MctsUct`, is searched by its predictions: each of
    ``samples`` architectures follows the confidence bounds, and its prediction is the loss that the
    tree learns. The architecture with the best prediction is trained, then the regressor is fitted
    again; with probability ``random_fraction``, a random one is trained instead. Every ``rebuild``
    results the tree starts empty, since it holds predictions of older models.

    By default what was proposed before is passed over.

    Preset ``deep_architect`` has the settings of negrinho/deep_architect
    (``searchers/smbo_mcts.py``, ``dev/examples/full_benchmarks/searcher.py``), where an
    architecture can be trained again. Its surrogate is a ridge regression, too, with a fixed
    penalty, on hashed names of modules, connections and hyperparameters; ours has the features and
    the choice of penalty of the regressor ``linear``.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        batch: Number of architectures between two fits.
        regressor: Registered name of the regressor.
        regressor_settings: Hyperparameters of the regressor, on top of its defaults.
        samples: Architectures that the tree search visits for every fit.
        random_fraction: Probability that an architecture is random.
        rebuild: Number of results after which the tree starts empty.
        exploration: Factor of the confidence bound, in units of reward.
        scale: Difference in predicted loss worth a reward of one; None for the difference between
            the worst and the best in the tree.
        repeats: Whether to train the best prediction again if it was proposed before.
        regressors: Makes regressors.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "deep_architect": {
            "initial": 2,
            "batch": 1,
            "regressor": "linear",
            "samples": 256,
            "random_fraction": 0.1,
            "rebuild": 1,
            "exploration": 1.0,
            "scale": 100.0,
            "repeats": True,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 1,
        regressor: str = "linear",
        regressor_settings: Mapping[str, Any] | None = None,
        samples: int = 256,
        random_fraction: float = 0.1,
        rebuild: int = 1,
        exploration: float = 0.1,
        scale: float | None = None,
        repeats: bool = False,
        regressors: Regressors | None = None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            regressor=regressor,
            regressor_settings=regressor_settings,
            regressors=regressors,
        )
        for name, value in (("samples", samples), ("rebuild", rebuild)):
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if not 0 <= random_fraction <= 1:
            raise InvalidArgumentError(f"random_fraction = {random_fraction} must be in [0, 1]")
        if not 0 <= exploration < inf:
            raise InvalidArgumentError(
                f"exploration = {exploration} must be finite and not negative"
            )
        check_scale(scale)
        self.samples = samples
        self.random_fraction = random_fraction
        self.rebuild = rebuild
        self.exploration = exploration
        self.scale = scale
        self.repeats = repeats
        self.loss_unit = "%" if scale == 100 else None
        self._legal = legal_options(space)
        self._tree: UctTree | None = None
        self._built = 0  # results when the tree was last empty, in steps of ``rebuild``

    def choose_by(self, model: Regressor, n: int) -> Sequence[Arch]:
        n_random = [self.rng.random() < self.random_fraction for _ in range(n)].count(True)
        found = self._search(model) if n > n_random else {}
        kept = [arch for arch in found if self.repeats or arch not in self.seen]
        chosen = sorted(kept, key=lambda arch: found[arch])[: n - n_random]
        taken = () if self.repeats else {*self.seen, *chosen}
        return [*chosen, *unseen(self.space, n_random, self.rng, taken)]

    def _search(self, model: Regressor) -> dict[Arch, float]:
        """Return what the tree search visited with its predictions; nothing if one is infinite."""
        predicted: dict[Arch, float] = {}
        tree = self._current_tree()
        for _ in range(self.samples):
            arch, path = tree.draw(self.rng)
            if arch not in predicted:
                prediction = model.predict(np.array([arch]))
                if not is_finite(prediction):
                    self._tree = None
                    return {}
                predicted[arch] = float(prediction.mean[0])
            tree.add(arch, path, predicted[arch])
        return predicted

    def _current_tree(self) -> UctTree:
        """Return the tree; an empty one after every ``rebuild`` results."""
        steps = len(self.examples) // self.rebuild
        if self._tree is None or steps > self._built:
            scale = None if self.scale is None else self.scale / self._unit()
            self._tree = UctTree(self.space, self._legal, exploration=self.exploration, scale=scale)
            self._built = steps
        return self._tree

    def _unit(self) -> float:
        """The loss that is one in the predictions: the standard deviation of the results."""
        losses = self.examples.finite_losses()
        low, high = losses.min(), losses.max()
        unit = (high - low) * ((losses - low) / (high - low)).std()
        return max(float(unit), _SMALLEST_UNIT)
