from collections import Counter
from random import Random

import numpy as np
import pytest
from scipy.stats import chi2
from toys import Numbers

import nasbench
from algorithms.random_search import RandomSearch
from nasbench.runs.budget import Budget
from nasbench.spaces.nb201 import NB201


class Ruled(Numbers, options=(2, 4, 6)):
    """39 of 48 tuples are legal; those with the same sum are the same network."""

    def is_legal(self, arch):
        return sum(arch) % 5 != 3

    def canonical(self, arch):
        return min(other for other in self.archs() if sum(other) == sum(arch))


def proposals(space, n, seed=0, **settings):
    search = RandomSearch(space, fidelities=(1,), seed=seed, **settings)
    return [search.ask() for _ in range(n)]


def test_it_is_a_sequence_of_samples_of_its_own_generator():
    rng = Random(5)
    expected = [NB201().sample(rng) for _ in range(50)]
    assert [proposal.arch for proposal in proposals(NB201(), 50, seed=5)] == expected
    assert all(p.epoch is None and p.resumes is None for p in proposals(NB201(), 5))


@pytest.mark.parametrize("seed", [0, 1])
def test_every_legal_tuple_is_as_likely(seed):
    space = Ruled()
    legal = list(space.archs())
    n = 200 * len(legal)
    counts = Counter(proposal.arch for proposal in proposals(space, n, seed))
    assert counts.keys() == set(legal)
    statistic = sum((counts[arch] - 200) ** 2 / 200 for arch in legal)
    assert statistic < chi2.ppf(0.999, len(legal) - 1)


def test_pairs_of_decisions_are_independent():
    archs = np.array([proposal.arch for proposal in proposals(NB201(), 20_000)])
    for i in range(6):
        for j in range(i):
            counts = np.bincount(5 * archs[:, i] + archs[:, j], minlength=25)
            assert ((counts - 800) ** 2 / 800).sum() < chi2.ppf(1 - 1e-4, 24)


def test_without_replacement_every_class_comes_once():
    space = Ruled()
    classes = {space.canonical(arch) for arch in space.archs()}
    search = RandomSearch(space, fidelities=(1,), seed=0, replacement=False)
    drawn = [search.ask() for _ in classes]
    assert {space.canonical(proposal.arch) for proposal in drawn} == classes
    assert search.ask() is None


def test_without_replacement_no_cell_is_trained_twice():
    drawn = proposals(NB201(), 500, replacement=False)
    assert len({NB201().canonical(proposal.arch) for proposal in drawn}) == 500
    assert len({NB201().canonical(proposal.arch) for proposal in proposals(NB201(), 500)}) < 490


def expected_best(losses, shares, n):
    """Mean of the smallest of ``n`` independent draws, from the distribution function."""
    order = np.argsort(losses, kind="stable")
    above = 1 - np.cumsum(shares[order])
    survive = np.append(1.0, np.clip(above, 0, 1)) ** n
    return float(losses[order] @ (survive[:-1] - survive[1:]))


def test_the_exact_formula_on_a_die():
    """The smallest of two dice: 1 in 11 of 36 cases, then 9, 7, 5, 3, 1."""
    losses, shares = np.arange(1.0, 7.0), np.full(6, 1 / 6)
    by_hand = (1 * 11 + 2 * 9 + 3 * 7 + 4 * 5 + 5 * 3 + 6 * 1) / 36
    assert expected_best(losses, shares, 2) == pytest.approx(by_hand)


@pytest.mark.parametrize("replicate", ["mean", "draw"])
def test_the_mean_of_the_best_is_that_of_order_statistics(replicate):
    table = nasbench.load("nb201-cifar10")
    archs = np.array(list(table.space.archs()))
    losses, shares = 100 - table.query_many(archs, "valid_accuracy"), np.full(15_625, 1 / 15_625)
    if replicate == "draw":
        rows = table.table.curves("valid_accuracy", 200)[:, -1].astype(np.float64)
        _, place, n_seeds = np.unique(
            table.table.archs, axis=0, return_inverse=True, return_counts=True
        )
        losses, shares = 100 - rows, 1 / (15_625 * n_seeds[place.ravel()])
    assert shares.sum() == pytest.approx(1)
    runs = nasbench.search(
        "random_search",
        "nb201-cifar10",
        seeds=range(600),
        budget=Budget(trials=64),
        replicate=replicate,
    )
    best = np.minimum.accumulate(np.stack([run.losses[:, 0] for run in runs]), axis=1)
    for n in (1, 4, 16, 64):
        sample = best[:, n - 1]
        error = sample.std(ddof=1) / np.sqrt(len(sample))
        assert abs(sample.mean() - expected_best(losses, shares, n)) < 3.5 * error
