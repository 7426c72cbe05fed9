"""Derive which trainings a file of rows holds: schedules, epochs, seeds, the objective."""

from data_builders.importers.table.assignments import COSTS, Assignment, Metrics
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError

_VALIDATION = "validation_seconds"


class Plan:
    """What the file records of every training.

    Args:
        metrics: Columns of each metric at each epoch; several columns belong to several training
            seeds. Empty if nothing was trained.
        curve: Whether the epochs are points of one training; otherwise each ends its own training.

    Attributes:
        metrics: As given.
        schedules: Recorded epochs by length of the training.
        seeds: Number of training seeds with their own columns, by length of the training.
        objective: Metric for a search to optimise; None without validation.

    Raises:
        InvalidArgumentError: A metric lacks columns of some seeds, or the objective or a cost is
            missing for a schedule.
    """

    def __init__(self, metrics: Metrics, *, curve: bool) -> None:
        self.metrics = metrics
        epochs = sorted({epoch for columns in metrics.values() for epoch in columns})
        whole = dict.fromkeys(epochs[-1:], epochs)
        self.schedules = whole if curve else {epoch: [epoch] for epoch in epochs}
        self.seeds = {schedule: self._count_seeds(schedule) for schedule in self.schedules}
        self.objective = self._find_objective()
        self._check_validation_seconds()

    @property
    def columns(self) -> list[Assignment]:
        """Every column that holds a metric."""
        metrics = self.metrics.values()
        return [column for metric in metrics for columns in metric.values() for column in columns]

    def epochs(self, metric: str, schedule: int) -> list[int]:
        """Return the epochs of a schedule at which a metric is recorded."""
        return [epoch for epoch in self.schedules[schedule] if epoch in self.metrics[metric]]

    def column(self, metric: str, epoch: int, seed: int) -> Assignment:
        """Return the column with a number of the ``seed``-th training."""
        columns = self.metrics[metric][epoch]
        return columns[seed if len(columns) > 1 else 0]

    def check_seeds(self) -> None:
        """Check that no column of a metric stands for two training seeds.

        Raises:
            InvalidArgumentError: One does.
        """
        for name, columns in self.metrics.items():
            for epoch, assigned in columns.items():
                for column in assigned:
                    if assigned.count(column) > 1:
                        raise InvalidArgumentError(
                            f"{name}@{epoch} = {column.text} is given {assigned.count(column)} "
                            "times, but each training seed needs a column of its own"
                        )

    def is_shared(self, metric: str, schedule: int) -> bool:
        """Return whether all seeds of a schedule share one column."""
        columns = [self.metrics[metric][epoch] for epoch in self.epochs(metric, schedule)]
        return self.seeds[schedule] > 1 and any(len(same) == 1 for same in columns)

    def fewer_epochs(self, metric: str) -> dict[int, list[int]]:
        """Return a metric's recorded epochs in schedules with gaps; empty for unknown metrics."""
        if metric not in self.metrics:
            return {}
        recorded = {schedule: self.epochs(metric, schedule) for schedule in self.schedules}
        return {s: epochs for s, epochs in recorded.items() if epochs != self.schedules[s]}

    def _count_seeds(self, schedule: int) -> int:
        counts = {
            (name, epoch): len(self.metrics[name][epoch])
            for name in self.metrics
            for epoch in self.epochs(name, schedule)
        }
        most = max(counts.values())
        for (name, epoch), count in counts.items():
            if count != most and (name not in COSTS or count != 1):
                other = next(f"{n}@{e}" for (n, e), c in counts.items() if c == most)
                raise InvalidArgumentError(
                    f"{name}@{epoch} has {count} columns and {other} has {most}: give one per "
                    f"training seed; only {' and '.join(COSTS)} may be given once for all seeds"
                )
        return most

    def _find_objective(self) -> str | None:
        """Return the first validation metric with a known goal (more or less is better)."""
        possible = [
            name
            for name in sorted(self.metrics, key=lambda name: Column.of(name).goal != "max")
            if Column.of(name).split == "valid" and Column.of(name).goal
        ]
        whole = [name for name in possible if self.metrics[name].keys() >= self.schedules.keys()]
        if possible and not whole:
            schedule = next(s for s in self.schedules if s not in self.metrics[possible[0]])
            raise InvalidArgumentError(
                f"{possible[0]}@{schedule} is not given: a search needs a validation metric at the "
                f"end of every schedule, here {', '.join(map(str, self.schedules))}"
            )
        return whole[0] if whole else None

    def _check_validation_seconds(self) -> None:
        """Refuse more or less than one number per training."""
        if _VALIDATION not in self.metrics:
            return
        for schedule in self.schedules:
            given = self.epochs(_VALIDATION, schedule)
            if len(given) != 1:
                raise InvalidArgumentError(
                    f"{_VALIDATION} is one number per training: "
                    + (
                        f"give it at one of the epochs {given}"
                        if given
                        else f"{_VALIDATION}@{schedule} is not given"
                    )
                )
