"""Searches under published protocols, and the test accuracy of what they choose."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from published_rows import Published, budget
from published_source import Source

from nasbench import Budget
from nasbench.runs.records import Records
from nasbench.runs.run import Run
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Setup

Method: TypeAlias = tuple[str, str | None]
"""An algorithm and a preset."""

OURS: dict[str, Method] = {
    "random search": ("random_search", None),
    "REA": ("regularized_evolution", "nats"),
    "REINFORCE": ("reinforce", "nats"),
    "BOHB": ("bohb", "nats"),
    "NPENAS-NP": ("npenas", None),
    "BANANAS": ("bananas", "naszilla"),
}
"""Algorithm and preset by published name."""
SHORT, FULL = 12, 200
MODEL_TRIALS = 150
MODELS: tuple[Method, ...] = (
    ("bananas", "naszilla"),
    ("npenas", None),
    ("npenas", "np"),
    ("brp_nas", None),
)
"""Methods with a model, of which a search of so many trials takes seconds."""


class Replayed(NamedTuple):
    """Mean and standard deviation of a test accuracy over runs."""

    mean: float
    sd: float
    runs: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.sd:.2f}"


@dataclass(frozen=True)
class Replay:
    """Searches, recorded in a folder.

    Attributes:
        source: The numbers.
        seeds: Seeds of a method without a model.
        model_seeds: Seeds of a method with a model; 0 for those that are recorded.
        processes: Operating-system processes.
        out: Folder of records.
    """

    source: Source
    seeds: int
    model_seeds: int
    processes: int
    out: Path
    _done: dict[Any, list[Run]] = field(default_factory=dict)

    def of(self, row: Published) -> dict[str, Replayed]:
        """What the suite's own search under a row's protocol gives, by data set.

        Empty if the method or the scores that it searches are not here.
        """
        if row.kind != "search" or row.method not in OURS:
            return {}
        algorithm, preset = OURS[row.method]
        if row.protocol == "12-epoch":
            if row.searched not in self.source.short:
                return {}
            runs = self.short(algorithm, preset, row.searched, budget(row.budget))
            return {name: self.accuracy(runs, name) for name in row.test}
        trials = budget(row.budget).trials if row.budget else MODEL_TRIALS
        found = {name: self.full(algorithm, preset, name) for name in row.test}
        return {name: self.accuracy(r, name, trials) for name, r in found.items() if len(r) > 1}

    def short(
        self,
        algorithm: str,
        preset: str | None,
        name: str,
        until: Budget,
        changes: dict[str, Any] | None = None,
    ) -> list[Run]:
        """Searches of 12-epoch scores of a data set."""
        table = self.source.short[name]
        return self.search(algorithm, preset, table, SHORT, until, changes or {}, self.seeds)

    def full(self, algorithm: str, preset: str | None, name: str, trials: int = 400) -> list[Run]:
        """Searches of 200-epoch validation accuracies of a data set."""
        is_model = (algorithm, preset) in MODELS
        until = Budget(trials=MODEL_TRIALS if is_model else trials)
        seeds = self.model_seeds if is_model else self.seeds
        return self.search(algorithm, preset, self.source.full[name], FULL, until, {}, seeds)

    def search(
        self,
        algorithm: str,
        preset: str | None,
        table: str,
        epoch: int,
        until: Budget,
        changes: dict[str, Any],
        seeds: int,
    ) -> list[Run]:
        """Searches of one table; what is recorded is not run again. ``seeds``: 0 for no more."""
        key = (algorithm, preset, table, epoch, until, *sorted(changes.items()), seeds)
        if key not in self._done:
            setup = Setup(
                algorithm=algorithm,
                benchmark=table,
                budget=until,
                preset=preset,
                fidelities=(epoch,),
                hyperparameters=changes,
            )
            print(algorithm, preset or "", Path(table).stem, until, flush=True)
            if seeds:
                records = record_seeds(setup, range(seeds), self.out, processes=self.processes)
                self._done[key] = records.runs(range(seeds))
            else:
                records = Records.create(self.out, setup.prepare().manifest)
                self._done[key] = records.runs(records.seeds())
        return self._done[key]

    def accuracy(self, runs: Sequence[Run], name: str, trials: int | None = None) -> Replayed:
        """Test accuracy after 200 epochs of what validation chose, after some trials or all."""
        chosen = []
        for run in runs:
            found = run.incumbent_trials()
            chosen.append(run.archs[found[found < (trials or len(run))][-1]])
        values = self.source.cells.test[name][self.source.places(np.array(chosen))]
        return Replayed(float(values.mean()), float(values.std(ddof=1)), len(runs))

    def by_mean(self, runs: Sequence[Run], name: str) -> Replayed:
        """The same of the trained cell with the best mean validation, whatever the runs saw."""
        valid, test = self.source.cells.valid[name], self.source.cells.test[name]
        trained = [self.source.places(run.archs) for run in runs]
        values = np.array([test[places[valid[places].argmax()]] for places in trained])
        return Replayed(float(values.mean()), float(values.std(ddof=1)), len(runs))

    def hits(self, runs: Sequence[Run], name: str) -> tuple[float, str]:
        """Share of runs that train the cell with the best mean validation, and queries for a hit.

        The latter are all queries up to the hits, or to the ends of runs without, over the hits.
        """
        best = self.source.cells.valid[name].argmax()
        found, spent = 0, 0
        for run in runs:
            (at,) = np.nonzero(self.source.places(run.archs) == best)
            found += len(at) > 0
            spent += int(at[0]) + 1 if len(at) else len(run)
        return found / len(runs), f"{spent / found:,.0f}" if found else "none"
