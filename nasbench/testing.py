"""Conformance checks for whoever adds something: call them from a test, they raise AssertionError.

``check_space(MySpace())`` is what our own spaces have to pass, and
``check_algorithm(MySearch, nasbench.load("nb201-cifar10"))`` what our own algorithms have to.
"""

import atexit
import json
import math
import os
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import islice, pairwise, product
from math import prod
from typing import Any, cast

import numpy as np

from nasbench.algorithm import (
    Algorithm,
    Observation,
    Proposal,
    hyperparameters,
    kept_hyperparameters,
    takes_known,
    takes_resumable,
)
from nasbench.benchmark import Benchmark, Evaluation
from nasbench.errors import IllegalArchError
from nasbench.runs.budget import Budget
from nasbench.runs.records import to_table
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.runs.run import Run
from nasbench.space import Arch, SearchSpace
from nasbench.tables.validation import content_hash

_LISTED = 20_000
_NO_TEXTS = ("", " ", "?", "no architecture", "\x00", "-1", "🤷")


def check_space(space: SearchSpace, seed: int = 0, n: int = 200) -> None:
    """Check that a search space keeps its contract.

    - *Decisions*: distinct names, at least one option each, options distinct; ``options`` and
      ``size`` follow from them.
    - *Sampling*: ``sample`` gives legal tuples of plain integers, from ``rng.random()`` alone.
    - *Membership*: ``check`` and ``in`` refuse wrong lengths, options out of range, what is no
      integer and what breaks ``is_legal``, and raise nothing but ``IllegalArchError``.
    - *Ranks*: ``rank`` and ``unrank`` are inverse, and ranks are in lexicographic order.
    - *Text*: ``from_text`` undoes ``to_text`` and answers damaged text with ``IllegalArchError``.
    - *Listing*: ``archs``, ``legal_options`` and ``size`` agree with trying every tuple, where
      there are at most 20,000.
    - *Steps*: ``neighbors`` are exactly the legal tuples that differ in one decision, and
      symmetric; ``mutate`` and ``edits`` give other legal tuples, ``crossover`` a legal mixture.
    - *Classes*: ``canonical`` gives a legal tuple and leaves that as it is; ``rank_many`` and
      ``canonical_many`` agree with the methods for one tuple.
    - *Graph*, where there is one: upper triangular, a label for every node.
    - Global generators of ``random`` and NumPy are left alone.

    A large space with rules needs a ``legal_options`` of its own: the inherited one tries every
    completion of a prefix, which may take forever.

    Args:
        space: The space.
        seed: Seed of the architectures to try.
        n: Number of architectures to try.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    before = _global_generators()
    _check_decisions(space)
    archs = _check_sampling(space, seed, n)
    _check_membership(space, archs, random.Random(seed))
    _check_ranks(space, archs)
    _check_text(space, archs)
    _check_listing(space, archs)
    _check_neighbors(space, archs)
    _check_variation(space, archs, seed)
    _check_canonical(space, archs)
    _check_many(space, archs)
    _check_graph(space, archs)
    _require(_global_generators() == before, f"{space} draws from a global random generator")


def _check_decisions(space: SearchSpace) -> None:
    _require(bool(space.name) and isinstance(space.name, str), f"{space} has no name")
    _require(len(space.decisions) > 0, f"{space} has no decisions")
    names = [decision.name for decision in space.decisions]
    _require(len(set(names)) == len(names), f"names of decisions occur twice: {names}")
    for decision in space.decisions:
        n, labels, values = len(decision.labels), decision.labels, decision.values
        _require(n > 0, f"{decision.name!r} has no options")
        _require(len(set(labels)) == n, f"{decision.name!r} has an option twice: {labels}")
        _require(
            len(values) == (n if decision.kind == "numeric" else 0),
            f"{decision.name!r} is {decision.kind} with {n} labels and {len(values)} values",
        )
    lengths = tuple(len(decision.labels) for decision in space.decisions)
    _require(space.options == lengths, f"options are {space.options}, decisions have {lengths}")


def _check_sampling(space: SearchSpace, seed: int, n: int) -> list[Arch]:
    rng = _only_random(seed)
    archs = [space.sample(rng) for _ in range(n)]
    for arch in archs:
        _require_legal(space, arch, "sample gives")
    again = _only_random(seed)
    _require(
        [space.sample(again) for _ in range(n)] == archs,
        "sample gives other architectures for the same random numbers",
    )
    return archs


def _check_membership(space: SearchSpace, archs: Sequence[Arch], rng: random.Random) -> None:
    for arch in archs:
        _require(space.check(list(arch)) == arch, f"check changes {arch}")
        _refused(space, (*arch, 0), "is too long")
        _refused(space, arch[:-1], "is too short")
        position = int(rng.random() * len(arch))
        n = space.options[position]
        for wrong in (-1, n, n + 1, 10**30, 0.5, float("nan"), float("inf"), "0", "x", None, ()):
            broken = (*arch[:position], wrong, *arch[position + 1 :])
            _refused(space, broken, f"has option {wrong!r} of 0..{n - 1}")
        raw = tuple([int(rng.random() * n) for n in space.options])
        if not space.is_legal(raw):
            _refused(space, raw, "breaks a rule (is_legal)")
    for thing in (None, 0, "text", list(archs[0]) if archs else []):
        _require(thing not in space, f"{thing!r}, no tuple, is in the space")


def _check_ranks(space: SearchSpace, archs: Sequence[Arch]) -> None:
    total = prod(space.options)
    for arch in archs:
        rank = space.rank(arch)
        _require(
            type(rank) is int and 0 <= rank < total,
            f"rank of {arch} is {rank!r}, possible are the integers 0..{total - 1}",
        )
        _require(
            space.unrank(rank) == arch, f"unrank({rank}) is {space.unrank(rank)}, rank of {arch}"
        )
    for a, b in pairwise(sorted(set(archs))):
        _require(space.rank(a) < space.rank(b), f"ranks of {a} and {b} are not in their order")
    ends = tuple([0] * len(space.options)), tuple([n - 1 for n in space.options])
    _require(
        (space.unrank(0), space.unrank(total - 1)) == ends,
        f"first and last tuple are {space.unrank(0)} and {space.unrank(total - 1)}, not {ends}",
    )
    for rank in (-1, total):
        _raises(f"unrank({rank})", lambda rank=rank: space.unrank(rank))


def _check_text(space: SearchSpace, archs: Sequence[Arch]) -> None:
    texts = {}
    for arch in archs:
        text = texts[arch] = space.to_text(arch)
        back = space.from_text(text)
        _require(back == arch, f"text of {arch} is {text!r}, which is read as {back}")
        _require_legal(space, back, f"from_text({text!r}) gives")
    _require(len(set(texts.values())) == len(texts), "two architectures have the same text")
    for text in _NO_TEXTS:
        _raises(f"from_text({text!r})", lambda text=text: space.from_text(text))
    for text in islice(texts.values(), 20):
        half = len(text) // 2
        for damaged in (text[:half], text[half:], text + text, text[::-1], text[:half] + "?"):
            try:
                arch = space.from_text(damaged)
            except IllegalArchError:
                continue
            except Exception as error:
                raise AssertionError(f"from_text({damaged!r}) raises {error!r}") from error
            _require_legal(space, arch, f"from_text({damaged!r}) gives")


def _check_listing(space: SearchSpace, archs: Sequence[Arch]) -> None:
    first = list(islice(space.archs(), len(archs)))
    for arch in first:
        _require_legal(space, arch, "archs gives")
    for a, b in pairwise(first):
        _require(a < b, f"archs gives {a} before {b}")
    if prod(space.options) > _LISTED:
        for arch in archs:
            for i, option in enumerate(arch):
                possible = space.legal_options(arch[:i])
                _require(
                    option in possible and list(possible) == sorted(set(possible)),
                    f"legal_options({arch[:i]}) is {possible}, but {arch} is legal",
                )
        return
    legal = [arch for arch in product(*map(range, space.options)) if space.is_legal(arch)]
    _require(list(space.archs()) == legal, "archs is not all legal tuples in order")
    _require(space.size == len(legal), f"size is {space.size}, but {len(legal)} tuples are legal")
    following: dict[Arch, set[int]] = {}
    for arch in legal:
        for i, option in enumerate(arch):
            following.setdefault(arch[:i], set()).add(option)
    for prefix in {arch[:i] for arch in archs for i in range(len(arch))}:
        possible = space.legal_options(prefix)
        _require(
            list(possible) == sorted(following[prefix]),
            f"legal_options({prefix}) is {possible}, not {tuple(sorted(following[prefix]))}",
        )


def _check_neighbors(space: SearchSpace, archs: Sequence[Arch]) -> None:
    for number, arch in enumerate(archs):
        neighbors = list(space.neighbors(arch))
        _require(len(set(neighbors)) == len(neighbors), f"{arch} has a neighbour twice")
        for neighbor in neighbors:
            _require_legal(space, neighbor, f"neighbors({arch}) gives")
            _require(_distance(arch, neighbor) == 1, f"{neighbor} is no neighbour of {arch}")
            if number < 10:
                _require(
                    arch in space.neighbors(neighbor),
                    f"{neighbor} is a neighbour of {arch}, but not the other way round",
                )
        missing = set(_all_neighbors(space, arch)) - set(neighbors)
        _require(not missing, f"neighbors({arch}) lacks {missing}")


def _check_variation(space: SearchSpace, archs: Sequence[Arch], seed: int) -> None:
    rng = _only_random(seed)
    for arch, other in zip(archs, reversed(archs), strict=True):
        mutant = space.mutate(arch, rng)
        _require_legal(space, mutant, f"mutate({arch}) gives")
        _require(
            mutant != arch or not _all_neighbors(space, arch),
            f"mutate({arch}) changes nothing, although it has neighbours",
        )
        child = space.crossover(arch, other, rng)
        _require_legal(space, child, f"crossover({arch}, {other}) gives")
        _require(
            all(
                option in pair
                for option, pair in zip(child, zip(arch, other, strict=True), strict=True)
            ),
            f"crossover({arch}, {other}) gives {child} with options of neither",
        )
        for edited, kind in space.edits(arch):
            _require_legal(space, edited, f"edits({arch}) gives")
            _require(edited != arch, f"edits({arch}) gives the architecture itself")
            _require(bool(kind), f"edits({arch}) gives {edited} without a kind")


def _check_canonical(space: SearchSpace, archs: Sequence[Arch]) -> None:
    for arch in archs:
        canonical = space.canonical(arch)
        _require_legal(space, canonical, f"canonical({arch}) gives")
        again = space.canonical(canonical)
        _require(again == canonical, f"canonical of {arch} is {canonical}, of that it is {again}")


def _check_many(space: SearchSpace, archs: Sequence[Arch]) -> None:
    rows = np.array(archs, dtype=np.int64).reshape(len(archs), len(space.options))
    many = space.canonical_many(rows)
    _require(
        many.dtype == np.int64 and many.shape == rows.shape,
        f"canonical_many of int64 {rows.shape} is {many.dtype} {many.shape}",
    )
    for arch, row in zip(archs, many.tolist(), strict=True):
        _require(
            tuple(row) == space.canonical(arch),
            f"canonical_many gives {tuple(row)} for {arch}, canonical {space.canonical(arch)}",
        )
    empty = space.canonical_many(rows[:0])
    _require(empty.shape == rows[:0].shape, f"canonical_many of no tuples has shape {empty.shape}")
    if prod(space.options) < 2**63:
        ranks = space.rank_many(rows)
        _require(
            ranks.dtype == np.int64 and ranks.tolist() == [space.rank(arch) for arch in archs],
            "rank_many and rank disagree",
        )


def _check_graph(space: SearchSpace, archs: Sequence[Arch]) -> None:
    for arch in archs:
        graph = space.graph(arch)
        if graph is None:
            continue
        n, edges = len(graph.labels), graph.adjacency
        _require(
            n >= 2 and edges.shape == (n, n) and edges.dtype == np.bool_,
            f"graph of {arch} has {n} labels and an adjacency of {edges.dtype} {edges.shape}",
        )
        _require(not np.tril(edges).any(), f"nodes of {arch}'s graph are not in topological order")


def _all_neighbors(space: SearchSpace, arch: Arch) -> list[Arch]:
    """Brute force: all legal tuples at distance one."""
    changed = (
        (*arch[:i], option, *arch[i + 1 :])
        for i, n in enumerate(space.options)
        for option in range(n)
    )
    return [other for other in changed if other != arch and space.is_legal(other)]


def _distance(a: Arch, b: Arch) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def _require_legal(space: SearchSpace, arch: Arch, who: str) -> None:
    _require(
        isinstance(arch, tuple) and all(type(option) is int for option in arch),
        f"{who} {arch!r}, no tuple of plain integers",
    )
    _require(
        arch in space and space.is_legal(arch) and space.check(arch) == arch,
        f"{who} {arch!r}, which is not in {space}",
    )


def _refused(space: SearchSpace, arch: Iterable[Any], why: str) -> None:
    """Both ways to ask must refuse ``arch``."""
    try:
        inside = arch in space
    except Exception as error:
        raise AssertionError(f"{arch!r} in {space} raises {error!r}") from error
    _require(not inside, f"{arch!r} is in {space}, although it {why}")
    _raises(f"check({arch!r}), which {why},", lambda: space.check(cast(Arch, arch)))


class _OnlyRandom:
    """A generator that has ``random()`` and nothing else, the one stream that Python keeps.

    Args:
        seed: Seed of the numbers.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"rng.{name} is used; use rng.random() only")


def _raises(what: str, call: Any) -> None:
    try:
        answer = call()
    except IllegalArchError:
        return
    except Exception as error:
        raise AssertionError(f"{what} raises {error!r}, not IllegalArchError") from error
    raise AssertionError(f"{what} gives {answer!r} instead of raising IllegalArchError")


def _only_random(seed: int) -> random.Random:
    return cast(random.Random, _OnlyRandom(seed))


def _global_generators() -> tuple[object, ...]:
    return random.getstate(), str(np.random.get_state(legacy=False))  # noqa: NPY002


def _require(condition: bool, message: str) -> None:
    """An ``assert`` that ``python -O`` keeps."""
    if not condition:
        raise AssertionError(message)


# Algorithms

_WORKERS = 8


def check_algorithm(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    *,
    changes: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int = 0,
    n: int = 200,
) -> None:
    """Check that a search algorithm keeps its contract.

    - *Proposals* are legal: a ``Proposal`` of plain integers, an epoch on offer, and if it resumes
      a trial, one that was told, not resumed before, and not trained as far.
    - *Reproducible*: the same seed gives the same run, also in another process with other hashes.
    - *Late answers*: it works with eight workers, and if it is told in any order.
    - *Any loss*: it works where all are equal, many are, some or all are infinite.
    - *One fidelity*: it works where only the last one is offered.
    - *Generators*: those of ``random`` and NumPy are left alone.
    - *Hyperparameters* are kept as attributes and can be written as JSON.
    - *Budgets* of trials, seconds and epochs hold.

    Args:
        algorithm: The class.
        benchmark: What to search; with ``known`` columns if the algorithm needs some.
        changes: Hyperparameters other than the defaults.
        preset: A preset of the algorithm.
        seed: Seed of the searches.
        n: Trials a search: more than any population or first sample of the algorithm has.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    values = hyperparameters(algorithm, changes or {}, preset)
    before = _global_generators()
    run = _search(algorithm, benchmark, values, seed, Budget(trials=n))
    _require(len(run) > 0, f"{algorithm.__name__} proposes nothing")
    _require(
        _global_generators() == before,
        f"{algorithm.__name__} draws from a global random generator",
    )
    _check_kept(algorithm, benchmark, values)
    _check_reproducible(algorithm, benchmark, values, seed, run)
    _check_budgets(algorithm, benchmark, values, seed, run)
    _check_late(algorithm, benchmark, values, seed, n)
    _check_losses(algorithm, benchmark, values, seed, n)
    last = benchmark.fidelities[-1:]
    run = _search(algorithm, benchmark, values, seed, Budget(trials=n), fidelities=last)
    _require(len(run) > 0, f"{algorithm.__name__} proposes nothing if there is one fidelity")


class _Watched(Algorithm):
    """Passes on questions and answers, and checks what is proposed.

    Args:
        inner: The algorithm.
        separate: Whether the fidelities are separate trainings, of which none can be resumed.
    """

    def __init__(self, inner: Algorithm, *, separate: bool) -> None:
        for name in ("space", "fidelities", "rng"):
            _require(hasattr(inner, name), f"{type(inner).__name__} did not call super().__init__")
        super().__init__(inner.space, fidelities=inner.fidelities, seed=0)
        self._inner = inner
        self._separate = separate
        self._asked = 0
        self._resumable: dict[int, int] = {}

    def ask(self) -> Proposal | None:
        proposal = self._inner.ask()
        if proposal is not None:
            self._check(proposal)
            self._asked += 1
        return proposal

    def tell(self, observation: Observation) -> None:
        self._resumable[observation.trial] = observation.proposal.epoch or self.fidelities[-1]
        self._inner.tell(observation)

    def _check(self, proposal: Proposal) -> None:
        who = f"ask of {type(self._inner).__name__}"
        _require(type(proposal) is Proposal, f"{who} gives {proposal!r}, not a Proposal")
        arch, epoch, parent = proposal
        _require_legal(self.space, arch, f"{who} proposes")
        _require(
            epoch is None or (type(epoch) is int and epoch in self.fidelities),
            f"{who} proposes epoch {epoch!r}, on offer are {self.fidelities}",
        )
        if parent is not None:
            reached = self._resumable.pop(parent, math.inf)
            _require(
                not self._separate and (epoch or self.fidelities[-1]) > reached,
                f"{who} resumes trial {parent!r} to epoch {epoch}, which cannot be resumed to it",
            )


class _Altered:
    """A benchmark with other losses.

    Args:
        benchmark: What else is asked.
        change: The loss instead of a loss.
    """

    def __init__(self, benchmark: Benchmark, change: Callable[[float], float]) -> None:
        self._benchmark = benchmark
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._benchmark, name)

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        answer = self._benchmark.evaluate(arch, epoch=epoch, seed=seed)
        losses = [self._change(x) if x < math.inf else x for x in answer.losses]
        return answer._replace(losses=tuple(losses))


def _make(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    values: Mapping[str, Any],
    seed: int,
    fidelities: Sequence[int] | None = None,
) -> tuple[_Watched, KnownNumbers | None]:
    known = KnownNumbers(benchmark) if takes_known(algorithm) and benchmark.known else None
    extra: dict[str, Any] = {} if known is None else {"known": known}
    if takes_resumable(algorithm):
        extra["resumable"] = len(benchmark.schedules) == 1
    made = algorithm(
        benchmark.space, fidelities=fidelities or benchmark.fidelities, seed=seed, **values, **extra
    )
    return _Watched(made, separate=len(benchmark.schedules) > 1), known


def _search(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    values: Mapping[str, Any],
    seed: int,
    budget: Budget,
    *,
    workers: int = 1,
    fidelities: Sequence[int] | None = None,
) -> Run:
    watched, known = _make(algorithm, benchmark, values, seed, fidelities)
    return replay(watched, benchmark, budget=budget, workers=workers, seed=seed, known=known)


def _trace(
    algorithm: type[Algorithm], benchmark: Benchmark, values: Mapping[str, Any], seed: int, n: int
) -> str:
    """Hash of the record of a search."""
    return trace(_search(algorithm, benchmark, values, seed, Budget(trials=n)))


def trace(run: Run) -> str:
    """SHA-256 of what is recorded of a run; the same wherever it is made."""
    return content_hash(to_table([run]), None)


def _check_kept(
    algorithm: type[Algorithm], benchmark: Benchmark, values: Mapping[str, Any]
) -> None:
    kept = kept_hyperparameters(_make(algorithm, benchmark, values, 0)[0]._inner)
    _require(
        kept == values,
        f"{algorithm.__name__} does not keep its hyperparameters {values} as attributes of the "
        f"same names: they are {kept}",
    )
    try:
        json.dumps(values)
    except TypeError as error:
        raise AssertionError(
            f"hyperparameters of {algorithm.__name__} are no JSON: {error}"
        ) from error


def _check_reproducible(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    values: Mapping[str, Any],
    seed: int,
    run: Run,
) -> None:
    expected = trace(run)
    again = _trace(algorithm, benchmark, values, seed, len(run))
    _require(again == expected, f"{algorithm.__name__} gives two runs for one seed")
    known = sys.stdlib_module_names | {__name__.partition(".")[0], "algorithms", "__main__"}
    kinds = (algorithm, type(benchmark), type(benchmark.space))
    names = {base.__module__ for kind in kinds for base in kind.__mro__}
    strange = [sys.modules[name] for name in names if name.partition(".")[0] not in known]
    pickle = _pickle()
    for module in strange:  # of a test, say: another process need not find it
        pickle.register_pickle_by_value(module)
    try:
        task = pickle.dumps((algorithm, benchmark, dict(values), seed, len(run)))
    finally:
        for module in strange:
            pickle.unregister_pickle_by_value(module)
    try:
        there = _another_process().submit(_pickled_trace, task).result()
    except Exception as error:
        _another_process.cache_clear()
        raise AssertionError(f"{algorithm.__name__} fails in another process: {error}") from error
    _require(
        there == expected,
        f"{algorithm.__name__} gives another run for the same seed in another process",
    )


@cache
def _another_process() -> Any:
    """A process with other hashes of strings, for all checks to come."""
    hashes = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    loky = import_module("joblib.externals.loky")
    executor = loky.ProcessPoolExecutor(1, env={"PYTHONHASHSEED": hashes})
    atexit.register(executor.shutdown)
    return executor


def _pickled_trace(task: bytes) -> str:
    return _trace(*_pickle().loads(task))


def _pickle() -> Any:
    """What joblib sends classes with: a package of its own, in old versions a part of joblib."""
    try:
        return import_module("cloudpickle")
    except ModuleNotFoundError:
        return import_module("joblib.externals.cloudpickle")


def _check_budgets(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    values: Mapping[str, Any],
    seed: int,
    run: Run,
) -> None:
    half = len(run) // 2
    seconds, epochs = float(run.ends[half]), int(run.epochs.max()) * max(half, 1)
    budgets = [Budget(trials=half + 1), Budget(epochs=epochs)]
    budgets += [Budget(seconds=seconds)] if seconds > 0 else []
    for budget in budgets:
        short = _search(algorithm, benchmark, values, seed, budget)
        resumed = np.maximum(short.resumes, 0)
        paid = short.epochs - np.where(short.resumes >= 0, short.epochs[resumed], 0)
        _require(
            len(short) <= (budget.trials or math.inf)
            and float(short.ends.max(initial=0.0)) <= (budget.seconds or math.inf)
            and int(paid.sum()) <= (budget.epochs or math.inf),
            f"a run of {algorithm.__name__} exceeds {budget}",
        )
        common = min(len(short), len(run))
        _require(
            short.trials[:common] == run.trials[:common],
            f"{algorithm.__name__} searches otherwise under {budget}",
        )


def _check_late(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    values: Mapping[str, Any],
    seed: int,
    n: int,
) -> None:
    runs = [
        _search(algorithm, benchmark, values, seed, Budget(trials=n), workers=_WORKERS)
        for _ in range(2)
    ]
    _require(len(runs[0]) > 0, f"{algorithm.__name__} proposes nothing to {_WORKERS} workers")
    _require(
        trace(runs[0]) == trace(runs[1]),
        f"{algorithm.__name__} gives two runs of {_WORKERS} workers for one seed",
    )
    watched, _ = _make(algorithm, benchmark, values, seed)
    draw = random.Random(seed).random
    pending: list[Observation] = []
    started = 0
    while started < n or pending:
        proposal = watched.ask() if started < n and len(pending) < _WORKERS else None
        if proposal is not None:
            losses = tuple([math.floor(4 * draw()) / 2 for _ in benchmark.objectives])
            pending.append(Observation(started, proposal, losses, draw()))
            started += 1
        elif pending:
            watched.tell(pending.pop(int(draw() * len(pending))))
        else:
            break


def _check_losses(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    values: Mapping[str, Any],
    seed: int,
    n: int,
) -> None:
    changed: dict[str, Callable[[float], float]] = {
        "all losses are equal": lambda _: 1.0,
        "many losses are equal": lambda loss: float(round(loss / 20)),
        "all losses are infinite": lambda _: math.inf,
        "some losses are infinite": lambda loss: math.inf if int(10 * loss) % 2 else loss,
        "losses are negative": lambda loss: -loss,
    }
    for what, change in changed.items():
        altered = cast(Benchmark, _Altered(benchmark, change))
        for workers in (1, _WORKERS):
            budget = Budget(trials=n)
            try:
                _search(algorithm, altered, values, seed, budget, workers=workers)
            except Exception as error:
                raise AssertionError(
                    f"{algorithm.__name__} fails where {what}: {error!r}"
                ) from error
