"""What sequence models compute between their projections, of one model or of many.

All are functions of tensors with any leading dimensions, and of the tokens so far alone. Where
PyTorch records a network to write it down for other tools (:mod:`data_builders.export`), they use
neither complex numbers nor memory that they change, which formats of networks do not have.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

ROTARY_BASE = 10_000.0


def rotations(length: int, features: int) -> Tensor:
    """Cosine and sine for every position and pair of features.

    Returns:
        Double precision, shape ``(length, features / 2, 2)``.
    """
    pairs = torch.arange(0, features, 2, dtype=torch.float64)
    places = torch.arange(length, dtype=torch.float64)
    angles = torch.outer(places, ROTARY_BASE ** (-pairs / features))
    return torch.stack([angles.cos(), angles.sin()], dim=-1)


def rotated(x: Tensor, angles: Tensor) -> Tensor:
    """Features with the pairs of every head turned by their position's angles.

    Args:
        x: Shape ``(…, length, features)``, heads behind each other.
        angles: Of a head, from :func:`rotations`.

    Returns:
        The same shape.
    """
    if x.dtype == torch.bfloat16:  # there are no complex numbers of two bfloat16
        return rotated(x.float(), angles).to(x.dtype)
    if torch.compiler.is_compiling():
        cos, sin = angles.to(x.dtype)[:, None].unbind(-1)
        a, b = x.view(*x.shape[:-1], -1, angles.shape[-2], 2).unbind(-1)
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-3)
    pairs = torch.view_as_complex(x.view(*x.shape[:-1], -1, angles.shape[-2], 2))
    turns = torch.view_as_complex(angles.to(x.dtype))[:, None].expand(pairs.shape[-3:])
    return torch.view_as_real(pairs * turns.contiguous()).flatten(-3)


def in_heads(x: Tensor, heads: int) -> Tensor:
    """From ``(…, length, features)`` to ``(…, heads, length, features / heads)``."""
    return x.view(*x.shape[:-1], heads, -1).transpose(-3, -2)


def as_one(x: Tensor) -> Tensor:
    """The inverse of :func:`in_heads`."""
    return x.transpose(-3, -2).flatten(-2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Softmax attention.

    Args:
        q: Queries, shape ``(…, length, features)``.
        k: Keys, likewise.
        v: Values, likewise.
        mask: What is added to the scores, shape ``(length, length)``.

    Returns:
        The shape of the values.
    """
    shape = v.shape
    q, k, v = (y.flatten(0, -3) for y in (q, k, v))
    scores = torch.baddbmm(mask, q, k.mT, alpha=q.shape[-1] ** -0.5)
    return torch.bmm(scores.softmax(dim=-1), v).view(shape)


def retain(q: Tensor, k: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    """Retention in its parallel form, which at the lengths of this space is the fastest.

    Args:
        q: Queries, shape ``(…, heads, length, features)``.
        k: Keys, likewise.
        v: Values, with other features.
        decay: Weight of every token (column) for every token, shape ``(heads, length, length)``.

    Returns:
        The shape of the values.
    """
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.mT)
    return torch.matmul(scores * decay, v)


def convolve(x: Tensor, taps: Tensor) -> Tensor:
    """Depthwise causal convolution.

    Args:
        x: Shape ``(…, length, features)``.
        taps: Weights, that of the present token last; shape ``(…, features, n_taps)``, leading
            dimensions as far as ``x`` has several models.

    Returns:
        The shape of ``x``.
    """
    if torch.compiler.is_compiling():
        present, *earlier = taps.unsqueeze(-3).unbind(-1)[::-1]
        padded = F.pad(x, (0, 0, len(earlier), 0))
        terms = (padded[..., -i - x.shape[-2] : -i, :] * w for i, w in enumerate(earlier, 1))
        return sum(terms, start=x * present)
    y: Tensor = _Convolve.apply(x, taps, 1)  # type: ignore[no-untyped-call]
    return y


class _Convolve(Function):
    """A convolution with earlier tokens (step 1), or with later ones (-1), which is its adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, step: int) -> Tensor:
        # Repeated for every token: what is broadcast is multiplied token by token, which is slow.
        by_token = taps.movedim(-1, 0).unsqueeze(-2).expand(-1, *taps.shape[:-2], *x.shape[-2:])
        present, *earlier = by_token.contiguous().unbind(0)[::-1]
        y = x * present
        for i, weight in enumerate(earlier, 1):
            ends = y[..., i:, :], x[..., :-i, :]
            if step < 0:
                ends = y[..., :-i, :], x[..., i:, :]
            ends[0].addcmul_(ends[1], weight[..., i:, :])
        ctx.save_for_backward(x, taps)
        ctx.step = step
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, taps = ctx.saved_tensors
        early, late = (x, gradient) if ctx.step > 0 else (gradient, x)
        length, shape = x.shape[-2], taps.unsqueeze(-3)[..., 0].shape
        products = (
            (late[..., i:, :] * early[..., : length - i, :]).sum_to_size(shape)
            for i in reversed(range(taps.shape[-1]))
        )
        of_taps = torch.stack(list(products), dim=-1).squeeze(-3)
        of_x: Tensor = _Convolve.apply(gradient, taps, -ctx.step)  # type: ignore[no-untyped-call]
        return of_x, of_taps, None


def shifted(x: Tensor, n: int) -> Tensor:
    """Features ``n`` tokens later, or earlier where ``n`` is negative; zeros come in."""
    return F.pad(x, (0, 0, n, -n))


def scan(kept: Tensor, new: Tensor) -> Tensor:
    """``h[t] = kept[t] * h[t - 1] + new[t]`` from ``h[-1] = 0``, without approximation.

    One multiply-add of all sequences and features a token: linear work, and on a CPU several times
    faster than a tree over the tokens, which must copy them at every height.

    Args:
        kept: Shape ``(…, length, features)``.
        new: Likewise.

    Returns:
        The same shape.
    """
    if new.dtype == torch.bfloat16:  # whose rounding would add up from token to token
        return scan(kept.float(), new.float()).to(new.dtype)
    if torch.compiler.is_compiling():
        factors, terms = kept.unbind(-2), new.unbind(-2)
        states = [terms[0]]
        for factor, term in zip(factors[1:], terms[1:], strict=True):
            states.append(factor * states[-1] + term)
        return torch.stack(states, dim=-2)
    h: Tensor = _Scan.apply(kept, new, 1)  # type: ignore[no-untyped-call]
    return h


class _Scan(Function):
    """A scan forwards (step 1) or backwards (-1); its gradient is one in the other direction."""

    @staticmethod
    def forward(ctx: Any, kept: Tensor, new: Tensor, step: int) -> Tensor:
        h = torch.empty_like(new)
        factors, terms, states = (list(x.unbind(-2))[::step] for x in (kept, new, h))
        states[0].copy_(terms[0])
        for t in range(1, len(states)):
            torch.addcmul(terms[t], factors[t], states[t - 1], out=states[t])
        ctx.save_for_backward(kept, h)
        ctx.step = step
        return h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        kept, h = ctx.saved_tensors
        total: Tensor = _Scan.apply(shifted(kept, -ctx.step), gradient, -ctx.step)  # type: ignore[no-untyped-call]
        return total * shifted(h, ctx.step), total, None
