"""Every registered algorithm keeps the contract, and ``check_algorithm`` sees who does not."""

import os
import random

import numpy as np
import pytest

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Algorithm, Proposal
from nasbench.benchmark import Evaluation, Trainings
from nasbench.errors import IllegalArchError
from nasbench.space import Decision, SearchSpace
from nasbench.splitmix import key, mix
from nasbench.testing import check_algorithm

SETTINGS = [
    (name, preset)
    for name in ALGORITHMS
    for preset in (None, *getattr(ALGORITHMS.load(name), "presets", ()))
]


class Numbers(SearchSpace):
    def to_text(self, arch):
        return "-".join(map(str, arch))

    def from_text(self, text):
        try:
            return self.check([int(part) for part in text.split("-")])
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is no architecture of {self.name!r}") from error


class OneDecision(Numbers):
    name = "one-decision"
    decisions = (Decision("a", ("0", "1", "2")),)


class Unequal(Numbers):
    name = "unequal"
    decisions = (
        Decision("a", ("0", "1")),
        Decision("b", ("0",)),
        Decision("c", tuple("0123456")),
        Decision("d", ("0", "1", "2")),
    )


class Ruled(Numbers):
    """Layers beyond the depth are 0; the last two decisions are never equal."""

    name = "ruled"
    decisions = (Decision("depth", ("1", "2")), *(Decision(f"l{i}", tuple("0123")) for i in (1, 2)))

    def is_legal(self, arch):
        return arch[1] != arch[2] and (arch[0] == 1 or arch[2] == 0)


class Toy:
    """A benchmark that computes its numbers.

    Losses fall with the epoch; their order is random, but fixed. Every seventh training diverges.
    """

    version = 1
    content_hash = ""
    schedules = (9,)
    fidelities = (1, 3, 9)
    seeds = complete_seeds = (0, 1)
    known = ()

    def __init__(self, space, n_objectives=1):
        self.space = space
        self.name = f"toy-{space.name}"
        self.objectives = ("loss", "size")[:n_objectives]

    def trainings(self, arch, epoch=None):
        return Trainings(self.space.rank(self.space.check(arch)), self.seeds)

    def evaluate(self, arch, *, epoch=None, seed=None):
        assert arch in self.space
        epoch = 9 if epoch is None else epoch
        assert epoch in self.fidelities
        number = mix(key(arch, seed))
        loss = float("inf") if number % 7 == 0 else number % 1000 / 10 + 10 / epoch
        return Evaluation((loss, float(sum(arch)))[: len(self.objectives)], 3.0 * epoch + 1, 1.0)


class Schedules(Toy):
    """The fidelities are trainings of their own."""

    schedules = fidelities = (3, 9)


TABLES = {
    "nb201-cifar10": lambda: nasbench.load("nb201-cifar10"),
    "one decision": lambda: Toy(OneDecision()),
    "unequal": lambda: Toy(Unequal(), n_objectives=2),
    "ruled": lambda: Schedules(Ruled()),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_registered_algorithm_keeps_the_contract(name, table):
    check_algorithm(ALGORITHMS.load(name), TABLES[table](), seed=3)


@pytest.mark.parametrize(("name", "preset"), [pair for pair in SETTINGS if pair[1]])
def test_presets_keep_the_contract(name, preset):
    check_algorithm(ALGORITHMS.load(name), Toy(Unequal()), preset=preset)


def test_hyperparameters_other_than_the_defaults_keep_the_contract():
    space = Toy(Ruled())
    search = ALGORITHMS.load
    check_algorithm(search("random_search"), space, changes={"replacement": False})
    check_algorithm(search("local_search"), space, changes={"full_neighborhood": True})
    check_algorithm(search("local_search"), space, changes={"initial": 1})


def test_check_algorithm_leaves_global_generators_alone():
    before = random.getstate(), str(np.random.get_state(legacy=False))  # noqa: NPY002
    check_algorithm(ALGORITHMS.load("random_search"), Toy(OneDecision()), n=20)
    assert (random.getstate(), str(np.random.get_state(legacy=False))) == before  # noqa: NPY002


# Algorithms that break the contract


class Good(Algorithm):
    """Resumes what it was told, and keeps its hyperparameter."""

    def __init__(self, space, *, fidelities, seed, share=0.5):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.share = share
        self.told = []

    def ask(self):
        if self.told and self.rng.random() < self.share:
            parent = self.told.pop(0)
            return Proposal(parent.proposal.arch, self.fidelities[-1], parent.trial)
        return self.fresh()

    def fresh(self):
        return Proposal(self.space.sample(self.rng), self.fidelities[0])

    def tell(self, observation):
        if observation.proposal.epoch < self.fidelities[-1]:
            self.told.append(observation)


def test_an_algorithm_that_resumes_keeps_the_contract():
    check_algorithm(Good, Toy(Unequal()), n=40)
    check_algorithm(Good, Toy(Unequal()), n=40, changes={"share": 0.9}, seed=5)


def lists(self):
    return Proposal(list(self.space.sample(self.rng)), 1)


def numpy_integers(self):
    return Proposal(tuple(np.array(self.space.sample(self.rng))), 1)


def plain_tuples(self):
    return (self.space.sample(self.rng), 1, None)


def illegal(self):
    return Proposal((9,) * len(self.space.options), 1)


def breaks_rules(self):
    return Proposal(tuple([int(self.rng.random() * n) for n in self.space.options]), 3)


def no_epoch_on_offer(self):
    return Proposal(self.space.sample(self.rng), 2)


def resumes_itself(self):
    return Proposal(self.space.sample(self.rng), 9, 0)


def global_random(self):
    random.random()
    return Good.fresh(self)


def global_numpy(self):
    np.random.rand()  # noqa: NPY002
    return Good.fresh(self)


COUNTER = random.Random(0)


def own_generator(self):
    return Proposal(self.space.sample(COUNTER), 1)


def by_hash(self):
    by_text = random.Random(hash(f"name {self.rng.random()}"))
    return Proposal(self.space.sample(by_text), 1)


HERE = os.getpid()


def at_home(self):
    if os.getpid() != HERE:
        raise RuntimeError("not at home")
    return Good.fresh(self)


def nothing(self):
    return None


def tell_in_order(self, observation):
    assert observation.trial == getattr(self, "expected", 0), "told in another order"
    self.expected = observation.trial + 1


def finite_only(self, observation):
    int(observation.loss)


def positive_only(self, observation):
    assert observation.loss >= 0


def distinct_only(self, observation):
    self.all = [*getattr(self, "all", []), observation.loss]
    assert len(self.all) < 5 or len(set(self.all)) > 1


def several_fidelities(self):
    return Proposal(self.space.sample(self.rng), self.fidelities[-2])


def no_super(self, space, *, fidelities, seed):
    self.space = space


def forgets(self, space, *, fidelities, seed, depth=3):
    Good.__init__(self, space, fidelities=fidelities, seed=seed)


def no_json(self, space, *, fidelities, seed, depth=None):
    Good.__init__(self, space, fidelities=fidelities, seed=seed)
    self.depth = depth


BROKEN = {
    "proposes lists": ({"fresh": lists}, "no tuple of plain integers"),
    "proposes NumPy integers": ({"fresh": numpy_integers}, "no tuple of plain integers"),
    "proposes plain tuples": ({"fresh": plain_tuples}, "not a Proposal"),
    "proposes illegal tuples": ({"fresh": illegal}, "which is not in Ruled"),
    "breaks the rules of the space": ({"fresh": breaks_rules}, "which is not in Ruled"),
    "invents an epoch": ({"fresh": no_epoch_on_offer}, r"proposes epoch 2, on offer are \(1, 3, 9"),
    "resumes itself": ({"fresh": resumes_itself}, "resumes trial 0 to epoch 9"),
    "draws from random": ({"fresh": global_random}, "draws from a global random generator"),
    "draws from NumPy": ({"fresh": global_numpy}, "draws from a global random generator"),
    "has a generator of its own": ({"fresh": own_generator}, "gives two runs for one seed"),
    "depends on hashes": ({"fresh": by_hash}, "for the same seed in another process"),
    "works in one process": ({"fresh": at_home}, "fails in another process: not at home"),
    "proposes nothing": ({"ask": nothing}, "proposes nothing"),
    "wants answers in order": ({"tell": tell_in_order}, "told in another order"),
    "wants finite losses": ({"tell": finite_only}, "cannot convert float infinity"),
    "wants positive losses": ({"tell": positive_only}, "fails where losses are negative"),
    "wants different losses": ({"tell": distinct_only}, "fails where all losses are equal"),
    "wants two fidelities": ({"fresh": several_fidelities}, "index out of range"),
    "does not call super": ({"__init__": no_super}, "did not call super"),
    "forgets a hyperparameter": ({"__init__": forgets}, "does not keep its hyperparameters"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_algorithm_finds_what_is_broken(name):
    members, message = BROKEN[name]
    broken = type("Broken", (Good,), members)
    with pytest.raises((AssertionError, IndexError, OverflowError), match=message):
        check_algorithm(broken, Toy(Ruled()), n=40)


def test_check_algorithm_finds_hyperparameters_that_are_no_json():
    broken = type("Broken", (Good,), {"__init__": no_json})
    with pytest.raises(AssertionError, match="hyperparameters of Broken are no JSON"):
        check_algorithm(broken, Toy(Ruled()), n=40, changes={"depth": {1, 2}})


def test_separate_schedules_cannot_be_resumed():
    with pytest.raises(AssertionError, match="which cannot be resumed to it"):
        check_algorithm(Good, Schedules(Unequal()), n=40)
