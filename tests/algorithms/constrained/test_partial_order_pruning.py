import random
from math import inf

import numpy as np
import pytest
from toys import Numbers, drive, rugged

import nasbench
from algorithms.constrained.partial_order_pruning import PartialOrderPruning, option_order
from algorithms.models.costs import Costs
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import OPERATIONS


class Sizes(Numbers, options=(4, 3, 3, 2)):
    """Seventy-two architectures; more is larger."""


WEIGHTS = (3.0, 5.0, 1.0, 7.0)


def cost(arch):
    return float(np.dot(WEIGHTS, arch))


def known(arch):
    return (-1.0, cost(arch))


def falling(arch):
    """A loss that no option raises."""
    return 40.0 - arch[0] - 4 * min(arch[1], 1) - 3 * arch[2] * (arch[3] + 1)


def diverging(arch):
    return inf if rugged(arch) < 5 else rugged(arch)


def made(seed=0, space=None, **settings):
    settings = {"known": known, "column": 1} | settings
    return PartialOrderPruning(space or Sizes(), fidelities=(1,), seed=seed, **settings)


def is_below(x, w):
    return all(a <= b for a, b in zip(x, w, strict=True))


def pruned(trained):
    """By definition, over all pairs of trained architectures."""
    finite = [arch for arch in trained if trained[arch] < inf]
    return {
        x
        for x in Sizes().archs()
        for w in finite
        for z in finite
        if is_below(x, w) and trained[z] <= trained[w] and cost(x) >= cost(z)
    }


@pytest.mark.parametrize("loss", [falling, rugged, diverging, lambda arch: 1.0])
def test_what_is_pruned_is_so_by_definition_and_is_never_trained(loss):
    for seed in range(2):
        search, trained = made(seed), {}
        while (proposal := search.ask()) is not None:
            assert proposal.arch not in pruned(trained)
            trained[proposal.arch] = loss(proposal.arch)
            search.tell(Observation(len(trained), proposal, (trained[proposal.arch],), 1.0))
            found = {arch for arch in Sizes().archs() if search.is_pruned(arch)}
            assert found == pruned(trained)
        assert set(Sizes().archs()) == pruned(trained) | set(trained)


@pytest.mark.parametrize("limit", [None, 20.0, 9.0])
def test_under_the_assumption_the_whole_boundary_is_found(limit):
    allowed = [a for a in Sizes().archs() if limit is None or cost(a) <= limit]
    for seed in range(5):
        archs = drive(made(seed, limit=limit), falling, 100)
        assert set(archs) <= set(allowed)
        assert len(archs) < len(allowed)
        for arch in allowed:
            assert any(cost(a) <= cost(arch) and falling(a) <= falling(arch) for a in archs)


def test_late_results_in_any_order_prune_the_same():
    search, rng, trained, running = made(), random.Random(0), {}, []
    while True:
        while len(running) < 8 and (proposal := search.ask()) is not None:
            running.append(proposal)
        if not running:
            break
        proposal = running.pop(int(rng.random() * len(running)))
        trained[proposal.arch] = falling(proposal.arch)
        search.tell(Observation(0, proposal, (trained[proposal.arch],), 1.0))
    assert {arch for arch in Sizes().archs() if search.is_pruned(arch)} == pruned(trained)
    assert set(Sizes().archs()) == pruned(trained) | set(trained)


def test_parameters_order_operations():
    table = nasbench.load("nb201-cifar10", known=("parameters",))
    costs = Costs(lambda arch: table.known_numbers(arch)[0], 0, None)
    order = option_order(table.space, costs, [(0, 1, 2, 3, 4, 0)])
    sizes = [{"nor_conv_1x1": 1, "nor_conv_3x3": 2}.get(name, 0) for name in OPERATIONS]
    smaller = np.less.outer(sizes, sizes)
    assert np.array_equal(order, [smaller | np.eye(5, dtype=bool)] * 6)


def test_options_that_are_never_legal_together_are_not_ordered(recorded):
    space = recorded("plain").space
    costs = Costs(lambda arch: (float(sum(arch)),), 0, None)
    arch = next(iter(space.archs()))
    legal = [{a[i] for a in [arch, *space.neighbors(arch)] if a[:i] == arch[:i]} for i in range(3)]
    order = option_order(space, costs, [arch])
    for decision, options in enumerate(legal):
        for a, b in np.argwhere(order[decision]):
            assert a == b or {int(a), int(b)} <= options


def test_a_result_where_costs_disagree_orders_nothing():
    costs = Costs(lambda arch: (float(arch[0] * (arch[3] - 0.5)),), 0, None)
    order = option_order(Sizes(), costs, [(0, 0, 0, 0), (0, 0, 0, 1)])
    assert np.array_equal(order[0], np.eye(4, dtype=bool))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"references": 0}, "references = 0"), ({"known": None}, "--known parameters")],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)
