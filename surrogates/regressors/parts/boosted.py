"""Base of regressors whose trees are grown by XGBoost."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from xgboost import Booster, DMatrix, train
from xgboost.core import XGBoostError

from nasbench.benchmarks.surrogate.folder import write_json
from nasbench.errors import InvalidArgumentError, SurrogateError, first_line
from nasbench.regressor import Prediction, Regressor
from nasbench.space import SearchSpace
from nasbench.storage.documents import read_json
from nasbench.storage.files import file_digest
from surrogates.regressors.parts.boosted_model import BoostedModel
from surrogates.regressors.parts.features import features, n_columns
from surrogates.regressors.parts.trees import Trees

Gradient: TypeAlias = tuple[NDArray[np.floating], NDArray[np.floating]]
"""First and second derivative of a loss with respect to every output of every example."""

_FILE = "model.ubj"
_DIGEST = "model.json"
_ONE_THREAD = {"nthread": 1, "verbosity": 0}
_SAFE = 1e9
"""Targets up to this size never give a model with numbers that reading it refuses."""
_MAX_STEPS = 300  # rows times depth of a tree; XGBoost is faster beyond


class Boosted(Regressor):
    """Base of regressors that consist of one XGBoost booster, run on one thread.

    A call to XGBoost costs half a millisecond for 300 trees, however few rows it has. So small
    queries go to :class:`~surrogates.regressors.parts.trees.Trees` for all members at once, with
    identical results.

    Args:
        space: The search space.
        seed: Seed of the fit, below 2**63.
        rounds: Maximum number of trees per output.
        depth: Maximum depth of a tree.
        learning_rate: Shrinkage of each tree, in (0, 1].
        min_child_weight: Minimum number of examples in a leaf.
        subsample: Share of the examples that a tree sees, in (0, 1].
        colsample_bytree: Share of the features that a tree sees, in (0, 1].
        colsample_bylevel: Share of those that a level of a tree sees, in (0, 1].
        l2: L2 penalty on leaf values.
        l1: L1 penalty on leaf values.
        early_stop: Number of rounds without improvement on what is held out, a tenth of the
            functions, after which boosting stops; later trees are dropped. 0, or examples of a
            single function, grows all trees on all examples.
        encodings: Encodings that are the features, names from :data:`nasbench.encodings.ENCODINGS`;
            None for :func:`~surrogates.regressors.parts.features.default_encodings`.

    Attributes:
        outputs: Number of sums over trees that make a prediction.
    """

    takes_columns = True
    outputs: ClassVar[int] = 1

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        rounds: int,
        depth: int,
        learning_rate: float,
        min_child_weight: float,
        subsample: float,
        colsample_bytree: float,
        colsample_bylevel: float,
        l2: float,
        l1: float,
        early_stop: int,
        encodings: Sequence[str] | None,
    ) -> None:
        super().__init__(space, seed=seed)
        for name, count, least in (
            ("rounds", rounds, 1),
            ("depth", depth, 1),
            ("early_stop", early_stop, 0),
        ):
            if count < least:
                raise InvalidArgumentError(f"{name} = {count} must be at least {least}")
        for name, share in (
            ("learning_rate", learning_rate),
            ("subsample", subsample),
            ("colsample_bytree", colsample_bytree),
            ("colsample_bylevel", colsample_bylevel),
        ):
            if not 0 < share <= 1:
                raise InvalidArgumentError(f"{name} = {share} must be in (0, 1]")
        for name, number in (("min_child_weight", min_child_weight), ("l2", l2), ("l1", l1)):
            if not 0 <= number < inf:
                raise InvalidArgumentError(f"{name} = {number} must be finite, not negative")
        self.rounds = rounds
        self.depth = depth
        self.learning_rate = learning_rate
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.colsample_bylevel = colsample_bylevel
        self.l2 = l2
        self.l1 = l1
        self.early_stop = early_stop
        self.encodings = encodings
        self._raw: bytes
        self._model: BoostedModel
        self._fused: list[tuple[list[BoostedModel], Trees]] = []

    def fit(self, archs: NDArray[np.integer], targets: NDArray[np.floating]) -> Self:
        try:
            return super().fit(archs, targets)
        except SurrogateError as error:
            if (largest := np.abs(targets).max()) <= _SAFE:
                raise
            raise InvalidArgumentError(
                f"targets up to {largest:g} are too large for trees in single precision: divide "
                f"them so that none is beyond {_SAFE:g}"
            ) from error

    @abstractmethod
    def _prediction(self, outputs: NDArray[np.float64]) -> Prediction:
        """The prediction from sums over trees, given with shape ``(n, n_outputs)``."""

    @classmethod
    def predict_members(
        cls, members: Sequence[Self], archs: NDArray[np.integer]
    ) -> list[Prediction]:
        first = members[0]
        x = features(first.space, archs, first.encodings, first.columns)
        if len(x) * first.depth <= _MAX_STEPS:
            outputs = first._trees([member._model for member in members]).sums(x)
        else:
            rows = DMatrix(x, nthread=1)
            outputs = np.concatenate(
                [member._booster.predict(rows).reshape(len(x), -1) for member in members], axis=1
            )
        return [
            member._prediction(part)
            for member, part in zip(
                members, np.split(outputs.astype(np.float64), len(members), axis=1), strict=True
            )
        ]

    def _trees(self, models: list[BoostedModel]) -> Trees:
        """The trees of the models; kept for the latest two lists: some ask without seconds."""
        for kept, trees in self._fused:
            if kept == models:
                return trees
        self._fused = [(models, Trees.of_boosters(models)), *self._fused[:1]]
        return self._fused[0][1]

    @cached_property
    def _booster(self) -> Booster:
        """XGBoost's own form of the model, made when it is first needed."""
        try:
            return Booster(_ONE_THREAD, model_file=bytearray(self._raw))
        except XGBoostError as error:
            raise SurrogateError(f"XGBoost cannot read its model: {first_line(error)}") from error

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        return self.predict_members([self], archs)[0]

    def _boost(
        self,
        archs: NDArray[np.integer],
        labels: NDArray[np.float64],
        objective: Callable[[NDArray[np.float32], DMatrix], Gradient] | None = None,
        metric: Callable[[NDArray[np.float32], DMatrix], tuple[str, float]] | None = None,
    ) -> Booster:
        """Grow trees, by default on squared errors."""
        parameters: dict[str, Any] = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            "max_depth": self.depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "colsample_bylevel": self.colsample_bylevel,
            "reg_lambda": self.l2,
            "reg_alpha": self.l1,
            "seed": self.seed,
            **_ONE_THREAD,
        }
        if objective is not None:
            parameters |= {"base_score": 0.0, "disable_default_eval_metric": True}
        x = features(self.space, archs, self.encodings, self.columns)
        held, kept = self._held_out(archs) if self.early_stop else (None, ())
        if not len(kept):
            return train(parameters, DMatrix(x, labels, nthread=1), self.rounds, obj=objective)
        booster = train(
            parameters,
            DMatrix(x[kept], labels[kept], nthread=1),
            self.rounds,
            obj=objective,
            custom_metric=metric,
            evals=[(DMatrix(x[held], labels[held], nthread=1), "held")],
            early_stopping_rounds=self.early_stop,
            verbose_eval=False,
        )
        return booster[: booster.best_iteration + 1]

    def _held_out(self, archs: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """An example of each of a random tenth of the functions, and all examples of the others.

        One of each, because a function of many architectures would decide alone: that of cells
        without a path, which is far from all others, has 341 in ``nb201``.
        """
        ranks = self.space.rank_many(self.space.function_many(archs))
        functions, first, of = np.unique(ranks, return_index=True, return_inverse=True)
        held = default_rng(self.seed).permutation(len(functions)) < max(1, len(functions) // 10)
        return first[held], np.flatnonzero(~held[of])

    def _keep(self, booster: Booster) -> None:
        """Adopt a fitted booster."""
        booster.set_attr(regressor=type(self).__name__)
        self._raw = bytes(booster.save_raw("ubj"))
        self._adopt(BoostedModel.read(self._raw, "what was fitted"))

    def _adopt(self, model: BoostedModel) -> None:
        """Answer with a model."""
        self._model = model
        self.__dict__.pop("_booster", None)

    def save(self, folder: Path) -> None:
        (folder / _FILE).write_bytes(self._raw)
        write_json(folder / _DIGEST, {"sha256": file_digest(folder / _FILE)})

    def restore(self, folder: Path) -> Self:
        path = folder / _FILE
        try:
            raw = path.read_bytes()
            written = read_json(folder / _DIGEST)
        except (OSError, ValueError) as error:
            raise SurrogateError(f"cannot read {path}: {error}") from error
        if written != {"sha256": sha256(raw).hexdigest()}:
            raise SurrogateError(f"{path} does not have the hash recorded when it was written")
        model = BoostedModel.read(raw, str(path))
        if (maker := model.attributes.get("regressor")) != type(self).__name__:
            raise SurrogateError(
                f"{path} was written by {maker or 'another program'}, not by {type(self).__name__}"
            )
        if model.n_features != (n := n_columns(self.space, self.encodings)):
            raise SurrogateError(
                f"{path} holds a model of {model.n_features} features; the encodings of "
                f"{self.space.name!r} have {n}"
            )
        if model.n_targets != self.outputs:
            raise SurrogateError(
                f"{path} holds a model of {model.n_targets} targets, expected {self.outputs}"
            )
        if not (1 if self.early_stop else self.rounds) <= model.rounds <= self.rounds:
            raise SurrogateError(f"{path} has {model.rounds} rounds, expected {self.rounds}")
        self._raw = raw
        self._adopt(model)
        return self
