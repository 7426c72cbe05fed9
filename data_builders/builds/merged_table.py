"""The table of a build: trainings and their simulated seconds, numbers of archs, metadata."""

from collections.abc import Sequence, Set
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from data_builders.builds.shard_files import row, schema
from data_builders.builds.shards import is_listable
from data_builders.costs.calibration import Calibration
from data_builders.network import Network
from data_builders.plan import Plan
from data_builders.recipe import Recipe
from data_builders.training.course import Course
from data_builders.training.outcome import CURVES
from data_builders.training.procedure import procedure
from data_builders.zero_cost import is_score
from nasbench.column import Column
from nasbench.space import Arch, SearchSpace
from nasbench.spaces import SPACES
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table


class Built(Protocol):
    """What a table is made of; :class:`data_builders.builds.build.Build` has it all.

    Attributes:
        plan: What was built.
        course: What the recipe trains on, and how.
        digest: Digest of the recipe and its data.
        network: Class of the networks.
        classes: Representatives of the classes that were trained.
        untrained: Representatives of the classes without anything to train.
        manifest: The trainer with all its choices.
    """

    plan: Plan
    course: Course
    digest: str
    network: Network
    classes: list[Arch]
    untrained: list[Arch]
    manifest: dict[str, Any]


def merged(
    build: Built, parts: Sequence[pa.Table], calibration: Calibration, scores: Table | None = None
) -> Draft:
    """The table of a build.

    Args:
        build: What was built.
        parts: Rows of every shard.
        calibration: What a training costs.
        scores: Zero-cost scores of the same networks, which become numbers of architectures.
    """
    runs = pa.concat_tables([*parts, untrained_rows(build)])
    metadata, columns = _metadata(build, calibration), _columns(build, calibration)
    archs = arch_numbers(build, calibration)
    if scores is not None:
        found = [column for name, column in scores.arch_columns.items() if is_score(name)]
        columns += found
        ranks = scores.space.rank_many(np.array(archs.column("arch").to_pylist()))
        at = np.searchsorted(scores.written_ranks, ranks)
        for column in found:
            kind = pa.float32() if column.name.endswith("_seconds") else pa.float64()
            numbers = pa.array(scores.arch_numbers(column.name)[at], kind, from_pandas=True)
            archs = archs.append_column(column.name, numbers)
        metadata.recipe["scores"] = {
            "content_hash": scores.metadata.content_hash,
            "initial_values": scores.metadata.recipe["initial_values"],
            "software": scores.metadata.software,
        }
    return Draft(metadata, with_seconds(runs, build.plan.recipe, calibration), archs, columns)


def with_seconds(runs: pa.Table, recipe: Recipe, calibration: Calibration) -> pa.Table:
    """Rows of shards with the seconds of training and validation beside them."""
    archs = [tuple(arch) for arch in runs.column("arch").to_pylist()]
    seconds = {arch: calibration.seconds(arch, recipe) for arch in set(archs)}
    finished = np.isfinite(np.array(runs.column("train_loss").to_pylist()))
    curves = [
        _until_failure(seconds[arch][0], ok) for arch, ok in zip(archs, finished, strict=True)
    ]
    runs = runs.append_column(
        "seconds", pa.array([c.tolist() for c in curves], pa.list_(pa.float32()))
    )
    validation = [seconds[arch][1] for arch in archs]
    return runs.append_column("validation_seconds", pa.array(validation, pa.float32()))


def untrained_rows(build: Built) -> pa.Table:
    """Rows of the classes that need no training: they give every answer the same probability."""
    recipe, (loss, accuracy) = build.plan.recipe, build.course.chance
    curves = {
        name: [loss if name.endswith("loss") else accuracy] * recipe.epochs for name in CURVES
    }
    rows = [
        row(arch, seed, recipe, "untrained", curves)
        for arch in build.untrained
        for seed in build.plan.seeds
    ]
    return pa.Table.from_pylist(rows, schema=schema(len(build.classes[0])))


def arch_numbers(build: Built, calibration: Calibration) -> pa.Table:
    """The network's own numbers, and its latency, of every architecture of the built classes.

    Of a space that cannot be listed they are those of the representatives.
    """
    recipe = build.plan.recipe
    rows = []
    for arch, canonical in as_written(build.network, {*build.classes, *build.untrained}).items():
        numbers = build.course.arch_numbers(arch)
        timed = calibration.arch_numbers(canonical, recipe)
        rows.append({"arch": list(arch), **numbers, **timed})
    return pa.Table.from_pylist(rows)


def as_written(network: Network, classes: Set[Arch]) -> dict[Arch, Arch]:
    """The architectures of some classes, each with its representative.

    Of a space that cannot be listed they are the representatives alone.
    """
    space: SearchSpace = SPACES.load(network.space)()
    archs = space.archs() if is_listable(space) else sorted(classes)
    pairs = ((arch, space.canonical(arch)) for arch in archs)
    return {arch: canonical for arch, canonical in pairs if canonical in classes}


def _columns(build: Built, calibration: Calibration) -> list[Column]:
    return [
        *calibration.columns(build.network.cost_terms(build.classes[0])),
        *(Column.of(name, text) for name, text in build.network.arch_columns.items()),
    ]


def _metadata(build: Built, calibration: Calibration) -> Metadata:
    plan, recipe = build.plan, build.plan.recipe
    return Metadata(
        id=plan.id,
        version=plan.version,
        space=build.network.space,
        key="class",
        dataset=recipe.data,
        epochs={recipe.epochs: list(range(1, recipe.epochs + 1))},
        complete=plan.architectures is None,
        default_objective="valid_accuracy",
        title=f"{recipe.network} on {recipe.data}, trained by this suite",
        description=plan.description,
        seeds=f"seeds of initial values and {recipe.seeded}",
        elsewhere="a new recipe can be trained with: nasbench build PLAN.toml",
        recipe=recipe.published()
        | {
            "digest": build.digest,
            "split_digest": build.course.data_digest,
            "training": procedure(build.network, recipe, build.manifest),
            **build.manifest,
            "calibration": asdict(calibration),
        },
        source=plan.source,
        licence=plan.licence,
        citation=plan.citation,
        software={"torch": str(torch.__version__)},
    )


def _until_failure(
    seconds: NDArray[np.float32], finished: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Seconds stop growing with the first epoch of a diverged training, which was still paid for.

    Both arrays have shape ``(epochs,)``.
    """
    last = int(finished.sum())
    return seconds if last == len(seconds) else np.minimum(seconds, seconds[last])
