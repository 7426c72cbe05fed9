"""Every registered algorithm keeps the contract, and ``check_algorithm`` sees who does not."""

import os
import random

import numpy as np
import pytest
from scipy.stats import chisquare
from tiny_supernet import TinySupernets
from toys import Hashed, Layers, OneDecision, OneOption, Square, Unequal, drive

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Algorithm, Proposal, hyperparameters, make
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.runs.setup import registered_regressor
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

SETTINGS = [
    (name, preset)
    for name in ALGORITHMS
    for preset in (None, *getattr(ALGORITHMS.load(name), "presets", ()))
]


SEPARATE = {"fidelities": (3, 9), "schedules": (3, 9)}
RECORDED = RecordedSpace(NB201(), np.arange(0, 15_625, 997))
TABLES = {
    "nb201-cifar10": nasbench.load("nb201-cifar10"),
    "one decision": Hashed(OneDecision()),
    "unequal": Hashed(Unequal(), 2),
    "ruled": Hashed(Layers(), **SEPARATE),
    "recorded": Hashed(RECORDED, 2),
}


# Trials that show what there is to see, where one takes long or the space has 16 architectures
FEW = {
    "transform_rl": 40,
    "reinforce_lstm": 60,
    "ppo_lstm": 60,
    "metaqnn": 60,
    "bohb": 100,
    "gp_bo": 11,
    "nas_bowl": 14,
    "nasbot": 11,
    "esnac": 10,
    "bananas": 30,
    "dngo": 30,
    "weak_nas": 30,
    "neural_predictor": 60,
    "npenas": 30,
    "brp_nas": 60,
    "bonas": 30,
    "tpe": 60,
    "smac": 40,
    "bore": 24,
    "pnas": 40,
    "dpp_net": 40,
    "zero_cost": 60,
    "zero_cost_evolution": 60,
    "warm_start": 60,
    "predictor_search": 16,
    "predictor_ea": 16,
    "mcts_surrogate": 24,
    "nao": 26,
    "peephole": 7,
    "lce_stop": 40,
    "lc_svr": 60,
}
FEW_RECORDED = 60
SCORED = {
    "zero_cost",
    "zero_cost_evolution",
    "warm_start",
    "partial_order_pruning",
    "netadapt",
    "submodular_greedy",
}
"""Algorithms that need numbers known before training."""
SMALL = {"initial": 8, "batch": 4}
# Changes that make models cheap, on top of defaults and presets, or of one preset
CHEAP = {
    "gp_bo": {"initial": 5, "candidates": 6, "parents": 2, "edits": 2, "refit": 1.0},
    "nas_bowl": {"initial": 5, "candidates": 10, "parents": 2},
    "nasbot": {"initial": 5, "mutations": 5, "max_evaluations": 5, "refit": 1.0},
    "esnac": {
        "initial": 4,
        "batch": 6,
        "layers": 1,
        "hidden": 2,
        "steps": 1,
        "candidates": 8,
        "parents": 2,
    },
    "bananas": {"epochs": 1, "layers": 2, "minibatch": 100, "initial": 8, "candidates": 15},
    "dngo": {"epochs": 2, "minibatch": 100, "initial": 8, "candidates": 15},
    "weak_nas": {"epochs": 1, "layers": 1, "width": 4, "initial": 8},
    "neural_predictor": {
        "trials": 40,
        "pool": 2,
        "hidden": 4,
        "head": 3,
        "epochs": 2,
        "learning_rate": 0.1,
    },
    "npenas": {"candidates": 20, "hidden": 4, "epochs": 1},
    "brp_nas": {"training": 30, "iterations": 3, "pool": 50, "hidden": 4, "epochs": 3},
    "bonas": {"candidates": 20, "hidden": 4, "epochs": 1},
    "smac": {"initial": 8, "batch": 4, "trees": 2, "candidates": 20, "starts": 1},
    "bore": {"candidates": 20, "rounds": 3, "batch": 2},
    "pnas": {"first": 8, "beam": 8, "hidden": 4, "embedding": 4, "epochs": 2},
    "dpp_net": {"first": 8, "beam": 8, "hidden": 4, "embedding": 4, "epochs": 2},
    "nao": {
        "initial": 14,
        "batch": 10,
        "parents": 4,
        "hidden": 4,
        "embedding": 4,
        "width": 4,
        "epochs": 2,
    },
    "peephole": {
        "initial": 4,
        "batch": 4,
        "points": 2,
        "embedding": 2,
        "hidden": 2,
        "width": 2,
        "epochs": 1,
        "candidates": 6,
        "parents": 2,
    },
    "lce_stop": {"points": 3},
    "lc_svr": {"initial": 6, "draws": 2, "probability": 0.2},
    "enas": {"updates": 1, "samples": 2, "hidden": 2, "candidates": 3},
    "nao_ws": {
        "epochs": 2,
        "every": 1,
        "population": 6,
        "fresh": 3,
        "parents": 2,
        "hidden": 2,
        "embedding": 2,
        "width": 2,
        "layers": 1,
        "passes": 1,
    },
    "nsas": {"archive": 3, "candidates": 20},
    "zero_cost": {"pool": 40},
    "zero_cost_evolution": {"pool": 40, "population": 10, "sample": 3},
    "warm_start": {"pool": 40, "first": 8, "search_settings": {"population": 10, "sample": 3}},
    "predictor_search": SMALL | {"regressor_settings": {"trees": 3}},
    "predictor_ea": SMALL | {"regressor_settings": {"trees": 3}},
    "mcts_surrogate": SMALL | {"samples": 12},
    **{
        (name, preset): SMALL | {"regressor_settings": settings}
        for name in ("predictor_search", "predictor_ea")
        for preset, settings in {
            "xgb": {"rounds": 3},
            "ngb": {"rounds": 3},
            "mlp": {"layers": 1, "width": 4, "epochs": 2},
            "gin": {"layers": 1, "hidden": 4, "epochs": 2},
            "gaussian_process": {},
        }.items()
    },
}


SHARING = [name for name in ALGORITHMS if ".oneshot." in ALGORITHMS[name]]
"""Methods that train a supernet."""
SHARED = {
    "square": Hashed(Square(), 2, **SEPARATE),
    "one option": Hashed(OneOption()),
}
FEW_SHARED = 12
TOLD = [pair for pair in SETTINGS if pair[0] not in SHARING]
"""Algorithms that learn from losses, with their presets."""


def cheap(name, preset=None):
    return CHEAP.get((name, preset), CHEAP.get(name))


def scored(name):
    return {"known": ("one", "other")} if name in SCORED else {}


def table_for(name, table):
    """The table; with known numbers where the algorithm needs some."""
    if name not in SCORED:
        return TABLES[table]
    if table == "nb201-cifar10":
        return nasbench.load(table, known=("parameters", "latency_gpu_ms"))
    toy = TABLES[table]
    n = len(toy.objectives)
    kept = {"fidelities": toy.fidelities, "schedules": toy.schedules}
    return Hashed(toy.space, n, **kept, **scored(name))


def n_trials(name, space):
    return min(FEW.get(name, 200), FEW_RECORDED if space is RECORDED else 200)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in SHARING])
def test_registered_algorithm_keeps_the_contract(name, table):
    toy = table_for(name, table)
    n, changes = n_trials(name, toy.space), cheap(name)
    check_algorithm(ALGORITHMS.load(name), toy, seed=3, n=n, changes=changes)


TAUGHT_BY_TWO = {
    "neural_predictor": {"trials": 3},
    "brp_nas": {"training": 4, "iterations": 2},
    "pnas": {"first": 2},
    "dpp_net": {"first": 2},
}
"""Models of which ``check_algorithm`` finds no hyperparameter that counts random trials."""


@pytest.mark.parametrize("losses", [(2.0, 1.0, 1.5), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("name", TAUGHT_BY_TWO)
def test_a_model_learns_from_two_results(name, losses):
    algorithm, space = ALGORITHMS.load(name), NB201()
    values = hyperparameters(algorithm, cheap(name) | TAUGHT_BY_TWO[name])
    search = make(algorithm, space, fidelities=(9,), seed=0, hyperparameters=values)
    assert all(arch in space for arch in drive(search, losses))
    assert (search.fallbacks > 0) == (len(set(losses)) == 1)


CONSTRAINTS = {"third": ("parameters<=316346",), "few": ("latency_gpu_ms<=8.45",)}
"""Met by 5,554 and by 19 of the 15,625 cells, of which some have no neighbour."""


@pytest.mark.parametrize("share", CONSTRAINTS)
@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in SHARING])
def test_every_proposal_meets_the_constraints(name, share):
    known = ("macs",) if name in SCORED else ()
    benchmark = nasbench.load("nb201-cifar10", constraints=CONSTRAINTS[share], known=known)
    (run,) = nasbench.search(
        name,
        "nb201-cifar10",
        budget=nasbench.Budget(trials=min(FEW.get(name, 200), FEW_RECORDED)),
        hyperparameters=cheap(name),
        constraints=CONSTRAINTS[share],
        known=known,
    )
    assert len(run) > 0
    assert all(arch in benchmark.space for arch in map(tuple, run.archs.tolist()))


@pytest.mark.parametrize("table", SHARED)
@pytest.mark.parametrize("name", SHARING)
def test_weight_sharing_keeps_the_contract(name, table):
    check_algorithm(
        ALGORITHMS.load(name),
        SHARED[table],
        changes={"epochs": 1} | (cheap(name) or {}),
        n=FEW_SHARED,
        supernets=TinySupernets,
    )


@pytest.mark.parametrize(
    ("name", "preset"), [pair for pair in SETTINGS if pair[1] and pair[0] in SHARING]
)
def test_presets_of_weight_sharing_keep_the_contract(name, preset):
    changes = {"epochs": 1} | (cheap(name, preset) or {})
    check_algorithm(
        ALGORITHMS.load(name),
        SHARED["square"],
        preset=preset,
        changes=changes,
        n=FEW_SHARED,
        supernets=TinySupernets,
    )


# Presets of methods with a model, which take longest, on one space
PRESET_CASES = [
    pytest.param(name, preset, space, id=f"{name}-{preset}-{space.name}-{len(space.decisions)}")
    for name, preset in TOLD
    for space in (Unequal(), RECORDED)
    if preset and (space is RECORDED or name not in CHEAP)
]


@pytest.mark.parametrize(("name", "preset", "space"), PRESET_CASES)
def test_presets_keep_the_contract(name, preset, space):
    n, changes = n_trials(name, space), cheap(name, preset)
    toy = Hashed(space, **scored(name))
    check_algorithm(ALGORITHMS.load(name), toy, preset=preset, n=n, changes=changes)


@pytest.mark.parametrize("name", ["predictor_search", "predictor_ea"])
def test_a_graph_network_refuses_a_space_without_graphs(name):
    with pytest.raises(InvalidArgumentError, match="has no graph form"):
        check_algorithm(ALGORITHMS.load(name), Hashed(Unequal()), preset="gin", n=FEW[name])


def test_hyperparameters_other_than_the_defaults_keep_the_contract():
    space = Hashed(Layers())
    search = ALGORITHMS.load
    check_algorithm(search("random_search"), space, changes={"replacement": False})
    check_algorithm(search("local_search"), space, changes={"full_neighborhood": True})
    check_algorithm(search("local_search"), space, changes={"initial": 1})


def test_check_algorithm_leaves_global_generators_alone():
    before = random.getstate(), str(np.random.get_state(legacy=False))  # noqa: NPY002
    check_algorithm(ALGORITHMS.load("random_search"), Hashed(OneDecision()), n=20)
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
    check_algorithm(Good, Hashed(Unequal()), n=40)
    check_algorithm(Good, Hashed(Unequal()), n=40, changes={"share": 0.9}, seed=5)


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


def moderate_only(self, observation):
    self.total = getattr(self, "total", 0.0) + observation.loss**10


def normal_only(self, observation):
    self.all = {*getattr(self, "all", ()), min(observation.loss, 1e30)}
    if len(self.all) > 5:
        assert 1 / (max(self.all) - min(self.all)) < float("inf")


def distinct_only(self, observation):
    self.all = [*getattr(self, "all", []), observation.loss]
    assert len(self.all) < 5 or len(set(self.all)) > 1


def several_fidelities(self):
    return Proposal(self.space.sample(self.rng), self.fidelities[-2])


def no_super(self, space, *, fidelities, seed):
    self.space = space


def forgets(self, space, *, fidelities, seed, depth=3):
    Good.__init__(self, space, fidelities=fidelities, seed=seed)


def claims_too_much(self, space, *, fidelities, seed, share=0.5):
    Good.__init__(self, space, fidelities=fidelities, seed=seed, share=share)
    self.random_trials = None


def no_json(self, space, *, fidelities, seed, depth=None):
    Good.__init__(self, space, fidelities=fidelities, seed=seed)
    self.depth = depth


BROKEN = {
    "proposes lists": ({"fresh": lists}, "not a tuple of plain integers"),
    "proposes NumPy integers": ({"fresh": numpy_integers}, "not a tuple of plain integers"),
    "proposes plain tuples": ({"fresh": plain_tuples}, "not a Proposal"),
    "proposes illegal tuples": ({"fresh": illegal}, "which is not in Layers"),
    "breaks the rules of the space": ({"fresh": breaks_rules}, "which is not in Layers"),
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
    "wants moderate losses": ({"tell": moderate_only}, "fails where losses are of any size"),
    "wants normal losses": ({"tell": normal_only}, "fails where losses are subnormal"),
    "wants different losses": ({"tell": distinct_only}, "fails where all losses are equal"),
    "wants two fidelities": ({"fresh": several_fidelities}, "index out of range"),
    "does not call super": ({"__init__": no_super}, "did not call super"),
    "calls its trials random": ({"__init__": claims_too_much}, "claims 40 random trials, but"),
    "forgets a hyperparameter": ({"__init__": forgets}, "does not keep its hyperparameters"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_algorithm_finds_what_is_broken(name):
    members, message = BROKEN[name]
    broken = type("Broken", (Good,), members)
    with pytest.raises((AssertionError, IndexError, OverflowError), match=message):
        check_algorithm(broken, Hashed(Layers()), n=40)


def test_check_algorithm_finds_hyperparameters_that_are_not_json():
    broken = type("Broken", (Good,), {"__init__": no_json})
    with pytest.raises(AssertionError, match="hyperparameters of Broken are not JSON"):
        check_algorithm(broken, Hashed(Layers()), n=40, changes={"depth": {1, 2}})


class Modelled(Good):
    """Begins with random architectures; what two results teach, a subclass may not learn."""

    def __init__(self, space, *, fidelities, seed, depth=5, initial=20):
        super().__init__(space, fidelities=fidelities, seed=seed)
        if depth < 3:
            raise InvalidArgumentError(f"depth = {depth} must be at least 3")
        self.depth = depth
        self.initial = self.random_trials = initial
        self.results = []

    def ask(self):
        if len(self.results) < self.initial:
            return Proposal(self.space.sample(self.rng))
        return self.from_two() if len(self.results) == 2 else self.from_more()

    def from_more(self):
        return Proposal(min(self.results)[1])

    from_two = from_more

    def tell(self, observation):
        self.results.append((observation.loss, observation.proposal.arch))


def needs_three(self):
    raise ZeroDivisionError("three results are needed")


@pytest.mark.parametrize(
    ("from_two", "message"),
    [(needs_three, "three results are needed"), (nothing, "it proposes nothing more")],
)
def test_check_algorithm_finds_who_cannot_learn_from_two_results(from_two, message):
    check_algorithm(Modelled, Hashed(Layers()), n=40)
    broken = type("Broken", (Modelled,), {"from_two": from_two})
    with pytest.raises(AssertionError, match=rf"after 2 results.*'initial': 2.*{message}"):
        check_algorithm(broken, Hashed(Layers()), n=40)


def test_separate_schedules_cannot_be_resumed():
    with pytest.raises(AssertionError, match="which cannot be resumed to it"):
        check_algorithm(Good, Hashed(Unequal(), **SEPARATE), n=40)


# What an algorithm says of itself

LEARNS_WITHIN = 40
"""Of so many trials after the random ones, at least one depends on results."""
BLIND = {
    ("reinforce_lstm", "enas"): "its first 1,000 trials teach it nothing but entropy",
    ("reinforce", "nas_benchmarks_fcnet"): "it rejects losses above 0.999, as all are here",
    ("zero_cost", None): "scores alone decide",
    ("zero_cost", "naswot"): "scores alone decide",
    ("lce_stop", None): "two points before the last fidelity are too few to extrapolate",
    ("partial_order_pruning", None): "costs by a hash put options in no order",
}
"""Settings whose proposals depend on no result so far, though they are not random search."""
SEVERAL = ["mdenas", "hill_climb", *(n for n in ALGORITHMS if "multi_fid" in ALGORITHMS[n])]


class Opposite(Hashed):
    """Losses whose order is the opposite, or one of them."""

    def __init__(self, space, n_objectives=1, *, place=None, **options):
        super().__init__(space, n_objectives, **options)
        self.place = place

    def losses(self, arch, epoch, number):
        found = super().losses(arch, epoch, number)
        turned = [100 - x if x < 100 else x for x in found]
        return tuple(turned[i] if self.place in (None, i) else loss for i, loss in enumerate(found))


def proposals(name, preset, benchmark, n, seed=0):
    algorithm = ALGORITHMS.load(name)
    values = hyperparameters(algorithm, cheap(name, preset) or {}, preset)
    known = KnownNumbers(benchmark) if benchmark.known else None
    options = {"fidelities": benchmark.fidelities, "seed": seed, "hyperparameters": values}
    options |= {"known": known, "regressors": registered_regressor}
    made = make(algorithm, benchmark.space, **options)
    run = replay(made, benchmark, budget=nasbench.Budget(trials=n), seed=seed, known=known)
    return made, list(zip(map(tuple, run.archs.tolist()), run.epochs.tolist(), strict=True))


def check_random_trials(name, preset, fidelities):
    space = NB201()
    benchmark = Hashed(space, fidelities=fidelities, **scored(name))
    made, _ = proposals(name, preset, benchmark, 1)
    random_trials = 60 if made.random_trials is None else made.random_trials
    n = random_trials + min(LEARNS_WITHIN, FEW.get(name, LEARNS_WITHIN))
    _, one = proposals(name, preset, benchmark, n)
    _, other = proposals(name, preset, Opposite(space, fidelities=fidelities, **scored(name)), n)
    assert one[:random_trials] == other[:random_trials]
    assert {epoch for _, epoch in one[:random_trials]} <= {fidelities[-1]}
    learns = made.random_trials is not None and name != "random_search"
    learns = learns and (name, preset) not in BLIND
    assert (one != other) == learns


@pytest.mark.parametrize(("name", "preset"), TOLD)
def test_random_trials_depend_on_no_result_and_later_ones_do(name, preset):
    """As many as it says; the preset ``baker`` of ``metaqnn`` says 1,500 and takes a second."""
    check_random_trials(name, preset, (9,))


@pytest.mark.parametrize("name", SEVERAL)
def test_random_trials_of_searches_at_several_fidelities(name):
    check_random_trials(name, None, (1, 3, 9))


@pytest.mark.parametrize(("name", "preset"), [s for s in TOLD if s[0] != "random_search"])
def test_random_trials_are_uniform(name, preset):
    """Frequencies of the options of every decision, as of random search."""
    space, archs = NB201(), []
    benchmark = Hashed(space, fidelities=(9,), **scored(name))
    made, _ = proposals(name, preset, benchmark, 1)
    n = 50 if made.random_trials is None else min(made.random_trials, 50)
    for seed in range(-(-200 // n) if n > 1 else 0):
        archs += [arch for arch, _ in proposals(name, preset, benchmark, n, seed)[1]]
    for column in np.array(archs).T:
        assert chisquare(np.bincount(column, minlength=5)).pvalue > 1e-6


@pytest.mark.parametrize(
    "name", [name for name, preset in TOLD if name != "random_search" and not preset]
)
def test_an_algorithm_is_multi_objective_if_later_losses_count(name):
    space, n = NB201(), min(120, FEW.get(name, 120))
    _, one = proposals(name, None, Hashed(space, 2, **scored(name)), n)
    _, other = proposals(name, None, Opposite(space, 2, place=1, **scored(name)), n)
    assert (one != other) == ALGORITHMS.load(name).multi_objective
