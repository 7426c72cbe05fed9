"""Runs of optimisers that own their loop: every call is a trial on the simulated clock.

>>> import random
>>> import nasbench
>>> benchmark = nasbench.load("nb201-cifar10")
>>> budget = nasbench.Budget(trials=50)
>>> rng = random.Random(0)
>>> with nasbench.record(benchmark, name="my-loop", budget=budget, seed=0, out=None) as evaluate:
...     while True:
...         loss = evaluate(benchmark.space.sample(rng))
>>> len(evaluate), evaluate.run()
(50, <Run my-loop on nb201-cifar10, seed 0: 50 trials, lowest loss 8.348>)
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import heappop
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, NoReturn, Self

from nasbench.algorithm import Observation, Proposal
from nasbench.benchmark import check_benchmark, check_integer
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.errors import (
    AlgorithmError,
    BudgetExhausted,
    InvalidArgumentError,
    NotRecordedError,
    RecordError,
    first_line,
    one_of,
    shown,
)
from nasbench.runs.budget import Budget
from nasbench.runs.ledger import Ledger
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import MANIFEST, Records, save
from nasbench.runs.run import Run
from nasbench.runs.search import check_seeds
from nasbench.runs.setup import check_budget, offered
from nasbench.space import SearchSpace
from nasbench.storage.documents import parse_json
from nasbench.storage.files import check_writable, named_folder
from nasbench.storage.locks import MemberLock


def record(
    benchmark: "str | Path | AnyBenchmark",
    *,
    name: str,
    budget: Budget,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    replicate: Literal["draw", "mean"] | int = "draw",
    fidelities: Sequence[int] | None = None,
    objectives: Sequence[str] | None = None,
    out: str | Path | None = "runs",
    fresh: bool = False,
) -> "Recorder":
    """Record the search of an optimiser that calls what it optimises.

    Used as a context, it gives a callable, see :meth:`Recorder.__call__`. The block may end by
    itself, or by :class:`nasbench.BudgetExhausted`, which goes no further than the block. Then the
    trials are saved below ``out``, beside the records of all searches. Any other exception goes on,
    and nothing is saved.

    Trials run one after the other on the simulated clock. The same proposals make the same run as
    from an algorithm in :func:`nasbench.replay`, training seeds included. What the run does not say
    is how the proposals came about: its manifest says that it was recorded from outside, and such
    records have leaderboards of their own.

    A run may end before its budget, as that of an optimiser that has converged. It is recorded as
    it is, and boards score what it had chosen by then until the end of the budget.

    Args:
        benchmark: Id or path of a table or surrogate, or what :func:`nasbench.load` returned.
        name: Name of the optimiser, made of letters, digits, ``-``, ``_`` and ``.``; not that of
            a registered algorithm.
        budget: When the run ends.
        seed: Seed of the run, from which training seeds are drawn. Seed the optimiser by it, too.
        settings: Hyperparameters of the optimiser, for the manifest. Runs with other settings are
            other records.
        replicate: Which recorded training answers a trial: ``"draw"``, ``"mean"`` or a training
            seed; see :func:`nasbench.replay`.
        fidelities: Epochs that may be asked for; default: all that the benchmark offers.
        objectives: Columns to optimise; default: the benchmark's own objective. A loaded benchmark
            has its own.
        out: Folder for records; None for none.
        fresh: Whether to replace the run with this seed if there is one.

    Returns:
        The recorder; it may also be used without ``with``, see :meth:`Recorder.save`.

    Raises:
        UnknownNameError: There is no such benchmark or column.
        InvalidArgumentError: A value is impossible, or the folder cannot be written.
        NotRecordedError: The benchmark does not have a fidelity, a fixed training seed or any
            objective.
        NasbenchError: The benchmark or the record is damaged.
    """
    if isinstance(benchmark, str | Path):
        opened = load(benchmark, objectives=objectives)
    elif objectives is not None:
        raise InvalidArgumentError(
            f"objectives = {objectives!r}: a loaded benchmark has its own; give them to load"
        )
    else:
        check_benchmark(benchmark)
        opened = benchmark
    opened.require_objectives()
    opened.verify()
    (number,) = check_seeds([seed])
    epochs = offered(opened, fidelities)
    check_budget(opened, budget, 1, epochs[-1])
    manifest = Manifest.of_outside(
        name,
        opened,
        settings=_plain(settings or {}),
        budget=budget,
        replicate=replicate,
        fidelities=epochs,
    )
    if manifest.poses:
        raise InvalidArgumentError(
            f"name = {name!r} is that of a registered algorithm: choose another, such as "
            f"'my-{name}'"
        )
    ledger = Ledger(opened, budget=budget, seed=number, replicate=replicate)
    folder = None if out is None else named_folder("out", out)
    if folder is not None:
        check_writable(folder / manifest.benchmark / manifest.folder_name)
    return Recorder(ledger, opened, manifest, number, folder, fresh=fresh)


class Recorder:
    """The trials that one loop asks for; made by :func:`nasbench.record`.

    Calls from several threads wait for each other. It cannot be sent to another process, where its
    trials would be lost.

    Attributes:
        benchmark: What answers.
        manifest: How the run is made, except for its seed.
        seed: Seed of the run.
        seconds: Simulated seconds so far.
        last: The last trial, as an algorithm would be told it: its number, losses, seconds and
            curve. None before the first.
    """

    def __init__(
        self,
        ledger: Ledger,
        benchmark: AnyBenchmark,
        manifest: Manifest,
        seed: int,
        out: Path | None,
        *,
        fresh: bool,
    ) -> None:
        self.benchmark = benchmark
        self.manifest = manifest
        self.seed = seed
        self.seconds = 0.0
        self.last: Observation | None = None
        self._ledger = ledger
        self._out = out
        self._fresh = fresh
        self._spent = ""
        self._is_over = False
        self._lock = MemberLock()
        self._process = os.getpid()
        self._optimizer_seconds: list[float] = []
        self._since = perf_counter()

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.benchmark.space

    @property
    def is_recorded(self) -> bool:
        """Whether a run with this seed and manifest is recorded.

        Raises:
            RecordError: The record is damaged.
        """
        if self._out is None:
            return False
        folder = self._out / self.manifest.benchmark / self.manifest.folder_name
        if not (folder / MANIFEST).exists():
            return False
        records = Records(folder)
        records.check([self.seed])
        return self.seed in records.seeds()

    def __len__(self) -> int:
        return self._ledger.n_trials

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        made = self.manifest
        return (
            f"<Recorder of {made.algorithm} on {made.benchmark}, seed {self.seed}: "
            f"{len(self):,} trials, {self.seconds:g} simulated seconds>"
        )

    def __call__(self, arch: Any, *, epoch: int | None = None, resumes: int | None = None) -> Any:
        """Train an architecture; a repeated one is trained and paid for again.

        Args:
            arch: What :meth:`SearchSpace.read <nasbench.languages.Reading.read>` takes: one option
                per decision as integers; options by name of the decision, as a dict or a
                configuration of ConfigSpace; a text; an official index.
            epoch: The epoch to train it to, one of the fidelities; default: the last.
            resumes: Number of an earlier trial whose training goes on; trials are numbered from 0,
                see :attr:`last`. Only the added epochs are paid for.

        Returns:
            The loss, a float, lower is better; for several objectives a tuple with one loss each.
            ``inf`` if the training diverged.

        Raises:
            BudgetExhausted: The trial would exceed the budget. It is not recorded, and the run is
                over.
            IllegalArchError: The architecture is not in the space. This and what follows is no
                trial, and the loop may go on.
            NotRecordedError: The benchmark has no such training, or the epoch is no fidelity.
            AlgorithmError: The trial cannot be resumed, or this is a copy in another process.
            InvalidArgumentError: ``epoch`` or ``resumes`` is not an integer, or the run is recorded
                already.
        """
        if os.getpid() != self._process:
            self._refuse_copy()
        with self._lock:
            called = perf_counter()
            losses = self._train(arch, epoch, resumes)
            self._optimizer_seconds.append(called - self._since)
            self._since = perf_counter()
        return losses if len(losses) > 1 else losses[0]

    def _train(self, arch: Any, epoch: int | None, resumes: int | None) -> tuple[float, ...]:
        ledger, budget = self._ledger, self.manifest.budget
        if self._is_over:
            raise InvalidArgumentError(
                f"{self!r} is over: another seed needs another nasbench.record(…)"
            )
        if self._spent:
            self._end(self._spent)
        if ledger.n_trials >= ledger.pause and not ledger.may_go_on(self.seconds):
            self._end(f"all {budget.trials:,} trials are made")
        arch = self.space.read(arch)
        fidelities = self.manifest.fidelities
        epoch = fidelities[-1] if epoch is None else check_integer("epoch", epoch)
        if epoch not in fidelities:
            raise NotRecordedError(f"epoch {epoch} is no fidelity{one_of(epoch, fidelities)}")
        if resumes is not None:
            resumes = check_integer("resumes", resumes)
        if not ledger.start(Proposal(arch, epoch, resumes), epoch, self.seconds):
            limits = {"seconds": budget.seconds, "epochs": budget.epochs}
            said = " or ".join(f"{n:,} {name}" for name, n in limits.items() if n is not None)
            self._end(f"the next trial would exceed {said}")
        self.seconds, _, self.last = heappop(ledger.running)
        return self.last.losses

    def _end(self, why: str) -> NoReturn:
        self._spent = why
        made = self.manifest
        raise BudgetExhausted(
            f"the budget of {made.algorithm} on {made.benchmark}, seed {self.seed}, is spent: {why}"
        )

    def run(self) -> Run:
        """Return the trials so far, with the manifest."""
        made = self._ledger.run(self._optimizer_seconds)
        return replace(made, manifest=self.manifest)

    def save(self) -> Path:
        """Save the run and end it; ``with`` does this.

        Returns:
            The folder of the record.

        Raises:
            RecordError: There was no call, or no folder for records was given.
            InvalidArgumentError: This seed is recorded, and may not be replaced; or the folder
                cannot be written.
        """
        if self._out is None:
            raise RecordError("out is None: there is no folder for records")
        if not len(self) and not self._spent:
            raise RecordError(f"{self!r} was never called: there is nothing to record")
        if not self._is_over:
            self._refuse_recorded()
        folder = save(self.run(), self._out)
        self._is_over = True
        return folder

    def __enter__(self) -> Self:
        self._refuse_recorded()
        self._since = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is not None and not (self._spent and isinstance(error, BudgetExhausted)):
            return False
        if self._out is not None:
            self.save()
        self._is_over = True
        return error is not None

    def _refuse_recorded(self) -> None:
        if not self._fresh and self.is_recorded:
            made = self.manifest
            raise InvalidArgumentError(
                f"seed {self.seed} of {made.algorithm} on {made.benchmark} is recorded in "
                f"{self._out}: fresh=True replaces it, another name or other settings are another "
                "record"
            )

    def __reduce__(self) -> NoReturn:
        self._refuse_copy()

    def _refuse_copy(self) -> NoReturn:
        raise AlgorithmError(  # no ValueError, of which SciPy makes another error
            f"{self!r} cannot be copied or sent to another process, where its trials would be "
            "lost: call it in this one"
        )


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are read from a manifest.

    Raises:
        InvalidArgumentError: JSON cannot express one of them, or a name is no text.
    """
    if not isinstance(settings, Mapping):
        raise InvalidArgumentError(f"settings = {shown(settings)} must be a dict")
    plain = {}
    for name, value in settings.items():
        if not isinstance(name, str):
            raise InvalidArgumentError(f"settings: the name {shown(name)} must be a text")
        try:
            plain[name] = parse_json(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgumentError(
                f"settings: {name!r} = {shown(value)} cannot be written as JSON: "
                f"{first_line(error)}"
            ) from error
    return plain
