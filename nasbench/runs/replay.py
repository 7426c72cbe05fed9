"""Replay of a search against a benchmark on a simulated clock.

Simulated time is a sum of recorded costs and nothing else, so a run is the same on every machine.
The clock is a heap of busy workers; of trials that end at the same time, the one that started first
is reported first.

>>> import nasbench
>>> from algorithms.random_search import RandomSearch
>>> benchmark = nasbench.load("lite201-digits")
>>> algorithm = RandomSearch(benchmark.space, fidelities=benchmark.fidelities, seed=0)
>>> budget = nasbench.Budget(trials=50)
>>> run = nasbench.replay(algorithm, benchmark, budget=budget, workers=4, seed=0)
>>> len(run), run.trials[0].proposal.arch
(50, (4, 3, 2, 1, 2, 2))
>>> losses = [trial.losses[0] for trial in run.incumbents()]
>>> losses == sorted(losses, reverse=True)
True
"""

from dataclasses import replace
from heapq import heappop
from time import perf_counter
from typing import Literal

from nasbench.algorithm import Algorithm, Proposal, kept_hyperparameters
from nasbench.benchmark import Benchmark
from nasbench.errors import AlgorithmError, IllegalArchError, one_of, shown
from nasbench.runs.budget import Budget, check_count
from nasbench.runs.ledger import Charging, Ledger
from nasbench.runs.manifest import Manifest
from nasbench.runs.run import Run
from nasbench.space import Arch


class KnownNumbers:
    """The ``known`` argument of an algorithm; it keeps account of the seconds to charge.

    Args:
        benchmark: A benchmark with the ``known`` columns chosen.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._seen: dict[Arch, tuple[float, ...]] = {}
        self._due = 0.0

    def __call__(self, arch: Arch) -> tuple[float, ...]:
        """Return the known numbers of an architecture; only the first call has a cost."""
        values = self._seen.get(arch)
        if values is None:
            values, seconds = self._benchmark.known_numbers(arch)
            self._seen[arch] = values
            self._due += seconds
        return values

    def take_due(self) -> float:
        """Return the seconds to charge for calls since the last ``take_due``."""
        due, self._due = self._due, 0.0
        return due


def replay(
    algorithm: Algorithm,
    benchmark: Benchmark,
    *,
    budget: Budget,
    workers: int = 1,
    seed: int = 0,
    replicate: Literal["draw", "mean"] | int = "draw",
    known: KnownNumbers | None = None,
    supernets: Charging | None = None,
) -> Run:
    """Let an algorithm search a benchmark until the budget is spent.

    A trial costs the recorded seconds of its training and of one validation; a repeated proposal is
    trained and paid for again. A trial that resumes another keeps its training seed and pays only
    for the added epochs and a validation.

    A drawn training seed depends only on ``seed``, on the key of the trainings that answer for the
    architecture, and on how often this run has already trained that key (``repeat``). It takes the
    SplitMix64 output ``mix(mix(seed) + key * _KEY + repeat)``, modulo the number of recorded seeds;
    where any integer is a training seed, the upper 63 bits are the seed.

    Args:
        algorithm: A new algorithm, made for ``benchmark.space``.
        benchmark: The benchmark that answers.
        budget: When to stop. A trial that would end after ``budget.seconds`` or exceed
            ``budget.epochs`` is neither recorded nor reported to the algorithm, and no other is
            started. Seconds alone are refused where trials cost so little that they would hardly
            ever be spent.
        workers: Number of trials that run in parallel in simulated time.
        seed: Seed of the run, from which training seeds are drawn. It does not seed the algorithm.
        replicate: Which recorded training answers a trial. ``"draw"``: one of the recorded seeds,
            drawn as described above. ``"mean"``: the mean over the recorded seeds. An integer: that
            training seed.
        known: The object that was passed to the algorithm as ``known``, if any.
        supernets: The object that was passed to the algorithm as ``supernets``, if any. The first
            trial starts when its supernet is trained.

    Returns:
        The trials in the order of their starts, with a manifest if the algorithm keeps its
        hyperparameters as attributes.

    Raises:
        InvalidArgumentError: ``workers``, ``seed`` or ``replicate`` has an impossible value, or a
            budget of seconds alone turns out to allow more than
            :data:`nasbench.runs.ledger.MOST_TRIALS` trials.
        NotRecordedError: A fixed training seed is not recorded for every architecture, or a
            proposed epoch is not recorded.
        AlgorithmError: The algorithm resumed a trial that cannot be resumed, asked for an epoch
            that is not one of its fidelities, proposed something that is not a :class:`Proposal`,
            or used a supernet after its first proposal.
        IllegalArchError: The algorithm proposed an architecture outside the space.
    """
    run = replay_bare(
        algorithm,
        benchmark,
        budget=budget,
        workers=workers,
        seed=seed,
        replicate=replicate,
        known=known,
        supernets=supernets,
    )
    hyperparameters = kept_hyperparameters(algorithm)
    if hyperparameters is None:
        return run
    manifest = Manifest.of(
        algorithm,
        benchmark,
        hyperparameters=hyperparameters,
        budget=budget,
        workers=workers,
        replicate=replicate,
    )
    return replace(run, manifest=manifest)


def replay_bare(
    algorithm: Algorithm,
    benchmark: Benchmark,
    *,
    budget: Budget,
    workers: int,
    seed: int,
    replicate: Literal["draw", "mean"] | int,
    known: KnownNumbers | None,
    supernets: Charging | None,
) -> Run:
    """Do what :func:`replay` does, for a caller who knows the manifest: the run has none."""
    check_count("workers", workers)
    ledger = Ledger(benchmark, budget=budget, seed=seed, replicate=replicate, known=known)
    last_epoch, offered = algorithm.fidelities[-1], frozenset(algorithm.fidelities)
    ask, tell, start, running = algorithm.ask, algorithm.tell, ledger.start, ledger.running
    optimizer_seconds: list[float] = []
    now, free, is_open = 0.0, workers, True
    while True:
        while is_open and free:
            if ledger.n_trials >= ledger.pause and not ledger.may_go_on(now):
                is_open = False
                break
            began = perf_counter()
            proposal = ask()
            ask_seconds = perf_counter() - began
            if supernets is not None and (trained_for := supernets.take_due()):
                if ledger.n_trials:
                    raise AlgorithmError(
                        f"ask() of {type(algorithm).__name__} used a supernet after its first "
                        "proposal"
                    )
                now = trained_for
            if proposal is None:
                if not running:
                    is_open = False
                break
            if type(proposal) is not Proposal:
                raise AlgorithmError(
                    f"ask() of {type(algorithm).__name__} returned {shown(proposal)}, "
                    "not a Proposal"
                )
            if not isinstance(proposal.arch, tuple):  # what else stands for one is not recorded
                raise IllegalArchError(
                    f"ask() of {type(algorithm).__name__} proposed {shown(proposal.arch, 200)}, "
                    "which must be a tuple of integers"
                )
            epoch = proposal.epoch
            if epoch is None:
                epoch = last_epoch
            elif type(epoch) is not int or epoch not in offered:
                raise AlgorithmError(
                    f"ask() of {type(algorithm).__name__} returned epoch {shown(epoch)}, "
                    f"not one of its fidelities{one_of(epoch, algorithm.fidelities)}"
                )
            if not start(proposal, epoch, now):
                is_open = False
                break
            optimizer_seconds.append(ask_seconds)
            free -= 1
        if not running:
            break
        now, finished, observation = heappop(running)
        free += 1
        began = perf_counter()
        tell(observation)
        optimizer_seconds[finished] += perf_counter() - began
    return ledger.run(optimizer_seconds, fallbacks=algorithm.fallbacks)
