"""Work lists: which models of a group apply which operation on an edge of their cells.

Models are split by operation and merged again by selection, never by multiplication with masks:
nothing is computed in vain, and no number of one model reaches another.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from nasbench.space import Arch
from nasbench.spaces.nb201 import EDGES, live_edges


@dataclass(frozen=True, slots=True)
class WorkList:
    """The models that apply one operation.

    Attributes:
        option: The operation, as an option of the space.
        models: Numbers of the models, ascending.
        chosen: Index of the models: a slice if they are consecutive, which avoids a copy.
    """

    option: int
    models: tuple[int, ...]
    chosen: slice | Tensor

    @property
    def copied(self) -> bool:
        """Whether :meth:`Edge.split` copies the rows, so that a caller may overwrite them."""
        return not isinstance(self.chosen, slice)


class Edge:
    """One edge of the cells of all models.

    Args:
        number: Number of the edge in the cell.
        lists: Its work lists.
        n_models: Size of the group.
        device: Device of the rows.

    Attributes:
        number: As given.
        source: Node that the edge leaves.
        target: Node that the edge enters.
        lists: As given.
        copies: Whether :meth:`merge` copies, so that a caller may overwrite its result.
    """

    def __init__(
        self, number: int, lists: Sequence[WorkList], n_models: int, device: torch.device
    ) -> None:
        self.number = number
        self.source, self.target = EDGES[number]
        self.lists = tuple(lists)
        self.copies = len(lists[0].models) < n_models
        dealt = [model for work in lists for model in work.models]
        self._missing = len(dealt) < n_models
        place = {model: i for i, model in enumerate(dealt)}
        places = [place.get(model, len(dealt)) for model in range(n_models)]
        sorted_already = places == list(range(n_models))
        self._places = None if sorted_already else torch.tensor(places, device=device)

    def split(self, rows: Tensor, standing_in: Container[int] = ()) -> tuple[Tensor, ...]:
        """Return the rows of the models of every list.

        Args:
            rows: Shape ``(outer, n_models, inner)``.
            standing_in: Options whose rows are never copied: in place of a copy they get a stand-in
                of the same shape, which only carries the gradient.
        """
        if not torch.is_grad_enabled():
            return self._deal(rows, standing_in)
        parts: tuple[Tensor, ...] = _Split.apply(rows, self, standing_in)  # type: ignore[no-untyped-call]
        return parts

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """Merge what :meth:`split` returned; models without a list get zeros."""
        if not torch.is_grad_enabled():
            return self._gather(parts)
        return _Merge.apply(self, *parts)  # type: ignore[no-untyped-call, no-any-return]

    def _deal(self, rows: Tensor, standing_in: Container[int] = ()) -> tuple[Tensor, ...]:
        if not self.copies:
            return (rows,)
        parts = []
        for work in self.lists:
            if not isinstance(work.chosen, Tensor):
                parts.append(rows[:, work.chosen])
            elif work.option in standing_in:
                outer, _, inner = rows.shape
                parts.append(rows.new_zeros(()).expand(outer, len(work.models), inner))
            else:
                parts.append(rows.index_select(1, work.chosen))
        return tuple(parts)

    def _gather(self, parts: Sequence[Tensor]) -> Tensor:
        if not self.copies:
            return parts[0]
        if self._missing:
            outer, _, inner = parts[0].shape
            parts = [*parts, parts[0].new_zeros(outer, 1, inner)]
        rows = torch.cat(list(parts), dim=1)
        return rows if self._places is None else rows.index_select(1, self._places)


class _Split(Function):
    """Splits in the forward pass, merges gradients in the backward pass; _Merge is the inverse."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, edge: Edge, standing_in: Container[int]
    ) -> tuple[Tensor, ...]:
        ctx.edge = edge
        return edge._deal(rows, standing_in)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.edge._gather(gradients), None, None


class _Merge(Function):
    @staticmethod
    def forward(ctx: Any, edge: Edge, *parts: Tensor) -> Tensor:
        ctx.edge = edge
        return edge._gather(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.edge._deal(gradient)


def edges_of(archs: Sequence[Arch], device: torch.device) -> list[Edge]:
    """Return the edges that are live in any cell; edges into a node precede edges out of it."""
    live = [live_edges(arch) for arch in archs]
    edges = []
    for number in range(len(EDGES)):
        models: dict[int, list[int]] = {}
        for model, arch in enumerate(archs):
            if live[model][number]:
                models.setdefault(arch[number], []).append(model)
        if models:
            lists = [_work_list(option, numbers, device) for option, numbers in models.items()]
            edges.append(Edge(number, lists, len(archs), device))
    return edges


def _work_list(option: int, models: Sequence[int], device: torch.device) -> WorkList:
    first, last = models[0], models[-1]
    if last - first == len(models) - 1:
        return WorkList(option, tuple(models), slice(first, last + 1))
    return WorkList(option, tuple(models), torch.tensor(models, device=device))
