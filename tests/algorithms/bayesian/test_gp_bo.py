import numpy as np
import pytest

import nasbench
from algorithms.bayesian.gp_bo import GPBO, KERNELS
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.replay import replay
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.nbmacro import NBMacro

SPACE = NB201()


def made(space=SPACE, **changes):
    return GPBO(space, fidelities=(200,), seed=0, **changes)


def searched(algorithm, loss, n):
    for trial in range(n):
        proposal = algorithm.ask()
        algorithm.tell(Observation(trial, proposal, (loss(proposal.arch),), 1.0))
    return algorithm.examples


def different(arch):
    return float(sum(option != 3 for option in arch))


@pytest.mark.parametrize("kernel", [None, *KERNELS])
def test_every_kernel_finds_the_optimum_of_a_sum_over_decisions(kernel):
    found = searched(made(kernel=kernel, candidates=60, refit=0.2), different, 60)
    random = searched(made(initial=60), different, 60)
    assert found.lowest <= 1.0 < random.lowest
    assert len(set(found.archs)) == 60


def test_the_table_is_searched_better_than_at_random():
    benchmark = nasbench.load("nb201-cifar10")
    lowest = []
    for seed in range(6):
        algorithm = GPBO(benchmark.space, fidelities=(200,), seed=seed, candidates=100)
        budget = nasbench.Budget(trials=80)
        run = replay(algorithm, benchmark, budget=budget, seed=seed, replicate="mean")
        lowest.append(np.min(run.losses))
    assert np.mean(lowest) < 8.75  # random search: 8.99, best of the table: 8.393


@pytest.mark.parametrize(
    ("space", "expected"),
    [(SPACE, "Exponential"), (NB101(), "Exponential"), (FCNet(), "Matern"), (NBMacro(), "Matern")],
    ids=lambda x: getattr(x, "name", x),
)
def test_the_default_compares_paths_where_graphs_have_several(space, expected):
    (kernel,) = made(space)._kernels
    assert type(kernel).__name__ == expected


def test_the_preset_of_naszilla_has_fixed_parameters():
    algorithm = made(**GPBO.presets["naszilla"])
    searched(algorithm, different, 15)
    np.testing.assert_allclose(np.exp(algorithm._process.logs), [2.25, 1e-10, 3.0 / 2**0.5])
    archs = np.array(algorithm.examples.archs)
    distances = (archs[:, None] != archs).sum(axis=2)
    (kernel,) = algorithm._kernels
    found = kernel.gram(
        kernel.compare(*[algorithm.examples.archs] * 2), algorithm._process.logs[2:]
    )
    np.testing.assert_allclose(found, np.exp(-distances / 9))


def test_mutants_of_naszilla_change_each_decision_with_a_probability():
    """On NAS-Bench-201 a quarter of the number of edits, 1 to 19; elsewhere edits play no role."""
    algorithm = made(edits=19, mutation="naszilla")
    changed = [sum(option != 1 for option in algorithm._mutant((1,) * 6)) for _ in range(4000)]
    assert abs(np.mean(np.array(changed) == 6) - (16 + 0.75**6 + 0.5**6 + 0.25**6) / 19) < 0.03
    space = FCNet()  # nine decisions, of two to six options
    algorithm = made(space, edits=19, mutation="naszilla")
    changed = [np.count_nonzero(algorithm._mutant((0,) * 9)) for _ in range(4000)]
    assert abs(np.mean(changed) - 1) < 0.08


def test_candidates_are_mutants_of_the_best_and_random_ones():
    algorithm = made(candidates=40, mutated_share=0.5, parents=2)
    searched(algorithm, different, 12)
    pool = np.array(algorithm.pool(None))
    assert len({tuple(arch) for arch in pool.tolist()}) == 40
    best = np.array(algorithm.examples.best(10))
    distances = (pool[:, None] != best).sum(axis=2).min(axis=1)
    assert (distances[:20] == 1).all()
    assert (distances[20:] > 1).any()
    only_random = made(candidates=40, mutated_share=0.0)
    searched(only_random, different, 12)
    assert len(only_random.pool(None)) == 40


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": "hammin"}, "did you mean 'hamming'"),
        ({"power": 3}, "power = 3 must be 1 or 2"),
        ({"candidates": 0}, "candidates = 0 must be at least 1"),
        ({"edits": 0}, "edits = 0 must be at least 1"),
        ({"mutation": "nasilla"}, "did you mean 'naszilla'"),
        ({"mutated_share": 1.5}, "must be in"),
        ({"length": 0.0}, "length = 0.0 must be in 1e-10"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)


def test_paths_need_a_space_with_graphs():
    with pytest.raises(InvalidArgumentError, match="'fcnet' has no graph form"):
        made(FCNet(), kernel="path")
