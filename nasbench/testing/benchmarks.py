"""Check that a benchmark keeps its contract."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark, Evaluation, Trainings
from nasbench.column import Column
from nasbench.errors import IllegalArchError, NotRecordedError
from nasbench.space import Arch
from nasbench.testing.points import Point, grouped, recorded, sampled, some
from nasbench.testing.purity import check_purity
from nasbench.testing.refusals import check_illegal, check_missing
from nasbench.testing.requirements import generators_left_alone, require, require_missing


def check_benchmark(benchmark: Benchmark, *, seed: int = 0, n: int = 20) -> None:
    """Check that a benchmark keeps its contract.

    - *Description*: ``schedules``, ``fidelities`` and ``seeds`` ascend, ``complete_seeds`` are
      among ``seeds``, names of objectives are distinct.
    - *Trainings*: ``trainings`` names recorded seeds, those of ``complete_seeds`` always; equal
      keys mean equal evaluations.
    - *Seeds*: without one, an answer is the mean over all that are recorded.
    - *Columns*: every number has a meaning, in ``columns`` if a training produced it.
    - *Losses*: ``evaluate`` gives what ``query`` does: a number to be minimised as it is, of one to
      be maximised 100 minus a percentage, otherwise its negative; a loss is infinite only where
      ``query`` has no value.
    - *Seconds* are those of ``query``, validation included, and never fall with the epoch.
    - *Agreement*: ``curve``, ``query_many`` and ``known_numbers`` give the numbers of ``query``,
      and an architecture as list, array, options by name or text those of the tuple; arrays are
      read-only.
    - *Missing is an error*: for an epoch, schedule, seed or metric that is not recorded, every
      method raises ``NotRecordedError`` (``InvalidArgumentError`` for what can never be one), and
      ``IllegalArchError`` for anything that is not an architecture of the space.
    - *Purity*: all answers are the same when asked again in another order, by several threads, and
      in another process. Global generators of ``random`` and NumPy are left alone.

    Args:
        benchmark: The benchmark.
        seed: Seed of the architectures to try.
        n: Number of architectures to try.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    with generators_left_alone(benchmark.name):
        _check_description(benchmark)
        archs = sampled(benchmark, seed, n)
        _check_trainings(benchmark, archs)
        points = list(recorded(benchmark, archs))
        require(bool(points), f"{benchmark.name} records nothing of {archs}")
        if benchmark.seeds:
            _check_means(points)
        _check_columns(benchmark, points)
        _check_evaluations(benchmark, points)
        _check_known(benchmark, points)
        _check_curves(benchmark, points)
        _check_many(benchmark, points)
        _check_readings(benchmark, points)
        check_missing(benchmark, points)
        check_illegal(benchmark, archs, seed)
        check_purity(benchmark, points, seed)


def _check_description(benchmark: Benchmark) -> None:
    require(isinstance(benchmark.name, str) and benchmark.name != "", "the benchmark has no name")
    for attribute in ("schedules", "fidelities", "seeds", "complete_seeds"):
        values = getattr(benchmark, attribute)
        require(
            isinstance(values, tuple)
            and all(type(value) is int for value in values)
            and all(a < b for a, b in pairwise(values)),
            f"{attribute} is {values!r}, not a tuple of ascending integers",
        )
    schedules, fidelities = benchmark.schedules, benchmark.fidelities
    require(
        0 < min(fidelities, default=0) <= max(fidelities) <= max(schedules, default=0),
        f"fidelities are {fidelities}, schedules {schedules}",
    )
    require(
        len(schedules) == 1 or set(fidelities) <= set(schedules),
        f"fidelities of several schedules are their ends, {schedules}, not {fidelities}",
    )
    require(
        set(benchmark.complete_seeds) <= set(benchmark.seeds),
        f"complete_seeds {benchmark.complete_seeds} are not among seeds {benchmark.seeds}",
    )
    for attribute in ("objectives", "known", "constraints"):
        names = getattr(benchmark, attribute)
        require(
            isinstance(names, tuple) and len(set(names)) == len(names),
            f"{attribute} is {names!r}, not a tuple of distinct names",
        )


def _check_trainings(benchmark: Benchmark, archs: Sequence[Arch]) -> None:
    seeds, complete = set(benchmark.seeds), set(benchmark.complete_seeds)
    for epoch in some(benchmark.fidelities):
        owners: dict[int, tuple[Arch, Trainings]] = {}
        for arch in archs:
            try:
                found = benchmark.trainings(arch, epoch)
            except NotRecordedError:
                require(not complete, f"{arch} has no training, but {complete} are complete_seeds")
                continue
            require(
                type(found.key) is int
                and list(found.seeds) == sorted(set(found.seeds))
                and complete <= set(found.seeds) <= seeds
                and bool(found.seeds) == bool(seeds),
                f"trainings({arch}, {epoch}) is {found}, seeds are {seeds}, complete {complete}",
            )
            owner, first = owners.setdefault(found.key, (arch, found))
            require(first == found, f"{owner} and {arch} have one key, but {first} and {found}")
            for seed in (None, *found.seeds) if benchmark.objectives else ():
                asked: dict[str, Any] = {"epoch": epoch, "seed": seed}
                require(
                    benchmark.evaluate(arch, **asked) == benchmark.evaluate(owner, **asked),
                    f"{owner} and {arch} have one key, but two evaluations of seed {seed}",
                )


def _check_means(points: Sequence[Point]) -> None:
    """The answer without a seed against those with one."""
    single: dict[tuple[Arch, int], list[dict[str, float]]] = {}
    for point in points:
        if point.seed is not None:
            single.setdefault((point.arch, point.epoch), []).append(point.answer)
    for point in points:
        answers = single[point.arch, point.epoch]
        if point.seed is not None:
            continue
        for name in {name for answer in answers for name in answer}:
            values = [answer.get(name, math.nan) for answer in answers]
            mean = point.answer.get(name, math.nan)
            require(
                _close(mean, sum(values) / len(values)),
                f"{name!r} of {point} is {mean}, but of the single seeds {values}",
            )


def _check_evaluations(benchmark: Benchmark, points: Sequence[Point]) -> None:
    if not benchmark.objectives:
        require_missing(benchmark, "require_objectives")
        require_missing(benchmark, "evaluate", points[0].arch)
        return
    benchmark.require_objectives()
    seconds: dict[tuple[Arch, int | None], float] = {}
    for point in points:
        found = benchmark.evaluate(point.arch, **point.asked)
        require(
            type(found) is Evaluation
            and len(found.losses) == len(benchmark.objectives)
            and all(type(x) is float and x > -math.inf for x in found.losses)
            and 0 <= found.validation_seconds <= found.seconds < math.inf,
            f"evaluate gives {found} for {point}",
        )
        for name, loss in zip(benchmark.objectives, found.losses, strict=True):
            value = point.answer.get(name, math.inf)
            if loss == math.inf:
                require(not value < math.inf, f"{name!r} of {point} is {value}, its loss infinite")
                continue
            expected = _loss(benchmark.column(name), value)
            require(_close(loss, expected), f"loss of {name} = {value} of {point} is {loss}")
        training = point.answer.get("seconds", 0.0) if benchmark.is_clocked else 0.0
        validation = point.answer.get("validation_seconds", 0.0)
        require(
            _close(found.seconds, training + validation)
            and _close(found.validation_seconds, validation),
            f"{found} of {point} costs other than training {training} and validation {validation}",
        )
        if len(benchmark.schedules) == 1:
            before = seconds.get((point.arch, point.seed), 0.0)
            require(found.seconds >= before, f"{point} costs {found.seconds} s, less than {before}")
            seconds[point.arch, point.seed] = found.seconds


def _loss(column: Column, value: float) -> float:
    if column.goal != "max":
        return value
    return 100 - value if column.unit == "%" else -value


def _check_columns(benchmark: Benchmark, points: Sequence[Point]) -> None:
    names = {name for point in points for name in point.answer}
    for name in sorted(names | set(benchmark.columns) | set(benchmark.objectives)):
        column = benchmark.column(name)
        require(
            column.name == name and benchmark.columns.get(name, column) == column,
            f"the meaning of {name!r} is {column} and {benchmark.columns.get(name)}",
        )
    require_missing(benchmark, "column", "no such metric")
    default = benchmark.default_objective
    require(
        default is None or default in benchmark.columns,
        f"the default objective {default!r} is not among {sorted(benchmark.columns)}",
    )


def _check_known(benchmark: Benchmark, points: Sequence[Point]) -> None:
    for arch, answer in {point.arch: point.answer for point in points}.items():
        try:
            values, seconds = benchmark.known_numbers(arch)
        except NotRecordedError:
            continue
        require(
            len(values) == len(benchmark.known) and 0 <= seconds < math.inf,
            f"known_numbers of {arch} is {(values, seconds)}, known is {benchmark.known}",
        )
        for name, value in zip(benchmark.known, values, strict=True):
            expected = answer.get(name, math.nan)
            require(_close(value, expected), f"{name!r} of {arch} is known as {value}: {expected}")


def _check_curves(benchmark: Benchmark, points: Sequence[Point]) -> None:
    for point in points:
        asked = {"schedule": point.schedule, "seed": point.seed}
        for metric in point.answer:
            try:
                curve = benchmark.curve(point.arch, metric, **asked)
            except NotRecordedError:
                continue
            what = f"curve of {metric!r} of {point}"
            _require_array(curve, (point.schedule,), what)
            require(
                _close(float(curve[point.epoch - 1]), point.answer[metric]),
                f"{what} has {curve[point.epoch - 1]} there, query {point.answer[metric]}",
            )
            if metric == "seconds":
                steps = np.diff(curve[~np.isnan(curve)].astype(np.float64))
                require(bool((steps >= 0).all()), f"{what} falls")


def _check_many(benchmark: Benchmark, points: Sequence[Point]) -> None:
    for group in grouped(points):
        archs = np.array([point.arch for point in group])
        for metric in dict.fromkeys(name for point in group for name in point.answer):
            expected = [point.answer.get(metric, math.nan) for point in group]
            what = f"query_many of {metric!r} with {group[0].asked}"
            try:
                found = benchmark.query_many(archs, metric, **group[0].asked)
            except NotRecordedError as error:
                require(any(map(math.isnan, expected)), f"{what} raises {error!r}")
                continue
            _require_array(found, (len(archs),), what)
            for point, value, other in zip(group, found.tolist(), expected, strict=True):
                require(_close(value, other), f"{what} gives {value} for {point}, query {other}")
            nothing = benchmark.query_many(archs[:0], metric, **group[0].asked)
            _require_array(nothing, (0,), f"{what} and no architectures")


def _check_readings(benchmark: Benchmark, points: Sequence[Point]) -> None:
    for point in points:
        arch, space = point.arch, benchmark.space
        options = space.to_configuration(arch)
        for thing in ([*arch], np.array(arch), options, space.to_text(arch)):
            try:
                found = dict(benchmark.query(thing, **point.asked))
            except IllegalArchError as error:
                raise AssertionError(f"query({thing!r}) raises {error!r}") from error
            require(found == point.answer, f"query({thing!r}) is {found}, not {point.answer}")


def _require_array(array: NDArray[Any], shape: tuple[int, ...], what: str) -> None:
    require(
        isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.shape == shape,
        f"{what} is {array!r}, not an array of {shape} numbers",
    )
    require(not array.flags.writeable, f"{what} can be written to")


def _close(a: float, b: float) -> bool:
    """Equal up to the rounding of single precision; NaN is equal to NaN."""
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))
