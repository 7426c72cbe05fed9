"""Gradient boosting by XGBoost (Chen and Guestrin, 2016, https://arxiv.org/abs/1603.02754)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasbench.regressor import Prediction
from nasbench.space import SearchSpace
from surrogates.regressors.parts.boosted import Boosted


class XGB(Boosted):
    """Gradient-boosted trees by XGBoost; has no uncertainty: ``std`` is 0.

    Preset ``nb301`` has the settings that NAS-Bench-301 (Zela et al., 2022,
    https://arxiv.org/abs/2008.09777) found for 37,225 examples of its space. A leaf needs 39
    examples there, so it learns little from a few hundred.

    For the arguments see :class:`~surrogates.regressors.parts.boosted.Boosted`.
    """

    family = "gradient boosting"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb301": {
            "rounds": 20_000,
            "depth": 13,
            "learning_rate": 0.00824,
            "min_child_weight": 39.0,
            "subsample": 1.0,
            "colsample_bytree": 0.2545,
            "colsample_bylevel": 0.6909,
            "l2": 31.39,
            "l1": 0.2417,
            "early_stop": 100,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        rounds: int = 300,
        depth: int = 6,
        learning_rate: float = 0.05,
        min_child_weight: float = 1.0,
        subsample: float = 0.8,
        colsample_bytree: float = 0.5,
        colsample_bylevel: float = 1.0,
        l2: float = 1.0,
        l1: float = 0.0,
        early_stop: int = 0,
        encodings: Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            space,
            seed=seed,
            rounds=rounds,
            depth=depth,
            learning_rate=learning_rate,
            min_child_weight=min_child_weight,
            subsample=subsample,
            colsample_bytree=colsample_bytree,
            colsample_bylevel=colsample_bylevel,
            l2=l2,
            l1=l1,
            early_stop=early_stop,
            encodings=encodings,
        )

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        self._keep(self._boost(archs, targets))

    def _prediction(self, outputs: NDArray[np.float64]) -> Prediction:
        return Prediction(outputs[:, 0], np.zeros(len(outputs)))
