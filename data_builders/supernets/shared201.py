"""A NAS-Bench-201 skeleton whose cells hold all operations on every edge.

Operations with the same source work together: one ReLU, one convolution of each kernel with the
outputs of all edges, one BatchNorm, one average pooling. BatchNorms of the cell have no scale and
shift of their own; the gate of the operation is their scale. All BatchNorms use the statistics of
the batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders.networks.skeleton201 import KERNELS, Skeleton201
from data_builders.supernets.shared_network import Mixture
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.spaces.nb201 import CONV1, CONV3, EDGES, NONE, OPERATIONS, POOL, SKIP

ORDER: tuple[int, ...] = (0, 1, 3, 2, 4, 5)
"""Edges by their source."""
OUT = (slice(0, 3), slice(3, 5), slice(5, 6))
"""Which of :data:`ORDER` leave nodes 0, 1 and 2."""


class SharedCell(nn.Module):
    """A cell with every operation on every edge; node 3 is the output.

    Args:
        channels: Channels of the features.
        partial: Operations work on the first of so many equal parts of the channels; the others
            pass by, and all are shuffled (Xu et al., 2020, https://arxiv.org/abs/1907.05737).
    """

    def __init__(self, channels: int, partial: int) -> None:
        super().__init__()
        self.partial = partial
        self.n = n = channels // partial
        self.conv1 = nn.Parameter(torch.empty(len(ORDER) * n, n, 1, 1))
        self.conv3 = nn.Parameter(torch.empty(len(ORDER) * n, n, 3, 3))

    def weight(self, edge: int, option: int) -> Tensor:
        """Return the kernel of a convolution, shape ``(channels, channels, side, side)``."""
        kernels = self.conv1 if option == CONV1 else self.conv3
        return kernels.unflatten(0, (len(ORDER), self.n))[ORDER.index(edge)]  # type: ignore[no-any-return, no-untyped-call]

    def forward(self, x: Tensor, mixture: Mixture) -> Tensor:
        """Return the features of node 3, which have the shape of ``x``."""
        nodes = {0: x}
        for source, places in enumerate(OUT):
            if source in nodes:  # else no option of an edge to it is computed
                leaving = self._leaving(nodes[source], places, mixture)
                for edge, y in leaving.items():
                    target = EDGES[edge][1]
                    nodes[target] = nodes[target] + y if target in nodes else y
        return nodes.get(3, torch.zeros_like(x))

    def _leaving(self, h: Tensor, places: "slice[int, int]", mixture: Mixture) -> dict[int, Tensor]:
        """Return what the edges from a node carry, without those that carry nothing."""
        edges = ORDER[places]
        mixed, passing = h[:, : self.n], h[:, self.n :]
        found = self._convolved(mixed, edges, mixture)
        for option in (SKIP, POOL):
            active = [edge for edge in edges if mixture.active[edge][option]]
            if not active:
                continue
            y, dropped = mixed, mixture.skip_dropout
            if option == POOL:
                y = F.avg_pool2d(mixed, 3, stride=1, padding=1, count_include_pad=False)
                dropped = 0.0
            for edge in active:
                kept, gate = mixture.kept(y, y.shape, dropped), mixture.gates[edge, option]
                plus = torch.addcmul(found[edge], kept, gate) if edge in found else kept * gate
                found[edge] = plus
        whole = (len(h), 1, 1, 1)
        found = {e: mixture.kept(y, whole, mixture.drop_path) for e, y in found.items()}
        if mixture.ghosts is not None:
            ghosts = {edge: mixture.ghosts[edge].expand_as(mixed) for edge in edges}
            found = {edge: found[edge] + y if edge in found else y for edge, y in ghosts.items()}
        if self.partial > 1:
            nothing = torch.zeros_like(mixed)
            parts = {edge: [found.get(edge, nothing), passing] for edge in edges}
            found = {e: _shuffled(torch.cat(y, dim=1), self.partial) for e, y in parts.items()}
        if mixture.edges is not None:
            found = {edge: y * mixture.edges[edge] for edge, y in found.items()}
        return found

    def _convolved(self, x: Tensor, edges: Sequence[int], mixture: Mixture) -> dict[int, Tensor]:
        """Return the sum of the convolutions of every edge that has any, times their gates."""
        rectified: Tensor | None = None
        active, parts, scales = [], [], []
        for option in KERNELS:
            chosen = [edge for edge in edges if mixture.active[edge][option]]
            if chosen:
                rectified = F.relu(x) if rectified is None else rectified
                kernels = self._kernels(option, chosen)
                parts.append(F.conv2d(rectified, kernels, padding=KERNELS[option] // 2))
                scales.append(mixture.gates[chosen, option])
                active += chosen
        if not active:
            return {}
        y = torch.cat(parts, dim=1)
        scale = torch.cat(scales).repeat_interleave(self.n)
        y = F.batch_norm(y, None, None, weight=scale, bias=torch.zeros_like(scale), training=True)
        y = y.view(len(y), len(active), self.n, *y.shape[2:])
        found: dict[int, Tensor] = {}
        for edge, part in zip(active, y.unbind(1), strict=True):
            found[edge] = found[edge] + part if edge in found else part
        return found

    def _kernels(self, option: int, edges: Sequence[int]) -> Tensor:
        """Return the kernels of some edges with the same source, one behind the other."""
        kernels = self.conv1 if option == CONV1 else self.conv3
        places = [ORDER.index(edge) for edge in edges]
        if places == [*range(places[0], places[0] + len(places))]:
            return kernels[places[0] * self.n : (places[-1] + 1) * self.n]
        return torch.cat([self.weight(edge, option) for edge in edges])


def _shuffled(x: Tensor, groups: int) -> Tensor:
    """Return the channels so that neighbours come from different groups."""
    n, channels, *sides = x.shape
    return x.view(n, groups, channels // groups, *sides).transpose(1, 2).flatten(1, 2)


class Shared201(nn.Module):
    """A skeleton with shared cells; see :class:`data_builders.supernets.shared_network`.

    Args:
        skeleton: Class of the stand-alone networks.
        channels: Channels of the first stage.
        cells: Cells per stage.
        image_channels: Channels of an image.
        n_classes: Number of classes.
        partial: See :class:`SharedCell`.

    Raises:
        InvalidArgumentError: ``partial`` does not divide the channels.
    """

    shape = (len(EDGES), len(OPERATIONS))
    has_weights = tuple(option in KERNELS for option in range(len(OPERATIONS)))
    groups = tuple(
        tuple(edge for edge, (_, target) in enumerate(EDGES) if target == node)
        for node in (1, 2, 3)
    )
    nothing = (NONE,)

    def __init__(
        self,
        skeleton: type[Skeleton201],
        *,
        channels: int,
        cells: int,
        image_channels: int,
        n_classes: int,
        partial: int = 1,
    ) -> None:
        super().__init__()
        if partial < 1 or channels % partial:
            raise InvalidArgumentError(
                f"partial = {partial} must divide the {channels} channels of the first stage"
            )
        empty: Arch = (NONE,) * len(EDGES)
        self.skeleton = skeleton(
            empty,
            channels=channels,
            cells=cells,
            image_channels=image_channels,
            n_classes=n_classes,
        )
        widths = (channels, 2 * channels, 4 * channels)
        self.stages = [[SharedCell(width, partial) for _ in range(cells)] for width in widths]
        self.skeleton.stages = nn.ModuleList(nn.ModuleList(stage) for stage in self.stages)

    def forward(self, x: Tensor, mixture: Mixture) -> Tensor:
        """Return the logits of images, shape ``(batch, n_classes)``."""
        skeleton = self.skeleton
        x = skeleton.stem(x)
        for stage, reduce in zip(self.stages, [*skeleton.reductions, nn.Identity()], strict=True):
            for cell in stage:
                x = cell(x, mixture)
            x = reduce(x)
        return skeleton.head(F.relu(skeleton.norm(x)).mean(dim=(2, 3)))  # type: ignore[no-any-return]

    def terms(self, active: Sequence[Sequence[bool]]) -> list[float]:
        """Return 1 for the network, and the number of active operations, as the skeleton does.

        One that works on a part of the channels counts as a whole one: in networks so narrow, it
        takes as long.
        """
        options = (SKIP, CONV1, CONV3, POOL)
        return [1.0, *(float(sum(row[option] for row in active)) for option in options)]
