"""Hyperparameters of a regressor for a table, by Optuna on held-out networks.

``nasbench study tune TABLE --regressor xgb --trials 50 [--train 1000]`` prints the best settings
that it finds, as options of ``nasbench fit``, beside the defaults. The architectures that it learns
from and tunes on are those that ``nasbench fit`` with the same ``--train`` and ``--seed`` learns
from: it never sees what the fit is judged by.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import open_table
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.registry import require
from nasbench.splitmix import mix
from surrogates import REGRESSORS
from surrogates.examples import Examples, split
from surrogates.judge import kendall
from surrogates.predictor import settings
from surrogates.scale import to_learned
from surrogates.threads import one_thread


class Range(NamedTuple):
    """Numbers between two; of integers, an integer; on a logarithmic scale or not."""

    low: float
    high: float
    log: bool = False


RANGES: dict[str, Mapping[str, Range | tuple[str, ...]]] = {
    "xgb": {
        "rounds": Range(100, 1000, log=True),
        "depth": Range(2, 12),
        "learning_rate": Range(0.01, 0.3, log=True),
        "min_child_weight": Range(1.0, 50.0, log=True),
        "subsample": Range(0.5, 1.0),
        "colsample_bytree": Range(0.2, 1.0),
        "l2": Range(0.01, 50.0, log=True),
    },
    "ngb": {
        "depth": Range(2, 8),
        "learning_rate": Range(0.01, 0.2, log=True),
        "min_child_weight": Range(1.0, 50.0, log=True),
        "subsample": Range(0.5, 1.0),
        "colsample_bytree": Range(0.2, 1.0),
    },
    "random_forest": {"leaf": Range(1, 10), "feature_share": Range(0.1, 1.0)},
    "svr": {
        "kind": ("nu", "epsilon"),
        "C": Range(0.1, 100.0, log=True),
        "nu": Range(0.1, 0.9),
        "epsilon": Range(0.001, 0.5, log=True),
        "gamma": Range(0.001, 1.0, log=True),
    },
    "mlp": {
        "layers": Range(1, 6),
        "width": Range(16, 256, log=True),
        "learning_rate": Range(0.001, 0.05, log=True),
        "weight_decay": Range(0.001, 1.0, log=True),
    },
    "gin": {
        "hidden": Range(16, 64, log=True),
        "layers": Range(2, 8),
        "learning_rate": Range(0.001, 0.05, log=True),
        "weight_decay": Range(0.001, 1.0, log=True),
    },
    "knn": {"k": Range(1, 30)},
}
"""What is tried of each regressor; linear and Gaussian process regression tune themselves."""


class Tuned(NamedTuple):
    """What a search for hyperparameters found.

    Attributes:
        settings: The changes to the defaults; empty if nothing was better.
        kendall: Kendall's tau on the networks that it was tuned on.
        default: That of the defaults.
    """

    settings: dict[str, Any]
    kendall: float
    default: float


@one_thread()
def tune(
    table: str | Path,
    regressor: str,
    *,
    trials: int,
    train: int | None = None,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda number, best: None,
) -> Tuned:
    """Search for hyperparameters by tree-structured Parzen estimators, the defaults first.

    They learn what a fit learns: of positive losses, logarithms.

    Args:
        table: Id or path of a table.
        regressor: Registered name, one of :data:`RANGES`.
        trials: How many settings to try.
        train: How many architectures a fit with these settings will learn from; a fifth of them is
            held out here; default: four fifths of the table.
        seed: That of the fit, and of the search.
        progress: Called after every trial with its number and the best so far.

    Raises:
        UnknownNameError: There are no ranges for this regressor.
        InvalidArgumentError: No trials, or too few architectures to learn from or to hold out.
        MissingExtraError: Optuna is not installed.
    """
    if regressor not in RANGES:
        raise UnknownNameError(
            f"no ranges are known to tune {regressor!r} in{one_of(regressor, RANGES)}"
        )
    if trials < 1:
        raise InvalidArgumentError(f"trials = {trials} must be at least 1")
    optuna = require("optuna", "tuning")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    opened = open_table(table)
    opened.verify()
    examples = Examples.read(opened)
    objective = examples.objective(opened.metadata.default_objective)
    place = examples.place(objective or examples.columns[0].name)
    chosen, _ = split(examples, train, seed)
    inside, outside = split(examples.of(chosen), None, mix(seed) >> 33)
    learned, held_out = examples.of(chosen[inside]), examples.of(chosen[outside])
    targets = replace(learned, runs=to_learned(learned.runs, learned.logged)).means[:, place]
    defaults = settings(regressor, {})

    def score(values: Mapping[str, Any]) -> float:
        made = REGRESSORS.load_registered(regressor)(
            examples.space, seed=seed, **{**defaults, **values}
        )
        made.fit(learned.archs, targets)
        predicted: NDArray[np.float64] = made.predict(held_out.archs).mean
        found = kendall(held_out.means[:, place], predicted)
        return found if found == found else -1.0

    def suggest(trial: Any) -> dict[str, Any]:
        return {n: _suggest(trial, n, r, defaults[n]) for n, r in RANGES[regressor].items()}

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: defaults[name] for name in RANGES[regressor]})
    study.optimize(
        lambda trial: score(suggest(trial)),
        n_trials=trials,
        callbacks=[lambda study, trial: progress(trial.number + 1, study.best_value)],
    )
    best = suggest(study.best_trial)
    changes = {name: value for name, value in best.items() if value != defaults[name]}
    return Tuned(changes, study.best_value, study.trials[0].value)


def _suggest(trial: Any, name: str, values: Range | tuple[str, ...], default: Any) -> Any:
    if not isinstance(values, Range):
        return trial.suggest_categorical(name, values)
    if isinstance(default, int):
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)
