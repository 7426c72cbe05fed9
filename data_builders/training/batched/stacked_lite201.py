"""Many different ``lite201`` networks as one program on stacked weights.

Every model computes what its own :class:`data_builders.networks.lite201.Lite201` would, in training
with its own batch statistics in every BatchNorm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders.networks.skeleton201 import KERNELS
from data_builders.training.batched.convolutions import Convolution, shared_input
from data_builders.training.batched.grid import Grid
from data_builders.training.batched.layers import Layer, Maker, Norm
from data_builders.training.batched.worklists import Edge, edges_of
from nasbench.space import Arch
from nasbench.spaces.nb201 import POOL

Cell = Mapping[tuple[int, int], Layer]
"""Layers of a cell, by edge and option."""
Folded = Mapping[Layer, tuple[Tensor, Tensor]]
"""Kernels and bias of every layer, with the BatchNorm folded in, for evaluation."""


@dataclass(eq=False, frozen=True, slots=True, kw_only=True)
class StackedLite201:
    """The networks of some architectures.

    Attributes:
        archs: The architectures.
        edges: Edges of their cells, with work lists.
        convolution: How to compute convolutions.
        activations: Type of the features; logits have the type of the weights.
        stem: The first layer.
        stages: Cells of every stage.
        reductions: Layers between the stages.
        norm: The last BatchNorm.
        head: Shape ``(models, n_classes, channels)``.
        bias: Shape ``(models, n_classes)``.
    """

    archs: Sequence[Arch]
    edges: Sequence[Edge]
    convolution: Convolution
    activations: torch.dtype
    stem: Layer
    stages: Sequence[Sequence[Cell]]
    reductions: Sequence[Layer]
    norm: Norm
    head: Tensor
    bias: Tensor

    def layers(self) -> list[Layer]:
        """Return all layers."""
        cells = [cell for stage in self.stages for cell in stage]
        return [self.stem, *self.reductions, *(layer for cell in cells for layer in cell.values())]

    def norms(self) -> list[Norm]:
        """Return every BatchNorm, those of the layers included."""
        return [*(layer.norm for layer in self.layers()), self.norm]

    def parameters(self) -> list[Tensor]:
        """Return all trained tensors."""
        kernels = [layer.kernels for layer in self.layers()]
        norms = [tensor for norm in self.norms() for tensor in (norm.scale, norm.shift)]
        return [*kernels, *norms, self.head, self.bias]

    def statistics(self) -> list[Tensor]:
        """Return all running statistics."""
        return [tensor for norm in self.norms() for tensor in (norm.mean, norm.variance)]

    def part(self, first: int, end: int) -> "StackedLite201":
        """Return the networks ``first`` to ``end`` (exclusive), which share their tensors."""
        archs = self.archs[first:end]
        edges = edges_of(archs, self.head.device)
        present = {(edge.number, work.option) for edge in edges for work in edge.lists}
        return StackedLite201(
            archs=archs,
            edges=edges,
            convolution=self.convolution,
            activations=self.activations,
            stem=self.stem.part(first, end),
            stages=[
                [{key: cell[key].part(first, end) for key in cell if key in present} for cell in s]
                for s in self.stages
            ],
            reductions=[layer.part(first, end) for layer in self.reductions],
            norm=self.norm.part(first, end),
            head=self.head[first:end],
            bias=self.bias[first:end],
        )

    def folded(self) -> Folded:
        """Return what :meth:`logits` needs for evaluation; the next step invalidates it."""
        return {layer: layer.folded() for layer in self.layers()}

    def logits(self, images: Tensor, folded: Folded | None = None) -> Tensor:
        """Return the logits of all models.

        Args:
            images: Shape ``(batch, channels, height, width)``, the same for every model.
            folded: Folded layers for evaluation; None in training, where BatchNorm uses and records
                the statistics of the images.

        Returns:
            Shape ``(models, batch, n_classes)``.
        """
        batch, _, height, width = images.shape
        grid = Grid(batch, height, width, self.convolution.channels_last)
        kernels, bias = self._kernels(self.stem, folded)
        images = shared_input(images.to(self.activations), kernels, bias, grid)
        rows = self._normalise(self.stem, images, grid, folded)
        for stage, reduction in zip(self.stages, [*self.reductions, None], strict=True):
            for cell in stage:
                rows = self._apply_cell(cell, rows, grid, folded)
            if reduction is not None:
                pooled = F.avg_pool2d(grid.images(rows), 2)
                grid = grid.halved()
                rows = self._convolve(reduction, grid.rows(pooled, rows.shape[1]), grid, folded)
        x = F.relu(self.norm(grid.images(rows), training=folded is None))
        features = x.mean(dim=(2, 3), dtype=self.head.dtype).view(batch, len(self.archs), -1)
        return torch.baddbmm(self.bias[:, None], features.transpose(0, 1), self.head.mT)

    def state(self, model: int) -> dict[str, Tensor]:
        """Return parameters and running statistics of one model, by name in its own network."""
        state = {"head.weight": self.head[model], "head.bias": self.bias[model]}
        for layer in self.layers():
            if model in layer.norm.models:
                kernel = layer.kernels[layer.norm.models.index(model)]
                state[f"{layer.site}.weight"] = kernel.permute(0, 3, 1, 2)
        for norm in self.norms():
            if model in norm.models:
                i, n = norm.models.index(model), len(norm.models)
                state[f"{norm.site}.weight"] = norm.scale.view(n, -1)[i]
                state[f"{norm.site}.bias"] = norm.shift.view(n, -1)[i]
                state[f"{norm.site}.running_mean"] = norm.mean.view(n, -1)[i]
                state[f"{norm.site}.running_var"] = norm.variance.view(n, -1)[i]
        return {name: value.detach().clone() for name, value in state.items()}

    def _apply_cell(self, cell: Cell, rows: Tensor, grid: Grid, folded: Folded | None) -> Tensor:
        nodes = {0: rows}
        of_list = self.convolution.of_list
        for edge in self.edges:
            source, parts = nodes[edge.source], []
            dealt = edge.split(source, standing_in=KERNELS if of_list else ())
            for work, part in zip(edge.lists, dealt, strict=True):
                if work.option == POOL:
                    x = grid.images(part)
                    x = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
                    parts.append(grid.rows(x, len(work.models)))
                elif work.option in KERNELS:
                    layer = cell[edge.number, work.option]
                    if of_list:
                        kernels = self._kernels(layer, folded)
                        images = of_list(part, source, work.chosen, *kernels, grid)
                        parts.append(self._normalise(layer, images, grid, folded))
                    else:
                        part = F.relu(part, inplace=work.copied)
                        parts.append(self._convolve(layer, part, grid, folded))
                else:
                    parts.append(part)
            y = edge.merge(parts)
            if edge.target in nodes:
                others = nodes[edge.target]
                y = y.add_(others) if edge.copies else y + others
            nodes[edge.target] = y
        return nodes[3]

    def _convolve(self, layer: Layer, rows: Tensor, grid: Grid, folded: Folded | None) -> Tensor:
        kernels, bias = self._kernels(layer, folded)
        images = self.convolution.apply(rows, kernels, bias, grid)
        return self._normalise(layer, images, grid, folded)

    def _kernels(self, layer: Layer, folded: Folded | None) -> tuple[Tensor, Tensor | None]:
        if folded is None:
            return layer.kernels.to(self.activations), None
        kernels, bias = folded[layer]
        return kernels.to(self.activations), bias.to(self.activations)

    def _normalise(self, layer: Layer, images: Tensor, grid: Grid, folded: Folded | None) -> Tensor:
        if folded is None:
            images = layer.norm(images, training=True)
        return grid.rows(images, len(layer.kernels))


def stacked_lite201(
    archs: Sequence[Arch],
    seed: int,
    *,
    channels: int,
    cells: int,
    image_channels: int,
    n_classes: int,
    convolution: Convolution,
    weights: torch.dtype,
    activations: torch.dtype,
    device: torch.device,
) -> StackedLite201:
    """Return untrained networks with their initial values.

    Args:
        archs: Connected architectures of the space ``nb201``; duplicates are allowed. Placing
            similar ones next to each other saves copies.
        seed: Training seed.
        channels: Channels of the first stage.
        cells: Cells per stage.
        image_channels: Channels of an image.
        n_classes: Number of classes.
        convolution: How to compute convolutions.
        weights: Type of weights, statistics and logits.
        activations: Type of the features.
        device: Device of all tensors.
    """
    make, edges = Maker(archs, seed, weights, device), edges_of(archs, device)
    widths = (channels, 2 * channels, 4 * channels)

    def cell(prefix: str, width: int) -> Cell:
        layers = {}
        for edge in edges:
            sites = f"{prefix}.edges.{edge.number}.conv", f"{prefix}.edges.{edge.number}.norm"
            for work in edge.lists:
                if (side := KERNELS.get(work.option)) is not None:
                    layer = make.layer(sites, width, width, side, work.models)
                    layers[edge.number, work.option] = layer
        return layers

    return StackedLite201(
        archs=archs,
        edges=edges,
        convolution=convolution,
        activations=activations,
        stem=make.layer(("stem.0", "stem.1"), channels, image_channels, 3),
        stages=[
            [cell(f"stages.{stage}.{i}", width) for i in range(cells)]
            for stage, width in enumerate(widths)
        ],
        reductions=[
            make.layer((f"reductions.{i}.1", f"reductions.{i}.2"), 2 * width, width, 1)
            for i, width in enumerate(widths[:-1])
        ],
        norm=make.norm("norm", widths[-1]),
        head=make.stack("head.weight", (n_classes, widths[-1])),
        bias=make.stack("head.bias", (n_classes,)),
    )
