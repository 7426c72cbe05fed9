"""Functions of sequences: derivatives, extremes, many models at once."""

import math

import pytest
import torch
from torch.nn import functional as F

from data_builders.networks.sequence_functions import (
    as_one,
    attend,
    convolve,
    in_heads,
    retain,
    rotated,
    rotations,
    scan,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def tensors(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_a_scan_has_right_first_and_second_derivatives():
    kept, new = tensors(2, 3, 5, 2).sigmoid().requires_grad_(), tensors(2, 3, 5, 2).requires_grad_()
    assert torch.autograd.gradcheck(scan, (kept, new))
    assert torch.autograd.gradgradcheck(scan, (kept, new))


def test_a_convolution_has_right_first_and_second_derivatives():
    x, taps = tensors(3, 2, 5, 2).requires_grad_(), tensors(3, 1, 2, 3).requires_grad_()
    for filters in (taps, taps.detach()[0, 0].requires_grad_()):
        assert torch.autograd.gradcheck(convolve, (x, filters))
        assert torch.autograd.gradgradcheck(convolve, (x, filters))


def test_a_scan_is_exact_where_little_and_where_all_is_kept():
    new = torch.ones(1, 200, 3)
    kept = torch.tensor([0.0, 1.0, 1e-30]).expand(1, 200, 3)
    expected = torch.stack([torch.ones(200), torch.arange(1.0, 201.0), torch.ones(200)], dim=1)
    assert torch.equal(scan(kept, new)[0], expected)


def test_a_scan_leaves_its_arguments_alone():
    kept, new = tensors(4, 6).sigmoid(), tensors(4, 6)
    before = kept.clone(), new.clone()
    scan(kept, new)
    assert torch.equal(kept, before[0])
    assert torch.equal(new, before[1])


def test_a_convolution_is_that_of_pytorch():
    x, taps = tensors(2, 9, 5), tensors(5, 3)
    expected = F.conv1d(F.pad(x.mT, (2, 0)), taps[:, None], groups=5).mT
    torch.testing.assert_close(convolve(x, taps), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(convolve(x[:, :1], taps), expected[:, :1], rtol=0, atol=1e-12)


def test_models_convolve_with_their_own_filters():
    x, filters = tensors(3, 2, 7, 5), tensors(3, 1, 5, 4)
    found = convolve(x, filters)
    for model in range(3):
        expected = convolve(x[model], filters[model, 0])
        torch.testing.assert_close(found[model], expected, rtol=0, atol=1e-12)


def test_attention_is_that_of_pytorch():
    q, k, v = tensors(3, 2, 4, 9, 8).unbind(0)
    hidden = torch.ones(9, 9, dtype=torch.bool).triu(1)
    mask = torch.zeros(9, 9, dtype=torch.float64).masked_fill(hidden, -math.inf)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(attend(q, k, v, mask), expected, rtol=0, atol=1e-12)


def test_many_models_attend_and_retain_as_one_does():
    q, k, v = tensors(3, 5, 2, 4, 9, 8).unbind(0)
    weights = torch.rand(4, 9, 9, dtype=torch.float64).tril()
    mask = torch.zeros(9, 9, dtype=torch.float64)
    attended, retained = attend(q, k, v, mask), retain(q, k, v, weights)
    for model in range(5):
        own = q[model], k[model], v[model]
        torch.testing.assert_close(attended[model], attend(*own, mask), rtol=0, atol=1e-12)
        torch.testing.assert_close(retained[model], retain(*own, weights), rtol=0, atol=1e-12)


def test_scores_of_rotated_features_depend_on_distances_alone():
    angles, (q, k) = rotations(20, 8), tensors(2, 1, 8)
    turned_q, turned_k = (rotated(x.expand(20, 8), angles) for x in (q, k))
    scores = turned_q @ turned_k.T
    for distance in range(-19, 20):
        same = scores.diagonal(distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), rtol=0, atol=1e-12)
    assert scores[0].unique().numel() == 20


def test_heads_are_turned_alike_and_lengths_stay():
    angles, x = rotations(7, 4), tensors(2, 7, 12)
    found = rotated(x, angles)
    for head in range(3):
        own = slice(4 * head, 4 * head + 4)
        torch.testing.assert_close(found[..., own], rotated(x[..., own].contiguous(), angles))
    torch.testing.assert_close(found.norm(dim=2), x.norm(dim=2))
    assert torch.equal(found[:, 0], x[:, 0])


def test_heads_and_back():
    x = tensors(2, 3, 7, 12)
    heads = in_heads(x, 4)
    assert heads.shape == (2, 3, 4, 7, 3)
    assert torch.equal(heads[1, 2, 3, 5], x[1, 2, 5, 9:])
    assert torch.equal(as_one(heads), x)


def test_what_is_recorded_for_other_tools_computes_the_same(monkeypatch):
    x, taps, kept, angles = (
        tensors(2, 9, 8), tensors(8, 3), tensors(2, 9, 8).sigmoid(), rotations(9, 4)
    )  # fmt: skip
    calls = ((rotated, x, angles), (convolve, x, taps), (convolve, x[:, :1], taps), (scan, kept, x))
    expected = [function(*given) for function, *given in calls]
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    for wanted, (function, *given) in zip(expected, calls, strict=True):
        torch.testing.assert_close(function(*given), wanted, rtol=0, atol=1e-14)
