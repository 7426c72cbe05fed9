"""Shipped and toy benchmarks keep the contract, and ``check_benchmark`` sees who does not."""

import os
import random
from itertools import count
from types import MappingProxyType

import numpy as np
import pytest

import nasbench
from nasbench.benchmark import Evaluation, Trainings, check_integer
from nasbench.benchmarks.catalogue import SHIPPED, catalogue
from nasbench.column import Column
from nasbench.errors import IllegalArchError, NotRecordedError
from nasbench.space import Decision, SearchSpace
from nasbench.splitmix import key, mix
from nasbench.testing import check_benchmark

PATHS = {path.name: path for paths in catalogue().values() for path in paths}
NAMES = [name for name, path in PATHS.items() if path.parent == SHIPPED]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_benchmark_keeps_the_contract(name):
    check_benchmark(nasbench.load(PATHS[name]), n=5)


@pytest.mark.parametrize("kind", ["plain", "schedules", "classes", "no_validation"])
def test_toy_table_keeps_the_contract(recorded, kind):
    check_benchmark(recorded(kind))


def test_objectives_and_known_columns_of_choice_keep_the_contract(recorded):
    objectives = ("valid_accuracy", "train_loss", "parameters")
    check_benchmark(recorded("plain", objectives=objectives, known=("parameters", "score")))


COLUMNS = ("valid_accuracy", "seconds", "validation_seconds")


class Ruled(SearchSpace):
    """The last two decisions are never equal."""

    name = "ruled"
    decisions = tuple(Decision(name, tuple("0123")) for name in "abc")

    def is_legal(self, arch):
        return arch[1] != arch[2]

    def to_text(self, arch):
        return "-".join(map(str, arch))

    def from_text(self, text):
        try:
            return self.check([int(part) for part in text.split("-")])
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is not an architecture of {self.name!r}") from error


class Good:
    """Computes its numbers: two trainings of 9 epochs, of some architectures three.

    Every seventh training diverges after the sixth epoch.
    """

    name = "good"
    version = 1
    content_hash = family = ""
    default_objective = "valid_accuracy"
    is_clocked = True
    schedules = (9,)
    fidelities = (3, 6, 9)
    seeds = (0, 1, 2)
    complete_seeds = (0, 1)
    objectives = ("valid_accuracy", "parameters")
    known = ("parameters",)
    constraints = ()
    space = Ruled()
    columns = MappingProxyType({name: Column.of(name) for name in COLUMNS})

    def column(self, name):
        if name not in (*self.columns, "parameters"):
            raise NotRecordedError(f"no {name}")
        return Column.of(name)

    def require_objectives(self):
        """There always is one."""

    def trainings(self, arch, epoch=None):
        if not isinstance(arch, tuple):
            raise IllegalArchError(f"{arch!r} is no tuple")
        rank = self.space.rank(self.space.check(arch))
        return Trainings(rank, (0, 1, 2) if rank % 2 else (0, 1))

    def asked(self, arch, epoch, seed):
        seeds = self.trainings(arch).seeds
        for given, possible in ((epoch, (None, 3, 6, 9)), (seed, (None, *seeds))):
            if given is not None:
                check_integer("epoch or seed", given)
            if given not in possible:
                raise NotRecordedError(f"{given} is not among {possible}")
        return 9 if epoch is None else epoch, seeds if seed is None else (seed,)

    def single(self, arch, epoch, seed):
        number = mix(key(arch, seed))
        numbers = {"seconds": 7.0 * epoch + seed, "validation_seconds": 2.0}
        if number % 7 or epoch < 9:
            numbers["valid_accuracy"] = number % 1000 / 20 + epoch
        return numbers

    def query(self, arch, *, epoch=None, schedule=None, seed=None):
        arch = self.space.read(arch)
        if schedule not in (None, 9):
            raise NotRecordedError(f"the schedule is 9, not {schedule}")
        epoch, seeds = self.asked(arch, epoch, seed)
        single = [self.single(arch, epoch, s) for s in seeds]
        names = [name for name in single[0] if all(name in numbers for numbers in single)]
        means = {name: sum(n[name] for n in single) / len(single) for name in names}
        return means | {"parameters": float(100 + sum(arch))}

    def curve(self, arch, metric, *, schedule=None, seed=None):
        points = {e: self.query(arch, epoch=e, schedule=schedule, seed=seed) for e in (3, 6, 9)}
        if metric not in ("valid_accuracy", "seconds"):
            raise NotRecordedError(f"no curve of {metric}")
        values = np.full(9, np.nan)
        values[[2, 5, 8]] = [point.get(metric, np.nan) for point in points.values()]
        values.flags.writeable = False
        return values

    def evaluate(self, arch, *, epoch=None, seed=None):
        numbers = self.query(arch, epoch=epoch, seed=seed)
        loss = 100 - numbers.get("valid_accuracy", -np.inf)
        return Evaluation((loss, numbers["parameters"]), numbers["seconds"] + 2.0, 2.0)

    def query_many(self, archs, metric, *, epoch=None, schedule=None, seed=None):
        asked = {"epoch": epoch, "schedule": schedule, "seed": seed}
        numbers = [self.query(tuple(arch), **asked) for arch in archs.tolist()]
        if metric not in ("valid_accuracy", "seconds", "validation_seconds", "parameters"):
            raise NotRecordedError(f"no {metric}")
        values = np.array([point.get(metric, np.nan) for point in numbers], dtype=np.float64)
        values.flags.writeable = False
        return values

    def known_numbers(self, arch):
        return (float(100 + sum(self.space.check(arch))),), 0.5


def test_a_benchmark_that_computes_its_numbers_keeps_the_contract():
    check_benchmark(Good())
    check_benchmark(Good(), seed=1, n=3)


def test_check_benchmark_leaves_global_generators_alone():
    before = random.getstate(), str(np.random.get_state(legacy=False))  # noqa: NPY002
    check_benchmark(Good(), n=2)
    assert (random.getstate(), str(np.random.get_state(legacy=False))) == before  # noqa: NPY002


NUMBERS = count()
HERE = os.getpid()


def changed(method, change):
    """A method of the good benchmark that changes the answer."""

    def answer(self, *arguments, **asked):
        return change(getattr(Good, method)(self, *arguments, **asked), *arguments, **asked)

    return answer


def loss(change):
    """An evaluation with another first loss."""
    return changed(
        "evaluate", lambda e, *_, **__: e._replace(losses=(change(e.losses[0]), *e.losses[1:]))
    )


def nearest_epoch(self, arch, *, epoch=None, **asked):
    nearest = None if epoch is None else min(self.fidelities, key=lambda e: abs(e - epoch))
    return Good.query(self, arch, epoch=nearest, **asked)


def another_seed(self, arch, *, seed=None, **asked):
    known = seed in self.seeds and seed in self.trainings(arch).seeds
    return Good.evaluate(self, arch, seed=seed if known else None, **asked)


def truth(self, arch, *, seed=None, **asked):
    return Good.query(self, arch, seed=int(seed) if isinstance(seed, bool) else seed, **asked)


def any_metric(self, archs, metric, **asked):
    return Good.query_many(self, archs, "seconds" if "such" in metric else metric, **asked)


def any_schedule(self, arch, metric, *, schedule=None, seed=None):
    return Good.curve(self, arch, metric, seed=seed)


def tuples_only(self, arch, **asked):
    if isinstance(arch, list):
        raise IllegalArchError(f"{arch} is no tuple")
    return Good.query(self, arch, **asked)


def crashes(self, arch, **asked):
    return Good.query(
        self, tuple(map(int, arch.split("-"))) if type(arch) is str else arch, **asked
    )


def breaks_rules(self, arch, epoch=None):
    if isinstance(arch, tuple) and len(arch) == 3 and all(o in range(4) for o in arch):
        return Trainings(self.space.rank(arch), (0, 1))
    return Good.trainings(self, arch)


def draws(answer, *_, **__):
    random.random()
    return answer


def first_seed(self, arch, *, seed=None, **asked):
    return Good.query(self, arch, seed=0 if seed is None else seed, **asked)


def spoilt(self, arch, **asked):
    kept = self.__dict__.setdefault("kept", {})
    return kept.setdefault((self.space.read(arch), *asked.items()), Good.query(self, arch, **asked))


def elsewhere(answer, *_, **__):
    return answer if os.getpid() == HERE else answer._replace(seconds=0.0)


def no_pickle(self):
    raise TypeError("a lock cannot be pickled")


def read_only(values):
    values.flags.writeable = False
    return values


BROKEN = {
    "descending fidelities": (
        {"fidelities": (9, 3)},
        r"fidelities is \(9, 3\), not a tuple of asc",
    ),
    "says that it has no clock": ({"is_clocked": False}, "costs other than training 0.0"),
    "fidelities beyond the end": ({"fidelities": (3, 12)}, r"are \(3, 12\), schedules \(9,\)"),
    "no schedules": ({"schedules": ()}, r"schedules \(\)"),
    "schedules that do not end": ({"schedules": (3, 9)}, r"their ends, \(3, 9\), not \(3, 6, 9\)"),
    "seeds as a list": ({"seeds": [0, 1, 2]}, r"seeds is \[0, 1, 2\], not a tuple"),
    "an objective twice": ({"objectives": ("parameters",) * 2}, "not a tuple of distinct names"),
    "seeds that are not complete": ({"complete_seeds": (0, 1, 2)}, r"complete \{0, 1, 2\}"),
    "complete seeds of none": ({"complete_seeds": (5,)}, r"complete_seeds \(5,\) are not among"),
    "one key for all": (
        {"trainings": changed("trainings", lambda t, *_: Trainings(0, (0, 1)))},
        "have one key, but two evaluations",
    ),
    "the first seed as the mean": ({"query": first_seed}, "but of the single seeds"),
    "two conversions": (
        {"evaluate": loss(lambda loss: 100 - loss if loss < 70 else loss)},
        "loss of valid_accuracy = 36.75",
    ),
    "divergence as a number": (
        {"evaluate": loss(lambda loss: min(loss, 100.0))},
        "loss of valid_accuracy = inf of",
    ),
    "a column without a meaning": (
        {"column": lambda self, name: Column("x")},
        "the meaning of 'par",
    ),
    "a meaning of nothing": ({"column": lambda self, name: Column.of(name)}, "instead of raising"),
    "another default": (
        {"default_objective": "test_accuracy"},
        "default objective 'test_accuracy'",
    ),
    "a loss too few": (
        {"evaluate": changed("evaluate", lambda e, *_, **__: e._replace(losses=e.losses[:1]))},
        "evaluate gives",
    ),
    "free validation": (
        {"evaluate": changed("evaluate", lambda e, *_, **__: e._replace(seconds=e.seconds - 1))},
        "costs other than",
    ),
    "known otherwise": (
        {"known_numbers": lambda self, arch: ((1.0,), 0.0)},
        "is known as 1.0",
    ),
    "a curve of other numbers": (
        {"curve": changed("curve", lambda c, *_, **__: read_only(c + 1))},
        "has .* there, query",
    ),
    "a curve that can be written": (
        {"curve": changed("curve", lambda c, *_, **__: c.copy())},
        "written",
    ),
    "a curve of another length": (
        {"curve": changed("curve", lambda c, *_, **__: read_only(c[[2, 5, 8]]))},
        r"not an array of \(9,\) numbers",
    ),
    "rounds many": (
        {"query_many": changed("query_many", lambda v, *_, **__: read_only(np.round(v)))},
        "query_many of 'seconds' .* gives 22.0 for",
    ),
    "many that can be written": (
        {"query_many": changed("query_many", lambda v, *_, **__: v.copy())},
        "can be written to",
    ),
    "the nearest epoch": ({"query": nearest_epoch}, "instead of raising NotRecordedError"),
    "another seed": ({"evaluate": another_seed}, "instead of raising NotRecordedError"),
    "true as a seed": ({"query": truth}, "query with .*, which is no integer, gives"),
    "any metric": ({"query_many": any_metric}, "instead of raising NotRecordedError"),
    "any schedule": ({"curve": any_schedule}, "instead of raising NotRecordedError"),
    "tuples only": ({"query": tuples_only}, r"query\(\[.*\]\) raises"),
    "crashes on texts": ({"query": crashes}, "raises ValueError.*, not IllegalArchError"),
    "answers what breaks a rule": ({"trainings": breaks_rules}, "which nobody owns"),
    "draws from random": ({"trainings": changed("trainings", draws)}, "global random generator"),
    "counts": (
        {"query": changed("query", lambda q, *_, **__: q | {"number": float(next(NUMBERS))})},
        "number",
    ),
    "hands out what it keeps": ({"query": spoilt}, "in another order"),
    "other answers elsewhere": ({"evaluate": changed("evaluate", elsewhere)}, "in another process"),
    "cannot be sent": ({"__reduce__": no_pickle}, "fails in another process: a lock cannot"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_benchmark_finds_what_is_broken(name):
    members, message = BROKEN[name]
    broken = type("Broken", (Good,), members)
    with pytest.raises(AssertionError, match=message):
        check_benchmark(broken())
