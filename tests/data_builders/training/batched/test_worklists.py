"""Dealing models out and putting them together again, against selections one by one."""

import random

import pytest
import torch

from data_builders.training.batched.worklists import edges_of
from nasbench.space import Arch
from nasbench.spaces.nb201 import EDGES, NONE, live_edges

CPU = torch.device("cpu")


def random_archs(n: int, seed: int) -> list[Arch]:
    rng = random.Random(seed)
    return [tuple(rng.randrange(5) for _ in EDGES) for _ in range(n)]


@pytest.mark.parametrize("seed", range(5))
def test_lists_hold_every_live_edge_of_every_model_once(seed: int) -> None:
    archs = random_archs(20, seed)
    edges = edges_of(archs, CPU)
    found = {
        (model, edge.number): work.option
        for edge in edges
        for work in edge.lists
        for model in work.models
    }
    expected = {
        (model, number): arch[number]
        for model, arch in enumerate(archs)
        for number, live in enumerate(live_edges(arch))
        if live
    }
    assert found == expected
    assert sum(len(w.models) for e in edges for w in e.lists) == len(expected)
    assert [(edge.source, edge.target) for edge in edges] == [EDGES[e.number] for e in edges]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_split_selects_and_merge_puts_back(n: int, seed: int) -> None:
    archs = random_archs(n, seed)
    rows = torch.randn(3, n, 2, generator=torch.Generator().manual_seed(seed))
    rows = rows.double().requires_grad_()
    for edge in edges_of(archs, CPU):
        parts = edge.split(rows)
        for work, part in zip(edge.lists, parts, strict=True):
            assert torch.equal(part, rows[:, list(work.models)])
            assert work.copied == (part.untyped_storage().data_ptr() != storage(rows))
        merged = edge.merge(parts)
        dealt = [model for work in edge.lists for model in work.models]
        expected = torch.zeros_like(rows)
        expected[:, dealt] = rows[:, dealt]
        assert torch.equal(merged, expected)
        assert edge.copies == (storage(merged) != storage(rows))
        assert torch.autograd.gradcheck(edge.split, rows)
        inputs = tuple(part.detach().clone().requires_grad_() for part in parts)
        assert torch.autograd.gradcheck(lambda *p, e=edge: e.merge(p), inputs)


def storage(rows: torch.Tensor) -> int:
    return rows.untyped_storage().data_ptr()


def test_models_that_follow_each_other_are_not_copied() -> None:
    archs = [(3, 0, 0, 3, 0, 0), (2, 0, 0, 3, 0, 0), (3, 0, 0, 3, 0, 0), (3, 0, 0, 1, 0, 0)]
    archs = [(first, 0, NONE, last, 3, 0) for first, *_, last in ((a[0], a[3]) for a in archs)]
    first, direct, out_of_1 = edges_of(archs, CPU)
    assert [(w.models, w.copied) for w in first.lists] == [((0, 2, 3), True), ((1,), False)]
    assert [(w.models, w.copied) for w in direct.lists] == [((0, 1, 2), False), ((3,), False)]
    assert [(w.models, w.copied) for w in out_of_1.lists] == [((0, 1, 2, 3), False)]
    assert [edge.copies for edge in (first, direct, out_of_1)] == [True, True, False]
