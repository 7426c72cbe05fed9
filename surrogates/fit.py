"""Fit a surrogate benchmark to a table, judge it, and publish it if it is good enough."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import open_table
from nasbench.benchmarks.surrogate import DESCRIPTION
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.benchmarks.surrogate.folder import (
    CARD,
    SURROGATE,
    Description,
    write_json,
)
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.storage.files import check_writable, file_digest
from nasbench.storage.folders import atomic_folder
from nasbench.tables.places import refuse_taken
from nasbench.tables.schema import check_id
from nasbench.tables.table import Table
from surrogates import REGRESSORS
from surrogates.card import card
from surrogates.comparison import SEEDS, compare
from surrogates.examples import Examples, split
from surrogates.exploits import Exploits, Pool
from surrogates.judge import harder_splits, judge
from surrogates.predictor import Predictor, settings
from surrogates.threads import one_thread
from surrogates.verdict import Verdict

BASELINE = "knn"
_TOLERATED = 0.05
_ASKED = 1_000
_PACKAGES = {"xgb": "xgboost", "ngb": "xgboost", "mlp": "torch", "gin": "torch"}


@one_thread()
@np.errstate(over="ignore", invalid="ignore")  # what is not finite fails the judgement
def fit(
    table: str | Path,
    home: Path,
    *,
    regressor: str = "ensemble",
    preset: str | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    train: int | None = None,
    metrics: Sequence[str] | None = None,
    components: int = 6,
    seed: int = 0,
    id: str | None = None,
    searches: int = SEEDS,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Fit a surrogate, judge it and publish it; what is judged is what is published.

    Args:
        table: Id or path of a table.
        home: Folder in which the surrogate's folder appears, complete or not at all.
        regressor: Registered name of the regressor.
        preset: Preset of the regressor.
        hyperparameters: Changes to the preset or the defaults.
        train: Number of random architectures to learn from; default: four fifths.
        metrics: Columns to learn; default: the default objective of the table, and accuracies on
            validation and test images.
        components: Maximum number of coefficients to which all curves of an architecture are
            compressed.
        seed: Seed of the choice of architectures and of the fit.
        id: Id of the surrogate; default: the table's id with ``-surrogate``.
        searches: Number of seeds with which algorithms search both the table and the surrogate, to
            see whether its errors mislead them and whether it ranks them alike; 0 for no searches.
        replace: Whether another surrogate of this id in ``home`` is replaced.
        progress: Called with a description of each step.

    Returns:
        The published surrogate with its figures.

    Raises:
        SurrogateError: It predicts worse than the nearest-neighbour baseline, its errors lead
            searches astray, or its folder cannot be opened; nothing is published.
        InvalidArgumentError: A surrogate of this id is there, and ``replace`` is not said; or what
            is there is no surrogate.
        NasbenchError: An argument or the table is invalid.
    """
    if type(searches) is not int or searches < 0:
        raise InvalidArgumentError(f"searches = {searches!r} must be an integer from 0")
    opened = open_table(table)
    opened.verify()
    metadata = opened.metadata
    id_ = f"{metadata.id}-surrogate" if id is None else id
    check_id(id_, "surrogate")
    path = home / id_
    _check_place(path, replace)
    values = settings(regressor, hyperparameters or {}, preset)
    examples = Examples.read(opened, metrics)
    inside, outside = split(examples, train, seed)
    description = _described(
        examples.of(inside),
        opened,
        id=id_,
        regressor=regressor,
        hyperparameters=values,
        components=components,
        seed=seed,
    )
    objective = description.judged_column
    level = examples.place(objective)
    check_writable(home)

    def fitted(name: str, values: Mapping[str, Any], among: NDArray[np.int64]) -> Predictor:
        return Predictor(
            examples.space,
            name,
            values,
            components=components,
            level=level,
            seed=seed,
        ).fit(examples.of(among))

    def at_the_end(predictor: Predictor, seen: Examples) -> dict[str, float]:
        return judge(predictor, predictor.predict(seen.archs, seconds=False), seen, level)

    left_out = examples.left_out and f" ({examples.left_out})"
    progress(f"Fitting {regressor} to {len(inside):,} architectures{left_out}")
    predictor = fitted(regressor, values, inside)
    progress(f"Judging by {len(outside):,} architectures")
    unseen = examples.of(outside)
    first = level - (len(examples.epochs) - 1)
    answers = predictor.predict(unseen.archs, seconds=False)
    figures = {
        "unseen networks": {
            epoch: judge(predictor, answers, unseen, first + i)
            for i, epoch in enumerate(examples.epochs)
        }
    }
    last = examples.epochs[-1]
    baseline = at_the_end(fitted(BASELINE, settings(BASELINE, {}), inside), unseen)
    judged = figures["unseen networks"][last]
    refuse_if_worse(judged, baseline, regressor)
    learned_from = {"unseen networks": len(inside)}
    for name, others, held_out in harder_splits(examples, level):
        progress(f"Judging {name}")
        few = np.sort(np.random.default_rng(seed).permutation(others)[: len(inside)])
        other = fitted(regressor, values, few)
        learned_from[name] = len(few)
        figures[name] = {last: at_the_end(other, held_out)}

    description = dataclasses.replace(
        description, clocked=predictor.is_clocked, judged=dict(judged)
    )
    with atomic_folder(path, SURROGATE, partial(_check_place, path, replace)) as whole:
        predictor.save(whole)
        files = sorted(file for file in whole.rglob("*") if file.is_file())
        hashes = {file.relative_to(whole).as_posix(): file_digest(file) for file in files}
        description = _write(dataclasses.replace(description, files=hashes), whole)
        comparison = exploits = None
        if searches:
            progress("Searching table and surrogate")
            comparison = compare(str(opened.path), str(whole), objective, seeds=searches)
            seen = Examples.read(opened, [objective])
            exploits = Exploits.find(comparison, Pool.of(seen, seen.place(objective)))
            refuse_if_exploited(exploits, regressor)
            tested = {**judged, "led_astray": exploits.share}
            description = dataclasses.replace(description, judged=tested)
        description = _write(_versioned(description, path), whole)
        reopened = SurrogateBenchmark(whole)
        reopened.verify()
        reopened.query_many(unseen.archs[:_ASKED], objective)
        verdict = Verdict(description, figures, learned_from, baseline, comparison, exploits, path)
        (whole / CARD).write_text(card(verdict), encoding="utf-8")
    return verdict


def _described(
    learned: Examples,
    table: Table,
    *,
    id: str,
    regressor: str,
    hyperparameters: dict[str, Any],
    components: int,
    seed: int,
) -> Description:
    """What can be said of a surrogate before it is fitted.

    Raises:
        InvalidArgumentError: A folder that says so could not be opened.
    """
    metadata, n = table.metadata, len(learned)
    description = Description(
        id=id,
        space=metadata.space,
        dataset=metadata.dataset,
        schedule=table.schedules[-1],
        epochs=list(learned.epochs),
        columns={c.name: dataclasses.replace(c, epochs={}).encode() for c in learned.columns},
        default_objective=learned.objective(metadata.default_objective),
        regressor=regressor,
        family=REGRESSORS.load_registered(regressor)(learned.space, **hyperparameters).family,
        hyperparameters=hyperparameters,
        components=components,
        seed=seed,
        clocked=False,
        table={
            "id": metadata.id,
            "version": metadata.version,
            "content_hash": metadata.content_hash,
            "architectures": n,
        },
        repeated=learned.repeated,
        left_out=learned.left_out,
        title=f"{metadata.title or metadata.id}: surrogate fitted to {n:,} architectures",
        description=f"Predictions of {regressor} for every architecture of {metadata.space}, "
        f"learned from {metadata.id}@{metadata.version}. Its {CARD} says how good they are.",
        source=f"fitted by this suite to {metadata.id}@{metadata.version}: {metadata.source}",
        licence=metadata.licence,
        citation=metadata.citation,
        software=_software(regressor, hyperparameters),
    )
    if reason := description.impossible():
        raise InvalidArgumentError(f"a surrogate cannot be described so: {reason}")
    return description


def refuse_if_worse(
    judged: Mapping[str, float], baseline: Mapping[str, float], regressor: str
) -> None:
    """Refuse to publish a surrogate that predicts worse than nearest neighbours.

    R2 is that of logarithms where these were learned: otherwise the few largest losses decide it.

    Raises:
        SurrogateError: R2 or Kendall's tau is below the baseline's, or is NaN.
    """
    if regressor == BASELINE:
        return
    for name in ("r2_log" if "r2_log" in judged else "r2", "kendall"):
        if not judged[name] >= baseline[name]:
            raise SurrogateError(
                f"{regressor} reaches {name} {judged[name]:.3f} on unseen networks, the baseline "
                f"{BASELINE} {baseline[name]:.3f}: the surrogate is not published. Try more "
                "architectures, another regressor or other hyperparameters"
            )


def refuse_if_exploited(exploits: Exploits, regressor: str) -> None:
    """Refuse to publish a surrogate whose errors lead searches astray.

    Raises:
        SurrogateError: More than 5 % of the searches, and more than one.
    """
    if exploits.astray > max(1.0, _TOLERATED * len(exploits.too_good)):
        raise SurrogateError(
            f"{exploits}. The surrogate of {regressor} is not published. Try more architectures, "
            "another regressor or other hyperparameters"
        )


def _check_place(path: Path, replace: bool) -> None:
    """Refuse to replace what must stay.

    Raises:
        InvalidArgumentError: A surrogate is there, and ``replace`` is not said; or something else.
    """
    SURROGATE.check(path)
    if not replace:
        refuse_taken(path, "a surrogate")


def _versioned(description: Description, path: Path) -> Description:
    """The description with the version of the surrogate that it replaces, one higher if changed."""
    try:
        replaced = Description.read(path)
    except SurrogateError:
        return description
    same = dataclasses.replace(description, version=replaced.version)
    changed = same.digest() != replaced.content_hash
    return dataclasses.replace(description, version=replaced.version + changed)


def _write(description: Description, folder: Path) -> Description:
    """Write the description with its content hash."""
    description = dataclasses.replace(description, content_hash=description.digest())
    write_json(folder / DESCRIPTION, description.encode())
    return description


def _software(regressor: str, values: Mapping[str, Any]) -> dict[str, str]:
    names = {"numpy", "scipy", "scikit-learn"}
    names |= {_PACKAGES[name] for name in (regressor, values.get("regressor")) if name in _PACKAGES}
    return {name: version(name) for name in sorted(names)}
