"""Work lists: which models of a group apply which operation on an edge of their cells.

Models are dealt out to operations and put together again by selection, never by multiplying with
masks: nothing is computed in vain, and no number of one model reaches another.
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
        option: The operation, an option of the space.
        models: Their numbers, ascending.
        chosen: The same as an index: a slice if they follow each other, so that nothing is copied.
    """

    option: int
    models: tuple[int, ...]
    chosen: slice | Tensor

    @property
    def copied(self) -> bool:
        """Whether :meth:`Edge.split` copies the rows, so that they may be overwritten."""
        return not isinstance(self.chosen, slice)


class Edge:
    """One edge of the cells of all models.

    Args:
        number: Which edge of the cell.
        lists: Its work lists.
        n_models: Size of the group.
        device: Where the rows are.

    Attributes:
        number: As given.
        source: Node that it leaves.
        target: Node that it enters.
        lists: As given.
        copies: Whether :meth:`merge` copies, so that its result may be overwritten.
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
        """The rows of every list's models.

        Args:
            rows: Shape ``(outer, n_models, inner)``.
            standing_in: Options for which nothing is copied: where it would be, the rows are
                stand-ins of the right shape, for the sake of their gradient.
        """
        if not torch.is_grad_enabled():
            return self._deal(rows, standing_in)
        parts: tuple[Tensor, ...] = _Split.apply(rows, self, standing_in)  # type: ignore[no-untyped-call]
        return parts

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """The inverse of :meth:`split`; models of no list get zeros."""
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
    """Gradients of parts are put together as parts are, and the other way round."""

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
    """The edges that are live in any of the cells, those into a node before those out of it."""
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
