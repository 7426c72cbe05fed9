"""Boards: which records are comparable, and what a ranking consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, NamedTuple

from leaderboard.compact.record import AnyRecord
from leaderboard.entries.entry import NOTHING, About, Declared
from leaderboard.fronts import AnyLandscape
from leaderboard.labels import variant
from leaderboard.searches import Search
from leaderboard.statistics import Estimate, Summary
from nasbench.runs.manifest import Manifest

FAMILY, REMARK = "\N{DAGGER}", "\N{DOUBLE DAGGER}"
"""Marks of rows that fit the family of models of the board's surrogate, and of rows with a remark.
"""

SURROGATE, WARM = "surrogate", "warm-started with known numbers"
OUTSIDE = "recorded from outside"
WARM_AS_DECLARED, TEST_AS_DECLARED = "warm-started as declared", "selected on test as declared"
TRAINED_AS_DECLARED = "learned from other data as declared"
"""What sets searches apart: a model answers their trials; they knew numbers of architectures, such
as zero-cost scores, before any training; loops of their authors' own proposed the trials, so that
nobody can tell what else they knew; their sender declares that they began with what others found,
that something was chosen by test results, or that the method learned from other data before.
"""

ORDER = ("regret", "anytime_area")
"""Columns by whose means rows are ranked; the second among rows that are equal by the first."""

Kind = Literal["points", "value", "ratio", "count", "seconds", "rate"]
"""What the numbers of a column are, see :class:`Score`."""


class Scale(NamedTuple):
    """What a landscape depends on; the attributes are those of :class:`Question`."""

    benchmark: str
    version: int
    content_hash: str
    objectives: tuple[str, ...]
    constraints: tuple[str, ...]
    replicate: Literal["draw", "mean"] | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the searches of one board have in common.

    Attributes:
        benchmark: Id of the benchmark.
        version: Version of the benchmark.
        content_hash: Hash of its numbers.
        objectives: Optimised columns.
        trials: Budget in started trials, or None.
        seconds: Budget in simulated seconds, or None.
        epochs: Budget in trained epochs, or None.
        workers: Simulated parallel workers.
        replicate: Policy that chooses the training that answers a trial.
        constraints: What every architecture that the searches saw meets; empty for all of them.
        kinds: What else sets the searches apart from plain ones on a table, as the title says it.
    """

    benchmark: str
    version: int
    content_hash: str
    objectives: tuple[str, ...]
    trials: int | None
    seconds: float | None
    epochs: int | None
    workers: int
    replicate: Literal["draw", "mean"] | int
    constraints: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest, declared: Declared = NOTHING) -> "Question":
        """The question that records with this manifest answer.

        Args:
            manifest: How they were made.
            declared: What their sender says that the manifest cannot.
        """
        budget = manifest.budget
        return cls(
            benchmark=manifest.benchmark,
            version=manifest.version,
            content_hash=manifest.content_hash,
            objectives=manifest.objectives,
            trials=budget.trials,
            seconds=budget.seconds,
            epochs=budget.epochs,
            workers=manifest.workers,
            replicate=manifest.replicate,
            constraints=manifest.constraints,
            kinds=_kinds(manifest, declared),
        )

    @property
    def scale(self) -> Scale:
        """What the landscape of the board depends on."""
        return Scale(*(getattr(self, name) for name in Scale._fields))

    @property
    def budget(self) -> str:
        """The budget in words."""
        limits = (
            (self.trials, "trial"),
            (self.epochs, "epoch"),
            (self.seconds, "simulated second"),
        )
        return " or ".join(count(value, name) for value, name in limits if value)

    @property
    def condition(self) -> str:
        """The constraints in words; empty for none."""
        return " and ".join(self.constraints)

    @property
    def order(self) -> str:
        """Sort key of the board; what sets searches apart comes after plain ones."""
        limits = [self.trials or 0, self.epochs or 0, self.seconds or 0.0]
        numbers = " ".join(f"{limit:020.3f}" for limit in limits)
        name = f"{self.benchmark} {self.version:06d} {self.content_hash} {self.objectives}"
        name += f" {self.condition}"
        return f"{name} {numbers} {self.workers:06d} {self.replicate} {', '.join(self.kinds)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A column of a board: a function of one search.

    Attributes:
        title: Column title; ``{measure}`` and ``{reported}`` are replaced by what the board
            reports.
        kind: ``"points"``: a difference in the unit of the reported column; ``"value"``: a value of
            that column; ``"ratio"``; ``"count"``; ``"seconds"``; ``"rate"``: 1 for a search that
            did something and 0 for one that did not, of which a row shows the share.
        goal: Which end is better; empty for neither.
        of: The function; NaN on boards to which the column does not apply.
    """

    title: str
    kind: Kind
    goal: Literal["min", "max", ""]
    of: Callable[[Search], float]

    @property
    def description(self) -> str:
        """Description of the column: the docstring of its function."""
        return " ".join((self.of.__doc__ or "").split())

    def __call__(self, search: Search) -> float:
        """The score of a search."""
        return self.of(search)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record on a board.

    Attributes:
        rank: Place on the board, from 1: by mean regret, or by label where rows have no ranks.
        label: Name of the algorithm, and what distinguishes it from other rows of the same
            algorithm.
        settings: Settings of the algorithm, see :func:`leaderboard.labels.settings`.
        scores: Mean over seeds of every column of the board that has a finite value for each of the
            searches, by column name.
        summary: Inter-quartile mean and median of the regret beside its mean.
        gap: Regret minus that of the first row, compared seed by seed; NaN where rows have no
            ranks.
        common_seeds: Number of seeds that the gap rests on; 0 if the two share none and are
            resampled independently.
        tied: Whether the gap does not separate the row from the first; False for the first.
        seeds: Seeds of the runs.
        searches: The runs.
        fits_family: Whether the algorithm fits the same family of models as the board's surrogate.
        remark: Why the row may say nothing of its algorithm: in this set-up it is random search, or
            its trials are those of other rows, any of which may be the copy; empty for most rows.
        records: Source of the row.
        content_hash: SHA-256 of the decoded columns of the record.
        sender: Who sent the record, and what is declared of it; None for nobody.
    """

    rank: int
    label: str
    settings: Mapping[str, Any]
    scores: Mapping[str, Estimate]
    summary: Summary
    gap: Estimate
    common_seeds: int
    tied: bool
    seeds: tuple[int, ...]
    searches: tuple[Search, ...]
    fits_family: bool
    remark: str
    records: AnyRecord
    content_hash: str
    sender: About | None

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""
        return self.records.manifest.algorithm

    @property
    def variant(self) -> str:
        """What distinguishes the row from others of its algorithm; empty for the only one."""
        return variant(self.label, self.records.manifest)

    @property
    def mark(self) -> str:
        """Marks behind the name, see :attr:`Board.footnotes`; empty for most rows."""
        return FAMILY * self.fits_family + REMARK * bool(self.remark)

    @property
    def regret(self) -> Estimate:
        """The score that determines the rank."""
        return self.scores["regret"]

    @property
    def standing(self) -> list[float]:
        """Means of the columns by which rows are ranked, :data:`ORDER`; ``inf`` for none."""
        return [self.scores[name].mean if name in self.scores else inf for name in ORDER]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Records that answer the same question, ranked if they paid for it alike.

    Attributes:
        question: What the records have in common.
        landscape: The scale.
        partial: Whether a trial of a row is shorter than a full training.
        fidelity: Epochs of every trial, if the budget is one of trials and the set-up allows no
            other, shorter length; else None.
        unranked: Why the rows have no ranks, as a sentence; empty if they have.
        window: Start and end of the anytime area in simulated seconds: one mean full training, and
            the budget.
        columns: The columns that apply to a row, by name.
        rows: Rows, best first, or by label where they have no ranks.
        random_evaluations: Number of full trainings that the budget pays for; None for a budget in
            seconds, for rows without ranks, and for several objectives, where random search has no
            exact expectation.
        random_regret: Expected regret of random search after that many; None if there are none.
    """

    question: Question
    landscape: AnyLandscape
    partial: bool
    fidelity: int | None
    unranked: str
    window: tuple[float, float]
    columns: Mapping[str, Score]
    rows: tuple[Row, ...]
    random_evaluations: int | None
    random_regret: float | None

    @property
    def title(self) -> str:
        """Title of the board: what distinguishes it from all others."""
        question = self.question
        parts = [f"{question.benchmark}@{question.version}", question.budget]
        if self.fidelity is not None:
            parts[-1] += f" of {count(self.fidelity, 'epoch')}"
        if self.unranked:
            parts[-1] += " of any length, not ranked"
        if question.objectives != (self.landscape.benchmark.default_objective,):
            parts.append(" and ".join(question.objectives))
        if question.constraints:
            parts.append(question.condition)
        if self.landscape.selected_on_test:
            parts.append("selected on test")
        parts += question.kinds
        if question.workers > 1:
            parts.append(f"{question.workers} workers")
        if question.replicate != "draw":
            mean = question.replicate == "mean"
            parts.append("mean of trainings" if mean else f"training seed {question.replicate}")
        return ", ".join(parts)

    @property
    def first(self) -> tuple[Row, ...]:
        """The best row, and those that equal it to the last digit; none without ranks."""
        if self.unranked:
            return ()
        best = self.rows[0].standing
        return tuple(row for row in self.rows if row.standing == best)

    @property
    def footnotes(self) -> list[str]:
        """Meanings of the marks of the rows."""
        found = [f"{REMARK} {row.label}: {row.remark}." for row in self.rows if row.remark]
        if any(row.fits_family for row in self.rows):
            found.append(
                f"{FAMILY} fits the same kind of model as the surrogate, which gives it an "
                "advantage here that it would not have on real trainings."
            )
        return found

    def title_of(self, column: str) -> str:
        """Title of a column."""
        title = self.columns[column].title
        text = title.format(measure=self.landscape.measure, reported=self.landscape.reported.name)
        return text[:1].upper() + text[1:]


def _kinds(manifest: Manifest, declared: Declared) -> tuple[str, ...]:
    """What sets the searches of a board apart, see :attr:`Question.kinds`."""
    found = {
        SURROGATE: bool(manifest.family),
        WARM: bool(manifest.known),
        OUTSIDE: manifest.outside,
        WARM_AS_DECLARED: declared.warm_start is not None,
        TRAINED_AS_DECLARED: bool(declared.trained_on),
        TEST_AS_DECLARED: declared.selected_on == "test",
    }
    return tuple(kind for kind, applies in found.items() if applies)


def count(n: float, name: str) -> str:
    """A number of things, such as ``"1,200 epochs"``."""
    return f"{n:,.10g} {name}{'' if n == 1 else 's'}"
