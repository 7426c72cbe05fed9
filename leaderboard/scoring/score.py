"""The score of an algorithm: run in two limited processes, put on one scale, as one JSON object.

A search scores 0 if its choice has the expected regret of random search, 1 if it chose the best
architecture, and less than 0 if it did worse than random search. The score is the mean over the
searches of the suite. The hidden score is the same on instances under other names, see
:mod:`nasbench.benchmarks.instances.hidden_space`; what is lost there was memorised.
"""

import json
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboard.scoring.processes import results_of
from leaderboard.scoring.suite import SEEDS, TRIALS, VERSION
from leaderboard.scoring.target import split
from nasbench.errors import InvalidArgumentError, NasbenchError

SECONDS = 60.0
"""Time of each of the two processes, unless another is given."""

MEMORY = 4096
"""MiB that the program may take in each process, unless another number is given."""

_DIGITS = 6
_MOST_SEEDS = 100_000
_MOST_MEMORY = 2**30  # MiB, a petabyte


def score(
    target: str,
    *,
    preset: str | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    seeds: int = SEEDS,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> dict[str, Any]:
    """Score an algorithm.

    Args:
        target: ``"FILE.py"``, ``"FILE.py:Class"``, ``"module:Class"`` or a registered name.
        preset: Name of a preset of the algorithm.
        hyperparameters: Values that replace those of the preset or the defaults.
        seeds: Number of searches on each table, at least 2.
        seconds: Wall time of each of the two processes after its start.
        memory: MiB of address space that the program may take in each process.

    Returns:
        The object that ``docs/score.md`` describes: scores, or an ``error`` in the program.

    Raises:
        UnknownNameError: There is no such file.
        InvalidArgumentError: A limit is not positive, or the system cannot limit processes.
        NasbenchError: There is no such registered name, module, preset or hyperparameter; a table
            of the suite is missing or damaged; or a process takes too long to start.
    """
    if sys.platform == "win32":
        raise InvalidArgumentError("a score needs the resource limits of POSIX; this is Windows")
    if seeds < 2:
        raise InvalidArgumentError(f"seeds = {seeds} must be at least 2 for a standard error")
    if seeds > _MOST_SEEDS:
        raise InvalidArgumentError(f"seeds = {seeds} must be at most {_MOST_SEEDS:,}")
    if not 0 < seconds < 1e8 or not 1 <= memory <= _MOST_MEMORY:
        raise InvalidArgumentError(
            f"seconds = {seconds:g} and memory = {memory} must be positive and finite"
        )
    split(target)
    began = perf_counter()
    settings = {"preset": preset, "hyperparameters": dict(hyperparameters or {})}
    limits = {"seeds": seeds, "seconds": seconds, "memory": memory}
    tasks = [
        _encoded({"target": target, **settings, **limits, "hidden": hidden})
        for hidden in (False, True)
    ]
    results = results_of(tasks, seconds)
    if "refused" in results[-1]:
        raise NasbenchError(results[-1]["refused"])
    found: dict[str, Any] = {"algorithm": target, "suite": VERSION}
    found |= {name: value for name, value in settings.items() if value}
    if "error" in results[-1]:
        instance = "hidden" if len(results) == 2 else "public"
        found["error"] = {**results[-1]["error"], "instance": instance}
    else:
        found |= _summary(*(result["scores"] for result in results))
        found["repeatable"] = all(result["repeatable"] for result in results)
        found |= {"seeds": seeds, "trials": TRIALS}
    return {**found, "seconds": round(perf_counter() - began, 3)}


def _encoded(task: dict[str, Any]) -> str:
    try:
        return json.dumps(task)
    except TypeError as error:
        raise InvalidArgumentError(
            f"hyperparameters = {task['hyperparameters']!r}: {error}"
        ) from error


def _summary(public: dict[str, list[float]], hidden: dict[str, list[float]]) -> dict[str, Any]:
    """Return means over searches; standard errors over seeds, each a mean over the tables."""
    shown, unseen = (np.array([*side.values()]) for side in (public, hidden))
    found: dict[str, Any] = {
        **_named("score", shown.mean(axis=0)),
        **_named("hidden_score", unseen.mean(axis=0)),
        **_named("memorisation", (shown - unseen).mean(axis=0)),
    }
    found["benchmarks"] = {
        name: {**_named("score", one), **_named("hidden_score", other)}
        for name, one, other in zip(public, shown, unseen, strict=True)
    }
    return found


def _named(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    return {
        name: round(float(values.mean()), _DIGITS),
        f"{name}_standard_error": round(error, _DIGITS),
    }
