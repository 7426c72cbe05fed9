"""The clock against a naive simulator, and every rule of the design by hand."""

import ctypes
import math
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.benchmark import Evaluation, Trainings
from nasbench.benchmarks.loading import load
from nasbench.column import Column
from nasbench.errors import (
    AlgorithmError,
    IllegalArchError,
    InvalidArgumentError,
    NasbenchError,
    NotRecordedError,
)
from nasbench.runs.budget import Budget
from nasbench.runs.ledger import check_replicate
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.space import Decision, SearchSpace

INF = math.inf


class Pair(SearchSpace):
    """Two decisions of two options; (1, 0) and (1, 1) are the same network."""

    name = "pair"
    decisions = (Decision("a", ("0", "1")), Decision("b", ("0", "1")))

    def to_text(self, arch):
        return f"{arch[0]}{arch[1]}"

    def from_text(self, text):
        return self.check([int(x) for x in text])

    def canonical(self, arch):
        return (1, 0) if arch[0] else arch


SPACE = Pair()
CELLS = tuple(SPACE.archs())
EPOCHS = (1, 2, 4)


@dataclass
class Fake:
    """A benchmark made of dictionaries.

    Attributes:
        numbers: (class, seed) -> (epoch -> (loss, training seconds)).
        validation: Seconds of one validation.
    """

    numbers: dict[tuple, dict[int, tuple[float, float]]]
    validation: float = 0.0
    name: str = "fake"
    version: int = 1
    content_hash: str = ""
    space: SearchSpace = SPACE
    schedules: tuple[int, ...] = (4,)
    fidelities: tuple[int, ...] = EPOCHS
    objectives: tuple[str, ...] = ("loss",)
    known: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    family: str = ""

    def column(self, name):
        return Column.of(name)

    @property
    def seeds(self):
        return tuple(sorted({seed for _, seed in self.numbers}))

    @property
    def complete_seeds(self):
        owners = {owner for owner, _ in self.numbers}
        return tuple(s for s in self.seeds if all((owner, s) in self.numbers for owner in owners))

    def of(self, arch):
        owner = SPACE.canonical(SPACE.check(arch))
        return owner, [seed for cell, seed in sorted(self.numbers) if cell == owner]

    def trainings(self, arch, epoch=None):
        owner, seeds = self.of(arch)
        return Trainings(SPACE.rank(owner), tuple(seeds))

    def evaluate(self, arch, *, epoch=None, seed=None):
        owner, seeds = self.of(arch)
        if seed is not None and seed not in seeds:
            raise NotRecordedError(f"no seed {seed}")
        rows = [self.numbers[owner, s][epoch or 4] for s in (seeds if seed is None else [seed])]
        loss, seconds = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        return Evaluation((loss,), seconds + self.validation, self.validation)


def sixes(low, high):
    """Numbers whose means of two or three are whole, so that sums are exact and often equal."""
    return st.integers(low, high).map(lambda n: 6.0 * n)


@st.composite
def fakes(draw):
    numbers = {}
    for owner in {SPACE.canonical(cell) for cell in CELLS}:
        for seed in draw(st.sets(st.integers(0, 5), min_size=1, max_size=3)):
            steps = draw(st.lists(sixes(0, 5), min_size=3, max_size=3))
            losses = draw(st.lists(sixes(0, 9) | st.just(INF), min_size=3, max_size=3))
            seconds = np.cumsum(steps).tolist()
            numbers[owner, seed] = dict(zip(EPOCHS, zip(losses, seconds, strict=True), strict=True))
    return Fake(numbers, draw(sixes(0, 2)))


class Scripted(Algorithm):
    """Does what a script says: a number of actions, then nothing.

    An action is None (nothing to propose), or architecture, epoch, and whether to resume the trial
    that was told last and can be resumed.
    """

    def __init__(self, script, fidelities=EPOCHS, space=SPACE):
        super().__init__(space, fidelities=fidelities, seed=0)
        self.script = list(script)
        self.told = []
        self.resumable = []
        self.log = []

    def ask(self):
        action = self.script.pop(0) if self.script else None
        proposal = self.proposal(*action) if action is not None else None
        self.log.append(("ask", proposal))
        return proposal

    def proposal(self, arch, epoch, resumes=False):
        if resumes:
            for observation in reversed(self.resumable):
                if (observation.proposal.epoch or 4) < (epoch or 4):
                    self.resumable.remove(observation)
                    return Proposal(arch, epoch, observation.trial)
        return Proposal(arch, epoch)

    def tell(self, observation):
        self.told.append(observation)
        self.resumable.append(observation)
        self.log.append(("tell", observation.trial, observation.losses, observation.seconds))


@dataclass
class Model:
    """A slow, plain simulator with the rules of the design and none of the code of replay."""

    algorithm: Scripted
    benchmark: Fake
    budget: Budget
    workers: int
    seed: int
    replicate: object
    trials: list = field(default_factory=list)

    def run(self):
        now, running, over, trained = 0.0, [], False, []
        while True:
            while not over and len(running) < self.workers:
                if self.budget.trials is not None and len(self.trials) == self.budget.trials:
                    over = True
                    break
                proposal = self.algorithm.ask()
                if proposal is None:
                    over = not running
                    break
                trial = self.trial(proposal, now, trained)
                paid = sum(t["epochs"] for t in self.trials) + trial["epochs"]
                late = self.budget.seconds is not None and trial["end"] > self.budget.seconds
                over = late or (self.budget.epochs is not None and paid > self.budget.epochs)
                if not over:
                    trial["number"] = len(self.trials)
                    self.trials.append(trial)
                    running.append(trial)
                    trained.append(trial["key"])
            if not running:
                return self.trials
            first = running[0]
            for trial in running:
                if trial["end"] < first["end"]:
                    first = trial
            running = [trial for trial in running if trial is not first]
            now = first["end"]
            told = (first["number"], first["proposal"], first["losses"], first["cost"])
            self.algorithm.tell(Observation(*told))

    def trial(self, proposal, now, trained):
        arch, epoch, parent = proposal
        epoch = epoch or 4
        owner, seeds = self.benchmark.of(arch)
        key = None
        if parent is not None:
            seed, first = self.trials[parent]["seed"], self.trials[parent]["epoch"]
        elif self.replicate == "draw":
            key, first = SPACE.rank(owner), 0
            seed = drawn(self.seed, key, trained.count(key), seeds)
        else:
            seed, first = (None if self.replicate == "mean" else self.replicate), 0
        rows = [self.benchmark.numbers[owner, s] for s in (seeds if seed is None else [seed])]
        loss = sum(row[epoch][0] for row in rows) / len(rows)
        seconds = sum(row[epoch][1] for row in rows) / len(rows)
        before = sum(row[first][1] for row in rows) / len(rows) if first else 0.0
        cost = seconds - before + self.benchmark.validation
        return {
            "proposal": proposal,
            "epoch": epoch,
            "epochs": epoch - first,
            "seed": seed,
            "key": key,
            "losses": (loss,),
            "cost": cost,
            "start": now,
            "end": now + cost,
        }


def u64(number):
    return ctypes.c_uint64(number).value


def splitmix(number):
    """The next output after state ``number`` of Steele, Lea and Flood's generator, written anew."""
    number = u64(number + 0x9E3779B97F4A7C15)
    number = u64((number ^ number >> 30) * 0xBF58476D1CE4E5B9)
    number = u64((number ^ number >> 27) * 0x94D049BB133111EB)
    return number ^ number >> 31


def drawn(seed, key, repeat, seeds):
    return seeds[splitmix(splitmix(seed) + key * 0xD1342543DE82EF95 + repeat) % len(seeds)]


actions = st.none() | st.tuples(
    st.sampled_from(CELLS), st.sampled_from((*EPOCHS, None)), st.booleans()
)
budgets = st.builds(
    Budget,
    trials=st.none() | st.integers(1, 30),
    seconds=st.none() | sixes(1, 40),
    epochs=st.integers(1, 100),
)


@settings(max_examples=200)
@given(
    benchmark=fakes(),
    script=st.lists(actions, max_size=30),
    budget=budgets,
    workers=st.integers(1, 5),
    seed=st.integers(0, 2**63),
    replicate=st.sampled_from(["draw", "draw", "mean", 0]),
)
def test_replay_does_what_a_naive_simulator_does(
    benchmark, script, budget, workers, seed, replicate
):
    if replicate == 0 and 0 not in benchmark.complete_seeds:
        replicate = "mean"
    ours, naive = Scripted(script), Scripted(script)
    model = Model(naive, benchmark, budget, workers, seed, replicate)
    try:
        expected = model.run()
    except KeyError:  # an architecture inherits a training whose seed it has not
        with pytest.raises(NotRecordedError):
            replay(ours, benchmark, budget=budget, workers=workers, seed=seed, replicate=replicate)
        return
    run = replay(ours, benchmark, budget=budget, workers=workers, seed=seed, replicate=replicate)
    assert ours.log == naive.log
    assert [(t.proposal, t.losses, t.start, t.end, t.training_seed) for t in run.trials] == [
        (
            t["proposal"]._replace(epoch=t["epoch"]),
            t["losses"],
            t["start"],
            t["end"],
            t["seed"],
        )
        for t in expected
    ]
    check_clock(run, ours.log, budget, workers)


def check_clock(run, log, budget, workers):
    """What holds of every run, whatever the rules of starting and ending are."""
    starts, ends = run.starts, run.ends
    assert (ends >= starts).all()
    assert (np.diff(starts) >= 0).all()
    told = [entry[1] for entry in log if entry[0] == "tell"]
    assert sorted(told) == list(range(len(run)))
    assert told == sorted(told, key=lambda trial: (ends[trial], trial))
    costs = {entry[1]: entry[3] for entry in log if entry[0] == "tell"}
    assert sum(costs.values()) == (ends - starts).sum()
    for moment in np.unique(starts):
        assert ((starts <= moment) & (moment < ends)).sum() <= workers
    # a trial starts when the search does, or when another one ends
    assert {0.0, *ends.tolist()} >= set(starts.tolist())
    if budget.seconds is not None:
        assert (ends <= budget.seconds).all()
    if budget.trials is not None:
        assert len(run) <= budget.trials


@settings(max_examples=60)
@given(benchmark=fakes(), n=st.integers(1, 25), workers=st.integers(1, 5), seed=st.integers(0, 9))
def test_no_worker_is_idle_while_there_are_proposals(benchmark, n, workers, seed):
    script = [(CELLS[k % 4], EPOCHS[k % 3]) for k in range(n)]
    run = replay(Scripted(script), benchmark, budget=Budget(trials=n), workers=workers, seed=seed)
    assert len(run) == n
    free = [0.0] * workers  # each trial goes to the worker that is free first
    for start, end in zip(run.starts.tolist(), run.ends.tolist(), strict=True):
        free.sort()
        assert start == free[0]
        free[0] = end


@settings(max_examples=60)
@given(benchmark=fakes(), script=st.lists(actions, max_size=20), seed=st.integers(0, 9))
def test_one_worker_asks_and_is_told_in_turn(benchmark, script, seed):
    script = [action and action[:2] for action in script]
    algorithm = Scripted(script)
    run = replay(algorithm, benchmark, budget=Budget(trials=100), seed=seed)
    kinds = [entry[0] for entry in algorithm.log]
    assert kinds == ["ask", "tell"] * len(run) + ["ask"]
    assert run.starts.tolist() == [0.0, *run.ends[:-1].tolist()][: len(run)]
    until_none = next((k for k, action in enumerate(script) if action is None), len(script))
    assert len(run) == until_none


@settings(max_examples=60)
@given(
    benchmark=fakes(),
    script=st.lists(actions, min_size=5, max_size=25),
    workers=st.integers(1, 4),
    n=st.integers(1, 25),
)
def test_a_smaller_budget_gives_the_beginning_of_a_longer_run(benchmark, script, workers, n):
    script = [action and action[:2] for action in script]

    def run(**budget):
        return replay(Scripted(script), benchmark, budget=Budget(**budget), workers=workers, seed=1)

    long = run(trials=100)
    short = run(trials=n)
    assert short.trials == long.trials[:n]
    if len(long):
        seconds = float(long.ends[len(long) // 2]) or 1.0
        cut = run(seconds=seconds)
        assert cut.trials == long.trials[: len(cut)]
        assert (long.ends[len(cut) : len(cut) + 1] > seconds).all()


# By hand, on the toy table: cell i, epoch e and seed s cost (i + 1) (10 + s) e + i + 1 seconds


@pytest.fixture
def cells(archs):
    return archs


def search(toy, script, **options):
    algorithm = Scripted(script, toy.fidelities, toy.space)
    options = {"budget": Budget(trials=100), "replicate": 0} | options
    return algorithm, replay(algorithm, toy, **options)


def test_a_trial_costs_its_training_and_one_validation(toy, cells):
    _, run = search(toy, [(cells[0], 4), (cells[1], 2), (cells[0], 1)])
    assert run.starts.tolist() == [0, 41, 83]
    assert run.ends.tolist() == [41, 83, 94]
    assert run.losses[:, 0].tolist() == [96, 88, 99]
    assert run.epochs.tolist() == [4, 2, 1]
    assert run.training_seeds.tolist() == [0, 0, 0]


def test_no_epoch_means_the_last_fidelity(toy, cells):
    algorithm, run = search(toy, [(cells[0], None)])
    assert run.epochs.tolist() == [4]
    assert run.trials[0].proposal == Proposal(cells[0], 4)
    assert algorithm.told[0].proposal == Proposal(cells[0])
    algorithm = Scripted([(cells[0], None)], (1, 2), toy.space)
    run = replay(algorithm, toy, budget=Budget(trials=1), replicate=0)
    assert run.epochs.tolist() == [2]


def test_a_repeated_proposal_pays_again(toy, cells):
    _, run = search(toy, [(cells[0], 4)] * 3)
    assert run.ends.tolist() == [41, 82, 123]


def test_workers_run_side_by_side(toy, cells):
    algorithm, run = search(toy, [(cells[i], 1) for i in (1, 0, 0, 0, 5)], workers=2)
    # worker A: cell 1 to 22, then cell 0 to 33; worker B: cell 0 to 11 and to 22, then cell 5
    assert run.starts.tolist() == [0, 0, 11, 22, 22]
    assert run.ends.tolist() == [22, 11, 22, 33, 88]
    # trials 0 and 2 both end at 22: the one that was started first is told first
    assert [entry[1] for entry in algorithm.log if entry[0] == "tell"] == [1, 0, 2, 3, 4]


def test_none_waits_for_the_next_tell(toy, cells):
    script = [(cells[1], 1), None, (cells[0], 1), None, (cells[0], 1)]
    algorithm, run = search(toy, script, workers=3)
    assert [entry[0] for entry in algorithm.log] == [
        "ask", "ask", "tell", "ask", "ask", "tell", "ask", "ask", "tell", "ask",
    ]  # fmt: skip
    assert run.starts.tolist() == [0, 22, 33]


def test_none_with_nothing_running_ends_the_search(toy, cells):
    algorithm, run = search(toy, [None, (cells[0], 1)])
    assert len(run) == 0
    assert algorithm.log == [("ask", None)]
    assert run.trials == []
    assert run.incumbents() == []


# Budgets


def test_trials_count_starts(toy, cells):
    algorithm, run = search(toy, [(cells[0], 1)] * 9, budget=Budget(trials=4), workers=3)
    assert len(run) == 4
    assert [entry[0] for entry in algorithm.log].count("ask") == 4
    assert [entry[0] for entry in algorithm.log].count("tell") == 4


@pytest.mark.parametrize(("seconds", "n"), [(40.9, 0), (41, 1), (81.9, 1), (82, 2), (1e9, 9)])
def test_a_trial_that_would_end_after_the_seconds_ends_the_run(toy, cells, seconds, n):
    algorithm, run = search(toy, [(cells[0], 4)] * 9, budget=Budget(seconds=seconds))
    assert len(run) == n
    assert len(algorithm.told) == n
    asked = [entry[0] for entry in algorithm.log].count("ask")
    assert asked == n + 1


def test_what_runs_is_still_told_after_a_trial_that_does_not_fit(toy, cells):
    script = [(cells[3], 1), (cells[0], 1), (cells[5], 4), (cells[0], 1)]
    algorithm, run = search(toy, script, budget=Budget(seconds=50), workers=2)
    # cell 3 ends at 44, cell 0 at 11; then cell 5 would end at 257, and nothing else is started
    assert run.ends.tolist() == [44, 11]
    assert [observation.trial for observation in algorithm.told] == [1, 0]


@pytest.mark.parametrize(("epochs", "n"), [(3, 0), (4, 1), (7, 1), (8, 2), (10, 3), (11, 3)])
def test_epochs_are_those_paid_for(toy, cells, epochs, n):
    script = [(cells[0], 4), (cells[0], 4), (cells[0], 2), (cells[0], 4)]
    _, run = search(toy, script, budget=Budget(epochs=epochs))
    assert len(run) == n


def test_a_resumed_trial_pays_for_the_added_epochs_of_the_budget_only(toy, cells):
    script = [(cells[0], 2), (cells[0], 3, True), (cells[0], 4, True), (cells[0], 1)]
    assert len(search(toy, script, budget=Budget(epochs=4))[1]) == 3
    assert len(search(toy, script, budget=Budget(epochs=5))[1]) == 4


def test_whichever_limit_is_reached_first(toy, cells):
    script = [(cells[0], 1)] * 20
    assert len(search(toy, script, budget=Budget(trials=3, seconds=55, epochs=5))[1]) == 3
    assert len(search(toy, script, budget=Budget(trials=9, seconds=54, epochs=5))[1]) == 4
    assert len(search(toy, script, budget=Budget(trials=9, seconds=99, epochs=5))[1]) == 5


@pytest.mark.parametrize("name", ["trials", "seconds", "epochs"])
@pytest.mark.parametrize("value", [0, -1, -0.5, True, False, "9", math.nan, INF, -INF, [1], 0.0])
def test_an_impossible_budget_is_refused(name, value):
    with pytest.raises(InvalidArgumentError, match=f"budget: {name} = "):
        Budget(**{name: value})


@pytest.mark.parametrize("name", ["trials", "epochs"])
def test_counts_are_integers(name):
    with pytest.raises(InvalidArgumentError, match=f"{name} = 1.5 must be a positive int"):
        Budget(**{name: 1.5})


def test_a_budget_has_a_limit():
    with pytest.raises(InvalidArgumentError, match="at least one of trials, seconds, epochs"):
        Budget()


def test_equal_budgets_are_written_alike():
    assert repr(Budget(seconds=100)) == repr(Budget(seconds=100.0))


@pytest.mark.parametrize("name", ["trials", "epochs"])
def test_counts_that_no_float_holds_are_refused(name):
    assert Budget(**{name: 2**53}) == Budget(**{name: 2**53})
    for count in (2**53 + 1, 10**400):
        with pytest.raises(InvalidArgumentError, match=f"{name} = .* at most 9,007,199,254,740,9"):
            Budget(**{name: count})


@pytest.mark.parametrize("workers", [0, -1, 1.0, "2", None, True, 10**400])
def test_impossible_workers_are_refused(toy, cells, workers):
    with pytest.raises(InvalidArgumentError, match=r"workers = .* must be (a positive|at most)"):
        search(toy, [], workers=workers)


# Resumed trials


def test_a_resumed_trial_pays_the_added_epochs_and_one_validation(toy, cells):
    script = [(cells[1], 1), (cells[1], 3, True), (cells[1], 4, True)]
    _, run = search(toy, script)
    # 20 + 2, then 60 - 20 + 2, then 80 - 60 + 2
    assert np.diff([0, *run.ends]).tolist() == [22, 42, 22]
    assert run.resumes.tolist() == [-1, 0, 1]
    assert run.epochs.tolist() == [1, 3, 4]
    assert run.losses[:, 0].tolist() == [89, 87, 86]
    assert [trial.proposal.resumes for trial in run.trials] == [None, 0, 1]


def test_a_resumed_trial_keeps_its_seed_and_is_no_new_training(toy, cells):
    key = toy.trainings(cells[3]).key
    for seed in range(20):
        script = [(cells[3], 1), (cells[3], 2, True), (cells[3], 4, True), (cells[3], 4)]
        _, run = search(toy, script, replicate="draw", seed=seed)
        first, second = (drawn(seed, key, repeat, (0, 1, 2)) for repeat in (0, 1))
        assert run.training_seeds.tolist() == [first, first, first, second]


def test_a_diverged_training_costs_nothing_more(toy, cells):
    seed = next(s for s in range(99) if drawn(s, toy.trainings(cells[4]).key, 0, (0, 1, 2)) == 1)
    script = [(cells[4], 2), (cells[4], 3, True), (cells[4], 4, True)]
    _, run = search(toy, script, replicate="draw", seed=seed)
    assert run.losses[:, 0].tolist() == [56, INF, INF]
    assert np.diff([0, *run.ends]).tolist() == [110 + 5, 55 + 5, 0 + 5]


def test_an_inherited_training_has_the_cost_of_the_new_architecture(toy, cells):
    script = [(cells[0], 2), (cells[1], 4, True), (cells[1], 4)]
    _, run = search(toy, script)
    assert np.diff([0, *run.ends]).tolist() == [20 + 1, 80 - 40 + 2, 80 + 2]
    assert run.archs.tolist() == [list(cells[0]), list(cells[1]), list(cells[1])]


def test_an_inherited_training_is_no_new_training_of_either(toy, cells):
    for seed in range(10):
        script = [(cells[3], 1), (cells[4], 4, True), (cells[4], 4), (cells[3], 4)]
        _, run = search(toy, script, replicate="draw", seed=seed)
        three, four = (toy.trainings(cells[i]).key for i in (3, 4))
        first = drawn(seed, three, 0, (0, 1, 2))
        expected = [first, first, drawn(seed, four, 0, (0, 1, 2)), drawn(seed, three, 1, (0, 1, 2))]
        assert run.training_seeds.tolist() == expected


def test_a_training_cannot_be_inherited_under_a_seed_that_is_not_recorded(toy, cells):
    seed = next(s for s in range(99) if drawn(s, toy.trainings(cells[3]).key, 0, (0, 1, 2)) == 2)
    with pytest.raises(NotRecordedError, match="no training with seed 2"):
        search(toy, [(cells[3], 1), (cells[0], 4, True)], replicate="draw", seed=seed)


class Resuming(Scripted):
    """Proposes what it is given."""

    def ask(self):
        return self.script.pop(0) if self.script else None


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ((4, 1), "trial 1 cannot be resumed: there is no such trial"),
        ((4, 99), "trial 99 cannot be resumed: there is no such trial"),
        ((4, -1), "trial -1 cannot be resumed: there is no such trial"),
        ((4, 0.0), "trial 0.0 cannot be resumed: there is no such trial"),
        ((4, [0]), r"trial \[0\] cannot be resumed: there is no such trial"),
        ((2, 0), "trial 0 was trained to epoch 2 and cannot be resumed to epoch 2"),
        ((1, 0), "trial 0 was trained to epoch 2 and cannot be resumed to epoch 1"),
    ],
)
def test_impossible_resumptions_are_errors(toy, cells, second, message):
    proposals = [Proposal(cells[0], 2), Proposal(cells[0], *second)]
    algorithm = Resuming(proposals, toy.fidelities, toy.space)
    with pytest.raises(AlgorithmError, match=message):
        replay(algorithm, toy, budget=Budget(trials=9), replicate=0)


def test_a_trial_that_was_not_told_cannot_be_resumed(toy, cells):
    proposals = [Proposal(cells[0], 2), Proposal(cells[0], 4, 0)]
    algorithm = Resuming(proposals, toy.fidelities, toy.space)
    with pytest.raises(AlgorithmError, match="trial 0 cannot be resumed: it has not ended"):
        replay(algorithm, toy, budget=Budget(trials=9), workers=2, replicate=0)


def test_a_trial_cannot_be_resumed_twice(toy, cells):
    proposals = [Proposal(cells[0], 1), Proposal(cells[0], 2, 0), Proposal(cells[0], 4, 0)]
    algorithm = Resuming(proposals, toy.fidelities, toy.space)
    with pytest.raises(AlgorithmError, match=r"trial 0 cannot be resumed: .* already resumed"):
        replay(algorithm, toy, budget=Budget(trials=9), replicate=0)


def test_separate_schedules_cannot_be_resumed(toy_files, cells):
    benchmark = load(toy_files["schedules"])
    proposals = [Proposal(cells[0], 2), Proposal(cells[0], 4, 0)]
    algorithm = Resuming(proposals, benchmark.fidelities, benchmark.space)
    with pytest.raises(AlgorithmError, match="holds separate schedules, not points of one train"):
        replay(algorithm, benchmark, budget=Budget(trials=9))


def test_schedules_are_trainings_of_their_own(toy_files, cells):
    benchmark = load(toy_files["schedules"])
    algorithm = Scripted([(cells[0], 2), (cells[0], 4)], (2, 4), benchmark.space)
    run = replay(algorithm, benchmark, budget=Budget(epochs=6), replicate="mean")
    assert run.losses[:, 0].tolist() == [96.5, 95]
    assert np.diff([0, *run.ends]).tolist() == [21 + 1, 42 + 1]


# Training seeds


def test_draws_follow_from_seed_key_and_repeat(toy, cells):
    script = [(cells[i], 4) for i in (3, 4, 3, 0, 3, 5, 4, 5, 0, 3)]
    for seed in (0, 1, 2**31 - 1, 2**64 + 5, -3):
        _, run = search(toy, script, replicate="draw", seed=seed)
        counts, expected = {}, []
        for arch, _ in script:
            key, seeds = toy.trainings(arch)
            expected.append(drawn(seed, key, counts.get(key, 0), seeds))
            counts[key] = counts.get(key, 0) + 1
        assert run.training_seeds.tolist() == expected
        assert set(run.training_seeds[5:6]) <= {0, 2}


def test_members_of_a_class_count_as_one(toy_files):
    benchmark = load(toy_files["classes"])
    members = [(0, 0, 0, 1, 0, 0), (3, 0, 0, 1, 0, 0), (0, 3, 0, 1, 0, 0), (0, 0, 0, 1, 0, 0)]
    algorithm = Scripted([(arch, 4) for arch in members], benchmark.fidelities, benchmark.space)
    run = replay(algorithm, benchmark, budget=Budget(trials=9), seed=3)
    key = benchmark.space.rank(members[0])
    assert run.training_seeds.tolist() == [drawn(3, key, k, (0, 1)) for k in range(4)]


def test_draws_are_about_uniform(toy, cells):
    script = [(cells[3], 4)] * 100
    drawn_seeds = [
        search(toy, script, replicate="draw", seed=seed)[1].training_seeds for seed in range(30)
    ]
    counts = np.bincount(np.concatenate(drawn_seeds))
    assert ((counts - 1000) ** 2 / 1000).sum() < 13.8  # chi-square, 2 degrees: 1 in 1000


def test_a_surrogate_takes_the_63_bit_value(monkeypatch):
    asked = []

    class Surrogate(Fake):
        seeds = complete_seeds = ()

        def trainings(self, arch, epoch=None):
            return Trainings(SPACE.rank(arch), ())

        def evaluate(self, arch, *, epoch=None, seed=None):
            asked.append(seed)
            return Evaluation((0.5,), 1.0)

    run = replay(Scripted([((0, 1), 4)] * 2), Surrogate({}), budget=Budget(trials=2), seed=7)
    states = [splitmix(7) + 1 * 0xD1342543DE82EF95 + repeat for repeat in (0, 1)]
    assert asked == run.training_seeds.tolist() == [splitmix(state) >> 1 for state in states]
    assert check_replicate(Surrogate({}), 12345) == 12345


@pytest.mark.parametrize("seed", ["0", True, 1.0, np.bool_(True), None])
def test_a_seed_is_an_integer(toy, cells, seed):
    with pytest.raises(InvalidArgumentError, match=r"seed = .* must be an integer"):
        search(toy, [(cells[0], 4)], seed=seed)


def test_the_mean_has_no_training_seed(toy, cells):
    _, run = search(toy, [(cells[3], 4), (cells[4], 4), (cells[4], 2)], replicate="mean")
    assert [trial.training_seed for trial in run.trials] == [None, None, None]
    assert run.losses[:, 0].tolist() == [64, INF, 56]
    assert run.ends[0] == 4 * 11 * 4 + 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fixed_seed_must_be_recorded_everywhere(toy, cells, seed):
    with pytest.raises(NotRecordedError, match=rf"seed {seed} for every arch.*Possible: '0'"):
        search(toy, [(cells[3], 4)], replicate=seed)


@pytest.mark.parametrize("replicate", ["median", -1, 0.0, True, None, "0", ""])
def test_an_impossible_policy_is_refused(toy, replicate):
    with pytest.raises(InvalidArgumentError, match=r"replicate = .*'draw', 'mean'"):
        search(toy, [], replicate=replicate)


def test_a_diverged_training_has_an_infinite_loss_and_costs_what_it_took(toy, cells):
    seed = next(s for s in range(99) if drawn(s, toy.trainings(cells[4]).key, 0, (0, 1, 2)) == 1)
    algorithm, run = search(toy, [(cells[4], 4)], replicate="draw", seed=seed)
    assert run.losses.tolist() == [[INF]]
    assert run.ends.tolist() == [5 * 11 * 3 + 5]
    assert algorithm.told[0].loss == INF
    assert algorithm.told[0].seconds == 170


# Observations


def test_an_observation_has_the_curve_up_to_its_epoch(toy, cells):
    script = [(cells[0], 3), (cells[4], 4), (cells[0], 4, True)]
    algorithm, _ = search(toy, script)
    assert [observation.curve.tolist() for observation in algorithm.told] == [
        [99, 98, 97],
        [59, 58, 57, 56],
        [99, 98, 97, 96],
    ]


def test_the_curve_of_a_mean_that_diverged(toy, cells):
    script = [(cells[4], 2), (cells[4], 4)]
    algorithm, _ = search(toy, script, replicate="mean")
    assert [observation.curve.tolist() for observation in algorithm.told] == [
        [57, 56],
        [57, 56, INF, INF],
    ]


def test_the_curve_has_nan_where_the_objective_is_not_recorded(content, tmp_path, cells):
    toy = content()
    for row in toy.runs:
        row["valid_accuracy"][1] = math.nan
    benchmark = toy.load(tmp_path)
    algorithm, _ = search(benchmark, [(cells[0], 4)])
    np.testing.assert_array_equal(algorithm.told[0].curve, [99, math.nan, 97, 96])


def test_the_curve_does_not_mix_schedules(toy_files, cells):
    benchmark = load(toy_files["schedules"])
    algorithm, _ = search(benchmark, [(cells[0], 4)], replicate="mean")
    np.testing.assert_array_equal(algorithm.told[0].curve, [math.nan] * 3 + [95])


def test_an_observation_of_its_own_has_a_curve_of_one_point():
    observation = Observation(3, Proposal((0, 0)), (0.5, 2.0), 7.0)
    assert observation.curve.tolist() == [0.5]
    assert observation.loss == 0.5
    assert "trial=3" in repr(observation)


# Numbers that are known before training


class Knowing(Scripted):
    """Looks at the known numbers of some architectures whenever it is asked."""

    def __init__(self, script, looks, known, benchmark):
        super().__init__(script, benchmark.fidelities, benchmark.space)
        self.looks = list(looks)
        self.known = known
        self.seen = []

    def ask(self):
        self.seen += [self.known(arch) for arch in (self.looks.pop(0) if self.looks else [])]
        return super().ask()


def look(toy_files, cells, script, looks, **options):
    benchmark = load(toy_files["plain"], known=["score"])
    known = KnownNumbers(benchmark)
    algorithm = Knowing(script, looks, known, benchmark)
    options = {"budget": Budget(trials=9), "replicate": 0} | options
    return algorithm, replay(algorithm, benchmark, known=known, **options)


def test_known_numbers_are_charged_once_per_architecture(toy_files, cells):
    looks = [[cells[0], cells[1], cells[0]], [cells[1]], [cells[2]]]
    algorithm, run = look(toy_files, cells, [(cells[0], 1)] * 3, looks)
    assert algorithm.seen == [(0,), (-1,), (0,), (-1,), (-2,)]
    assert run.known_seconds.tolist() == [14, 0, 7]
    assert run.ends.tolist() == [14 + 11, 14 + 22, 14 + 7 + 33]
    assert [observation.seconds for observation in algorithm.told] == [11, 11, 11]


def test_looking_at_known_numbers_costs_even_if_nothing_is_proposed(toy_files, cells):
    script = [(cells[1], 1), None, (cells[0], 1)]
    _, run = look(toy_files, cells, script, [[], [cells[3]], [cells[4]]], workers=2)
    # the second look is paid for by the next trial
    assert run.known_seconds.tolist() == [0, 14]
    assert run.ends.tolist() == [22, 22 + 14 + 11]


def test_known_numbers_count_towards_the_budget(toy_files, cells):
    for seconds, n in ((17.9, 0), (18, 1)):
        _, run = look(
            toy_files, cells, [(cells[0], 1)], [[cells[0]]], budget=Budget(seconds=seconds)
        )
        assert len(run) == n


# Bad proposals


@pytest.mark.parametrize(
    ("proposal", "error", "message"),
    [
        ((0, 0, 0, 0, 0, 0), AlgorithmError, r"Resuming returned \(0, 0, 0, 0, 0, 0\), not a Prop"),
        (((0, 0, 0, 0, 0, 0), 4, None), AlgorithmError, "not a Proposal"),
        ([0] * 6, AlgorithmError, "not a Proposal"),
        (7, AlgorithmError, "returned 7, not a Proposal"),
        ("text", AlgorithmError, "returned 'text', not a Proposal"),
        (False, AlgorithmError, "returned False, not a Proposal"),
        (Proposal([0] * 6), IllegalArchError, "must be a tuple of integers"),
        (Proposal((0,) * 5), IllegalArchError, "6 integers are needed"),
        (Proposal((0, 0, 0, 0, 0, 9)), IllegalArchError, "'edge 2->3' is 9, possible are 0..4"),
        (Proposal(None), IllegalArchError, "None"),
        (Proposal((0, 0, 0, 0, 0, 1)), NotRecordedError, "holds no training of"),
        (Proposal((0,) * 6, 7), AlgorithmError, "returned epoch 7, not one of its fidelities"),
        (Proposal((0,) * 6, 0), AlgorithmError, "returned epoch 0"),
        (Proposal((0,) * 6, "4"), AlgorithmError, "returned epoch '4'"),
        (Proposal((0,) * 6, [4]), AlgorithmError, r"returned epoch \[4\]"),
        (Proposal((0,) * 6, True), AlgorithmError, "returned epoch True"),
    ],
)
@pytest.mark.parametrize("replicate", ["draw", "mean"])
def test_bad_proposals_are_named(toy, proposal, error, message, replicate):
    algorithm = Resuming([proposal], toy.fidelities, toy.space)
    with pytest.raises(error, match=message):
        replay(algorithm, toy, budget=Budget(trials=1), replicate=replicate)


def test_an_algorithm_may_ask_for_its_own_fidelities_only(toy, cells):
    algorithm = Scripted([(cells[0], 4)], (1, 2), toy.space)
    with pytest.raises(AlgorithmError, match=r"returned epoch 4, not one of .* Possible: '1', '2'"):
        replay(algorithm, toy, budget=Budget(trials=1))


def test_errors_of_the_suite_have_one_base():
    assert issubclass(AlgorithmError, NasbenchError)


def test_optimizer_seconds_are_real_time_and_nothing_else_is(toy, cells):
    start = perf_counter()
    first, second = (search(toy, [(cells[0], 1)] * 5)[1] for _ in range(2))
    assert (first.optimizer_seconds > 0).all()
    assert first.optimizer_seconds.sum() < perf_counter() - start
    assert first.trials == second.trials
