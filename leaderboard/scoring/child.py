"""The process in which a scored program runs: ``python -m`` of this module, with a task as JSON.

The task has ``target``, see :mod:`leaderboard.scoring.target`; ``preset`` and ``hyperparameters``,
the settings of the class; ``seeds``, a number; ``hidden``, whether every search has an instance of
its own under other names; ``seconds`` and ``memory``, the limits. Standard output gets one JSON
document with ``scores``, by benchmark and seed, or ``error``, or ``refused``, a line about a target
that does not exist. White space before it tells that the limit of time has begun. What the program
prints goes to standard error.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from leaderboard.scoring import guard, program
from leaderboard.scoring.suite import SUITE, TRIALS, seed_of
from leaderboard.scoring.target import split
from nasbench.algorithm import Algorithm, hyperparameters, make, takes_supernets
from nasbench.benchmarks.instances.hidden_space import HiddenSpace
from nasbench.benchmarks.instances.instance import Index, Instance
from nasbench.errors import (
    AlgorithmError,
    IllegalArchError,
    InvalidArgumentError,
    MissingExtraError,
    NasbenchError,
    UnknownNameError,
    first_line,
)
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay_bare
from nasbench.runs.run import Run
from nasbench.runs.setup import registered_regressor
from nasbench.space import SearchSpace

_LONGEST = 500
_LARGEST_FILE = 2**24  # enough for what a library writes when it is imported


class Scoring:
    """The searches of one process.

    Args:
        task: As the module describes it.
        out: Descriptor for the result.
    """

    def __init__(self, task: dict[str, Any], out: int) -> None:
        self._task = task
        self._out = out
        self._own = guard.Own(program.folder(task["target"]))
        self._at: dict[str, Any] = {}
        self._spaces: dict[tuple[SearchSpace, int], HiddenSpace] = {}
        self._public: dict[str, Instance] = {}
        self._settings: dict[str, Any] = {}
        self._ask_line: int | None = None
        self._first: Run | None = None

    def run(self) -> NoReturn:
        """Run everything, write the result and end the process."""
        indices = self._opened()
        random = {question.benchmark: question.random_regret for question in SUITE}
        self._limit()
        guard.watch(self._own, self._trespassed)
        with self._failures("import"):
            kind = self.load()
        with self._failures("crash"):
            seeds, scores = [seed_of(n) for n in range(self._task["seeds"])], {}
            for name, index in indices.items():
                losses = [self.loss(kind, index, seed) for seed in seeds]
                best = float(np.nanmin(np.asarray(index.columns(None, None).losses)))
                scores[name] = [1 - (loss - best) / random[name] for loss in losses]
            self._at = {}
            repeatable = self._is_repeatable(kind, next(iter(indices.values())))
        self._end({"scores": scores, "repeatable": repeatable})

    def _opened(self) -> dict[str, Index]:
        """Return the tables of the suite, with all numbers read."""
        indices = {}
        try:
            for question in SUITE:
                index = indices[question.benchmark] = question.open()
                index.read_all()
        except NasbenchError as error:
            self._end({"refused": str(error)})
        return indices

    def load(self) -> type[Algorithm]:
        """Import the class and check its settings."""
        target = self._task["target"]
        try:
            kind = program.load(target)
        except (UnknownNameError, MissingExtraError) as error:
            if split(target) is None:
                self._end({"refused": str(error)})
            raise
        if takes_supernets(kind):
            raise InvalidArgumentError(
                f"{kind.__name__} trains supernets, which the suite does not offer"
            )
        try:
            self._settings = hyperparameters(
                kind, self._task["hyperparameters"], self._task["preset"]
            )
        except NasbenchError as error:
            if self._task["hyperparameters"] or self._task["preset"]:
                self._end({"refused": str(error)})
            raise
        code = getattr(kind.ask, "__code__", None)
        if code is not None and self._own.holds(code.co_filename):
            self._ask_line = code.co_firstlineno
        return kind

    def _search(self, kind: type[Algorithm], instance: Instance, seed: int) -> Run:
        algorithm = make(
            kind,
            instance.space,
            fidelities=instance.fidelities,
            seed=seed,
            hyperparameters=self._settings,
            resumable=len(instance.schedules) == 1,
            regressors=registered_regressor,
        )
        benchmark: Any = instance
        return replay_bare(
            algorithm,
            benchmark,
            budget=Budget(trials=TRIALS),
            workers=1,
            seed=seed,
            replicate="draw",
            known=None,
            supernets=None,
        )

    def _instance(self, index: Index, seed: int) -> Instance:
        if not self._task["hidden"]:
            return self._public.setdefault(index.benchmark.name, Instance(index))
        space = index.benchmark.space
        if (space, seed) not in self._spaces:
            self._spaces[space, seed] = HiddenSpace(space, seed)
        return Instance(index, self._spaces[space, seed], seed)

    def loss(self, kind: type[Algorithm], index: Index, seed: int) -> float:
        """Return the loss at full training, as a mean over seeds, of what a search chose."""
        benchmark = index.benchmark
        self._at = {"benchmark": f"{benchmark.name}@{benchmark.version}", "seed": seed}
        instance = self._instance(index, seed)
        run = self._search(kind, instance, seed)
        if self._first is None:
            self._first = run
        chosen = run.incumbent_trials()[-1:]
        if not chosen.size:
            self._fail("nothing", "the search ended without a single trial", self._ask_line)
        return instance.final_loss(tuple(run.archs[chosen[0]].tolist()))

    def _is_repeatable(self, kind: type[Algorithm], index: Index) -> bool:
        """Return whether the first search gives the same trials again."""
        seed, one = seed_of(0), self._first
        other = self._search(kind, self._instance(index, seed), seed)
        return (
            one is not None
            and np.array_equal(one.archs, other.archs)
            and np.array_equal(one.epochs, other.epochs)
        )

    def _limit(self) -> None:
        """Limit memory, files and time; also what a crash may leave behind."""
        _lower(resource.RLIMIT_AS, _address_space() + self._task["memory"] * 2**20)
        _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGALRM, self._hung)
        signal.setitimer(signal.ITIMER_REAL, self._task["seconds"])
        os.write(self._out, b"\n")

    def _hung(self, number: int, frame: FrameType | None) -> NoReturn:
        seconds = self._task["seconds"]
        self._fail("hang", f"not finished after {seconds:g} seconds", self._own.line(frame))

    def _trespassed(self, kind: str, what: str, line: int | None) -> NoReturn:
        self._fail(kind, f"the program {what}", line)

    @contextmanager
    def _failures(self, kind: str) -> Iterator[None]:
        """Turn what the program raises into an error; ``kind`` is that of what has no own."""
        try:
            yield
        except MemoryError:
            self._grow()
            self._fail("memory", f"more than {self._task['memory']} MiB", self._line_of())
        except IllegalArchError as error:
            self._fail("illegal", str(error), self._line_of() or self._ask_line)
        except AlgorithmError as error:
            self._fail("contract", str(error), self._line_of() or self._ask_line)
        except SyntaxError as error:
            line = error.lineno if error.filename and self._own.holds(error.filename) else None
            self._fail(kind, f"SyntaxError: {error.msg}", line or self._line_of())
        except BaseException as error:
            self._fail(kind, f"{type(error).__name__}: {first_line(error)}", self._line_of())

    def _line_of(self) -> int | None:
        """Return the line of the program from which the handled error comes."""
        trace, line = sys.exc_info()[2], None
        while trace is not None:
            if self._own.holds(trace.tb_frame.f_code.co_filename):
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    def _grow(self) -> None:
        """Allow the memory that a report needs."""
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

    def _fail(self, kind: str, message: str, line: int | None) -> NoReturn:
        error = {"kind": kind, "message": message[:_LONGEST], "line": line, **self._at}
        self._end({"error": error})

    def _end(self, result: dict[str, Any]) -> NoReturn:
        signal.setitimer(signal.ITIMER_REAL, 0)
        left = json.dumps(result).encode()
        while left:
            left = left[os.write(self._out, left) :]
        os._exit(0)


def _lower(limit: int, wanted: int) -> None:
    """Set a limit, or keep to the system's own where that is lower."""
    _, hard = resource.getrlimit(limit)
    least = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(limit, (least, hard))


def _address_space() -> int:
    """Return the bytes of address space in use."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # no Linux
        return 2**32


def main() -> None:
    """Run the task of the command line."""
    out = os.dup(1)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    Scoring(json.loads(sys.argv[1]), out).run()


if __name__ == "__main__":
    main()
