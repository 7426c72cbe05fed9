"""Zero-cost scores of every class of a table, for searches that may know them before they train.

``nasbench study scores PLAN --out FILE`` scores the untrained networks of a plan and writes a table
of numbers of architectures; ``nasbench merge TABLE FILE --out ID`` joins it to the table that the
plan builds. :mod:`data_builders.zero_cost` defines the scores.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import thread_time

import numpy as np
import pyarrow as pa
import torch
from joblib import delayed
from numpy.typing import NDArray
from torch import Tensor

from data_builders import NETWORKS
from data_builders.builds.merged_table import as_written
from data_builders.builds.shards import all_classes, sample_classes
from data_builders.network import Network
from data_builders.plan import Plan, load_plan
from data_builders.training.course import Course
from data_builders.training.courses import course_of
from data_builders.training.devices import one_thread
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError
from nasbench.parallel import parallel
from nasbench.space import Arch
from nasbench.storage.files import writable_folder
from nasbench.tables.draft import Draft
from nasbench.tables.places import check_place
from nasbench.tables.schema import Metadata, check_id
from nasbench.tables.writer import write_table

BLOCK = 64


def score(name: str, arch: Arch, seed: int, course: Course, batch: tuple[Tensor, Tensor]) -> float:
    """One score of one network, NaN where it is not defined.

    Args:
        name: One of the course's scores.
        arch: The representative of its class, trainable.
        seed: Of the initial values, which are those of a training.
        course: Of that training.
        batch: The course's first batch.
    """
    value = course.scores[name].compute(course.scored_network(arch, seed), *batch)
    return value if np.isfinite(value) else np.nan


def score_block(
    archs: Sequence[Arch], seeds: Sequence[int], course: Course, batch: tuple[Tensor, Tensor]
) -> NDArray[np.float64]:
    """All scores of some classes, on one thread.

    Returns:
        The mean over the seeds, and the processor seconds of all of them, in which every score has
        made its network anew; shape ``(n_archs, n_scores, 2)``.
    """
    found = np.empty((len(archs), len(course.scores), 2))
    with one_thread():
        for name in course.scores:  # what is slow the first time only is no cost of a class
            score(name, archs[0], seeds[0], course, batch)
        for i, arch in enumerate(archs):
            for j, name in enumerate(course.scores):
                start = thread_time()
                values = [score(name, arch, seed, course, batch) for seed in seeds]
                found[i, j] = np.mean(values), thread_time() - start
    return found


def score_classes(
    plan: Plan,
    course: Course,
    seeds: Sequence[int],
    processes: int,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> dict[Arch, NDArray[np.float64]]:
    """All scores of the classes of a plan.

    Args:
        plan: What to score.
        course: Its course.
        seeds: Of initial values.
        processes: Classes scored at a time, each on one thread.
        progress: Called with the number of classes that are done, and of all.

    Returns:
        For every representative the mean over the seeds and the seconds, shape ``(n_scores, 2)``;
        no score, for 0 seconds, where there is nothing to train.
    """
    network: Network = NETWORKS.load(plan.recipe.network)
    archs = (
        all_classes(network)
        if plan.architectures is None
        else sample_classes(network, plan.architectures)
    )
    found = {arch: np.tile([np.nan, 0.0], (len(course.scores), 1)) for arch in archs}
    archs = [arch for arch in archs if network.trains(arch)]
    blocks = [archs[i : i + BLOCK] for i in range(0, len(archs), BLOCK)]
    batch = course.first_batch()
    jobs: Iterator[NDArray[np.float64]] = parallel(processes, return_as="generator")(
        delayed(score_block)(block, seeds, course, batch) for block in blocks
    )
    done = 0
    for block, numbers in zip(blocks, jobs, strict=True):
        found.update(zip(block, numbers, strict=True))
        progress(done := done + len(block), len(archs))
    return found


def score_table(
    plan: Plan,
    course: Course,
    seeds: Sequence[int],
    scores: Mapping[Arch, NDArray[np.float64]],
    id: str,
) -> Draft:
    """The scores of classes as a table of architectures as written.

    Args:
        plan: What was scored.
        course: Its course.
        seeds: Of the initial values.
        scores: From :func:`score_classes`.
        id: Of the table.
    """
    network: Network = NETWORKS.load(plan.recipe.network)
    archs = as_written(network, scores.keys())
    rows = [{"arch": list(arch), **course.arch_numbers(arch)} for arch in archs]
    table = pa.Table.from_pylist(rows)
    found = np.array([scores[canonical] for canonical in archs.values()])
    for j, name in enumerate(course.scores):
        table = table.append_column(name, pa.array(found[:, j, 0], from_pandas=True))
        seconds = pa.array(found[:, j, 1], pa.float32())
        table = table.append_column(f"{name}_seconds", seconds)
    return Draft(
        _metadata(plan, course, seeds, id),
        _no_runs(len(next(iter(archs)))),
        table,
        _columns(network, course, scores.keys(), len(seeds)),
    )


def _metadata(plan: Plan, course: Course, seeds: Sequence[int], id: str) -> Metadata:
    recipe = plan.recipe
    network: Network = NETWORKS.load(recipe.network)
    return Metadata(
        id=id,
        space=network.space,
        key="arch",
        dataset=recipe.data,
        epochs={},
        complete=plan.architectures is None,
        title=f"zero-cost scores of {recipe.network} on {recipe.data}",
        description=(
            f"What the untrained networks of {plan.id} tell: scores of their initial values and "
            f"the first {recipe.batch} training examples. Join it to {plan.id}."
        ),
        recipe=recipe.published()
        | {
            "digest": recipe.digest(course.data_digest),
            "split_digest": course.data_digest,
            "initial_values": list(seeds),
        },
        source=plan.source,
        licence=plan.licence,
        citation=plan.citation,
        software={"torch": str(torch.__version__)},
    )


def _columns(network: Network, course: Course, archs: Iterable[Arch], n_seeds: int) -> list[Column]:
    of = "" if n_seeds == 1 else f"; mean over {n_seeds} initialisations"
    cost = "processor seconds on one thread, the making of the network included, as measured once"
    undefined = free = ""
    if not all(map(network.trains, archs)):
        untrained = "where no edge connects the cell's input to its output"
        undefined, free = f"; null {untrained}", f"; 0 if {untrained}"
    return [
        *(Column.of(name, text) for name, text in network.arch_columns.items()),
        *(Column.of(name, f"{s.description}{of}{undefined}") for name, s in course.scores.items()),
        *(Column.of(f"{name}_seconds", f"{cost}{free}") for name in course.scores),
    ]


def _no_runs(n_decisions: int) -> pa.Table:
    keys = {"schedule": pa.int32(), "seed": pa.int32(), "status": pa.string()}
    return pa.schema({"arch": pa.list_(pa.uint8(), n_decisions)} | keys).empty_table()


def write_scores(
    plan: str,
    path: Path,
    *,
    seeds: int = 1,
    processes: int = 1,
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> Metadata:
    """Score all classes of a plan and write the table.

    Args:
        plan: Id of a shipped plan, or path of a TOML file.
        path: ``ID.parquet`` of the table.
        seeds: Initialisations to take the mean of: 0, 1, …
        processes: Classes scored at a time, each on one thread.
        replace: Whether another table at the path is replaced.
        progress: Called with the number of classes that are done, and of all.

    Returns:
        What the table says of itself.

    Raises:
        UnknownNameError: There is no such plan.
        InvalidArgumentError: No seed or process, or a path that cannot be written, is not that of a
            table, or is taken.
        SchemaError: The path is that of no possible id.
    """
    for name, value in (("seeds", seeds), ("processes", processes)):
        if value < 1:
            raise InvalidArgumentError(f"{name} = {value} must be at least 1")
    if path.suffix != ".parquet":
        raise InvalidArgumentError(f"the file of a table must end with .parquet, {path} does not")
    check_id(path.stem, str(path))
    check_place(path, "a table of scores", replace=replace)
    made = load_plan(plan)
    course = course_of(made.recipe)
    writable_folder(path.parent)
    scores = score_classes(made, course, range(seeds), processes, progress)
    draft = score_table(made, course, range(seeds), scores, path.stem)
    return write_table(path, draft, replace=replace)
