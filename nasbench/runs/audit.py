"""Whether recorded runs follow from their benchmark: every loss, training seed and time again.

A stranger can tell without running any algorithm. What only the algorithm knows is believed: which
architectures, epochs and resumptions it proposed, when it waited for results, at which known
numbers it looked, and that a search with a rest of its budget had nothing more to propose. Of known
numbers the cost is recorded; it has to be 0 where the benchmark charges none.

Trials of a surrogate are checked like those of a table, but for losses and costs, which take
milliseconds each and may differ in the last digits between processors: of a record,
:data:`PREDICTED` trials, the best ones of runs that are evenly spread, are predicted again and
compared up to rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark
from nasbench.benchmarks.bulk import Evaluations, bulk
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import NasbenchError, NotRecordedError, RecordError, first_line
from nasbench.runs.ledger import draw_values
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records
from nasbench.runs.rules import RULES, check_rule, check_set_up
from nasbench.runs.run import NONE, Run
from nasbench.runs.trials import Trials

PREDICTED = 32
"""Trials of a record whose losses and costs are predicted again if the benchmark is a surrogate."""

ASPECTS = (
    "protocol",
    *RULES,
    "known numbers",
    "architectures",
    "constraints",
    "training seeds",
    "losses",
    "times",
)
"""What is checked, in this order; the first is how the record was made."""

_CHUNK = 2**15


def audit(records: Records, benchmark: Benchmark) -> None:
    """Check that every trial of a record follows from the benchmark.

    Args:
        records: The record.
        benchmark: The benchmark with which it was made, with the same objectives.

    Raises:
        RecordError: A trial does not follow: the message names it, what it says and what the
            benchmark says. Or a file is damaged, or the record was made with another benchmark.
        NasbenchError: The numbers of the benchmark do not match their hash.
    """
    if isinstance(benchmark, TableBenchmark | SurrogateBenchmark):
        benchmark.verify()
    Auditor(benchmark).check(records.manifest, records.runs(verify=True), str(records.folder))


class Auditor:
    """Checks that runs follow from a benchmark; it keeps what it read for the next record.

    Args:
        benchmark: The benchmark.
        most: Number of trials of a record whose architectures are looked up if that takes
            microseconds each, as in a surrogate and in NAS-Bench-101: all trials of runs that are
            evenly spread, and of one run at least. None: of all runs.

    Attributes:
        benchmark: As given.
    """

    def __init__(self, benchmark: Benchmark, *, most: int | None = None) -> None:
        self.benchmark = benchmark
        self._name = f"{benchmark.name}@{benchmark.version}"
        self._bulk = bulk(benchmark)
        self._most = None if self._bulk.is_indexed else most

    def check(self, manifest: Manifest, runs: Sequence[Run], where: str) -> None:
        """Check runs.

        Args:
            manifest: How they were made.
            runs: The runs.
            where: Name of the record, for messages.

        Raises:
            RecordError: One does not follow from the benchmark; see :func:`audit`.
        """
        for _, error in self.faults(manifest, runs, where):
            raise error

    def faults(
        self, manifest: Manifest, runs: Sequence[Run], where: str
    ) -> Iterator[tuple[str, RecordError]]:
        """Yield what is wrong with runs, as it is found; arguments are those of :meth:`check`.

        Yields:
            One of :data:`ASPECTS`, and the first trial that is wrong there, of each of several
            groups of runs. What cannot be told because of a fault before is left out.
        """
        try:
            check_set_up(manifest, self.benchmark, where)
            self._check_form(runs, where)
        except RecordError as error:
            yield "protocol", error
            return
        charges = self._bulk.charges(manifest.known)
        looked_up = self._looked_up(runs)
        predicted = _spread(looked_up, PREDICTED)
        asked = {run.seed for run in looked_up}
        for part in _chunks(runs):
            some = [run for run in part if run.seed in asked]
            seeds = {run.seed for run in predicted}
            n_each = -(-PREDICTED // len(predicted))
            try:
                trials = Trials(part, where)
                partly = trials if len(some) == len(part) else Trials(some, where)
            except RecordError as error:
                yield "resumptions", error
                continue
            for rule in RULES:
                yield from _fault(rule, check_rule, rule, trials, manifest)
            yield from _fault("known numbers", _check_known, trials, charges)
            try:
                places = self._places(partly)
            except RecordError as error:
                yield "architectures", error
                continue
            yield from _fault("constraints", self._check_constraints, partly)
            yield from _fault(
                "training seeds", self._check_training_seeds, partly, places, manifest
            )
            rows = np.arange(len(partly))
            if not self._bulk.is_exact:
                rows = _best(some, seeds, n_each)
            try:
                losses, costs = self._answers(partly, places, rows)
            except RecordError as error:
                yield "losses", error
                continue
            yield from _fault("losses", self._check_losses, partly, rows, losses)
            yield from _fault("times", self._check_times, partly, rows, costs)

    def _looked_up(self, runs: Sequence[Run]) -> list[Run]:
        """Return the runs whose architectures are looked up."""
        n = sum(map(len, runs))
        if self._most is None or n <= self._most:
            return list(runs)
        return _spread(runs, max(1, self._most * len(runs) // n))

    def _check_form(self, runs: Sequence[Run], where: str) -> None:
        seeds = [run.seed for run in runs]
        if len(set(seeds)) < len(seeds):
            doubled = next(seed for seed in seeds if seeds.count(seed) > 1)
            raise RecordError(f"{where}: seed {doubled} is there twice")
        sizes = len(self.benchmark.space.options), len(self.benchmark.objectives)
        for run in runs:
            if (run.archs.shape[1], run.losses.shape[1]) != sizes:
                raise RecordError(
                    f"{where}: seed {run.seed} has {run.archs.shape[1]} decisions and "
                    f"{run.losses.shape[1]} losses a trial, {self._name} has {sizes[0]} and "
                    f"{sizes[1]}"
                )

    def _places(self, trials: Trials) -> NDArray[np.int64]:
        """Return the places of trials whose architectures are all recorded."""
        archs, epochs = trials.archs, trials.epochs
        try:
            return self._bulk.places(archs, epochs)
        except NasbenchError as error:
            for i in range(len(trials)):
                try:
                    self._bulk.places(archs[i : i + 1], epochs[i : i + 1])
                except NasbenchError as reason:
                    trials.fail(i, f"has no training: {first_line(reason)}")
            raise RecordError(f"{self._name}: {first_line(error)}") from error

    def _check_constraints(self, trials: Trials) -> None:
        """Check that the search could see all architectures."""
        constraints, space = self.benchmark.constraints, self.benchmark.space
        if constraints:
            trials.refuse(
                ~space.legal_many(trials.archs),
                lambda i: (
                    f"trains {space.to_text(tuple(trials.archs[i].tolist()))}, which does not meet "
                    f"{' and '.join(constraints)}"
                ),
            )

    def _check_training_seeds(
        self, trials: Trials, places: NDArray[np.int64], manifest: Manifest
    ) -> None:
        """Check the training seeds of new trainings; those that resume one keep its seed."""
        rows = np.arange(len(trials))
        if trials.resumed.size:
            rows = np.flatnonzero(trials.fresh)
            places = places[:, rows]
        said = trials.training_seeds[rows]
        if manifest.replicate == "draw":
            run = trials.run[rows]
            keys, repeats = self._bulk.keys(places), _repeats(run, places[0])
            values = draw_values(trials.seeds, run, keys, repeats)
            expected = self._bulk.drawn(places, trials.epochs[rows], values)
        else:
            fixed = manifest.replicate if isinstance(manifest.replicate, int) else NONE
            expected = np.full(len(rows), fixed)
        trials.refuse(
            said != expected,
            lambda i: f"has training seed {_seed(said[i])}, not {_seed(expected[i])}",
            rows,
        )

    def _answers(
        self, trials: Trials, places: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return losses and costs of some trials, as the benchmark says."""
        losses, costs = np.empty((len(rows), trials.losses.shape[1])), np.empty(len(rows))
        seeds = trials.training_seeds
        for some in _groups(trials.epochs[rows], seeds[rows]):
            at = rows[some]
            found = self._evaluate(trials, places, at, trials.epochs[at[0]])
            losses[some], costs[some] = found.losses, found.seconds
        if trials.resumed.size:
            before = np.zeros(len(trials), dtype=np.int64)
            before[trials.resumed] = trials.epochs[trials.parents]
            resumed = np.flatnonzero(before[rows])
            for group in _groups(before[rows[resumed]], seeds[rows[resumed]]):
                some = resumed[group]
                found = self._evaluate(trials, places, rows[some], before[rows[some[0]]])
                costs[some] -= found.seconds - found.validation_seconds
        return losses, costs

    def _check_losses(
        self, trials: Trials, rows: NDArray[np.int64], losses: NDArray[np.float64]
    ) -> None:
        same = [self._same(*pair) for pair in zip(trials.losses[rows].T, losses.T, strict=True)]
        trials.refuse(
            ~np.logical_and.reduce(same),
            lambda i: (
                f"says loss {_listed(trials.losses[rows[i]])}, {self._name} says "
                f"{_listed(losses[i])}"
            ),
            rows,
        )

    def _check_times(
        self, trials: Trials, rows: NDArray[np.int64], costs: NDArray[np.float64]
    ) -> None:
        starts, known = trials.starts[rows], trials.known_seconds[rows]
        ends = starts + costs + known
        trials.refuse(
            ~self._same(trials.ends[rows], ends),
            lambda i: (
                f"ends at {trials.ends[rows[i]]} s, but it starts at {starts[i]} s and costs "
                f"{costs[i]} s in {self._name}"
            ),
            rows,
        )

    def _evaluate(
        self, trials: Trials, places: NDArray[np.int64], rows: NDArray[np.int64], epoch: Any
    ) -> Evaluations:
        """Return losses and costs of trials with the same training seed, at one epoch."""
        seed = int(trials.training_seeds[rows[0]])
        try:
            found = self._bulk.evaluate(places[:, rows], int(epoch), None if seed == NONE else seed)
        except NotRecordedError as error:
            trials.fail(int(rows[0]), f"has no training: {first_line(error)}")
        return found

    def _same(self, said: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.bool_]:
        if self._bulk.is_exact:
            same: NDArray[np.bool_] = said == found
            return same
        return alike(said, found)


def alike(said: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether predictions of a surrogate agree, but for what processors round otherwise."""
    return np.isclose(said, found, rtol=1e-4, atol=1e-6)


def _fault(
    aspect: str, check: Callable[..., None], *arguments: Any
) -> Iterator[tuple[str, RecordError]]:
    """Yield what a check raises."""
    try:
        check(*arguments)
    except RecordError as error:
        yield aspect, error


def _check_known(trials: Trials, charges: bool) -> None:
    """Check that what known numbers cost is possible, and nothing where nothing is charged."""
    seconds = trials.known_seconds
    trials.refuse(
        ~(np.isfinite(seconds) & (seconds >= 0.0)) | ((seconds != 0.0) & (not charges)),
        lambda i: f"says {seconds[i]} s for known numbers",
    )


def _chunks(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Iterate over groups of runs whose columns fit into fast memory, of one run at least."""
    part: list[Run] = []
    n = 0
    for run in runs:
        if part and n + len(run) > _CHUNK:
            yield part
            part, n = [], 0
        part.append(run)
        n += len(run)
    if part:
        yield part


def _spread(runs: Sequence[Run], most: int) -> list[Run]:
    """Return at most so many runs, evenly spread."""
    if len(runs) <= most:
        return list(runs)
    return [runs[i] for i in np.linspace(0, len(runs) - 1, most).astype(int).tolist()]


def _best(runs: Sequence[Run], seeds: set[int], n_each: int) -> NDArray[np.int64]:
    """Return rows of the trials with the lowest losses of runs with some seeds, a few of each."""
    rows, first = [np.empty(0, dtype=np.int64)], 0
    for run in runs:
        if run.seed in seeds:
            rows.append(first + np.argsort(run.losses[:, 0], kind="stable")[:n_each])
        first += len(run)
    return np.concatenate(rows)


def _repeats(run: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return how often the run of each trial has trained its key before, shape ``(n,)``.

    Args:
        run: Places of the runs, ascending.
        key: Numbers of the keys.
    """
    order = _sorted(key)
    run, key = run[order], key[order]
    places = np.arange(len(order))
    first = places.copy()
    first[1:][(key[1:] == key[:-1]) & (run[1:] == run[:-1])] = 0
    repeats = np.empty(len(order), dtype=np.uint64)
    repeats[order] = places - np.maximum.accumulate(first)
    return repeats


def _sorted(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of nonnegative numbers in their order, ties in the order of places.

    NumPy sorts 16 bits by radix, several times as fast as more bits.
    """
    order = np.argsort((numbers & 0xFFFF).astype(np.uint16), kind="stable")
    highest = int(numbers.max(initial=0))
    for shift in range(16, highest.bit_length(), 16):
        bits = (numbers[order] >> shift) & 0xFFFF
        order = order[np.argsort(bits.astype(np.uint16), kind="stable")]
    return order


def _groups(epochs: NDArray[np.integer], seeds: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Iterate over the places of trials with the same epoch and training seed."""
    if not len(epochs):
        return
    if (epochs == epochs[0]).all() and (seeds == seeds[0]).all():
        yield np.arange(len(epochs))
        return
    code = np.zeros(len(epochs), dtype=np.int64)
    for values in (epochs.astype(np.int64), seeds):
        low, high = int(values.min()), int(values.max())
        if high - low < 2**16:
            step, number = high - low + 1, values - low
        else:
            distinct, number = np.unique(values, return_inverse=True)
            step = len(distinct)
        code = code * step + number
    order = _sorted(code)
    ordered = code[order]
    yield from np.split(order, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def _seed(number: Any) -> str:
    return "none" if number == NONE else str(number)


def _listed(losses: NDArray[np.float64]) -> str:
    return ", ".join(map(str, losses.tolist()))
